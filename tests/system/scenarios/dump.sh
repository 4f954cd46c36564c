#rig: timeout=120 layers=small disks=virtio,virtio,virtio mem=4608
# Dumps of a 64-bit and a 32-bit guest onto the machine's disks, where test_dump.py reads them.
modprobe virtio_pci; modprobe virtio_blk
refuses "a dump of the control domain" "cannot dump itself" tool dump-core 0
refuses "a dump of no guest" nobody tool dump-core nobody
disks() { [ -b /dev/vda ] && [ -b /dev/vdb ] && [ -b /dev/vdc ]; }
check "the disks are there" wait_for 20 disks
for w in 64 32; do
	small_guest g$w /guests/reference$w.elf 'memory=16'
	check "create a $w-bit guest" tool create /tmp/g$w.cfg
	check "its prompt" wait_log g$w "reference>" 30
done
check "dump it to a disk" tool dump-core --gdb g64 /dev/vda
check "and the other" tool dump-core g32 /dev/vdb
check "and once more for gdb" tool dump-core --gdb g32 /dev/vdc
refuses "a place that is none" "/nowhere/x" tool dump-core g64 /nowhere/x
check "dump it to the usual place" tool dump-core g64
equal "it runs on" "$(state g64 | tr -d 'rb')" ""
check "only root may read it" [ "$(stat -c %a /var/lib/torc/dump/g64.core)" = 600 ]
equal "nothing half-done is left" "$(ls /var/lib/torc/dump)" g64.core
small_guest c /guests/reference64.elf 'memory=16' 'extra="crash"' 'on_crash="coredump-destroy"'
check "create one that crashes" tool create /tmp/c.cfg
check "it is gone" wait_for 30 gone c
check "its dump is there" [ -s /var/lib/torc/dump/c.core ]
check "why tells where" sh -c 'torc why c | grep -q "dumped.*/c.core"'
