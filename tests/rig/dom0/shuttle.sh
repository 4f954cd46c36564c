#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# shuttle.sh GUEST PATTERN OPTION...: sends a guest to the other host as soon as it has been at work here, two more lines with
# PATTERN on its console. The same runs there, so it goes to and fro until there is a /tmp/stop.GUEST on each. A line a move in /tmp/moved.GUEST,
# what went wrong in /tmp/unmoved.GUEST, /tmp/shuttled.GUEST when it has ended.
guest=$1 pattern=$2
shift 2
lines() { grep -ac "$pattern" /var/log/torc/console/$guest.log 2> /dev/null; }
runs() { torc list $guest 2> /dev/null | awk 'NR == 2 { s = $5; gsub("-", "", s); exit s ~ /[pscd]/ } END { if (NR < 2) exit 1 }'; }
while [ ! -e /tmp/stop.$guest ]; do
	runs || { sleep 0.1; continue; }
	n=$(lines) t=0
	until [ "$(lines)" -gt $((n + 1)) ]; do
		sleep 0.1
		t=$((t + 1))
		[ $t -lt 1200 ] || { echo "it does nothing" >> /tmp/unmoved.$guest; break 2; }
		[ ! -e /tmp/stop.$guest ] || break 2
	done
	began=$(cut -d' ' -f1 /proc/uptime)
	if torc migrate --json "$@" $guest other > /tmp/move.$guest 2>&1; then
		echo "began=$began ended=$(cut -d' ' -f1 /proc/uptime) $(grep '"done"' /tmp/move.$guest | tr -d '{}"' | sed 's/pause_parts://' |
			tr ',:' '\n=' | sed 's/\(\.[0-9][0-9][0-9][0-9]\)[0-9]*/\1/' | grep -v 'event\|guest\|host\|checked' | tr '\n' ' ')" >> /tmp/moved.$guest
		! runs || echo "it runs here, too" >> /tmp/unmoved.$guest
	else
		tail -1 /tmp/move.$guest >> /tmp/unmoved.$guest
		sleep 1
	fi
done
touch /tmp/shuttled.$guest
