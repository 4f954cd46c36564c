#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# pids.sh WORDS: of processes with these words on their command line. busybox has no pgrep here.
for p in /proc/[0-9]*; do
	line=$(tr '\0' ' ' < $p/cmdline 2> /dev/null)
	case $line in
	*pids.sh*) ;;
	*"$1"*) echo ${p#/proc/} ;;
	esac
done
