#rig: timeout=300 smp=4 mem=2560 layers=linux
# Dom0 uses every CPU, and so does a guest; work on all of them at once goes on everywhere.
equal "dom0 has every CPU" "$(nproc)" 4
equal "the host has every CPU" "$(tool info | awk '/^nr_cpus/ { print $3 }')" 4
cat > /tmp/busy <<'B'
n=0 e=$(($(date +%s) + 3))
while [ $(date +%s) -lt $e ]; do n=$((n + 1)); done
echo "cpu$1 $n"
B
(
	for i in 0 1 2 3; do taskset $((1 << i)) sh /tmp/busy $i & done
	wait
) > /tmp/loops
say "$(tr '\n' ' ' < /tmp/loops)"
equal "each CPU of dom0 got on" "$(awk '$2 > 0' /tmp/loops | wc -l)" 4
guest d1 vcpus=4 <<'G'
echo "GUEST-ONLINE $(cat /sys/devices/system/cpu/online)"
for i in 0 1 2 3; do taskset $((1 << i)) sh -c 'n=0; e=$(($(date +%s) + 2)); while [ $(date +%s) -lt $e ]; do n=$((n + 1)); done; echo "GUEST-CPU'$i' loops $n"' & done
wait
G
sed -i 's/^vcpus=1$/vcpus=4/;$d' /tmp/d1.cfg
check "create" tool create /tmp/d1.cfg
check "it ends by itself" wait_log d1 GUEST-DONE 150
check "the guest has four CPUs" logged d1 "GUEST-ONLINE 0-3"
equal "each CPU of the guest got on" "$(grep -ac 'GUEST-CPU[0-3] loops [1-9]' "$(log d1)")" 4
show_log d1
check "it is gone" wait_for 20 gone d1
