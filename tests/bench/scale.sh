#rig: timeout=3000 mem=4608 dom0_mem=1024 icount=1 layers=torc,small
# How much a guest costs when there are many already: "bench WHAT-N TICKS", with N guests there.
B=/scenario/dom0bench
case $TOOLS in torc) t=torc ;; *) t=xl ;; esac
memory=${RIG_memory:-4}
ulimit -n 65536
id() { printf '00000000-0000-4000-8000-%012d' "$1"; }	# making one up costs xl seconds
make() { small_guest g$1 /guests/reference64.elf "uuid=\"$(id $1)\""; }
MEMORY=$memory
i=0 failed=0
for n in $(echo "${RIG_counts:-1/10/100}" | tr / " "); do
	while [ $i -lt $((n - 1)) ]; do
		i=$((i + 1))
		make $i
		$t create -q /tmp/g$i.cfg > /tmp/out 2>&1 || { failed=$((failed + 1)); cat /tmp/out; break 2; }
		rm /tmp/g$i.cfg
	done
	make x
	sleep 1
	$B time create-$n $t create /tmp/gx.cfg || failed=$((failed + 1))
	wait_log gx "reference>" 20 || failed=$((failed + 1))
	$B time list-$n $t list > /tmp/list || failed=$((failed + 1))
	cat /tmp/list | grep '^bench'
	$B time destroy-$n $t destroy gx || failed=$((failed + 1))
	wait_for 20 gone gx
done
equal "all went well" $failed 0
