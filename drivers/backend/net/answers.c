/* SPDX-License-Identifier: BSD-2-Clause */
/* A card's answers (answers.h). The file is shared memory of ours alone: no frontend can reach it. */
#include "drivers/backend/net/answers.h"

static bool write_out(struct answers *a, struct ring *r)
{
	uint32_t i;
	bool tell;

	if (a->len == 8) {
		for (i = 0; i < a->count; i++)
			ring_put(r, a->answer[i], 8); /* most of them, and without a call */
	} else {
		for (i = 0; i < a->count; i++)
			ring_put(r, a->answer[i], a->len);
	}
	tell = ring_push(r);
	__atomic_store_n(&a->writing, 0, __ATOMIC_RELEASE);
	a->count = 0;
	return tell;
}

bool answers_push(struct answers *a, struct ring *r)
{
	if (!a->count)
		return false;
	a->first = r->rsp_prod;
	__atomic_store_n(&a->writing, 1, __ATOMIC_SEQ_CST);
	return write_out(a, r);
}

bool answers_recover(struct answers *a, struct ring *r)
{
	bool tell = false;

	if (a->writing && a->first == r->rsp_prod && a->count <= r->slots && a->len <= ANSWER_BYTES) {
		r->req_cons = r->rsp_prod + a->count;
		tell = write_out(a, r);
	}
	a->writing = a->count = 0;
	return tell;
}
