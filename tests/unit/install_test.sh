#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What make install puts where: all that the units start, the hypervisor, and what else is asked for by name.
# install_test.sh BUILD MAKE...
build=$1
shift
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
failed=0 n=0
result() { # ok? NAME DETAIL
	n=$((n + 1))
	if [ "$1" = 0 ]; then echo "ok $n $2"; else echo "not ok $n $2: $3"; failed=1; fi
}
"$@" --no-print-directory B="$build" DESTDIR="$dir" PREFIX=/opt/torc install > "$dir/said" 2>&1
result $? "make install" "$(tail -3 "$dir/said")"
for u in "$dir"/opt/torc/lib/systemd/system/*.service; do
	program=$(sed -n 's/^ExecStart=\([^ ]*\).*/\1/p' "$u")
	[ -n "$program" ] && [ -x "$dir$program" ]
	result $? "${u##*/} has its program" "no $program"
done
for program in torc torc-more torc-unpack torc-seed; do
	[ -x "$dir/opt/torc/sbin/$program" ]
	result $? "$program is there" "no sbin/$program"
done
cmp -s "$build/torc" "$dir/boot/torc"
result $? "the hypervisor is where GRUB finds it" "no /boot/torc"
for f in share/man/man1/torc.1 share/man/man5/torc.cfg.5 share/bash-completion/completions/torc lib/sysusers.d/torc.conf; do
	[ -s "$dir/opt/torc/$f" ]
	result $? "$f is there" "missing or empty"
done
echo "1..$n"
exit $failed
