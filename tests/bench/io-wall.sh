#rig: timeout=1500 smp=4 mem=2560 layers=linux,backends
# By the clock, four processors: the same guest's disk by torc-blkd and by xen-blkback, in turns, $RIG_rounds times, and its card by
# torc-netd and by xen-netback, each in a guest of its own, since dom0 has either. All in one machine: whatever keeps its host busy
# does so for both. A figure's name is round, backends, test. The other type of disks is left to xen-blkback.
modprobe brd rd_nr=2 rd_size=65536
modprobe -a tun bridge xen-blkback
[ -b /dev/ram1 ] || bail "no /dev/ram1"
brctl addbr br0
ip addr add 10.9.0.1/24 dev br0
ip link set br0 up
ip link set lo up
torc-blkd --foreground --type qdisk 2> /tmp/blkd.log &
wait_for 60 test -d /run/torc/blkd
mkdir /tmp/more
cp /scenario/iobench /tmp/more/
echo "${RIG_rounds:-3}" > /tmp/more/rounds
more() { (cd /tmp/more && find . | cpio -o -H newc 2> /dev/null) >> /tmp/$1.initrd; }
disk() { echo "\"format=raw,vdev=$1,access=w,backendtype=$2,target=/dev/$3\""; }
guest d "disk=[$(disk xvda torc ram0),$(disk xvdb phy ram1)]" <<'G'
modprobe xen-blkfront
wait_for 60 test -b /dev/xvda -a -b /dev/xvdb || echo GUEST-NODISK
r=0
while [ $r -lt $(cat /rounds) ]; do
	r=$((r + 1))
	/iobench blk /dev/xvda 3 2>&1 | sed "s/^bench /&$r-torc-/"
	/iobench blk /dev/xvdb 3 2>&1 | sed "s/^bench /&$r-kernel-/"
done
echo GUEST-END
G
more d
check "disks: create" tool create /tmp/d.cfg
figures() { tr -d '\r' < "$(log $1)" | grep -a '^bench\|^iobench\|^GUEST-'; }
check "disks: measured" wait_log d GUEST-END 900
figures d
tool destroy d
/scenario/iobench serve &
no_card() { [ -z "$(ls -d /sys/class/net/vif* 2> /dev/null)" ]; }
r=0
while [ $r -lt "${RIG_rounds:-3}" ]; do
	r=$((r + 1))
	for by in torc kernel; do
		case $by in
		torc) torc-netd --foreground 2> /tmp/netd.log & netd=$! ;;
		*) modprobe xen-netback ;;
		esac
		guest n$r$by 'vif=["mac=00:16:3e:00:00:01,bridge=br0"]' <<'G'
modprobe xen-netfront
wait_for 60 test -e /sys/class/net/eth0 || echo GUEST-NONIC
ip addr add 10.9.0.2/24 dev eth0; ip link set eth0 up
wait_for 60 ping -c 1 -W 1 10.9.0.1 > /dev/null && echo GUEST-LINK
/iobench net 10.9.0.1 3 2>&1
echo GUEST-END
G
		more n$r$by
		check "cards, $r, $by: create" tool create /tmp/n$r$by.cfg
		check "cards, $r, $by: measured" wait_log n$r$by GUEST-END 300
		figures n$r$by | sed "s/^bench /&$r-$by-/"
		tool destroy n$r$by
		check "cards, $r, $by: gone" wait_for 60 no_card
		case $by in
		torc) kill $netd; wait $netd ;;
		*) check "cards, $r: xen-netback goes" modprobe -r xen-netback ;;
		esac
		rm -f /tmp/n$r$by.initrd
	done
done
