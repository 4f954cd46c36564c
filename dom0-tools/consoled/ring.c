/* SPDX-License-Identifier: BSD-2-Clause */
/* The console ring: the only code that reads memory a guest can write. */
#include "dom0-tools/consoled/ring.h"

static void barrier(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

size_t ring_look(volatile struct xencons_interface *r, char out[RING_OUT_SIZE],
		 XENCONS_RING_IDX *upto, unsigned int *broken)
{
	XENCONS_RING_IDX cons = r->out_cons, prod = r->out_prod;
	size_t n = prod - cons;

	*upto = prod;
	barrier(); /* the index before the bytes it covers */
	if (n > RING_OUT_SIZE) {
		++*broken;
		r->out_cons = prod;
		return 0;
	}
	for (size_t i = 0; i < n; i++)
		out[i] = r->out[(cons + i) & (RING_OUT_SIZE - 1)];
	return n;
}

void ring_done(volatile struct xencons_interface *r, XENCONS_RING_IDX upto)
{
	barrier(); /* the bytes before their place is given back */
	r->out_cons = upto;
}

size_t ring_give(volatile struct xencons_interface *r, const char *in, size_t n)
{
	XENCONS_RING_IDX cons = r->in_cons, prod = r->in_prod;
	size_t used = prod - cons, room;

	barrier();
	if (used > RING_IN_SIZE) /* the guest's index is impossible: it gets nothing */
		return 0;
	room = RING_IN_SIZE - used;
	if (n > room)
		n = room;
	for (size_t i = 0; i < n; i++)
		r->in[(prod + i) & (RING_IN_SIZE - 1)] = in[i];
	barrier(); /* the bytes before the index that covers them */
	r->in_prod = prod + (XENCONS_RING_IDX)n;
	return n;
}
