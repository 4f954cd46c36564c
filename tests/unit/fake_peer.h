/* SPDX-License-Identifier: BSD-2-Clause */
/* A peer made of memory: grants are pages of an arena, notifications are counted. For unit tests
 * and fuzzers of the backends. */
#ifndef FAKE_PEER_H
#define FAKE_PEER_H

#include "drivers/backend/common/peer.h"

#define FAKE_PAGES 64u /* grant references 0..63; others do not exist */

struct peer {
	uint8_t page[FAKE_PAGES][PEER_PAGE] __attribute__((aligned(4096)));
	uint8_t revoked[FAKE_PAGES];  /* copies fail */
	void (*on_notify)(void *arg); /* the frontend, which runs at once */
	void *arg;
	unsigned int notified, mapped, bound;
	unsigned int split; /* copies whose end here lies in two pages */
};

#endif
