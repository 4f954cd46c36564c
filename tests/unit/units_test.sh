#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The service manager's units, as the service manager reads them: nothing in them is unknown to it, and the two daemons
# that read what guests write give up as much as they are known to do without. One ok or not ok line each.
if ! command -v systemd-analyze > /dev/null; then
	echo "ok 1 the units # skip no systemd-analyze"
	exit 0
fi
. tests/unit/result.sh
for u in dom0-tools/units/*.service dom0-tools/units/*.mount; do # where the programs are is a matter of installing them
	sed 's,^\(Exec[A-Za-z]*=\)/usr/local/sbin/torc[^ ]*,\1/bin/true,' "$u" > "$dir/${u##*/}"
done
for u in "$dir"/*.service "$dir"/*.mount; do
	said=$(systemd-analyze verify --man=no "$dir"/*.service "$dir"/*.mount 2>&1 | grep -F "${u##*/}")
	[ -z "$said" ]
	result $? "${u##*/} is understood" "$said"
done
for u in torc-consoled torc-stored; do
	said=$(systemd-analyze security --offline=true --threshold=40 "$dir/$u.service" 2>&1)
	result $? "$u.service is confined" "$(tail -1 <<< "$said")"
done
# a daemon that is killed, or whose store is, comes back as often as that happens, and takes nobody along
for u in dom0-tools/units/*.service; do
	! grep -qx Type=oneshot "$u" || continue
	! grep -q '^\(Requires\|BindsTo\|PartOf\)=' "$u" && grep -qx 'StartLimitIntervalSec=0' "$u" && grep -qx 'Restart=always' "$u" &&
		! grep -qx 'RestartSec=0' "$u"
	result $? "${u##*/} starts again by itself, alone and without end" "$(grep -E 'Requires|StartLimit|Restart' "$u")"
done
# guests that do not end with their host are ended, while there is time for it
seconds=$(sed -n 's/^ExecStop=.* shutdown -a -t \([0-9]*\) --destroy$/\1/p' dom0-tools/units/torc-guests.service)
minutes=$(sed -n 's/^TimeoutStopSec=\([0-9]*\)min$/\1/p' dom0-tools/units/torc-guests.service)
[ -n "$seconds" ] && [ $((minutes * 60)) -gt $((seconds + 30)) ]
result $? "torc-guests has the time to end those that do not end" "${seconds:-no} seconds of ${minutes:-no} minutes"
! grep -q '^RestrictRealtime=yes' dom0-tools/units/torc-netd.service
result $? "torc-netd may take the priority that it needs for a round" "RestrictRealtime"
# what its unit leaves to it is enough to give up the rest, and to begin: $1 is the test of that
if [ -n "$1" ] && [ "$(id -u)" = 0 ] && command -v setpriv > /dev/null; then
	left=$(sed -n 's/^CapabilityBoundingSet=//p' dom0-tools/units/torc-consoled.service | tr 'A-Z ' 'a-z,' | sed 's/cap_/+/g')
	said=$(setpriv --bounding-set="-all,$left" "$1" 2>&1)
	result $? "torc-consoled gives up its rights under its unit" "$said"
fi
# the users that daemons become
if command -v systemd-sysusers > /dev/null; then
	mkdir -p "$dir/root/etc"
	said=$(systemd-sysusers --root="$dir/root" "$PWD/dom0-tools/units/torc.sysusers" 2>&1) && grep -q '^torc-consoled:' "$dir/root/etc/passwd"
	result $? "the user of torc-consoled is made" "$said"
fi
# what would be a unit that does nothing of what it says
printf '[Service]\nExecStart=/bin/true\nProtectHome=maybe\n' > "$dir/torc-bad.service"
systemd-analyze verify --man=no "$dir/torc-bad.service" 2>&1 | grep -q "torc-bad.service:3"
result $? "a mistake would be seen" "nothing was said of it"
echo "1..$n"
exit $failed
