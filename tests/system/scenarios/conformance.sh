#rig: timeout=400 layers=small
# Every hypercall with good, bad and hostile arguments. For 64 bits the expectations are what stock Xen 4.17 answers.
widths=64
case $(tool info | grep '^xen_caps') in *xen-3.0-x86_32p*) widths="64 32" ;; esac
as_expected()	# the lines that are not, else
{
	logged $1 "# [1-9][0-9]* passed, 0 failed" && return
	tr -d '\r' < "$(log $1)" | grep "^not ok"
	return 1
}
for w in $widths; do
	small_guest c$w /guests/conformance$w.elf
	check "PV$w: create" tool create /tmp/c$w.cfg
	check "PV$w: it comes to its end" wait_log c$w "# [0-9]* passed" 150
	wait_for 20 gone c$w
	check "PV$w: every answer is the one expected" as_expected c$w
	check "PV$w: it powers off" gone c$w
	[ $w = 32 ] || check "PV64: its transcript is the one recorded" sh /scenario/compare "$(log c64)" /scenario/expected64.txt
	small_guest lost$w /guests/conformance$w.elf 'extra="lost"' 'on_crash="destroy"'
	check "PV$w: create one whose stack goes" tool create /tmp/lost$w.cfg
	check "PV$w: an event ends it" wait_for 60 gone lost$w
done
check "dom0 lives on" [ "$(tool list | awk 'NR > 1' | wc -l)" = 1 ]
