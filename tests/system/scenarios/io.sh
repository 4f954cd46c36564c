#rig: timeout=420 mem=2304 layers=linux,grub,small,backends
# Our backends, each frontend: Linux, the reference guest and GRUB, 64 and 32 bits wide, with disks that are files and
# network disks. The devices' processes are killed under load, and devices come and go meanwhile. $RIG_kills: how often each
# is killed at least, $RIG_every: each so many seconds; $RIG_plugs: how often a disk and a card more come and go; $RIG_widths: of
# which guests ("64" where the hypervisor takes no others).
KILLS=${RIG_kills:-5}
widths=${RIG_widths:-64 32}
modprobe -a tun bridge llc stp
ip link add br0 type bridge && ip addr add 10.9.0.1/24 dev br0 && ip link set br0 up
ip link set lo up
torc-blkd --foreground 2> /tmp/blkd.log &
blkd=$!
torc-netd --foreground 2> /tmp/netd.log &
netd=$!
mkdir -p /srv/nbd /tmp/tar/boot/grub
nbdkit --foreground --no-fork --unix /run/nbd.sock /usr/bin/nbdkit-file-plugin.so dir=/srv/nbd 2> /tmp/nbd.log &
check "the daemons and the disk server are up" wait_for 30 test -d /run/torc/blkd -a -d /run/torc/netd -a -S /run/nbd.sock
small_guest gone /guests/reference64.elf 'disk=["vdev=xvda,target=nbd+unix:///x?socket=/run/nobody.sock"]'
refuses "a disk whose server is not there: torc-blkd's own reason is told" 'it says.*No such file or directory' tool create /tmp/gone.cfg

# --- GRUB, one from a file, one from a network disk: a tar archive is a file system to it
echo 'source /boot/more.cfg' > /tmp/tar/boot/grub/grub.cfg
{ head -c 200000 /dev/zero | tr '\0' '#'; printf '\necho read-by-$grub_cpu-$grub_platform\n'; } > /tmp/tar/boot/more.cfg
(cd /tmp/tar && tar cf /srv/grub.img boot)
truncate -s 2M /srv/grub.img
cp /srv/grub.img /srv/nbd/grub
small_guest g64 /guests/grub-x86_64-xen.bin "disk=[\"vdev=xvda,target=nbd+unix:///grub?socket=/run/nbd.sock\"]"
small_guest g32 /guests/grub-i386-xen.bin 'disk=["vdev=xvda,access=r,target=/srv/grub.img"]'
for w in $widths; do check "GRUB, $w bits: create" tool create /tmp/g$w.cfg; done

# --- the reference guest: its disk, and answers on the network
for w in $widths; do
	dd if=/dev/zero of=/srv/r$w.img bs=1M count=2 2> /dev/null
	small_guest r$w /guests/reference$w.elf 'extra="test"' "disk=[\"vdev=xvda,target=/srv/r$w.img\"]"
	net="10.9.0.$w bridge=br0"
	[ $w = 64 ] || net="10.8.0.$w script=vif-route,guard=1,ip=10.8.0.$w"	# on no bridge, and guarded
	small_guest e$w /guests/reference$w.elf "extra=\"ip=${net% *}\"" "vif=[\"mac=00:16:3e:00:00:$w,${net#* }\"]"
	check "PV$w: create" tool create /tmp/r$w.cfg
	check "PV$w with a card: create" tool create /tmp/e$w.cfg
done
for w in $widths; do
	case $w in 64) d="its network disk" ;; 32) d="its disk" ;; esac
	check "GRUB, $w bits, reads $d" wait_log g$w "read-by-[a-z0-9_]*-xen" 60
	check "PV$w comes to its end" wait_log r$w "# [0-9]* passed" 60 || { show_log r$w; tool vcpu-list r$w; tool why r$w; tail -n 20 /tmp/blkd.log; }
	check "PV$w reads back what it wrote" logged r$w "ok.*disk: they are read back"
	check "PV$w: nothing failed" logged r$w "# [1-9][0-9]* passed, 0 failed"
	ip=10.9.0.$w
	[ $w = 64 ] || ip=10.8.0.$w
	check "PV$w answers ping" wait_for 30 ping -c 1 -W 1 $ip
	check "PV$w echoes UDP" /scenario/probe echo $ip
done
staged() { [ "$(grep -l '"staged":64' /run/torc/netd/*.stats 2> /dev/null | wc -l)" = $(echo $widths | wc -w) ]; }
check "they left their buffers to the backend for good" wait_for 20 staged
vif=$(ls -d /sys/class/net/vif* | head -n 1 | sed 's/.*vif//')
carrier() { [ "$(xenstore-read /local/domain/0/backend/vif/${vif%.*}/${vif#*.}/carrier)" = $1 ]; }
ip link set vif$vif down
check "a card's interface goes down and the guest is told" wait_for 20 carrier 0
ip link set vif$vif up
check "and up" wait_for 20 carrier 1
for w in $widths; do tool destroy g$w; tool destroy e$w; done

# --- Linux, two disks and a card, until it reads the word; a third disk and a second card are used while they are there
ip addr add 10.9.1.1/24 dev br0
for d in /srv/a.img /srv/nbd/b /srv/c.img; do dd if=/dev/zero of=$d bs=1M count=12 2> /dev/null; done
head -c 3000000 /dev/urandom > /tmp/down
# Linux's network frontend loses its 256 buffers, 1 MiB, with each card that goes
MEMORY=$((128 + 2 * ${RIG_plugs:-1})) guest lin 'vif=["mac=00:16:3e:00:00:01,bridge=br0"]' \
	'disk=["vdev=xvda,target=/srv/a.img","vdev=xvdb,target=nbd+unix:///b?socket=/run/nbd.sock"]' <<'G'
modprobe xen-blkfront; modprobe xen-netfront
wait_for 60 test -b /dev/xvda -a -b /dev/xvdb -a -e /sys/class/net/eth0 || echo GUEST-NODEVICE
ip addr add 10.9.0.2/24 dev eth0; ip link set eth0 up
wait_for 60 ping -c 1 -W 1 10.9.0.1 > /dev/null && echo GUEST-LINK
head -c 2097152 /dev/urandom > /tmp/w
{
	k=0
	while :; do
		k=$((k + 1))
		while [ ! -b /dev/xvdc ]; do sleep 0.2; done
		dd if=/tmp/w of=/dev/xvdc bs=64k conv=fsync 2> /dev/null || echo "GUEST-IOERR xvdc"
		echo 3 > /proc/sys/vm/drop_caches
		dd if=/dev/xvdc bs=64k count=32 2> /dev/null | cmp -s - /tmp/w || echo "GUEST-DIFF xvdc $k"
		echo "GUEST-USED disk $k"
		while [ -b /dev/xvdc ]; do sleep 0.2; done
	done
} &
{
	k=0
	while :; do
		k=$((k + 1))
		while [ ! -e /sys/class/net/eth1 ]; do sleep 0.2; done
		ip addr add 10.9.1.2/24 dev eth1; ip link set eth1 up
		wait_for 60 ping -c 3 -s 1400 -W 1 10.9.1.1 > /dev/null && echo "GUEST-USED card $k"
		while [ -e /sys/class/net/eth1 ]; do sleep 0.2; done
	done
} &
n=0
while [ "$(dd if=/dev/xvda bs=4 count=1 2> /dev/null)" != STOP ]; do
	for d in xvda xvdb; do
		{ tail -c +$((n * 4096 + 1)) /tmp/w; head -c $((n * 4096)) /tmp/w; } > /tmp/v
		dd if=/tmp/v of=/dev/$d bs=64k seek=$((16 + n % 4 * 32)) conv=fsync 2> /dev/null || echo "GUEST-IOERR $d"
		echo 3 > /proc/sys/vm/drop_caches
		b=$(dd if=/dev/$d bs=64k skip=$((16 + n % 4 * 32)) count=32 2> /dev/null | md5sum)
		[ "$(md5sum < /tmp/v)" = "$b" ] || echo "GUEST-DIFF $d $n"
	done
	n=$((n + 1))
	echo "GUEST-ROUND $n"
	[ $n != 1 ] || { recv 10.9.0.1 5001 | md5sum | cut -d' ' -f1 | sed 's/^/GUEST-RX /' > /dev/console; } &
done
nc 10.9.0.1 5002 < /tmp/v
echo "GUEST-LAST $(md5sum < /tmp/v | cut -d' ' -f1) $n"
for d in xvdc; do [ -e /sys/block/$d ] && echo "GUEST-STILL $d"; done
[ -e /sys/class/net/eth1 ] && echo "GUEST-STILL eth1"
echo GUEST-END
G
nc -l -p 5001 < /tmp/down > /dev/null &
recv -l -p 5002 > /tmp/up &
check "Linux: create" tool create /tmp/lin.cfg
check "Linux: the link is up" wait_log lin GUEST-LINK 150
# of the processes of devices, those that are not confined
at_large() {
	for p in $(pidof torc-blkd torc-netd); do
		[ $p = $blkd ] || [ $p = $netd ] || { grep -q '^Seccomp:.*2$' /proc/$p/status && grep -q '^CapEff:.*0000000000000000$' /proc/$p/status; } || echo $p
	done
}
confined() { [ -z "$(at_large)" ]; }
check "their processes are confined" wait_for 10 confined
# every process of a device, not the one that starts them
killer() { # DAEMON-PID NAME
	local k=0 p
	while [ $k -lt $KILLS ]; do
		for p in $(pidof $2); do [ $p = $1 ] || { kill -9 $p && k=$((k + 1)); }; done
		echo $k > /tmp/kills.$2
		sleep ${RIG_every:-2}
	done
}
rounds() { grep -ac GUEST-ROUND "$(log lin)"; }
rounds_past() { [ "$(rounds)" -ge $1 ]; }
check "Linux: its disks are written and read" wait_for 120 rounds_past 1
killer $blkd torc-blkd &
killer $netd torc-netd &
killed() { [ "$(cat /tmp/kills.torc-blkd)" -ge $KILLS ] && [ "$(cat /tmp/kills.torc-netd)" -ge $KILLS ]; }
check "each kind was killed $KILLS times" wait_for $((60 + KILLS * 4)) killed
say "killed: $(cat /tmp/kills.torc-blkd) processes of disks, $(cat /tmp/kills.torc-netd) of cards"
check "Linux goes on" wait_for 120 rounds_past $(($(rounds) + 2))
counted() { tool block-list --json lin | grep -q '"bytes_per_second":[1-9]'; }
i=0
while [ $i -lt ${RIG_plugs:-1} ]; do
	i=$((i + 1)) at=$(rounds)
	check "a disk more, $i" tool block-attach lin vdev=xvdc,target=/srv/c.img
	check "a card more, $i" tool network-attach lin mac=00:16:3e:00:00:02,bridge=br0
	check "the disk is written and read back, $i" wait_log lin "GUEST-USED disk $i" 60
	check "the card is used, $i" wait_log lin "GUEST-USED card $i" 60
	check "the disks are listed, $i" [ "$(tool block-list lin | awk 'NR > 1' | wc -l)" = 3 ]
	check "the cards are listed, $i" [ "$(tool network-list lin | awk 'NR > 1' | wc -l)" = 2 ]
	[ $i = 1 ] && tool block-list lin | sed 's/^/#| /'
	[ $i = 1 ] && tool network-list lin | sed 's/^/#| /'
	check "the disk goes, $i" tool block-detach lin xvdc
	check "the card goes, $i" tool network-detach lin 1
	check "the other disks are at work meanwhile, $i" wait_for 60 rounds_past $((at + 1))
done
check "block-list tells the throughput" wait_for 30 counted
check "Linux: TCP arrives as it was sent" wait_log lin "GUEST-RX $(md5sum < /tmp/down | cut -d' ' -f1)" 120
printf STOP | dd of=/srv/a.img conv=notrunc 2> /dev/null
check "Linux comes to its end" wait_log lin GUEST-END 120
equal "Linux saw no error" "$(grep -ac 'GUEST-IOERR\|GUEST-DIFF\|GUEST-NODEVICE\|GUEST-STILL\|I/O error' "$(log lin)")" 0
last() { grep -ao 'GUEST-LAST [0-9a-f]* [0-9]*' "$(log lin)" | cut -d' ' -f$1; }
at=$((16 + ($(last 3) - 1) % 4 * 32))
for d in /srv/a.img /srv/nbd/b; do
	equal "dom0 finds in $d what was written last" "$(dd if=$d bs=64k skip=$at count=32 2> /dev/null | md5sum | cut -d' ' -f1)" "$(last 2)"
done
same_up() { [ "$(md5sum < /tmp/up | cut -d' ' -f1)" = "$(last 2)" ]; }
check "what the guest sent arrives" wait_for 20 same_up
wait_for 30 gone lin || tool destroy lin
check "Linux is gone" wait_for 20 gone lin
nothing() { [ -z "$(xenstore-list /local/domain/0/backend/qdisk 2> /dev/null)$(xenstore-list /local/domain/0/backend/vif 2> /dev/null)$(ls -d /sys/class/net/vif* 2> /dev/null)" ]; }
check "nothing is left of the devices" wait_for 20 nothing
no_files() { ! ls /run/torc/blkd /run/torc/netd | grep 'state\|stats'; }
check "nor of their files" wait_for 20 no_files
kill $blkd $netd
over() { ! pidof torc-blkd torc-netd > /dev/null; }
check "the daemons end" wait_for 10 over
[ $TAP_N -gt 0 ] && { tail -5 /tmp/blkd.log; tail -5 /tmp/netd.log; cat /tmp/nbd.log; } | sed 's/^/#| /'
