#rig: nodes=2 mem=1280 dom0_mem=768 nics=virtio layers=linux,backends
# What make run-pair shows: two hosts that are paired, on the first a guest at work that moves to the other and back, and a shell.
. /scenario/pair.sh
ok() { TAP_N=$((TAP_N + 1)); } # what is right is not told
pair_log() { :; }
stty columns ${RIG_columns:-80} 2> /dev/null
say "two hosts: they get acquainted"
pair
typed() { printf '\nhost1 # %s\n' "$*"; "$@"; }
typed_there() { printf '\nhost2 # %s\n' "$*"; there "$*"; }
nothing_lost() {
	local n
	n=$(head -n -1 /tmp/stream | wc -l)
	if [ -z "$(head -n -1 /tmp/stream | awk '$1 != NR { print; exit }')" ] &&
		! { grep -aq GUEST-WRONG "$(log $GUEST)" || there "grep -aq GUEST-WRONG /var/log/torc/console/$GUEST.log"; }; then
		printf '\n%s numbers have come over its connection, none is missing; its memory, disk and clock are right.\n' $n
	else
		printf '\nSOMETHING IS WRONG with it: torc console %s\n' $GUEST
	fi
}
say "a Linux guest starts on the first; its disk is served there over NBD, its TCP connection ends there"
pair_guest 512
check "create" tool create /tmp/$GUEST.cfg
check "it counts" wait_log $GUEST "GUEST-COUNT 3" 180 || bail "no guest"
check "its connection stands" wait_for 30 streams 2 || bail "no connection"
typed torc list
typed torc migrate --downtime 500ms $GUEST other
check "it runs there" wait_for 60 runs_on there || bail "it did not go there"
typed_there torc list
typed_there torc migrate --downtime 500ms $GUEST other
check "it runs here" wait_for 60 runs_on here || bail "it did not come back"
typed torc list
nothing_lost
cat > /bin/there <<-T
	#!/bin/sh
	# there COMMAND...: on the other host
	{ echo "\$*"; echo 'echo " rc=\$?"'; } | nc -w 60 $peer 7100 | grep -v '^ rc='
T
chmod +x /bin/there
cat <<-T

	Try: torc migrate --downtime 500ms $GUEST other      there torc list      there torc migrate --downtime 500ms $GUEST other
	     torc migrate --check $GUEST other    torc why $GUEST    torc console $GUEST    torc host list

T
echo "PS1='host1 # '" > /etc/prompt
ENV=/etc/prompt setsid -c sh
there touch /tmp/finish
finish
