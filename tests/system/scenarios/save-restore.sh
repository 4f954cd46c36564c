#rig: timeout=400 dom0_mem=1280 layers=linux,small,backends
# A guest becomes a file and a guest again: it goes on where it was, its clock does not go back, and it has its console and store.
# Meanwhile it writes memory and a disk and reads them again, and keeps a connection open.
modprobe -a loop bridge tun
brctl addbr br0
ip addr add 10.9.0.1/24 dev br0
ip link set br0 up
ip link set lo up
torc-blkd --foreground 2> /tmp/blkd.log &
torc-netd --foreground 2> /tmp/netd.log &
check "the daemons are up" wait_for 30 test -d /run/torc/blkd -a -d /run/torc/netd
dd if=/dev/zero of=/tmp/d.img bs=1M count=16 2> /dev/null
recv -l -p 5001 > /tmp/tcp &
KERNEL=/guests/vmlinuz LOGLEVEL=7
# $RIG_guest: another kernel, from the layer of that name; $RIG_vcpus
[ -z "${RIG_guest:-}" ] || KERNEL=/guests/$RIG_guest.elf INITRD=/guests/$RIG_guest.cpio
guest s1 'disk=["vdev=xvda,target=/tmp/d.img"]' 'vif=["mac=00:16:3e:00:00:01,bridge=br0"]' <<'G'
modprobe -a xen-blkfront xen-netfront
wait_for 30 test -b /dev/xvda || echo "GUEST-DISK is not there"
wait_for 30 test -e /sys/class/net/eth0 || echo "GUEST-CARD is not there"
ip addr add 10.9.0.2/24 dev eth0; ip link set eth0 up
(
	wait_for 30 ping -c 1 -W 1 10.9.0.1 > /dev/null
	k=0; while :; do k=$((k + 1)); echo $k; sleep 0.1; done | nc 10.9.0.1 5001
	echo "GUEST-TCP ended"
) &
(
	i=0
	while :; do
		# not by dd: who is frozen for a suspension while it reads random bytes gets fewer, and dd is content
		i=$((i + 1)); head -c 262144 /dev/urandom > /w.d
		dd if=/w.d of=/dev/xvda bs=64k seek=$((i % 60 * 4)) conv=fsync 2> /dev/null || echo "GUEST-DISK error"
		echo 3 > /proc/sys/vm/drop_caches
		[ "$(dd if=/dev/xvda bs=64k skip=$((i % 60 * 4)) count=4 2> /dev/null | md5sum)" = "$(md5sum < /w.d)" ] ||
			echo "GUEST-DISK is not what was written, $i"
		echo "GUEST-STORED $i"
	done
) &
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
sed -i "s/^vcpus=1$/vcpus=${RIG_vcpus:-1}/" /tmp/s1.cfg
check "create" tool create /tmp/s1.cfg
check "it counts" wait_log s1 "GUEST-COUNT 5" 120
check "it has its disk" wait_log s1 "GUEST-STORED 2" 60
check "its connection is there" wait_for 60 grep -q '^5$' /tmp/tcp
stored() { grep -ao 'GUEST-STORED [0-9]*' "$(log s1)" | tail -1 | cut -d' ' -f2; }
more_stored() { [ "$(stored)" -gt "$((d + 2))" ]; }
more_received() { [ "$(tail -1 /tmp/tcp)" -gt "$((t + 5))" ]; }
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
d=$(stored) t=$(tail -1 /tmp/tcp)
check "restore" tool restore /tmp/s1.save
check "it goes on" wait_log s1 "GUEST-COUNT $((before + 5))\b" 60
check "its disk goes on" wait_for 60 more_stored
check "its connection goes on" wait_for 60 more_received
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
w=$(wrote) d=$(stored) t=$(tail -1 /tmp/tcp)
check "restore of that" tool restore /tmp/s1d.save
say "$(cat /tmp/check.out)"
rm -f /tmp/s1d.save
check "it goes on there" wait_log s1 "GUEST-COUNT $((before + 5))\b" 60
check "its writer goes on" wait_for 60 more_written
equal "no clock ever went back" "$(grep -ac 'GUEST-CLOCK' "$(log s1)")" 0
check "its disk goes on there" wait_for 60 more_stored
check "its connection goes on there" wait_for 60 more_received
equal "no memory was lost" "$(grep -ac 'GUEST-MEMORY' "$(log s1)")" 0
equal "nothing on its disk was lost" "$(grep -a 'GUEST-DISK' "$(log s1)")" ""
equal "its connection was one, without a gap" "$(sed '$d' /tmp/tcp | awk '$1 != NR' | wc -l) $(grep -ac GUEST-TCP "$(log s1)")" "0 0"
show_log s1 | tail -5
check "destroy" tool destroy s1

# The reference guest in both widths, while it rewrites 16 MiB without a pause and checks what it finds there
widths=64
case $(tool info | grep '^xen_caps') in *xen-3.0-x86_32p*) widths="64 32" ;; esac
rounds() { grep -ac 'round [0-9]*, 4096 pages, intact' "$(log r$w)"; }
went_on() { [ "$(rounds)" -gt "$((r + 1))" ]; }
for w in $widths; do
	small_guest r$w /guests/reference$w.elf 'extra="dirty=4096"'
	r=0
	check "PV$w: create" tool create /tmp/r$w.cfg
	check "PV$w: it writes" wait_for 30 went_on
	check "PV$w: a checkpoint" tool save -l -c r$w /tmp/r$w.save
	say "$(cat /tmp/check.out)"
	check "PV$w: it was told that it stays" wait_log r$w "suspended, called off" 20
	r=$(rounds)
	check "PV$w: it writes on" wait_for 30 went_on
	check "PV$w: save" tool save -l r$w /tmp/r$w.save
	say "$(cat /tmp/check.out)"
	r=$(rounds)
	check "PV$w: restore" tool restore /tmp/r$w.save
	rm -f /tmp/r$w.save
	check "PV$w: it was told that it moved" wait_log r$w "suspended, resumed" 20
	check "PV$w: it writes on there" wait_for 30 went_on
	equal "PV$w: its clock never went back" "$(grep -ac 'clock went back' "$(log r$w)")" 0
	show_log r$w | tail -12
	check "PV$w: destroy" tool destroy r$w
done

# Its own frontends: a disk and a card that are there before and after
for w in $widths; do
	dd if=/dev/zero of=/tmp/d$w.img bs=1M count=2 2> /dev/null
	small_guest d$w /guests/reference$w.elf "extra=\"disk ip=10.9.0.$w\"" "disk=[\"vdev=xvda,target=/tmp/d$w.img\"]" 'vif=["bridge=br0"]'
	check "PV$w with devices: create" tool create /tmp/d$w.cfg
	check "PV$w: its disk is open" wait_log d$w "disk: open, 4096 sectors" 30
	check "PV$w: its card answers" wait_for 30 ping -c 1 -W 1 10.9.0.$w
	check "PV$w with devices: rename" tool rename d$w e$w
	check "PV$w with devices: save" tool save e$w /tmp/d$w.save
	check "PV$w with devices: restore, by its new name" tool restore /tmp/d$w.save
	rm -f /tmp/d$w.save
	check "PV$w: it reads its disk again" wait_log e$w "disk: back, 4096 sectors" 30
	check "PV$w: its card answers again" wait_for 30 ping -c 1 -W 1 10.9.0.$w
	check "PV$w with devices: destroy" tool destroy e$w
done
