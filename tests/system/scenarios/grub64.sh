#rig: timeout=180 layers=grub,small
# GRUB's 64-bit PV image as it comes from Debian, to its prompt; a command typed is answered. And a guest that GRUB
# boots from the guest's own disk.
small_guest g64 /guests/grub-x86_64-xen.bin
check "create" tool create /tmp/g64.cfg
check "the prompt" wait_log g64 "grub>" 60
pty() { xenstore-read /local/domain/"$(tool domid g64)"/console/tty; }
check "its console has a terminal" test -c "$(pty)"
printf 'echo answer is $prefix-x$grub_cpu-y\r' > "$(pty)"
check "a command typed is answered" wait_log g64 "xx86_64-y" 20
show_log g64
check "destroy" tool destroy g64
check "it is gone" wait_for 10 gone g64

if [ $TOOLS = torc ]; then
	boots_own_disk 64
fi
