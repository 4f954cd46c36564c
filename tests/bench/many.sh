# SPDX-License-Identifier: BSD-2-Clause
# What dom0 uses while nobody does anything, for those that have many guests there: instructions a second.
used() { tool list --json 0 | grep -o '"cpu_seconds": *[0-9.]*' | grep -o '[0-9.]*$'; }
idle_cost() {
	local a b
	sleep 3
	a=$(used)
	sleep 400	# nothing of which is waited for
	b=$(used)
	echo "$a $b" | awk '{ printf "%d", ($2 - $1) / 400 * 5e8 }'
}
