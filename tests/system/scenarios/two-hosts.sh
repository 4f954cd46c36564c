#rig: nodes=2 mem=1024 dom0_mem=512 timeout=180 nics=e1000
# Two hosts on one wire: they reach each other, bytes arrive both ways as they were sent, and they pair.
me=10.9.0.$((RIG_node + 1)) peer=10.9.0.$((2 - RIG_node))
modprobe e1000
card() { [ -e /sys/class/net/eth0 ]; }
check "a card appears" wait_for 20 card
ip link set eth0 up
ip addr add $me/24 dev eth0
check "the other host answers" wait_for 90 ping -c 1 -W 1 $peer
want=$(md5sum < /scenario/probe)
# Each end is tried until the other one stands: which host is ahead, nobody knows.
give() { nc -w 20 $peer $1 < /scenario/probe; }
if [ "$RIG_node" = 0 ]; then
	nc -l -p 7001 > /tmp/got
	equal "bytes arrive from the other host" "$(md5sum < /tmp/got)" "$want"
	check "bytes go to the other host" wait_for 60 give 7002
else
	check "bytes go to the other host" wait_for 60 give 7001
	nc -l -p 7002 > /tmp/got
	equal "bytes arrive from the other host" "$(md5sum < /tmp/got)" "$want"
fi
# Pairing, with a yes on both sides; the codes are compared in the log by whoever reads it, the pins here.
check "they pair" eval "echo yes | timeout 120 torc host --address $peer pair other"
sed 's/^/#| /' /tmp/check.out
check "the other host is known" eval "torc host list | grep -q '^other  *$peer '"
check "the key is for root alone" eval '[ "$(stat -c %a /etc/torc/host/key.pem)" = 600 ]'
check "it can be revoked" torc host revoke other
refuses "a second time there is nobody to revoke" "no host named other" torc host revoke other
