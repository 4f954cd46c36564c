/* SPDX-License-Identifier: BSD-2-Clause */
/* The channel between hosts: what is refused, and what survives a connection that is cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "migration/bytes.h"
#include "migration/channel.h"
#include "tests/unit/count_fds.h"

#define SOON (mig_now_ns() + 60000000000ull) /* for a machine that has other things to do */

/* --- over given transports; one thread a side */

#define STREAM (24u << 20)

struct side {
	struct channel *c;
	struct hostlink *next[64]; /* connections to come */
	unsigned int used;
	bool dials;
	int rc;
	uint64_t sum;
};

static int again(void *arg, struct channel *c, struct why *why)
{
	struct side *s = arg;
	struct hello h;
	struct hostlink *l;
	int rc;

	while (s->used < 64 && s->next[s->used]) {
		l = s->next[s->used];
		s->next[s->used++] = NULL;
		if (s->dials) {
			rc = channel_dial(c, l, SOON, why);
		} else {
			rc = hello_hear(l, &h, SOON, why);
			if (!rc)
				rc = channel_answer(c, l, &h, SOON, why);
			else
				hostlink_close(&l);
		}
		if (!rc || rc == -EBADMSG)
			return rc;
	}
	return -ENOTCONN;
}

static uint8_t byte_at(uint64_t i)
{
	uint64_t w = i * 0x9e3779b97f4a7c15ull;

	/* some of it can be packed */
	return (i >> 18) % 8 == 7 ? (uint8_t)(i >> 12) : (uint8_t)((w ^ w >> 29) * w >> 40);
}

static void *sender(void *arg)
{
	static uint8_t block[70001];
	struct side *s = arg;
	struct mig_io *io = channel_io(s->c);
	struct why why;
	uint64_t at = 0;
	size_t i, n;

	s->rc = again(s, s->c, &why);
	while (!s->rc && at < STREAM) {
		n = STREAM - at < sizeof(block) ? STREAM - at : sizeof(block);
		for (i = 0; i < n; i++)
			block[i] = byte_at(at + i);
		io->deadline_ns = SOON;
		s->rc = io->ops->writev(io, &(struct iovec){ block, n }, 1);
		at += n;
	}
	if (!s->rc)
		s->rc = channel_say(s->c, "end", 4, SOON);
	if (!s->rc)
		s->rc = channel_settle(s->c, SOON);
	return NULL;
}

static void *receiver(void *arg)
{
	static uint8_t block[65537];
	struct side *s = arg;
	struct mig_io *io = channel_io(s->c);
	struct why why;
	char end[8];
	size_t i, n;

	s->rc = again(s, s->c, &why);
	while (!s->rc && s->sum < STREAM) {
		n = STREAM - s->sum < sizeof(block) ? STREAM - s->sum : sizeof(block);
		io->deadline_ns = SOON;
		s->rc = io->ops->read(io, block, n);
		for (i = 0; !s->rc && i < n; i++, s->sum++)
			if (block[i] != byte_at(s->sum))
				s->rc = -EILSEQ;
	}
	if (!s->rc)
		s->rc = channel_hear(s->c, end, sizeof(end), &n, SOON);
	return NULL;
}

/* Between the two: passes bytes both ways, until it has passed so many. */
struct wire {
	int a, b;
	uint64_t most; /* 0: no limit */
};

static void *pass(void *arg)
{
	struct wire *w = arg;
	uint8_t buf[8192];
	uint64_t passed = 0;
	fd_set set;
	ssize_t n;
	int from;

	for (;;) {
		FD_ZERO(&set);
		FD_SET(w->a, &set);
		FD_SET(w->b, &set);
		if (select((w->a > w->b ? w->a : w->b) + 1, &set, NULL, NULL, NULL) < 0)
			break;
		from = FD_ISSET(w->a, &set) ? w->a : w->b;
		n = read(from, buf, sizeof(buf));
		if (n <= 0 || (w->most && passed + n > w->most))
			break;
		passed += n;
		if (send(from == w->a ? w->b : w->a, buf, n, MSG_NOSIGNAL) != n)
			break;
	}
	close(w->a);
	close(w->b);
	return NULL;
}

static void resumed(void **state)
{
	struct side s[2] = { { .dials = true }, { .dials = false } };
	struct wire w[20];
	pthread_t t[2], wires[20];
	struct why why;
	unsigned int i;
	int left[2], right[2];

	(void)state;
	srandom(7);
	assert_int_equal(channel_new(&s[0].c, NULL, &why), 0);
	assert_int_equal(channel_new(&s[1].c, channel_id(s[0].c), &why), 0);
	for (i = 0; i < 20; i++) {
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, left), 0);
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, right), 0);
		assert_int_equal(hostlink_open_fd(&s[0].next[i], left[0], left[0], &why), 0);
		assert_int_equal(hostlink_open_fd(&s[1].next[i], right[0], right[0], &why), 0);
		/* most are cut within the stream, some within the greeting */
		w[i] = (struct wire){ left[1], right[1],
				      i == 19 ? 0 : 40 + random() % (i % 4 ? 2 << 20 : 200) };
		pthread_create(&wires[i], NULL, pass, &w[i]);
	}
	for (i = 0; i < 2; i++)
		channel_on_loss(s[i].c, again, &s[i]);
	pthread_create(&t[0], NULL, sender, &s[0]);
	pthread_create(&t[1], NULL, receiver, &s[1]);
	pthread_join(t[0], NULL);
	pthread_join(t[1], NULL);
	assert_int_equal(s[0].rc, 0);
	assert_int_equal(s[1].rc, 0);
	assert_int_equal(s[1].sum, STREAM);
	assert_int_equal(channel_unacked(s[0].c), 0);
	assert_true(s[0].used > 5);
	for (i = 0; i < 2; i++) {
		channel_free(&s[i].c);
		while (s[i].used < 20)
			hostlink_close(&s[i].next[s[i].used++]);
	}
	for (i = 0; i < 20; i++)
		pthread_join(wires[i], NULL);
}

struct answering {
	struct channel *c;
	struct hostlink *l;
	struct hello *h;
};

static void *answers(void *arg)
{
	struct answering *a = arg;
	struct why why;

	assert_int_equal(hello_hear(a->l, a->h, SOON, &why), 0);
	assert_int_equal(channel_answer(a->c, a->l, a->h, SOON, &why), 0);
	return NULL;
}

/* Who settles knows that the other side has everything, and how far away it is. */
static void *takes(void *arg)
{
	struct channel *c = arg;
	static uint8_t buf[100000];
	struct mig_io *io = channel_io(c);

	io->deadline_ns = SOON;
	usleep(20000);
	for (int i = 0; i < 10; i++)
		assert_int_equal(mig_read(io, buf, sizeof(buf)), 0);
	assert_int_equal(mig_read(io, buf, 1), -ENOTCONN); /* what settles has no bytes */
	return NULL;
}

static void settled(void **state)
{
	static uint8_t buf[100000];
	struct channel *a, *b;
	struct hostlink *l[2];
	struct mig_io *io;
	struct hello h;
	struct why why;
	uint64_t way, start = mig_now_ns();
	pthread_t t;
	int fds[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	for (int i = 0; i < 2; i++)
		assert_int_equal(hostlink_open_fd(&l[i], fds[i], fds[i], &why), 0);
	assert_int_equal(channel_new(&a, NULL, &why), 0);
	assert_int_equal(channel_new(&b, channel_id(a), &why), 0);
	pthread_create(&t, NULL, answers, &(struct answering){ b, l[1], &h });
	assert_int_equal(channel_dial(a, l[0], SOON, &why), 0);
	pthread_join(t, NULL);
	pthread_create(&t, NULL, takes, b);
	io = channel_io(a);
	io->deadline_ns = SOON;
	for (int i = 0; i < 10; i++)
		assert_int_equal(mig_write(io, buf, sizeof(buf)), 0);
	assert_int_equal(mig_settle(io, &way), 0);
	assert_int_equal(channel_unacked(a), 0);
	assert_true(way > 0 && way <= mig_now_ns() - start);
	channel_free(&a);
	pthread_join(t, NULL);
	channel_free(&b);
}

/* --- a peer that does not keep to the rules: raw bytes against a channel */

static struct channel *facing(int *raw, uint32_t connection)
{
	uint8_t greeting[CHANNEL_HEAD_SIZE + HELLO_SIZE] = { 0 };
	struct channel *c;
	struct hello h;
	struct hostlink *l;
	struct why why;
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	put_u32(greeting, HELLO_SIZE);
	greeting[4] = RECORD_HELLO;
	put_u32(greeting + 16, CHANNEL_VERSION);
	put_u32(greeting + 20, connection);
	assert_int_equal(write(fds[0], greeting, sizeof(greeting)), sizeof(greeting));
	assert_int_equal(hostlink_open_fd(&l, fds[1], fds[1], &why), 0);
	assert_int_equal(hello_hear(l, &h, SOON, &why), 0);
	assert_int_equal(channel_new(&c, h.id, &why), 0);
	assert_int_equal(channel_answer(c, l, &h, SOON, &why), 0);
	assert_int_equal(read(fds[0], greeting, sizeof(greeting)), sizeof(greeting));
	*raw = fds[0];
	return c;
}

static void record(int fd, uint32_t len, uint32_t type, uint64_t number, const char *body)
{
	uint8_t raw[CHANNEL_HEAD_SIZE];

	put_u32(raw, len);
	put_u32(raw + 4, type << 24);
	put_u64(raw + 8, number);
	assert_int_equal(write(fd, raw, sizeof(raw)), sizeof(raw));
	if (body)
		assert_int_equal(write(fd, body, len), len);
}

static void refused_for_good(struct channel *c, int fd, const char *says)
{
	char body[16], drain[256];
	size_t len;
	ssize_t n;

	assert_int_equal(channel_hear(c, body, sizeof(body), &len, SOON), -EBADMSG);
	assert_non_null(strstr(channel_trouble(c), says));
	assert_int_equal(channel_hear(c, body, sizeof(body), &len, SOON), -EBADMSG);
	do
		n = read(fd, drain, sizeof(drain));
	while (n > 0); /* closed, and nothing but acknowledgements before */
	close(fd);
	channel_free(&c);
}

static void broken_rules(void **state)
{
	int before = count_fds(), fd;
	struct channel *c;
	char body[16];
	size_t len;

	(void)state;
	c = facing(&fd, 1);
	record(fd, 3, RECORD_MESSAGE, 0, "abc");
	assert_int_equal(channel_hear(c, body, sizeof(body), &len, SOON), 0);
	assert_int_equal(len, 3);
	record(fd, 3, RECORD_MESSAGE, 0, "abc");
	refused_for_good(c, fd, "comes again");

	c = facing(&fd, 1);
	record(fd, 3, RECORD_MESSAGE, 1, "abc");
	refused_for_good(c, fd, "too early");

	c = facing(&fd, 1);
	record(fd, CHANNEL_MOST_MESSAGE + 1, RECORD_MESSAGE, 0, NULL);
	refused_for_good(c, fd, "at most 65536");

	c = facing(&fd, 1);
	record(fd, 0xffffffff, RECORD_DATA, 0, NULL);
	refused_for_good(c, fd, "at most 262144");

	c = facing(&fd, 1);
	record(fd, 0, 9, 0, NULL);
	refused_for_good(c, fd, "none of this protocol");

	c = facing(&fd, 1);
	record(fd, 0, RECORD_ACK, 5, NULL);
	refused_for_good(c, fd, "is acknowledged");

	c = facing(&fd, 1);
	record(fd, 3, RECORD_DATA, 0, "abc");
	refused_for_good(c, fd, "where 3 is due");
	assert_int_equal(count_fds(), before);
}

/* Waiting in vain costs nothing: what comes later is heard over the same connection. */
static void patience(void **state)
{
	struct channel *c;
	char body[16];
	size_t len;
	int fd, i;

	(void)state;
	c = facing(&fd, 1);
	for (i = 0; i < 3; i++)
		assert_int_equal(channel_hear(c, body, sizeof(body), &len, mig_now_ns() + 5000000),
				 -ETIMEDOUT);
	record(fd, 0, RECORD_ACK, 0, NULL);
	assert_int_equal(channel_hear(c, body, sizeof(body), &len, mig_now_ns() + 5000000),
			 -ETIMEDOUT);
	record(fd, 3, RECORD_MESSAGE, 0, "abc");
	assert_int_equal(channel_hear(c, body, sizeof(body), &len, SOON), 0);
	assert_int_equal(len, 3);
	assert_int_equal(channel_say(c, "x", 1, SOON), 0);
	assert_int_equal(channel_settle(c, mig_now_ns() + 5000000), -ETIMEDOUT);
	assert_int_equal(channel_taken(c), 0);
	record(fd, 0, RECORD_ACK, 1, NULL);
	assert_int_equal(channel_taken(c), 1);
	assert_int_equal(channel_say(c, "y", 1, SOON), 0);
	record(fd, 0, RECORD_ACK, 2, NULL);
	assert_int_equal(channel_settle(c, SOON), 0);
	channel_free(&c);
	close(fd);
}

/* --- one who would hold us for ever, by words that are nothing new: after each the time counts */

static void acknowledged_without_end(void **state)
{
	struct channel *c;
	char body[16];
	size_t len;
	int fd, i;

	(void)state;
	c = facing(&fd, 1);
	for (i = 0; i < 8; i++)
		record(fd, 0, RECORD_ACK, 0, NULL);
	record(fd, 3, RECORD_MESSAGE, 0, "abc");
	assert_int_equal(channel_hear(c, body, sizeof(body), &len, mig_now_ns()), -ETIMEDOUT);
	assert_int_equal(channel_hear(c, body, sizeof(body), &len, SOON), 0);
	assert_int_equal(channel_say(c, "x", 1, SOON), 0);
	for (i = 0; i < 8; i++)
		record(fd, 0, RECORD_ACK, 0, NULL);
	record(fd, 0, RECORD_ACK, 1, NULL);
	assert_int_equal(channel_settle(c, mig_now_ns()), -ETIMEDOUT);
	assert_int_equal(channel_taken(c), 0);
	assert_int_equal(channel_settle(c, SOON), 0);
	channel_free(&c);
	close(fd);
}

/* Greets, and hangs up. */
static int breaks_again(void *arg, struct channel *c, struct why *why)
{
	unsigned int *times = arg;
	uint8_t greeting[CHANNEL_HEAD_SIZE + HELLO_SIZE] = { 0 };
	struct hostlink *l;
	int fds[2], rc;

	if (++*times == 8)
		return -ENOTCONN;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	put_u32(greeting, HELLO_SIZE);
	greeting[4] = RECORD_HELLO;
	put_u32(greeting + 16, CHANNEL_VERSION);
	put_u32(greeting + 20, 1 + *times);
	memcpy(greeting + 24, channel_id(c), CHANNEL_ID_SIZE);
	assert_int_equal(write(fds[0], greeting, sizeof(greeting)), sizeof(greeting));
	assert_int_equal(hostlink_open_fd(&l, fds[1], fds[1], why), 0);
	rc = channel_dial(c, l, SOON, why);
	close(fds[0]);
	return rc;
}

static void broken_without_end(void **state)
{
	unsigned int times = 0;
	struct channel *c;
	char body[16];
	size_t len;
	int fd;

	(void)state;
	c = facing(&fd, 1);
	channel_on_loss(c, breaks_again, &times);
	close(fd);
	assert_int_equal(channel_hear(c, body, sizeof(body), &len, mig_now_ns()), -ETIMEDOUT);
	assert_int_equal(times, 1);
	channel_free(&c);
}

/* What has been taken is answered when there is nothing more to take, also if what came last was an
 * acknowledgement: the other side may wait for ours. */
static void answered_before_waiting(void **state)
{
	uint8_t raw[CHANNEL_HEAD_SIZE];
	struct record_head h;
	struct channel *c;
	struct why why;
	char bytes[4];
	int fd;

	(void)state;
	c = facing(&fd, 1);
	record(fd, 3, RECORD_DATA, 0, "abc");
	record(fd, 0, RECORD_ACK, 0, NULL);
	channel_io(c)->deadline_ns = mig_now_ns() + 50000000;
	assert_int_equal(mig_read(channel_io(c), bytes, 4), -ETIMEDOUT);
	assert_int_equal(recv(fd, raw, sizeof(raw), MSG_DONTWAIT), sizeof(raw));
	assert_int_equal(record_head_read(raw, &h, &why), 0);
	assert_int_equal(h.type, RECORD_ACK);
	assert_int_equal(h.number, 1);
	channel_free(&c);
	close(fd);
}

static void *refuser(void *arg)
{
	struct side *s = arg;
	struct mig_io *io = channel_io(s->c);
	uint8_t block[1000];
	struct why why;

	s->rc = again(s, s->c, &why);
	io->deadline_ns = SOON;
	s->rc = s->rc ? s->rc : io->ops->read(io, block, sizeof(block));
	s->rc = s->rc ? s->rc : channel_refuse(s->c, "full", 5, SOON);
	return NULL;
}

/* Who reads the bytes has had enough: the sender is stopped in the middle, hears why, and can still
 * talk. */
static void interrupted(void **state)
{
	struct side s[2] = { { .dials = true }, { .dials = false } };
	struct why why;
	pthread_t t[2];
	char body[16];
	size_t len;
	int fds[2], i;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	assert_int_equal(channel_new(&s[0].c, NULL, &why), 0);
	assert_int_equal(channel_new(&s[1].c, channel_id(s[0].c), &why), 0);
	for (i = 0; i < 2; i++)
		assert_int_equal(hostlink_open_fd(&s[i].next[0], fds[i], fds[i], &why), 0);
	pthread_create(&t[1], NULL, refuser, &s[1]);
	pthread_create(&t[0], NULL, sender, &s[0]);
	pthread_join(t[0], NULL);
	assert_int_equal(s[0].rc, -ECANCELED);
	assert_true(channel_interrupted(s[0].c));
	assert_int_equal(channel_hear(s[0].c, body, sizeof(body), &len, SOON), 0);
	assert_string_equal(body, "full");
	assert_false(channel_interrupted(s[0].c));
	assert_int_equal(channel_say(s[0].c, "ok", 3, SOON), 0);
	pthread_join(t[1], NULL);
	assert_int_equal(s[1].rc, 0);
	for (i = 0; i < 2; i++)
		channel_free(&s[i].c);
}

static void *answers_anew(void *arg)
{
	struct side *s = arg;
	struct hostlink *l = s->next[0];
	struct hello h;
	struct why why;

	s->rc = hello_hear(l, &h, SOON, &why);
	s->rc = s->rc ? s->rc : channel_new(&s->c, h.id, &why);
	s->rc = s->rc ? s->rc : channel_answer(s->c, l, &h, SOON, &why);
	return NULL;
}

/* The other end died and began anew: this one finds that out at its first try, and gives up for
 * good. */
static void other_began_anew(void **state)
{
	struct side s = { .dials = false };
	struct hostlink *l;
	struct channel *c;
	struct why why;
	pthread_t t;
	int fd, fds[2];

	(void)state;
	c = facing(&fd, 1);
	record(fd, 3, RECORD_MESSAGE, 0, "abc");
	assert_int_equal(channel_say(c, "x", 1, SOON), 0);
	record(fd, 0, RECORD_ACK, 1, NULL);
	assert_int_equal(channel_hear(c, &s.sum, sizeof(s.sum), &(size_t){ 0 }, SOON), 0);
	assert_int_equal(channel_settle(c, SOON), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	assert_int_equal(hostlink_open_fd(&s.next[0], fds[0], fds[0], &why), 0);
	assert_int_equal(hostlink_open_fd(&l, fds[1], fds[1], &why), 0);
	pthread_create(&t, NULL, answers_anew, &s);
	assert_int_equal(channel_dial(c, l, SOON, &why), -EBADMSG);
	pthread_join(t, NULL);
	assert_int_equal(s.rc, -EBADMSG);
	channel_free(&c);
	channel_free(&s.c);
	close(fd);
}

/* A connection that was recorded and comes again; one for another channel; one that claims what was
 * never sent. */
static void wrong_greetings(void **state)
{
	int before = count_fds(), fd, fds[2];
	struct hello h = { .version = CHANNEL_VERSION };
	struct channel *c = facing(&fd, 3);
	struct why why;
	struct hostlink *l;
	int i;

	(void)state;
	for (i = 0; i < 4; i++) {
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
		assert_int_equal(hostlink_open_fd(&l, fds[1], fds[1], &why), 0);
		memcpy(h.id, channel_id(c), sizeof(h.id));
		h.connection = i == 0 ? 3 : i == 1 ? 2 : 4;
		h.id[0] ^= i == 2;
		h.expected = i == 3 ? 7 : 0;
		assert_int_equal(channel_answer(c, l, &h, SOON, &why), -EBADMSG);
		close(fds[0]);
	}
	/* and the good one is where it was */
	assert_int_equal(channel_say(c, "x", 1, SOON), 0);
	channel_free(&c);
	close(fd);
	assert_int_equal(count_fds(), before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(resumed),
		cmocka_unit_test(broken_rules),
		cmocka_unit_test(wrong_greetings),
		cmocka_unit_test(patience),
		cmocka_unit_test(interrupted),
		cmocka_unit_test(other_began_anew),
		cmocka_unit_test(settled),
		cmocka_unit_test(answered_before_waiting),
		cmocka_unit_test(broken_without_end),
		cmocka_unit_test(acknowledged_without_end),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
