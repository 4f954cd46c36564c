#rig: timeout=1500 layers=linux,backends,work mem=3072 dom0_mem=2000
# A Linux guest's filesystem on torc-blkd, whose process for the device is killed all the time. fio writes blocks of random
# sizes and reads each back; then a database takes one row after the other while the guest is destroyed at a random moment:
# the next one must find the database whole, with every row in it that was reported written ("extra" syncs the journal's
# directory too: less is not promised by SQLite itself). $RIG_crashes and $RIG_loops say how often. $RIG_minutes: so long, of the
# machine's time, fio writes and reads back another $RIG_each every minute before the database's turn; $RIG_nap: milliseconds between kills;
# $RIG_look: seconds between looks at what the guest said, each of which is millions of instructions: where these are what time is
# made of (-icount), looks and kills every moment would be most of the work.
modprobe brd rd_nr=1 rd_size=262144
torc-blkd --foreground 2> /tmp/blkd.log &
blkd=$!
(
	k=0
	while [ -d /proc/$blkd ]; do
		for p in $(pidof torc-blkd); do [ $p = $blkd ] || { kill -9 $p && k=$((k + 1)); }; done
		echo $k > /tmp/kills
		usleep $((${RIG_nap:-500} * 1000 + $(hexdump -n 2 -e '"%u"' /dev/urandom) * 40))
	done
) &
script() {
	cat <<'G'
modprobe -a xen-blkfront crc32c_generic ext4
wait_for 60 test -b /dev/xvda || echo GUEST-NODISK
if ! mount -t ext4 /dev/xvda /mnt 2> /dev/null; then
	mkfs.ext4 -q /dev/xvda && mount -t ext4 /dev/xvda /mnt || echo GUEST-NOFS
	fio --name=v --directory=/mnt --size=48m --rw=randwrite --bsrange=512-128k --blockalign=512 --direct=1 --ioengine=libaio \
		--iodepth=16 --verify=crc32c --verify_fatal=1 --verify_backlog=64 --loops=$(cat /loops) > /tmp/fio.log 2>&1
	echo "GUEST-FIO $? $(grep -c 'verify:\|err=[^ 0]' /tmp/fio.log)"
	grep -i 'verify\|err=\|IO depth\|issued' /tmp/fio.log
	rm -f /mnt/v*
	if [ "$(cat /minutes)" != 0 ]; then
		echo "GUEST-HOURS from $(cut -d' ' -f1 /proc/uptime)"
		m=0 bad=0 t0=$(cut -d. -f1 /proc/uptime)
		while [ $m -lt $(cat /minutes) ]; do
			m=$((m + 1))
			fio --name=h --directory=/mnt --size=$(cat /each) --randseed=$m --rw=randwrite --bsrange=512-128k --blockalign=512 --direct=1 \
				--ioengine=libaio --iodepth=16 --verify=crc32c --verify_fatal=1 --verify_backlog=64 > /tmp/fio.log 2>&1 || bad=$((bad + 1))
			[ "$(grep -c 'verify:\|err=[^ 0]' /tmp/fio.log)" = 0 ] || bad=$((bad + 1))
			[ $bad = 0 ] || grep -i 'verify\|err=' /tmp/fio.log
			sed -n 's/.*issued rwts: total=\([0-9]*\),\([0-9]*\),.*/\1 \2/p' /tmp/fio.log >> /tmp/issued
			[ $((m % 10)) != 0 ] || echo "GUEST-MINUTE $m at $(cut -d' ' -f1 /proc/uptime)"
			sleep $((m * 60 - $(cut -d. -f1 /proc/uptime) + t0)) 2> /dev/null
		done
		echo "GUEST-LONG $bad $(wc -l < /tmp/issued)"
		echo "GUEST-HOURS to $(cut -d' ' -f1 /proc/uptime), read and written: $(awk '{ r += $1; w += $2 } END { print r, w }' /tmp/issued)"
		rm -f /mnt/h*
	fi
	sqlite3 /mnt/db 'create table t(n integer primary key, v text)'
fi
n=$(sqlite3 /mnt/db 'select coalesce(max(n), 0) from t')
echo "GUEST-FOUND $n rows $(sqlite3 /mnt/db 'select count(*) from t') $(sqlite3 /mnt/db 'pragma integrity_check')"
while :; do
	n=$((n + 1))
	sqlite3 /mnt/db "pragma synchronous=extra; insert into t values($n, hex(randomblob(700)))" || { echo "GUEST-NOROW $n"; break; }
	echo "GUEST-ACK $n"
done
G
}
# said NAME PATTERN SECONDS
said() {
	local end=$(($(cut -d. -f1 /proc/uptime) + $3))
	until logged $1 "$2"; do
		[ "$(cut -d. -f1 /proc/uptime)" -lt $end ] || return 1
		sleep ${RIG_look:-0.1}
	done
}
used() { tool list --json | grep -o '"cpu_seconds": *[0-9.]*' | grep -o '[0-9.]*$' | tr '\n' ' '; }
# life N: one guest, up to its death
life() {
	local n=g$1 last
	mkdir -p /tmp/more
	echo "${RIG_loops:-1}" > /tmp/more/loops
	echo "${RIG_minutes:-0}" > /tmp/more/minutes
	echo "${RIG_each:-4m}" > /tmp/more/each
	script | guest $n 'disk=["vdev=xvda,access=w,backendtype=torc,target=/dev/ram0"]'
	{ cat /guests/work.cpio; (cd /tmp/more && find . | cpio -o -H newc 2> /dev/null); } >> /tmp/$n.initrd
	sed -i 's/^memory=.*/memory=384/' /tmp/$n.cfg
	check "life $1: create" tool create /tmp/$n.cfg
	while [ ! -e /tmp/opened ]; do
		sleep $((120 + ${RIG_minutes:-0} * 4))
		say "life $1: $(tail -n 1 "$(log $n)" | tr -d '\r'), $(cat /tmp/kills) kills, $(used)s of each domain's processor"
	done &
	[ "$1" != 1 ] || sleep $((${RIG_minutes:-0} * 60))
	check "life $1: the database opens" said $n GUEST-FOUND $((900 + ${RIG_minutes:-0} * 90))
	touch /tmp/opened
	check "life $1: it is whole" logged $n "GUEST-FOUND [0-9]* rows [0-9]* ok"
	last=$(grep -ao 'GUEST-FOUND [0-9]*' "$(log $n)" | cut -d' ' -f2)
	check "life $1: no reported row is lost" [ "${last:-0}" -ge "$acked" ]
	said $n "GUEST-ACK $((last + 3))" 600
	usleep $(($(hexdump -n 2 -e '"%u"' /dev/urandom) * 60))
	check "life $1: destroy it at work" tool destroy $n
	check "life $1: no error was seen" eval '! grep -a "GUEST-NO\|I/O error\|EXT4-fs error" "$(log '$n')"'
	acked=$(grep -ao 'GUEST-ACK [0-9]*' "$(log $n)" | tail -1 | cut -d' ' -f2)
	[ "$1" = 1 ] && { logged $n "GUEST-FIO 0 0" || tail -40 "$(log $n)" | sed 's/^/#| /'; }
	rm -f /tmp/$n.initrd
}
acked=0
life 1
check "fio read back what it wrote" logged g1 "GUEST-FIO 0 0"
[ -z "$RIG_minutes" ] || check "and for $RIG_minutes minutes" logged g1 "GUEST-LONG 0 $RIG_minutes"
grep -a 'verify\|issued\|GUEST-HOURS\|GUEST-FIO\|GUEST-LONG\|read:\|write:' "$(log g1)" | sed 's/^/# /'
i=1
while [ $i -le "${RIG_crashes:-5}" ]; do
	i=$((i + 1))
	life $i
done
say "$acked rows, the device's process was killed $(cat /tmp/kills) times"
check "its process was killed while it worked" [ "$(cat /tmp/kills)" -gt 5 ]
