#rig: nodes=2 mem=1280 dom0_mem=768 timeout=900 nics=virtio layers=linux,backends,grub
# Two hosts on one wire: they pair, and a Linux guest at work, with a network disk, a card and an open TCP connection, goes to
# and fro between them. What is refused is named, and whatever is killed on the way, one host has the guest. The first host
# drives; the second does what it is told over the wire. $RIG_moves, $RIG_faults: how many more there are of each, for a soak.
me=10.9.0.$((RIG_node + 1)) peer=10.9.0.$((2 - RIG_node))
modprobe -a virtio_pci virtio_net bridge llc stp xen-netback
card() { [ -e /sys/class/net/eth0 ]; }
check "a card appears" wait_for 20 card || bail "no card"
brctl addbr br0; brctl addif br0 eth0
ip link set eth0 mtu 9000
ip link set lo up; ip link set eth0 up; ip link set br0 up
ip addr add $me/24 dev br0
check "the other host answers" wait_for 90 ping -c 1 -W 1 $peer || bail "no other host"
syslogd -n -O /var/log/messages -S &
torc-blkd --foreground 2> /tmp/blkd.log &
# Pairing, with a yes on both sides; the codes are compared in the log by whoever reads it, the pins here.
check "they pair" eval "echo yes | timeout 120 torc host --address $peer pair other" || bail "not paired"
sed 's/^/#| /' /tmp/check.out
check "the other host is known" eval "torc host list | grep -q '^other  *$peer '"
check "the key is for root alone" eval '[ "$(stat -c %a /etc/torc/host/key.pem)" = 600 ]'
# what a service manager does: it is started again, whatever it died of
while [ ! -e /tmp/finish ]; do torc-migrated --foreground; sleep 0.2; done 2> /tmp/migrated.err &
if [ "$RIG_node" = 1 ]; then
	nc -ll -p 7100 -e sh 2> /dev/null &
	check "the first host is through" wait_for 100000 test -e /tmp/finish
	grep torc-migrated /var/log/messages | tail -200 | sed 's/^/#| /'
	finish
fi
# there COMMAND...: on the other host; what it says and how it ended
there() {
	{ echo "$*"; echo 'echo " rc=$?"'; } | nc -w 60 $peer 7100 > /tmp/there
	grep -v '^ rc=' /tmp/there
	grep -q '^ rc=0' /tmp/there
}
check "the other host does what it is told" wait_for 60 there true || bail "no other host"

mkdir -p /srv/nbd
dd if=/dev/zero of=/srv/nbd/disk bs=1M count=4 2> /dev/null
nbdkit --foreground --no-fork --port 10809 /usr/bin/nbdkit-file-plugin.so dir=/srv/nbd 2> /tmp/nbd.log &
recv -l -p 6000 > /tmp/stream &
# A writer of memory that checks it, a counter of disk blocks that reads back what it wrote, a clock watcher, a TCP stream
# $RIG_guest: another kernel, from the layer of that name; $RIG_vcpus
[ -z "${RIG_guest:-}" ] || KERNEL=/guests/$RIG_guest.elf INITRD=/guests/$RIG_guest.cpio
MEMORY=96 guest web "disk=[\"vdev=xvda,target=nbd://10.9.0.1/disk\"]" 'vif=["mac=00:16:3e:00:00:09,bridge=br0"]' <<'G'
modprobe xen-blkfront; modprobe xen-netfront
wait_for 60 test -b /dev/xvda -a -e /sys/class/net/eth0 || echo GUEST-NODEVICE
ip addr add 10.9.0.9/24 dev eth0; ip link set eth0 up
wait_for 60 ping -c 1 -W 1 10.9.0.1 > /dev/null || echo GUEST-WRONG link
{ i=0; while :; do i=$((i + 1)); echo $i; sleep 0.3; done; } | nc 10.9.0.1 6000 &
head -c 524288 /dev/urandom > /tmp/w
want=$(md5sum < /tmp/w)
n=0; last=0
while :; do
	n=$((n + 1)); now=$(cut -d' ' -f1 /proc/uptime | tr -d .)
	[ "$now" -ge "$last" ] || echo "GUEST-WRONG clock"
	last=$now
	cp /tmp/w /tmp/v; [ "$(md5sum < /tmp/v)" = "$want" ] || echo "GUEST-WRONG memory"
	printf '%08d' $n | dd of=/dev/xvda bs=8 seek=$((n % 1000)) conv=notrunc,fsync 2> /dev/null || echo "GUEST-WRONG write"
	[ $((n % 4)) != 0 ] || echo 1 > /proc/sys/vm/drop_caches
	[ "$(dd if=/dev/xvda bs=8 skip=$((n % 1000)) count=1 2> /dev/null)" = "$(printf '%08d' $n)" ] || echo "GUEST-WRONG disk"
	echo "GUEST-COUNT $n"
	sleep 0.3
done
G
sed -i "s/^vcpus=1$/vcpus=${RIG_vcpus:-1}/" /tmp/web.cfg
check "create" tool create /tmp/web.cfg
check "it counts" wait_log web "GUEST-COUNT 3" 180 || bail "no guest"
streams() { [ "$(wc -l < /tmp/stream)" -gt "${1:-0}" ]; }
check "its connection stands" wait_for 30 streams 2
# where it runs, and only there
here_state() { state web; }
there_state() { there "torc list web 2> /dev/null" | awk 'NR == 2 { gsub("-", "", $5); print $5 }'; }
runs_on() { # here|there
	local h t
	h=$(here_state) t=$(there_state)
	case $h in [rb]) h=here ;; "") h= ;; *) h=stands ;; esac
	case $t in [rb]) t=there ;; "") t= ;; *) t=stands ;; esac
	[ "$h$t" = "$1" ]
}
one() { runs_on here || runs_on there; }
settled() { one && [ -z "$(torc migrate --status | tail -n +2; there "torc migrate --status | tail -n +2")" ]; }
counted() { grep -ac GUEST-COUNT /var/log/torc/console/web.log; }
counts_on() { # here|there: it does something
	local n
	if [ $1 = here ]; then n=$(counted); else n=$(there "grep -ac GUEST-COUNT /var/log/torc/console/web.log"); fi
	more() { [ "$(if [ $1 = here ]; then counted; else there "grep -ac GUEST-COUNT /var/log/torc/console/web.log"; fi)" -gt $((${n:-0} + 1)) ]; }
	wait_for 60 more $1
}
move() { # here|there: to where
	if [ $1 = there ]; then torc migrate --downtime 1s --deadline 15s --on-deadline force web other
	else there torc migrate --downtime 1s --deadline 15s --on-deadline force web other; fi
}

# --- refused, and why
refuses "a host that nobody knows" "no host named nobody is known here" tool migrate web nobody
there "mv /etc/torc/hosts/other.pem /tmp"
refuses "a host that does not know us" "\[channel\]\|\[no-rights\]" tool migrate web other
there "mv /tmp/other.pem /etc/torc/hosts"
check "nothing is missing" tool migrate --check web other
there "printf 'name=\"web\"\nkernel=\"/guests/grub-x86_64-xen.bin\"\nmemory=400\n' > /tmp/x.cfg; torc create -p /tmp/x.cfg"
record=/var/lib/torc/guests/web.json
cp $record /tmp/record; sed -i '1s/{/{"cpu_features":[0,0,0,0,0,65536],/' $record
refuses "a processor that lacks what it needs" "lacks what the guest may use: AVX512F" tool migrate --check web other
said() { grep -q "$1" /tmp/refused; }
cp /tmp/check.out /tmp/refused
check "a name that is taken is named as well" said 'named "web" already'
check "and memory that is not there" said 'needs [0-9]* MiB, the host has'
cp /tmp/record $record
there "torc destroy web"
check "it runs here, and only here" wait_for 30 runs_on here

# --- there and back
round() { # here|there NAME
	local lines
	if check "$2" move $1; then sed 's/^/#| /' /tmp/check.out; fi
	lines=$(wc -l < /tmp/stream)
	check "$2: it runs $1, and only there" wait_for 60 runs_on $1
	check "$2: it counts on" counts_on $1
	check "$2: its connection goes on" wait_for 60 streams $((lines + 2))
}
round there "to the other host"
round here "and back"

# --- killed on the way: at the first page, and when the guest stands still
begin() { torc migrate --json --deadline 10s --on-deadline force web other > /tmp/events 2>&1 & }
told() { grep -q "$1" /tmp/events; }
begin
check "the first pages go" wait_for 60 told '"progress"'
there 'kill -9 $(pidof torc-migrated)'
check "the receiving daemon is killed: it runs here, and only here" wait_for 180 runs_on here
check "nothing is open" wait_for 180 settled
over() { ! ps | grep -q '[t]orc migrate --json'; }
check "torc migrate has ended" wait_for 180 over
begin
check "it stands still" wait_for 120 told SUSPENDED
kill -9 $(pidof torc-migrated)
check "the sending daemon is killed: one host has it" wait_for 180 one
check "nothing is open after that" wait_for 180 settled
runs_on there && round here "back from there"

# --- a soak: moves, then faults at random moments
random() { echo $(($(od -An -N2 -tu2 /dev/urandom) % $1)); }
at=here done=0
while [ $done -lt ${RIG_moves:-0} ]; do
	[ $at = here ] && at=there || at=here
	move $at > /tmp/out 2>&1 || { not_ok "move $done" "$(cat /tmp/out)"; break; }
	sed 's/^/#| /' /tmp/out
	wait_for 60 runs_on $at || { not_ok "move $done: it runs $at" "$(here_state)/$(there_state)"; break; }
	done=$((done + 1))
done
[ ${RIG_moves:-0} = 0 ] || equal "moves" $done $RIG_moves
[ $at = here ] || move here
done=0
while [ $done -lt ${RIG_faults:-0} ]; do
	begin
	ms=$(random ${RIG_window:-20000})
	sleep $((ms / 1000)).$(printf %03d $((ms % 1000)))
	fault=$(random 4)
	case $fault in
	0) kill -9 $(pidof torc-migrated) ;;
	1) there 'kill -9 $(pidof torc-migrated)' ;;
	2) ip link set eth0 down; sleep $(random 6); ip link set eth0 up ;;
	3) ip link set eth0 down; kill -9 $(pidof torc-migrated); sleep $(random 12); ip link set eth0 up ;;
	esac
	wait $!
	wait_for 180 settled || { not_ok "fault $done: one host has it" "kind $fault at $ms ms: '$(here_state)' '$(there_state)' $(torc migrate --status)"; break; }
	runs_on here && at=here || at=there
	echo "#| fault $done, kind $fault at $ms ms: $at; $(grep -o '"state":"[A-Z]*"' /tmp/events | tail -1)"
	[ $at = here ] || move here > /tmp/out 2>&1 || { not_ok "fault $done: back" "$(cat /tmp/out)"; break; }
	done=$((done + 1))
done
[ ${RIG_faults:-0} = 0 ] || equal "faults" $done $RIG_faults

equal "nothing of it was ever wrong" "$(grep -a GUEST-WRONG "$(log web)" | head -3; there "grep -a GUEST-WRONG /var/log/torc/console/web.log | head -3")" ""
equal "its connection lost nothing" "$(head -n -1 /tmp/stream | awk '$1 != NR { print NR ": " $1; exit }')" ""
grep torc-migrated /var/log/messages | tail -200 | sed 's/^/#| /'
there touch /tmp/finish
