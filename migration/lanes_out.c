/* SPDX-License-Identifier: BSD-2-Clause */
/* Lanes of who sends: a queue of pieces, and threads that take them from it. */
#include "migration/lanes.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "migration/io.h"
#include "migration/pack.h"

struct lane_out {
	struct lanes_out *all;
	unsigned int number;
	pthread_t thread;
	bool begun;
	struct hostlink *link; /* all->lock: for who cuts it */
	uint64_t least;	       /* of a record's number that may come next */
	struct pack pack;
	uint8_t *packed; /* a record, head and all */
};

struct lanes_out {
	struct hello hello;
	lane_dial *dial;
	void *arg;
	struct hostlink *beside;
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t work;
	struct kept *first, **end;
	size_t waiting; /* bytes */
	unsigned int up;
	bool retired, ending;
	unsigned int count;
	struct lane_out lane[];
};

void kept_put(struct kept *k)
{
	if (atomic_fetch_sub(&k->holders, 1) == 1)
		free(k);
}

static int say_end(struct hostlink *l, uint64_t number, uint64_t deadline_ns)
{
	uint8_t raw[CHANNEL_HEAD_SIZE];

	record_head_write(raw, 0, RECORD_DATA, number);
	return hostlink_write(l, raw, sizeof(raw), deadline_ns);
}

int lane_greet(struct hostlink *l, const struct hello *h, uint64_t deadline_ns, struct why *why)
{
	struct hello echo;
	int rc = hello_say(l, h, deadline_ns);

	if (rc)
		return hostlink_failed(rc, why);
	rc = hello_hear(l, &echo, deadline_ns, why);
	/* the other side may take it for a lane later, which has not broken but is not wanted */
	if (rc)
		(void)say_end(l, 0, deadline_ns);
	if (!rc && (echo.lane != h->lane || echo.connection != h->connection ||
		    memcmp(echo.id, h->id, sizeof(h->id)) != 0)) {
		why_set(why, TE_CHANNEL, "an answer for lane %u of connection %u, not %u of %u",
			echo.lane, echo.connection, h->lane, h->connection);
		rc = -EBADMSG;
	}
	return rc;
}

/* NULL: they are to end, or are retired and nothing waits any more. */
static struct kept *next(struct lanes_out *o)
{
	struct kept *k = NULL;

	pthread_mutex_lock(&o->lock);
	while (!o->first && !o->retired && !o->ending)
		pthread_cond_wait(&o->work, &o->lock);
	if (!o->ending && o->first) {
		k = o->first;
		o->first = k->queued;
		if (!o->first)
			o->end = &o->first;
		o->waiting -= k->len;
	}
	pthread_mutex_unlock(&o->lock);
	return k;
}

/* What is kept stays plain: a new connection may send it while this lane still looks at it. */
static int send_piece(struct lane_out *lane, struct hostlink *l, const struct kept *k)
{
	size_t len = k->len - CHANNEL_HEAD_SIZE, packed = 0;
	const uint8_t *raw = k->raw;
	struct record_head head;
	struct why ignored;
	uint64_t start;
	int rc = record_head_read(k->raw, &head, &ignored);

	if (rc)
		return rc;
	lane->least = head.number + 1;
	if (pack_worth(&lane->pack, len))
		packed = pack_do(&lane->pack, k->raw + CHANNEL_HEAD_SIZE, len,
				 lane->packed + CHANNEL_HEAD_SIZE);
	if (packed) {
		record_head_write(lane->packed, (uint32_t)packed, RECORD_PACKED, head.number);
		raw = lane->packed;
		len = packed;
	}
	start = mig_now_ns();
	rc = hostlink_write(l, raw, CHANNEL_HEAD_SIZE + len, 0);
	pack_sent(&lane->pack, len, mig_now_ns() - start);
	return rc;
}

static bool come_up(struct lane_out *lane, struct hostlink *l)
{
	struct lanes_out *o = lane->all;
	bool up;

	pthread_mutex_lock(&o->lock);
	up = !o->ending;
	if (up) {
		lane->link = l;
		o->up++;
	}
	pthread_mutex_unlock(&o->lock);
	return up;
}

/* A lane that fails takes the others and the connection beside it along: what it had under way is
 * lost, and only a new connection says what the other side lacks. */
static void go_down(struct lane_out *lane, bool failed)
{
	struct lanes_out *o = lane->all;

	pthread_mutex_lock(&o->lock);
	lane->link = NULL;
	o->up--;
	if (failed && !o->ending) {
		o->ending = true;
		pthread_cond_broadcast(&o->work);
		hostlink_cut(o->beside);
	}
	pthread_mutex_unlock(&o->lock);
}

static void *run(void *arg)
{
	struct lane_out *lane = arg;
	struct hello h = lane->all->hello;
	struct hostlink *l = NULL;
	struct kept *k;
	int rc = 0;

	h.lane = lane->number;
	if (lane->all->dial(lane->all->arg, &h, &l))
		return NULL;
	if (come_up(lane, l)) {
		while (!rc && (k = next(lane->all))) {
			rc = send_piece(lane, l, k);
			kept_put(k);
		}
		/* behind what the socket still holds, which takes its time on a slow network */
		rc = rc ? rc : say_end(l, lane->least, 0);
		go_down(lane, rc != 0);
	}
	hostlink_close(&l);
	return NULL;
}

struct lanes_out *lanes_out_begin(const struct hello *h, unsigned int count, lane_dial *dial,
				  void *arg, struct hostlink *beside)
{
	struct lanes_out *o = calloc(1, sizeof(*o) + count * sizeof(o->lane[0]));

	if (!o)
		return NULL;
	o->hello = *h;
	o->dial = dial;
	o->arg = arg;
	o->beside = beside;
	pthread_mutex_init(&o->lock, NULL);
	pthread_cond_init(&o->work, NULL);
	o->end = &o->first;
	o->count = count;
	for (unsigned int i = 0; i < count; i++) {
		struct lane_out *lane = &o->lane[i];

		lane->all = o;
		lane->number = i + 1;
		lane->packed = malloc(CHANNEL_HEAD_SIZE + CHANNEL_MOST_DATA);
		/* one that cannot begin is not there */
		lane->begun = lane->packed && pthread_create(&lane->thread, NULL, run, lane) == 0;
	}
	return o;
}

unsigned int lanes_out_up(struct lanes_out *o)
{
	unsigned int up;

	pthread_mutex_lock(&o->lock);
	up = o->retired || o->ending ? 0 : o->up;
	pthread_mutex_unlock(&o->lock);
	return up;
}

int lanes_out_push(struct lanes_out *o, struct kept *k)
{
	int rc = 0;

	pthread_mutex_lock(&o->lock);
	if (o->waiting + k->len > CHANNEL_WINDOW + CHANNEL_HEAD_SIZE + CHANNEL_MOST_DATA) {
		rc = -EBADMSG;
	} else {
		atomic_fetch_add(&k->holders, 1);
		k->queued = NULL;
		*o->end = k;
		o->end = &k->queued;
		o->waiting += k->len;
		pthread_cond_signal(&o->work);
	}
	pthread_mutex_unlock(&o->lock);
	return rc;
}

void lanes_out_retire(struct lanes_out *o)
{
	pthread_mutex_lock(&o->lock);
	o->retired = true;
	pthread_cond_broadcast(&o->work);
	pthread_mutex_unlock(&o->lock);
}

void lanes_out_end(struct lanes_out **op)
{
	struct lanes_out *o = *op;
	struct kept *k;

	*op = NULL;
	if (!o)
		return;
	pthread_mutex_lock(&o->lock);
	o->ending = true;
	pthread_cond_broadcast(&o->work);
	for (unsigned int i = 0; i < o->count; i++)
		if (o->lane[i].link)
			hostlink_cut(o->lane[i].link);
	pthread_mutex_unlock(&o->lock);
	for (unsigned int i = 0; i < o->count; i++) {
		if (o->lane[i].begun)
			pthread_join(o->lane[i].thread, NULL);
		free(o->lane[i].packed);
	}
	while ((k = o->first)) {
		o->first = k->queued;
		kept_put(k);
	}
	pthread_cond_destroy(&o->work);
	pthread_mutex_destroy(&o->lock);
	free(o);
}
