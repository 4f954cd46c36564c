/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Packets as a frontend lays them into its transmit ring: a chain of slots, the first with the
 * whole size, extra information behind it. And what the kernel wants to know of a packet with
 * offloads. Pure: fuzzed by itself. ABI: <xen/io/netif.h>.
 */
#ifndef NET_PACKET_H
#define NET_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <xen/xen.h>
#include <xen/io/netif.h>
#include <linux/virtio_net.h>

#include "dom0-tools/common/why.h"

#define NET_MAX_SLOTS  XEN_NETIF_NR_SLOTS_MIN /* data slots a packet may have */
#define NET_MAX_PACKET 65535u
#define NET_HEADER_MIN 14u /* an Ethernet header */

struct net_packet {
	unsigned int slots;	 /* data slots */
	unsigned int ring_slots; /* with extra information */
	uint16_t id[NET_MAX_SLOTS];
	uint16_t offset[NET_MAX_SLOTS], len[NET_MAX_SLOTS];
	uint32_t gref[NET_MAX_SLOTS];
	uint32_t size; /* bytes of the whole */
	bool csum_blank;
	uint8_t gso_type; /* XEN_NETIF_GSO_TYPE_*, 0: none */
	uint16_t gso_size;
	bool mcast; /* the extra is a multicast list change: no data to send */
	bool mcast_add;
	uint8_t mcast_addr[6];
};

/* Takes a packet from slots copied out of the ring, n of them. 0; -EAGAIN: its rest is not there
 * yet; -EPROTO: the chain makes no sense, and the device is to be shut; -EINVAL: this packet is
 * refused, ring_slots slots are answered with an error. */
int packet_parse(const netif_tx_request_t *slot, unsigned int n, struct net_packet *p,
		 struct why *why);

/* What goes in front of a packet on its way to the kernel. -EINVAL if its headers do not bear out
 * what was said of it. */
int packet_to_vnet(const struct net_packet *p, const uint8_t *data, struct virtio_net_hdr *h,
		   struct why *why);
/* And back: flags of the first response and the extra information. */
void packet_from_vnet(const struct virtio_net_hdr *h, uint16_t *flags, uint8_t *gso_type,
		      uint16_t *gso_size);

#endif
