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
#define ROUND_BYTES (VIF_ROUND_PAGES * PEER_PAGE)
#define HEADER_BYTES sizeof(struct virtio_net_hdr) /* in front of each frame in the round's memory */
#define HELD_ROUND 4u /* packets in a round from which on its readers wait for its end */
/* What a frontend is told of at once. Below that it may find the answers by itself when it sends more, or with a frame for it. */
#define DEBT_SLOTS 64u
#define DEBT_BYTES 32768u
#define LOOKS_ALONE 4u /* frames that came alone in a row, until another is not looked for any more */
#define LOOKS_AGAIN 8u /* but each eighth time it is */

static struct net_packet packets[ROUND]; /* one device a process, one thread */
static uint8_t *frames[ROUND];
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
		/* extra information and further slots are all of its packet's; the next packet's are not looked at yet */
		if (!(slot[0].flags & (NETTXF_more_data | NETTXF_extra_info)))
			return 1;
	}
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
	} else if (v->guard && !packet_source_ok(data, p->size, v->mac, v->guard_ip)) {
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

/* Where in the round's memory a packet goes: in one page if it fits, otherwise so that its second slot begins a page. */
static uint8_t *tx_place(struct vif *v, size_t *used, const struct net_packet *p)
{
	size_t at = *used + 16, left = PEER_PAGE - at % PEER_PAGE; /* the header's place in front */

	if (p->slots > 1)
		at += (left + PEER_PAGE - p->len[0]) % PEER_PAGE;
	else if (left < p->size)
		at += left;
	*used = at + ((p->size + 15u) & ~15u);
	return v->tx_buffer + at;
}

static unsigned int tx_copies(struct vif *v, const struct net_packet *p, unsigned int i, unsigned int at, size_t *used)
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

	for (n = 0; n < ROUND && !v->broken && used + NET_MAX_PACKET + PEER_PAGE + 32 < ROUND_BYTES && tx_take(v, q, &packets[n]); n++) {
		if (packets[n].size) {
			at = tx_copies(v, &packets[n], n, at, &used);
			sent++;
		}
	}
	rc = at ? peer_copy(v->peer, copies, at, 0) : 0;
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
 * Shows a round's answers. A frontend that waits to be told of them is told later if they are few and small: it frees what it sent, which can
 * wait, and mostly something comes for it soon, or it sends more and finds them.
 */
static void tx_push(struct vif *v, struct vif_queue *q)
{
	if (answers_push(q->tx_answers, &q->tx))
		q->wanted = true;
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
				tx_push(v, q);
			tx_push(v, q);
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
	struct vif_queue *queue;
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
		ring_peek(&q->rx, i, &rq, sizeof(rq));
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
	q->rx.req_cons += f->slots;
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
		}
	}
	return true;
}

/* A look for another frame costs a system call; where they come one by one it finds none. Whoever waits is told of one that was missed. */
static bool rx_look_on(struct vif *v, unsigned int n)
{
	return n == 0 || n > 1 || v->alone < LOOKS_ALONE || v->alone % LOOKS_AGAIN == 0;
}

static struct vif_queue *rx_queue(struct vif *v)
{
	return &v->queue[v->queues > 1 ? net_hash_queue(&v->hash, v->held, v->held_len, v->queues) : 0];
}

/* Lays the held frame out. false: it stays held until the guest offers room, or its ring is broken. */
static bool rx_take(struct vif *v, struct rx_frame *f, unsigned int *at)
{
	struct virtio_net_hdr h;
	int waiting;

	f->queue = rx_queue(v);
	waiting = ring_waiting(&f->queue->rx);
	if (waiting < 0) {
		why_set(&v->why, TE_DEVICE,
			"receive ring: req_prod %u is more than a ring of %u ahead of %u",
			ring_shared_req_prod(&f->queue->rx), f->queue->rx.slots, f->queue->rx.req_cons);
		vif_break(v);
		return false;
	}
	memcpy(&h, v->held - HEADER_BYTES, HEADER_BYTES);
	packet_from_vnet(&h, &f->flags, &f->gso_type, &f->gso_size);
	if ((unsigned int)waiting < slots_for(v->held_len, f->gso_type))
		return false;
	rx_lay(f->queue, f, v->held, v->held_len, at);
	v->stats.rx_bytes += v->held_len;
	v->held_len = 0;
	return true;
}

static void rx_answer_all(struct vif *v, unsigned int n, unsigned int nr_copies)
{
	int rc = nr_copies ? peer_copy(v->peer, copies, nr_copies, 1) : 0;
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
	uint8_t *to = v->rx_buffer[1] + PEER_PAGE, *full = v->rx_buffer[1] + ROUND_BYTES - NET_MAX_PACKET;
	unsigned int n, at = 0;

	for (n = 0; n < ROUND; n++) {
		if (!v->held_len) {
			if (to >= full)
				break;
			*end = !rx_look_on(v, n) || !rx_fetch(v, to);
			if (*end)
				break;
			/* Each frame begins with a page, so that each of the guest's buffers is filled from one of ours; its header ends the last one. */
			to += (v->held_len + HEADER_BYTES + PEER_PAGE - 1) & ~(size_t)(PEER_PAGE - 1);
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

/* After all rounds: a guest that runs meanwhile, on the same processor, would be told again of each. */
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
	unsigned int n, all = 0;

	while (!end && again && !v->broken) {
		n = rx_round(v, &end);
		all += n;
		rx_push(v);
		if (!n && v->held_len) /* told when the guest offers more */
			again = ring_arm_beyond(&rx_queue(v)->rx);
	}
	rx_tell(v);
	if (all)
		v->alone = all == 1 ? v->alone + 1 : 0;
}

/* --- connecting ------------------------------------------------------------------------------------------------------------ */

void vif_init(struct vif *v, struct peer *peer, struct frame_port *port, struct vif_record *record, void *buffer)
{
	unsigned int i;

	memset(v, 0, sizeof(*v));
	v->tx_buffer = buffer;
	v->rx_buffer[0] = v->tx_buffer + ROUND_BYTES;
	v->rx_buffer[1] = v->rx_buffer[0] + ROUND_BYTES;
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
	/* Whoever was here before may have owed a word. */
	answers_recover(q->tx_answers, &q->tx);
	answers_recover(q->rx_answers, &q->rx);
	peer_notify(v->peer, q->tx_port);
	if (q->rx_port != q->tx_port)
		peer_notify(v->peer, q->rx_port);
	return 0;
}

int vif_connect(struct vif *v, const struct vif_choice *c, struct why *why)
{
	unsigned int i;
	int rc = 0;

	v->broken = v->throttled = false;
	v->alone = 0;
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
