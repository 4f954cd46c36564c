/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The path of a frame. From the guest: a round of packets is taken from the ring, all their slots come over in one batched grant
 * copy, each goes to the host with the offloads it asked for, all are answered. To the guest: a round of frames is read, laid into the
 * slots the guest offers, and copied in one batch.
 */
#include "drivers/backend/net/vif.h"

#include <errno.h>
#include <string.h>

#define ROUND 32u /* packets handled together */
#define LOOKAHEAD (NET_MAX_SLOTS + XEN_NETIF_EXTRA_TYPE_MAX)
#define SLOT_BYTES 4096u

static struct net_packet packets[ROUND]; /* one device a process, one thread */
static uint8_t frames[ROUND][NET_MAX_PACKET + 1];
/* Frames from the host begin with a page, so that each of a guest's buffers is filled from one page of ours; the first is the held one. */
static uint8_t rx_data[ROUND][NET_MAX_PACKET + 1] __attribute__((aligned(SLOT_BYTES)));
static uint8_t *rx_buffer[ROUND];
static struct peer_copy copies[ROUND * NET_MAX_SLOTS];

static void vif_break(struct vif *v)
{
	v->broken = true;
}

/* --- rate ---------------------------------------------------------------------------------------------------------------- */

static void credit_fill(struct vif *v, uint64_t now)
{
	uint64_t elapsed = now - v->filled_at, add;

	if (elapsed > 1000000000ull)
		elapsed = 1000000000ull; /* the bucket holds no more than a burst anyway */
	add = v->rate * elapsed / 1000000000ull;
	if (!add)
		return;
	v->filled_at = now;
	v->credit = v->credit + add > v->burst ? v->burst : v->credit + add;
}

static bool credit_take(struct vif *v, uint32_t size)
{
	if (!v->rate)
		return true;
	if (v->credit < size &&
	    v->credit < v->burst) { /* a packet above the burst passes when the bucket is full */
		v->throttled = true;
		return false;
	}
	v->credit -= v->credit < size ? v->credit : size;
	return true;
}

uint64_t vif_throttled_for(const struct vif *v)
{
	uint64_t want = v->burst < NET_MAX_PACKET ? v->burst : NET_MAX_PACKET;

	if (!v->throttled || v->credit >= want)
		return v->throttled ? 1 : 0;
	return (want - v->credit) * 1000000000ull / v->rate + 1;
}

/* --- from the guest ------------------------------------------------------------------------------------------------------- */

static void tx_answer_one(struct vif_queue *q, uint16_t id, int16_t status)
{
	netif_tx_response_t rsp = { .id = id, .status = status };

	answers_put(q->tx_answers, &rsp, sizeof(rsp));
}

/* Every slot of the packet is answered, in ring order: the first, the extras, the other data. */
static void tx_answer(struct vif_queue *q, const struct net_packet *p, int16_t status)
{
	unsigned int i, extras = p->ring_slots - p->slots;

	tx_answer_one(q, p->id[0], status);
	for (i = 0; i < extras; i++)
		tx_answer_one(q, 0, NETIF_RSP_NULL);
	for (i = 1; i < p->slots; i++)
		tx_answer_one(q, p->id[i], status);
}

/* Looks at the slots ahead without taking them. */
static unsigned int peek(struct ring *ring, netif_tx_request_t *slot, unsigned int waiting)
{
	struct ring look = *ring;
	unsigned int i, n = waiting < LOOKAHEAD ? waiting : LOOKAHEAD;

	for (i = 0; i < n; i++)
		ring_take(&look, &slot[i]);
	return n;
}

/* Takes one packet, whole; false: none is there, or the device is broken, or has no credit. */
static bool tx_take(struct vif *v, struct vif_queue *q, struct net_packet *p)
{
	netif_tx_request_t slot[LOOKAHEAD];
	int waiting = ring_waiting(&q->tx), rc;

	if (waiting < 0) {
		why_set(&v->why, TE_DEVICE,
			"transmit ring: req_prod %u is more than a ring of %u ahead of %u",
			ring_shared_req_prod(&q->tx), q->tx.slots, q->tx.req_cons);
		vif_break(v);
		return false;
	}
	rc = packet_parse(slot, peek(&q->tx, slot, (unsigned int)waiting), p, &v->why);
	if (rc == -EAGAIN)
		return false;
	if (rc && rc != -EINVAL) {
		vif_break(v);
		return false;
	}
	if (!rc && !p->mcast && !credit_take(v, p->size))
		return false;
	q->tx.req_cons += p->ring_slots;
	if (rc) {
		v->stats.tx_errors++;
		tx_answer(q, p, NETIF_RSP_ERROR);
		p->size = 0; /* nothing to send */
	} else if (p->mcast) {
		tx_answer(
			q, p,
			NETIF_RSP_OKAY); /* every frame is passed on: the list changes nothing here */
		p->size = 0;
	}
	return true;
}

static void tx_send(struct vif *v, struct vif_queue *q, struct net_packet *p, const uint8_t *data,
		    bool copied)
{
	struct virtio_net_hdr h;
	int16_t status = NETIF_RSP_ERROR;

	if (!copied)
		why_set(&v->why, TE_DEVICE, "packet %u: a grant of its slots cannot be used",
			p->id[0]);
	else if (packet_to_vnet(p, data, &h, &v->why) == 0)
		status = NETIF_RSP_OKAY;
	if (status != NETIF_RSP_OKAY) {
		v->stats.tx_errors++;
	} else if (v->guard && !packet_source_ok(data, p->size, v->mac, v->guard_ip)) {
		v->stats.guarded++; /* lost on the wire, as far as the guest can tell */
	} else if (v->port->send(v->port, &h, data, p->size) == 0) {
		v->stats.tx_packets++;
		v->stats.tx_bytes += p->size;
	}
	tx_answer(q, p, status);
}

static unsigned int tx_round(struct vif *v, struct vif_queue *q)
{
	unsigned int n, i, s, at = 0;
	uint8_t *to;
	int rc;

	for (n = 0; n < ROUND && !v->broken && tx_take(v, q, &packets[n]); n++) {
		for (to = frames[n], s = 0; packets[n].size && s < packets[n].slots; s++, at++) {
			copies[at] = (struct peer_copy){ packets[n].gref[s], packets[n].offset[s],
							 packets[n].len[s], to, 0 };
			to += packets[n].len[s];
		}
	}
	rc = at ? peer_copy(v->peer, copies, at, 0) : 0;
	for (i = 0, at = 0; i < n; i++) {
		bool ok = !rc;

		if (!packets[i].size)
			continue;
		for (s = 0; s < packets[i].slots; s++)
			ok &= copies[at++].ok != 0;
		tx_send(v, q, &packets[i], frames[i], ok);
	}
	return n;
}

void vif_from_guest(struct vif *v, uint64_t now)
{
	unsigned int i;
	bool again;

	if (!v->connected || v->broken)
		return;
	v->throttled = false;
	if (v->rate)
		credit_fill(v, now);
	for (i = 0; i < v->queues; i++) {
		struct vif_queue *q = &v->queue[i];

		do {
			while (!v->broken && tx_round(v, q))
				if (answers_push(q->tx_answers, &q->tx))
					peer_notify(v->peer, q->tx_port);
			if (answers_push(q->tx_answers, &q->tx))
				peer_notify(v->peer, q->tx_port);
			/* A packet whose rest is to come is waited for with an event beyond what is there. */
			again = !v->broken && !v->throttled && ring_arm_beyond(&q->tx);
		} while (again);
	}
}

/* --- to the guest --------------------------------------------------------------------------------------------------------- */

static unsigned int slots_for(size_t len, uint8_t gso_type)
{
	return (unsigned int)((len + SLOT_BYTES - 1) / SLOT_BYTES) + (gso_type ? 1 : 0);
}

/* A frame on its way into the guest's slots: laid out, then copied with the others of its round, then answered. */
struct rx_frame {
	unsigned int slots, first_copy, nr_copies;
	uint16_t id[NET_MAX_SLOTS + 2], flags, gso_size;
	uint8_t gso_type;
};
static struct rx_frame rx_frames[ROUND];

static void rx_lay(struct vif_queue *q, struct rx_frame *f, const uint8_t *data, size_t len,
		   unsigned int *at)
{
	netif_rx_request_t rq;
	unsigned int i, extra = f->gso_type ? 1 : 0;

	f->first_copy = *at;
	f->slots = slots_for(len, f->gso_type);
	f->nr_copies = f->slots - extra;
	for (i = 0; i < f->slots; i++) {
		ring_take(&q->rx, &rq);
		f->id[i] = rq.id;
		if (extra && i == 1)
			continue; /* its slot carries the extra information, its buffer goes back unused */
		copies[*at] = (struct peer_copy){ rq.gref, 0,
						  (uint16_t)(len < SLOT_BYTES ? len : SLOT_BYTES),
						  (void *)(uintptr_t)data, 0 };
		data += copies[*at].len;
		len -= copies[*at].len;
		(*at)++;
	}
}

static void rx_extra(struct vif_queue *q, const struct rx_frame *f)
{
	netif_extra_info_t e = { .type = XEN_NETIF_EXTRA_TYPE_GSO };

	e.u.gso.size = f->gso_size;
	e.u.gso.type = f->gso_type;
	answers_put(q->rx_answers, &e, sizeof(e));
}

static void rx_answer(struct vif *v, struct vif_queue *q, const struct rx_frame *f, bool copied)
{
	unsigned int i, c = f->first_copy, last = f->slots - 1;

	for (i = 0; i < f->slots; i++) {
		netif_rx_response_t rsp = { .id = f->id[i], .flags = i == 0 ? f->flags : 0 };

		if (f->gso_type && i == 1) {
			rx_extra(q, f);
			continue;
		}
		rsp.status = copied ? (int16_t)copies[c].len : NETIF_RSP_ERROR;
		c++;
		if (i != last && !(f->gso_type && last == 1))
			rsp.flags |= NETRXF_more_data;
		answers_put(q->rx_answers, &rsp, sizeof(rsp));
	}
	if (copied)
		v->stats.rx_packets++;
	else
		v->stats.rx_dropped++;
}

/* The next frame from the host, unless one is held; false: none. Frames the guest cannot take are lost here. */
static bool rx_fetch(struct vif *v, uint8_t *to)
{
	while (!v->held_len) {
		v->held_len = v->port->receive(v->port, &v->held_hdr, to, sizeof(rx_data[0]));
		if (!v->held_len)
			return false;
		if (!v->sg && v->held_len > SLOT_BYTES) {
			v->stats.rx_dropped++;
			v->held_len = 0;
		}
	}
	return true;
}

static unsigned int rx_round(struct vif *v, struct vif_queue *q)
{
	unsigned int n, i, s, at = 0;
	int rc, waiting;

	for (n = 0; n < ROUND && rx_fetch(v, rx_buffer[n]); n++) {
		struct rx_frame *f = &rx_frames[n];

		waiting = ring_waiting(&q->rx);
		if (waiting < 0) {
			why_set(&v->why, TE_DEVICE,
				"receive ring: req_prod %u is more than a ring of %u ahead of %u",
				ring_shared_req_prod(&q->rx), q->rx.slots, q->rx.req_cons);
			vif_break(v);
			break;
		}
		packet_from_vnet(&v->held_hdr, &f->flags, &f->gso_type, &f->gso_size);
		if ((unsigned int)waiting < slots_for(v->held_len, f->gso_type))
			break; /* it stays held until the guest offers room */
		rx_lay(q, f, rx_buffer[n], v->held_len, &at);
		v->stats.rx_bytes += v->held_len;
		v->held_len = 0;
	}
	rc = at ? peer_copy(v->peer, copies, at, 1) : 0;
	for (i = 0; i < n; i++) {
		bool ok = !rc;

		for (s = 0; s < rx_frames[i].nr_copies; s++)
			ok &= copies[rx_frames[i].first_copy + s].ok != 0;
		rx_answer(v, q, &rx_frames[i], ok);
	}
	if (v->held_len && n && n < ROUND) { /* the next round begins with it */
		uint8_t *first = rx_buffer[0];

		rx_buffer[0] = rx_buffer[n];
		rx_buffer[n] = first;
	}
	return n;
}

void vif_to_guest(struct vif *v)
{
	unsigned int tried = 0, n = ROUND;

	/* A round that was cut short and holds no frame has seen the end. */
	while (v->connected && !v->broken && tried < v->queues && (n == ROUND || v->held_len)) {
		struct vif_queue *q = &v->queue[v->rx_next];

		n = rx_round(v, q);
		if (n || !v->held_len)
			tried = 0;
		else if (!ring_arm_beyond(&q->rx)) /* told when the guest offers more */
			tried++;
		if (answers_push(q->rx_answers, &q->rx))
			peer_notify(v->peer, q->rx_port);
		v->rx_next = (v->rx_next + 1) % v->queues;
	}
}

/* --- connecting ------------------------------------------------------------------------------------------------------------ */

void vif_init(struct vif *v, struct peer *peer, struct frame_port *port, struct vif_record *record)
{
	unsigned int i;

	memset(v, 0, sizeof(*v));
	for (i = 0; i < ROUND; i++)
		rx_buffer[i] = rx_data[i];
	v->peer = peer;
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
	return f->queues == c->queues;
}

static void remember_connection(struct vif_record *f, const struct vif_choice *c)
{
	memset(f, 0, sizeof(*f));
	memcpy(f->tx_ref, c->tx_ref, sizeof(f->tx_ref));
	memcpy(f->rx_ref, c->rx_ref, sizeof(f->rx_ref));
	memcpy(f->tx_port, c->tx_port, sizeof(f->tx_port));
	memcpy(f->rx_port, c->rx_port, sizeof(f->rx_port));
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
	if (answers_recover(q->tx_answers, &q->tx))
		peer_notify(v->peer, q->tx_port);
	if (answers_recover(q->rx_answers, &q->rx))
		peer_notify(v->peer, q->rx_port);
	return 0;
}

int vif_connect(struct vif *v, const struct vif_choice *c, struct why *why)
{
	unsigned int i;
	int rc = 0;

	v->broken = v->throttled = false;
	v->rx_next = 0;
	v->sg = c->sg;
	v->queues = c->queues;
	if (!same_connection(v->record, c))
		remember_connection(v->record, c);
	for (i = 0; i < c->queues && !rc; i++)
		rc = queue_connect(v, c, i, why);
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
	v->queues = 0;
	v->record->queues = 0; /* whatever comes is another connection */
}
