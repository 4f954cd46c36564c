#rig: nodes=2 mem=1280 dom0_mem=768 timeout=300 nics=virtio layers=linux,backends
# A guest on the first machine and the second machine send each other files by TCP, over bridge and wire, and compare sums. The
# wire's card computes no checksums and cuts no segments: what the guest left to others is done on the way.
me=10.9.0.$((RIG_node + 1)) peer=10.9.0.$((2 - RIG_node))
modprobe -a virtio_pci virtio_net bridge llc stp tun
card() { [ -e /sys/class/net/eth0 ]; }
check "a card appears" wait_for 20 card || bail "no card"
brctl addbr br0; brctl addif br0 eth0
ip link set lo up; ip link set eth0 up; ip link set br0 up
ip addr add $me/24 dev br0
check "the other machine answers" wait_for 90 ping -c 1 -W 1 $peer || bail "no other machine"
sum() { md5sum < $1 | cut -d' ' -f1; }
bad_sums() { awk '/^Tcp:/ { n = $NF } END { print n }' /proc/net/snmp; }
if [ "$RIG_node" = 1 ]; then
	head -c ${RIG_bytes:-6000000} /dev/urandom > /tmp/down
	nc -l -p 5001 < /tmp/down > /dev/null &
	recv -l -p 5002 > /tmp/up &
	sum /tmp/down > /tmp/down.sum
	nc -l -p 5003 < /tmp/down.sum > /dev/null &
	recv -l -p 5004 > /tmp/up.sum
	check "the guest sent something" [ -s /tmp/up ]
	equal "what the guest sent arrives outside" "$(sum /tmp/up)" "$(cat /tmp/up.sum)"
	equal "with right checksums" "$(bad_sums)" 0
	finish
fi
torc-netd --foreground 2> /tmp/netd.log &
check "torc-netd is up" wait_for 20 test -d /run/torc/netd
guest g 'vif=["mac=00:16:3e:00:00:09,bridge=br0"]' <<G
modprobe xen-netfront
wait_for 30 test -e /sys/class/net/eth0 || echo GUEST-NONIC
ip addr add 10.9.0.9/24 dev eth0; ip link set eth0 up
wait_for 60 ping -c 1 -W 1 $peer > /dev/null && echo GUEST-LINK
recv $peer 5001 > /tmp/rx
head -c ${RIG_bytes:-6000000} /dev/urandom > /tmp/tx
nc $peer 5002 < /tmp/tx
recv $peer 5003 > /tmp/want
md5sum < /tmp/tx | cut -d' ' -f1 > /tmp/tx.sum
echo "GUEST-RX \$(md5sum < /tmp/rx | cut -d' ' -f1) \$(cat /tmp/want) \$(wc -c < /tmp/rx)"
echo "GUEST-BADSUMS \$(awk '/^Tcp:/ { n = \$NF } END { print n }' /proc/net/snmp)"
nc $peer 5004 < /tmp/tx.sum
echo GUEST-END
G
check "create" tool create /tmp/g.cfg
check "the guest has a link to the outside" wait_log g GUEST-LINK 120
check "it comes to its end" wait_log g GUEST-END 200
check "what came from outside is what was sent" logged g "GUEST-RX \([0-9a-f]*\) \1 ${RIG_bytes:-6000000}"
check "with right checksums, in the guest" logged g "GUEST-BADSUMS 0"
show_log g
