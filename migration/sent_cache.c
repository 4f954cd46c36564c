/* SPDX-License-Identifier: BSD-2-Clause */
/* See sent_cache.h. */
#include "migration/sent_cache.h"

#include <stdbool.h>
#include <stdlib.h>

#include "dom0-tools/host/host.h"

#define NONE  UINT64_MAX
#define TRIES 16u /* places that are looked at for a page that wants one */

struct place {
	uint64_t pfn;	    /* NONE: free */
	unsigned int round; /* in which it was sent last */
};

struct sent_cache {
	uint32_t count, next; /* of places; where the next page looks for one first */
	uint32_t *place_of;   /* by pfn, from 1; 0: it has none */
	struct place *places;
	uint8_t *contents; /* with the first page */
};

struct sent_cache *sent_cache_new(uint64_t pages)
{
	uint64_t count = pages / SENT_CACHE_PART;
	struct sent_cache *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->count = count < SENT_CACHE_MOST ? (uint32_t)count : SENT_CACHE_MOST;
	c->place_of = c->count ? calloc(pages, sizeof(*c->place_of)) : NULL;
	c->places = c->count ? malloc(c->count * sizeof(*c->places)) : NULL;
	if (!c->place_of || !c->places) {
		sent_cache_free(c);
		return NULL;
	}
	for (uint32_t i = 0; i < c->count; i++)
		c->places[i] = (struct place){ .pfn = NONE };
	return c;
}

void sent_cache_free(struct sent_cache *c)
{
	if (!c)
		return;
	free(c->contents);
	free(c->places);
	free(c->place_of);
	free(c);
}

static uint8_t *contents(struct sent_cache *c, uint32_t place)
{
	return c->contents + (size_t)place * HOST_PAGE_SIZE;
}

uint8_t *sent_cache_find(struct sent_cache *c, uint64_t pfn, unsigned int round)
{
	uint32_t place = c ? c->place_of[pfn] : 0;

	if (!place)
		return NULL;
	c->places[place - 1].round = round;
	return contents(c, place - 1);
}

/* Free, or of a page that was sent neither in this round nor in the one before. */
static bool is_to_be_had(const struct place *p, unsigned int round)
{
	return p->pfn == NONE || p->round + 1 < round;
}

uint8_t *sent_cache_take(struct sent_cache *c, uint64_t pfn, unsigned int round)
{
	if (c && !c->contents)
		c->contents = malloc((size_t)c->count * HOST_PAGE_SIZE);
	if (!c || !c->contents)
		return NULL;
	for (uint32_t i = 0; i < TRIES && i < c->count; i++) {
		uint32_t place = c->next;

		c->next = (place + 1) % c->count;
		if (!is_to_be_had(&c->places[place], round))
			continue;
		sent_cache_drop(c, c->places[place].pfn);
		c->places[place] = (struct place){ pfn, round };
		c->place_of[pfn] = place + 1;
		return contents(c, place);
	}
	return NULL;
}

void sent_cache_drop(struct sent_cache *c, uint64_t pfn)
{
	uint32_t place = c && pfn != NONE ? c->place_of[pfn] : 0;

	if (!place)
		return;
	c->places[place - 1].pfn = NONE;
	c->place_of[pfn] = 0;
}
