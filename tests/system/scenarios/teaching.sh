#rig: timeout=120 layers=small
# The teaching kernel's port: what it does on the bare machine it does in ring 1.
small_guest teach /guests/teaching-port.elf
check "create" tool create /tmp/teach.cfg
check "it comes to its end" wait_log teach "the task ended with 0000600d" 60
check "it powers off" wait_for 20 gone teach
show_log teach
check "its kernel is in ring 1" logged teach "hello from ring 1"
check "its clock ticks" logged teach "the clock ticks"
check "its task runs in user mode" logged teach "a task in user mode"
