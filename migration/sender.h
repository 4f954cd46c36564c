/* SPDX-License-Identifier: BSD-2-Clause */
/* Inside the sending side: what its parts share. send.c has the order of things, rounds.c decides,
 * pages.c sends pages. */
#ifndef TORC_MIGRATION_SENDER_H
#define TORC_MIGRATION_SENDER_H

#include "migration/engine.h"
#include "migration/guest.h"

struct batch;
struct sent_cache;

struct sender {
	struct host *h;
	uint32_t domid;
	struct mig_io *io;
	const struct mig_send_opts *o;
	const struct mig_calls *calls;
	struct mig_outcome *out;
	struct guest_list list;
	struct domain_info info;
	uint32_t cpus; /* of this host */
	uint64_t started_ns, suspended_ns;
	uint64_t rest_until_ns; /* by then the rest of a guest that stands still has to have gone;
				   0: whenever it has */
	/* by pfn, whole words */
	uint64_t *due;	 /* bits: to be sent in the next round */
	uint64_t *again; /* bits: was to be sent, and was changing at that moment */
	uint8_t *sent;	 /* enum sent */
	struct batch *batch;
	struct sent_cache *cache;   /* NULL: pages go in full */
	uint64_t tables, tables_ns; /* page tables turned into the image's numbers so far, and the
				       time it took */
	uint64_t first_byte;	    /* the cap counts from here */
	struct mig_progress progress;
};

enum sent { /* what the other side has of a page */
	    SENT_NOT,
	    SENT_EMPTY, /* that it is there, and all zeros */
	    SENT_DATA,
};

int sender_io_failed(struct why *why, int rc);
int sender_progress(struct sender *s, struct why *why);

/* --- pages.c */
int pages_open(struct sender *s, struct why *why);
void pages_close(struct sender *s);
static inline void page_set(uint64_t *bits, uint64_t pfn)
{
	bits[pfn / 64] |= 1ull << pfn % 64;
}
static inline bool page_is(const uint64_t *bits, uint64_t pfn)
{
	return bits[pfn / 64] >> pfn % 64 & 1;
}
uint64_t pages_count(const uint64_t *bits, uint64_t pages);
static inline size_t pages_words(const struct sender *s)
{
	return (size_t)((s->list.pages + 63) / 64);
}
/*
 * All that are due; none is due after it. While the guest runs a page that is changing is noted in
 * `again`; when it stands still (last) such a page is an error.
 */
int pages_send(struct sender *s, bool last, struct why *why);
/* A few of them, from *pfn on, while the guest runs; *pfn: where to go on, the number of pages when
 * none was left. Those that went are due no more. */
int pages_send_few(struct sender *s, uint64_t *pfn, struct why *why);

/* --- rounds.c: the memory. The guest is suspended when it returns 0; s->suspended_ns: since when,
 * also after a failure (0: it was not). */
int rounds_send(struct sender *s, struct why *why);

/* --- send.c: where the guest's list of frames is, at the front and when it has moved */
int send_list(struct sender *s, struct why *why);
/* How long the end of it takes that is neither pages nor waiting: by doing it, without sending it.
 * The guest may run. */
uint64_t rehearse_state(struct sender *s);

#endif
