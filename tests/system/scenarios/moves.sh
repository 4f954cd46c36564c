#rig: nodes=2 mem=1280 dom0_mem=768 timeout=900 nics=virtio layers=linux,small,backends
# Guests go to and fro between two hosts, many times: $RIG_moves of each of $RIG_guests (a comma between):
# linux1, linux4 (Linux with one or four vCPUs, at work), busy1 (rewriting 4 MiB), idle1, ref64, ref32 (the reference guest,
# rewriting 1 MiB and checking it), wild64, wild32 (16 MiB). At most $RIG_seconds for each. Each move has a line, up to $RIG_shown of them.
. /scenario/pair.sh
pair
make_guest() { # KIND: starts it as $GUEST; $counts is what its console shows again and again
	counts=GUEST-COUNT
	case $1 in
	linux*) MEMORY=$((80 + 20 * ${1#linux})) pair_guest 512 ${1#linux} ;;
	busy*) pair_guest 4096 ${1#busy} ;;
	idle*) pair_guest 4 ${1#idle} ;;
	ref*) counts=intact; MEMORY=${MEMORY:-64} small_guest $GUEST /guests/reference${1#ref}.elf 'extra="dirty=256"' ;;
	wild*) counts=intact; MEMORY=${MEMORY:-64} small_guest $GUEST /guests/reference${1#wild}.elf 'extra="dirty=4096"' ;;
	*) bail "no guest $1" ;;
	esac
	check "$1: create" tool create /tmp/$GUEST.cfg
	check "$1: it counts" wait_for 180 goes_on here $counts || bail "no guest"
}
# Each host sends the guest on as soon as it has been at work there
moved() { cat /tmp/moved 2> /dev/null; there "cat /tmp/moved 2> /dev/null"; }
ended() { on $1 test -e /tmp/shuttled; }
to_and_fro() { # KIND MOVES
	local done=0 last=0 quiet=0 until=$(($(date +%s) + ${RIG_seconds:-100000})) lines=0 began=$(date +%s) h
	for h in here there; do
		on $h "rm -f /tmp/moved /tmp/unmoved /tmp/stop /tmp/shuttled; sh /scenario/shuttle.sh $GUEST $counts ${RIG_options:---downtime 100ms --deadline 10s --on-deadline force} > /tmp/shuttle.log 2>&1 < /dev/null &"
	done
	while [ $done -lt $2 ] && [ $(date +%s) -lt $until ] && [ $quiet -lt 48 ]; do
		sleep 5
		done=$(($(cat /tmp/moved 2> /dev/null | wc -l) + $(there "cat /tmp/moved 2> /dev/null | wc -l")))
		quiet=$((quiet + 1))
		[ $done = $last ] || quiet=0
		last=$done
	done
	for h in here there; do on $h touch /tmp/stop; done
	for h in here there; do check "$1: it is sent on no more from $h" wait_for 180 ended $h; done
	check "$1: nothing is open, one host has it" wait_for 180 settled || say "$(here_state)/$(there_state)"
	runs_on here && at=here || at=there
	[ $counts = intact ] || lines=$(wc -l < /tmp/stream)
	check "$1: it goes on" goes_on $at $counts
	[ $counts = intact ] || check "$1: its connection goes on" wait_for 60 streams $((lines + 2))
	moved > /tmp/all
	done=$(wc -l < /tmp/all)
	[ $done -gt ${RIG_shown:-200} ] || sed "s/^/#MOVE $1 /" /tmp/all
	say "$1: $done moves in $(($(date +%s) - began)) s; $(tr ' ' '\n' < /tmp/all | sed -n 's/^pause_seconds=//p' | sort -n |
		awk '{ p[NR] = $1 } END { print "pauses: median " p[int((NR + 1) / 2)] ", of ten nine at most " p[int(NR * 9 / 10 + 0.5)] ", longest " p[NR] }'); $(
		awk '{ for (i = 1; i <= NF; i++) { split($i, v, "="); f[v[1]] = v[2] } q = f["predicted_pause_seconds"] / (f["pause_seconds"] + 0.000001)
			n += q > 0.75 && q < 1.25; late += NR > 4 && q > 0.75 && q < 1.25 }
			END { print "predicted within a quarter: " n " of " NR ", after the first four " late " of " NR - 4 }' /tmp/all)"
	[ -n "$RIG_seconds" ] || check "$1: moves" [ $done -ge $2 ]
	check "$1: it went to and fro" [ $done -gt 1 ]
	equal "$1: every move came to its end" "$(cat /tmp/unmoved 2> /dev/null | sort | uniq -c | head -3)$(there "cat /tmp/unmoved 2> /dev/null | sort | uniq -c | head -3")" ""
	[ $at = here ] || move here > /dev/null
}
number=0
for kind in $(echo ${RIG_guests:-linux1,ref64,ref32} | tr , ' '); do
	number=$((number + 1)) GUEST=$kind
	make_guest $kind
	to_and_fro $kind ${RIG_moves:-10}
	for h in here there; do on $h "grep -a 'GUEST-STOOD' /var/log/torc/console/$GUEST.log" | sed "s/^/#$kind $h | /"; done
	if [ $counts = intact ]; then
		equal "$kind: its clock never went back" "$(lines_on here 'clock went back')$(lines_on there 'clock went back')" 00
		equal "$kind: its memory was never wrong" "$(lines_on here 'not what\|WRONG\|FAIL')$(lines_on there 'not what\|WRONG\|FAIL')" 00
	else
		pair_guest_right
	fi
	check "$kind: destroy" tool destroy $GUEST
done
pair_end
