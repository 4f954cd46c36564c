/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Persistent grants: frames that the frontend grants for good and uses again and again. Each is
 * mapped when it is first seen and stays mapped; when the table is full, the one that was idle for
 * longest makes room. What cannot be mapped is copied by the caller.
 */
#ifndef BLK_GRANTS_H
#define BLK_GRANTS_H

#include <stdbool.h>
#include <stdint.h>

#include "drivers/backend/common/peer.h"

#define GRANTS_MAX 1056u /* as many as xen-blkback keeps: a frontend's pool is made for that */

struct grant;
struct grants {
	struct peer *peer;
	struct grant *by_ref; /* hash */
	struct grant *idle;   /* list, the longest idle first; those in use are on no list */
	unsigned int count, limit;
};

void grants_init(struct grants *g, struct peer *peer);
void grants_drop_all(struct grants *g); /* none may be in use */
/* NULL: it cannot be mapped, or all are in use. */
struct grant *grants_get(struct grants *g, uint32_t gref);
void grants_put(struct grants *g, struct grant *e);
uint8_t *grant_page(const struct grant *e);

#endif
