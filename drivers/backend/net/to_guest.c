/* SPDX-License-Identifier: BSD-2-Clause */
/* Frames to the guest (vif.h): a round of them is read, laid into the slots the guest offers, and
 * copied in one batch. */
#include "drivers/backend/net/round.h"

#include <string.h>

#define LOOKS_ALONE \
	4u /* frames that came alone in a row, until another is not looked for any more */
#define LOOKS_AGAIN 8u /* but each eighth time it is */

static struct peer_copy copies[ROUND * NET_MAX_SLOTS];

/* A frame on its way into the guest's slots: laid out, then copied with the others of its round,
 * then answered. */
struct rx_frame {
	struct vif_queue *queue;
	unsigned int slots, first_copy, nr_copies, extras;
	uint16_t id[NET_MAX_SLOTS + 2], flags, gso_size;
	uint8_t gso_type;
	int hash_type; /* -1: none */
	uint32_t hash;
};
static struct rx_frame rx_frames[ROUND];

/* What is said of the held frame, and how many slots it takes with that. */
static void rx_describe(struct vif *v, struct rx_frame *f)
{
	struct virtio_net_hdr h;

	memcpy(&h, v->held - HEADER_BYTES, HEADER_BYTES);
	packet_from_vnet(&h, &f->flags, &f->gso_type, &f->gso_size);
	f->hash = net_hash_frame(&v->record->hash, v->held, v->held_len, &f->hash_type);
	f->extras = (f->gso_type ? 1u : 0u) + (f->hash_type >= 0 ? 1u : 0u);
	if (f->extras)
		f->flags |= NETRXF_extra_info;
	f->nr_copies = (unsigned int)((v->held_len + SLOT_BYTES - 1) / SLOT_BYTES);
	f->slots = f->nr_copies + f->extras;
}

static void rx_lay(struct vif_queue *q, struct rx_frame *f, const uint8_t *data, size_t len,
		   unsigned int *at)
{
	netif_rx_request_t rq;
	unsigned int i;

	f->first_copy = *at;
	for (i = 0; i < f->slots; i++) {
		ring_peek(&q->rx, i, &rq, sizeof(rq));
		f->id[i] = rq.id;
		if (i && i <= f->extras)
			continue; /* its slot carries extra information, its buffer goes back unused */
		copies[*at] = (struct peer_copy){ rq.gref, 0,
						  (uint16_t)(len < SLOT_BYTES ? len : SLOT_BYTES),
						  (void *)(uintptr_t)data, 0 };
		data += copies[*at].len;
		len -= copies[*at].len;
		(*at)++;
	}
	q->rx.req_cons += f->slots;
}

static void rx_extras(struct vif_queue *q, const struct rx_frame *f)
{
	netif_extra_info_t gso = { .type = XEN_NETIF_EXTRA_TYPE_GSO },
			   hash = { .type = XEN_NETIF_EXTRA_TYPE_HASH };

	if (f->gso_type) {
		gso.flags = f->hash_type >= 0 ? XEN_NETIF_EXTRA_FLAG_MORE : 0;
		gso.u.gso.size = f->gso_size;
		gso.u.gso.type = f->gso_type;
		answers_put(q->rx_answers, &gso, sizeof(gso));
	}
	if (f->hash_type >= 0) {
		hash.u.hash.type = (uint8_t)f->hash_type;
		hash.u.hash.algorithm = XEN_NETIF_CTRL_HASH_ALGORITHM_TOEPLITZ;
		memcpy(hash.u.hash.value, &f->hash, sizeof(f->hash));
		answers_put(q->rx_answers, &hash, sizeof(hash));
	}
}

static void rx_answer(struct vif *v, struct vif_queue *q, const struct rx_frame *f, bool copied)
{
	unsigned int i;

	for (i = 0; i < f->nr_copies; i++) {
		netif_rx_response_t rsp = { .id = f->id[i ? i + f->extras : 0],
					    .flags = i == 0 ? f->flags : 0 };

		rsp.status = copied ? (int16_t)copies[f->first_copy + i].len : NETIF_RSP_ERROR;
		if (i + 1 < f->nr_copies)
			rsp.flags |= NETRXF_more_data;
		answers_put(q->rx_answers, &rsp, sizeof(rsp));
		if (i == 0)
			rx_extras(q, f);
	}
	if (copied)
		v->stats.rx_packets++;
	else
		v->stats.rx_dropped++;
}

/* Does the frontend want it? A multicast only if it is on its list, once it asked for that; a
 * broadcast always. */
static bool rx_accepts(const struct vif *v)
{
	static const uint8_t everyone[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

	return !v->mcast_control || v->held_len < NET_HEADER_MIN || !(v->held[0] & 1) ||
	       !memcmp(v->held, everyone, 6) || mcast_find(v->record, v->held) >= 0;
}

/* The next frame from the host, unless one is held; false: none. Frames the guest cannot take are
 * lost here. */
static bool rx_fetch(struct vif *v, uint8_t *to)
{
	size_t n;

	while (!v->held_len) {
		n = v->port->receive(v->port, to - HEADER_BYTES, HEADER_BYTES + NET_MAX_PACKET);
		if (n <= HEADER_BYTES)
			return false;
		v->held = to;
		v->held_len = n - HEADER_BYTES;
		if (!v->sg && v->held_len > SLOT_BYTES) {
			v->stats.rx_dropped++;
			v->held_len = 0;
		} else if (!rx_accepts(v)) {
			v->stats.rx_filtered++;
			v->held_len = 0;
		}
	}
	return true;
}

/* A look for another frame costs a system call; where they come one by one it finds none. Whoever
 * waits is told of one that was missed. */
static bool rx_look_on(struct vif *v, unsigned int n)
{
	return n == 0 || n > 1 || v->alone < LOOKS_ALONE || v->alone % LOOKS_AGAIN == 0;
}

static struct vif_queue *rx_queue(struct vif *v)
{
	return &v->queue[v->queues > 1 ?
				 net_hash_queue(&v->record->hash, v->held, v->held_len, v->queues) :
				 0];
}

/* Lays the held frame out. false: it stays held until the guest offers room, or its ring is broken. */
static bool rx_take(struct vif *v, struct rx_frame *f, unsigned int *at)
{
	int waiting;

	f->queue = rx_queue(v);
	waiting = ring_waiting(&f->queue->rx);
	if (waiting < 0) {
		why_set(&v->why, TE_DEVICE,
			"receive ring: req_prod %u is more than a ring of %u ahead of %u",
			ring_shared_req_prod(&f->queue->rx), f->queue->rx.slots,
			f->queue->rx.req_cons);
		v->broken = true;
		return false;
	}
	rx_describe(v, f);
	if ((unsigned int)waiting < f->slots)
		return false;
	rx_lay(f->queue, f, v->held, v->held_len, at);
	v->stats.rx_bytes += v->held_len;
	v->held_len = 0;
	return true;
}

static void rx_answer_all(struct vif *v, unsigned int n, unsigned int nr_copies)
{
	int rc = nr_copies ? staging_copy(&v->staging, copies, nr_copies, 1) : 0;
	unsigned int i, s;

	for (i = 0; i < n; i++) {
		bool ok = !rc;

		for (s = 0; s < rx_frames[i].nr_copies; s++)
			ok &= copies[rx_frames[i].first_copy + s].ok != 0;
		rx_answer(v, rx_frames[i].queue, &rx_frames[i], ok);
	}
}

/* Returns how many frames went; end: the host has no more. */
static unsigned int rx_round(struct vif *v, bool *end)
{
	uint8_t *to = v->rx_buffer[1] + PEER_PAGE,
		*full = v->rx_buffer[1] + ROUND_BYTES - NET_MAX_PACKET;
	unsigned int n, at = 0;

	for (n = 0; n < ROUND; n++) {
		if (!v->held_len) {
			if (to >= full)
				break;
			*end = !rx_look_on(v, n) || !rx_fetch(v, to);
			if (*end)
				break;
			/* Each frame begins with a page, so that each of the guest's buffers is
			 * filled from one of ours; its header ends the last one. */
			to += (v->held_len + HEADER_BYTES + PEER_PAGE - 1) &
			      ~(size_t)(PEER_PAGE - 1);
		}
		if (!rx_take(v, &rx_frames[n], &at))
			break;
	}
	rx_answer_all(v, n, at);
	if (v->held_len && v->held >= v->rx_buffer[1] && v->held < to) {
		/* the next round begins with it, and reads into the other half */
		to = v->rx_buffer[0];
		v->rx_buffer[0] = v->rx_buffer[1];
		v->rx_buffer[1] = to;
	}
	return n;
}

static void rx_push(struct vif *v)
{
	unsigned int i;

	for (i = 0; i < v->queues; i++)
		v->queue[i].rx_wanted |= answers_push(v->queue[i].rx_answers, &v->queue[i].rx);
}

/* After all rounds: a guest that runs meanwhile, on the same processor, would be told again of
 * each. */
static void rx_tell(struct vif *v)
{
	unsigned int i;

	for (i = 0; i < v->queues; i++) {
		struct vif_queue *q = &v->queue[i];

		if (!q->rx_wanted)
			continue;
		q->rx_wanted = false;
		peer_notify(v->peer, q->rx_port);
		if (q->rx_port == q->tx_port) /* which looks at both rings */
			q->wanted = false;
	}
}

void vif_to_guest(struct vif *v)
{
	bool end = !v->connected, again = true;
	unsigned int n, all = 0, rounds = 0;

	/* one that is held waits for an event, which is not asked for yet */
	while (!end && again && !v->broken && (rounds < ROUNDS_AT_ONCE || v->held_len)) {
		n = rx_round(v, &end);
		all += n;
		rounds++;
		rx_push(v);
		if (!n && v->held_len) /* told when the guest offers more */
			again = ring_arm_beyond(&rx_queue(v)->rx);
	}
	rx_tell(v);
	if (all)
		v->alone = all == 1 ? v->alone + 1 : 0;
}

void vif_to_guest_and_back(struct vif *v, uint64_t now)
{
	unsigned int i;

	for (i = 0; i < v->queues; i++)
		ring_hush(&v->queue[i].tx);
	vif_to_guest(v);
	vif_from_guest(v, now);
}
