/* SPDX-License-Identifier: BSD-2-Clause */
/* A card of two queues with a frontend made of memory, for the network backend's tests. */
#ifndef TESTS_UNIT_VIF_RIG_H
#define TESTS_UNIT_VIF_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "drivers/backend/net/vif.h"
#include "tests/unit/fake_peer.h"

#define mb()  __atomic_thread_fence(__ATOMIC_SEQ_CST) /* what ring.h wants of its user */
#define wmb() __atomic_thread_fence(__ATOMIC_RELEASE)
#define rmb() __atomic_thread_fence(__ATOMIC_ACQUIRE)

#define TX_PAGE	  0
#define RX_PAGE	  1
#define CTRL_PAGE 2
#define LIST_PAGE 3 /* what a control request points at */
#define TX2_PAGE  4 /* of a second queue */
#define RX2_PAGE  5
#define DATA_PAGE 8
#define SECOND	  1000000000ull

struct wire { /* the host's end: what was sent, what waits */
	struct frame_port port;
	struct virtio_net_hdr sent_hdr, wait_hdr;
	uint8_t sent[NET_MAX_PACKET], wait[NET_MAX_PACKET];
	size_t sent_len, wait_len;
	unsigned int nr_sent, nr_wait, looks;
	unsigned int holds, held; /* times it was asked to, and whether it is now */
	struct rig *answering;	  /* its guest sends a packet when it is looked at for frames */
	struct rig *refilling;	  /* and this one's another for each that was sent */
};

static void wire_answer(struct rig *r);
static void wire_refill(struct rig *r);

struct rig {
	struct wire wire;
	struct peer *peer;
	struct vif vif;
	struct vif_record record;
	void *buffer;
	netif_tx_front_ring_t tx;
	netif_rx_front_ring_t rx, rx2;
	xen_netif_ctrl_front_ring_t ctrl;
};

static inline int wire_send(struct frame_port *p, const uint8_t *data, size_t len)
{
	struct wire *w = (struct wire *)p;

	memcpy(&w->sent_hdr, data, sizeof(w->sent_hdr));
	w->sent_len = len - sizeof(w->sent_hdr);
	memcpy(w->sent, data + sizeof(w->sent_hdr), w->sent_len);
	w->nr_sent++;
	if (w->refilling)
		wire_refill(w->refilling);
	return 0;
}

static inline size_t wire_receive(struct frame_port *p, uint8_t *data, size_t size)
{
	struct wire *w = (struct wire *)p;

	w->looks++;
	if (!w->nr_wait)
		return 0;
	w->nr_wait--;
	if (w->answering)
		wire_answer(w->answering);
	assert_true(sizeof(w->wait_hdr) + w->wait_len <= size);
	memcpy(data, &w->wait_hdr, sizeof(w->wait_hdr));
	memcpy(data + sizeof(w->wait_hdr), w->wait, w->wait_len);
	return sizeof(w->wait_hdr) + w->wait_len;
}

static netif_tx_request_t *tx(struct rig *r, uint16_t id, uint32_t gref, uint16_t size,
			      uint16_t flags);

/* The frontend's half of the bargain: it does not kick for what it is not asked to kick for. */
static inline void wire_answer(struct rig *r)
{
	int notify;

	tx(r, 7, DATA_PAGE, 60, 0);
	RING_PUSH_REQUESTS_AND_CHECK_NOTIFY(&r->tx, notify);
	assert_false(notify);
}

static inline void wire_refill(struct rig *r)
{
	int notify;

	while (RING_HAS_UNCONSUMED_RESPONSES(&r->tx))
		r->tx.rsp_cons++;
	tx(r, 7, DATA_PAGE, 60, 0);
	RING_PUSH_REQUESTS_AND_CHECK_NOTIFY(&r->tx, notify);
	(void)notify;
}

static inline void wire_hold(struct frame_port *p, bool on)
{
	struct wire *w = (struct wire *)p;

	w->holds += on;
	w->held = on;
}

static inline int set_up(void **state)
{
	struct rig *r = calloc(1, sizeof(*r));
	struct vif_choice c = { .queues = 2,
				.tx_ref = { TX_PAGE, TX2_PAGE },
				.rx_ref = { RX_PAGE, RX2_PAGE },
				.tx_port = { 5, 6 },
				.rx_port = { 5, 6 },
				.sg = true,
				.mcast_control = true,
				.ctrl = true,
				.ctrl_ref = CTRL_PAGE,
				.ctrl_port = 7 };
	struct why why;

	assert_int_equal(peer_open(&r->peer, 1, &why), 0);
	r->wire.port = (struct frame_port){ wire_send, wire_receive, wire_hold };
	SHARED_RING_INIT((netif_tx_sring_t *)r->peer->page[TX_PAGE]);
	SHARED_RING_INIT((netif_rx_sring_t *)r->peer->page[RX_PAGE]);
	XEN_FRONT_RING_INIT(&r->tx, (netif_tx_sring_t *)r->peer->page[TX_PAGE], 4096);
	SHARED_RING_INIT((netif_tx_sring_t *)r->peer->page[TX2_PAGE]);
	SHARED_RING_INIT((netif_rx_sring_t *)r->peer->page[RX2_PAGE]);
	XEN_FRONT_RING_INIT(&r->rx2, (netif_rx_sring_t *)r->peer->page[RX2_PAGE], 4096);
	SHARED_RING_INIT((xen_netif_ctrl_sring_t *)r->peer->page[CTRL_PAGE]);
	XEN_FRONT_RING_INIT(&r->ctrl, (xen_netif_ctrl_sring_t *)r->peer->page[CTRL_PAGE], 4096);
	XEN_FRONT_RING_INIT(&r->rx, (netif_rx_sring_t *)r->peer->page[RX_PAGE], 4096);
	r->buffer = peer_buffer(r->peer, 0, VIF_BUFFER_PAGES);
	assert_non_null(r->buffer);
	vif_init(&r->vif, r->peer, &r->wire.port, &r->record, r->buffer);
	assert_int_equal(vif_connect(&r->vif, &c, &why), 0);
	r->peer->notified = 0;
	*state = r;
	return 0;
}

static inline int tear_down(void **state)
{
	struct rig *r = *state;

	vif_disconnect(&r->vif);
	assert_int_equal(r->peer->mapped, 0);
	assert_int_equal(r->peer->bound, 0);
	peer_close(r->peer);
	free(r->buffer);
	free(r);
	return 0;
}

static inline netif_tx_request_t *tx(struct rig *r, uint16_t id, uint32_t gref, uint16_t size,
				     uint16_t flags)
{
	netif_tx_request_t *rq = RING_GET_REQUEST(&r->tx, r->tx.req_prod_pvt++);

	*rq = (netif_tx_request_t){ .gref = gref, .flags = flags, .id = id, .size = size };
	return rq;
}

static inline void tx_kick(struct rig *r, uint64_t now)
{
	int notify;

	RING_PUSH_REQUESTS_AND_CHECK_NOTIFY(&r->tx, notify);
	(void)notify;
	vif_from_guest(&r->vif, now);
}

static inline netif_tx_response_t tx_answer(struct rig *r)
{
	assert_true(r->tx.sring->rsp_prod != r->tx.rsp_cons);
	return *RING_GET_RESPONSE(&r->tx, r->tx.rsp_cons++);
}

static inline void rx_offer(struct rig *r, unsigned int n)
{
	unsigned int i;
	int notify;

	for (i = 0; i < n; i++) {
		netif_rx_request_t *rq = RING_GET_REQUEST(&r->rx, r->rx.req_prod_pvt++);

		*rq = (netif_rx_request_t){ .id = (uint16_t)(100 + i), .gref = DATA_PAGE + i };
	}
	RING_PUSH_REQUESTS_AND_CHECK_NOTIFY(&r->rx, notify);
	(void)notify;
}

static inline netif_rx_response_t rx_answer(struct rig *r)
{
	assert_true(r->rx.sring->rsp_prod != r->rx.rsp_cons);
	return *RING_GET_RESPONSE(&r->rx, r->rx.rsp_cons++);
}

/* Ethernet, IPv4 without options, TCP: enough for the checks of headers. */
static inline void tcp4_frame(uint8_t *p)
{
	memset(p, 0, 54);
	memset(p, 0xff, 6);
	p[6] = 2;
	p[12] = 8;
	p[14] = 0x45;
	p[23] = 6;
	p[26] = 10;
	p[46] = 0x50;
}

#endif
