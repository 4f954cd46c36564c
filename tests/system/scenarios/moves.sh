#rig: nodes=2 mem=1280 dom0_mem=768 timeout=900 nics=virtio layers=linux,small,backends touched=1
# Guests go to and fro between two hosts, many times: $RIG_moves of each of $RIG_guests (a comma between):
# linux1, linux4 (Linux with one or four vCPUs, at work), linux32 (of 32 bits, from the layer of that name), still1 (its clock and connection
# alone), idle1 (every third of a second a dozen short programs), busy1 (rewriting 4 MiB) and
# heavy1 (16 MiB), these with 128 MiB,
# ref64, ref32 (the reference guest, rewriting 1 MiB and checking it), calm64, calm32 (20 ms later again), wild64, wild32 (16 MiB), these with
# $RIG_mem MiB. Kinds with a + between go at the same time, and several of a kind as ref32-1+ref32-2. At most $RIG_seconds for each of these
# groups. Each move has a line, up to $RIG_shown of them. $RIG_lanes: over so many further connections. $RIG_deadline: for the rounds of each, for slow machines.
. /scenario/pair.sh
pair
make_guest() { # KIND: starts it as $GUEST; $counts is what its console shows again and again
	counts=GUEST-COUNT
	case $1 in
	# room for what Linux's network frontend loses at each reconnection: its 256 buffers, 1 MiB
	linux32) RIG_guest=linux32 MEMORY=170 pair_guest 512 1 ;;
	linux*) MEMORY=$((150 + 20 * ${1#linux})) pair_guest 512 ${1#linux} ;;
	still*) RESTS=yes MEMORY=128 pair_guest 1024 ${1#still} ;;
	idle*) MEMORY=128 pair_guest 4 ${1#idle} ;;
	busy*) MEMORY=128 pair_guest 4096 ${1#busy} ;;
	heavy*) MEMORY=128 pair_guest 16384 ${1#heavy} ;;
	ref*) counts=intact; MEMORY=${RIG_mem:-64} small_guest $GUEST /guests/reference${1#ref}.elf 'extra="dirty=256"' ;;
	calm*) counts=intact; MEMORY=${RIG_mem:-16} small_guest $GUEST /guests/reference${1#calm}.elf 'extra="dirty=256 rest=20"' ;;
	wild*) counts=intact; MEMORY=${RIG_mem:-64} small_guest $GUEST /guests/reference${1#wild}.elf 'extra="dirty=4096"' ;;
	*) bail "no guest $1" ;;
	esac
	check "$GUEST: create" tool create /tmp/$GUEST.cfg
	check "$GUEST: it counts" wait_for 180 goes_on here $counts || bail "no guest"
	eval "counts_${GUEST%-*}=$counts"
}
this() { GUEST=$1; eval "counts=\$counts_${GUEST%-*}"; }
# What one that does nothing is at
in_its_words() { # here|there
	for h in here there; do
		on $h "torc list; torc vcpu-list; torc migrate --status; cat /tmp/unmoved.$GUEST /tmp/blkd.log; tail -n 20 /var/log/torc/console/$GUEST.log; torc block-list $GUEST; torc network-list $GUEST; dmesg | tail -n 8" 2>&1 | sed "s/^/#$h | /"
	done
	# its interrupts, blocked tasks, what its processors are at
	for h in w l t; do on $1 "torc sysrq $GUEST $h; sleep 2"; done
	on $1 "torc vcpu-list; torc debug-keys q; torc dmesg | tail -n 30; tail -n 300 /var/log/torc/console/$GUEST.log; torc store ls /local/domain/\$(torc domid $GUEST); grep -a torc-migrated /var/log/messages | tail -n 30" 2>&1 | sed "s/^/#$1 | /"
}
# Each host sends the guests on as soon as they have been at work there
moved() { cat /tmp/moved.$GUEST 2> /dev/null; there "cat /tmp/moved.$GUEST 2> /dev/null"; }
ended() { on $1 test -e /tmp/shuttled.$GUEST; }
fewest() { # GUEST...: of their moves
	local g here there
	for g; do
		here=$(cat /tmp/moved.$g 2> /dev/null | wc -l) there=$(sed -n "s/^$g //p" /tmp/there.all)
		echo $((here + ${there:-0}))
	done | sort -n | head -1
}
to_and_fro() { # MOVES GUEST...
	local moves=$1 done=0 last=0 quiet=0 until=$(($(date +%s) + ${RIG_seconds:-100000})) began=$(date +%s) g h
	shift
	for g; do
		this $g
		for h in here there; do
			on $h "rm -f /tmp/*.$g; sh /scenario/shuttle.sh $g $counts ${RIG_options:---downtime 100ms --deadline ${RIG_deadline:-10s} --on-deadline force} ${RIG_lanes:+--lanes $RIG_lanes} > /tmp/shuttle.$g 2>&1 < /dev/null &"
		done
	done
	while [ $done -lt $moves ] && [ $(date +%s) -lt $until ] && [ $quiet -lt ${RIG_quiet:-48} ]; do
		sleep 5
		there "for g in $*; do echo \$g \$(cat /tmp/moved.\$g 2> /dev/null | wc -l); done" > /tmp/there.all
		done=$(fewest $*)
		quiet=$((quiet + 1))
		[ $done = $last ] || quiet=0
		last=$done
	done
	for g; do
		for h in here there; do on $h touch /tmp/stop.$g; done
	done
	for g; do
		this $g
		for h in here there; do check "$g: it is sent on no more from $h" wait_for 180 ended $h; done
	done
	for g; do
		this $g
		judge $g $moves $(($(date +%s) - began))
	done
}
spread() { # FIELD, of the moves in /tmp/all
	tr ' ' '\n' < /tmp/all | sed -n "s/^$1=//p" | sort -n |
		awk '{ p[NR] = $1 } END { print "median " p[int((NR + 1) / 2)] ", of ten nine at most " p[int(NR * 9 / 10 + 0.5)] ", most " p[NR] }'
}
judge() { # GUEST MOVES SECONDS
	local done lines=0
	check "$1: nothing is open, one host has it" wait_for 180 settled || say "$(here_state)/$(there_state)"
	runs_on here && at=here || at=there
	[ $counts = intact ] || lines=$(wc -l < /tmp/stream)
	check "$1: it goes on" goes_on $at $counts || in_its_words $at
	[ $counts = intact ] || check "$1: its connection goes on" wait_for 60 streams $((lines + 2))
	moved > /tmp/all
	done=$(wc -l < /tmp/all)
	[ $done -gt ${RIG_shown:-200} ] || sed "s/^/#MOVE $1 /" /tmp/all
	say "$1: $done moves in $3 s; pauses: $(spread pause_seconds); in all: $(spread total_seconds); bytes: $(spread bytes); $(
		awk '{ for (i = 1; i <= NF; i++) { split($i, v, "="); f[v[1]] = v[2] } q = f["predicted_pause_seconds"] / (f["pause_seconds"] + 0.000001)
			n += q > 0.75 && q < 1.25; late += NR > 4 && q > 0.75 && q < 1.25 }
			END { print "predicted within a quarter: " n " of " NR ", after the first four " late " of " NR - 4 }' /tmp/all)"
	[ -n "$RIG_seconds" ] || check "$1: moves" [ $done -ge $2 ]
	check "$1: it went to and fro" [ $done -gt 1 ]
	equal "$1: every move came to its end" "$(cat /tmp/unmoved.$1 2> /dev/null | sort | uniq -c | head -3)$(there "cat /tmp/unmoved.$1 2> /dev/null | sort | uniq -c | head -3")" ""
	for h in here there; do on $h "grep -a 'GUEST-STOOD' /var/log/torc/console/$1.log" | sed "s/^/#$1 $h | /"; done
	if [ $counts = intact ]; then
		equal "$1: its clock never went back" "$(lines_on here 'clock went back')$(lines_on there 'clock went back')" 00
		equal "$1: its memory was never wrong" "$(lines_on here 'not what\|WRONG\|FAIL\|holds')$(lines_on there 'not what\|WRONG\|FAIL\|holds')" 00
	else
		pair_guest_right
	fi
	[ $at = here ] || move here > /dev/null
	check "$1: destroy" tool destroy $1
}
for group in $(echo ${RIG_guests:-linux1,ref64,ref32} | tr , ' '); do
	group=$(echo $group | tr + ' ')
	for GUEST in $group; do make_guest ${GUEST%-*}; done
	to_and_fro ${RIG_moves:-10} $group
done
pair_end
