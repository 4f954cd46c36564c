# SPDX-License-Identifier: BSD-2-Clause
#
# What dom0's init and the scripts it runs share: waiting, and starting one or the other set of
# tools. busybox sh.

up() { cut -d' ' -f1 /proc/uptime; }
since() { awk -v a="$1" -v b="$(up)" 'BEGIN { printf "%.2f", b - a }'; }

# wait_for SECONDS COMMAND...: poll until the command succeeds
wait_for() {
	local end=$(($(cut -d. -f1 /proc/uptime) + $1))
	shift
	until "$@"; do
		[ "$(cut -d. -f1 /proc/uptime)" -lt $end ] || return 1
		sleep 0.1
	done
}

# The store counts as up when it answers on its socket.
store_up_stock() { xenstore-read / > /dev/null 2>&1 || xenstore-write /tool "" 2> /dev/null; }
store_up_torc() { torc store read / > /dev/null 2>&1 || [ -S /run/xenstored/socket ]; }

# start_store stock|torc
start_store() {
	mkdir -p /run/xenstored
	case $1 in
	stock) xenstored --pid-file /run/xenstored.pid ;;
	torc) torc-stored --pid-file /run/xenstored.pid ;;
	esac
	wait_for 20 store_up_$1 || return 1
	# dom0's own nodes, which both sets of tools expect
	if command -v xen-init-dom0 > /dev/null; then
		xen-init-dom0
	else
		torc init-dom0
	fi
}

# start_console stock|torc
start_console() {
	case $1 in
	stock) xenconsoled --pid-file=/run/xenconsoled.pid --log=guest --log-dir=/var/log/xen/console ;;
	torc) torc-consoled --pid-file /run/torc-consoled.pid ;;
	esac
}
