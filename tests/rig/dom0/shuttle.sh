#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# shuttle.sh GUEST WORD OPTION...: sends a guest to the other host as soon as it has been at work here, two more lines with
# WORD on its console. The same runs there, so it goes to and fro until there is a /tmp/stop.GUEST on each. A line a move in /tmp/moved.GUEST,
# what went wrong in /tmp/unmoved.GUEST, /tmp/shuttled.GUEST when it has ended.
# It waits for lines of the console: to ask for the guest again and again would be most of what this host does.
guest=$1 word=$2
shift 2
runs() { torc list $guest 2> /dev/null | awk 'NR == 2 { s = $5; gsub("-", "", s); exit s ~ /[pscd]/ } END { if (NR < 2) exit 1 }'; }
move() {
	local began
	began=$(cut -d' ' -f1 /proc/uptime)
	if torc migrate --json "$@" $guest other > /tmp/move.$guest 2>&1; then
		echo "began=$began ended=$(cut -d' ' -f1 /proc/uptime) $(grep '"done"' /tmp/move.$guest | tr -d '{}"' | sed 's/pause_parts://' |
			tr ',:' '\n=' | sed 's/\(\.[0-9][0-9][0-9][0-9]\)[0-9]*/\1/' | grep -v 'event\|guest\|host\|checked' | tr '\n' ' ')" >> /tmp/moved.$guest
		! runs || echo "it runs here, too" >> /tmp/unmoved.$guest
	else
		tail -1 /tmp/move.$guest >> /tmp/unmoved.$guest
		sleep 1
	fi
}
mkfifo /tmp/console.$guest
tail -F -n 0 /var/log/torc/console/$guest.log > /tmp/console.$guest 2> /dev/null &
tail=$!
exec 3< /tmp/console.$guest
lines=0 quiet=0
while [ ! -e /tmp/stop.$guest ]; do
	if ! read -r -t 1 line <&3; then
		quiet=$((quiet + 1))
		[ $quiet -lt 120 ] || { quiet=0; ! runs || { echo "it does nothing" >> /tmp/unmoved.$guest; break; }; }
		continue
	fi
	quiet=0
	case $line in *"$word"*) lines=$((lines + 1)) ;; esac
	[ $lines -ge 2 ] || continue
	lines=0
	! runs || move "$@"
done
kill $tail
touch /tmp/shuttled.$guest
