#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# was.sh: of each migration from this host where it was at /tmp/struck: "GUEST STATE", a state of its source's record, or ASKED
# before there was one. Nothing of one that had not begun yet, or had ended.
for f in /tmp/go.*; do
	[ -s "$f" ] || continue
	awk -v struck="$(cat /tmp/struck)" -v guest=${f#/tmp/go.} '
		$1 > struck { exit }
		/"begun"/ { state = "ASKED" }
		match($0, /"state":"[A-Z]*"/) { state = substr($0, RSTART + 9, RLENGTH - 10) }
		/"ended"|"done"|"error"/ { state = "" }
		END { if (state) print guest, state }' "$f"
done
