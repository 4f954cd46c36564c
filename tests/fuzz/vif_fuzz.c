/* SPDX-License-Identifier: BSD-2-Clause */
/* A hostile frontend of a network card: writes into the rings and data, kicks, revoked grants,
 * frames from the host. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/backend/net/vif.h"
#include "tests/unit/fake_peer.h"

static struct peer *peer;
static struct vif vif;
static size_t waiting;
#define CTRL_PAGE 4
static struct virtio_net_hdr waiting_hdr;

static struct vif_record record;
static void *buffer;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What leaves must be a frame whose offloads lie within it: the kernel is not to be asked to check
 * that. */
static int send_checked(struct frame_port *p, const uint8_t *data, size_t len)
{
	struct virtio_net_hdr h;
	uint8_t sum = 0;
	size_t i;

	(void)p;
	memcpy(&h, data, sizeof(h));
	data += sizeof(h);
	len -= sizeof(h);
	if (len < NET_HEADER_MIN || len > NET_MAX_PACKET)
		abort();
	if (h.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM && (size_t)h.csum_start + h.csum_offset + 2 > len)
		abort();
	if (h.gso_type && (!h.gso_size || h.hdr_len > len))
		abort();
	for (i = 0; i < len; i++)
		sum ^= data[i]; /* every byte is there to be read */
	return sum ? 0 : -EIO;	/* a host may refuse a frame, too */
}

static size_t receive(struct frame_port *p, uint8_t *data, size_t size)
{
	size_t n = waiting;

	(void)p;
	waiting = 0;
	if (!n)
		return 0;
	n += sizeof(waiting_hdr);
	if (n > size)
		abort();
	memset(data, 0, n);
	memcpy(data, &waiting_hdr, sizeof(waiting_hdr));
	return n;
}

/* A request of the control ring that mostly makes sense, and some that do not. */
static void ask(const uint8_t *data, const uint8_t *end, uint16_t at)
{
	struct xen_netif_ctrl_request rq = { .id = at, .type = (uint16_t)(at % 12) };
	xen_netif_ctrl_sring_t *ring = (xen_netif_ctrl_sring_t *)peer->page[CTRL_PAGE];
	unsigned int i;

	for (i = 0; i < 3 && end - data > (int)i; i++)
		rq.data[i] = at & 0x800 && i == 2 ? 0xfffffff0u + data[i] : data[i] % 48;
	ring->ring[ring->req_prod % 128].req = rq;
	ring->req_prod++;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct frame_port port = { send_checked, receive, NULL };
	struct vif_choice c = {
		.queues = 1, .tx_ref = { 0 }, .rx_ref = { 1 }, .tx_port = { 1 }, .rx_port = { 1 }
	};
	const uint8_t *end = data + size;
	uint64_t now = 0;
	struct why why;

	if (size < 4)
		return 0;
	if (!peer && peer_open(&peer, 1, &why))
		abort();
	memset(peer, 0, sizeof(*peer));
	if (!buffer && !(buffer = peer_buffer(peer, 0, VIF_BUFFER_PAGES)))
		abort();
	vif_init(&vif, peer, &port, &record, buffer);
	c.sg = *data & 1;
	c.queues = 1 + (*data >> 1 & 1);
	c.tx_ref[1] = 2;
	c.rx_ref[1] = 3;
	c.ctrl = *data & 16;
	c.ctrl_ref = CTRL_PAGE;
	c.ctrl_port = 2;
	c.mcast_control = *data & 32;
	vif.rate = *data & 4 ? 1000 : 0;
	vif.burst = 4000;
	vif.guard.on = *data & 8;
	vif.guard.nr_ip4 = *data & 1;
	vif.guard.nr_ip6 = *data++ & 2 ? 1 : 0;
	if (vif_connect(&vif, &c, &why))
		abort();
	while (end - data >= 4 && !vif.broken) {
		uint8_t op = data[0], page = data[1] % 12;
		uint16_t at = (uint16_t)(data[2] | data[3] << 8) % PEER_PAGE;
		size_t n;

		data += 4;
		switch (op % 8) {
		case 0:
		case 1:
		case 2:
			n = (size_t)(end - data);
			n = n > 48 ? 48 : n;
			n = n > PEER_PAGE - at ? PEER_PAGE - at : n;
			memcpy(peer->page[page] + at, data, n);
			data += n;
			break;
		case 3:
			memcpy(peer->page[(page & 1) * 2],
			       &(uint32_t){ vif.queue[page & 1].tx.req_cons + (at & 31) }, 4);
			now += at;
			vif_from_guest(&vif, now);
			break;
		case 4:
			memcpy(peer->page[(page & 1) * 2 + 1],
			       &(uint32_t){ vif.queue[page & 1].rx.req_cons + (at & 31) }, 4);
			waiting = (size_t)page * 5461 + at % 64;
			waiting_hdr.gso_type = op >> 3 & 1;
			vif_to_guest(&vif);
			break;
		case 5: peer->revoked[page] ^= 1; break;
		case 6:
			if (!c.ctrl)
				break;
			ask(data, end, at);
			data += end - data < 8 ? end - data : 8;
			vif_from_guest(&vif, now);
			break;
		default:
			now += (uint64_t)at << 16;
			vif_to_guest_and_back(&vif, now);
			vif_settle(&vif);
			break;
		}
	}
	vif_disconnect(&vif);
	if (peer->mapped || peer->bound)
		abort();
	return 0;
}
