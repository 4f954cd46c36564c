/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * While a guest stands still, or is about to, the thread that moves it goes before what else this
 * host's processes want of the processor: nobody may wait for them. It waits for others most of
 * that time, so that they get on, too.
 */
#include "dom0-tools/migrated/migrated.h"

#include <sys/resource.h>

#define AHEAD	-15	     /* nice */
#define ALLOWED (20 - AHEAD) /* as a limit: RLIMIT_NICE in setrlimit(2) */

/* With this no capability is needed later. The unit sets the limit; who is started in another way
 * may set it himself, or else it goes on without. */
void urgent_allow(void)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NICE, &l) == 0 && l.rlim_cur < ALLOWED) {
		l.rlim_cur = ALLOWED;
		l.rlim_max = l.rlim_max < ALLOWED ? ALLOWED : l.rlim_max;
		(void)setrlimit(RLIMIT_NICE, &l);
	}
}

/* Of the thread that calls it, which is what the kernel takes 0 for. */
void urgent(struct ends *e, bool on)
{
	if (e->urgent != on)
		(void)setpriority(PRIO_PROCESS, 0, on ? AHEAD : 0);
	e->urgent = on;
}
