#rig: timeout=560 layers=grub
# A guest created and destroyed a hundred times ($RIG_times) leaves the free memory where it was.
# The first rounds are not counted: daemons and drivers keep what they once took.
times=${RIG_times:-100}
kernel=/guests/grub-x86_64-xen.bin
small_guest c $kernel 'memory=32'
round() {
	tool create /tmp/c.cfg > /tmp/churn.log 2>&1 && tool destroy c >> /tmp/churn.log 2>&1
}
done=0
for i in 1 2 3; do round; done
wait_for 10 gone c
sleep 1
before=$(/scenario/probe free)
while [ $done -lt $times ]; do
	round || break
	done=$((done + 1))
done
equal "rounds of create and destroy" $done $times
[ $done = $times ] || tail -3 /tmp/churn.log
check "the last one is gone" wait_for 10 gone c
back() { [ "$(/scenario/probe free)" = "$before" ]; }
wait_for 20 back
equal "free pages afterwards" "$(/scenario/probe free)" "$before"
check "dom0 alone is left" [ "$(tool list | awk 'NR > 1' | wc -l)" = 1 ]
