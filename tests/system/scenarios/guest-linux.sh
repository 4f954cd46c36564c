#rig: timeout=240 layers=linux
# Debian's kernel as a 64-bit guest, from the bzImage as it comes: its console from the first line,
# pause and unpause, a name that is taken, and nothing listed after destroy.
KERNEL=/guests/vmlinuz LOGLEVEL=7
guest d1 <<'G'
echo "GUEST-SCRIPT ok"
n=0
while :; do n=$((n + 1)); echo "GUEST-TICK $n"; sleep 0.2; done
G
check "create" tool create /tmp/d1.cfg
check "its init runs" wait_log d1 GUEST-BANNER 120
check "its script runs" wait_log d1 "GUEST-SCRIPT ok" 20
check "the console is kept from the first line" logged d1 "Linux version 6.1"
equal "list shows its memory" "$(tool list d1 | awk 'NR == 2 { print $3 }')" 128
check "list shows two domains" [ "$(tool list | awk 'NR > 1' | wc -l)" = 2 ]
check "domid finds it" tool domid d1
check "domname finds it back" [ "$(tool domname "$(tool domid d1)")" = d1 ]
check "pause" tool pause d1
sleep 0.5
n=$(grep -ac GUEST-TICK "$(log d1)")
sleep 1.5
equal "paused, it prints nothing" "$(grep -ac GUEST-TICK "$(log d1)")" "$n"
equal "list says paused" "$(state d1)" p
check "unpause" tool unpause d1
more() { [ "$(grep -ac GUEST-TICK "$(log d1)")" -gt "$n" ]; }
check "unpaused, it goes on" wait_for 10 more
refuses "a second guest of the same name is refused" d1 tool create /tmp/d1.cfg
check "destroy" tool destroy d1
check "it is gone" wait_for 10 gone d1
refuses "destroying it again is refused" d1 tool destroy d1
