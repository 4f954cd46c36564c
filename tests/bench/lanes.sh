#rig: timeout=900 icount=1 layers=torc
# Runs under -icount: what the threads of a migration's channel take for a MiB; lanes reads the figures.
check "the rig" true
/scenario/dom0bench 2>&1 | grep ticks-per-instruction
check "sends" /scenario/lanesbench 16 0 1 2 4
cat /tmp/check.out
check "the end" true
