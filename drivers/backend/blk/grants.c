/* SPDX-License-Identifier: BSD-2-Clause */
/* Persistent grants (grants.h). */
#include "drivers/backend/blk/grants.h"

#include <stdlib.h>
#include <string.h>

#include <uthash.h>
#include <utlist.h>

struct grant {
	uint32_t gref;
	unsigned int users;
	uint8_t *page;
	struct grant *prev, *next;
	UT_hash_handle hh;
};

void grants_init(struct grants *g, struct peer *peer)
{
	*g = (struct grants){ .peer = peer, .limit = GRANTS_MAX };
}

static void drop(struct grants *g, struct grant *e)
{
	DL_DELETE(g->idle, e);
	HASH_DEL(g->by_ref, e);
	peer_unmap(g->peer, e->page, 1);
	free(e);
	g->count--;
}

void grants_drop_all(struct grants *g)
{
	while (g->idle)
		drop(g, g->idle);
}

static struct grant *map(struct grants *g, uint32_t gref)
{
	struct grant *e;

	if (g->count >= g->limit) {
		if (!g->idle)
			return NULL;
		drop(g, g->idle);
	}
	e = calloc(1, sizeof(*e));
	if (!e)
		return NULL;
	e->gref = gref;
	e->page = peer_map(g->peer, &gref, 1, 1);
	if (!e->page) {
		free(e);
		return NULL;
	}
	HASH_ADD(hh, g->by_ref, gref, sizeof(e->gref), e);
	g->count++;
	return e;
}

struct grant *grants_get(struct grants *g, uint32_t gref)
{
	struct grant *e;

	HASH_FIND(hh, g->by_ref, &gref, sizeof(gref), e);
	if (!e)
		e = map(g, gref);
	else if (!e->users)
		DL_DELETE(g->idle, e);
	if (e)
		e->users++;
	return e;
}

void grants_put(struct grants *g, struct grant *e)
{
	if (--e->users == 0)
		DL_APPEND(g->idle, e);
}

uint8_t *grant_page(const struct grant *e)
{
	return e->page;
}
