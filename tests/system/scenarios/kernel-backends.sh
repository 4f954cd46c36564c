#rig: timeout=240 layers=linux,grub,small
# The other side of "io": dom0's own backends, xen-blkback and xen-netback, with frontends that are not Linux's: ours, in the
# reference guest, and GRUB's, which reads a file off its disk. $RIG_widths: of which guests ("64" where the hypervisor takes no others).
modprobe -a brd bridge xen-blkback xen-netback
rm -f /dev/ram[4-9] /dev/ram1[0-9]
widths=${RIG_widths:-64 32}
ip link add br0 type bridge && ip addr add 10.9.0.1/24 dev br0 && ip link set br0 up
mkdir -p /tmp/tar/boot/grub
echo 'source /boot/more.cfg' > /tmp/tar/boot/grub/grub.cfg
{ head -c 200000 /dev/zero | tr '\0' '#'; printf '\necho read-by-$grub_cpu-$grub_platform\n'; } > /tmp/tar/boot/more.cfg
(cd /tmp/tar && tar cf /tmp/grub.tar boot)
disk() { echo "disk=[\"vdev=xvda,access=${2:-w},backendtype=phy,target=/dev/ram$1\"]"; }
for w in $widths; do
	case $w in 64) n=0 grub=x86_64 ;; 32) n=2 grub=i386 ;; esac
	dd if=/tmp/grub.tar of=/dev/ram$n bs=64k 2> /dev/null
	small_guest g$w /guests/grub-$grub-xen.bin "$(disk $n r)"
	small_guest r$w /guests/reference$w.elf 'extra="test"' "$(disk $((n + 1)))"
	small_guest e$w /guests/reference$w.elf "extra=\"ip=10.9.0.$w\"" "vif=[\"mac=00:16:3e:00:00:$w,bridge=br0\"]"
	for g in g r e; do check "$g$w: create" tool create /tmp/$g$w.cfg; done
done
for w in $widths; do
	check "GRUB, $w bits, reads its disk" wait_log g$w "read-by-.*-xen" 60
	check "PV$w comes to its end" wait_log r$w "# [0-9]* passed" 60
	check "PV$w reads back what it wrote" logged r$w "ok.*disk: they are read back"
	check "PV$w: nothing failed" logged r$w "# [1-9][0-9]* passed, 0 failed"
	check "PV$w answers ping" wait_for 30 ping -c 1 -W 1 10.9.0.$w
	check "PV$w echoes UDP" /scenario/probe echo 10.9.0.$w
done
served() { ls -d /sys/bus/xen-backend/drivers/$1/$1-*; }
check "xen-blkback serves the disks" served vbd
check "xen-netback serves the cards" served vif
equal "nobody else does" "$(pidof torc-blkd torc-netd)" ""
