#rig: timeout=300 layers=small,torc disks=virtio boots=2
# Guests are saved, one by torc and one by xl, the machine starts anew, hypervisor and all, and torc restores both: they go on where
# they were. Then torc saves xl's again, and xl restores that image, in the file that it wrote itself.
modprobe -a virtio_pci virtio_blk
wait_for 30 test -b /dev/vda || bail "there is no disk"
rounds() { grep -ao 'round [0-9]*, 256 pages, intact' "$(log r$1)" | tail -1 | cut -d' ' -f2 | tr -d ,; }
beyond() { [ "$(rounds $1)" -gt "$2" ]; }
mkdir -p /tmp/kept
tar xf /dev/vda -C /tmp/kept 2> /dev/null
if [ ! -e /tmp/kept/widths ]; then	# the first time
	widths=64
	case $(tool info | grep '^xen_caps') in *xen-3.0-x86_32p*) widths="64 32" ;; esac
	for w in $widths; do
		MEMORY=16 small_guest r$w /guests/reference$w.elf 'extra="dirty=256"'
		by=torc
		[ $w = 64 ] && by=xl
		check "PV$w: create by $by" $by create /tmp/r$w.cfg
		check "PV$w: it writes" wait_log r$w "round [0-9]*, 256 pages, intact" 60
		check "PV$w: save by $by" $by save r$w /tmp/kept/r$w
		say "$(tail -1 /tmp/check.out)"
		rounds $w > /tmp/kept/rounds$w
	done
	echo $widths > /tmp/kept/widths
	echo $TAP_N > /tmp/kept/results
	check "kept" tar cf /dev/vda -C /tmp/kept .
	sync
	reboot -f
	sleep 60
fi
TAP_N=$((TAP_N + $(cat /tmp/kept/results) + 1))
head -c 3000 /tmp/kept/r64 > /tmp/cut
refuses "a part of xl's file" "ends in the middle" torc restore /tmp/cut
for w in $(cat /tmp/kept/widths); do
	check "PV$w: restore" torc restore /tmp/kept/r$w
	say "$(cat /tmp/check.out)"
	check "PV$w: it was told that it moved" wait_log r$w "suspended, resumed" 30
	check "PV$w: it goes on where it was" wait_for 60 beyond $w "$(cat /tmp/kept/rounds$w)"
	equal "PV$w: its clock did not go back" "$(grep -ac 'clock went back' "$(log r$w)")" 0
	show_log r$w
	if [ $w = 64 ]; then
		check "PV$w: save by torc" torc save r$w /tmp/r$w
		rounds $w > /tmp/rounds
		/scenario/splice /tmp/kept/r$w /tmp/r$w > /tmp/r$w.xl
		check "PV$w: xl restores it" xl restore /tmp/r$w.xl
		check "PV$w: it goes on there" wait_for 60 beyond $w "$(cat /tmp/rounds)"
		equal "PV$w: and its clock did not go back" "$(grep -ac 'clock went back' "$(log r$w)")" 0
		check "PV$w: destroy" xl destroy r$w
	else
		check "PV$w: destroy" torc destroy r$w
	fi
done
