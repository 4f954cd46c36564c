/* SPDX-License-Identifier: BSD-2-Clause */
/* A card's connection (vif.h): its rings, what of it outlives us, and its control ring. The frames'
 * ways are from_guest.c and to_guest.c. */
#include "drivers/backend/net/round.h"

#include <errno.h>
#include <string.h>

#define CONTROL_AT_ONCE 64u /* requests, then frames have their turn */

static void control_one(struct vif *v)
{
	struct ctrl c = { v->peer, &v->staging, &v->record->hash, v->queues };
	struct xen_netif_ctrl_response rsp;
	struct xen_netif_ctrl_request rq;
	unsigned int i;

	ring_peek(&v->ctrl_ring, 0, &rq, sizeof(rq));
	rsp = ctrl_do(&c, &rq);
	if (rq.type == XEN_NETIF_CTRL_TYPE_ADD_GREF_MAPPING ||
	    rq.type == XEN_NETIF_CTRL_TYPE_DEL_GREF_MAPPING) {
		for (i = 0; i < v->queues; i++)
			v->record->nr_staged[i] = staging_list(&v->staging, i, v->record->staged[i]);
	}
	v->ctrl_ring.req_cons++;
	answers_put(&v->record->ctrl, &rsp, sizeof(rsp));
	if (answers_push(&v->record->ctrl, &v->ctrl_ring))
		peer_notify(v->peer, v->ctrl_port);
}

void vif_control(struct vif *v)
{
	unsigned int left = CONTROL_AT_ONCE;
	int waiting;

	if (!v->ctrl_mapped)
		return;
	do {
		while ((waiting = ring_waiting(&v->ctrl_ring)) > 0 && left) {
			control_one(v);
			left--;
		}
		if (waiting > 0) {
			v->more = true;
			return;
		}
		if (waiting < 0) {
			why_set(&v->why, TE_DEVICE,
				"control ring: req_prod %u is more than a ring of %u ahead of %u",
				ring_shared_req_prod(&v->ctrl_ring), v->ctrl_ring.slots,
				v->ctrl_ring.req_cons);
			v->broken = true;
		}
	} while (!v->broken && ring_arm(&v->ctrl_ring));
}

void vif_init(struct vif *v, struct peer *peer, struct frame_port *port, struct vif_record *record,
	      void *buffer)
{
	unsigned int i;

	memset(v, 0, sizeof(*v));
	v->tx_buffer = buffer;
	v->rx_buffer[0] = v->tx_buffer + ROUND_BYTES;
	v->rx_buffer[1] = v->rx_buffer[0] + ROUND_BYTES;
	v->peer = v->staging.peer = peer;
	v->ctrl_port = -1;
	v->port = port;
	v->record = record;
	for (i = 0; i < NET_MAX_QUEUES; i++)
		v->queue[i].tx_port = v->queue[i].rx_port = -1;
}

static bool same_connection(const struct vif_record *f, const struct vif_choice *c)
{
	unsigned int i;

	for (i = 0; i < c->queues; i++) {
		if (f->tx_ref[i] != c->tx_ref[i] || f->rx_ref[i] != c->rx_ref[i] ||
		    f->tx_port[i] != c->tx_port[i] || f->rx_port[i] != c->rx_port[i])
			return false;
	}
	return f->queues == c->queues && f->ctrl_ref == (c->ctrl ? c->ctrl_ref : 0) &&
	       f->ctrl_port == (c->ctrl ? c->ctrl_port : 0);
}

static void remember_connection(struct vif_record *f, const struct vif_choice *c)
{
	memset(f, 0, sizeof(*f));
	memcpy(f->tx_ref, c->tx_ref, sizeof(f->tx_ref));
	memcpy(f->rx_ref, c->rx_ref, sizeof(f->rx_ref));
	memcpy(f->tx_port, c->tx_port, sizeof(f->tx_port));
	memcpy(f->rx_port, c->rx_port, sizeof(f->rx_port));
	f->ctrl_ref = c->ctrl ? c->ctrl_ref : 0;
	f->ctrl_port = c->ctrl ? c->ctrl_port : 0;
	f->queues = c->queues;
}

static int queue_connect(struct vif *v, const struct vif_choice *c, unsigned int i, struct why *why)
{
	struct vif_queue *q = &v->queue[i];

	q->tx_mapped = peer_map(v->peer, &c->tx_ref[i], 1, 1);
	q->rx_mapped = peer_map(v->peer, &c->rx_ref[i], 1, 1);
	if (!q->tx_mapped || !q->rx_mapped)
		return why_set(why, TE_DEVICE,
			       "queue %u: its rings (grants %u and %u) cannot be mapped: %s", i,
			       c->tx_ref[i], c->rx_ref[i], strerror(errno));
	ring_init(&q->tx, q->tx_mapped, SLOT_BYTES, sizeof(union netif_tx_sring_entry));
	ring_init(&q->rx, q->rx_mapped, SLOT_BYTES, sizeof(union netif_rx_sring_entry));
	q->tx_answers = &v->record->tx[i];
	q->rx_answers = &v->record->rx[i];
	q->tx_port = q->rx_port = peer_bind(v->peer, c->tx_port[i]);
	if (q->tx_port >= 0 && c->rx_port[i] != c->tx_port[i])
		q->rx_port = peer_bind(v->peer, c->rx_port[i]);
	if (q->tx_port < 0 || q->rx_port < 0)
		return why_set(why, TE_DEVICE,
			       "queue %u: event channel %u or %u of d%u cannot be bound", i,
			       c->tx_port[i], c->rx_port[i], peer_domid(v->peer));
	/* Whoever was here before may have owed a word. */
	answers_recover(q->tx_answers, &q->tx);
	answers_recover(q->rx_answers, &q->rx);
	peer_notify(v->peer, q->tx_port);
	if (q->rx_port != q->tx_port)
		peer_notify(v->peer, q->rx_port);
	return 0;
}

static int ctrl_connect(struct vif *v, const struct vif_choice *c, struct why *why)
{
	unsigned int i;

	v->ctrl_mapped = peer_map(v->peer, &c->ctrl_ref, 1, 1);
	v->ctrl_port = peer_bind(v->peer, c->ctrl_port);
	if (!v->ctrl_mapped || v->ctrl_port < 0)
		return why_set(
			why, TE_DEVICE,
			"control ring: grant %u cannot be mapped or event channel %u of d%u not bound",
			c->ctrl_ref, c->ctrl_port, peer_domid(v->peer));
	ring_init(&v->ctrl_ring, v->ctrl_mapped, SLOT_BYTES,
		  sizeof(union xen_netif_ctrl_sring_entry));
	answers_recover(&v->record->ctrl, &v->ctrl_ring);
	peer_notify(v->peer, v->ctrl_port);
	/* Those that cannot be mapped again are reached by copies, as any grant is. */
	for (i = 0; i < c->queues; i++) {
		if (v->record->nr_staged[i] <= STAGING_MAX)
			staging_add(&v->staging, i, v->record->staged[i], v->record->nr_staged[i]);
	}
	return 0;
}

int vif_connect(struct vif *v, const struct vif_choice *c, struct why *why)
{
	unsigned int i;
	int rc = 0;

	v->broken = v->throttled = false;
	v->alone = 0;
	v->sg = c->sg;
	v->mcast_control = c->mcast_control;
	v->queues = c->queues;
	if (!same_connection(v->record, c))
		remember_connection(v->record, c);
	for (i = 0; i < c->queues && !rc; i++)
		rc = queue_connect(v, c, i, why);
	if (!rc && c->ctrl)
		rc = ctrl_connect(v, c, why);
	v->connected = !rc;
	if (rc)
		vif_disconnect(v);
	return rc;
}

void vif_disconnect(struct vif *v)
{
	unsigned int i;

	v->connected = false;
	v->held_len = 0;
	for (i = 0; i < NET_MAX_QUEUES; i++) {
		struct vif_queue *q = &v->queue[i];

		if (q->rx_port != q->tx_port)
			peer_unbind(v->peer, q->rx_port);
		peer_unbind(v->peer, q->tx_port);
		peer_unmap(v->peer, q->tx_mapped, 1);
		peer_unmap(v->peer, q->rx_mapped, 1);
		*q = (struct vif_queue){ .tx_port = -1, .rx_port = -1 };
	}
	staging_empty(&v->staging);
	peer_unbind(v->peer, v->ctrl_port);
	peer_unmap(v->peer, v->ctrl_mapped, 1);
	v->ctrl_mapped = NULL;
	v->ctrl_port = -1;
	v->queues = 0;
	v->record->queues = 0; /* whatever comes is another connection */
}

unsigned int vif_staged(const struct vif *v)
{
	unsigned int i, n = 0;

	for (i = 0; i < v->queues; i++)
		n += v->staging.count[i];
	return n;
}
