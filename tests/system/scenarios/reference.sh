#rig: timeout=240 layers=small
# The reference guest tests the ground it stands on: privilege, user mode, events, memory, grants, store. 32 bits where the
# hypervisor offers that.
widths=64
case $(tool info | grep '^xen_caps') in *xen-3.0-x86_32p*) widths="64 32" ;; esac
for w in $widths; do
	small_guest r$w /guests/reference$w.elf 'vcpus=2' 'extra="test"'
	check "PV$w: create" tool create /tmp/r$w.cfg
	check "PV$w: it comes to its end" wait_log r$w "# [0-9]* passed" 60
	check "PV$w: it powers off" wait_for 20 gone r$w
	show_log r$w
	check "PV$w: nothing failed" logged r$w "# [1-9][0-9]* passed, 0 failed"
	if [ $w = 32 ]; then check "PV32: the kernel is in ring 1" logged r32 "the kernel runs in ring 1"; fi
done
