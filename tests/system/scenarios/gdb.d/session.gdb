set pagination off
set confirm off
set width 0
break selftest_user
continue
list
backtrace
info threads
printf "kernel ring is right: %d\n", ($cs & 3) == $ring
print start_info.magic
set $line = $_linum
set $before = $pc
next
printf "stepped: %d\n", $pc != $before
set $before = $pc
set $op = *(unsigned char *)$pc
stepi
printf "one instruction: %d\n", $pc != $before
info registers
set $old = user_calls
set var user_calls = 1234
printf "written: %d\n", user_calls == 1234
set var user_calls = $old
break enter_user
continue
set $at = 0x400000 + (unsigned long)&user_add - (unsigned long)&user_page
tbreak *$at
delete 2
continue
printf "user mode: ring %d at %d\n", $cs & 3, $pc == $at
x/3i $pc
stepi
printf "user step: %d\n", $pc == $at + 5
break selftest_events
continue
detach
