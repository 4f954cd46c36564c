#rig: timeout=300 layers=linux
# A guest ends by itself, by request and by crash; each leaves the state that its config asks for.
quick='while :; do sleep 1; done'
echo 'echo "GUEST-OWN-END"' | guest own
check "create a guest that powers off by itself" tool create /tmp/own.cfg
check "it ran" wait_log own GUEST-OWN-END 120
check "powered off, it is gone" wait_for 30 gone own

echo "$quick" | guest asked
check "create a guest to shut down" tool create /tmp/asked.cfg
check "it is up" wait_log asked GUEST-BANNER 120
check "shutdown is accepted" tool shutdown asked
# a guest without an ACPI daemon gets the request through the store, and its kernel runs poweroff
check "shut down, it is gone" wait_for 60 gone asked

echo 'sleep 1; echo 1 > /proc/sys/kernel/sysrq; echo c > /proc/sysrq-trigger; sleep 60' | guest crash
check "create a guest that crashes" tool create /tmp/crash.cfg
check "it is up before" wait_log crash GUEST-BANNER 120
crashed() { case "$(state crash)" in *c*) ;; *) return 1 ;; esac; }
check "crashed and preserved, list says so" wait_for 60 crashed
check "its last words are in the log" logged crash "sysrq"
check "destroy what was preserved" tool destroy crash
check "it is gone" wait_for 10 gone crash
check "dom0 alone is left" [ "$(tool list | awk 'NR > 1' | wc -l)" = 1 ]
