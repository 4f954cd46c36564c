#rig: timeout=180 disks=virtio,ahci,ata
# Dom0's own drivers for three kinds of disk: each is found, written, read back past the cache.
modprobe -a virtio_pci virtio_blk ahci ata_piix sd_mod
three() { [ "$(ls -d /sys/block/sd? /sys/block/vd? 2> /dev/null | wc -l)" -ge 3 ]; }
check "three disks appear" wait_for 30 three
say "$(ls /sys/block | tr '\n' ' ')"
dd if=/dev/urandom of=/tmp/data bs=1M count=16 2> /dev/null
want=$(md5sum < /tmp/data)
for d in /sys/block/vd? /sys/block/sd?; do
	n=${d##*/}
	[ "$(cat $d/size)" = 131072 ] || continue	# the boot image has another size
	case $(readlink -f $d) in
	*virtio*) kind=virtio ;;
	*) kind=$(cat $(readlink -f $d/device/../../../..)/ata*/host*/scsi_host/host*/proc_name 2> /dev/null || cat $(readlink -f $d/device/../..)/scsi_host/host*/proc_name) ;;
	esac
	check "$kind: write" dd if=/tmp/data of=/dev/$n bs=1M conv=fsync
	echo 3 > /proc/sys/vm/drop_caches
	equal "$kind: read back" "$(dd if=/dev/$n bs=1M count=16 2> /dev/null | md5sum)" "$want"
done
for i in virtio ahci ata; do
	say "interrupts of $i: $(grep -iE "$i" /proc/interrupts | awk '{ print $1, $2, $NF }' | tr '\n' ';')"
done
grep -iqE 'ahci|ata_piix' /proc/interrupts || say "$(cat /proc/interrupts)"
