/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which queue a frame to the guest goes to: one for all frames of a flow, so that they keep their
 * order. The guest may choose the hash, its key and what follows from its values by the control
 * ring; until it does, the choice is ours. ABI: <xen/io/netif.h>.
 */
#ifndef NET_HASH_H
#define NET_HASH_H

#include <stddef.h>
#include <stdint.h>

#define HASH_KEY_MAX	 40u
#define HASH_MAPPING_MAX 128u

struct net_hash {
	uint32_t algorithm, flags; /* XEN_NETIF_CTRL_HASH_ALGORITHM_*, XEN_NETIF_CTRL_HASH_TYPE_* */
	uint8_t key[HASH_KEY_MAX]; /* what was not given is 0 */
	uint32_t mapping_size;	   /* 0: the value modulo the number of queues */
	uint32_t mapping[HASH_MAPPING_MAX];
};

/* A frame's hash as the guest wants it. type: _XEN_NETIF_CTRL_HASH_TYPE_*, or -1 if it wants none
 * of this frame. */
uint32_t net_hash_frame(const struct net_hash *h, const uint8_t *data, size_t len, int *type);
unsigned int net_hash_queue(const struct net_hash *h, const uint8_t *data, size_t len,
			    unsigned int queues);

#endif
