/* SPDX-License-Identifier: BSD-2-Clause */
/* A guest that writes faster than it can be sent gets less processor time, by the scheduler's cap,
 * as long as that lasts. */
#ifndef TORC_MIGRATION_THROTTLE_H
#define TORC_MIGRATION_THROTTLE_H

#include <stdint.h>

#include "dom0-tools/common/why.h"

struct host;

#define THROTTLE_LEAST 5u /* per cent of what it had */

/* The caps that it had before, had until now and is to have now: what is enough to give it its own
 * back. As the scheduler counts them, 0: none. now 0: it is not slowed down. */
struct throttle_caps {
	unsigned int before, last, now;
};

struct throttle {
	unsigned int percent; /* of what it had; 0: it is not slowed down */
	struct throttle_caps caps;
	/* They are about to be set: for whoever comes after a tool that is killed. Or NULL. */
	int (*note)(void *arg, const struct throttle_caps *caps, struct why *why);
	void *arg;
};

/* To so many per cent of what it had, but not below the least. A cap that somebody else has set
 * meanwhile is what it has from then on. */
int throttle_to(struct throttle *t, struct host *h, uint32_t domid, unsigned int percent,
		struct why *why);
/* It has its time back. */
int throttle_end(struct throttle *t, struct host *h, uint32_t domid, struct why *why);
/* The same, from what was noted. One that is not ours stays. */
int throttle_give_back(const struct throttle_caps *caps, struct host *h, uint32_t domid,
		       struct why *why);

#endif
