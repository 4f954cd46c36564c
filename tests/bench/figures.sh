#rig: timeout=900 icount=1 layers=stock,torc,grub
# Runs under -icount: prints "bench NAME VALUE" lines, which figures reads off the serial port.
B=/scenario/dom0bench
check "the paths of dom0" true
$B 2>&1 || not_ok "dom0bench" "ended with status $?"
case $TOOLS in torc) t=torc ;; *) t=xl ;; esac
for g in g1 g2 g3; do	# the cheapest counts; the first pays for what is read from disk the first time
	# making up a uuid costs xl seconds here, which say nothing of xl
	small_guest $g /guests/grub-x86_64-xen.bin "uuid=\"00000000-0000-4000-8000-00000000000${g#g}\""
	$B wait "$(log $g)" "grub>" 60 -- $t create /tmp/$g.cfg 2>&1 || not_ok "create $g" "status $?"
	$B time destroy-command $t destroy $g || not_ok "destroy $g" "status $?"
	wait_for 10 gone $g
done
set -- $(/scenario/probe memory)
echo "bench free-pages $1"
echo "bench dom0-pages $2"
check "the end" true
