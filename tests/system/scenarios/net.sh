#rig: timeout=400 layers=linux,backends
# A Linux guest's network card through torc-netd, and through the kernel's own backend: ping, and a
# transfer each way with checksums. $RIG_pair: instead, two guests that send to each other through the bridge.
modprobe -a bridge tun
brctl addbr br0
ip addr add 10.9.0.1/24 dev br0
ip link set br0 up
ip link set lo up
dd if=/dev/urandom of=/tmp/down bs=1M count=6 2> /dev/null
want=$(md5sum < /tmp/down | cut -d' ' -f1)
# serve NAME: one guest, from its creation to its end
serve() {
	local n=$1
	guest $n 'vif=["mac=00:16:3e:00:00:01,bridge=br0"]' <<'G'
modprobe xen-netfront
wait_for 30 test -e /sys/class/net/eth0 || echo GUEST-NONIC
ip addr add 10.9.0.2/24 dev eth0; ip link set eth0 up
wait_for 30 ping -c 1 -W 1 10.9.0.1 > /dev/null && echo GUEST-LINK
ping -c 10 -i 0.2 10.9.0.1 | tail -2
recv 10.9.0.1 5001 > /tmp/rx
echo "GUEST-RX $(md5sum < /tmp/rx | cut -d' ' -f1)"
dd if=/dev/urandom of=/tmp/tx bs=1M count=6 2> /dev/null
echo "GUEST-TX $(md5sum < /tmp/tx | cut -d' ' -f1)"
nc 10.9.0.1 5002 < /tmp/tx
echo "GUEST-SENT"
G
	nc -l -p 5001 < /tmp/down > /dev/null &
	recv -l -p 5002 > /tmp/up &
	check "$n: create" tool create /tmp/$n.cfg
	check "$n: the link is up" wait_log $n GUEST-LINK 120
	check "$n: dom0 pings the guest" ping -c 3 10.9.0.2
	check "$n: the guest comes to its end" wait_log $n GUEST-SENT 120
	check "$n: no ping is lost" logged $n " 0% packet loss"
	check "$n: what dom0 sent arrives" logged $n "GUEST-RX $want"
	sleep 1
	check "$n: what the guest sent arrives" logged $n "GUEST-TX $(md5sum < /tmp/up | cut -d' ' -f1)"
	wait_for 30 gone $n || tool destroy $n
	check "$n: the guest is gone" wait_for 20 gone $n
	no_vif() { ! ls -d /sys/class/net/vif* > /dev/null 2>&1; }
	check "$n: its interface is gone" wait_for 10 no_vif
}
# member NAME OWN OTHER: a guest that receives and sends
member() {
	guest $1 "vif=[\"mac=00:16:3e:00:00:$2,bridge=br0\"]" <<G
modprobe xen-netfront
wait_for 30 test -e /sys/class/net/eth0 || echo GUEST-NONIC
ip addr add 10.9.0.$2/24 dev eth0; ip link set eth0 up
recv -l -p 5003 > /tmp/rx &
dd if=/dev/urandom of=/tmp/tx bs=1M count=6 2> /dev/null
wait_for 120 ping -c 1 -W 1 10.9.0.$3 > /dev/null && echo GUEST-LINK
echo "GUEST-TX \$(md5sum < /tmp/tx | cut -d' ' -f1)"
wait_for 60 nc 10.9.0.$3 5003 < /tmp/tx
wait
echo "GUEST-RX \$(md5sum < /tmp/rx | cut -d' ' -f1)"
G
}
sum() { grep -ao "GUEST-$2 [0-9a-f]*" "$(log $1)" | cut -d' ' -f2; }
torc-netd --foreground 2> /tmp/netd.log &
netd=$!
if [ -n "$RIG_pair" ]; then
	member one 11 12
	member two 12 11
	check "one: create" tool create /tmp/one.cfg
	check "two: create" tool create /tmp/two.cfg
	for n in one two; do check "$n has it all" wait_log $n GUEST-RX 240; done
	equal "what one sent came to two" "$(sum two RX)" "$(sum one TX)"
	equal "what two sent came to one" "$(sum one RX)" "$(sum two TX)"
	for n in one two; do wait_for 30 gone $n || tool destroy $n; done
else
	serve ours
	kill $netd
	no_netd() { ! pidof torc-netd > /dev/null; }
	check "torc-netd ends" wait_for 10 no_netd
	modprobe xen-netback
	serve kernels
fi
