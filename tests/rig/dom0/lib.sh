# SPDX-License-Identifier: BSD-2-Clause
#
# What scenarios use, in busybox sh. One assertion is one line, "ok NAME" or "not ok NAME: why";
# the names within a scenario differ. A scenario goes on after a failed assertion wherever what
# follows still makes sense; "bail" is for where it does not.

TAP_N=0 TAP_BAD=0
say() { echo "# $(up) $*"; }
ok() { TAP_N=$((TAP_N + 1)); echo "ok $1"; }
not_ok() { # NAME WHY...
	TAP_N=$((TAP_N + 1)) TAP_BAD=$((TAP_BAD + 1))
	local n=$1
	shift
	echo "not ok $n: $(echo "$*" | tr '\n' ' ')"
}
finish() {
	sync
	echo "1..$TAP_N"
	sleep 0.2
	poweroff -f
	sleep 60
}
diagnose() {
	{
		tool list
		tool dmesg | tail -30
		dmesg | tail -20
		for f in /var/log/xen/console/*.log /var/log/torc/console/*.log /var/log/xen/*.log /var/log/torc/*.log; do
			[ -s "$f" ] && { echo "--- $f"; tail -30 "$f"; }
		done
	} 2>&1 | sed 's/^/#| /'
}
bail() {
	not_ok "can go on" "$*"
	diagnose
	finish
}
# check NAME COMMAND...: one assertion, that the command succeeds
check() {
	local _n=$1 _rc
	shift
	"$@" > /tmp/check.out 2>&1
	_rc=$?
	if [ $_rc = 0 ]; then ok "$_n"; else not_ok "$_n" "$* gave $_rc: $(tail -n 5 /tmp/check.out)"; fi
	return $_rc
}
# refuses NAME PATTERN COMMAND...: it must fail by itself (no signal, no success) and say PATTERN
refuses() {
	local _n=$1 _pat=$2 _rc
	shift 2
	"$@" > /tmp/check.out 2>&1
	_rc=$?
	if [ $_rc = 0 ]; then
		not_ok "$_n" "$* succeeded"
	elif [ $_rc -ge 126 ]; then
		not_ok "$_n" "$* gave $_rc: $(tail -n 3 /tmp/check.out)"
	elif ! grep -q -- "$_pat" /tmp/check.out; then
		not_ok "$_n" "$* did not say '$_pat' but: $(tail -n 3 /tmp/check.out)"
	else
		ok "$_n"
	fi
}
must() { "$@" || bail "command failed ($?): $*"; }
equal() { # NAME GOT WANT
	if [ "$2" = "$3" ]; then ok "$1"; else not_ok "$1" "got '$2', want '$3'"; fi
}

# tool: the toolstack under test, by the words that xl and torc share
tool() {
	case $TOOLS in
	torc) torc "$@" ;;
	*) xl "$@" ;;
	esac
}

# --- guests

# guest NAME [config line]...: write /tmp/NAME.cfg for a Linux guest; stdin is a script it runs
guest() {
	local n=$1 l
	shift
	rm -rf /tmp/g.$n
	mkdir -p /tmp/g.$n
	cat > /tmp/g.$n/run.sh
	{
		cat ${INITRD:-/guests/initrd.cpio}
		(cd /tmp/g.$n && find . | cpio -o -H newc 2> /dev/null)
	} > /tmp/$n.initrd
	rm -rf /tmp/g.$n
	cat > /tmp/$n.cfg <<-C
	name="$n"
	type="pv"
	kernel="${KERNEL:-/guests/vmlinux.gz}"
	ramdisk="/tmp/$n.initrd"
	memory=${MEMORY:-128}
	vcpus=1
	extra="console=hvc0 loglevel=${LOGLEVEL:-4} random.trust_cpu=on"
	on_crash="preserve"
	C
	for l; do echo "$l" >> /tmp/$n.cfg; done
}
# small_guest NAME KERNEL [config line]...: a guest that is one file
small_guest() {
	local n=$1 k=$2 l
	shift 2
	cat > /tmp/$n.cfg <<-C
	name="$n"
	type="pv"
	kernel="$k"
	memory=${MEMORY:-64}
	vcpus=1
	on_crash="preserve"
	C
	for l; do echo "$l" >> /tmp/$n.cfg; done
}
# boots_own_disk WIDTH: a guest whose disk has a kernel and GRUB's config for it, in a file system that nobody reads
# but GRUB, in the guest. torc alone.
boots_own_disk() {
	local w=$1 arch=x86_64
	[ $w = 64 ] || arch=i386
	modprobe -a loop xen-blkback
	mkdir -p /usr/lib/grub-xen /tmp/disk$w/boot/grub
	cp /guests/grub-$arch-xen.bin /usr/lib/grub-xen/
	cp /guests/reference$w.elf /tmp/disk$w/boot/kernel
	printf 'echo its-own-config\nlinux /boot/kernel test\nboot\n' > /tmp/disk$w/boot/grub/grub.cfg
	(cd /tmp/disk$w && tar cf /tmp/disk$w.img boot)
	truncate -s 4M /tmp/disk$w.img
	cat > /tmp/own$w.cfg <<-C
	name="own$w"
	firmware="pvgrub$w"
	memory=64
	disk=["vdev=xvda,access=ro,target=/tmp/disk$w.img"]
	C
	refuses "GRUB and a kernel at once" "which is it" torc create /tmp/own$w.cfg kernel=/guests/reference$w.elf
	check "create one that boots from its own disk" torc create /tmp/own$w.cfg
	check "the kernel on its disk runs" wait_log own$w "# [0-9]* passed" 90 || show_log own$w
	wait_for 20 gone own$w || check "destroy it" torc destroy own$w
}
log() {
	case $CONSOLE in
	torc) echo /var/log/torc/console/$1.log ;;
	*) echo /var/log/xen/console/guest-$1.log ;;
	esac
}
logged() { grep -aq -- "$2" "$(log $1)" 2> /dev/null; }      # NAME PATTERN
wait_log() { wait_for $3 logged $1 "$2"; }                   # NAME PATTERN SECONDS
show_log() { tr -d '\r' < "$(log $1)" | sed "s/^/#$1| /"; echo; }
gone() { ! tool domid $1 > /dev/null 2>&1; }
# state NAME: the letters of list's state column, without the dashes
state() { tool list $1 | awk 'NR == 2 { gsub("-", "", $5); print $5 }'; }
# recv NC-ARGS...: nc that receives until the peer ends (its stdin must not be at EOF)
recv() { [ -p /tmp/hold ] || mkfifo /tmp/hold; nc "$@" 0<> /tmp/hold; }
