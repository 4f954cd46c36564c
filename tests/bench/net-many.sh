#rig: timeout=1500 mem=2560 icount=1 layers=linux,small,backends
# Runs under -icount: what one guest's network card costs when other guests' cards are on the same bridge, what these cost dom0
# while idle, and what packets between dom0 and each of them cost. $RIG_by as in io.sh, $RIG_counts: of the others. The guest
# that measures waits for a word by TCP.
modprobe -a tun bridge
brctl addbr br0
ip addr add 10.9.0.1/24 dev br0
ip link set br0 up
ip link set lo up
case $RIG_by in
kernel) modprobe xen-netback; up=/sys/bus/xen-backend/drivers/vif ;;
*)
	up=/run/torc/netd
	torc-netd --foreground 2> /tmp/netd.log &
	;;
esac
check "the backend is there" wait_for 20 test -d $up
counts=$(echo "${RIG_counts:-1/8/32}" | tr / ' ')
guest g 'vif=["mac=00:16:3e:00:00:01,bridge=br0"]' <<G
modprobe xen-netfront
wait_for 30 test -e /sys/class/net/eth0 || echo GUEST-NONIC
ip addr add 10.9.0.2/24 dev eth0; ip link set eth0 up
wait_for 30 ping -c 1 -W 1 10.9.0.1 > /dev/null && echo GUEST-LINK
for n in $counts; do
	recv -l -p 5005 > /tmp/word
	[ "\$(cat /tmp/word)" = "\$n" ] || echo "GUEST-WORD \$(cat /tmp/word)"
	/iobench net 10.9.0.1 2>&1 | sed "s/^bench /&\$n-/"
	echo "GUEST-DID \$n"
done
G
mkdir /tmp/more
cp /scenario/iobench /tmp/more/
(cd /tmp/more && find . | cpio -o -H newc 2> /dev/null) >> /tmp/g.initrd
/scenario/iobench serve &
check "create" tool create /tmp/g.cfg
check "the guest is up" wait_log g GUEST-LINK 60
. /scenario/many.sh
tell() { echo $1 | nc 10.9.0.2 5005; }
i=0 all=
for n in $counts; do
	while [ $i -lt $n ]; do
		i=$((i + 1))
		ip=10.9.0.$((i + 10)) all="$all 10.9.0.$((i + 10))"
		small_guest i$i /guests/reference64.elf memory=16 "extra=\"ip=$ip\"" 'vif=["bridge=br0"]'
		tool create -q /tmp/i$i.cfg && wait_for 30 ping -c 1 -W 1 $ip > /dev/null || not_ok "guest $i" "it does not answer"
	done
	echo "bench $n-idle $(idle_cost)"
	for ip in $all; do ping -c 1 -W 1 $ip > /dev/null; done	# whom the bridge forgot it learns again
	check "packets to and fro between dom0 and $n" /scenario/iobench spread $n $all
	cat /tmp/check.out
	check "the guest is told" wait_for 20 tell $n
	check "measured with $n" wait_log g "GUEST-DID $n" 300
done
tr -d '\r' < "$(log g)" | grep -a '^bench\|^iobench\|^GUEST-'
[ -s /tmp/netd.log ] && sed 's/^/#| /' /tmp/netd.log
