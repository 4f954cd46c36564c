# SPDX-License-Identifier: BSD-2-Clause
# Runs in the guest that goes to and fro.
modprobe xen-blkfront; modprobe xen-netfront
wait_for 60 test -b /dev/xvda -a -e /sys/class/net/eth0 || echo GUEST-NODEVICE
ip addr add 10.9.0.9/24 dev eth0; ip link set eth0 up
wait_for 60 ping -c 1 -W 1 10.9.0.1 > /dev/null || echo GUEST-WRONG link
# The shell's own commands alone: what it costs is little, and even.
mkfifo /tmp/never
{ i=0; while :; do i=$((i + 1)); echo $i; read -t 0.3 never; done; } <> /tmp/never | nc 10.9.0.1 6000 &
{
	last=
	while :; do
		read now rest < /proc/uptime
		now=${now%.*}${now#*.}
		[ -z "$last" ] || [ $((now - last)) -lt 15 ] || echo "GUEST-STOOD $((now - last))0 ms"
		[ $now -ge ${last:-0} ] || echo "GUEST-WRONG clock '$now' after '$last', $rest"
		last=$now
		read -t 0.05 never
	done <> /tmp/never
} &
head -c $((KIB * 1024)) /dev/urandom > /tmp/w
want=$(md5sum < /tmp/w)
n=0; last=0
while :; do
	n=$((n + 1))
	# one that rests looks at what it has only at times
	while [ -n "$RESTS" -a $((n % 40)) != 0 ]; do
		echo "GUEST-COUNT $n"
		read -t 1 never <> /tmp/never
		n=$((n + 1))
	done
	now=$(cut -d' ' -f1 /proc/uptime | tr -d .)
	[ "$now" -ge "$last" ] || echo "GUEST-WRONG clock '$now' after '$last'"
	last=$now
	cp /tmp/w /tmp/v; [ "$(md5sum < /tmp/v)" = "$want" ] || echo "GUEST-WRONG memory"
	printf '%08d' $n | dd of=/dev/xvda bs=8 seek=$((n % 1000)) conv=notrunc,fsync 2> /dev/null || echo "GUEST-WRONG write"
	[ $((n % 4)) != 0 ] || echo 1 > /proc/sys/vm/drop_caches
	[ "$(dd if=/dev/xvda bs=8 skip=$((n % 1000)) count=1 2> /dev/null)" = "$(printf '%08d' $n)" ] || echo "GUEST-WRONG disk"
	echo "GUEST-COUNT $n"
	sleep 0.3
done
