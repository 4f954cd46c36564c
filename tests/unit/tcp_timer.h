/* SPDX-License-Identifier: BSD-2-Clause */
/* What the kernel has in mind for a connection of this host. */
#ifndef TORC_TESTS_TCP_TIMER_H
#define TORC_TESTS_TCP_TIMER_H

#include <stdbool.h>
#include <stdio.h>

/* Does it ask whether the other side is still there, on the established connection at this port of
 * ours, or (to) of the other side's? */
static inline bool asks_whether_alive(unsigned int port, bool to)
{
	FILE *f = fopen("/proc/net/tcp", "re");
	unsigned int local, remote, state, timer;
	char line[256];
	bool asks = false;

	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		asks |= sscanf(line, "%*d: %*x:%x %*x:%x %x %*x:%*x %x", &local, &remote, &state,
			       &timer) == 4 &&
			(to ? remote : local) == port && state == 1 && timer == 2;
	fclose(f);
	return asks;
}

#endif
