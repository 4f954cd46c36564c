#rig: timeout=2800 layers=linux32,linux32-work,backends smp=2 mem=3072 dom0_mem=1400
# Linux 6.1 as a 32-bit guest in ring 1, worked hard by Debian's i386 programs, with one, two and four vcpus: the kernel's own x86
# selftests, stress-ng that verifies what it does, fio that reads back what it wrote to a disk of torc-blkd's, TCP through
# torc-netd with a checksum on both sides. $RIG_seconds says how long each stressor runs, $RIG_vcpus which guests there are.
KERNEL=/guests/linux32.elf INITRD=/guests/linux32.cpio LOGLEVEL=7 MEMORY=640
modprobe -a loop bridge tun brd
modprobe brd rd_nr=1 rd_size=98304
brctl addbr br0
ip addr add 10.9.0.1/24 dev br0
ip link set br0 up
ip link set lo up
torc-blkd --foreground 2> /tmp/blkd.log &
torc-netd --foreground 2> /tmp/netd.log &
dd if=/dev/urandom of=/tmp/down bs=1M count=16 2> /dev/null
down=$(md5sum < /tmp/down | cut -d' ' -f1)

script() {
	cat <<'G'
echo "GUEST-CPUS $(nproc)"
dmesg | grep "kernel in ring"
for t in /selftests/*; do
	timeout 120 $t > /tmp/self.log 2>&1
	rc=$?
	echo "GUEST-SELFTEST $rc $(basename $t) $(grep -c '^\[OK\]' /tmp/self.log) ok"
	case $rc in 0) ;; *) sed 's/^/| /' /tmp/self.log | tail -15 ;; esac
done
# forks of a process with more tables than are pinned at a time
big=$(head -c 50000000 /dev/zero | tr '\0' x)
for i in 1 2 3 4 5 6 7 8; do [ "$(echo ${#big})" = 50000000 ] || echo "GUEST-WRONG fork of many tables"; done
unset big
echo GUEST-SELFTESTS-DONE
c=$(nproc)
mkdir -m 777 /tmp/stress
printf 'root:x:0:0::/:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n' > /etc/passwd
# As nobody, or exec would be left out. Who was left out says nothing of bogo-ops, and has not passed.
stress() { # STRESSOR [more options]
	local s=$1 ops
	shift
	su -s /bin/sh nobody -c "stress-ng --temp-path /tmp/stress --verify --metrics-brief --oomable -t $(cat /seconds) --$s $c $*" \
		> /tmp/stress.log 2>&1
	rc=$?
	ops=$(awk "/metrc: .* $s / { print \$5, \"bogo-ops in\", \$6, \"s\" }" /tmp/stress.log)
	[ -n "$ops" ] || rc="$rc-none"
	[ $rc = 0 ] || sed 's/^/| /' /tmp/stress.log
	echo "GUEST-STRESS $rc $s $ops"
}
stress cpu --cpu-method all
stress vm --vm-bytes 24m
stress fork
stress vfork
stress clone
stress exec
stress switch
stress pipe
stress mmap --mmap-bytes 16m
stress mremap --mremap-bytes 8m
stress madvise
stress memcpy
stress fault
stress sigsegv
stress sigfpe
stress signal
stress sigq
stress context
stress futex
stress timer
stress itimer
stress nanosleep
stress clock
stress sock
stress epoll
stress pthread
stress shm-sysv
echo GUEST-STRESS-DONE
wait_for 60 test -b /dev/xvda || echo GUEST-NODISK
fio --name=v --filename=/dev/xvda --size=80m --rw=randwrite --bsrange=512-128k --blockalign=512 --direct=1 --ioengine=libaio \
	--iodepth=16 --verify=crc32c --verify_fatal=1 --verify_backlog=64 --loops=3 > /tmp/fio.log 2>&1
echo "GUEST-FIO $? $(grep -c 'verify:\|err=[^ 0]' /tmp/fio.log)"
grep -i 'verify\|err=\|issued\|READ:\|WRITE:' /tmp/fio.log
wait_for 60 test -e /sys/class/net/eth0 || echo GUEST-NONIC
ip addr add 10.9.0.2/24 dev eth0; ip link set eth0 up
wait_for 60 ping -c 1 -W 1 10.9.0.1 > /dev/null && echo GUEST-LINK
recv 10.9.0.1 5001 > /tmp/rx
echo "GUEST-RX $(md5sum < /tmp/rx | cut -d' ' -f1)"
dd if=/dev/urandom of=/tmp/tx bs=1M count=16 2> /dev/null
echo "GUEST-TX $(md5sum < /tmp/tx | cut -d' ' -f1)"
nc 10.9.0.1 5002 < /tmp/tx
echo GUEST-SENT
dmesg | grep -qE 'BUG|WARNING|Oops' && dmesg | grep -A16 -E 'BUG|WARNING|Oops' | head -60 | sed 's/^/GUEST-OOPS /'
G
}
# work VCPUS
work() {
	local n=w$1 rc name what
	script | guest $n 'disk=["vdev=xvda,access=w,backendtype=torc,target=/dev/ram0"]' \
		'vif=["mac=00:16:3e:00:00:01,bridge=br0"]'
	mkdir -p /tmp/more
	echo "${RIG_seconds:-5}" > /tmp/more/seconds
	{ cat /guests/linux32-work.cpio; (cd /tmp/more && find . | cpio -o -H newc 2> /dev/null); } >> /tmp/$n.initrd
	sed -i "s/^vcpus=1$/vcpus=$1/" /tmp/$n.cfg
	nc -l -p 5001 < /tmp/down > /dev/null &
	recv -l -p 5002 > /tmp/up &
	check "$1 vcpus: create" tool create /tmp/$n.cfg
	rm -f /tmp/$n.initrd
	check "$1 vcpus: the kernel is in ring 1" wait_log $n "kernel in ring 1" 120
	check "$1 vcpus: it has them" wait_log $n "GUEST-CPUS $1" 20
	check "$1 vcpus: the selftests come to their end" wait_log $n GUEST-SELFTESTS-DONE 900
	check "$1 vcpus: stress-ng comes to its end" wait_log $n GUEST-STRESS-DONE 1200
	check "$1 vcpus: the guest comes to its end" wait_log $n GUEST-DONE 600
	tr -d '\r' < "$(log $n)" > /tmp/$n.out
	grep -a '^GUEST-SELFTEST \|^GUEST-STRESS ' /tmp/$n.out | sort -u > /tmp/$n.cases
	while read -r what rc name rest; do
		equal "$1 vcpus: ${what#GUEST-} $name" "$rc" 0
	done < /tmp/$n.cases
	sed "s/^/# $1 vcpus: /" /tmp/$n.cases
	check "$1 vcpus: fio read back what it wrote" grep -aq "^GUEST-FIO 0 0" /tmp/$n.out
	grep -a 'verify\|issued\|READ:\|WRITE:' /tmp/$n.out | sed "s/^/# $1 vcpus: fio /"
	check "$1 vcpus: what dom0 sent arrives" grep -aq "GUEST-RX $down" /tmp/$n.out
	check "$1 vcpus: what the guest sent arrives" grep -aq "GUEST-TX $(md5sum < /tmp/up | cut -d' ' -f1)" /tmp/$n.out
	grep -a '^| \|^GUEST-OOPS' /tmp/$n.out | sed "s/^/# $1 vcpus: /"
	check "$1 vcpus: nothing was wrong" sh -c "! grep -aE 'GUEST-(NODISK|NONIC|OOPS|WRONG)' /tmp/$n.out > /dev/null"
	check "$1 vcpus: it powers off and is gone" wait_for 60 gone $n
}
for c in ${RIG_vcpus:-1 2 4}; do work $c; done
