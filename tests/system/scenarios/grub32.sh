#rig: timeout=180 layers=grub,small
# GRUB's 32-bit PV image as it comes from Debian: in ring 1 where the hypervisor offers that, and a
# clean refusal where it does not.
small_guest g32 /guests/grub-i386-xen.bin
caps=$(tool info | grep '^xen_caps')
case $caps in
*xen-3.0-x86_32p*)
	check "create" tool create /tmp/g32.cfg
	check "the prompt" wait_log g32 "grub>" 60
	p=$(xenstore-read /local/domain/"$(tool domid g32)"/console/tty)
	printf 'echo answer is x$grub_cpu-y\r' > "$p"
	check "a command typed is answered" wait_log g32 "xi386-y" 20
	show_log g32
	check "destroy" tool destroy g32
	if [ $TOOLS = torc ]; then boots_own_disk 32; fi
	;;
*)
	say "no 32-bit PV: $caps"
	tool create /tmp/g32.cfg > /tmp/create.log 2>&1
	check "create is refused" [ $? -ne 0 ]
	;;
esac
check "it is gone" wait_for 10 gone g32
check "dom0 alone is left" [ "$(tool list | awk 'NR > 1' | wc -l)" = 1 ]
