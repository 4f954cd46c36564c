/* SPDX-License-Identifier: BSD-2-Clause */
/* Just enough of the Internet protocols to show that frames travel: ARP, ICMP echo and UDP echo,
 * each answered in place. */
#include "drivers/frontend/net.h"
#include "lib.h"
#include "netecho.h"
#include "print.h"

static struct net net;
static uint8_t our_ip[4];

static uint16_t get16(const uint8_t *p)
{
	return p[0] << 8 | p[1];
}

static void put16(uint8_t *p, uint16_t v)
{
	p[0] = v >> 8;
	p[1] = v;
}

static uint16_t checksum(const uint8_t *p, size_t n)
{
	uint32_t sum = 0;

	for (; n > 1; n -= 2, p += 2)
		sum += get16(p);
	if (n)
		sum += *p << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

static void swap(uint8_t *a, uint8_t *b, int n)
{
	while (n--) {
		uint8_t t = a[n];

		a[n] = b[n];
		b[n] = t;
	}
}

static void reply(uint8_t *f, size_t len)
{
	memcpy(f, f + 6, 6);
	memcpy(f + 6, net.mac, 6);
	net_send(&net, f, len);
}

/* Request for our address: the same packet with both sides exchanged and ours filled in. */
static void arp(uint8_t *f, size_t len)
{
	uint8_t *a = f + 14;

	if (len < 42 || get16(a + 6) != 1 || memcmp(a + 24, our_ip, 4))
		return;
	put16(a + 6, 2);
	memcpy(a + 18, a + 8, 10); /* the sender becomes the target */
	memcpy(a + 8, net.mac, 6);
	memcpy(a + 14, our_ip, 4);
	reply(f, 42);
}

static void ipv4(uint8_t *f, size_t len)
{
	uint8_t *ip = f + 14, *p;
	size_t head, total;

	if (len < 34)
		return;
	head = (ip[0] & 15) * 4;
	total = get16(ip + 2);
	if (ip[0] >> 4 != 4 || head < 20 || total < head + 8 || total > len - 14 ||
	    memcmp(ip + 16, our_ip, 4) || (get16(ip + 6) & 0x3fff) || checksum(ip, head))
		return;
	p = ip + head;
	if (ip[9] == 1 && p[0] == 8) { /* ICMP echo */
		p[0] = 0;
		put16(p + 2, 0);
		put16(p + 2, checksum(p, total - head));
	} else if (ip[9] == 17 && get16(p + 2) == 7) {
		swap(p, p + 2, 2);
		put16(p + 6, 0); /* UDP goes without a checksum */
	} else {
		return;
	}
	swap(ip + 12, ip + 16, 4);
	put16(ip + 10, 0);
	put16(ip + 10, checksum(ip, head));
	reply(f, 14 + total);
}

static void frame(void *arg, void *data, size_t len)
{
	uint8_t *f = data;

	(void)arg;
	if (len < 14)
		return;
	if (get16(f + 12) == 0x0806)
		arp(f, len);
	else if (get16(f + 12) == 0x0800)
		ipv4(f, len);
}

bool netecho_start(const char *ip)
{
	long id = device_find("vif", 0);
	int rc;

	if (id < 0)
		return false;
	for (int i = 0; i < 4; i++) {
		our_ip[i] = parse_number(ip, &ip);
		ip += *ip == '.';
	}
	rc = net_open(&net, id);
	print("net: vif %ld %s (%d), %02x:%02x:%02x:%02x:%02x:%02x, %u.%u.%u.%u\n", id,
	      rc ? "fails" : "is up", rc, net.mac[0], net.mac[1], net.mac[2], net.mac[3],
	      net.mac[4], net.mac[5], our_ip[0], our_ip[1], our_ip[2], our_ip[3]);
	return !rc;
}

void netecho_run(void)
{
	net_poll(&net, frame, NULL);
}

bool netecho_pending(void *unused)
{
	(void)unused;
	return net_pending(&net);
}

void netecho_resume(void)
{
	int rc = net_resume(&net);

	if (rc)
		print("net: the card did not come back: %d\n", rc);
}
