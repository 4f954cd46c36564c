/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the other side has of some pages: those that were sent more than once, as they were sent
 * last. Whoever sends such a page writes what he sends into it and sends it from there, so that the
 * two stay equal whatever the guest does meanwhile.
 *
 * It holds an eighth of the guest's pages at most, and never more than 64 MiB. A page keeps its
 * place as long as it is sent in every round or every second one: of a guest that writes more pages
 * than there are places some stay, where all would push each other out in turn.
 */
#ifndef TORC_MIGRATION_SENT_CACHE_H
#define TORC_MIGRATION_SENT_CACHE_H

#include <stdint.h>

#define SENT_CACHE_PART 8u     /* of the guest's pages: one in so many */
#define SENT_CACHE_MOST 16384u /* pages */

struct sent_cache;

/* For a guest with so many pages. NULL: there is no memory for it, or no use; with that all below
 * find nothing. Memory for contents is taken with the first page. */
struct sent_cache *sent_cache_new(uint64_t pages);
void sent_cache_free(struct sent_cache *c);
/* The contents that the other side has, a page that may be written to; NULL: not known. */
uint8_t *sent_cache_find(struct sent_cache *c, uint64_t pfn, unsigned int round);
/* A place for a page that has none, for what is sent of it now; NULL: none is free. What had the
 * place before was not sent in this round. */
uint8_t *sent_cache_take(struct sent_cache *c, uint64_t pfn, unsigned int round);
/* The other side has something else of it, or nothing. */
void sent_cache_drop(struct sent_cache *c, uint64_t pfn);

#endif
