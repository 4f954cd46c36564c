#rig: timeout=2400 layers=linux32,backends smp=2 mem=2560
# Linux 6.1 as a 32-bit guest in ring 1 ("make guest-linux32"): one, two and four vcpus under load, its disk and its network card
# through our backends, with checksums on both sides, ballooning, save and restore, and a clean end. $RIG_vcpus: which of them.
KERNEL=/guests/linux32.elf INITRD=/guests/linux32.cpio LOGLEVEL=7
modprobe -a loop bridge tun
brctl addbr br0
ip addr add 10.9.0.1/24 dev br0
ip link set br0 up
ip link set lo up
torc-blkd --foreground 2> /tmp/blkd.log &
torc-netd --foreground 2> /tmp/netd.log &
dd if=/dev/urandom of=/tmp/down bs=1M count=6 2> /dev/null
down=$(md5sum < /tmp/down | cut -d' ' -f1)

# work VCPUS: a guest with a disk and a card
work() {
	local n=l$1 head
	dd if=/dev/urandom of=/tmp/d.img bs=1M count=64 2> /dev/null
	head=$(dd if=/tmp/d.img bs=1M count=8 2> /dev/null | md5sum | cut -d' ' -f1)
	guest $n 'disk=["vdev=xvda,target=/tmp/d.img"]' \
		'vif=["mac=00:16:3e:00:00:01,bridge=br0"]' <<'G'
echo "GUEST-CPUS $(nproc)"
dmesg | grep "kernel in ring"
# processes: fork, exec, pipes, page faults, shared and copied pages, on all processors at once
spin() {
	local i=0
	while [ $i -lt 60 ]; do
		i=$((i + 1))
		[ "$(seq 1 2000 | sort -nr | head -1 | cat)" = 2000 ] || echo "GUEST-WRONG sort"
		( : ) || echo "GUEST-WRONG fork"
	done
}
for c in 1 2 3 4; do spin & done
wait
echo "GUEST-FORKS done"
a=$(dd if=/dev/zero bs=1M count=48 2> /dev/null | md5sum)
dd if=/dev/zero of=/tmp/z bs=1M count=48 2> /dev/null
[ "$(md5sum < /tmp/z)" = "$a" ] || echo "GUEST-WRONG memory"
rm /tmp/z
wait_for 30 test -b /dev/xvda || echo GUEST-NODISK
echo "GUEST-READ $(dd if=/dev/xvda bs=1M count=8 2> /dev/null | md5sum | cut -d' ' -f1)"
n=0; bad=0
while [ $n -lt 6 ]; do
	dd if=/dev/urandom of=/tmp/w bs=1M count=2 2> /dev/null
	dd if=/tmp/w of=/dev/xvda bs=64k seek=$((128 + n * 32)) conv=fsync 2> /dev/null || echo GUEST-IOERR
	echo 3 > /proc/sys/vm/drop_caches
	b=$(dd if=/dev/xvda bs=64k skip=$((128 + n * 32)) count=32 2> /dev/null | md5sum)
	[ "$(md5sum < /tmp/w)" = "$b" ] || bad=$((bad + 1))
	n=$((n + 1))
done
echo "GUEST-BAD $bad"
echo "GUEST-LAST $(md5sum < /tmp/w | cut -d' ' -f1)"
wait_for 30 test -e /sys/class/net/eth0 || echo GUEST-NONIC
ip addr add 10.9.0.2/24 dev eth0; ip link set eth0 up
wait_for 30 ping -c 1 -W 1 10.9.0.1 > /dev/null && echo GUEST-LINK
recv 10.9.0.1 5001 > /tmp/rx
echo "GUEST-RX $(md5sum < /tmp/rx | cut -d' ' -f1)"
dd if=/dev/urandom of=/tmp/tx bs=1M count=6 2> /dev/null
echo "GUEST-TX $(md5sum < /tmp/tx | cut -d' ' -f1)"
nc 10.9.0.1 5002 < /tmp/tx
echo GUEST-SENT
[ -z "$(dmesg | grep -E 'BUG|WARNING|Oops|refused')" ] || { echo GUEST-OOPS; dmesg | grep -A12 -E 'BUG|WARNING|Oops'; }
G
	sed -i "s/^vcpus=1$/vcpus=$1/" /tmp/$n.cfg
	nc -l -p 5001 < /tmp/down > /dev/null &
	recv -l -p 5002 > /tmp/up &
	check "$1 vcpus: create" tool create /tmp/$n.cfg
	check "$1 vcpus: its init runs" wait_log $n GUEST-BANNER 120
	check "$1 vcpus: the kernel is in ring 1" wait_log $n "kernel in ring 1" 20
	check "$1 vcpus: it has them" logged $n "GUEST-CPUS $1"
	check "$1 vcpus: processes work" wait_log $n "GUEST-FORKS done" 900
	check "$1 vcpus: the guest comes to its end" wait_log $n GUEST-SENT 600
	sleep 1
	check "$1 vcpus: nothing was wrong" sh -c "! grep -aE 'GUEST-(WRONG|NODISK|NONIC|IOERR|OOPS)' $(log $n)"
	check "$1 vcpus: it reads what is on the disk" logged $n "GUEST-READ $head"
	check "$1 vcpus: it reads back what it wrote" logged $n "GUEST-BAD 0"
	equal "$1 vcpus: dom0 sees what it wrote last" \
		"$(dd if=/tmp/d.img bs=64k skip=$((128 + 5 * 32)) count=32 2> /dev/null | md5sum | cut -d' ' -f1)" \
		"$(grep -ao 'GUEST-LAST [0-9a-f]*' "$(log $n)" | cut -d' ' -f2)"
	check "$1 vcpus: what dom0 sent arrives" logged $n "GUEST-RX $down"
	check "$1 vcpus: what the guest sent arrives" logged $n "GUEST-TX $(md5sum < /tmp/up | cut -d' ' -f1)"
	check "$1 vcpus: it powers off and is gone" wait_for 60 gone $n
}
for c in ${RIG_vcpus:-1 2 4}; do work $c; done

# ballooning, and a stay in a file, with two vcpus
guest life <<'G'
n=0
while :; do
	n=$((n + 1))
	echo "GUEST-TICK $n mem $(awk '/MemTotal/ { print $2 }' /proc/meminfo) cpus $(nproc)"
	sleep 0.3
done
G
sed -i "s/^vcpus=1$/vcpus=2/" /tmp/life.cfg
ticks() { grep -ac GUEST-TICK "$(log life)"; }
more() { [ "$(ticks)" -gt "$((n + 10))" ]; }
check "life: create" tool create /tmp/life.cfg
check "life: it runs" wait_log life "GUEST-TICK 5 mem 12[0-9]* cpus 2" 60
check "life: less memory is asked for" tool mem-set life 96
check "life: it gives memory back" wait_log life "mem 9[0-9]* cpus 2" 30
check "life: save" tool save life /tmp/life.img
n=$(ticks)
check "life: restore" tool restore /tmp/life.img
check "life: it goes on after its stay in a file" wait_for 60 more
check "life: with both processors" sh -c "tail -n 2 $(log life) | grep -q 'cpus 2'"
tool destroy life
check "life: it is gone" wait_for 20 gone life
