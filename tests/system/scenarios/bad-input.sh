#rig: timeout=240 layers=linux,grub
# What is wrong with a config or a kernel is said in a line that names it, with an exit status, and
# leaves nothing behind.
free0=$(/scenario/probe free)
count() { tool list | awk 'NR > 1' | wc -l; }
bad() { # NAME PATTERN: /tmp/bad.cfg is refused, with PATTERN in what is said
	refuses "$1" "$2" tool create /tmp/bad.cfg
	[ "$(count)" = 1 ] || { not_ok "$1: nothing is left" "$(tool list)"; tool destroy bad; }
}
base='name="bad"
type="pv"
memory=32'
cfg() { { echo "$base"; cat; } > /tmp/bad.cfg; }

refuses "no such config file" nowhere.cfg tool create /tmp/nowhere.cfg
cfg <<'C'
kernel="/guests/none"
C
bad "no such kernel file" /guests/none
echo 'kernel = "/guests/vmlinuz' | cfg
bad "an unfinished string" bad.cfg
echo 'kernel = [ "a", ' | cfg
bad "an unfinished list" bad.cfg
echo 'kernel="/guests/initrd.cpio"' | cfg
bad "a kernel that is no kernel" .
head -c 100000 /guests/vmlinuz > /tmp/cut
echo 'kernel="/tmp/cut"' | cfg
bad "a kernel that is cut off" .
head -c 700000 /guests/grub-x86_64-xen.bin > /tmp/cut
echo 'kernel="/tmp/cut"' | cfg
bad "an ELF file that is cut off" .
cp /usr/bin/busybox /tmp/nopv
echo 'kernel="/tmp/nopv"' | cfg
bad "an ELF file without Xen's notes" .
{ head -c 18 /guests/grub-x86_64-xen.bin; printf '\267\000'; tail -c +21 /guests/grub-x86_64-xen.bin; } > /tmp/arm
echo 'kernel="/tmp/arm"' | cfg
bad "a kernel for another processor" .
: > /tmp/empty
echo 'kernel="/tmp/empty"' | cfg
bad "an empty kernel" .
{ echo "$base" | sed 's/^memory.*/memory=900000/'; echo 'kernel="/guests/grub-x86_64-xen.bin"'; } > /tmp/bad.cfg
bad "more memory than there is" .
{ echo "$base" | sed 's/^memory.*/memory="much"/'; echo 'kernel="/guests/grub-x86_64-xen.bin"'; } > /tmp/bad.cfg
[ $TOOLS = torc ] && bad "a word where a number belongs" memory
{ echo "$base" | sed '/^name/d'; echo 'kernel="/guests/grub-x86_64-xen.bin"'; } > /tmp/bad.cfg
[ $TOOLS = torc ] && bad "no name" name
printf 'name="bad"\ntype="pv"\nmemory=32\nkernel="/guests/grub-x86_64-xen.bin"\nramdisk="/nowhere"\n' > /tmp/bad.cfg
bad "no such ramdisk" /nowhere
refuses "no such guest to destroy" nobody tool destroy nobody
refuses "no such command" . tool conjure
equal "nothing is left" "$(count)" 1
same() { [ "$(/scenario/probe free)" = "$free0" ]; }
wait_for 5 same
equal "no page is lost" "$(/scenario/probe free)" "$free0"
