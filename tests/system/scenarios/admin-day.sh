#rig: timeout=520 mem=2304 layers=linux,grub,small
# An administrator's day with torc: a guest is made, worked in, given and taken devices, resized, watched,
# paused, renamed, dumped, installed on its disk, rebooted, crashed, found out about, and ended; and whoever
# supervises it may die. At the end twenty run side by side.
modprobe -a loop xen-blkback llc stp bridge xen-netback
ip link add br0 type bridge && ip link set br0 up
mib() { torc list "$1" | awk 'NR > 1 { print $3 }'; }
alive() { torc domid "$1" > /dev/null 2>&1; }
supervisor() { for p in /proc/[0-9]*; do tr '\0' ' ' < "$p/cmdline" 2> /dev/null | grep -q '^torc supervise' && echo "${p#/proc/}"; done; }

check "the host is ready" torc check
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
while read -r line; do eval "$line"; done
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
# what is typed reaches the guest, up to the key that leaves: what stands behind it does not
printf 'echo DAY-TYPED-$((6*7))\n\035echo DAY-NEVER-$((6*7))\n' | timeout 20 torc console -n day > /tmp/viewer 2>&1
equal "Ctrl-] leaves the console" $? 0
check "what was typed is done" wait_log day "DAY-TYPED-42" 30
check "work in it" sh -c "printf 'head -c 64000 /dev/urandom > /dev/xvda; sync; echo DAY-WORKED\n\035' | timeout 20 torc console -n day"
check "it is done" wait_log day "^DAY-WORKED" 30
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
torc top -b -n 1 -d 1 > /tmp/top
check "top shows it at its work" awk '$1 == "day" && $5 >= 0 && $6 > 100000 { found = 1 } END { exit !found }' /tmp/top
check "and as JSON" sh -c 'torc top --json -n 1 -d 1 | grep -q "\"schema\":\"torc-top/1\""'
check "pause" torc pause day
check "list says so" eval 'case "$(state day)" in *p*) ;; *) false ;; esac'
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

# at its first start it installs what it runs from its disk at the next
dd if=/dev/zero of=/again.img bs=1M count=4 2> /dev/null
guest again 'on_reboot="restart"' 'disk=["vdev=xvda,target=/again.img"]' <<'G'
modprobe xen-blkfront
wait_for 60 test -b /dev/xvda
mkdir /system && cd /system
tar xf /dev/xvda 2> /dev/null	# of an empty disk, nothing
if [ -e start ]; then
	. ./start
else
	echo 'echo AGAIN-FROM-ITS-DISK' > start
	tar cf /dev/xvda start && sync && echo AGAIN-INSTALLED
fi
while :; do sleep 1; done
G
check "create one to install" torc create /tmp/again.cfg
check "it installs its disk" wait_log again AGAIN-INSTALLED 120
check "rename it" torc rename again once
check "reboot" torc reboot once
check "it is started again by its new name, from its disk" wait_log once AGAIN-FROM-ITS-DISK 120
equal "its domain is another, its name and disk are the same" "$(torc block-list once | awk 'NR > 1' | wc -l)" 1
kill -9 $(supervisor)
check "destroy it, the supervisor dead" torc destroy once
echo 'sleep 1; echo 1 > /proc/sys/kernel/sysrq; echo c > /proc/sysrq-trigger; sleep 60' | guest crash 'on_crash="destroy"'
check "create one that crashes" torc create /tmp/crash.cfg
check "a supervisor runs again" [ -n "$(supervisor)" ]
gone_crash() { ! alive crash; }
check "crashed, it is gone" wait_for 120 gone_crash
check "why says so" sh -c 'torc why crash | grep -q "stopped: crash"'
last_words() { torc why crash | grep -qi panic; }
check "why has its last words" wait_for 30 last_words # as soon as the console daemon has had its turn

small_guest over /guests/reference64.elf 'memory=8' 'extra="crash"' 'on_crash="restart"'
sed -i /preserve/d /tmp/over.cfg
check "create one that crashes and is restarted" torc create /tmp/over.cfg
over() { [ "$(grep -ac "panic: as" "$(log over)")" -ge 2 ]; }
check "it crashed, and was made again" wait_for 60 over
check "why tells what was done" sh -c 'torc why over | grep -q "stopped: crash; to do: restart"'
torc destroy over

small_guest g /guests/grub-x86_64-xen.bin
kill -9 "$(cat /run/torc-consoled.pid)"
refuses "torc check misses it" "console daemon *no" torc check
check "create without a console daemon" torc create /tmp/g.cfg
start_console torc
check "its first words are kept all the same" wait_log g "GRUB" 30
consoled=/proc/$(cat /run/torc-consoled.pid)
check "the console daemon is not root" wait_for 10 grep -q '^Uid:[[:space:]]*990[[:space:]]*990' "$consoled/status"
no_privcmd() { ls -l "$consoled/fd" > /tmp/fds && ! grep -q privcmd /tmp/fds; }
check "it has no way to the hypervisor's memory" wait_for 10 no_privcmd
# Debian's Xen, as loud as it is here, says a line for each frame of the machine that is not the guest's
if torc check --json 2> /dev/null | grep -q ', Torc"'; then
	check "dump it" torc dump-core g /tmp/g.core
	check "the dump holds its memory" [ "$(stat -c %s /tmp/g.core)" -gt 67000000 ]
	rm -f /tmp/g.core
fi
check "destroy" torc destroy g

twenty="01 02 03 04 05 06 07 08 09 10 11 12 13 14 15 16 17 18 19 20"
all() { # COMMAND...: for each of the twenty
	local n
	for n in $twenty; do "$@" t$n > /tmp/all.out 2>&1 || return 1; done
}
make_one() { small_guest $1 /guests/reference64.elf 'memory=8' && torc create -q /tmp/$1.cfg; }
prompt() { logged $1 "reference>"; }
check "twenty are made" all make_one
prompts() { all prompt; }
check "each comes to its prompt" wait_for 60 prompts
equal "list shows twenty side by side" "$(torc list | grep -c '^t[0-9][0-9] ')" 20
one_types() { printf 'help\n\035' | timeout 10 torc console -n $1 > /tmp/viewer 2>&1; }
check "each console takes what is typed" all one_types
check "pause them all" torc pause $(for n in $twenty; do echo t$n; done)
check "destroy them all" torc destroy $(for n in $twenty; do echo t$n; done)
equal "dom0 alone is left" "$(torc list | awk 'NR > 1' | wc -l)" 1
equal "the store holds nothing of them" "$(xenstore-ls /local/domain | grep -c '^[1-9]')" 0
