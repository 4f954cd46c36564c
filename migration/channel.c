/* SPDX-License-Identifier: BSD-2-Clause */
/* The connections that a channel has, one after the other, and what stands beside each. */
#include "migration/channel_own.h"

#include <errno.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

void channel_drop(struct channel *c)
{
	lanes_out_end(&c->lanes_out);
	if (c->lanes_in)
		lanes_in_open(c->lanes_in, 0, NULL);
	c->has_early = false;
	hostlink_close(&c->link);
}

int channel_broken(struct channel *c)
{
	c->broken = -EBADMSG;
	channel_drop(c);
	return c->broken;
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

void channel_forget_until(struct channel *c, uint64_t number)
{
	struct kept *k;

	for (; c->acked < number; c->acked++) {
		k = c->first;
		c->first = k->next;
		c->kept_bytes -= k->len;
		kept_put(k);
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
	channel_drop(c);
	lanes_in_free(&c->lanes_in);
	channel_forget_until(c, c->next_out);
	free(c->early);
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

unsigned int channel_lanes_seen(const struct channel *c)
{
	return c->lanes_most;
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

static void own_hello(const struct channel *c, struct hello *h)
{
	*h = (struct hello){ .connection = c->connection, .expected = c->expected };
	memcpy(h->id, c->id, sizeof(h->id));
}

static int say_hello(struct channel *c, struct hostlink *l, uint64_t deadline_ns)
{
	struct hello h;

	own_hello(c, &h);
	return hello_say(l, &h, deadline_ns);
}

/* Beside a connection that has begun. None where there are to be some is no reason to stop. */
static void begin_lanes(struct channel *c)
{
	struct hello h;

	if (!c->lanes || !c->link || c->lanes_out || c->connection > LANES_TRIES)
		return;
	own_hello(c, &h);
	c->lanes_out = lanes_out_begin(&h, c->lanes, c->dial, c->dial_arg, c->link);
}

void channel_lanes_out(struct channel *c, unsigned int count, lane_dial *dial, void *arg)
{
	c->lanes = count < LANES_MOST ? count : LANES_MOST;
	c->dial = dial;
	c->dial_arg = arg;
	begin_lanes(c);
}

struct lanes_in *channel_lanes_in(struct channel *c)
{
	if (!c->early)
		c->early = malloc(CHANNEL_MOST_DATA);
	if (!c->lanes_in && c->early)
		c->lanes_in = lanes_in_new(c->id);
	if (c->lanes_in && c->link)
		lanes_in_open(c->lanes_in, c->connection, channel_peer(c));
	return c->lanes_in;
}

/* The same host, the same channel, and a place in the stream that can be. */
static int check_hello(struct channel *c, struct hostlink *l, const struct hello *h, struct why *why)
{
	const uint8_t *peer = hostlink_peer(l);

	if (h->lane)
		why_set(why, TE_CHANNEL, "lane %u greets where a connection is due", h->lane);
	else if (memcmp(h->id, c->id, CHANNEL_ID_SIZE) != 0)
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

	channel_forget_until(c, h->expected);
	for (k = c->first; k; k = k->next) {
		rc = hostlink_write(l, k->raw, k->len, deadline_ns);
		if (rc) {
			hostlink_close(&l);
			return hostlink_failed(rc, why);
		}
	}
	if (hostlink_peer(l) && !c->has_peer) {
		memcpy(c->peer, hostlink_peer(l), sizeof(c->peer));
		c->has_peer = true;
	}
	c->unanswered = 0;
	c->link = l;
	begin_lanes(c);
	return 0;
}

int channel_dial(struct channel *c, struct hostlink *l, uint64_t deadline_ns, struct why *why)
{
	struct hello h;
	int rc;

	channel_drop(c);
	c->connection++;
	rc = say_hello(c, l, deadline_ns);
	rc = rc ? hostlink_failed(rc, why) : hello_hear(l, &h, deadline_ns, why);
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
	channel_drop(c);
	/* before the other side may dial them */
	if (c->lanes_in)
		lanes_in_open(c->lanes_in, c->connection, hostlink_peer(l));
	rc = say_hello(c, l, deadline_ns);
	if (!rc)
		return begin(c, l, h, deadline_ns, why);
	hostlink_close(&l);
	return hostlink_failed(rc, why);
}
