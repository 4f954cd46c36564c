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

/* what may follow an IPv6 header */
enum {
	NEXT_HOPS = 0,
	NEXT_ROUTING = 43,
	NEXT_FRAGMENT = 44,
	NEXT_ICMP6 = 58,
	NEXT_DESTINATION = 60
};
enum { ROUTER_ADVERTISEMENT = 134, NEIGHBOUR_ADVERTISEMENT = 136, REDIRECT = 137 };

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

static bool of_the_link(const uint8_t *at)
{
	return at[0] == 0xfe && (at[1] & 0xc0) == 0x80;
}

static bool ip6_ok(const struct net_guard *g, const uint8_t *at)
{
	static const uint8_t none[16];
	bool held = false; /* to a link's address of the list */
	unsigned int i;

	for (i = 0; i < g->nr_ip6; i++) {
		if (!memcmp(at, g->ip6[i], 16))
			return true;
		held |= of_the_link(g->ip6[i]);
	}
	/* of the link, and of one that looks for its address: neighbours are found with them */
	return g->nr_ip6 && ((of_the_link(at) && !held) || !memcmp(at, none, 16));
}

/*
 * What ARP is to IPv4: who says that an address is at his MAC, speaks for that address, and is no
 * router. It may stand behind headers that nobody needs; a later piece of a datagram says nothing.
 */
static bool neighbour_ok(const struct net_guard *g, const uint8_t *ip, size_t len)
{
	unsigned int next = ip[6], here;
	size_t at = 40;

	while (next != NEXT_ICMP6) {
		if (next != NEXT_HOPS && next != NEXT_ROUTING && next != NEXT_FRAGMENT &&
		    next != NEXT_DESTINATION)
			return true;
		if (len < at + 8)
			return false;
		here = next;
		if (here == NEXT_FRAGMENT && (ip[at + 2] || ip[at + 3] & 0xf8))
			return true;
		next = ip[at];
		at += here == NEXT_FRAGMENT ? 8u : (ip[at + 1] + 1u) * 8u;
	}
	if (len < at + 8)
		return false;
	switch (ip[at]) {
	case ROUTER_ADVERTISEMENT:
	case REDIRECT: return false;
	case NEIGHBOUR_ADVERTISEMENT: return len >= at + 24 && ip6_ok(g, ip + at + 8);
	default: return true;
	}
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
	case ETHERTYPE_IPV6: return len >= 54 && ip6_ok(g, in + 8) && neighbour_ok(g, in, len - 14);
	default: return false;
	}
}
