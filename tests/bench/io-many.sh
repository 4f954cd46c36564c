#rig: timeout=1500 mem=2560 icount=1 layers=linux,small,backends
# Runs under -icount: what one guest's disk costs when other guests have disks, too, which are connected and idle, and what these
# cost dom0 meanwhile. $RIG_by as in io.sh, $RIG_counts: of guests in all. The guest that measures waits for a word on its disk,
# behind what iobench overwrites.
modprobe brd rd_nr=2 rd_size=65536
[ -b /dev/ram1 ] || bail "no /dev/ram1"
WORD=15000	# block of 4 KiB
case $RIG_by in
kernel) modprobe xen-blkback; type=phy ;;
*)
	type=torc
	torc-blkd --foreground 2> /tmp/blkd.log &
	;;
esac
wait_for 20 test -d /run/torc/blkd -o "$type" = phy
disk() { echo "disk=[\"vdev=xvda,access=$1,backendtype=$type,target=/dev/ram$2\"]"; }
guest g "$(disk w 0)" <<G
modprobe xen-blkfront
wait_for 30 test -b /dev/xvda || echo GUEST-NODISK
echo GUEST-UP
for n in $(echo "${RIG_counts:-1/8/32}" | tr / ' '); do
	while [ "\$(dd if=/dev/xvda bs=4k skip=$WORD count=1 iflag=direct 2> /dev/null | head -n 1)" != "\$n" ]; do sleep 1; done
	/iobench blk /dev/xvda 2>&1 | sed "s/^bench /&\$n-/"
	echo "GUEST-DID \$n"
done
G
mkdir /tmp/more
cp /scenario/iobench /tmp/more/
(cd /tmp/more && find . | cpio -o -H newc 2> /dev/null) >> /tmp/g.initrd
check "create" tool create /tmp/g.cfg
check "the guest is up" wait_log g GUEST-UP 60
. /scenario/many.sh
i=1
for n in $(echo "${RIG_counts:-1/8/32}" | tr / ' '); do
	while [ $i -lt $n ]; do
		i=$((i + 1))
		small_guest i$i /guests/reference64.elf memory=16 'extra="disk"' "$(disk r 1)"
		tool create -q /tmp/i$i.cfg && wait_log i$i "disk: open" 30 || not_ok "guest $i" "it has no disk"
	done
	echo "bench $n-idle $(idle_cost)"
	{ echo $n; head -c 4000 /dev/zero; } | dd of=/dev/ram0 bs=4k seek=$WORD count=1 conv=notrunc,fsync,sync oflag=direct 2> /dev/null
	check "measured with $n" wait_log g "GUEST-DID $n" 120
done
tr -d '\r' < "$(log g)" | grep -a '^bench\|^iobench\|^GUEST-'
[ -s /tmp/blkd.log ] && sed 's/^/#| /' /tmp/blkd.log
