#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# look.sh GUEST...: who is on this host ("dom GUEST runs" or "stands"), what is open or still to come ("open ..."), and of each guest how many
# lines its console has that tell of its work, and of something wrong ("says GUEST N BAD").
torc list | awk 'NR > 1 { s = $5; gsub("-", "", s); print "dom", $1, s ~ /[pscd]/ ? "stands" : "runs" }'
torc migrate --status | tail -n +2 | sed 's/^/open /'
for f in /tmp/go.*; do
	[ ! -e $f ] || grep -q '"ended"' $f || echo "open $f"
done
for g; do
	log=/var/log/torc/console/$g.log
	if [ -e $log ]; then
		echo "says $g $(grep -ac 'GUEST-COUNT\|intact' $log) $(grep -ac 'GUEST-WRONG\|panic\|holds\|went back' $log)"
	else
		echo "says $g 0 0"
	fi
done
echo end
