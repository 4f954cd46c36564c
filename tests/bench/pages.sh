#rig: timeout=900 icount=1 layers=torc,small
# Runs under -icount: guests that differ in what they have in their pages alone are saved and restored; pages reads the figures.
B=/scenario/dom0bench
check "a guest that rests" true
$B 2>&1 | grep ticks-per-instruction
for w in 64 32; do
	for kind in few:64:1024 full:64:9216 large:96:1024; do
		n=${kind%%:*} m=${kind#*:}
		MEMORY=${m%:*} small_guest p /guests/reference$w.elf "extra=\"dirty=${m#*:} rest=50\"" 'uuid="00000000-0000-4000-8000-000000000001"'
		must tool create /tmp/p.cfg
		check "$w $n: it writes" wait_log p "round [1-9].*intact" 60
		for i in 1 2 3; do $B time save-$w-$n torc save -c p /tmp/image 2>&1; done
		echo "bench bytes-$w-$n $(wc -c < /tmp/image)"
		must tool destroy p
		for i in 1 2 3; do
			$B time restore-$w-$n torc restore -p /tmp/image 2>&1
			must tool destroy p
		done
		rm -f "$(log p)"
	done
done
check "the end" true
