/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Grants that a frontend leaves to us for good, by its control ring: their frames stay mapped, and
 * pieces of packets within them are copied by the processor at hand, without a call. ABI:
 * XEN_NETIF_CTRL_TYPE_*_GREF_MAPPING of <xen/io/netif.h>.
 */
#ifndef NET_STAGING_H
#define NET_STAGING_H

#include <stdint.h>

#include <xen/xen.h>
#include <xen/io/netif.h>

#include "drivers/backend/common/peer.h"

#define STAGING_MAX 512u /* grants of a queue; their list fits a page */

struct staged;
struct staging {
	struct peer *peer;
	struct staged *first; /* a hash table by reference */
	uint32_t count[4];    /* of each queue */
};

/* Maps them all, or none: -EINVAL. */
int staging_add(struct staging *s, unsigned int queue, const struct xen_netif_gref *g,
		unsigned int n);
/* Lets go of those that are the queue's, and says of each whether it was; returns how many were. */
unsigned int staging_remove(struct staging *s, unsigned int queue, struct xen_netif_gref *g,
			    unsigned int n);
void staging_empty(struct staging *s);
/* Those of a queue, for whoever comes after us; returns how many. */
unsigned int staging_list(const struct staging *s, unsigned int queue, struct xen_netif_gref *g);
/* peer_copy() with what is mapped. */
int staging_copy(struct staging *s, struct peer_copy *c, unsigned int n, int to_peer);

#endif
