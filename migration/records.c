/* SPDX-License-Identifier: BSD-2-Clause */
/* The records of a channel: numbered, kept until they are acknowledged, put in order; and the bytes
 * and messages that are made of them. */
#include "migration/channel_own.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ACK_EVERY (CHANNEL_WINDOW / 8) /* bytes; often enough for a sender never to wait for one */

/* What comes is read whatever the time is, so that none of it is waited for in vain. One who says
 * without a break what is nothing new, or has one connection after the other break, must not hold
 * us by that: after each such word the time counts. */
static bool is_late(uint64_t deadline_ns)
{
	return deadline_ns && mig_now_ns() >= deadline_ns;
}

/* The connection failed under us with rc: another one, or what to return. */
static int mend(struct channel *c, int rc)
{
	struct why why = { .error = TE_NONE };

	if (c->broken)
		return c->broken;
	if (rc == -EAGAIN) /* nothing came; the connection is as it was */
		return -ETIMEDOUT;
	if (rc == -ECANCELED)
		return rc;
	channel_drop(c);
	if (rc == -ETIMEDOUT || !c->again)
		return rc == -ETIMEDOUT ? rc : -ENOTCONN;
	rc = c->again(c->again_arg, c, &why);
	if (rc == 0 && c->link)
		return 0;
	c->trouble = why;
	return rc == -EBADMSG ? channel_broken(c) : -ENOTCONN;
}

static int say_ack(struct channel *c, uint64_t deadline_ns)
{
	uint8_t raw[CHANNEL_HEAD_SIZE];

	record_head_write(raw, 0, RECORD_ACK, c->expected);
	c->unanswered = 0;
	return hostlink_write(c->link, raw, sizeof(raw), deadline_ns);
}

static void accept(struct channel *c, size_t wire)
{
	c->expected++;
	c->unanswered += wire;
}

/* Acknowledgements are dealt with here. */
static int take_ack_head(struct channel *c, const struct record_head *h)
{
	if (h->number < c->acked || h->number > c->next_out) {
		why_set(&c->trouble, TE_CHANNEL, "record %llu is acknowledged; %llu to %llu may be",
			(unsigned long long)h->number, (unsigned long long)c->acked,
			(unsigned long long)c->next_out);
		return channel_broken(c);
	}
	channel_forget_until(c, h->number);
	return 0;
}

/* A record has begun: its head. */
static int take_head(struct channel *c, struct record_head *h)
{
	uint8_t raw[CHANNEL_HEAD_SIZE];
	int rc = record_rest(c->link, raw, sizeof(raw));

	if (rc)
		return rc;
	return record_head_read(raw, h, &c->trouble) ? channel_broken(c) : 0;
}

/* One of the connection's own into c->got; or, where others before it are on lanes, into c->early,
 * and h->type is 0. */
static int take_here(struct channel *c, struct record_head *h)
{
	bool early;
	int rc = take_head(c, h);

	if (rc)
		return rc;
	if (h->type == RECORD_ACK)
		return take_ack_head(c, h);
	early = h->number > c->expected && c->lanes_in && lanes_in_more(c->lanes_in);
	if (h->type == RECORD_HELLO || h->type == RECORD_LANE ||
	    (h->number != c->expected && !early)) {
		why_set(&c->trouble, TE_CHANNEL,
			"record %llu of type %u comes again or too early: expected is %llu",
			(unsigned long long)h->number, h->type, (unsigned long long)c->expected);
		return channel_broken(c);
	}
	rc = record_rest(c->link, early ? c->early : c->got, h->len);
	if (rc)
		return rc;
	c->has_early = early;
	if (early) {
		c->early_head = *h;
		h->type = 0;
	} else {
		accept(c, CHANNEL_HEAD_SIZE + h->len);
	}
	return 0;
}

/* What is there already and next in order: 1, and in c->got. */
static int take_beside(struct channel *c, struct record_head *h)
{
	uint8_t *body;
	size_t len, wire;
	int rc;

	if (c->has_early && c->early_head.number == c->expected) {
		*h = c->early_head;
		body = c->got;
		c->got = c->early;
		c->early = body;
		c->has_early = false;
		accept(c, CHANNEL_HEAD_SIZE + h->len);
		return 1;
	}
	if (!c->lanes_in)
		return 0;
	rc = lanes_in_take(c->lanes_in, c->expected, &c->got, &len, &wire, &c->trouble);
	if (rc == -EBADMSG)
		return channel_broken(c);
	if (rc == 1) {
		*h = (struct record_head){ (uint32_t)len, RECORD_DATA, c->expected };
		accept(c, wire);
	}
	return rc;
}

/*
 * The next record in order into c->got, over the connection or a lane. Acknowledgements are dealt
 * with here: type RECORD_ACK, len 0. An error of the link, -EAGAIN if none began in time, or
 * -EBADMSG after which the channel is no more.
 */
static int take(struct channel *c, struct record_head *h, uint64_t deadline_ns)
{
	int rc, event = c->lanes_in ? lanes_in_event(c->lanes_in) : -1;

	for (;;) {
		rc = take_beside(c, h);
		if (rc)
			return rc == 1 ? 0 : rc;
		if (c->has_early && !lanes_in_more(c->lanes_in)) {
			why_set(&c->trouble, TE_CHANNEL,
				"record %llu came on no lane, and they have ended",
				(unsigned long long)c->expected);
			return channel_broken(c);
		}
		/* one that waits for others is all that is read ahead of the connection */
		rc = hostlink_wait_also(c->has_early ? NULL : c->link, event, deadline_ns);
		if (rc == -ETIMEDOUT)
			return -EAGAIN;
		if (rc < 0)
			return rc;
		if (rc == 1)
			continue;
		rc = take_here(c, h);
		if (rc || h->type)
			return rc;
	}
}

/* Answer what has been taken; a link that fails here is found out at the next read. */
static void answer(struct channel *c, bool now, uint64_t deadline_ns)
{
	if (c->unanswered && (now || c->unanswered >= ACK_EVERY))
		(void)say_ack(c, deadline_ns);
}

/* The other side has something to say while we send: one message, after which we are to listen. */
static int stash(struct channel *c, const struct record_head *h)
{
	int rc = record_rest(c->link, c->got, h->len);

	if (rc)
		return rc;
	accept(c, CHANNEL_HEAD_SIZE + h->len);
	c->interrupted = true;
	c->stashed = h->len;
	return -ECANCELED;
}

/* While we wait for acknowledgements nobody reads bytes: the other side must not send any. */
static int take_ack(struct channel *c, uint64_t deadline_ns)
{
	struct record_head h;
	int rc = hostlink_wait(c->link, deadline_ns);

	if (rc)
		return rc == -ETIMEDOUT ? -EAGAIN : rc;
	rc = take_head(c, &h);
	if (rc)
		return rc;
	if (h.type == RECORD_MESSAGE && h.number == c->expected && !c->interrupted &&
	    c->got_at == c->got_len)
		return stash(c, &h);
	if (h.type != RECORD_ACK || h.number < c->acked || h.number > c->next_out) {
		why_set(&c->trouble, TE_CHANNEL,
			"record %llu of type %u where an acknowledgement is due",
			(unsigned long long)h.number, h.type);
		return channel_broken(c);
	}
	channel_forget_until(c, h.number);
	return 0;
}

/* The next of them, over another connection if this one breaks. */
static int await_ack(struct channel *c, uint64_t deadline_ns)
{
	uint64_t before = c->acked;
	int rc = c->link ? take_ack(c, deadline_ns) : -ENOTCONN;

	rc = rc ? mend(c, rc) : 0;
	return !rc && c->acked == before && is_late(deadline_ns) ? -ETIMEDOUT : rc;
}

/* Is kept from here on: a new connection sends it, if this one does not. */
static int keep(struct channel *c, uint8_t type, const void *body, size_t len, uint64_t deadline_ns,
		struct kept **kp)
{
	struct kept *k;
	int rc;

	if (c->interrupted && type != RECORD_MESSAGE)
		return -ECANCELED;
	while (!c->broken && c->kept_bytes + len > CHANNEL_WINDOW) {
		rc = await_ack(c, deadline_ns);
		if (rc)
			return rc;
	}
	if (c->broken)
		return c->broken;
	k = malloc(sizeof(*k) + CHANNEL_HEAD_SIZE + len);
	if (!k)
		return -ENOMEM;
	k->next = NULL;
	atomic_init(&k->holders, 1);
	k->len = CHANNEL_HEAD_SIZE + len;
	record_head_write(k->raw, (uint32_t)len, type, c->next_out);
	if (len)
		memcpy(k->raw + CHANNEL_HEAD_SIZE, body, len);
	*c->end = k;
	c->end = &k->next;
	c->kept_bytes += k->len;
	c->next_out++;
	*kp = k;
	return 0;
}

/* Now, over the connection. */
static int send_here(struct channel *c, const struct kept *k, uint64_t deadline_ns)
{
	int rc = c->link ? hostlink_write(c->link, k->raw, k->len, deadline_ns) : -ENOTCONN;

	return rc ? mend(c, rc) : 0;
}

static int send_record(struct channel *c, uint8_t type, const void *body, size_t len,
		       uint64_t deadline_ns)
{
	struct kept *k;
	int rc = keep(c, type, body, len, deadline_ns, &k);

	return rc ? rc : send_here(c, k, deadline_ns);
}

/* There are lanes: a piece may take one, which packs it if that is worth it. */
static bool lanes_up(struct channel *c)
{
	unsigned int up = c->lanes_out ? lanes_out_up(c->lanes_out) : 0;

	if (up > c->lanes_most)
		c->lanes_most = up;
	return up;
}

static int send_beside(struct channel *c, const void *body, size_t len, uint64_t deadline_ns)
{
	struct kept *k;
	int rc = keep(c, RECORD_DATA, body, len, deadline_ns, &k);

	if (rc)
		return rc;
	/* while there was no room another connection may have come, which has none yet */
	if (!lanes_up(c))
		return send_here(c, k, deadline_ns);
	rc = lanes_out_push(c->lanes_out, k);
	if (!rc)
		return 0;
	why_set(&c->trouble, TE_CHANNEL, "what has not been sent yet is acknowledged");
	return channel_broken(c);
}

static int send_gathered(struct channel *c, uint64_t deadline_ns)
{
	size_t len = c->gathered, packed = 0;
	uint64_t start;
	int rc;

	c->gathered = 0;
	if (!len)
		return 0;
	if (len >= LANES_LEAST && lanes_up(c))
		return send_beside(c, c->gather, len, deadline_ns);
	if (pack_worth(&c->pack, len))
		packed = pack_do(&c->pack, c->gather, len, c->packed);
	start = mig_now_ns();
	rc = packed ? send_record(c, RECORD_PACKED, c->packed, packed, deadline_ns) :
		      send_record(c, RECORD_DATA, c->gather, len, deadline_ns);
	pack_sent(&c->pack, packed ? packed : len, mig_now_ns() - start);
	return rc;
}

int channel_say(struct channel *c, const void *body, size_t len, uint64_t deadline_ns)
{
	int rc;

	if (len > CHANNEL_MOST_MESSAGE)
		return -EMSGSIZE;
	rc = send_gathered(c, deadline_ns);
	/* who says something has sent the image: neither this connection nor another needs lanes */
	c->lanes = 0;
	if (c->lanes_out)
		lanes_out_retire(c->lanes_out);
	return rc ? rc : send_record(c, RECORD_MESSAGE, body, len, deadline_ns);
}

/* In c->got, as if it had come plain. */
static int unpack(struct channel *c, struct record_head *h, size_t *len)
{
	memcpy(c->packed, c->got, h->len);
	if (!pack_undo(c->packed, h->len, c->got, CHANNEL_MOST_DATA, len)) {
		why_set(&c->trouble, TE_CHANNEL, "a packed record of %u bytes cannot be unpacked",
			h->len);
		return channel_broken(c);
	}
	h->type = RECORD_DATA;
	return 0;
}

/* Is there more to take at once? */
static bool more(struct channel *c)
{
	return hostlink_readable(c->link) || c->has_early ||
	       (c->lanes_in && lanes_in_has(c->lanes_in, c->expected));
}

/* The next record that is of the wanted type; one of the other is out of step. Into c->got. */
static int next_record(struct channel *c, uint8_t want, size_t *len, uint64_t deadline_ns)
{
	struct record_head h;
	int rc;

	for (;;) {
		if (c->broken)
			return c->broken;
		rc = c->link ? take(c, &h, deadline_ns) : -ENOTCONN;
		if (rc) {
			rc = mend(c, rc);
			if (rc)
				return rc;
		} else if (h.type ==
			   RECORD_ACK) { /* all that there was to be read after the last piece? */
			answer(c, !more(c), deadline_ns);
		} else {
			break;
		}
		if (is_late(deadline_ns))
			return -ETIMEDOUT;
	}
	*len = h.len;
	if (h.type == RECORD_PACKED && want == RECORD_DATA) {
		rc = unpack(c, &h, len);
		if (rc)
			return rc;
	}
	answer(c, h.type == RECORD_MESSAGE || !more(c), deadline_ns);
	if (h.type != want) {
		why_set(&c->trouble, TE_CHANNEL, "record of type %u where %u is due", h.type, want);
		return channel_broken(c);
	}
	return 0;
}

int channel_hear(struct channel *c, void *body, size_t most, size_t *len, uint64_t deadline_ns)
{
	int rc;

	if (c->got_at < c->got_len) {
		why_set(&c->trouble, TE_CHANNEL, "%zu bytes were left over before a message",
			c->got_len - c->got_at);
		return channel_broken(c);
	}
	rc = 0;
	*len = c->stashed;
	if (!c->interrupted)
		rc = next_record(c, RECORD_MESSAGE, len, deadline_ns);
	c->interrupted = false;
	c->got_len = c->got_at = 0;
	if (rc)
		return rc;
	if (*len > most)
		return -EMSGSIZE;
	memcpy(body, c->got, *len);
	return 0;
}

int channel_settle(struct channel *c, uint64_t deadline_ns)
{
	int rc = send_gathered(c, deadline_ns);

	while (!rc && c->acked < c->next_out)
		rc = await_ack(c, deadline_ns);
	return rc;
}

int channel_taken(struct channel *c)
{
	int rc = 0;

	while (!rc && c->acked < c->next_out) {
		if (c->link && !hostlink_readable(c->link))
			return 0;
		rc = await_ack(c, mig_now_ns());
	}
	return rc == -ETIMEDOUT ? 0 : rc ? rc : 1;
}

bool channel_interrupted(const struct channel *c)
{
	return c->interrupted;
}

int channel_refuse(struct channel *c, const void *body, size_t len, uint64_t deadline_ns)
{
	struct record_head h;
	int rc;

	c->got_len = c->got_at = 0;
	rc = channel_say(c, body, len, deadline_ns);
	while (!rc && c->link && mig_now_ns() < deadline_ns) {
		rc = take(c, &h, deadline_ns);
		if (!rc && h.type == RECORD_MESSAGE) /* it has heard us, and answers */
			return 0;
		if (!rc)
			answer(c, false, deadline_ns);
	}
	return rc;
}

/* --- bytes */

static int io_read(struct mig_io *io, void *buf, size_t len)
{
	struct channel *c = io->priv;
	uint8_t *p = buf;
	size_t n;
	int rc;

	while (len) {
		if (c->got_at == c->got_len) {
			c->got_at = c->got_len = 0;
			rc = next_record(c, RECORD_DATA, &n, io->deadline_ns);
			if (rc)
				return rc;
			c->got_len = n;
			continue;
		}
		n = c->got_len - c->got_at;
		if (n > len)
			n = len;
		memcpy(p, c->got + c->got_at, n);
		c->got_at += n;
		p += n;
		len -= n;
	}
	return 0;
}

static int io_writev(struct mig_io *io, struct iovec *v, int count)
{
	struct channel *c = io->priv;
	const uint8_t *p;
	size_t len, n;
	int i, rc;

	for (i = 0; i < count; i++) {
		p = v[i].iov_base;
		for (len = v[i].iov_len; len; len -= n, p += n) {
			n = CHANNEL_MOST_DATA - c->gathered;
			if (n > len)
				n = len;
			memcpy(c->gather + c->gathered, p, n);
			c->gathered += n;
			rc = c->gathered == CHANNEL_MOST_DATA ? send_gathered(c, io->deadline_ns) :
								0;
			if (rc)
				return rc;
		}
	}
	return 0;
}

static int io_flush(struct mig_io *io)
{
	return send_gathered(io->priv, io->deadline_ns);
}

/* An empty piece is answered like any other. */
static int io_settle(struct mig_io *io, uint64_t *round_trip_ns)
{
	struct channel *c = io->priv;
	int rc = channel_settle(c, io->deadline_ns);
	uint64_t start = mig_now_ns();

	rc = rc ? rc : send_record(c, RECORD_DATA, NULL, 0, io->deadline_ns);
	rc = rc ? rc : channel_settle(c, io->deadline_ns);
	*round_trip_ns = mig_now_ns() - start;
	return rc;
}

static int io_taken(struct mig_io *io)
{
	return channel_taken(io->priv);
}

struct mig_io *channel_io(struct channel *c)
{
	static const struct mig_io_ops ops = { io_read, io_writev, io_flush, io_settle, io_taken };

	c->io.ops = &ops;
	c->io.priv = c;
	return &c->io;
}
