/* SPDX-License-Identifier: BSD-2-Clause */
/* Packets in a transmit ring, and their offloads (packet.h). */
#include "drivers/backend/net/packet.h"

#include <errno.h>
#include <string.h>

#define ETHERTYPE_IP   0x0800
#define ETHERTYPE_VLAN 0x8100
#define ETHERTYPE_IPV6 0x86dd
#define PROTO_TCP      6
#define PROTO_UDP      17

_Static_assert(sizeof(netif_tx_request_t) == 12 && sizeof(netif_extra_info_t) == 8,
	       "an extra fits a request's slot");

static int take_extra(const netif_tx_request_t *slot, struct net_packet *p, bool *more,
		      struct why *why)
{
	netif_extra_info_t e;

	memcpy(&e, slot, sizeof(e));
	*more = e.flags & XEN_NETIF_EXTRA_FLAG_MORE;
	switch (e.type) {
	case XEN_NETIF_EXTRA_TYPE_GSO:
		if (p->gso_type)
			return why_set(why, TE_DEVICE, "a packet with two segmentation extras");
		p->gso_type = e.u.gso.type;
		p->gso_size = e.u.gso.size;
		return 0;
	case XEN_NETIF_EXTRA_TYPE_MCAST_ADD:
	case XEN_NETIF_EXTRA_TYPE_MCAST_DEL:
		p->mcast = true;
		p->mcast_add = e.type == XEN_NETIF_EXTRA_TYPE_MCAST_ADD;
		memcpy(p->mcast_addr, e.u.mcast.addr, sizeof(p->mcast_addr));
		return 0;
	case XEN_NETIF_EXTRA_TYPE_HASH: return 0; /* a hint we have no use for */
	default: return why_set(why, TE_DEVICE, "extra information of type %u", e.type);
	}
}

/* The first slot's size is the whole packet's: its own part is what the others leave. */
static int check_sizes(struct net_packet *p, struct why *why)
{
	uint32_t rest = 0;
	unsigned int i;

	for (i = 1; i < p->slots; i++)
		rest += p->len[i];
	if (rest >= p->size) {
		why_set(why, TE_DEVICE, "packet of %u bytes whose later slots hold %u", p->size,
			rest);
		return -EINVAL;
	}
	if (p->size - rest > UINT16_MAX)
		return -EINVAL;
	p->len[0] = (uint16_t)(p->size - rest);
	for (i = 0; i < p->slots; i++) {
		if ((uint32_t)p->offset[i] + p->len[i] > 4096) {
			why_set(why, TE_DEVICE, "slot %u covers bytes %u to %u of a frame", i,
				p->offset[i], p->offset[i] + p->len[i]);
			return -EINVAL;
		}
	}
	if (p->size < NET_HEADER_MIN) {
		why_set(why, TE_DEVICE, "packet of %u bytes; an Ethernet header has %u", p->size,
			NET_HEADER_MIN);
		return -EINVAL;
	}
	if (p->gso_type && (p->gso_type > XEN_NETIF_GSO_TYPE_TCPV6 || !p->gso_size)) {
		why_set(why, TE_DEVICE, "segmentation of type %u and size %u", p->gso_type,
			p->gso_size);
		return -EINVAL;
	}
	return 0;
}

int packet_parse(const netif_tx_request_t *slot, unsigned int n, struct net_packet *p,
		 struct why *why)
{
	unsigned int at = 0;
	uint16_t flags;
	bool more;

	memset(p, 0, sizeof(*p));
	if (n == 0)
		return -EAGAIN;
	flags = slot[0].flags;
	p->size = slot[0].size;
	p->csum_blank = flags & NETTXF_csum_blank;
	p->id[0] = slot[0].id;
	p->gref[0] = slot[0].gref;
	p->offset[0] = slot[0].offset;
	p->slots = 1;
	at = 1;
	for (more = flags & NETTXF_extra_info; more; at++) {
		if (at == n)
			return -EAGAIN;
		if (at > XEN_NETIF_EXTRA_TYPE_MAX)
			goto bad_extras;
		if (take_extra(&slot[at], p, &more, why))
			return -EPROTO;
	}
	for (more = flags & NETTXF_more_data; more; at++) {
		if (at == n)
			return -EAGAIN;
		if (p->slots == NET_MAX_SLOTS)
			goto bad_slots;
		p->id[p->slots] = slot[at].id;
		p->gref[p->slots] = slot[at].gref;
		p->offset[p->slots] = slot[at].offset;
		p->len[p->slots] = slot[at].size;
		p->slots++;
		more = slot[at].flags & NETTXF_more_data;
	}
	p->ring_slots = at;
	return p->mcast ? 0 : check_sizes(p, why);

bad_extras:
	why_set(why, TE_DEVICE, "a packet with more than %u extras", XEN_NETIF_EXTRA_TYPE_MAX - 1);
	return -EPROTO;
bad_slots:
	why_set(why, TE_DEVICE, "a packet of more than %u slots", NET_MAX_SLOTS);
	return -EPROTO;
}

/* --- headers -------------------------------------------------------------- */

static uint16_t be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

/* The protocol above IP and where it starts; 0 if it is not TCP or UDP over IP without detours. */
static unsigned int transport(const uint8_t *data, size_t len, unsigned int *at, bool *v6)
{
	unsigned int type, l3 = 14, ihl;

	if (len < 14)
		return 0;
	type = be16(data + 12);
	if (type == ETHERTYPE_VLAN && len >= 18) {
		type = be16(data + 16);
		l3 = 18;
	}
	if (type == ETHERTYPE_IP && len >= l3 + 20) {
		ihl = (data[l3] & 15u) * 4;
		if (ihl < 20 ||
		    be16(data + l3 + 6) & 0x3fff) /* a fragment has no checksum to finish */
			return 0;
		*at = l3 + ihl;
		*v6 = false;
		return data[l3 + 9];
	}
	if (type == ETHERTYPE_IPV6 && len >= l3 + 40) {
		*at = l3 + 40;
		*v6 = true;
		return data[l3 + 6];
	}
	return 0;
}

int packet_to_vnet(const struct net_packet *p, const uint8_t *data, struct virtio_net_hdr *h,
		   struct why *why)
{
	unsigned int at = 0, proto;
	bool v6 = false;

	memset(h, 0, sizeof(*h));
	if (!p->csum_blank && !p->gso_type)
		return 0;
	proto = transport(data, p->size, &at, &v6);
	if ((proto != PROTO_TCP && proto != PROTO_UDP) ||
	    at + (proto == PROTO_TCP ? 20u : 8u) > p->size) {
		why_set(why, TE_DEVICE,
			"a packet with offloads that is no TCP or UDP over IP (protocol %u)", proto);
		return -EINVAL;
	}
	h->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	h->csum_start = (uint16_t)at;
	h->csum_offset = proto == PROTO_TCP ? 16 : 6;
	if (!p->gso_type)
		return 0;
	if (proto != PROTO_TCP || v6 != (p->gso_type == XEN_NETIF_GSO_TYPE_TCPV6)) {
		why_set(why, TE_DEVICE, "segmentation type %u does not match the packet's headers",
			p->gso_type);
		return -EINVAL;
	}
	h->gso_type = v6 ? VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_TCPV4;
	h->gso_size = p->gso_size;
	h->hdr_len = (uint16_t)(at + (unsigned int)(data[at + 12] >> 4) * 4);
	if (h->hdr_len > p->size) {
		why_set(why, TE_DEVICE, "a TCP header of %u bytes in a packet of %u",
			h->hdr_len - at, p->size);
		return -EINVAL;
	}
	return 0;
}

void packet_from_vnet(const struct virtio_net_hdr *h, uint16_t *flags, uint8_t *gso_type,
		      uint16_t *gso_size)
{
	*flags = 0;
	if (h->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM)
		*flags |= NETRXF_csum_blank | NETRXF_data_validated;
	else if (h->flags & VIRTIO_NET_HDR_F_DATA_VALID)
		*flags |= NETRXF_data_validated;
	switch (h->gso_type & ~VIRTIO_NET_HDR_GSO_ECN) {
	case VIRTIO_NET_HDR_GSO_TCPV4: *gso_type = XEN_NETIF_GSO_TYPE_TCPV4; break;
	case VIRTIO_NET_HDR_GSO_TCPV6: *gso_type = XEN_NETIF_GSO_TYPE_TCPV6; break;
	default: *gso_type = 0; break;
	}
	*gso_size = h->gso_size;
	if (*gso_type)
		*flags |= NETRXF_extra_info;
}
