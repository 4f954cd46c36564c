/* SPDX-License-Identifier: BSD-2-Clause */
/* The backend's half of a shared ring (ring.h). */
#include "drivers/backend/common/ring.h"

#include <string.h>

#include <xen/xen.h>
#include <xen/io/ring.h>
#include <xen/io/blkif.h>

/* Every sring begins alike (DEFINE_RING_TYPES): any of them tells where things are. */
typedef struct blkif_sring header_t;
#define HEADER_SIZE offsetof(header_t, ring)

static header_t *header(const struct ring *r)
{
	return r->shared;
}

static uint8_t *slot_at(const struct ring *r, uint32_t index)
{
	return r->first + (size_t)(index & (r->slots - 1)) * r->slot_size;
}

void ring_init(struct ring *r, void *shared, size_t size, uint32_t slot_size)
{
	size_t fit = (size - HEADER_SIZE) / slot_size;

	r->shared = shared;
	r->first = (uint8_t *)shared + HEADER_SIZE;
	r->slot_size = slot_size;
	for (r->slots = 1; r->slots * 2 <= fit; r->slots *= 2)
		;
	/* A frontend of an earlier life may have left indices: go on from what was answered. */
	r->rsp_prod = ring_shared_rsp_prod(r);
	r->req_cons = r->rsp_prod;
}

uint32_t ring_shared_rsp_prod(const struct ring *r)
{
	return __atomic_load_n(&header(r)->rsp_prod, __ATOMIC_ACQUIRE);
}

uint32_t ring_shared_req_prod(const struct ring *r)
{
	return __atomic_load_n(&header(r)->req_prod, __ATOMIC_ACQUIRE);
}

int ring_waiting(struct ring *r)
{
	uint32_t n;

	r->req_seen = ring_shared_req_prod(r);
	n = r->req_seen - r->req_cons;

	/* What is taken and not yet answered occupies slots too. */
	if (n > r->slots || n + (r->req_cons - r->rsp_prod) > r->slots)
		return -1;
	return (int)n;
}

void ring_take(struct ring *r, void *slot)
{
	memcpy(slot, slot_at(r, r->req_cons), r->slot_size);
	__atomic_signal_fence(__ATOMIC_SEQ_CST); /* the copy is ours: nobody re-reads the slot */
	r->req_cons++;
}

bool ring_push(struct ring *r)
{
	uint32_t old = ring_shared_rsp_prod(r), new = r->rsp_prod, event;

	if (old == new)
		return false;
	__atomic_store_n(&header(r)->rsp_prod, new, __ATOMIC_SEQ_CST);
	event = __atomic_load_n(&header(r)->rsp_event, __ATOMIC_SEQ_CST);
	return new - event < new - old;
}

bool ring_wanted(const struct ring *r)
{
	uint32_t event = __atomic_load_n(&header(r)->rsp_event, __ATOMIC_ACQUIRE);

	return (int32_t)(r->rsp_prod - event) >= 0;
}

bool ring_arm(struct ring *r)
{
	__atomic_store_n(&header(r)->req_event, r->req_cons + 1, __ATOMIC_SEQ_CST);
	return __atomic_load_n(&header(r)->req_prod, __ATOMIC_SEQ_CST) != r->req_cons;
}

bool ring_arm_beyond(struct ring *r)
{
	__atomic_store_n(&header(r)->req_event, r->req_seen + 1, __ATOMIC_SEQ_CST);
	return __atomic_load_n(&header(r)->req_prod, __ATOMIC_SEQ_CST) != r->req_seen;
}

/* An event at an index that was passed is never due. */
void ring_hush(struct ring *r)
{
	__atomic_store_n(&header(r)->req_event, r->req_cons, __ATOMIC_RELAXED);
}
