/* SPDX-License-Identifier: BSD-2-Clause */
/* Numbered records over connections that come and go. */
#include "migration/channel.h"

#include <errno.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#include "migration/bytes.h"
#include "migration/pack.h"

#define STALL_NS  5000000000ull	       /* who has begun a record has this long to go on with it */
#define ACK_EVERY (CHANNEL_WINDOW / 8) /* bytes; often enough for a sender never to wait for one */

struct kept {
	struct kept *next;
	size_t len; /* of raw: head and body */
	uint8_t raw[];
};

struct channel {
	uint8_t id[CHANNEL_ID_SIZE];
	struct hostlink *link;
	uint32_t connection;
	bool has_peer;
	uint8_t peer[FINGERPRINT_SIZE];
	channel_again *again;
	void *again_arg;
	/* out: records from acked on are kept */
	uint64_t next_out, acked;
	struct kept *first, **end;
	size_t kept_bytes;
	/* in */
	uint64_t expected;
	size_t unanswered; /* bytes since our last ACK */
	/* bytes: gathered until full, and received but not read */
	uint8_t *gather, *got, *packed;
	struct pack pack;
	size_t gathered, got_len, got_at;
	struct mig_io io;
	bool interrupted; /* a message came while we were sending: it lies in got, stashed bytes */
	size_t stashed;
	int broken; /* for good, with trouble saying why */
	struct why trouble;
};

static int broken(struct channel *c)
{
	c->broken = -EBADMSG;
	hostlink_close(&c->link);
	return c->broken;
}

int record_head_read(const uint8_t raw[CHANNEL_HEAD_SIZE], struct record_head *h, struct why *why)
{
	static const uint32_t most[RECORD_TYPES] = {
		[RECORD_HELLO] = HELLO_SIZE,
		[RECORD_DATA] = CHANNEL_MOST_DATA,
		[RECORD_PACKED] = CHANNEL_MOST_DATA,
		[RECORD_MESSAGE] = CHANNEL_MOST_MESSAGE,
		[RECORD_ACK] = 0,
	};

	h->len = get_u32(raw);
	h->type = raw[4];
	h->number = get_u64(raw + 8);
	if (h->type < RECORD_HELLO || h->type >= RECORD_TYPES || raw[5] | raw[6] | raw[7])
		why_set(why, TE_CHANNEL, "a record of type %u is none of this protocol", h->type);
	else if (h->len > most[h->type])
		why_set(why, TE_CHANNEL, "a record of type %u with %u bytes: at most %u", h->type,
			h->len, most[h->type]);
	else
		return 0;
	return -EBADMSG;
}

static void head_write(uint8_t raw[CHANNEL_HEAD_SIZE], uint32_t len, uint8_t type, uint64_t number)
{
	put_u32(raw, len);
	put_u32(raw + 4, (uint32_t)type << 24);
	put_u64(raw + 8, number);
}

int hello_read(const uint8_t *raw, size_t len, struct hello *h, struct why *why)
{
	if (len != HELLO_SIZE) {
		why_set(why, TE_CHANNEL, "a greeting of %zu bytes, not %u", len, HELLO_SIZE);
		return -EBADMSG;
	}
	h->version = get_u32(raw);
	h->connection = get_u32(raw + 4);
	memcpy(h->id, raw + 8, CHANNEL_ID_SIZE);
	h->expected = get_u64(raw + 24);
	if (h->version == CHANNEL_VERSION)
		return 0;
	why_set(why, TE_CHANNEL, "the other host speaks version %u of the channel, this one %u",
		h->version, CHANNEL_VERSION);
	return -EBADMSG;
}

int channel_new(struct channel **cp, const uint8_t *id, struct why *why)
{
	struct channel *c = calloc(1, sizeof(*c));

	*cp = NULL;
	if (c) {
		c->gather = malloc(CHANNEL_MOST_DATA);
		c->got = malloc(CHANNEL_MOST_DATA);
		c->packed = malloc(CHANNEL_MOST_DATA);
		c->end = &c->first;
	}
	if (!c || !c->gather || !c->got || !c->packed ||
	    (!id && RAND_bytes(c->id, sizeof(c->id)) != 1)) {
		channel_free(&c);
		return why_set(why, TE_NO_MEMORY, "no memory for a channel");
	}
	if (id)
		memcpy(c->id, id, sizeof(c->id));
	*cp = c;
	return 0;
}

static void forget_until(struct channel *c, uint64_t number)
{
	struct kept *k;

	for (; c->acked < number; c->acked++) {
		k = c->first;
		c->first = k->next;
		c->kept_bytes -= k->len;
		free(k);
	}
	if (!c->first)
		c->end = &c->first;
}

void channel_free(struct channel **cp)
{
	struct channel *c = *cp;

	*cp = NULL;
	if (!c)
		return;
	hostlink_close(&c->link);
	forget_until(c, c->next_out);
	free(c->gather);
	free(c->got);
	free(c->packed);
	free(c);
}

const uint8_t *channel_id(const struct channel *c)
{
	return c->id;
}

const uint8_t *channel_peer(const struct channel *c)
{
	return c->has_peer ? c->peer : NULL;
}

const char *channel_trouble(const struct channel *c)
{
	return c->broken ? c->trouble.text : "";
}

uint64_t channel_unacked(const struct channel *c)
{
	return c->next_out - c->acked;
}

void channel_on_loss(struct channel *c, channel_again *again, void *arg)
{
	c->again = again;
	c->again_arg = arg;
}

/* --- beginning a connection */

static int say_hello(struct channel *c, struct hostlink *l, uint64_t deadline_ns)
{
	uint8_t raw[CHANNEL_HEAD_SIZE + HELLO_SIZE];

	head_write(raw, HELLO_SIZE, RECORD_HELLO, 0);
	put_u32(raw + 16, CHANNEL_VERSION);
	put_u32(raw + 20, c->connection);
	memcpy(raw + 24, c->id, CHANNEL_ID_SIZE);
	put_u64(raw + 40, c->expected);
	return hostlink_write(l, raw, sizeof(raw), deadline_ns);
}

static int link_failed(int rc, struct why *why)
{
	if (rc == -ETIMEDOUT)
		return why_set(why, TE_TIMEOUT, "the other host does not answer");
	return why_set(why, TE_CHANNEL, "the connection is lost: %s", strerror(-rc));
}

int channel_greet(struct hostlink *l, struct hello *h, uint64_t deadline_ns, struct why *why)
{
	uint8_t raw[CHANNEL_HEAD_SIZE], body[HELLO_SIZE];
	struct record_head head;
	int rc = hostlink_read(l, raw, sizeof(raw), deadline_ns);

	if (rc)
		return link_failed(rc, why);
	rc = record_head_read(raw, &head, why);
	if (rc)
		return rc;
	if (head.type != RECORD_HELLO || head.number) {
		why_set(why, TE_CHANNEL, "a connection begins with record type %u, not a greeting",
			head.type);
		return -EBADMSG;
	}
	rc = hostlink_read(l, body, head.len, deadline_ns);
	return rc ? link_failed(rc, why) : hello_read(body, head.len, h, why);
}

/* The same host, the same channel, and a place in the stream that can be. */
static int check_hello(struct channel *c, struct hostlink *l, const struct hello *h, struct why *why)
{
	const uint8_t *peer = hostlink_peer(l);

	if (memcmp(h->id, c->id, CHANNEL_ID_SIZE))
		why_set(why, TE_CHANNEL, "the other host greets for another migration");
	else if (h->expected < c->acked || h->expected > c->next_out)
		why_set(why, TE_CHANNEL, "the other host expects record %llu; %llu to %llu are here",
			(unsigned long long)h->expected, (unsigned long long)c->acked,
			(unsigned long long)c->next_out);
	else if (c->connection > 1 &&
		 (!peer != !c->has_peer || (peer && memcmp(peer, c->peer, sizeof(c->peer)))))
		why_set(why, TE_CHANNEL, "another host's certificate than the migration began with");
	else
		return 0;
	return -EBADMSG;
}

/* Both have greeted: what the other side lacks goes out again. */
static int begin(struct channel *c, struct hostlink *l, const struct hello *h, uint64_t deadline_ns,
		 struct why *why)
{
	struct kept *k;
	int rc;

	forget_until(c, h->expected);
	for (k = c->first; k; k = k->next) {
		rc = hostlink_write(l, k->raw, k->len, deadline_ns);
		if (rc) {
			hostlink_close(&l);
			return link_failed(rc, why);
		}
	}
	if (hostlink_peer(l) && !c->has_peer) {
		memcpy(c->peer, hostlink_peer(l), sizeof(c->peer));
		c->has_peer = true;
	}
	c->unanswered = 0;
	c->link = l;
	return 0;
}

int channel_dial(struct channel *c, struct hostlink *l, uint64_t deadline_ns, struct why *why)
{
	struct hello h;
	int rc;

	hostlink_close(&c->link);
	c->connection++;
	rc = say_hello(c, l, deadline_ns);
	rc = rc ? link_failed(rc, why) : channel_greet(l, &h, deadline_ns, why);
	if (!rc && h.connection != c->connection) {
		why_set(why, TE_CHANNEL, "an answer for connection %u, not %u", h.connection,
			c->connection);
		rc = -EBADMSG;
	}
	if (!rc)
		rc = check_hello(c, l, &h, why);
	if (!rc)
		return begin(c, l, &h, deadline_ns, why);
	hostlink_close(&l);
	return rc;
}

int channel_answer(struct channel *c, struct hostlink *l, const struct hello *h,
		   uint64_t deadline_ns, struct why *why)
{
	uint32_t before = c->connection;
	int rc;

	if (c->broken || h->connection <= before) {
		if (c->broken)
			why_set(why, TE_CHANNEL, "this migration has ended: %.500s",
				c->trouble.text);
		else
			why_set(why, TE_CHANNEL, "connection %u was there before", h->connection);
		hostlink_close(&l);
		return -EBADMSG;
	}
	c->connection = h->connection;
	rc = check_hello(c, l, h, why);
	if (rc) { /* a stranger changes nothing */
		/* one that goes on where this end has just begun is told so, and need not try again */
		if (!before && !c->next_out && !c->expected)
			(void)say_hello(c, l, deadline_ns);
		c->connection = before;
		hostlink_close(&l);
		return rc;
	}
	hostlink_close(&c->link);
	rc = say_hello(c, l, deadline_ns);
	if (!rc)
		return begin(c, l, h, deadline_ns, why);
	hostlink_close(&l);
	return link_failed(rc, why);
}

/* --- records */

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
	hostlink_close(&c->link);
	if (rc == -ETIMEDOUT || !c->again)
		return rc == -ETIMEDOUT ? rc : -ENOTCONN;
	rc = c->again(c->again_arg, c, &why);
	if (rc == 0 && c->link)
		return 0;
	c->trouble = why;
	return rc == -EBADMSG ? broken(c) : -ENOTCONN;
}

static int say_ack(struct channel *c, uint64_t deadline_ns)
{
	uint8_t raw[CHANNEL_HEAD_SIZE];

	head_write(raw, 0, RECORD_ACK, c->expected);
	c->unanswered = 0;
	return hostlink_write(c->link, raw, sizeof(raw), deadline_ns);
}

/* Wait for the first byte of a record. -EAGAIN: none in time. */
static int begun(struct channel *c, uint64_t deadline_ns)
{
	int rc = hostlink_wait(c->link, deadline_ns);

	return rc == -ETIMEDOUT ? -EAGAIN : rc;
}

/* More of a record that has begun. One whose rest does not come is a connection that broke: both
 * sides would wait for each other where what went over it was damaged. */
static int rest(struct channel *c, void *buf, size_t len)
{
	int rc = hostlink_read(c->link, buf, len, mig_now_ns() + STALL_NS);

	return rc == -ETIMEDOUT ? -EPIPE : rc;
}

/*
 * One record into body, which holds the largest. Acknowledgements are dealt with here: type
 * RECORD_ACK, len 0. An error of the link, or -EBADMSG after which the channel is no more.
 */
static int take(struct channel *c, struct record_head *h, uint8_t *body, uint64_t deadline_ns)
{
	uint8_t raw[CHANNEL_HEAD_SIZE];
	int rc = begun(c, deadline_ns);

	rc = rc ? rc : rest(c, raw, sizeof(raw));
	if (rc)
		return rc;
	if (record_head_read(raw, h, &c->trouble))
		return broken(c);
	if (h->type == RECORD_ACK) {
		if (h->number < c->acked || h->number > c->next_out) {
			why_set(&c->trouble, TE_CHANNEL,
				"record %llu is acknowledged; %llu to %llu may be",
				(unsigned long long)h->number, (unsigned long long)c->acked,
				(unsigned long long)c->next_out);
			return broken(c);
		}
		forget_until(c, h->number);
		return 0;
	}
	if (h->type == RECORD_HELLO || h->number != c->expected) {
		why_set(&c->trouble, TE_CHANNEL,
			"record %llu of type %u comes again or too early: expected is %llu",
			(unsigned long long)h->number, h->type, (unsigned long long)c->expected);
		return broken(c);
	}
	rc = rest(c, body, h->len);
	if (rc)
		return rc;
	c->expected++;
	c->unanswered += CHANNEL_HEAD_SIZE + h->len;
	return 0;
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
	int rc = rest(c, c->got, h->len);

	if (rc)
		return rc;
	c->expected++;
	c->unanswered += CHANNEL_HEAD_SIZE + h->len;
	c->interrupted = true;
	c->stashed = h->len;
	return -ECANCELED;
}

/* While we wait for acknowledgements nobody reads bytes: the other side must not send any. */
static int take_ack(struct channel *c, uint64_t deadline_ns)
{
	struct record_head h;
	uint8_t raw[CHANNEL_HEAD_SIZE];
	int rc = begun(c, deadline_ns);

	rc = rc ? rc : rest(c, raw, sizeof(raw));
	if (rc)
		return rc;
	if (record_head_read(raw, &h, &c->trouble))
		return broken(c);
	if (h.type == RECORD_MESSAGE && h.number == c->expected && !c->interrupted &&
	    c->got_at == c->got_len)
		return stash(c, &h);
	if (h.type != RECORD_ACK || h.number < c->acked || h.number > c->next_out) {
		why_set(&c->trouble, TE_CHANNEL,
			"record %llu of type %u where an acknowledgement is due",
			(unsigned long long)h.number, h.type);
		return broken(c);
	}
	forget_until(c, h.number);
	return 0;
}

/* The next of them, over another connection if this one breaks. */
static int await_ack(struct channel *c, uint64_t deadline_ns)
{
	int rc = c->link ? take_ack(c, deadline_ns) : -ENOTCONN;

	return rc ? mend(c, rc) : 0;
}

static int send_record(struct channel *c, uint8_t type, const void *body, size_t len,
		       uint64_t deadline_ns)
{
	struct kept *k;
	int rc = 0;

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
	k->len = CHANNEL_HEAD_SIZE + len;
	head_write(k->raw, len, type, c->next_out);
	if (len)
		memcpy(k->raw + CHANNEL_HEAD_SIZE, body, len);
	*c->end = k;
	c->end = &k->next;
	c->kept_bytes += k->len;
	c->next_out++;
	/* from here on it is kept: a new connection sends it */
	rc = c->link ? hostlink_write(c->link, k->raw, k->len, deadline_ns) : -ENOTCONN;
	return rc ? mend(c, rc) : 0;
}

static int send_gathered(struct channel *c, uint64_t deadline_ns)
{
	size_t len = c->gathered, packed = 0;
	uint64_t start;
	int rc;

	c->gathered = 0;
	if (!len)
		return 0;
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
	return rc ? rc : send_record(c, RECORD_MESSAGE, body, len, deadline_ns);
}

/* In c->got, as if it had come plain. */
static int unpack(struct channel *c, struct record_head *h, size_t *len)
{
	memcpy(c->packed, c->got, h->len);
	if (!pack_undo(c->packed, h->len, c->got, CHANNEL_MOST_DATA, len)) {
		why_set(&c->trouble, TE_CHANNEL, "a packed record of %u bytes cannot be unpacked",
			h->len);
		return broken(c);
	}
	h->type = RECORD_DATA;
	return 0;
}

/* The next record that is of the wanted type; one of the other is out of step. Into c->got. */
static int next_record(struct channel *c, uint8_t want, size_t *len, uint64_t deadline_ns)
{
	struct record_head h;
	int rc;

	for (;;) {
		if (c->broken)
			return c->broken;
		rc = c->link ? take(c, &h, c->got, deadline_ns) : -ENOTCONN;
		if (rc) {
			rc = mend(c, rc);
			if (rc)
				return rc;
			continue;
		}
		if (h.type == RECORD_ACK)
			continue;
		*len = h.len;
		if (h.type == RECORD_PACKED && want == RECORD_DATA) {
			rc = unpack(c, &h, len);
			if (rc)
				return rc;
		}
		answer(c, h.type == RECORD_MESSAGE || !hostlink_readable(c->link), deadline_ns);
		if (h.type != want) {
			why_set(&c->trouble, TE_CHANNEL, "record of type %u where %u is due",
				h.type, want);
			return broken(c);
		}
		return 0;
	}
}

int channel_hear(struct channel *c, void *body, size_t most, size_t *len, uint64_t deadline_ns)
{
	int rc;

	if (c->got_at < c->got_len) {
		why_set(&c->trouble, TE_CHANNEL, "%zu bytes were left over before a message",
			c->got_len - c->got_at);
		return broken(c);
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
	return rc ? rc : 1;
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
		rc = take(c, &h, c->got, deadline_ns);
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
