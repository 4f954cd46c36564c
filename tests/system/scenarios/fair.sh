#rig: timeout=900 icount=2 layers=linux,backends
# Runs under -icount: a disk's process and its guest, which go first for each other, beside two guests that compute all the time, on
# one processor. These get what they get of each other's making: the same, and no less than a fourth each, all four being worth the same.
modprobe brd rd_nr=1 rd_size=65536
torc-blkd --foreground 2> /tmp/blkd.log &
wait_for 60 test -d /run/torc/blkd
for n in a b; do
	guest $n <<'G'
echo GUEST-UP
while :; do :; done
G
	check "$n: create" tool create /tmp/$n.cfg
done
guest c 'disk=["vdev=xvda,access=w,backendtype=torc,target=/dev/ram0"]' <<'G'
modprobe xen-blkfront
wait_for 60 test -b /dev/xvda || echo GUEST-NODISK
i=0
while dd if=/dev/xvda of=/dev/null bs=4k count=1000 iflag=direct 2> /dev/null; do i=$((i + 1)); echo "GUEST-READ $i"; done
G
for n in a b; do check "$n computes" wait_log $n GUEST-UP 300; done
# used NAME: its processor seconds, in hundredths
used() { tool list --json $1 | grep -o '"cpu_seconds": *[0-9.]*' | grep -o '[0-9.]*$' | awk '{ printf "%d", $1 * 100 }'; }
reads() { grep -ac GUEST-READ "$(log c)"; }
# span SECONDS: what each of a, b, c and dom0 used meanwhile, of ten thousand
span() {
	local t0=$(up) a=$(used a) b=$(used b) c=$(used c) d=$(used 0)
	sleep $1
	a=$(($(used a) - a)) b=$(($(used b) - b)) c=$(($(used c 2> /dev/null) - ${c:-0})) d=$(($(used 0) - d))
	echo "$a $b $c $d $t0 $(up)" | awk '{ t = ($6 - $5); printf "%d %d %d %d", $1 * 100 / t, $2 * 100 / t, $3 * 100 / t, $4 * 100 / t }'
}
check "c: create" tool create /tmp/c.cfg
check "c reads its disk" wait_log c "GUEST-READ 2" 600
r=$(reads)
set -- $(span 15)
r=$(($(reads) - r))
say "of 10000: computing $1 and $2, the guest that reads $3, dom0 $4; it read ${r}000 blocks"
check "those that compute get the same" [ $(($1 > $2 ? $1 - $2 : $2 - $1)) -lt 300 ]
check "and no less than a fourth each" [ $1 -gt 2400 -a $2 -gt 2400 ]
check "the one that reads goes on" [ $r -gt 0 ]
