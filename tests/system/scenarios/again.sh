#rig: timeout=300 layers=small
# A guest that crashes as soon as it runs, and is made again each time, is destroyed by hand at any moment of that: it stays gone.
# $RIG_guests: how many, one after the other.
i=0
while [ $i -lt ${RIG_guests:-60} ]; do
	i=$((i + 1))
	small_guest o$i /guests/reference64.elf 'memory=8' 'extra="crash"' 'on_crash="restart"'
	sed -i /preserve/d /tmp/o$i.cfg
	torc create -q /tmp/o$i.cfg > /tmp/out 2>&1 || not_ok "create o$i" "$(cat /tmp/out)"
	sleep 0.$((20 + i % 10 * 5 + i % 7))
	torc destroy o$i > /tmp/out 2>&1 || not_ok "destroy o$i" "$(cat /tmp/out)"
done
# one that went on has crashed too often by then, and is left as it is
sleep 12
equal "none is left" "$(torc list | awk 'NR > 2 { print $1 }' | tr '\n' ' ')" ""
equal "the store holds nothing of them" "$(xenstore-ls /local/domain | grep -c '^[1-9]')" 0
