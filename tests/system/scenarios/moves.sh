#rig: nodes=2 mem=1280 dom0_mem=768 timeout=900 nics=virtio layers=linux,small,backends
# Guests go to and fro between two hosts, many times: $RIG_moves each way and back for each of $RIG_guests (a comma between):
# linux1, linux4 (Linux with one or four vCPUs, at work), busy1 (rewriting 4 MiB), idle1, ref64, ref32 (the reference guest,
# rewriting 1 MiB and checking it), wild64, wild32 (16 MiB). At most $RIG_seconds for each.
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
# There and back are two moves.
to_and_fro() { # KIND MOVES
	local done=0 at=here until=$(($(date +%s) + ${RIG_seconds:-100000})) lines=0
	while [ $done -lt $2 ] && { [ $(date +%s) -lt $until ] || [ $at = there ]; }; do
		[ $at = here ] && at=there || at=here
		[ $counts = intact ] || lines=$(wc -l < /tmp/stream)
		move $at --json ${RIG_options:---downtime 100ms --deadline 10s --on-deadline force} > /tmp/out 2>&1 ||
			{ not_ok "$1: move $done" "$(tail -2 /tmp/out)"; return 1; }
		grep '"done"' /tmp/out | sed "s/^/#MOVE $1 /"
		wait_for 180 settled || { not_ok "$1: move $done settles" "$(here_state)/$(there_state)"; return 1; }
		wait_for 5 runs_on $at || { not_ok "$1: move $done: it runs $at" "$(here_state)/$(there_state)"; return 1; }
		goes_on $at $counts || { not_ok "$1: move $done: it goes on"; return 1; }
		[ $counts = intact ] || wait_for 60 streams $((lines + 2)) || { not_ok "$1: move $done: its connection goes on"; return 1; }
		done=$((done + 1))
	done
	say "$1: $done moves"
	[ -n "$RIG_seconds" ] || equal "$1: moves" $done $2
	[ $done -gt 1 ] && ok "$1: it went to and fro"
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
