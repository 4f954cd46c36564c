#rig: timeout=240 layers=linux,grub
# What is wrong with a config or a kernel is said in a line that names it, with an exit status, and
# leaves nothing behind.
modprobe -a loop xen-blkback llc stp bridge xen-netback
# dom0's tables grow with the first guest
small_guest g /guests/grub-x86_64-xen.bin 'memory=32'
tool create /tmp/g.cfg > /dev/null && tool destroy g
wait_for 10 gone g
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
if [ $TOOLS = torc ]; then
	# every command, with a guest that is not there
	for c in "destroy nobody" "shutdown nobody" "reboot nobody" "pause nobody" "unpause nobody" "list nobody" \
		"console nobody" "domid nobody" "rename nobody x" "uptime nobody" "vcpu-list nobody" "vcpu-pin nobody all 0" \
		"vcpu-set nobody 1" "mem-set nobody 64" "mem-max nobody 64" "sched nobody" "block-list nobody" \
		"network-list nobody" "block-attach nobody vdev=xvdb,target=/tmp/empty" "block-detach nobody xvdb" \
		"network-attach nobody" "network-detach nobody 0" "config-update nobody /tmp/bad.cfg" "sysrq nobody h" \
		"trigger nobody nmi" "dump-core nobody" "save nobody /tmp/x" "gdb --stdio nobody"; do
		refuses "torc $c" 'there is no domain "nobody"' torc $c
	done
	check "why of one that never came to be" sh -c 'torc why bad | grep -q "create failed.*/nowhere"'
	refuses "why of one that nobody ever heard of" "nobody" torc why nobody
	refuses "torc restore of no file" "/no-where" torc restore /no-where
	echo "no guest" > /tmp/none.save
	refuses "torc restore of what is none" "none.save" torc restore /tmp/none.save
	refuses "torc migrate to no host" . torc migrate nobody elsewhere
	refuses "torc domname of no domain" "there is no domain 999" torc domname 999
	check "the store's quotas are told" sh -c 'torc store control quota | grep -q "^nodes  *1000 "'
	check "and set" torc store control quota set nodes 2000 5
	refuses "one that it does not have" "there is no quota\|Invalid argument" torc store control quota set frobs 1
	refuses "an error in JSON" '"code":"no-such-domain"' torc destroy --json nobody
	small_guest g /guests/grub-x86_64-xen.bin 'memory=32' 'maxvcpus=2'
	check "a guest to mistreat" torc create -p /tmp/g.cfg
	dd if=/dev/zero of=/tmp/d.img bs=1M count=1 2> /dev/null
	# arguments that are none, of each command: PATTERN|WORDS
	while IFS=';' read -r pattern words; do
		refuses "torc $words" "$pattern" torc $words
	done <<-'E'
	1 to 2;vcpu-set g none
	1 to 2;vcpu-set g 0
	1 to 2;vcpu-set g 9
	is not a size;mem-set g much
	at most;mem-set g 90000
	is not a size;mem-max g 0
	the host has [0-9]* MiB, not 90000;mem-set 0 90000
	7;vcpu-pin g 7 0
	names no processors;vcpu-pin g all 5-1
	65535;sched -w 0 g
	CAP;sched -c many g
	virtual device;block-attach g junk
	/no-where;block-attach g vdev=xvdb,target=/no-where
	xvdq;block-detach g xvdq
	no bridge "nobr";network-attach g bridge=nobr
	mac;network-attach g mac=1:2
	no network card 9;network-detach g 9
	cannot be a guest's name;rename g a/b
	cannot be a guest's name;rename g 12
	cannot be a guest's name;rename g 99999999999999999999
	one letter;sysrq g help
	frobnicate;trigger g frobnicate
	/no-file;config-update g /no-file
	/no-where/x;dump-core g /no-where/x
	unknown option;dump-core --frobnicate g
	cannot pause itself;pause 0
	control domain;destroy 0
	keeps its name;rename 0 zero
	they are 0 to 0;create /tmp/g.cfg name=g2 cpus=7
	they are 0 to 0;vcpu-pin g all 7
	is not KEY=VALUE;create /tmp/g.cfg memory
	/no-where/user-data;create --seed /no-where /tmp/g.cfg name=g2
	unknown option;create --frobnicate /tmp/g.cfg
	named "g" already;create /tmp/g.cfg
	E
	torc unpause g
	refuses "attach what the guest does not take: each end's state is told" "backend InitWait, guest Initialising" torc block-attach g vdev=xvdc,target=/tmp/d.img
	equal "and it is taken back" "$(torc block-list g | awk 'NR > 1' | wc -l)" 0
	torc pause g
	check "it has come to no harm" [ "$(state g)" = p ]
	check "another that answers nobody" torc create -p /tmp/g.cfg name=h
	refuses "what does not answer in time" "is still running" torc shutdown -w -t 1 g h
	refuses "is not ended in the place of a reboot" "unknown option" torc reboot --destroy g
	began=$(up | cut -d. -f1)
	check "but of a shutdown, if that is wanted" torc shutdown -t 6 --destroy g h
	equal "one time is all that both are waited for" "$(($(up | cut -d. -f1) - began < 11))" 1
fi
equal "nothing is left" "$(count)" 1
same() { [ "$(/scenario/probe free)" = "$free0" ]; }
wait_for 5 same
equal "no page is lost" "$(/scenario/probe free)" "$free0"
