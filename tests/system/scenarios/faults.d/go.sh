#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# go.sh [GUEST MS]...: sends each guest to the other host, MS from now. What torc migrate tells stands in /tmp/go.GUEST, each line with
# this host's uptime in front; the last line says when it ended. Beside the connection go up to two lanes, which may break like it.
rm -f /tmp/go.* /tmp/struck
stamp() {
	local up rest line
	while read -r line; do
		read up rest < /proc/uptime
		echo "$up $line"
	done
}
while [ $# -gt 1 ]; do
	: > /tmp/go.$1
	lanes=$(($(od -An -N1 -tu1 /dev/urandom) % 3))
	(
		sleep $(($2 / 1000)).$(printf %03d $(($2 % 1000)))
		{
			echo '"begun"'
			torc migrate --json --deadline 8s --downtime 100ms --on-deadline force --lanes $lanes $1 other 2>&1
			echo '"ended"'
		} | stamp >> /tmp/go.$1
	) < /dev/null > /dev/null 2>&1 &
	shift 2
done
