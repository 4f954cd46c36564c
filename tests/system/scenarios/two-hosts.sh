#rig: nodes=2 mem=1280 dom0_mem=768 timeout=900 nics=virtio layers=linux,backends,grub
# Two hosts on one wire: they pair, and a Linux guest at work, with a network disk, a card and an open TCP connection, goes to
# and fro between them. What is refused is named, and whatever is killed on the way, one host has the guest.
# $RIG_guest: another kernel, from the layer of that name; $RIG_vcpus
. /scenario/pair.sh
pair
check "the key is for root alone" eval '[ "$(stat -c %a /etc/torc/host/key.pem)" = 600 ]'
pair_guest 512
check "create" tool create /tmp/web.cfg
check "it counts" wait_log web "GUEST-COUNT 3" 180 || bail "no guest"
check "its connection stands" wait_for 30 streams 2

# --- refused, and why
refuses "a host that nobody knows" "no host named nobody is known here" tool migrate web nobody
there "mv /etc/torc/hosts/other.pem /tmp"
refuses "a host that does not know us" "\[channel\]\|\[no-rights\]" tool migrate web other
there "mv /tmp/other.pem /etc/torc/hosts"
check "nothing is missing" tool migrate --check web other
there "printf 'name=\"web\"\nkernel=\"/guests/grub-x86_64-xen.bin\"\nmemory=400\n' > /tmp/x.cfg; torc create -p /tmp/x.cfg"
record=/var/lib/torc/guests/web.json
cp $record /tmp/record; sed -i '1s/{/{"cpu_features":[0,0,0,0,0,65536],/' $record
refuses "a processor that lacks what it needs" "lacks what the guest may use: AVX512F" tool migrate --check web other
said() { grep -q "$1" /tmp/refused; }
cp /tmp/check.out /tmp/refused
check "a name that is taken is named as well" said 'named "web" already'
check "and memory that is not there" said 'needs [0-9]* MiB, the host has'
cp /tmp/record $record
there "torc destroy web"
check "it runs here, and only here" wait_for 30 runs_on here

# --- there and back
held() { on $1 'ls /proc/$(pidof torc-migrated)/fd | wc -l'; }
held_here=$(held here) held_there=$(held there)
hold_as_before() { [ "$(held here)" = $held_here ] && [ "$(held there)" = $held_there ]; }
round() { # here|there NAME [OPTION...]
	local where=$1 name=$2 lines
	shift 2
	if check "$name" move $where $*; then sed 's/^/#| /' /tmp/check.out; fi
	lines=$(wc -l < /tmp/stream)
	check "$name: it runs $where, and only there" wait_for 60 runs_on $where
	check "$name: it counts on" goes_on $where GUEST-COUNT
	check "$name: its connection goes on" wait_for 60 streams $((lines + 2))
}
round there "to the other host"
round here "and back over two more connections" --lanes 2 --downtime 1s --deadline 15s --on-deadline force
check "pieces went over both of them" there "grep -a 'web went to other.* over 2 lanes' /var/log/messages"
# as through ssh -L /run/tunnel:localhost:8102
/scenario/relay /run/tunnel $peer 8102 /tmp/wire 2> /tmp/relay.log < /dev/null &
relay=$!
check "a host is reached another way" torc host address other unix:/run/tunnel
round there "through a UNIX socket"
kill $relay
round here "back from there once more"
refuses "a tunnel that is gone" "the socket /run/tunnel: Connection refused" tool migrate --check web other
check "and as before" torc host address other $peer
check "the daemons hold no more files than before" wait_for 20 hold_as_before || say "$(held here) and $(held there), $held_here and $held_there before"

# --- killed on the way: at the first page, and when the guest stands still
begin() { torc migrate --json --deadline 10s --on-deadline force web other > /tmp/events 2>&1 & }
told() { grep -q "$1" /tmp/events; }
begin
check "the first pages go" wait_for 60 told '"progress"'
there 'kill -9 $(pidof torc-migrated)'
check "the receiving daemon is killed: it runs here, and only here" wait_for 180 runs_on here
check "nothing is open" wait_for 180 settled
over() { ! ps | grep -q '[t]orc migrate --json'; }
check "torc migrate has ended" wait_for 180 over
begin
check "it stands still" wait_for 120 told SUSPENDED
kill -9 $(pidof torc-migrated)
check "the sending daemon is killed: one host has it" wait_for 180 one
check "nothing is open after that" wait_for 180 settled
runs_on there && round here "back from there"

pair_guest_right
pair_end
