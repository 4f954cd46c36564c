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

# Without the socket, the client would go through the kernel, which waits for the daemon for ever
store_up() { [ -S /run/xenstored/socket ] && xenstore-write /tool "" 2> /dev/null; }

# start_store stock|torc: the daemon, and dom0's own nodes
start_store() {
	mkdir -p /run/xenstored
	case $1 in
	stock) xenstored --pid-file /run/xenstored.pid ;;
	torc) torc-stored --pid-file /run/xenstored.pid ;;
	esac
	wait_for 20 store_up || return 1
	if [ "$TOOLS" = stock ]; then
		xen-init-dom0 > /dev/null
	else
		xenstore-write /local/domain/0/domid 0 /local/domain/0/name Domain-0
	fi
}

# start_console stock|torc
start_console() {
	case $1 in
	stock) xenconsoled --pid-file=/run/xenconsoled.pid --log=guest --log-dir=/var/log/xen/console ;;
	torc) torc-consoled --pid-file /run/torc-consoled.pid ;;
	esac
}
