/* SPDX-License-Identifier: BSD-2-Clause */
/* Lanes beside a channel: bytes come in order, whatever breaks, and what a hostile other side may
 * do there. Also built for the thread sanitizer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "migration/bytes.h"
#include "migration/channel.h"
#include "tests/unit/count_fds.h"

#define SOON	 (mig_now_ns() + 60000000000ull)
#define STREAM	 (40u << 20)
#define MOST_FDS 512

/* --- a network of socket pairs, which can be cut, between one who sends and one who receives */

struct net {
	pthread_mutex_t lock;
	pthread_cond_t came;
	struct hostlink *waiting; /* a connection for who receives */
	bool over;
	int cut[MOST_FDS]; /* to be cut: -1 where it was */
	unsigned int fds;
	struct channel *from, *to;
	struct lanes_in *lanes;
	unsigned int refused_lanes; /* so many of each connection's are not let through */
	unsigned int connections;
	unsigned int want; /* lanes that are to be up before the most of it goes */
	bool deaf;	   /* lanes reach nobody who reads them */
	struct hostlink *unread;
	atomic_ullong got;
	int from_rc, to_rc;
};

/* Two ends, of which this one keeps a third to cut them with. */
static void pair_up(struct net *n, struct hostlink *l[2])
{
	struct why why;
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	pthread_mutex_lock(&n->lock);
	assert_true(n->fds < MOST_FDS);
	n->cut[n->fds++] = dup(fds[0]);
	pthread_mutex_unlock(&n->lock);
	for (int i = 0; i < 2; i++)
		assert_int_equal(hostlink_open_fd(&l[i], fds[i], fds[i], &why), 0);
}

static int dial_again(void *arg, struct channel *c, struct why *why)
{
	struct net *n = arg;
	struct hostlink *l[2];
	int rc;

	do {
		pair_up(n, l);
		pthread_mutex_lock(&n->lock);
		hostlink_close(&n->waiting);
		n->waiting = l[1];
		n->connections++;
		pthread_cond_signal(&n->came);
		pthread_mutex_unlock(&n->lock);
		rc = channel_dial(c, l[0], SOON, why);
	} while (rc && rc != -EBADMSG && n->connections < 60);
	return rc;
}

static int answer_again(void *arg, struct channel *c, struct why *why)
{
	struct net *n = arg;
	struct hostlink *l;
	struct hello h;
	int rc;

	for (;;) {
		pthread_mutex_lock(&n->lock);
		while (!n->waiting && !n->over)
			pthread_cond_wait(&n->came, &n->lock);
		l = n->waiting;
		n->waiting = NULL;
		pthread_mutex_unlock(&n->lock);
		if (!l)
			return -ENOTCONN;
		rc = hello_hear(l, &h, SOON, why);
		if (rc) {
			hostlink_close(&l);
			continue;
		}
		rc = channel_answer(c, l, &h, SOON, why);
		if (!rc || rc == -EBADMSG)
			return rc;
	}
}

struct serving {
	struct net *n;
	struct hostlink *l;
};

static void *serve_lane(void *arg)
{
	struct serving *s = arg;
	struct hello h;
	struct why why;

	if (hello_hear(s->l, &h, SOON, &why))
		hostlink_close(&s->l);
	else if (h.lane <= s->n->refused_lanes)
		hostlink_close(&s->l);
	else
		(void)lanes_in_join(s->n->lanes, s->l, &h, &why);
	return NULL;
}

static int dial(void *arg, const struct hello *h, struct hostlink **lp)
{
	struct net *n = arg;
	struct hostlink *l[2];
	struct serving s = { .n = n };
	struct why why;
	pthread_t t;
	int rc;

	pair_up(n, l);
	s.l = l[1];
	if (n->deaf) {
		n->unread = l[1];
		*lp = l[0];
		return 0;
	}
	pthread_create(&t, NULL, serve_lane, &s);
	rc = lane_greet(l[0], h, SOON, &why);
	pthread_join(t, NULL);
	if (rc)
		hostlink_close(&l[0]);
	*lp = l[0];
	return rc;
}

static void net_open(struct net *n)
{
	struct why why;

	memset(n, 0, sizeof(*n));
	pthread_mutex_init(&n->lock, NULL);
	pthread_cond_init(&n->came, NULL);
	assert_int_equal(channel_new(&n->from, NULL, &why), 0);
	assert_int_equal(channel_new(&n->to, channel_id(n->from), &why), 0);
	n->lanes = channel_lanes_in(n->to);
	assert_non_null(n->lanes);
	channel_on_loss(n->from, dial_again, n);
	channel_on_loss(n->to, answer_again, n);
}

static void net_close(struct net *n)
{
	channel_free(&n->from);
	channel_free(&n->to);
	hostlink_close(&n->waiting);
	hostlink_close(&n->unread);
	for (unsigned int i = 0; i < n->fds; i++)
		close(n->cut[i]);
	pthread_cond_destroy(&n->came);
	pthread_mutex_destroy(&n->lock);
}

/* Some of it can be packed, and some is nothing but zeros. */
static void fill(uint8_t *p, uint64_t at, size_t len)
{
	for (size_t i = 0; i < len; i += 8) {
		uint64_t w = (at + i) * 0x9e3779b97f4a7c15ull;

		w = (at + i) >> 20 & 1 ? (at + i) >> 12 & 3 : w ^ w >> 29;
		memcpy(p + i, &w, len - i < 8 ? len - i : 8);
	}
}

/* In steps that are no multiple of a piece, and flushed now and then, so that pieces of all sizes
 * go. */
static void *sends(void *arg)
{
	struct net *n = arg;
	struct mig_io *io = channel_io(n->from);
	uint8_t *block = malloc(1 << 20);
	unsigned int step = 0;
	uint64_t at = 0, way;
	struct why why;
	size_t len;

	n->from_rc = dial_again(n, n->from, &why);
	while (!n->from_rc && at < STREAM) {
		bool early = channel_lanes_seen(n->from) < n->want;

		len = early ? LANES_LEAST : 8 * (1 + (size_t)(at >> 3) * 7919 % 100000);
		len = STREAM - at < len ? STREAM - at : len;
		fill(block, at, len);
		io->deadline_ns = SOON;
		n->from_rc = mig_write(io, block, len);
		if (early)
			usleep(5000);
		if (!n->from_rc && (++step % 5 == 0 || early))
			n->from_rc = mig_flush(io);
		if (!n->from_rc && step % 50 == 0)
			n->from_rc = mig_settle(io, &way);
		at += len;
	}
	n->from_rc = n->from_rc ? n->from_rc : channel_say(n->from, "end", 4, SOON);
	n->from_rc = n->from_rc ? n->from_rc : channel_settle(n->from, SOON);
	free(block);
	return NULL;
}

/* Bytes once there are no lanes any more, and a word back. */
static void *sends_and_hears(void *arg)
{
	struct net *n = arg;
	char word[16] = "";
	size_t len;

	sends(n);
	if (!n->from_rc)
		n->from_rc = mig_write(channel_io(n->from), word, sizeof(word));
	if (!n->from_rc)
		n->from_rc = mig_flush(channel_io(n->from));
	if (!n->from_rc)
		n->from_rc = channel_hear(n->from, word, sizeof(word), &len, SOON);
	if (!n->from_rc && strcmp(word, "thanks") != 0)
		n->from_rc = -EILSEQ;
	return NULL;
}

static void receives(struct net *n)
{
	static uint8_t block[65537 + 7], want[65537 + 7];
	struct mig_io *io = channel_io(n->to);
	struct why why;
	char end[16];
	size_t len;

	n->to_rc = answer_again(n, n->to, &why);
	while (!n->to_rc && n->got < STREAM) {
		len = 8 * (1 + n->got % 8191);
		len = STREAM - n->got < len ? STREAM - n->got : len;
		io->deadline_ns = SOON;
		n->to_rc = mig_read(io, block, len);
		fill(want, n->got, len);
		if (!n->to_rc && memcmp(block, want, len) != 0)
			n->to_rc = -EILSEQ;
		n->got += len;
	}
	n->to_rc = n->to_rc ? n->to_rc : channel_hear(n->to, end, sizeof(end), &len, SOON);
}

static void moves(unsigned int lanes, unsigned int refused, unsigned int seen)
{
	int before = count_fds();
	struct net n;
	pthread_t t;

	net_open(&n);
	n.refused_lanes = refused;
	n.want = seen;
	channel_lanes_out(n.from, lanes, dial, &n);
	pthread_create(&t, NULL, sends_and_hears, &n);
	receives(&n);
	if (!n.to_rc)
		n.to_rc = mig_read(channel_io(n.to), &(char[16]){ 0 }, 16);
	if (!n.to_rc)
		n.to_rc = channel_say(n.to, "thanks", 7, SOON);
	pthread_join(t, NULL);
	assert_int_equal(n.to_rc, 0);
	assert_int_equal(n.from_rc, 0);
	assert_int_equal(n.got, STREAM);
	assert_int_equal(n.connections, 1); /* lanes that end in good order break nothing */
	assert_int_equal(channel_lanes_seen(n.from), seen);
	net_close(&n);
	assert_int_equal(count_fds(), before);
}

static void in_order_over_one(void **state)
{
	(void)state;
	moves(1, 0, 1);
}

static void in_order_over_all(void **state)
{
	(void)state;
	moves(LANES_MOST, 0, LANES_MOST);
}

static void those_that_come_up_are_used(void **state)
{
	(void)state;
	moves(3, 2, 1);
}

static void without_any_the_connection_has_it_all(void **state)
{
	(void)state;
	moves(2, 2, 0);
}

/* As long as enough is to come for both sides to notice. */
static void *cuts(void *arg)
{
	struct net *n = arg;
	unsigned int i;
	bool over = false;

	for (unsigned int round = 0; !over && round < 12; round++) {
		usleep(1000 + (unsigned int)(random() % 30000));
		pthread_mutex_lock(&n->lock);
		over = n->over || n->got > STREAM - (2 * CHANNEL_WINDOW);
		/* the newest ones are those in use: the connection, or one of its lanes */
		i = n->fds ? n->fds - 1 - (unsigned int)random() % (n->fds < 4 ? n->fds : 4) : 0;
		if (!over && n->fds)
			(void)shutdown(n->cut[i], SHUT_RDWR);
		pthread_mutex_unlock(&n->lock);
	}
	return NULL;
}

/* Whichever connection breaks: all of them are made anew, and nothing is lost or comes twice. */
static void cut_anywhere(void **state)
{
	int before = count_fds();
	unsigned int connections = 0;
	pthread_t t, cutter;
	struct net n;

	(void)state;
	for (unsigned int seed = 1; seed <= 4; seed++) {
		srandom(seed);
		net_open(&n);
		channel_lanes_out(n.from, 3, dial, &n);
		pthread_create(&t, NULL, sends, &n);
		pthread_create(&cutter, NULL, cuts, &n);
		receives(&n);
		pthread_join(t, NULL);
		pthread_mutex_lock(&n.lock);
		n.over = true;
		pthread_mutex_unlock(&n.lock);
		pthread_join(cutter, NULL);
		assert_int_equal(n.to_rc, 0);
		assert_int_equal(n.from_rc, 0);
		assert_int_equal(n.got, STREAM);
		connections += n.connections;
		net_close(&n);
		assert_int_equal(count_fds(), before);
	}
	assert_true(connections > 4 + 4);
}

static void *refuses(void *arg)
{
	struct net *n = arg;
	static uint8_t some[1000000];
	struct why why;

	n->to_rc = answer_again(n, n->to, &why);
	channel_io(n->to)->deadline_ns = SOON;
	n->to_rc = n->to_rc ? n->to_rc : mig_read(channel_io(n->to), some, sizeof(some));
	channel_on_loss(n->to, NULL, NULL);
	n->to_rc = n->to_rc ? n->to_rc : channel_refuse(n->to, "full", 5, SOON);
	return NULL;
}

/* Who has had enough reads what is on the lanes away until the other has heard it. */
static void refused_in_the_middle(void **state)
{
	struct net n;
	pthread_t t;
	char body[16];
	size_t len;

	(void)state;
	net_open(&n);
	channel_lanes_out(n.from, 3, dial, &n);
	pthread_create(&t, NULL, refuses, &n);
	sends(&n);
	assert_int_equal(n.from_rc, -ECANCELED);
	assert_int_equal(channel_hear(n.from, body, sizeof(body), &len, SOON), 0);
	assert_string_equal(body, "full");
	assert_int_equal(channel_say(n.from, "ok", 3, SOON), 0);
	pthread_join(t, NULL);
	assert_int_equal(n.to_rc, 0);
	net_close(&n);
}

/* --- who joins */

static int join(struct lanes_in *i, const struct hello *h, int *raw, struct why *why)
{
	struct hostlink *l;
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	assert_int_equal(hostlink_open_fd(&l, fds[0], fds[0], why), 0);
	*raw = fds[1];
	return lanes_in_join(i, l, h, why);
}

static void strangers(void **state)
{
	int before = count_fds(), raw, good;
	struct hello h = { .connection = 3, .lane = 2, .id = { 5 } }, bad;
	struct lanes_in *i = lanes_in_new(h.id);
	uint8_t echo[CHANNEL_HEAD_SIZE + HELLO_SIZE], cert[FINGERPRINT_SIZE] = { 1 };
	struct why why;

	(void)state;
	/* before there is a connection, after there was one */
	assert_int_equal(join(i, &h, &raw, &why), -EBADMSG);
	close(raw);
	lanes_in_open(i, 3, NULL);
	lanes_in_open(i, 0, NULL);
	assert_int_equal(join(i, &h, &raw, &why), -EBADMSG);
	close(raw);

	lanes_in_open(i, 3, NULL);
	for (int what = 0; what < 4; what++) {
		bad = h;
		bad.connection += what == 0;
		bad.id[15] += what == 1;
		bad.lane = what == 2 ? 0 : what == 3 ? LANES_MOST + 1 : bad.lane;
		assert_int_equal(join(i, &bad, &raw, &why), -EBADMSG);
		close(raw);
	}
	assert_int_equal(join(i, &h, &good, &why), 0);
	assert_int_equal(read(good, echo, sizeof(echo)), sizeof(echo));
	assert_int_equal(echo[4], RECORD_LANE);
	assert_int_equal(join(i, &h, &raw, &why), -EBADMSG); /* the same again */
	assert_non_null(strstr(why.text, "there already"));
	close(raw);
	close(good);

	/* a connection with a certificate, and a lane without */
	lanes_in_open(i, 4, cert);
	h.connection = 4;
	assert_int_equal(join(i, &h, &raw, &why), -EBADMSG);
	assert_non_null(strstr(why.text, "certificate"));
	close(raw);
	lanes_in_free(&i);
	assert_int_equal(count_fds(), before);
}

static void greetings(void **state)
{
	struct hostlink *l[2];
	struct hello h = { .connection = 1, .lane = LANES_MOST }, got;
	struct why why;
	struct net n = { .lock = PTHREAD_MUTEX_INITIALIZER };

	(void)state;
	for (unsigned int lane = LANES_MOST; lane <= LANES_MOST + 1; lane++) {
		pair_up(&n, l);
		h.lane = lane;
		assert_int_equal(hello_say(l[0], &h, SOON), 0);
		assert_int_equal(hello_hear(l[1], &got, SOON, &why),
				 lane > LANES_MOST ? -EBADMSG : 0);
		/* an answer for another lane is none */
		if (lane == LANES_MOST) {
			assert_int_equal(got.lane, lane);
			got.lane = 1;
			assert_int_equal(hello_say(l[1], &got, SOON), 0);
			assert_int_equal(lane_greet(l[0], &h, SOON, &why), -EBADMSG);
		}
		hostlink_close(&l[0]);
		hostlink_close(&l[1]);
	}
	while (n.fds)
		close(n.cut[--n.fds]);
}

/* --- a sender that does not keep to the rules */

struct line {
	uint32_t type, len;
	uint64_t number;
};

static void say(int fd, const struct line *r)
{
	static const uint8_t body[CHANNEL_MOST_DATA] = { 0, 0, 0, 200, 0x50, 1, 2, 3 };
	uint8_t raw[CHANNEL_HEAD_SIZE];

	record_head_write(raw, r->len, (uint8_t)r->type, r->number);
	/* what has been refused by then is not read any more */
	(void)!write(fd, raw, sizeof(raw));
	if (r->len && r->len <= 4096)
		(void)!write(fd, body, r->len);
}

/* Takes from the lane as a channel would until something is wrong. */
static int take_all(struct lanes_in *i, uint64_t *number, struct why *why)
{
	uint8_t *body = malloc(CHANNEL_MOST_DATA);
	size_t len, wire;
	struct hostlink *none = NULL;
	int rc;

	do {
		rc = lanes_in_take(i, *number, &body, &len, &wire, why);
		*number += rc == 1;
		if (!rc)
			(void)hostlink_wait_also(none, lanes_in_event(i), mig_now_ns() + 1000000);
	} while (rc >= 0);
	free(body);
	return rc;
}

static void hostile_pieces(void **state)
{
	static const struct {
		struct line line[3];
		const char *says; /* NULL: broken off, which may be the network */
		uint64_t taken;
	} row[] = {
		{ { { RECORD_DATA, 8, 0 }, { RECORD_DATA, 8, 0 } }, "comes again", 1 },
		{ { { RECORD_DATA, 8, 1 }, { RECORD_DATA, 8, 0 } }, "comes again", 0 },
		{ { { RECORD_DATA, 8, 0 }, { RECORD_MESSAGE, 8, 1 } }, "only pieces", 1 },
		{ { { RECORD_ACK, 0, 0 } }, "only pieces", 0 },
		{ { { RECORD_LANE, HELLO_SIZE, 0 } }, "only pieces", 0 },
		{ { { RECORD_DATA, CHANNEL_MOST_DATA + 1, 0 } }, "at most 262144", 0 },
		{ { { 77, 8, 0 } }, "none of this protocol", 0 },
		{ { { RECORD_PACKED, 8, 0 } }, "unpacked", 0 },
		{ { { RECORD_PACKED, 3, 0 } }, "unpacked", 0 },
		{ { { RECORD_DATA, 8, 0 }, { RECORD_DATA, 5000, 1 } }, NULL, 1 },
	};
	struct hello h = { .connection = 1, .lane = 1 };
	int before = count_fds(), raw;
	struct lanes_in *i = lanes_in_new(h.id);
	struct why why;
	uint64_t number;

	(void)state;
	for (size_t r = 0; r < sizeof(row) / sizeof(row[0]); r++) {
		lanes_in_open(i, 1, NULL);
		assert_int_equal(join(i, &h, &raw, &why), 0);
		for (const struct line *l = row[r].line; l < row[r].line + 3 && l->type; l++)
			say(raw, l);
		shutdown(raw, SHUT_WR);
		number = 0;
		assert_int_equal(take_all(i, &number, &why), row[r].says ? -EBADMSG : -EPIPE);
		if (row[r].says)
			assert_non_null(strstr(why.text, row[r].says));
		assert_int_equal(number, row[r].taken);
		close(raw);
	}
	/* one whose turn was when another lane had it */
	lanes_in_open(i, 1, NULL);
	assert_int_equal(join(i, &h, &raw, &why), 0);
	say(raw, &(struct line){ RECORD_DATA, 8, 3 });
	number = 4;
	assert_int_equal(take_all(i, &number, &why), -EBADMSG);
	assert_non_null(strstr(why.text, "comes again"));
	close(raw);
	lanes_in_free(&i);
	assert_int_equal(count_fds(), before);
}

/* What is far ahead is not piled up: two pieces of each lane, and the rest stays where it is. */
static void far_ahead(void **state)
{
	struct hello h = { .connection = 1, .lane = 1 };
	struct lanes_in *i = lanes_in_new(h.id);
	static uint8_t piece[CHANNEL_HEAD_SIZE + 4096];
	uint64_t number, sent = 0;
	struct why why;
	int raw, small = 16384;

	(void)state;
	lanes_in_open(i, 1, NULL);
	assert_int_equal(join(i, &h, &raw, &why), 0);
	assert_int_equal(setsockopt(raw, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)), 0);
	for (number = 1; number < 10000; number++) {
		record_head_write(piece, 4096, RECORD_DATA, number);
		for (int tries = 0; tries < 50; tries++) {
			if (send(raw, piece, sizeof(piece), MSG_DONTWAIT) == sizeof(piece)) {
				sent++;
				break;
			}
			if (tries == 49)
				number = 10000;
			usleep(1000);
		}
	}
	assert_true(sent < 1000);
	assert_false(lanes_in_has(i, 0));
	assert_true(lanes_in_has(i, 1));
	close(raw);
	lanes_in_free(&i);
}

/* A record over the connection that others on lanes come before, and these lanes have ended: they
 * never come. */
static void never_to_come(void **state)
{
	int before = count_fds();
	struct hostlink *l[2];
	struct hello h = { .connection = 1, .id = { 9 } };
	struct net n = { .lock = PTHREAD_MUTEX_INITIALIZER };
	struct channel *c;
	struct why why;
	uint8_t raw[CHANNEL_HEAD_SIZE + 4] = { 0 };
	char body[16];
	size_t len;
	int lane;

	(void)state;
	assert_int_equal(channel_new(&c, h.id, &why), 0);
	pair_up(&n, l);
	assert_int_equal(channel_answer(c, l[1], &h, SOON, &why), 0);
	assert_non_null(channel_lanes_in(c));
	h.lane = 1;
	assert_int_equal(join(channel_lanes_in(c), &h, &lane, &why), 0);
	record_head_write(raw, 4, RECORD_MESSAGE, 2);
	assert_int_equal(hostlink_write(l[0], raw, sizeof(raw), SOON), 0);
	assert_int_equal(channel_hear(c, body, sizeof(body), &len, mig_now_ns() + 50000000),
			 -ETIMEDOUT);
	say(lane, &(struct line){ RECORD_DATA, 0, 1 }); /* its end */
	assert_int_equal(channel_hear(c, body, sizeof(body), &len, SOON), -EBADMSG);
	assert_non_null(strstr(channel_trouble(c), "on no lane"));
	channel_free(&c);
	hostlink_close(&l[0]);
	close(lane);
	while (n.fds)
		close(n.cut[--n.fds]);
	assert_int_equal(count_fds(), before);
}

/* --- a receiver that does not: it acknowledges what still waits here */

static void *acknowledges(void *arg)
{
	struct hostlink *l = arg;
	uint8_t raw[CHANNEL_HEAD_SIZE];

	for (uint64_t number = 1; number < 500; number++) {
		record_head_write(raw, 0, RECORD_ACK, number);
		if (hostlink_write(l, raw, sizeof(raw), SOON))
			break;
		usleep(200);
	}
	return NULL;
}

static void *greets(void *arg)
{
	struct hostlink *l = arg;
	struct hello h;
	struct why why;

	assert_int_equal(hello_hear(l, &h, SOON, &why), 0);
	assert_int_equal(hello_say(l, &h, SOON), 0);
	return NULL;
}

static void too_early_acknowledged(void **state)
{
	static uint8_t piece[CHANNEL_MOST_DATA];
	struct hostlink *l[2];
	struct mig_io *io;
	struct net n;
	struct why why;
	pthread_t t;
	int rc = 0, sent;

	(void)state;
	net_open(&n);
	n.deaf = true;
	fill(piece, 0, sizeof(piece));
	pair_up(&n, l);
	pthread_create(&t, NULL, greets, l[1]);
	assert_int_equal(channel_dial(n.from, l[0], SOON, &why), 0);
	pthread_join(t, NULL);
	channel_on_loss(n.from, NULL, NULL);
	channel_lanes_out(n.from, 1, dial, &n);
	io = channel_io(n.from);
	io->deadline_ns = SOON;
	while (!channel_lanes_seen(n.from) && !rc) { /* until it is up */
		rc = mig_write(io, piece, LANES_LEAST);
		rc = rc ? rc : mig_flush(io);
		usleep(1000);
	}
	pthread_create(&t, NULL, acknowledges, l[1]);
	for (sent = 0; !rc && sent < 400; sent++)
		rc = mig_write(io, piece, sizeof(piece));
	assert_int_equal(rc, -EBADMSG);
	/* nothing is held for it beyond what the channel may keep, twice */
	assert_true(sent < 2 * (int)(CHANNEL_WINDOW / CHANNEL_MOST_DATA) + 8);
	for (unsigned int i = 0; i < n.fds; i++)
		(void)shutdown(n.cut[i], SHUT_RDWR);
	pthread_join(t, NULL);
	hostlink_close(&l[1]);
	net_close(&n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_order_over_one),
		cmocka_unit_test(in_order_over_all),
		cmocka_unit_test(those_that_come_up_are_used),
		cmocka_unit_test(without_any_the_connection_has_it_all),
		cmocka_unit_test(cut_anywhere),
		cmocka_unit_test(refused_in_the_middle),
		cmocka_unit_test(strangers),
		cmocka_unit_test(greetings),
		cmocka_unit_test(hostile_pieces),
		cmocka_unit_test(far_ahead),
		cmocka_unit_test(never_to_come),
		cmocka_unit_test(too_early_acknowledged),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
