#rig: timeout=400 layers=linux,backends
# A Linux guest's disk through torc-blkd, killed again and again meanwhile, and through the kernel's
# own backend: what is written is read back, on both sides, and nothing is left when the guest is gone.
modprobe loop
script() {
	cat <<'G'
modprobe xen-blkfront
wait_for 30 test -b /dev/xvda || echo "GUEST-NODISK"
echo "GUEST-SIZE $(cat /sys/block/xvda/size)"
echo "GUEST-READ $(dd if=/dev/xvda bs=1M count=8 2> /dev/null | md5sum | cut -d' ' -f1)"
n=0; bad=0
while [ $n -lt 6 ]; do
	dd if=/dev/urandom of=/tmp/w bs=1M count=2 2> /dev/null
	dd if=/tmp/w of=/dev/xvda bs=64k seek=$((128 + n * 32)) conv=fsync 2> /dev/null || echo "GUEST-IOERR"
	echo 3 > /proc/sys/vm/drop_caches
	b=$(dd if=/dev/xvda bs=64k skip=$((128 + n * 32)) count=32 2> /dev/null | md5sum)
	[ "$(md5sum < /tmp/w)" = "$b" ] || { bad=$((bad + 1)); echo "GUEST-DIFF $n"; }
	n=$((n + 1))
done
echo "GUEST-BAD $bad"
echo "GUEST-LAST $(md5sum < /tmp/w | cut -d' ' -f1)"
G
}
# serve NAME TYPE: one guest with the image, from its creation to its end
serve() {
	local n=$1 type=$2 want
	dd if=/dev/urandom of=/tmp/d.img bs=1M count=24 2> /dev/null
	want=$(dd if=/tmp/d.img bs=1M count=8 2> /dev/null | md5sum | cut -d' ' -f1)
	script | guest $n 'disk=["format=raw,vdev=xvda,access=w,backendtype='$type',target=/tmp/d.img"]'
	check "$n: create" tool create /tmp/$n.cfg
	check "$n: the guest comes to its end" wait_log $n GUEST-LAST 150
	check "$n: it sees the disk's size" logged $n "GUEST-SIZE 49152"
	check "$n: it reads what is there" logged $n "GUEST-READ $want"
	check "$n: it reads back what it wrote" logged $n "GUEST-BAD 0"
	equal "$n: it sees no error" "$(grep -ac 'GUEST-IOERR\|I/O error' "$(log $n)")" 0
	equal "$n: dom0 sees what it wrote last" \
		"$(dd if=/tmp/d.img bs=64k skip=$((128 + 5 * 32)) count=32 2> /dev/null | md5sum | cut -d' ' -f1)" \
		"$(grep -ao 'GUEST-LAST [0-9a-f]*' "$(log $n)" | cut -d' ' -f2)"
	wait_for 30 gone $n || tool destroy $n
	check "$n: the guest is gone" wait_for 20 gone $n
	equal "$n: nothing is left on the store" "$(xenstore-list /local/domain/0/backend/vbd 2> /dev/null; xenstore-list /local/domain/0/backend/qdisk 2> /dev/null)" ""
}
# xl knows no other backend for it than phy
case $TOOLS in torc) ours=torc kind=qdisk ;; *) ours=phy kind=vbd ;; esac
torc-blkd --foreground --type $kind 2> /tmp/blkd.log &
blkd=$!
# every process of a device, not the one that starts them
(
	k=0
	while [ -d /proc/$blkd ]; do
		for p in $(pidof torc-blkd); do [ $p = $blkd ] || { kill -9 $p && k=$((k + 1)); }; done
		echo $k > /tmp/kills
		sleep 2
	done
) &
serve ours $ours
kills=$(cat /tmp/kills)
say "the device's process was killed $kills times"
check "its process was killed while it worked" [ "$kills" -gt 3 ]
no_blkd() { ! pidof torc-blkd > /dev/null; }
kill $blkd
check "torc-blkd ends" wait_for 10 no_blkd
modprobe xen-blkback
serve kernels phy
