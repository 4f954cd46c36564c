/* SPDX-License-Identifier: BSD-2-Clause */
/* A guest that writes faster than it can be sent gets less processor time, by the scheduler's cap,
 * as long as that lasts. */
#ifndef TORC_MIGRATION_THROTTLE_H
#define TORC_MIGRATION_THROTTLE_H

#include "dom0-tools/host/host.h"

#define THROTTLE_LEAST 5u /* per cent of what it had */

struct throttle {
	unsigned int percent; /* of what it had; 0: it is not slowed down */
	unsigned int before;  /* its cap; 0: none */
};

/* To so many per cent of what it had, but not below the least. */
int throttle_to(struct throttle *t, struct host *h, uint32_t domid, unsigned int percent,
		struct why *why);
/* It has its time back. */
int throttle_end(struct throttle *t, struct host *h, uint32_t domid, struct why *why);

#endif
