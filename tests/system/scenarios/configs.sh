#rig: timeout=600 layers=stock,torc,small
# Torc's tools on stock Xen: they see the host; and both sets of tools say how they understand the
# config files in configs/, which test_configs.py compares.
check "info answers" tool info
tool info > /tmp/info 2>&1
check "info tells the version" grep -q '^xen_version' /tmp/info
tool list > /tmp/list 2>&1
check "dom0 runs" grep -q '^Domain-0 .*r' /tmp/list
check "dmesg answers" tool dmesg
equal "dom0's memory is what it was given" "$(tool list Domain-0 | awk 'NR == 2 { print $3 }')" 1024
# a kernel, wherever a file looks for one
mkdir -p /boot /usr/lib/grub-xen
for f in /boot/vmlinuz /boot/initrd /usr/lib/grub-xen/grub-x86_64-xen.bin; do cp /guests/reference64.elf $f; done
one_line() { tr '\n' ' ' < "$1"; }
for f in /scenario/configs/*.cfg /scenario/*.pvlinux; do
	n=$(basename "$f") u=uuid=\"11111111-2222-3333-4444-555555555555\"
	grep -q '^uuid' "$f" && u=	# making one up takes xl seconds here
	for t in xl torc; do
		$t create -n "$f" $u > /tmp/said 2> /tmp/err
		echo "config $n $t $? $(one_line /tmp/said)"
		[ $t = torc ] && echo "config $n why $(one_line /tmp/err)"
	done
done
# what each listing says as JSON, which test_configs.py holds against the schemas
small_guest j /guests/reference64.elf 'memory=8'
check "a guest to be listed" torc create /tmp/j.cfg
echo junk > /tmp/junk.cfg
while read -r name words; do
	torc $words --json > /tmp/said 2> /tmp/err
	[ -s /tmp/said ] || cp /tmp/err /tmp/said # an error is JSON, too
	echo "json $name $(one_line /tmp/said)"
done <<-'E'
domains list
domains list -l
domains vm-list
info info
why why j
uptimes uptime
top top -n 1 -d 1
claims claims
checks check
vcpus vcpu-list
cpupools cpupool-list
schedules sched
disks block-list j
nics network-list j
dump dump-core j /tmp/j.core
store-connections store connections
store-domains store domains
error destroy nobody
error create /tmp/junk.cfg
E
torc destroy j
