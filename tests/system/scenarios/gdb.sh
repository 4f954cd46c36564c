#rig: timeout=300 layers=small,gdb
# gdb drives a guest through its tests: breakpoints in the kernel and in user mode, steps, registers, memory. What it
# changes the guest sees, what it does not change the guest does not notice, also when the stub is killed.
DIR=/scenario
drive() { timeout 120 torc gdb g$1 -- -nx -batch -d /guests/src -ex "set \$ring=$2" -x $DIR/session.gdb /guests/reference$1.elf > /tmp/$1.out 2>&1; }
said() { grep -q -- "$2" /tmp/$1.out; }		# WIDTH PATTERN

for w in 64 32; do
	[ $w = 64 ] && ring=3 || ring=1
	small_guest g$w /guests/reference$w.elf 'extra="test"'
	check "PV$w: create" tool create -p /tmp/g$w.cfg
	check "PV$w: gdb does its work" drive $w $ring
	sed "s/^/#gdb$w| /" /tmp/$w.out
	check "PV$w: a breakpoint, with its source line" said $w "^Breakpoint 1, selftest_user () at .*selftest.c:[0-9]*"
	check "PV$w: the source" said $w "user_run(user_cs, 0, &r);"
	check "PV$w: the stack" said $w "guest_main () at"
	check "PV$w: the kernel's ring" said $w "kernel ring is right: 1"
	check "PV$w: a global variable" said $w "xen-3.0-x86_"
	check "PV$w: a step to the next line" said $w "stepped: 1"
	check "PV$w: one instruction" said $w "one instruction: 1"
	check "PV$w: a word that is written reads back" said $w "written: 1"
	check "PV$w: a breakpoint in user mode" said $w "user mode: ring 3 at 1"
	check "PV$w: a step in user mode" said $w "user step: 1"
	check "PV$w: a vCPU is a thread" said $w "vCPU 0, kernel"
	check "PV$w: reaches what comes later" said $w "Breakpoint [0-9]*, selftest_events"
	check "PV$w: runs on by itself" wait_log g$w "# [0-9]* passed" 60
	check "PV$w: powers off" wait_for 20 gone g$w
	check "PV$w: nothing failed" logged g$w "# [1-9][0-9]* passed, 0 failed"
	show_log g$w
done

small_guest k /guests/reference64.elf 'extra="test"'
check "killed: create" tool create -p /tmp/k.cfg
ip link set lo up
torc gdb --listen :1234 k > /tmp/listen.out 2>&1 &
timeout 120 gdb -nx -batch -ex "target remote 127.0.0.1:1234" -x $DIR/killed.gdb /guests/reference64.elf > /tmp/k.out 2>&1
sed "s/^/#gdbk| /" /tmp/k.out
check "killed: it was at its breakpoint" said k "^Breakpoint 1, selftest_events"
equal "killed: the guest stands" "$(state k)" p
refuses "killed: it is not saved with breakpoints in it" "being debugged" tool save k /tmp/k.save
check "killed: unpause takes the breakpoints out" tool unpause k
check "killed: the guest runs on" wait_log k "# [1-9][0-9]* passed, 0 failed" 60
check "killed: powers off" wait_for 20 gone k
show_log k
