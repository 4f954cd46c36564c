# SPDX-License-Identifier: BSD-2-Clause
#
# For tests in the shell: a folder of their own in $dir, and a line for each result; "exit $failed" ends them.
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
failed=0 n=0
result() { # ok? NAME DETAIL
	n=$((n + 1))
	if [ "$1" = 0 ]; then echo "ok $n $2"; else echo "not ok $n $2: $3"; failed=1; fi
}
