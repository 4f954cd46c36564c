#rig: timeout=180 nics=e1000,virtio
# Dom0's own drivers for two network cards: link, ping and a file by TFTP through each.
modprobe -a e1000 virtio_pci virtio_net
two() { [ -e /sys/class/net/eth0 ] && [ -e /sys/class/net/eth1 ]; }
check "two cards appear" wait_for 20 two
want=$(md5sum < /scenario/scenario.sh)
for i in eth0 eth1; do
	drv=$(basename "$(readlink /sys/class/net/$i/device/driver)")
	ip link set $i up
	ip addr add 10.0.2.15/24 dev $i
	check "$drv: ping" ping -c 3 -W 5 10.0.2.2
	tftp -g -r scenario.cpio -l /tmp/got 10.0.2.2 > /tmp/tftp.log 2>&1
	cpio -i --to-stdout scenario/scenario.sh < /tmp/got > /tmp/got.sh 2> /dev/null
	equal "$drv: a file arrives as it was sent" "$(md5sum < /tmp/got.sh)" "$want"
	ip addr flush dev $i
	ip link set $i down
done
