#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# shuttle.sh GUEST PATTERN OPTION...: sends a guest to the other host as soon as it has been at work here, two more lines with
# PATTERN on its console. The same runs there, so it goes to and fro until there is a /tmp/stop on each. A line a move in /tmp/moved, what
# went wrong in /tmp/unmoved, /tmp/shuttled when it has ended.
guest=$1 pattern=$2
shift 2
lines() { grep -ac "$pattern" /var/log/torc/console/$guest.log 2> /dev/null; }
runs() { torc list $guest 2> /dev/null | awk 'NR == 2 { s = $5; gsub("-", "", s); exit s ~ /[pscd]/ } END { if (NR < 2) exit 1 }'; }
while [ ! -e /tmp/stop ]; do
	runs || { sleep 0.1; continue; }
	n=$(lines) t=0
	until [ "$(lines)" -gt $((n + 1)) ]; do
		sleep 0.1
		t=$((t + 1))
		[ $t -lt 1200 ] || { echo "it does nothing" >> /tmp/unmoved; break 2; }
		[ ! -e /tmp/stop ] || break 2
	done
	began=$(cut -d' ' -f1 /proc/uptime)
	if torc migrate --json "$@" $guest other > /tmp/move 2>&1; then
		echo "began=$began ended=$(cut -d' ' -f1 /proc/uptime) $(grep '"done"' /tmp/move | tr -d '{}"' | sed 's/pause_parts://' |
			tr ',:' '\n=' | sed 's/\(\.[0-9][0-9][0-9][0-9]\)[0-9]*/\1/' | grep -v 'event\|guest\|host\|checked' | tr '\n' ' ')" >> /tmp/moved
		! runs || echo "it runs here, too" >> /tmp/unmoved
	else
		tail -1 /tmp/move >> /tmp/unmoved
		sleep 1
	fi
done
touch /tmp/shuttled
