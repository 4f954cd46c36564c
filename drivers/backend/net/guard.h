/* SPDX-License-Identifier: BSD-2-Clause */
/* The source guard of a card, where the administrator wants one: which frames a guest may send
 * under which addresses. */
#ifndef NET_GUARD_H
#define NET_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dom0-tools/common/why.h"

#define GUARD_ADDRESSES 8u /* of each kind */

struct net_guard {
	bool on;
	uint8_t mac[6];
	unsigned int nr_ip4, nr_ip6;   /* none of both: any address, under the card's MAC */
	uint32_t ip4[GUARD_ADDRESSES]; /* network order */
	uint8_t ip6[GUARD_ADDRESSES][16];
};

/* Addresses with blanks or commas between them. A list that cannot be read is an error, not a guard
 * that lets everything pass. */
int guard_parse(struct net_guard *g, const char *addresses, struct why *why);
bool guard_passes(const struct net_guard *g, const uint8_t *data, size_t len);

#endif
