#rig: nodes=2 mem=1280 dom0_mem=768 timeout=900 nics=virtio layers=linux,small,backends disks=virtio:ext4 restarts=1
# Faults at random moments of migrations between two hosts: a daemon killed, or both; a whole host; the link cut, stalled, delayed,
# corrupted. A Linux guest at work and $RIG_small small ones that write memory and check it move at once, each from where it is and from
# a random moment on; one fault strikes all that are under way, and each of these counts. Every second one waits until a guest stands still. Afterwards
# each guest is on exactly one host, at work, its memory as it was, and the Linux guest's disk and connection; or it was on the host
# that died, and is on none.
# $RIG_faults: how many, $RIG_seconds: at most so long, $RIG_kinds: of which kinds (a comma between), $RIG_nocut: without what a link costs that is
# cut half-way, $RIG_cuts: how often that, $RIG_outage: one is cut for so many seconds.
. /scenario/pair.sh
# What passes between the daemons passes through the relays, which do to it what /tmp/wire says on their host
starts_anew() { /scenario/relay 8109 $peer 8102 /tmp/wire > /tmp/relay.log 2>&1 < /dev/null & }
keep
pair
at_work() {
	# with room for what Linux's network frontend loses at each reconnection: 1 MiB
	MEMORY=160 pair_guest 512
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
# What a link costs that is cut half-way for five seconds, beside a migration of its own: of one that takes some twenty, so that it is not
# these five alone that are measured
begun() { awk -F'[:,]' '/"round":1/ { for (i = 1; i < NF; i++) { if ($i == "\"pages_sent\"") s = $(i + 1); if ($i == "\"pages_all\"") a = $(i + 1) } if (s * 2 > a) exit 1 }' /tmp/out && return 1; return 0; }
told_ms() { sed -n 's/.*"done".*"total_seconds":\([0-9]*\)\.\([0-9][0-9][0-9]\).*/\1\2/p' /tmp/out; }
cuts=0
while [ -z "$RIG_nocut" ] && [ $cuts -lt ${RIG_cuts:-1} ]; do
	cuts=$((cuts + 1))
	move there --json --bandwidth 5M --deadline 60s --downtime 1s --on-deadline force > /tmp/out 2>&1
	whole=$(told_ms)
	move here > /dev/null
	move there --json --bandwidth 5M --deadline 60s --downtime 1s --on-deadline force > /tmp/out 2>&1 &
	wait_for 60 begun
	wire cut
	sleep 5
	wire pass
	wait $!
	with_cut=$(told_ms)
	if [ -n "$whole" ] && [ -n "$with_cut" ]; then
		say "a migration: $whole ms; with the link cut half-way for 5 s: $with_cut ms: $(((with_cut - whole) * 100 / whole)) per cent of a fresh start"
		check "cut $cuts: a link that is cut half-way for 5 s costs less than 60 per cent of a fresh start" [ $((with_cut - whole)) -lt $((whole * 60 / 100)) ]
	else
		not_ok "cut $cuts: both migrations tell how long they took" "'$whole' and '$with_cut': $(tail -3 /tmp/out)"
	fi
	check "cut $cuts: and it came to its end" runs_on there
	move here > /dev/null
done
if [ -n "$RIG_outage" ]; then
	move there --json --bandwidth 5M --deadline 60s --downtime 1s --on-deadline force > /tmp/out 2>&1 &
	wait_for 60 begun
	wire cut
	sleep $RIG_outage
	wire pass
	check "a link that is away for $RIG_outage s ends no migration" wait $!
	check "and the guest is there" wait_for 60 runs_on there || say "$(tail -3 /tmp/out)"
	move here > /dev/null
fi
ms() { sleep $(($1 / 1000)).$(printf %03d $(($1 % 1000))); }
kinds=$(echo ${RIG_kinds:-source,target,both,cut,cut-source,cut-target,stall,delay,corrupt,viewer,host} | tr , ' ')
which_start() { echo 'cat /proc/sys/kernel/random/boot_id' | timeout 5 nc $peer 7100; }
anew_there() { local now=$(which_start); [ -n "$now" ] && [ "$now" != "$1" ]; }
# The other host's machine is reset at once, with whatever it has not written yet; then it starts anew.
host_dies() { # WHICH-START
	cp /var/log/messages /tmp/messages.then
	cut -d' ' -f1 /proc/uptime > /tmp/struck
	timeout 3 nc $peer 7100 <<-D
	cut -d' ' -f1 /proc/uptime > /tmp/struck
	echo b > /proc/sysrq-trigger
	D
	# who waits for an answer from there waits in vain
	kill $(sh /scenario/pids.sh "nc -w 60 $peer") 2> /dev/null
	wait_for 400 anew_there $1
}
# --- the guests
small_work() { # GUEST
	MEMORY=16 small_guest $1 /guests/reference32.elf 'extra="dirty=256 rest=20"'
	check "${2:+$2: }create $1" tool create /tmp/$1.cfg
}
guests=$GUEST n=0
[ ${RIG_faults:-10} = 0 ] || while [ $n -lt ${RIG_small:-6} ]; do
	n=$((n + 1)) guests="$guests r$n"
	small_work r$n
done
look() {
	sh /scenario/look.sh $guests > /tmp/look.here
	there sh /scenario/look.sh $guests > /tmp/look.there
	grep -q '^end' /tmp/look.there
}
where() { # GUEST: here, there, none, or unclear
	case $(sed -n "s/^dom $1 //p" /tmp/look.here)/$(sed -n "s/^dom $1 //p" /tmp/look.there) in
	runs/) echo here ;;
	/runs) echo there ;;
	/) echo none ;;
	*) echo unclear ;;
	esac
}
says() { sed -n "s/^says $1 //p" /tmp/look.$2 | cut -d' ' -f$3; } # GUEST here|there 1|2
# Nothing is open, and each guest is on one host, or on none if NONE is given.
at_rest() {
	local g
	look || return 1
	if grep -q '^open' /tmp/look.here /tmp/look.there; then
		echo "$(cut -d' ' -f1 /proc/uptime) $(grep -h '^open' /tmp/look.here /tmp/look.there | tr '\n' ' ')" >> /tmp/was-open
		[ $(($(wc -l < /tmp/was-open) % 20)) != 19 ] || tail -n 1 /tmp/was-open | sed 's/^/#open at /; s/  */ /g'
		return 1
	fi
	for g in $guests; do
		case $(where $g) in
		here | there) ;;
		none) [ -n "$none" ] || return 1 ;;
		*) return 1 ;;
		esac
	done
}
all_go_on() {
	local g at
	look || return 1
	for g in $guests; do
		eval "at=\$at_$g"
		[ $at = none ] || [ $(says $g $at 1) -gt $(($(eval echo \$said_$g) + 1)) ] || return 1
	done
}
# --- one fault
when_it_stands() { # here|there GUEST COMMAND: from its last round on, within a tenth of a second: it stands still for no longer
	local other=here
	[ $1 = here ] && other=there
	on $1 "n=0; until grep -q 'last\":true\|SUSPENDED\|ended' /tmp/go.$2 2> /dev/null; do sleep 0.01; n=\$((n + 1)); [ \$n -lt 2000 ] || break; done
		sleep 0.$(printf %03d $(random 100)); cut -d' ' -f1 /proc/uptime > /tmp/struck; $3"
	on $other "cut -d' ' -f1 /proc/uptime > /tmp/struck"
}
one_fault() { # KIND FROM [GUEST-WAITED-FOR ITS-HOST]
	local from=${4:-$2} to=here h start
	[ $from = here ] && to=there
	: > /tmp/was
	[ $1 != host ] || start=$(which_start)
	for h in here there; do on $h "sh /scenario/go.sh $(eval echo \$go_$h) > /dev/null 2>&1 < /dev/null"; done
	[ -n "$3" ] || ms $begin_within
	case ${3:+aimed}$1 in
	# on the host that it leaves, which knows first; the other hears of it when it looks for the time
	aimedsource) when_it_stands $4 $3 'kill -9 $(pidof torc-migrated)' ;;
	aimedcut*) when_it_stands $4 $3 'echo cut > /tmp/wire' ;;
	aimedstall) when_it_stands $4 $3 'echo stall > /tmp/wire' ;;
	aimedcorrupt) when_it_stands $4 $3 'echo corrupt 5000 > /tmp/wire' ;;
	aimed*) when_it_stands $4 $3 : ;;
	*) for h in there here; do on $h "cut -d' ' -f1 /proc/uptime > /tmp/struck"; done ;;
	esac > /dev/null 2>&1
	case $1 in
	source) [ -n "$3" ] || on $from 'kill -9 $(pidof torc-migrated)' ;;
	target) on $to 'kill -9 $(pidof torc-migrated)' ;;
	both) kill -9 $(pidof torc-migrated); there 'kill -9 $(pidof torc-migrated)' ;;
	cut) wire cut; ms $(random 9000); wire pass ;;
	cut-source) wire cut; on $from 'kill -9 $(pidof torc-migrated)'; ms $(random 6000); wire pass ;;
	cut-target) wire cut; on $to 'kill -9 $(pidof torc-migrated)'; ms $(random 6000); wire pass ;;
	stall) wire stall; ms $(random 12000); wire pass ;;
	delay) wire delay $((10 + $(random 200))); ms $((1000 + $(random 4000))); wire pass ;;
	corrupt) wire corrupt $((1000 + $(random 30000) * 200)); ms $(random 9000); wire pass ;;
	viewer) for h in here there; do on $h "p=\$(sh /scenario/pids.sh 'migrate --json'); cut -d' ' -f1 /proc/uptime > /tmp/struck; kill -9 \$p"; done ;;
	host)
		host_dies $start
		for g in $guests; do
			h=$(last_here $g /tmp/messages.then)
			[ $(eval echo \$from_$g) != there ] || case $h in NONE | PREPARED) echo "$g to-$h" >> /tmp/was ;; esac
		done
		;;
	esac > /dev/null 2>&1
}
# What this host last wrote down of a guest since the fault before
last_here() { tail -n +$((messages + 1)) ${2:-/var/log/messages} | grep -ao "torc-migrated.*: $1: [A-Z]*, was [A-Z]*" | tail -1 | sed 's/.*: \([A-Z]*\), was.*/\1/'; }
# It is on neither host: it was on the one that died, and the other had not taken it, or had seen it run there.
died_with_it() { # GUEST FROM
	case $2/$(last_here $1) in
	here/GONE) true ;;
	here/*) false ;;
	there/PREPARED | there/RUNNING) false ;;
	esac
}
what_they_said() {
	tail -n 4 /tmp/was-open | sed 's/^/#open at /'
	for h in here there; do on $h "grep -v '\"checked\"\|\"last\":false' /tmp/go.* | sed 's/\"schema.*pages_sent//; s/\"bytes_per.*//'" | cut -c1-150 | sed "s/^/#$h | /"; done
	for g in $guests; do
		for h in here there; do on $h "grep -av 'intact\|GUEST-COUNT' /var/log/torc/console/$g.log | tail -n 3" | sed "s/^/#$h $g | /"; done
	done
	tail -n +$((messages + 1)) /var/log/messages | grep -a torc-migrated | sed 's/^/#here | /'
	there "tail -n +\$(($(cat /tmp/messages.there) + 1)) /var/log/messages | grep -a torc-migrated" | sed 's/^/#there | /'
}
states() { on $1 "grep -ao 'torc-migrated.*: [A-Z]*, was [A-Z]*' /var/log/messages" | sed 's/.*: \([A-Z]*, was [A-Z]*\)/\1/'; }
tell() { say "$strikes faults struck $done migrations under way ($(sort /tmp/struck-at | uniq -c | awk '{ printf "%s%s %s", (NR > 1 ? ", " : ""), $1, $2 }')); $died guests died with their host"; }
strikes=0 done=0 died=0 until=$(($(date +%s) + ${RIG_seconds:-100000}))
: > /tmp/struck-at
there sync
while [ $done -lt ${RIG_faults:-10} ] && [ $(date +%s) -lt $until ]; do
	set -- $kinds
	shift $(random $#)
	kind=$1 none='' lines=$(wc -l < /tmp/stream) messages=$(wc -l < /var/log/messages)
	wait_for 60 at_rest || { not_ok "fault $strikes: all are somewhere before it" "$(cat /tmp/look.here /tmp/look.there)"; break; }
	go_here='' go_there='' aimed='' n=0
	# the Linux guest takes as long as all others: it goes each fourth time
	going=$guests begin_within=5000
	[ $((strikes % 4)) = 0 ] && begin_within=9000 || going=${guests#$GUEST }
	for g in $guests; do eval "from_$g=$(where $g)"; done
	for g in $going; do
		at=$(where $g) span=$begin_within
		[ $((strikes % 2)) = 0 ] || [ $g = $GUEST ] || span=$((begin_within / 2))
		eval "go_$at=\"\$go_$at $g $((begin_within - $(random $span)))\""
	done
	if [ $((strikes % 2)) = 1 ]; then
		set -- $going
		shift $(random $#)
		aimed=$1
	fi
	eval "from=\$from_$GUEST"
	if [ $kind = host ]; then
		wrong="$wrong$(awk '/^says/ && $4 > 0' /tmp/look.there)"
		states there >> /tmp/states.there
	fi
	there "wc -l < /var/log/messages" > /tmp/messages.there
	rm -f /tmp/was-open
	echo "#STRIKE $strikes $kind${aimed:+, aimed at $aimed} after $(cut -d' ' -f1 /proc/uptime) s"
	one_fault $kind $from $aimed ${aimed:+$(eval echo \$from_$aimed)}
	over=$(cut -d. -f1 /proc/uptime)
	echo "#STRUCK at $(cat /tmp/struck), over at $over"
	[ $kind != host ] || none=yes
	if ! wait_for 240 at_rest; then
		not_ok "fault $strikes: each guest is on one host, and nothing is open" "$kind: $(grep -v says /tmp/look.here) / $(grep -v says /tmp/look.there)"
		what_they_said
		break
	fi
	# one that died has forgotten what was under way from it: of that, what stood in the records here
	{ sh /scenario/was.sh; cat /tmp/was; } > /tmp/was.here
	there sh /scenario/was.sh > /tmp/was.there
	cut -d' ' -f2 /tmp/was.here /tmp/was.there >> /tmp/struck-at
	done=$((done + $(cat /tmp/was.here /tmp/was.there | wc -l)))
	ends=''
	for g in $guests; do
		at=$(where $g)
		eval "at_$g=$at said_$g=\$(says $g $at 1)"
		ends="$ends $g:$(sed -n "s/^$g //p" /tmp/was.here /tmp/was.there):$(eval echo \$from_$g)-$at"
	done
	took=$(($(cut -d. -f1 /proc/uptime) - over))
	echo "#FAULT $strikes $kind${aimed:+ as $aimed stood still}, over after $took s:$ends"
	[ $took -lt ${RIG_slow:-30} ] || what_they_said
	for g in $guests; do
		eval "at=\$at_$g from=\$from_$g"
		[ $at = none ] || continue
		check "fault $strikes: $g was on the host that died, here: $(last_here $g)" died_with_it $g $from || break 2
		died=$((died + 1))
	done
	if ! wait_for 90 all_go_on; then
		not_ok "fault $strikes: all go on" "$kind: $(for g in $guests; do eval echo $g \$at_$g \$said_$g; done) / $(grep says /tmp/look.here) / $(grep says /tmp/look.there)"
		break
	fi
	bad=$(awk '/^says/ && $4 > 0' /tmp/look.here /tmp/look.there)
	[ -z "$bad" ] || { not_ok "fault $strikes: nothing is wrong" "$kind: $bad"; break; }
	if [ $(eval echo \$at_$GUEST) != none ] && ! wait_for 90 streams $((lines + 2)); then
		not_ok "fault $strikes: its connection goes on" "$kind"
		break
	fi
	for g in $guests; do
		[ "$(eval echo \$at_$g)" = none ] || continue
		if [ $g = $GUEST ]; then
			kill $(sh /scenario/pids.sh 'nc -l -p 6000') 2> /dev/null
			at_work "after fault $strikes"
		else
			small_work $g "after fault $strikes"
		fi
	done
	strikes=$((strikes + 1))
	[ $((strikes % 10)) != 0 ] || tell
done
tell
[ ${RIG_faults:-10} = 0 ] || check "faults were survived" [ $done -gt 0 ]
equal "nothing was wrong on hosts that died" "$wrong" ""
[ -n "$RIG_seconds" ] || check "faults" [ $done -ge ${RIG_faults:-10} ]
for h in here there; do
	states $h >> /tmp/states.$h
	sort /tmp/states.$h | uniq -c | sed "s/^/#STATES $h /"
done
pair_guest_right
LINES_OF_LOG=2000 pair_end
