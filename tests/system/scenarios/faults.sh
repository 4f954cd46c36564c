#rig: nodes=2 mem=1280 dom0_mem=768 timeout=900 nics=virtio layers=linux,backends disks=virtio:ext4 restarts=1
# Faults at random moments of migrations between two hosts: a daemon killed, or both; a whole host; the link cut, stalled, delayed,
# corrupted. Each time the guest is on exactly one host in the end, at work, with its memory, its disk and its connection as they
# were; or it was on the host that died, and is on none.
# $RIG_faults: how many, $RIG_seconds: at most so long, $RIG_window: ms from the start of a migration in which they fall,
# $RIG_kinds: of which kinds (a comma between), $RIG_nocut: without what a link costs that is cut half-way, $RIG_cuts: how often that.
. /scenario/pair.sh
# What passes between the daemons passes through the relays, which do to it what /tmp/wire says on their host
starts_anew() { /scenario/relay 8109 $peer 8102 /tmp/wire > /tmp/relay.log 2>&1 < /dev/null & }
keep
pair
at_work() {
	pair_guest 512
	check "$1: create" tool create /tmp/$GUEST.cfg
	check "$1: it counts" wait_for 180 goes_on here GUEST-COUNT || bail "no guest"
	check "$1: its connection stands" wait_for 60 streams 2
}
at_work "a guest"
for h in here there; do
	on $h "sed -i 's/10.9.0.[12]/127.0.0.1:8109/' /etc/torc/hosts/other.json"
	to=10.9.0.1; [ $h = here ] && to=10.9.0.2
	on $h "/scenario/relay 8109 $to 8102 /tmp/wire > /tmp/relay.log 2>&1 < /dev/null &"
done
listens() { on $1 "grep -q ' 0100007F:1FAD ' /proc/net/tcp"; } # 127.0.0.1:8109
check "a relay is here" wait_for 20 listens here
check "and there" wait_for 20 listens there
check "it goes there through the relay" move there || bail "$(cat /tmp/relay.log) $(there cat /tmp/relay.log)"
check "and back" move here
wire() { echo "$*" > /tmp/wire; there "echo $* > /tmp/wire"; }
# What a link costs that is cut half-way for five seconds, beside a migration of its own
begun() { awk -F'[:,]' '/"round":1/ { for (i = 1; i < NF; i++) { if ($i == "\"pages_sent\"") s = $(i + 1); if ($i == "\"pages_all\"") a = $(i + 1) } if (s * 2 > a) exit 1 }' /tmp/out && return 1; return 0; }
told_ms() { sed -n 's/.*"done".*"total_seconds":\([0-9]*\)\.\([0-9][0-9][0-9]\).*/\1\2/p' /tmp/out; }
cuts=0
while [ -z "$RIG_nocut" ] && [ $cuts -lt ${RIG_cuts:-1} ]; do
	cuts=$((cuts + 1))
	move there --json --deadline 60s --downtime 1s --on-deadline force > /tmp/out 2>&1
	whole=$(told_ms)
	move here > /dev/null
	move there --json --deadline 60s --downtime 1s --on-deadline force > /tmp/out 2>&1 &
	wait_for 60 begun
	wire cut
	sleep 5
	wire pass
	wait $!
	with_cut=$(told_ms)
	say "a migration: $whole ms; with the link cut half-way for 5 s: $with_cut ms: $(((with_cut - whole) * 100 / whole)) per cent of a fresh start"
	check "cut $cuts: a link that is cut half-way for 5 s costs less than 60 per cent of a fresh start" [ $((with_cut - whole)) -lt $((whole * 60 / 100)) ]
	check "cut $cuts: and it came to its end" runs_on there
	move here > /dev/null
done
begin() { # here|there: from where
	on $1 "torc migrate --json --deadline 8s --downtime 100ms --on-deadline force $GUEST other > /tmp/events 2>&1" > /dev/null 2>&1
}
ms() { sleep $(($1 / 1000)).$(printf %03d $(($1 % 1000))); }
kinds=$(echo ${RIG_kinds:-source,target,both,cut,cut-source,cut-target,stall,delay,corrupt,viewer,host} | tr , ' ')
answers() { ping -c 1 -W 1 $peer > /dev/null && there true; }
# The other host's machine is reset at once, with whatever it has not written yet; then it starts anew.
host_dies() {
	nc -w 2 $peer 7100 <<-D
	echo b > /proc/sysrq-trigger
	D
	# who waits for an answer from there waits in vain
	kill $(pgrep -f "nc -w 60 $peer") 2> /dev/null
	wait_for 60 eval '! ping -c 1 -W 1 $peer > /dev/null'
	wait_for 400 answers
}
one_fault() { # KIND FROM MS
	local from=$2 to=here
	[ $from = here ] && to=there
	begin $from &
	ms $3
	case $1 in
	source) on $from 'kill -9 $(pidof torc-migrated)' ;;
	target) on $to 'kill -9 $(pidof torc-migrated)' ;;
	both) kill -9 $(pidof torc-migrated); there 'kill -9 $(pidof torc-migrated)' ;;
	cut) wire cut; ms $(random 9000); wire pass ;;
	cut-source) wire cut; on $from 'kill -9 $(pidof torc-migrated)'; ms $(random 9000); wire pass ;;
	cut-target) wire cut; on $to 'kill -9 $(pidof torc-migrated)'; ms $(random 9000); wire pass ;;
	stall) wire stall; ms $(random 12000); wire pass ;;
	delay) wire delay $((10 + $(random 200))) ;;
	corrupt) wire corrupt $((1000 + $(random 30000) * 200)); ms $(random 9000); wire pass ;;
	viewer) on $from "kill -9 \$(pgrep -f 'migrate --json')" ;;
	host) host_dies ;;
	esac > /dev/null 2>&1
	wait $!
}
# Nothing is open and the guest is on neither host: it was on the one that died, and the other had not taken it, or had seen it run there.
open_here() { torc migrate --status | tail -n +2; }
open_there() { there "torc migrate --status | tail -n +2"; }
closed() { [ -z "$(open_here; open_there)" ]; }
at_rest() { closed && { one || [ -z "$(here_state)$(there_state)" ]; }; }
last_here() { grep -ao 'torc-migrated.*: [A-Z]*, was [A-Z]*' /var/log/messages | tail -1 | sed 's/.*: \([A-Z]*\), was.*/\1/'; }
died_with_it() { # FROM
	case $1/$(last_here) in
	here/GONE) true ;;
	here/*) false ;;
	there/PREPARED | there/RUNNING) false ;;
	esac
}
at=here done=0 died=0 until=$(($(date +%s) + ${RIG_seconds:-100000}))
while [ $done -lt ${RIG_faults:-10} ] && [ $(date +%s) -lt $until ]; do
	set -- $kinds
	shift $(random $#)
	kind=$1 when=$(random ${RIG_window:-14000}) lines=$(wc -l < /tmp/stream) from=$at
	[ $kind != host ] || wrong="$wrong$(there "grep -a GUEST-WRONG /var/log/torc/console/$GUEST.log | head -3")"
	one_fault $kind $from $when
	if [ $kind = delay ]; then sleep 5; wire pass; fi
	if [ $kind = host ] && wait_for 240 at_rest && ! one; then
		echo "#FAULT $done $kind at $when ms from $from: it died with its host; here: $(last_here)"
		check "fault $done: it was on the host that died" died_with_it $from || break
		kill $(pgrep -f 'nc -l -p 6000') 2> /dev/null
		at=here done=$((done + 1)) died=$((died + 1))
		at_work "after fault $((done - 1))"
		continue
	fi
	wait_for 240 settled || { not_ok "fault $done: one host has it" "$kind at $when ms: '$(here_state)' '$(there_state)' $(torc migrate --status) $(there torc migrate --status)"; break; }
	runs_on here && at=here || at=there
	echo "#FAULT $done $kind at $when ms from $from: $at; $(on $from "tr ',' '\n' < /tmp/events | grep '\"state\"\|\"text\"' | tail -3 | tr '\n' ' '")"
	goes_on $at GUEST-COUNT || { not_ok "fault $done: it goes on" "$kind at $when ms: $at"; break; }
	wait_for 90 streams $((lines + 2)) || { not_ok "fault $done: its connection goes on" "$kind at $when ms: $at"; break; }
	done=$((done + 1))
done
say "$done faults; the guest died with its host in $died"
equal "$GUEST: nothing of it was wrong on hosts that died" "$wrong" ""
[ -n "$RIG_seconds" ] || equal "faults" $done ${RIG_faults:-10}
check "faults were survived" [ $done -gt 0 ]
for h in here there; do
	on $h "grep -ao 'torc-migrated.*: [A-Z]*, was [A-Z]*' /var/log/messages" | sed 's/.*: \([A-Z]*, was [A-Z]*\)/\1/' | sort | uniq -c | sed "s/^/#STATES $h /"
done
pair_guest_right
LINES_OF_LOG=2000 pair_end
