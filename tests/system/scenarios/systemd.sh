#rig: timeout=400 init=init layers=systemd,installed,small
# Torc as "make install" leaves it, under Debian's service manager: the units start in their order and are confined as they say;
# what they start serves guests; what is killed is started again, what is stopped goes, and no guest is the worse for it. At the
# end the host powers off, and systemd.d/last looks at what became of guests.
daemons="stored consoled supervise blkd netd migrated"
of() { systemctl show -p "$2" --value "torc-$1"; } # DAEMON PROPERTY
pid() { of $1 MainPID; }
status_of() { sed -n "s/^$2:[[:space:]]*//p" "/proc/$(pid $1)/status"; } # DAEMON FIELD, of its process
log_of() { journalctl -b --no-pager -o short-monotonic "$@" 2>&1 | grep -v ' kernel: ' | tail -${LINES_OF_LOG:-30} | sed 's/^/#| /'; }

equal "all is started" "$(systemctl is-system-running --wait)" running
equal "nothing failed" "$(systemctl --failed --plain --no-legend)" ""
for d in $daemons; do
	equal "torc-$d is active" "$(of $d ActiveState), $(of $d SubState)" "active, running"
done
[ "$(of stored ActiveState)" = active ] || { LINES_OF_LOG=200 log_of; systemctl status --no-pager 'torc*' | sed 's/^/#| /'; bail "no store"; }
for d in consoled supervise blkd netd migrated; do
	check "torc-$d was started when the store was ready" [ "$(of $d ExecMainStartTimestampMonotonic)" -ge "$(of stored ActiveEnterTimestampMonotonic)" ]
done

for d in consoled blkd netd migrated; do
	equal "the journal has torc-$d's words once" "$(journalctl -b --no-pager -o cat -u torc-$d | grep -c 'ready$')" 1
done
equal "torc-guests has nothing to do yet" "$(of guests ActiveState), $(of guests SubState)" "active, exited"

# --- what the units take from each

for d in $daemons; do
	equal "torc-$d can gain no rights, and is under a filter of system calls" "$(status_of $d NoNewPrivs) $(status_of $d Seccomp)" "1 2"
done
equal "torc-stored has the one capability" "$(status_of stored CapBnd)" 0000000001000000
for d in supervise migrated; do equal "torc-$d has six capabilities" "$(status_of $d CapBnd)" 000000000020100f; done
for d in blkd netd; do equal "torc-$d can load no modules" "$(status_of $d CapBnd)" 000001fffffeffff; done
equal "torc-consoled has none" "$(status_of consoled CapBnd)" 0000000000000000
user=$(grep ^torc-consoled: /etc/passwd | cut -d: -f3)
equal "torc-consoled is its own user" "$(status_of consoled Uid)" "$(printf '%s\t%s\t%s\t%s' $user $user $user $user)"
for d in stored consoled; do
	root=/proc/$(pid $d)/root
	refuses "torc-$d sees its host's files read-only" "Read-only" touch $root/usr/new
	refuses "torc-$d sees its settings read-only" "Read-only" touch $root/etc/new
	check "torc-$d writes what it keeps" touch $root/run/torc-$d.new
	equal "torc-$d has no network" "$(grep -c : /proc/$(pid $d)/net/dev)" 1
done
touch /tmp/mark
for d in stored consoled migrated; do refuses "torc-$d has a /tmp of its own" "No such file" ls /proc/$(pid $d)/root/tmp/mark; done
for d in consoled blkd netd supervise migrated stored; do equal "torc-$d sees no modules" "$(ls /proc/$(pid $d)/root/usr/lib/modules)" ""; done
equal "the logs are torc-consoled's" "$(stat -c %U /var/log/torc /var/log/torc/console | tr '\n' ' ')" "root torc-consoled "

# --- a guest

check "torc check has nothing to say" torc check
check "torc list shows the control domain" eval "torc list | grep -q '^Domain-0 *0 '"
modprobe bridge
ip link add br0 type bridge && ip link set br0 up && ip addr add 10.9.0.1/24 dev br0
truncate -s 4M /srv.img
gzip -c /guests/reference64.elf > /tmp/kernel.gz
small_guest web /tmp/kernel.gz 'extra="ip=10.9.0.2"' 'disk=["vdev=xvda,target=/srv.img"]' 'vif=["mac=00:16:3e:00:00:01,bridge=br0"]'
sed -i 's/^on_crash=.*/on_crash="coredump-restart"/' /tmp/web.cfg
types() { printf '%s\n\035' "$1" | timeout 20 torc console -n web > /tmp/viewer 2>&1; }
heard() { tr -d '\r' < "$(log web)" | grep -aqx "$1"; }
serves() { # WORD: the guest takes what is typed, and answers; its card works
	types "echo $1-typed" && wait_for 20 heard "$1-typed" && wait_for 20 pings
}
pings() { ping -c 1 -W 1 10.9.0.2 > /dev/null 2>&1; }
tests() { tr -d '\r' < "$(log web)" | grep -ac "^ok.*disk: they are read back"; }
works() { # its disk
	local n
	n=$(tests)
	more() { [ "$(tests)" -gt $n ]; }
	types test && wait_for 60 more
}
check "create a guest" torc create /tmp/web.cfg || { log_of; bail "no guest"; }
check "its console is kept" wait_log web "torc reference guest" 30
check "it is reached: console and card" serves first || { show_log web; log_of; }
check "its disk is read and written" works || { show_log web; log_of; }
domid=$(torc domid web)

# --- killed

for d in $daemons; do
	was=$(pid $d)
	kill -9 $was
	again() { [ "$(of $d ActiveState)" = active ] && [ "$(pid $d)" != $was ] && [ "$(of $d NRestarts)" = 1 ]; }
	check "torc-$d, killed, is started again" wait_for 30 again || log_of -u torc-$d
	check "the guest lives on without torc-$d" serves "killed-$d" || { show_log web; log_of; }
done
check "its disk, too" works || { show_log web; log_of; }
check "dom0's kernel sees its devices" [ -e /sys/bus/xen-backend/devices/vif-$domid-0 ]
equal "dom0's kernel serves none" "$(ls -d /sys/bus/xen-backend/drivers/*)" ""
equal "it is the same guest" "$(torc domid web)" "$domid"

# --- what the supervisor does by its own rights

rm -rf /var/cache/torc/kernels
types reboot
another() { [ "$(torc domid web 2> /dev/null)" -gt $domid ]; }
check "it reboots: another domain" wait_for 60 another || log_of
check "with its card" serves rebooted || { show_log web; log_of; }
check "and its disk" works || { show_log web; log_of; }
domid=$(torc domid web)
types crash
check "it crashes: another domain" wait_for 60 another || log_of
check "with its card again" serves crashed || { show_log web; log_of; }
check "a dump of it is there" [ -s /var/lib/torc/dump/web.core ]
check "the journal tells of the guest by its name" eval "journalctl -b --no-pager -o cat TORC_GUEST=web TORC_EVENT=stopped | grep -q 'crash'" || log_of

# --- stopped

domid=$(torc domid web)
for d in migrated supervise netd blkd consoled stored; do
	check "systemctl stop torc-$d" systemctl stop torc-$d
	equal "torc-$d ended cleanly" "$(of $d ActiveState) $(of $d Result)" "inactive success"
	equal "nothing is left of torc-$d" "$(cat /sys/fs/cgroup/system.slice/torc-$d.service/cgroup.procs 2> /dev/null)" ""
done
check "all are started again" systemctl start torc-stored torc-consoled torc-supervise torc-blkd torc-netd torc-migrated
serving() { torc check > /tmp/rows; ! grep -E '^(store|console daemon|supervisor|disks|network cards) +no ' /tmp/rows; }
check "what is started serves at once" serving
check "the guest lived on" serves stopped || { show_log web; log_of; }
check "on its disk" works || { show_log web; log_of; }
equal "as the same guest" "$(torc domid web)" "$domid"
equal "still nothing failed" "$(systemctl --failed --plain --no-legend)" ""

# --- beside a supervisor that torc create has started

systemctl stop torc-supervise
small_guest more /guests/reference64.elf 'memory=16'
check "create another guest" torc create /tmp/more.cfg
other() { pidof torc-supervise; }
check "it starts a supervisor" wait_for 10 other
theirs=$(pidof torc-supervise)
systemctl start torc-supervise
sleep 3 # it would be started again each second
equal "the service waits beside it" "$(of supervise ActiveState) $(of supervise NRestarts)" "active 0"
kill "$theirs"
types reboot
check "and sees to guests when that has ended" wait_for 30 another || log_of

# --- the host powers off: the rest is systemd.d/last's

# one of them does not hear; three minutes are more than a test has for it
small_guest deaf /guests/reference64.elf 'memory=16'
check "create one that is paused" torc create -p /tmp/deaf.cfg
mkdir /run/systemd/system/torc-guests.service.d
sed -n '/^\[Service/p; s/-t 180/-t 5/; s/^ExecStop=/ExecStop=\n&/p' /usr/local/lib/systemd/system/torc-guests.service > /run/systemd/system/torc-guests.service.d/soon.conf
systemctl daemon-reload
check "the guests are up" serves last || { show_log web; log_of; }
[ $TAP_BAD = 0 ] || LINES_OF_LOG=150 log_of
echo $TAP_N > /var/results
systemctl poweroff
