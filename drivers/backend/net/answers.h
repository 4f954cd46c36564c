/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A card's answers on their way into a ring. An answer overwrites a request; a process that is
 * killed with some written and none shown would leave its successor requests that are none, whose
 * grants are numbers by chance. So a round's answers are kept in a mapped file under /run first,
 * then written, then shown: whoever comes after writes and shows them again, if they were not
 * shown.
 */
#ifndef NET_ANSWERS_H
#define NET_ANSWERS_H

#include "drivers/backend/common/ring.h"

#define ANSWERS_MAX  256u /* a ring of one page has no more slots */
#define ANSWER_BYTES 12u  /* of the control ring; the others have 8 and 4 */

struct answers {
	uint32_t writing; /* those below are complete, and may be in the ring already */
	uint32_t first, count, len;
	uint8_t answer[ANSWERS_MAX][ANSWER_BYTES];
};

static inline void answers_put(struct answers *a, const void *answer, uint32_t len)
{
	__builtin_memcpy(a->answer[a->count++ % ANSWERS_MAX], answer, len);
	a->len = len;
}

bool answers_push(struct answers *a, struct ring *r); /* true: the frontend wants to be told */
/* At the start of a connection's second life; true as above. */
bool answers_recover(struct answers *a, struct ring *r);

#endif
