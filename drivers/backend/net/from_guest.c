/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Frames from the guest (vif.h): a round of packets is taken from the ring, all their slots come
 * over in one batched grant copy, each goes to the host with the offloads it asked for, all are
 * answered.
 */
#include "drivers/backend/net/round.h"

#include <errno.h>
#include <string.h>

#define LOOKAHEAD  (NET_MAX_SLOTS + XEN_NETIF_EXTRA_TYPE_MAX)
#define HELD_ROUND 4u /* packets in a round from which on its readers wait for its end */
/* What a frontend is told of at once. Below that it may find the answers by itself when it sends
 * more, or with a frame for it. */
#define DEBT_SLOTS 64u
#define DEBT_BYTES 32768u

static struct net_packet packets[ROUND]; /* one device a process, one thread */
static uint8_t *frames[ROUND];
static struct peer_copy copies[ROUND * NET_MAX_SLOTS];

/* --- rate ----------------------------------------------------------------- */

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

/* --- from the guest ------------------------------------------------------- */

static void tx_answer_one(struct vif_queue *q, uint16_t id, int16_t status)
{
	netif_tx_response_t rsp = { .id = id, .status = status };

	answers_put(q->tx_answers, &rsp, sizeof(rsp));
}

/* Every slot of the packet is answered, in ring order: the first, the extras, the other data. */
static void tx_answer(struct vif_queue *q, const struct net_packet *p, int16_t status)
{
	unsigned int i, extras = p->ring_slots - p->slots;

	q->debt_slots += p->ring_slots;
	q->debt_bytes += p->size;
	tx_answer_one(q, p->id[0], status);
	for (i = 0; i < extras; i++)
		tx_answer_one(q, 0, NETIF_RSP_NULL);
	for (i = 1; i < p->slots; i++)
		tx_answer_one(q, p->id[i], status);
}

/* Looks at the slots ahead without taking them. */
static unsigned int peek(const struct ring *ring, netif_tx_request_t *slot, unsigned int waiting)
{
	unsigned int i, n = waiting < LOOKAHEAD ? waiting : LOOKAHEAD;

	for (i = 0; i < n; i++) {
		ring_peek(ring, i, &slot[i], sizeof(slot[i]));
		/* extra information and further slots are all of its packet's; the next packet's
		 * are not looked at yet */
		if (!(slot[0].flags & (NETTXF_more_data | NETTXF_extra_info)))
			return 1;
	}
	return n;
}

int mcast_find(const struct vif_record *f, const uint8_t addr[6])
{
	uint32_t i;

	for (i = 0; i < f->nr_mcast && i < NET_MAX_MCAST; i++) {
		if (!memcmp(f->mcast[i], addr, 6))
			return (int)i;
	}
	return -1;
}

static int16_t mcast_change(struct vif_record *f, const struct net_packet *p)
{
	int at = mcast_find(f, p->mcast_addr);

	if (p->mcast_add && at < 0 && f->nr_mcast == NET_MAX_MCAST)
		return NETIF_RSP_ERROR;
	if (p->mcast_add && at < 0)
		memcpy(f->mcast[f->nr_mcast++], p->mcast_addr, 6);
	else if (!p->mcast_add && at >= 0)
		memcpy(f->mcast[at], f->mcast[--f->nr_mcast], 6);
	return NETIF_RSP_OKAY;
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
		v->broken = true;
		return false;
	}
	rc = packet_parse(slot, peek(&q->tx, slot, (unsigned int)waiting), p, &v->why);
	if (rc == -EAGAIN)
		return false;
	if (rc && rc != -EINVAL) {
		v->broken = true;
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
		tx_answer(q, p, mcast_change(v->record, p));
		p->size = 0;
	}
	return true;
}

static void tx_send(struct vif *v, struct vif_queue *q, struct net_packet *p, uint8_t *data,
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
	} else if (!guard_passes(&v->guard, data, p->size)) {
		v->stats.guarded++; /* lost on the wire, as far as the guest can tell */
	} else {
		memcpy(data - HEADER_BYTES, &h, HEADER_BYTES);
		if (v->port->send(v->port, data - HEADER_BYTES, HEADER_BYTES + p->size) == 0) {
			v->stats.tx_packets++;
			v->stats.tx_bytes += p->size;
		}
	}
	tx_answer(q, p, status);
}

/* Where in the round's memory a packet goes: in one page if it fits, otherwise so that its second
 * slot lies in ours as it does in the guest's page. What follows goes on from page to page in both,
 * so that each of the guest's pages is copied in one piece. */
static uint8_t *tx_place(struct vif *v, size_t *used, const struct net_packet *p)
{
	size_t at = *used + 16, left = PEER_PAGE - at % PEER_PAGE; /* the header's place in front */

	if (p->slots > 1)
		at += (left + PEER_PAGE - p->len[0] + p->offset[1]) % PEER_PAGE;
	else if (left < p->size)
		at += left;
	*used = at + ((p->size + 15u) & ~15u);
	return v->tx_buffer + at;
}

static unsigned int tx_copies(struct vif *v, const struct net_packet *p, unsigned int i,
			      unsigned int at, size_t *used)
{
	uint8_t *to = tx_place(v, used, p);
	unsigned int s;

	frames[i] = to;
	for (s = 0; s < p->slots; s++, at++) {
		copies[at] = (struct peer_copy){ p->gref[s], p->offset[s], p->len[s], to, 0 };
		to += p->len[s];
	}
	return at;
}

static unsigned int tx_round(struct vif *v, struct vif_queue *q)
{
	unsigned int n, i, s, at = 0, sent = 0;
	size_t used = 0;
	bool hold;
	int rc;

	for (n = 0;
	     n < ROUND && !v->broken && used + NET_MAX_PACKET + PEER_PAGE + 32 < ROUND_BYTES &&
	     tx_take(v, q, &packets[n]);
	     n++) {
		if (packets[n].size) {
			at = tx_copies(v, &packets[n], n, at, &used);
			sent++;
		}
	}
	rc = at ? staging_copy(&v->staging, copies, at, 0) : 0;
	hold = sent >= HELD_ROUND && v->port->hold;
	if (hold)
		v->port->hold(v->port, true);
	for (i = 0, at = 0; i < n; i++) {
		bool ok = !rc;

		if (!packets[i].size)
			continue;
		for (s = 0; s < packets[i].slots; s++)
			ok &= copies[at++].ok != 0;
		tx_send(v, q, &packets[i], frames[i], ok);
	}
	if (hold)
		v->port->hold(v->port, false);
	return n;
}

static void queue_tell(struct vif *v, struct vif_queue *q)
{
	q->debt_slots = q->debt_bytes = 0;
	q->wanted = false;
	peer_notify(v->peer, q->tx_port);
}

/*
 * Shows a round's answers. A frontend that waits to be told of them is told later if they are few
 * and small: it frees what it sent, which can wait, and mostly something comes for it soon, or it
 * sends more and finds them.
 */
static void tx_push(struct vif *v, struct vif_queue *q)
{
	if (answers_push(q->tx_answers, &q->tx)) {
		v->debts += !q->wanted;
		q->wanted = true;
	}
	if (!q->wanted)
		q->debt_slots = q->debt_bytes = 0;
	else if (q->debt_slots >= DEBT_SLOTS || q->debt_bytes >= DEBT_BYTES)
		queue_tell(v, q);
}

bool vif_in_debt(const struct vif *v)
{
	unsigned int i;

	for (i = 0; i < v->queues; i++) {
		if (v->queue[i].wanted)
			return true;
	}
	return false;
}

void vif_settle(struct vif *v)
{
	unsigned int i;

	for (i = 0; i < v->queues; i++) {
		struct vif_queue *q = &v->queue[i];

		if (q->wanted && ring_wanted(&q->tx))
			queue_tell(v, q);
		q->wanted = false;
	}
}

void vif_from_guest(struct vif *v, uint64_t now)
{
	unsigned int i, rounds;
	bool again;

	v->more = false;
	if (!v->connected || v->broken)
		return;
	vif_control(v);
	v->throttled = false;
	if (v->rate)
		credit_fill(v, now);
	for (i = 0; i < v->queues; i++) {
		struct vif_queue *q = &v->queue[i];

		rounds = 0;
		do {
			while (!v->broken && rounds < ROUNDS_AT_ONCE && tx_round(v, q)) {
				tx_push(v, q);
				rounds++;
			}
			tx_push(v, q);
			if (rounds == ROUNDS_AT_ONCE)
				break;
			/* A packet whose rest is to come is waited for with an event beyond what is
			 * there. */
			again = !v->broken && !v->throttled && ring_arm_beyond(&q->tx);
		} while (again);
		v->more |= rounds == ROUNDS_AT_ONCE && !v->broken;
	}
}
