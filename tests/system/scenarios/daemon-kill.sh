#rig: timeout=400 mem=2304 layers=linux,small,backends
# Every daemon is killed again and again while guests run ($RIG_kills rounds), and started again as a
# service manager would. Guests go on: not a line of their consoles is lost, their disk and their
# network card work, and what stopped while nobody looked is seen to.
kills=${RIG_kills:-4}
pids() { pidof "torc-$1"; }
serves() { case $1 in supervise) torc supervise --foreground ;; stored) torc-stored --no-fork --pid-file /run/xenstored.pid ;; *) "torc-$1" --foreground ;; esac; }
# keep DAEMON: as Restart=always does
keep() { while [ ! -e "/tmp/stop.$1" ]; do serves "$1" >> "/tmp/$1.err" 2>&1; done & }
one_of() { shift $((RANDOM % $#)); echo "$1"; }
nap() { sleep "0.$((RANDOM % 9 + 1))"; }

syslogd -O /tmp/syslog
modprobe -a tun llc stp bridge
ip link add br0 type bridge && ip link set br0 up && ip addr add 10.9.0.1/24 dev br0
kill -9 $(pidof torc-stored) $(pidof torc-consoled)
for d in stored consoled blkd netd supervise; do keep $d; done
answers() { torc list > /dev/null 2>&1; }
check "the store killed before anything ran is there again" wait_for 20 answers
free0=$(/scenario/probe free)
dd if=/dev/zero of=/d.img bs=1M count=8 2> /dev/null
guest w 'disk=["vdev=xvda,backendtype=torc,target=/d.img"]' <<'G'
modprobe xen-blkfront
wait_for 60 test -b /dev/xvda || echo GUEST-NODISK
n=0
while :; do
	n=$((n + 1))
	echo "LINE $n ends"
	[ $((n % 10)) = 0 ] || continue
	dd if=/dev/urandom of=/tmp/w bs=64k count=2 2> /dev/null
	dd if=/tmp/w of=/dev/xvda bs=64k seek=$((n % 64)) conv=fsync 2> /dev/null || echo GUEST-IOERR
	echo 3 > /proc/sys/vm/drop_caches
	dd if=/dev/xvda bs=64k skip=$((n % 64)) count=2 2> /dev/null | cmp -s - /tmp/w || echo GUEST-DIFF
done
G
small_guest n /guests/reference64.elf 'memory=16' 'extra="ip=10.9.0.2"' 'vif=["bridge=br0"]'
backends() { [ -e /run/torc/blkd ] && [ -e /run/torc/netd ]; }
check "the backends are there" wait_for 20 backends
check "create a guest with a disk" torc create /tmp/w.cfg
check "create a guest with a card" torc create /tmp/n.cfg
check "the first works on its disk" wait_log w "LINE 20 ends" 180
pings() { ping -c 1 -W 1 10.9.0.2 > /dev/null 2>&1; }
check "the second answers" wait_for 30 pings

round=0 killed=0
while [ $round -lt $kills ]; do
	for d in stored consoled blkd netd supervise; do
		nap
		p=$(pids $d) && [ -n "$p" ] && kill -9 "$(one_of $p)" && killed=$((killed + 1))
	done
	round=$((round + 1))
done
check "daemons were killed" [ $killed -ge $((kills * 3)) ]
say "$killed kills"
last() { tr -d '\r' < "$(log w)" | sed -n 's/^LINE \([0-9]*\) ends$/\1/p' | tail -1; }
was=$(last)
goes_on() { [ "$(last)" -gt $((was + 20)) ]; }
stands() { # what of a guest that stands still does so: its disk, its console, or itself
	torc list; torc vcpu-list w; sleep 2; torc vcpu-list w
	xenstore-ls -f "/local/domain/$(torc domid w)" | grep -E "state|console"
	cat /run/torc/blkd 2> /dev/null | head -20
	for p in $(pids blkd) $(pids consoled); do echo "$p: $(cat /proc/$p/comm) $(cat /proc/$p/wchan) $(cat /proc/$p/syscall)"; done
	head -4 /proc/interrupts | cut -c1-100; grep -E "evtchn|torc" /proc/interrupts | cut -c1-120
	was=$(last); torc sysrq w w; sleep 5; echo "from $was to $(last)"; tail -c 3000 "$(log w)"; tail -c 1500 /tmp/blkd.err; tail -20 /tmp/syslog
}
check "the first guest goes on" wait_for 60 goes_on || stands 2>&1 | sed 's/^/#| /'
check "its disk failed it never" eval '! grep -aE "GUEST-|I/O error" "$(log w)" | grep -v GUEST-BANNER'
# a line may be there twice, never not at all
tr -d '\r' < "$(log w)" | sed -n 's/^LINE \([0-9]*\) ends$/\1/p' | awk '$1 > m + 1 { print "after", m, "comes", $1 } $1 > m { m = $1 }' > /tmp/gaps
check "no line of its console is lost" [ ! -s /tmp/gaps ]
sed 's/^/#| /' /tmp/gaps
check "the second guest answers" wait_for 60 pings
check "the tools work" wait_for 20 answers
back() { [ -n "$(pids stored)" ] && [ -n "$(pids consoled)" ] && [ -n "$(pids blkd)" ] && [ -n "$(pids netd)" ] && [ -n "$(pids supervise)" ]; }
check "all daemons are back" wait_for 20 back
tty() { [ -c "$(xenstore-read "/local/domain/$(torc domid w)/console/tty" 2> /dev/null)" ]; }
check "a console has a pty again" wait_for 10 tty
for d in stored consoled; do check "torc-$d gave its rights up" grep -q '^Seccomp:.*2' "/proc/$(pids $d | cut -d' ' -f1)/status"; done

# longer than anybody's patience
touch /tmp/stop.stored
kill -9 $(pidof torc-stored)
began=$(up) was=$(last)
check "without a store the first guest goes on" wait_for 60 goes_on
while [ $(($(up | cut -d. -f1) - ${began%.*})) -lt 12 ]; do sleep 1; done
rm /tmp/stop.stored
keep stored
check "the tools work again" wait_for 30 answers

# what happens while nobody supervises
small_guest s /guests/reference64.elf 'memory=16' 'extra="burn=100"' 'on_poweroff="destroy"'
small_guest r /guests/reference64.elf 'memory=16' 'extra="crash"' 'on_crash="rename-restart"'
sed -i /preserve/d /tmp/r.cfg
runs() { [ -n "$(pids supervise)" ]; }
# one that is just starting has no name yet
nobody_supervises() { touch /tmp/stop.supervise; for p in 1 2 3; do kill -9 $(pidof torc-supervise torc) 2> /dev/null; sleep 0.3; done; }
nobody_supervises
# held until nobody looks: however slow this machine is, it powers off after that
check "create one that powers off" torc create -p /tmp/s.cfg
check "it starts a supervisor" wait_for 20 runs
kill -9 $(pids supervise)
check "the guest goes on" torc unpause s
stopped() { [ "$(state s)" = s ]; }
check "it has stopped, and is still there" wait_for 30 stopped
rm /tmp/stop.supervise
keep supervise
check "its console is kept" wait_log s . 20
check "the supervisor that starts sees to it" wait_for 30 gone s
check "create one that crashes again and again" torc create /tmp/r.cfg
r_aside() { torc list | grep -q "^r-$1 "; }
check "it is set aside and started again" wait_for 40 r_aside 1
kill -9 $(pids supervise)
check "and again after the supervisor was killed" wait_for 60 r_aside 3 || { tail -30 /tmp/syslog; torc list; cat /tmp/supervise.err; torc why r; } | sed 's/^/#| /'

# wherever the supervisor is when it is killed: there is always one set aside, and one after it
them() { torc list | awk -v r="r$1" '$1 ~ "^" r "(-|$)" { print $1 }'; }
more() { [ "$(them "$1" | wc -l)" -gt "$2" ]; }
none() { for g in $(them "$1"); do torc destroy "$g" 2> /dev/null; done; [ -z "$(them "$1")" ]; }
looped() { grep -aq "r: stopped 11 times in a row" /tmp/syslog; }
check "one that goes on crashing is left at last" wait_for 120 looped
equal "after ten new starts" "$(them "" | wc -l)" 11
lost=0 round=0
wait_for 30 none ""
while [ $lost = 0 ] && [ $round -lt $kills ]; do
	torc create /tmp/r.cfg "name=r$round" > /tmp/out 2>&1 || cat /tmp/out
	for n in 1 2; do
		wait_for 30 more $round $n || { lost=$((lost + 1)); break; }
		sleep "0.$((RANDOM % 90 + 10))"
		kill -9 $(pids supervise) 2> /dev/null
	done
	wait_for 30 more $round 2 || lost=$((lost + 1))
	[ $lost = 0 ] || { torc list; torc why "r$round"; grep . /run/torc/again/* /run/torc/creating/*; tail -30 /tmp/syslog; } 2>&1 | sed 's/^/#| /'
	wait_for 30 none $round
	round=$((round + 1))
done
equal "of $round that crashed while the supervisor was killed, lost" $lost 0

check "a guest can be created" torc create -p /tmp/n.cfg name=n2 vif='[]'
nobody_supervises
for g in $(torc list | awk 'NR > 1 && $1 != "Domain-0" { print $1 }'); do torc destroy "$g" > /tmp/out 2>&1 || cat /tmp/out; done
equal "dom0 alone is left" "$(torc list | awk 'NR > 1' | wc -l)" 1
equal "the store holds nothing of them" "$(xenstore-ls /local/domain | grep -c '^[1-9]')" 0
# dom0's own tables (event channels, grants) may have grown by a page; a leak would be one a kill
same() { [ $((free0 - $(/scenario/probe free))) -le 4 ]; }
check "no page is lost" wait_for 20 same || say "$free0 pages were free, $(/scenario/probe free) are"
for d in stored consoled blkd netd; do touch /tmp/stop.$d; done
