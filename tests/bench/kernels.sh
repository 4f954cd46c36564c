#rig: timeout=900 icount=1 layers=linux,linux32
# Runs under -icount: userbench in a 32-bit and in a 64-bit Linux guest. Prints "guest WIDTH bench NAME VALUE" lines,
# which kernels reads off the serial port.
measure() { # WIDTH
	echo /bench | guest b$1
	mkdir -p /tmp/u
	cp /scenario/userbench$1 /tmp/u/bench
	(cd /tmp/u && find . | cpio -o -H newc 2> /dev/null) >> /tmp/b$1.initrd
	check "$1 bits: create" tool create /tmp/b$1.cfg
	check "$1 bits: it comes to its end" wait_log b$1 GUEST-DONE 300
	wait_for 30 gone b$1 || tool destroy b$1
	tr -d '\r' < "$(log b$1)" | sed -n "s/^bench /guest $1 bench /p"
}
KERNEL=/guests/linux32.elf INITRD=/guests/linux32.cpio measure 32
measure 64
