#rig: timeout=900 icount=1 layers=linux,backends
# Runs under -icount: a guest measures its disk, which is memory of dom0, and its network card. $RIG_by says whose
# backends serve it: "kernel", dom0's own, or "torc"; $RIG_weight is dom0's, if set. The figures go to the serial port through the guest's log.
modprobe brd rd_nr=1 rd_size=65536
modprobe -a tun bridge
[ -b /dev/ram0 ] || bail "no /dev/ram0"
brctl addbr br0
ip addr add 10.9.0.1/24 dev br0
ip link set br0 up
ip link set lo up
case $RIG_by in
kernel) modprobe -a xen-blkback xen-netback; type=phy ;;
*)
	type=torc
	torc-blkd --foreground 2> /tmp/blkd.log &
	torc-netd --foreground 2> /tmp/netd.log &
	;;
esac
wait_for 20 test -d /run/torc/blkd -o "$type" = phy
guest g 'vif=["mac=00:16:3e:00:00:01,bridge=br0"]' \
	'disk=["format=raw,vdev=xvda,access=w,backendtype='$type',target=/dev/ram0"]' <<'G'
modprobe -a xen-blkfront xen-netfront
wait_for 30 test -b /dev/xvda || echo GUEST-NODISK
wait_for 30 test -e /sys/class/net/eth0 || echo GUEST-NONIC
ip addr add 10.9.0.2/24 dev eth0; ip link set eth0 up
wait_for 30 ping -c 1 -W 1 10.9.0.1 > /dev/null && echo GUEST-LINK
/iobench blk /dev/xvda 2>&1
/iobench net 10.9.0.1 2>&1
echo GUEST-END
G
mkdir /tmp/more
cp /scenario/iobench /tmp/more/
(cd /tmp/more && find . | cpio -o -H newc 2> /dev/null) >> /tmp/g.initrd
/scenario/iobench serve &
check "create" tool create /tmp/g.cfg
[ -z "$RIG_weight" ] || check "dom0's weight" tool sched -w $RIG_weight Domain-0
check "the guest measures all" wait_log g GUEST-END 600
tr -d '\r' < "$(log g)" | grep -a '^bench\|^iobench\|^GUEST-'
[ -s /tmp/blkd.log ] && sed 's/^/#| /' /tmp/blkd.log
[ -s /tmp/netd.log ] && sed 's/^/#| /' /tmp/netd.log
tool destroy g
check "the guest is gone" wait_for 20 gone g
