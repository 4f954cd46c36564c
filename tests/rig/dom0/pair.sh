# SPDX-License-Identifier: BSD-2-Clause
#
# Two hosts on one wire, as scenarios with nodes=2 use them. The first drives; the second does what it is told over the wire.
# The guest that goes to and fro is $GUEST.

GUEST=web
me=10.9.0.$((RIG_node + 1)) peer=10.9.0.$((2 - RIG_node))
# A host with a disk keeps there what has to outlive it. anew: this is not its first start.
anew=
keep() {
	local d
	modprobe -a virtio_pci virtio_blk crc32c_generic ext4
	wait_for 20 test -b /dev/vda && mount /dev/vda /mnt || bail "no disk to keep things on"
	[ ! -e /mnt/results ] || anew=yes
	for d in etc/torc var/lib/torc; do
		mkdir -p /mnt/$d /$d
		cp -a /$d/. /mnt/$d
		mount -o bind /mnt/$d /$d
	done
}
# A host that starts anew knows the other, and does what it is told; which lines it said before stands on its disk.
pair_anew() {
	brctl addbr br0; brctl addif br0 eth0
	ip link set eth0 mtu 9000
	ip link set lo up; ip link set eth0 up; ip link set br0 up
	ip addr add $me/24 dev br0
	syslogd -n -O /var/log/messages -S &
	torc-blkd --foreground 2> /tmp/blkd.log &
	starts_anew
	while [ ! -e /tmp/finish ]; do torc-migrated --foreground; sleep 0.2; done 2> /tmp/migrated.err &
	nc -ll -p 7100 -e sh 2> /dev/null &
	while [ ! -e /tmp/finish ]; do sleep 0.2; done
	TAP_N=$(cat /mnt/results)
	ok "the first host is through"
	pair_log
	finish
}
# The second host stays in here until the first is through.
pair() {
	modprobe -a virtio_pci virtio_net bridge llc stp xen-netback
	card() { [ -e /sys/class/net/eth0 ]; }
	if [ -n "$anew" ]; then
		wait_for 20 card
		pair_anew
	fi
	check "a card appears" wait_for 20 card || bail "no card"
	brctl addbr br0; brctl addif br0 eth0
	ip link set eth0 mtu 9000
	ip link set lo up; ip link set eth0 up; ip link set br0 up
	ip addr add $me/24 dev br0
	check "the other host answers" wait_for 90 ping -c 1 -W 1 $peer || bail "no other host"
	syslogd -n -O /var/log/messages -S &
	torc-blkd --foreground 2> /tmp/blkd.log &
	# With a yes on both sides; the codes are compared in the log by whoever reads it, the pins here.
	check "they pair" eval "echo yes | timeout 120 torc host --address $peer pair other" || bail "not paired"
	sed 's/^/#| /' /tmp/check.out
	check "the other host is known" eval "torc host list | grep -q '^other  *$peer '"
	# what a service manager does: it is started again, whatever it died of
	while [ ! -e /tmp/finish ]; do torc-migrated --foreground; sleep 0.2; done 2> /tmp/migrated.err &
	if [ "$RIG_node" = 1 ]; then
		nc -ll -p 7100 -e sh 2> /dev/null &
		[ ! -d /mnt/etc ] || { echo $TAP_N > /mnt/results; sync; }
		check "the first host is through" wait_for 100000 test -e /tmp/finish
		pair_log
		finish
	fi
	check "the other host does what it is told" wait_for 60 there true || bail "no other host"
}
pair_log() { grep 'torc-migrated\|torc-supervise' /var/log/messages | tail -${LINES_OF_LOG:-200} | sed 's/^/#| /'; }
pair_end() {
	pair_log
	there touch /tmp/finish
}
# there COMMAND...: on the other host; what it says and how it ended
there() {
	{ echo "$*"; echo 'echo " rc=$?"'; } | nc -w 60 $peer 7100 > /tmp/there
	grep -v '^ rc=' /tmp/there
	grep -q '^ rc=0' /tmp/there
}
# One that waits for a processor is neither "r" nor "b"
state_of='NR == 2 { s = $5; gsub("-", "", s); print s ~ /[pscd]/ ? "stands" : "runs" }'
here_state() { torc list $GUEST 2> /dev/null | awk "$state_of"; }
there_state() { there "torc list $GUEST 2> /dev/null" | awk "$state_of"; }
# where it runs, and only there
runs_on() { # here|there
	case $(here_state)/$(there_state) in
	runs/) [ $1 = here ] ;;
	/runs) [ $1 = there ] ;;
	*) false ;;
	esac
}
one() { runs_on here || runs_on there; }
settled() { one && [ -z "$(torc migrate --status | tail -n +2; there "torc migrate --status | tail -n +2")" ]; }
on() { # here|there COMMAND...
	local where=$1
	shift
	if [ $where = here ]; then eval "$*"; else there "$*"; fi
}
# Lines of its console, on a host: how many hold a pattern
lines_on() { on $1 "grep -ac '$2' /var/log/torc/console/$GUEST.log 2> /dev/null"; }
# It does something there
goes_on() { # here|there PATTERN
	local n
	n=$(lines_on $1 "$2")
	more() { [ "$(lines_on $1 "$2")" -gt $((${n:-0} + 1)) ]; }
	wait_for 60 more $1 "$2"
}
move() { # here|there [OPTION...]: to where
	local where=here
	[ $1 = here ] && where=there
	shift
	on $where torc migrate ${*:---downtime 1s --deadline 15s --on-deadline force} $GUEST other
}
random() { echo $(($(od -An -N2 -tu2 /dev/urandom) % $1)); }

# A Linux guest at work: a writer of memory that checks it, a counter of disk blocks that reads back what it wrote, a clock
# watcher, a TCP stream that is numbered, and one that tells how long it stood still.
# $RIG_guest: another kernel, from the layer of that name. $RESTS: it does next to nothing most of the time.
pair_guest() { # KIB-REWRITTEN [VCPUS]
	local kib=$1 vcpus=${2:-${RIG_vcpus:-1}}
	[ -z "${RIG_guest:-}" ] || KERNEL=/guests/$RIG_guest.elf INITRD=/guests/$RIG_guest.cpio
	if [ ! -e /srv/nbd/disk ]; then
		mkdir -p /srv/nbd
		nbdkit --foreground --no-fork --port 10809 /usr/bin/nbdkit-file-plugin.so dir=/srv/nbd 2> /tmp/nbd.log &
		wait_for 60 eval "cat /proc/net/tcp* | grep -q ':2A39 .* 0A '" || cat /tmp/nbd.log
	fi
	dd if=/dev/zero of=/srv/nbd/disk bs=1M count=4 2> /dev/null
	: > /tmp/stream
	recv -l -p 6000 > /tmp/stream &
	MEMORY=${MEMORY:-96} guest $GUEST "disk=[\"vdev=xvda,target=nbd://10.9.0.1/disk\"]" \
		'vif=["mac=00:16:3e:00:00:09,bridge=br0"]' <<-G
	KIB=$kib RESTS=${RESTS:-}
	$(cat /scenario/pair-guest.sh)
	G
	sed -i "s/^vcpus=1$/vcpus=$vcpus/" /tmp/$GUEST.cfg
}
streams() { [ "$(wc -l < /tmp/stream)" -gt "${1:-0}" ]; }
pair_guest_right() {
	equal "$GUEST: nothing of it was ever wrong" "$(grep -a GUEST-WRONG "$(log $GUEST)" | head -3; there "grep -a GUEST-WRONG /var/log/torc/console/$GUEST.log | head -3")" ""
	equal "$GUEST: its connection lost nothing" "$(head -n -1 /tmp/stream | awk '$1 != NR { print NR ": " $1; exit }')" ""
}
