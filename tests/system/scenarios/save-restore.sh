#rig: timeout=300 layers=linux
# A guest becomes a file and a guest again: it goes on where it was, its clock does not go back, and it has its console and store.
KERNEL=/guests/vmlinuz LOGLEVEL=7
guest s1 <<'G'
(	# writes memory all the time, and reads it again
	i=0
	while :; do
		i=$((i + 1)); dd if=/dev/urandom of=/w.a bs=64k count=24 2> /dev/null
		sum=$(md5sum < /w.a); cp /w.a /w.b
		[ "$sum" = "$(md5sum < /w.b)" ] || echo "GUEST-MEMORY is not what was written, $i"
		echo "GUEST-WROTE $i"
	done
) &
n=0
last=0
while :; do
	n=$((n + 1)); now=$(cut -d' ' -f1 /proc/uptime | tr -d .)
	[ "$now" -ge "$last" ] || echo "GUEST-CLOCK went back"
	last=$now; echo "GUEST-COUNT $n"; sleep 0.2
done
G
check "create" tool create /tmp/s1.cfg
check "it counts" wait_log s1 "GUEST-COUNT 5" 120
refuses "a save to nowhere" "/nowhere/x" tool save s1 /nowhere/x
n1=$(grep -ac GUEST-COUNT "$(log s1)")
more() { [ "$(grep -ac GUEST-COUNT "$(log s1)")" -gt "$((n1 + 2))" ]; }
check "it runs on after that" wait_for 20 more
check "save" tool save s1 /tmp/s1.save
check "it is gone" wait_for 20 gone s1
ls -l /tmp/s1.save; ls /tmp/*.part 2>/dev/null
before=$(grep -ao 'GUEST-COUNT [0-9]*' "$(log s1)" | tail -1 | cut -d' ' -f2)
head -c 20000 /tmp/s1.save > /tmp/cut.save
refuses "half a file" "ends in the middle" tool restore /tmp/cut.save
check "nothing is left of it" [ "$(tool list | awk 'NR > 1' | wc -l)" = 1 ]
check "restore" tool restore /tmp/s1.save
check "it goes on" wait_log s1 "GUEST-COUNT $((before + 5))\b" 60
rm -f /tmp/s1.save
check "it did not begin again" sh -c "! grep -a 'GUEST-COUNT' '$(log s1)' | tail -3 | grep -q 'GUEST-COUNT [1-3]\b'"
equal "its clock never went back" "$(grep -ac 'GUEST-CLOCK' "$(log s1)")" 0
check "its store works: it suspends again" tool save -c s1 /tmp/s1b.save
n1=$(grep -ac GUEST-COUNT "$(log s1)")
check "after a checkpoint it goes on" wait_for 20 more
wrote() { grep -ao 'GUEST-WROTE [0-9]*' "$(log s1)" | tail -1 | cut -d' ' -f2; }
w=$(wrote)
more_written() { [ "$(wrote)" -gt "$((w + 2))" ]; }
check "a checkpoint while it runs" tool save -l -c s1 /tmp/s1c.save
say "$(cat /tmp/check.out)"
rm -f /tmp/s1b.save /tmp/s1c.save
check "it writes on" wait_for 60 more_written
check "save while it runs" tool save -l s1 /tmp/s1d.save
say "$(cat /tmp/check.out)"
check "it is gone again" wait_for 20 gone s1
before=$(grep -ao 'GUEST-COUNT [0-9]*' "$(log s1)" | tail -1 | cut -d' ' -f2)
w=$(wrote)
check "restore of that" tool restore /tmp/s1d.save
say "$(cat /tmp/check.out)"
check "it goes on there" wait_log s1 "GUEST-COUNT $((before + 5))\b" 60
check "its writer goes on" wait_for 60 more_written
equal "no clock ever went back" "$(grep -ac 'GUEST-CLOCK' "$(log s1)")" 0
equal "no memory was lost" "$(grep -ac 'GUEST-MEMORY' "$(log s1)")" 0
show_log s1 | tail -5
check "destroy" tool destroy s1
