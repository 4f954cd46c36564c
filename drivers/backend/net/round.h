/* SPDX-License-Identifier: BSD-2-Clause */
/* What the two directions of a card have in common (vif.h): rounds of packets, and where they lie
 * in memory. */
#ifndef NET_ROUND_H
#define NET_ROUND_H

#include "drivers/backend/net/vif.h"

#define ROUND 32u /* packets handled together */
/* Rounds in one direction until the other, and whoever else has something to say, gets its turn. */
#define ROUNDS_AT_ONCE 16u
#define SLOT_BYTES     4096u
#define ROUND_BYTES    (VIF_ROUND_PAGES * PEER_PAGE)
#define HEADER_BYTES \
	sizeof(struct virtio_net_hdr) /* in front of each frame in the round's memory */

/* Where an address is on the frontend's list of multicasts, or -1. */
int mcast_find(const struct vif_record *f, const uint8_t addr[6]);
/* Requests of the control ring, if there is one. */
void vif_control(struct vif *v);

#endif
