#rig: timeout=800 layers=linux,torc
# A guest's life with torc-stored in the place of the stock store, run with --store torc: it has a disk and a network card, is rebooted,
# ends, and nothing is left in the tree. Meanwhile the store is replaced by a successor, and at last killed and
# restarted: the guest and dom0's kernel go on through their rings.
modprobe -a loop xen-blkback xen-netback bridge
brctl addbr br0
ip addr add 10.9.0.1/24 dev br0
ip link set br0 up
script() {
	cat <<'G'
modprobe -a xen-blkfront xen-netfront
wait_for 30 test -e /sys/class/net/eth0 || echo "GUEST-NONIC"
ip addr add 10.9.0.2/24 dev eth0; ip link set eth0 up
wait_for 60 ping -c 1 -W 1 10.9.0.1 > /dev/null || echo "GUEST-NOLINK"
wait_for 30 test -b /dev/xvda || echo "GUEST-NODISK"
n=$(dd if=/dev/xvda bs=512 count=1 2> /dev/null | tr -dc 0-9)
n=$((${n:-0} + 1))
printf "%s#" $n | dd of=/dev/xvda bs=512 count=1 conv=sync,fsync 2> /dev/null
echo "GUEST-TIME $n"
[ $n = 2 ] && { sleep 2; reboot -f; sleep 60; }
[ $n = 3 ] && while :; do sleep 1; done
G
}
# the tree without what has no end: paths only, and libxl's own bookkeeping aside
nodes() { xenstore-ls -f | sed 's/ = .*//' | grep -v -E '^/(libxl|vm)$|^/local/domain/0/(device-model|backend)?(/(vbd|vif|console))?$' | sort; }
successor() {
	local old=$(cat /run/xenstored.pid)
	torc-stored --takeover --pid-file /run/xenstored.pid || return 1
	[ "$(cat /run/xenstored.pid)" != "$old" ] && wait_for 10 eval "! kill -0 $old 2> /dev/null"
}
dd if=/dev/zero of=/tmp/d.img bs=1M count=8 2> /dev/null
check "the store is ours" grep -q torc-stored /proc/$(cat /run/xenstored.pid)/comm
nodes > /tmp/before
script | guest life 'disk=["format=raw,vdev=xvda,access=w,backendtype=phy,target=/tmp/d.img"]' \
	'vif=["mac=00:16:3e:00:00:01,bridge=br0"]' 'on_reboot="restart"'
check "create" tool create /tmp/life.cfg
check "it starts, with its disk" wait_log life "GUEST-TIME 1" 180
check "it ends by itself" wait_for 60 gone life
check "nothing is left in the tree" eval 'wait_for 10 eval "nodes | cmp -s /tmp/before -"'
nodes | diff /tmp/before - | sed 's/^/#| /'

check "create it again" tool create /tmp/life.cfg
check "a successor takes over while it boots" successor
check "it runs" wait_log life "GUEST-TIME 2" 180
check "it is rebooted" wait_log life "GUEST-TIME 3" 180
check "the toolstack sees it" tool list life
check "dom0 pings it" wait_for 30 ping -c 1 -W 1 10.9.0.2
check "it missed no device" eval '! grep -a "GUEST-NO" "$(log life)"'
check "dom0's kernel is served" eval 'xenstore-ls /local/domain/0/backend/vbd | grep -q "state = \"4\""'

kill -9 "$(cat /run/xenstored.pid)"
check "a killed store is started again" torc-stored --pid-file /run/xenstored.pid
check "it has the tree" eval 'xenstore-ls /local/domain/0/backend/vbd | grep -q "state = \"4\""'
check "it has the domain" eval 'xenstore-control domains | grep -q "\"event_channel\""'
check "the toolstack destroys the guest" tool destroy life
check "it is gone" wait_for 30 gone life
check "nothing is left in the tree at last" eval 'wait_for 20 eval "nodes | cmp -s /tmp/before -"'
nodes | diff /tmp/before - | sed 's/^/#| /'
