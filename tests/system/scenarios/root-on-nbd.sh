#rig: timeout=400 layers=linux,backends,work mem=3072 dom0_mem=2000
# A Linux guest that boots from a network disk: its initramfs finds the root there and gives way to it. torc-blkd's process is killed
# while it runs, and what it wrote is there at the next boot.
torc-blkd --foreground 2> /tmp/blkd.log &
blkd=$!
mkdir -p /srv
truncate -s 160M /srv/root
nbdkit --foreground --no-fork --unix /run/nbd.sock /usr/bin/nbdkit-file-plugin.so dir=/srv 2> /tmp/nbd.log &
check "the daemon and the disk server are up" wait_for 30 test -d /run/torc/blkd -a -S /run/nbd.sock
# boots NAME: a guest whose script is on stdin, with the network disk
boots() {
	{ echo 'modprobe -a xen-blkfront crc32c_generic ext4; wait_for 60 test -b /dev/xvda || echo GUEST-NODISK'; cat; } |
		guest $1 'disk=["vdev=xvda,access=w,target=nbd+unix:///root?socket=/run/nbd.sock"]'
	cat /guests/work.cpio >> /tmp/$1.initrd
	sed -i 's/^memory=.*/memory=384/' /tmp/$1.cfg
	check "$1: create" tool create /tmp/$1.cfg
	rm -f /tmp/$1.initrd
}
boots maker <<'G'
mkfs.ext4 -q /dev/xvda && mount -t ext4 /dev/xvda /mnt || echo GUEST-NOFS
mkdir /mnt/proc /mnt/sys /mnt/dev /mnt/tmp
for d in bin sbin lib lib64 usr/bin usr/sbin usr/lib; do
	[ -L /$d ] && cp -d /$d /mnt/$d || { [ -d /$d ] && mkdir -p /mnt/$d && cp -a /$d/. /mnt/$d/; }
done
cat > /mnt/sbin-init <<'I'
#!/bin/sh
mount -t proc proc /proc
echo "GUEST-ROOT $(awk '$2 == "/" && $1 != "rootfs" { print $1, $3 }' /proc/mounts) boot $(($(cat /boots 2> /dev/null) + 1))"
[ -e /w.md5 ] && { md5sum -c /w.md5 > /dev/null && echo GUEST-KEPT || echo GUEST-LOST; }
echo $(($(cat /boots 2> /dev/null) + 1)) > /boots
n=0
while [ $n -lt 12 ]; do
	n=$((n + 1))
	dd if=/dev/urandom of=/w bs=64k count=16 conv=fsync 2> /dev/null || echo GUEST-IOERR
	a=$(md5sum < /w)
	echo 3 > /proc/sys/vm/drop_caches
	[ "$(md5sum < /w)" = "$a" ] || echo GUEST-DIFF
	echo "GUEST-ROUND $n"
	sleep 0.5
done
md5sum /w > /w.md5
sync
echo GUEST-END
poweroff -f
I
chmod +x /mnt/sbin-init
umount /mnt && echo GUEST-MADE
G
check "the root is made" wait_log maker GUEST-MADE 120
wait_for 30 gone maker || tool destroy maker
for n in first second; do
	boots $n <<'G'
mount -t ext4 /dev/xvda /mnt && mount -o move /dev /mnt/dev || echo GUEST-NOROOT
umount /proc /sys 2> /dev/null
exec switch_root /mnt /sbin-init
G
	check "$n: its root is the network disk" wait_log $n "GUEST-ROOT /dev/xvda ext4" 90
	k=0
	while [ $k -lt 3 ] && ! logged $n GUEST-END; do
		for p in $(pidof torc-blkd); do [ $p = $blkd ] || { kill -9 $p && k=$((k + 1)); }; done
		sleep 1
	done
	check "$n: its disk's process was killed meanwhile" [ $k -ge 1 ]
	check "$n: comes to its end" wait_log $n GUEST-END 120
	equal "$n: no error was seen" "$(grep -ac 'GUEST-NO\|GUEST-IOERR\|GUEST-DIFF\|GUEST-LOST\|I/O error\|EXT4-fs error' "$(log $n)")" 0
	wait_for 30 gone $n || tool destroy $n
done
check "what the first wrote is there" logged second GUEST-KEPT
check "and that it booted" logged second "GUEST-ROOT .* boot 2"
