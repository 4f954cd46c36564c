#rig: timeout=520 mem=2304 layers=linux,grub
# An administrator's day with torc: a guest is made, worked in, given and taken devices, resized,
# paused, renamed, rebooted, crashed, found out about, and ended; and whoever supervises it may die.
modprobe -a loop xen-blkback llc stp bridge xen-netback
ip link add br0 type bridge && ip link set br0 up
mib() { torc list "$1" | awk 'NR > 1 { print $3 }'; }
alive() { torc domid "$1" > /dev/null 2>&1; }
supervisor() { for p in /proc/[0-9]*; do tr '\0' ' ' < "$p/cmdline" 2> /dev/null | grep -q '^torc supervise' && echo "${p#/proc/}"; done; }

dd if=/dev/zero of=/srv.img bs=1M count=8 2> /dev/null
dd if=/dev/zero of=/more.img bs=1M count=4 2> /dev/null
guest day 'vcpus=2' 'memory=192' 'disk=["vdev=xvda,target=/srv.img"]' 'vif=["bridge=br0,mac=00:16:3e:11:22:33"]' <<'G'
modprobe xen-blkfront; modprobe xen-netfront
while [ ! -e /sys/block/xvda ]; do sleep 0.2; done
echo "DAY-DISK $(cat /sys/block/xvda/size)"
while [ ! -e /sys/block/xvdz ]; do sleep 0.2; done
echo "DAY-SEED $(dd if=/dev/xvdz bs=1 skip=32808 count=6 2> /dev/null) $(cat /sys/block/xvdz/ro)"
while [ ! -e /sys/class/net/eth0 ]; do sleep 0.2; done
echo "DAY-NIC $(cat /sys/class/net/eth0/address)"
while :; do sleep 1; done
G
check "a dry run" torc create -n /tmp/day.cfg
mkdir /seed && echo "#cloud-config" > /seed/user-data
check "create, with a disk for cloud-init" torc create --seed /seed /tmp/day.cfg
refuses "create again: the name is taken" "named \"day\" already" torc create /tmp/day.cfg
refuses "a second writer of its disk" "in use by guest \"day\"" torc create /tmp/day.cfg name=other
equal "nothing is left of the second" "$(torc list | awk 'NR > 1' | wc -l)" 2
check "the guest has its disk" wait_log day "DAY-DISK 16384" 180
check "the guest has a read-only disk for cloud-init" wait_log day "DAY-SEED CIDATA 1" 60
check "the guest has its card" wait_log day "DAY-NIC 00:16:3e:11:22:33" 60
check "list as JSON" sh -c 'torc list --json | grep -q "\"schema\":\"torc-domains/1\""'
check "the card is on the bridge" [ -e /sys/class/net/br0/brif/vif"$(torc domid day)".0 ]
timeout 5 torc console day < /dev/null > /tmp/viewer 2>&1
check "a late viewer sees the first lines" grep -q GUEST-BANNER /tmp/viewer
check "attach a disk" torc block-attach day vdev=xvdb,target=/more.img
check "block-list shows all" [ "$(torc block-list day | awk 'NR > 1' | wc -l)" = 3 ]
check "detach it" torc block-detach day xvdb
check "attach a card" torc network-attach day bridge=br0
check "network-list shows both" [ "$(torc network-list day | awk 'NR > 1' | wc -l)" = 2 ]
check "detach it" torc network-detach day 1
refuses "detach a card that is not there" "no network card 7" torc network-detach day 7
check "less memory" torc mem-set day 160
smaller() { [ "$(mib day)" -le 161 ]; }
check "the guest gives it back" wait_for 20 smaller
refuses "more than maxmem" "at most" torc mem-set day 9000
check "one processor less" torc vcpu-set day 1
one() { [ "$(torc list day | awk 'NR > 1 { print $4 }')" = 1 ]; }
check "the guest gives it back" wait_for 20 one
check "weight" torc sched -w 512 day
equal "weight is set" "$(torc sched day | awk 'NR > 1 { print $3 }')" 512
check "pin" torc vcpu-pin day all 0
check "pause" torc pause day
check "unpause" torc unpause day
refuses "unpause what runs" "not paused" torc unpause day
check "rename" torc rename day night
equal "it has the new name" "$(torc domname "$(torc domid night)")" night
check "why of a running guest" sh -c 'torc why night | grep -q "^night: running"'
check "shut down, waiting" torc shutdown -w -t 60 night
gone_night() { ! alive night; }
check "it is gone" wait_for 20 gone_night
check "why of a guest that is gone" sh -c 'torc why night | grep -q "stopped: poweroff"'
equal "no loop device is left" "$(grep -l . /sys/block/loop*/loop/backing_file 2> /dev/null | wc -l)" 0
equal "no claim on a disk is left" "$(xenstore-ls /torc/disks 2> /dev/null | wc -l)" 0

echo 'echo AGAIN-BOOTED; while :; do sleep 1; done' | guest again 'on_reboot="restart"'
check "create one to reboot" torc create /tmp/again.cfg
check "it boots" wait_for 120 grep -q AGAIN-BOOTED /var/log/torc/console/again.log
check "reboot" torc reboot again
twice() { [ "$(grep -c AGAIN-BOOTED /var/log/torc/console/again.log)" -ge 2 ]; }
check "it is started again" wait_for 120 twice
kill -9 $(supervisor)
check "destroy it, the supervisor dead" torc destroy again
echo 'sleep 1; echo 1 > /proc/sys/kernel/sysrq; echo c > /proc/sysrq-trigger; sleep 60' | guest crash 'on_crash="destroy"'
check "create one that crashes" torc create /tmp/crash.cfg
check "a supervisor runs again" [ -n "$(supervisor)" ]
gone_crash() { ! alive crash; }
check "crashed, it is gone" wait_for 120 gone_crash
check "why says so" sh -c 'torc why crash | grep -q "stopped: crash"'
check "why has its last words" sh -c 'torc why crash | grep -qi panic'

small_guest g /guests/grub-x86_64-xen.bin
kill -9 "$(cat /run/torc-consoled.pid)"
check "create without a console daemon" torc create /tmp/g.cfg
start_console torc
check "its first words are kept all the same" wait_log g "GRUB" 30
check "destroy" torc destroy g
equal "dom0 alone is left" "$(torc list | awk 'NR > 1' | wc -l)" 1
equal "the store holds nothing of them" "$(xenstore-ls /local/domain | grep -c '^[1-9]')" 0
