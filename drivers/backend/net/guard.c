/* SPDX-License-Identifier: BSD-2-Clause */
/* The source guard of a card (guard.h). */
#include "drivers/backend/net/guard.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#define ETHERTYPE_IP   0x0800u
#define ETHERTYPE_ARP  0x0806u
#define ETHERTYPE_IPV6 0x86ddu
#define PROTO_UDP      17

int guard_parse(struct net_guard *g, const char *addresses, struct why *why)
{
	char text[1024], *word, *rest = text;

	if ((size_t)snprintf(text, sizeof(text), "%s", addresses) >= sizeof(text))
		return why_set(why, TE_DEVICE, "ip: a list of more than %zu characters",
			       sizeof(text) - 1);
	g->nr_ip4 = g->nr_ip6 = 0;
	while ((word = strsep(&rest, " ,"))) {
		if (!*word)
			continue;
		if (g->nr_ip4 == GUARD_ADDRESSES || g->nr_ip6 == GUARD_ADDRESSES)
			return why_set(why, TE_DEVICE, "ip: more than %u addresses",
				       GUARD_ADDRESSES);
		if (inet_pton(AF_INET, word, &g->ip4[g->nr_ip4]) == 1)
			g->nr_ip4++;
		else if (inet_pton(AF_INET6, word, g->ip6[g->nr_ip6]) == 1)
			g->nr_ip6++;
		else
			return why_set(why, TE_DEVICE, "ip: \"%s\" is no address", word);
	}
	return 0;
}

static bool ip4_ok(const struct net_guard *g, const uint8_t *at)
{
	unsigned int i;

	for (i = 0; i < g->nr_ip4; i++) {
		if (!memcmp(at, &g->ip4[i], 4))
			return true;
	}
	return false;
}

/* Who asks for an address, or whether one is taken, has none yet. */
static bool unset4(const uint8_t *at)
{
	return !memcmp(at, "\0\0\0", 4);
}

static bool dhcp_asks(const uint8_t *ip, size_t len)
{
	size_t udp = (ip[0] & 15u) * 4u;

	return ip[9] == PROTO_UDP && udp >= 20 && len >= udp + 8 &&
	       !memcmp(ip + udp, "\0\x44\0\x43", 4);
}

static bool ip6_ok(const struct net_guard *g, const uint8_t *at)
{
	static const uint8_t none[16];
	unsigned int i;

	if (!g->nr_ip6)
		return false;
	if ((at[0] == 0xfe && (at[1] & 0xc0) == 0x80) || !memcmp(at, none, 16))
		return true; /* of the link, and of one that looks for its address: neighbours are
				found with them */
	for (i = 0; i < g->nr_ip6; i++) {
		if (!memcmp(at, g->ip6[i], 16))
			return true;
	}
	return false;
}

bool guard_passes(const struct net_guard *g, const uint8_t *data, size_t len)
{
	const uint8_t *in = data + 14;
	unsigned int type;

	if (!g->on)
		return true;
	if (len < 14 || memcmp(data + 6, g->mac, 6))
		return false;
	type = (unsigned int)data[12] << 8 | data[13];
	if (type == ETHERTYPE_ARP && (len < 42 || memcmp(in + 8, g->mac, 6)))
		return false; /* it would teach others that an address is at this MAC */
	if (!g->nr_ip4 && !g->nr_ip6)
		return true;
	switch (type) {
	case ETHERTYPE_ARP: return g->nr_ip4 && (ip4_ok(g, in + 14) || unset4(in + 14));
	case ETHERTYPE_IP:
		return len >= 34 &&
		       (ip4_ok(g, in + 12) || (unset4(in + 12) && dhcp_asks(in, len - 14)));
	case ETHERTYPE_IPV6: return len >= 54 && ip6_ok(g, in + 8);
	default: return false;
	}
}
