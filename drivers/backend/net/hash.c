/* SPDX-License-Identifier: BSD-2-Clause */
/* Hashes of frames to the guest (hash.h). */
#include "drivers/backend/net/hash.h"

#include <stdbool.h>
#include <string.h>

#include <xen/xen.h>
#define XEN_NETIF_DEFINE_TOEPLITZ
#include <xen/io/netif.h>

#define ETHER_BYTES    14u
#define ETHERTYPE_IP   0x0800u
#define ETHERTYPE_IPV6 0x86ddu
#define PROTO_TCP      6
#define PROTO_UDP      17
#define PORTS_BYTES    4u

/* Addresses and ports as they lie in a frame, which is the order that the hash wants them in. */
struct flow {
	uint8_t bytes[36];
	unsigned int addresses; /* bytes of them, 0: no IP */
	bool ports, tcp;
};

static void flow_of(struct flow *f, const uint8_t *data, size_t len)
{
	const uint8_t *ip = data + ETHER_BYTES;
	size_t after = 0;
	uint8_t proto = 0;

	memset(f, 0, sizeof(*f));
	if (len < ETHER_BYTES + 20u)
		return;
	len -= ETHER_BYTES;
	switch ((unsigned int)data[12] << 8 | data[13]) {
	case ETHERTYPE_IP:
		f->addresses = 8;
		memcpy(f->bytes, ip + 12, f->addresses);
		after = (ip[0] & 15u) * 4u;
		proto = (ip[6] & 0x3f) | ip[7] ?
				0 :
				ip[9]; /* a fragment's ports are in the first one only */
		break;
	case ETHERTYPE_IPV6:
		if (len < 40)
			return;
		f->addresses = 32;
		memcpy(f->bytes, ip + 8, f->addresses);
		after = 40;
		proto = ip[6];
		break;
	default: return;
	}
	if ((proto != PROTO_TCP && proto != PROTO_UDP) || after < 20 || len < after + PORTS_BYTES)
		return;
	memcpy(f->bytes + f->addresses, ip + after, PORTS_BYTES);
	f->ports = true;
	f->tcp = proto == PROTO_TCP;
}

uint32_t net_hash_frame(const struct net_hash *h, const uint8_t *data, size_t len, int *type)
{
	struct flow f;
	bool v6;

	*type = -1;
	if (h->algorithm != XEN_NETIF_CTRL_HASH_ALGORITHM_TOEPLITZ || !h->flags)
		return 0;
	flow_of(&f, data, len);
	if (!f.addresses)
		return 0;
	v6 = f.addresses == 32;
	if (f.tcp && h->flags & (v6 ? XEN_NETIF_CTRL_HASH_TYPE_IPV6_TCP :
				      XEN_NETIF_CTRL_HASH_TYPE_IPV4_TCP)) {
		*type = v6 ? _XEN_NETIF_CTRL_HASH_TYPE_IPV6_TCP : _XEN_NETIF_CTRL_HASH_TYPE_IPV4_TCP;
		return xen_netif_toeplitz_hash(h->key, HASH_KEY_MAX, f.bytes,
					       f.addresses + PORTS_BYTES);
	}
	if (h->flags & (v6 ? XEN_NETIF_CTRL_HASH_TYPE_IPV6 : XEN_NETIF_CTRL_HASH_TYPE_IPV4)) {
		*type = v6 ? _XEN_NETIF_CTRL_HASH_TYPE_IPV6 : _XEN_NETIF_CTRL_HASH_TYPE_IPV4;
		return xen_netif_toeplitz_hash(h->key, HASH_KEY_MAX, f.bytes, f.addresses);
	}
	return 0;
}

/* Our own, while the guest leaves it to us: any function of the flow will do. */
static uint32_t own_hash(const uint8_t *data, size_t len)
{
	uint32_t sum = 2166136261u;
	struct flow f;
	unsigned int i;

	flow_of(&f, data, len);
	if (!f.addresses)
		return 0; /* what has no flow goes to the first queue */
	for (i = 0; i < f.addresses + (f.ports ? PORTS_BYTES : 0u); i++)
		sum = (sum ^ f.bytes[i]) * 16777619u;
	return sum ^ sum >> 16;
}

unsigned int net_hash_queue(const struct net_hash *h, const uint8_t *data, size_t len,
			    unsigned int queues)
{
	uint32_t value;
	int type;

	if (h->algorithm == XEN_NETIF_CTRL_HASH_ALGORITHM_NONE || !h->flags)
		return own_hash(data, len) % queues;
	value = net_hash_frame(h, data, len, &type);
	if (h->mapping_size)
		value = h->mapping[value % h->mapping_size];
	return value % queues;
}
