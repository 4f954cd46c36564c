#rig: timeout=120 end=reboot
# Dom0 reboots the machine.
check "dom0 is up" tool list
sync
echo "1..$TAP_N"
sleep 0.2
reboot -f
sleep 60
