/* SPDX-License-Identifier: BSD-2-Clause */
/* Lanes of who receives: each thread reads ahead a little, and who takes the pieces puts them in
 * order. What a hostile peer can have held here is that little, for each lane. */
#include "migration/lanes.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "migration/pack.h"

#define AHEAD 2u	  /* pieces of a lane that wait to be taken */
#define BIT   (16u << 10) /* of a piece, that comes at a time */

struct piece {
	uint64_t number;
	size_t len, wire;
	uint8_t *body; /* CHANNEL_MOST_DATA */
};

struct lane_in {
	struct lanes_in *all;
	struct hello hello;
	pthread_t thread;
	bool begun;
	struct hostlink *link; /* all->lock, as are the two counts */
	unsigned int put, taken;
	struct piece piece[AHEAD];
	uint64_t least; /* of a record's number that may come next */
	uint8_t *packed;
};

struct lanes_in {
	uint8_t id[CHANNEL_ID_SIZE];
	int event;
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t room;
	uint32_t connection; /* 0: none may join */
	bool has_peer;
	uint8_t peer[FINGERPRINT_SIZE];
	bool ending, failed, bad;
	struct why why; /* of bad */
	struct lane_in lane[LANES_MOST];
};

static void tell(struct lanes_in *i)
{
	/* it can only be full of what was not seen yet */
	(void)eventfd_write(i->event, 1);
}

/* --- a lane's thread */

static bool room(struct lane_in *lane)
{
	struct lanes_in *i = lane->all;
	bool go_on;

	pthread_mutex_lock(&i->lock);
	while (lane->put - lane->taken == AHEAD && !i->ending)
		pthread_cond_wait(&i->room, &i->lock);
	go_on = !i->ending;
	pthread_mutex_unlock(&i->lock);
	return go_on;
}

static int breach(struct why *why, const char *what, const struct record_head *h)
{
	why_set(why, TE_CHANNEL, "record %llu of type %u with %u bytes on a lane: %s",
		(unsigned long long)h->number, h->type, h->len, what);
	return -EBADMSG;
}

/* Bit by bit, as each may take long: the lanes share the network. */
static int read_body(struct hostlink *l, uint8_t *to, size_t len)
{
	int rc = 0;

	for (size_t at = 0, n; !rc && at < len; at += n) {
		n = len - at < BIT ? len - at : BIT;
		rc = record_rest(l, to + at, n);
	}
	return rc;
}

/* 1: it has ended in good order. */
static int read_piece(struct lane_in *lane, struct hostlink *l, struct piece *p, struct why *why)
{
	uint8_t raw[CHANNEL_HEAD_SIZE];
	struct record_head h;
	int rc = hostlink_wait(l, 0);

	rc = rc ? rc : record_rest(l, raw, sizeof(raw));
	rc = rc ? rc : record_head_read(raw, &h, why);
	if (rc)
		return rc;
	if (h.type != RECORD_DATA && h.type != RECORD_PACKED)
		return breach(why, "only pieces go there", &h);
	if (h.number < lane->least)
		return breach(why, "it comes again", &h);
	if (!h.len)
		return 1;
	lane->least = h.number + 1;
	p->number = h.number;
	p->len = h.len;
	p->wire = CHANNEL_HEAD_SIZE + h.len;
	if (h.type == RECORD_DATA)
		return read_body(l, p->body, h.len);
	rc = read_body(l, lane->packed, h.len);
	if (!rc && !pack_undo(lane->packed, h.len, p->body, CHANNEL_MOST_DATA, &p->len))
		return breach(why, "it cannot be unpacked", &h);
	return rc;
}

static void *run(void *arg)
{
	struct lane_in *lane = arg;
	struct lanes_in *i = lane->all;
	struct hostlink *l = lane->link;
	struct why why = { .error = TE_NONE };
	/* who has not heard that it is taken puts nothing on it: none is lost with it */
	int rc = hello_say(l, &lane->hello, 0) ? 1 : 0;

	while (!rc && room(lane)) {
		/* between put and taken nobody else looks at a piece */
		rc = read_piece(lane, l, &lane->piece[lane->put % AHEAD], &why);
		if (rc)
			break;
		pthread_mutex_lock(&i->lock);
		lane->put++;
		pthread_mutex_unlock(&i->lock);
		tell(i);
	}
	pthread_mutex_lock(&i->lock);
	lane->link = NULL;
	if (rc < 0)
		i->failed = true;
	if (rc == -EBADMSG && !i->bad) {
		i->bad = true;
		i->why = why;
	}
	pthread_mutex_unlock(&i->lock);
	tell(i);
	hostlink_close(&l);
	return NULL;
}

/* --- whose they are */

struct lanes_in *lanes_in_new(const uint8_t id[CHANNEL_ID_SIZE])
{
	struct lanes_in *i = calloc(1, sizeof(*i));

	if (!i)
		return NULL;
	i->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (i->event < 0) {
		free(i);
		return NULL;
	}
	memcpy(i->id, id, sizeof(i->id));
	pthread_mutex_init(&i->lock, NULL);
	pthread_cond_init(&i->room, NULL);
	return i;
}

static void clear(struct lane_in *lane)
{
	for (unsigned int n = 0; n < AHEAD; n++)
		free(lane->piece[n].body);
	free(lane->packed);
	memset(lane, 0, sizeof(*lane));
}

void lanes_in_open(struct lanes_in *i, uint32_t connection, const uint8_t *peer)
{
	unsigned int n;

	pthread_mutex_lock(&i->lock);
	i->connection = 0; /* none joins while these are waited for */
	i->ending = true;
	pthread_cond_broadcast(&i->room);
	for (n = 0; n < LANES_MOST; n++)
		if (i->lane[n].link)
			hostlink_cut(i->lane[n].link);
	pthread_mutex_unlock(&i->lock);
	for (n = 0; n < LANES_MOST; n++)
		if (i->lane[n].begun) {
			pthread_join(i->lane[n].thread, NULL);
			clear(&i->lane[n]);
		}
	pthread_mutex_lock(&i->lock);
	i->ending = i->failed = i->bad = false;
	i->connection = connection;
	i->has_peer = peer != NULL;
	if (peer)
		memcpy(i->peer, peer, sizeof(i->peer));
	pthread_mutex_unlock(&i->lock);
}

void lanes_in_free(struct lanes_in **ip)
{
	struct lanes_in *i = *ip;

	*ip = NULL;
	if (!i)
		return;
	lanes_in_open(i, 0, NULL);
	close(i->event);
	pthread_cond_destroy(&i->room);
	pthread_mutex_destroy(&i->lock);
	free(i);
}

/* i->lock */
static int may_join(struct lanes_in *i, struct hostlink *l, const struct hello *h, struct why *why)
{
	const uint8_t *peer = hostlink_peer(l);

	if (!i->connection || h->connection != i->connection ||
	    memcmp(h->id, i->id, sizeof(i->id)) != 0)
		why_set(why, TE_CHANNEL, "a lane beside connection %u; %u is there", h->connection,
			i->connection);
	else if (!h->lane || h->lane > LANES_MOST || i->lane[h->lane - 1].begun)
		why_set(why, TE_CHANNEL, "lane %u is there already", h->lane);
	else if (!peer != !i->has_peer || (peer && memcmp(peer, i->peer, sizeof(i->peer)) != 0))
		why_set(why, TE_CHANNEL, "a lane with another certificate than the migration's");
	else
		return 0;
	return -EBADMSG;
}

/* i->lock */
static int begin(struct lanes_in *i, struct hostlink *l, const struct hello *h)
{
	struct lane_in *lane = &i->lane[h->lane - 1];
	bool memory;

	lane->all = i;
	lane->hello = *h;
	lane->link = l;
	lane->packed = malloc(CHANNEL_MOST_DATA);
	memory = lane->packed != NULL;
	for (unsigned int n = 0; n < AHEAD; n++) {
		lane->piece[n].body = malloc(CHANNEL_MOST_DATA);
		memory = memory && lane->piece[n].body;
	}
	lane->begun = memory && pthread_create(&lane->thread, NULL, run, lane) == 0;
	if (lane->begun)
		return 0;
	clear(lane);
	return -ENOMEM;
}

int lanes_in_join(struct lanes_in *i, struct hostlink *l, const struct hello *h, struct why *why)
{
	int rc;

	pthread_mutex_lock(&i->lock);
	rc = may_join(i, l, h, why);
	if (!rc && begin(i, l, h))
		rc = why_set(why, TE_NO_MEMORY, "no memory for a lane");
	pthread_mutex_unlock(&i->lock);
	if (rc)
		hostlink_close(&l);
	return rc;
}

/* --- taking */

/* i->lock. The lane whose turn it is: all numbers are on some lane, and rise on each. */
static struct lane_in *find(struct lanes_in *i, uint64_t number)
{
	for (unsigned int n = 0; n < LANES_MOST; n++) {
		struct lane_in *lane = &i->lane[n];

		if (lane->put != lane->taken && lane->piece[lane->taken % AHEAD].number <= number)
			return lane;
	}
	return NULL;
}

int lanes_in_take(struct lanes_in *i, uint64_t number, uint8_t **body, size_t *len, size_t *wire,
		  struct why *why)
{
	struct lane_in *lane;
	eventfd_t seen;
	uint8_t *old;
	struct piece *p;
	int rc = 1;

	(void)eventfd_read(i->event, &seen);
	pthread_mutex_lock(&i->lock);
	lane = find(i, number);
	p = lane ? &lane->piece[lane->taken % AHEAD] : NULL;
	if (p && p->number == number) {
		old = *body;
		*body = p->body;
		p->body = old;
		*len = p->len;
		*wire = p->wire;
		lane->taken++;
		pthread_cond_broadcast(&i->room);
	} else if (p) {
		why_set(why, TE_CHANNEL, "record %llu comes again: expected is %llu",
			(unsigned long long)p->number, (unsigned long long)number);
		rc = -EBADMSG;
	} else if (i->bad) {
		*why = i->why;
		rc = -EBADMSG;
	} else {
		rc = i->failed ? -EPIPE : 0;
	}
	pthread_mutex_unlock(&i->lock);
	return rc;
}

bool lanes_in_has(struct lanes_in *i, uint64_t number)
{
	bool has;

	pthread_mutex_lock(&i->lock);
	has = find(i, number) != NULL;
	pthread_mutex_unlock(&i->lock);
	return has;
}

bool lanes_in_more(struct lanes_in *i)
{
	bool more;

	pthread_mutex_lock(&i->lock);
	more = i->failed;
	for (unsigned int n = 0; n < LANES_MOST; n++)
		more = more || i->lane[n].link || i->lane[n].put != i->lane[n].taken;
	pthread_mutex_unlock(&i->lock);
	return more;
}

int lanes_in_event(const struct lanes_in *i)
{
	return i->event;
}
