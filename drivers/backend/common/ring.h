/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The backend's half of a shared ring, for slots of any size: the two widths of guests lay their
 * requests out differently, and the layout is known only when the frontend connects. The shared
 * header is the same for every ring of <xen/io/ring.h>.
 *
 * The frontend may write anything anywhere at any time. Indices are read once into locals; a
 * producer further ahead than the ring is long is a broken frontend, not a large batch. Slots are
 * copied whole before anyone looks into them.
 */
#ifndef BACKEND_RING_H
#define BACKEND_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ring {
	void *shared;	    /* mapped, page-aligned */
	uint8_t *first;	    /* slot */
	uint32_t slots;	    /* a power of two */
	uint32_t slot_size; /* bytes */
	uint32_t req_cons;  /* next request to take */
	uint32_t rsp_prod;  /* next response to put; ahead of the shared one until ring_push() */
	uint32_t req_seen;  /* the shared producer at the last look */
};

/* size: bytes mapped. The number of slots is the largest power of two that fits behind the header. */
void ring_init(struct ring *r, void *shared, size_t size, uint32_t slot_size);
/* Requests waiting, or -1 if the frontend's index makes no sense. */
int ring_waiting(struct ring *r);
/* copies out slot_size bytes; ring_waiting() said there is one */
void ring_take(struct ring *r, void *slot);
/* The same, the ahead-th one from here, which stays; size is known to the compiler and no more than
 * slot_size. */
static inline void ring_peek(const struct ring *r, uint32_t ahead, void *slot, size_t size)
{
	__builtin_memcpy(slot,
			 r->first + (size_t)((r->req_cons + ahead) & (r->slots - 1)) * r->slot_size,
			 size);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
}

static inline void ring_put(struct ring *r, const void *rsp, size_t len)
{
	__builtin_memcpy(r->first + (size_t)(r->rsp_prod++ & (r->slots - 1)) * r->slot_size, rsp,
			 len);
}

bool ring_push(struct ring *r); /* true: the frontend wants to be told */
/* Does the frontend still wait to be told of what was pushed? It may have found it meanwhile. */
bool ring_wanted(const struct ring *r);
/* Asks to be told of the next request; true if one came meanwhile (look again). */
bool ring_arm(struct ring *r);
/* The same, of the first request beyond those that ring_waiting() last told of (and that are not
 * enough yet for whoever waits). */
bool ring_arm_beyond(struct ring *r);
/* Asks not to be told, until the next ring_arm(): whoever does looks by itself before it sleeps. */
void ring_hush(struct ring *r);
uint32_t ring_shared_rsp_prod(const struct ring *r); /* as the frontend sees it: for recovery */
uint32_t ring_shared_req_prod(const struct ring *r);

#endif
