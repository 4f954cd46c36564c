/* SPDX-License-Identifier: BSD-2-Clause */
/* Pairing: two hosts show the same code; one in between is seen; the pins are files that can be
 * taken back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "migration/identity.h"
#include "migration/pair.h"

#define SOON (mig_now_ns() + 60000000000ull)

static struct identity *alice, *bob, *eve;

struct person {
	int fd;
	bool first, says;
	struct identity *id;
	char code[PAIR_CODE_SIZE];
	struct why why;
	int rc;
};

static bool compare(void *arg, const char *code)
{
	struct person *p = arg;

	strcpy(p->code, code);
	return p->says;
}

static void *pairs(void *arg)
{
	struct person *p = arg;
	struct hostlink_tls how = { p->id, NULL, NULL, !p->first, 60000 };
	uint8_t peer[FINGERPRINT_SIZE];
	struct channel *c = NULL;
	struct hello h;
	struct hostlink *l;

	p->rc = hostlink_open_tls(&l, p->fd, &how, &p->why);
	if (p->rc)
		return NULL;
	memcpy(peer, hostlink_peer(l), sizeof(peer));
	if (p->first) {
		p->rc = channel_new(&c, NULL, &p->why);
		p->rc = p->rc ? p->rc : channel_dial(c, l, SOON, &p->why);
	} else {
		p->rc = hello_hear(l, &h, SOON, &p->why);
		p->rc = p->rc ? p->rc : channel_new(&c, h.id, &p->why);
		p->rc = p->rc ? p->rc : channel_answer(c, l, &h, SOON, &p->why);
	}
	if (!p->rc)
		p->rc = pair_talk(c, p->first, identity_fingerprint(p->id), peer, compare, p, SOON,
				  &p->why);
	channel_free(&c);
	return NULL;
}

static void both(struct person *a, struct person *b)
{
	pthread_t t;
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	a->fd = fds[0];
	b->fd = fds[1];
	assert_int_equal(pthread_create(&t, NULL, pairs, a), 0);
	pairs(b);
	pthread_join(t, NULL);
}

static void same_code(void **state)
{
	struct person a = { .first = true, .says = true, .id = alice },
		      b = { .says = true, .id = bob };
	char before[PAIR_CODE_SIZE];

	(void)state;
	both(&a, &b);
	assert_int_equal(a.rc, 0);
	assert_int_equal(b.rc, 0);
	assert_string_equal(a.code, b.code);
	assert_int_equal(strlen(a.code), 7);
	strcpy(before, a.code);
	both(&a, &b); /* another time another code */
	assert_string_not_equal(before, a.code);
}

static void one_says_no(void **state)
{
	int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		struct person a = { .first = true, .says = i, .id = alice },
			      b = { .says = !i, .id = bob };

		both(&a, &b);
		assert_int_equal(a.rc, -EPERM);
		assert_int_equal(b.rc, -EPERM);
	}
}

/* Eve stands between: she pairs with each in the other's place, and the codes differ. */
static void man_in_the_middle(void **state)
{
	struct person a = { .first = true, .says = true, .id = alice },
		      ea = { .says = true, .id = eve };
	struct person eb = { .first = true, .says = true, .id = eve },
		      b = { .says = true, .id = bob };

	(void)state;
	both(&a, &ea);
	both(&eb, &b);
	assert_string_not_equal(a.code, b.code);
}

/* One that reveals another number than it committed itself to, having seen ours. */
static void *cheats(void *arg)
{
	uint8_t raw[33] = { 1 }, got[64];
	struct channel *c = arg;
	size_t len;

	channel_say(c, raw, 33, SOON);
	channel_hear(c, got, sizeof(got), &len, SOON);
	raw[0] = 3;
	channel_say(c, raw, 33, SOON);
	return NULL;
}

static void changed_promise(void **state)
{
	struct person p = { .says = true };
	uint8_t own[FINGERPRINT_SIZE] = { 1 }, peer[FINGERPRINT_SIZE] = { 2 };
	struct channel *c, *d;
	struct hello h = { .version = CHANNEL_VERSION, .connection = 1 };
	struct hostlink *l[2];
	struct why why;
	pthread_t t;
	int fds[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	assert_int_equal(hostlink_open_fd(&l[0], fds[0], fds[0], &why), 0);
	assert_int_equal(hostlink_open_fd(&l[1], fds[1], fds[1], &why), 0);
	assert_int_equal(channel_new(&c, NULL, &why), 0);
	assert_int_equal(channel_new(&d, channel_id(c), &why), 0);
	memcpy(h.id, channel_id(c), sizeof(h.id));
	/* the answer first, which lies there for the one that dials */
	assert_int_equal(channel_answer(d, l[1], &h, SOON, &why), 0);
	assert_int_equal(channel_dial(c, l[0], SOON, &why), 0);
	{
		uint8_t greeting[48]; /* the dialler's, which hello_hear() would have read */

		assert_int_equal(recv(fds[1], greeting, sizeof(greeting), 0), sizeof(greeting));
	}
	pthread_create(&t, NULL, cheats, c);
	assert_int_equal(pair_talk(d, false, own, peer, compare, &p, SOON, &why), -EPERM);
	assert_non_null(strstr(why.text, "somebody is in between"));
	assert_string_equal(p.code, "");
	pthread_join(t, NULL);
	channel_free(&c);
	channel_free(&d);
}

static int count(void *arg, const struct pin *p)
{
	(void)p;
	++*(int *)arg;
	return 0;
}

static void pins(void **state)
{
	char dir[] = "/tmp/torc-pins-XXXXXX", file[64];
	struct pin p = { .name = "host2", .address = "10.0.0.2", .paired = "2026-01-01 00:00:00" },
		   q;
	struct why why;
	int n = 0;
	FILE *f;

	(void)state;
	assert_non_null(mkdtemp(dir));
	assert_int_equal(pin_add(dir, &p, identity_pem(bob), &why), 0);
	assert_int_equal(pin_get(dir, "host2", &q, &why), 0);
	assert_string_equal(q.address, "10.0.0.2");
	assert_memory_equal(q.fingerprint, identity_fingerprint(bob), FINGERPRINT_SIZE);
	assert_int_equal(pin_find(dir, identity_fingerprint(bob), &q, &why), 0);
	assert_string_equal(q.name, "host2");
	assert_int_not_equal(pin_find(dir, identity_fingerprint(eve), &q, &why), 0);
	strcpy(p.name, "../x");
	assert_int_equal(pin_move(dir, "host2", "unix:/run/tunnel", &why), 0);
	assert_int_equal(pin_get(dir, "host2", &q, &why), 0);
	assert_string_equal(q.address, "unix:/run/tunnel");
	assert_memory_equal(q.fingerprint, identity_fingerprint(bob), FINGERPRINT_SIZE);
	assert_int_not_equal(pin_move(dir, "host2", "", &why), 0);
	assert_int_not_equal(pin_move(dir, "host3", "10.0.0.3", &why), 0);
	assert_int_equal(pin_add(dir, &p, identity_pem(eve), &why), -EINVAL);
	assert_int_equal(pin_remove(dir, ".hidden", &why), -EINVAL);
	assert_int_equal(pin_each(dir, count, &n, &why), 0);
	assert_int_equal(n, 1);
	/* one that is damaged is not passed over, and takes no other along */
	snprintf(file, sizeof(file), "%s/host1.pem", dir);
	f = fopen(file, "w");
	fclose(f);
	assert_int_not_equal(pin_each(dir, count, &n, &why), 0);
	assert_non_null(strstr(why.text, "host1.pem is no certificate"));
	assert_int_equal(n, 2);
	assert_int_equal(pin_find(dir, identity_fingerprint(bob), &q, &why), 0);
	assert_string_equal(q.name, "host2");
	assert_int_not_equal(pin_find(dir, identity_fingerprint(eve), &q, &why), 0);
	assert_non_null(strstr(why.text, "host1.pem is no certificate"));
	assert_int_equal(pin_remove(dir, "host1", &why), 0);
	assert_int_equal(pin_remove(dir, "host2", &why), 0);
	assert_int_not_equal(pin_remove(dir, "host2", &why), 0);
	assert_int_not_equal(pin_find(dir, identity_fingerprint(bob), &q, &why), 0);
	assert_int_equal(rmdir(dir), 0); /* nothing is left */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_code),
		cmocka_unit_test(one_says_no),
		cmocka_unit_test(man_in_the_middle),
		cmocka_unit_test(changed_promise),
		cmocka_unit_test(pins),
	};
	struct why why;
	int failed;

	signal(SIGPIPE, SIG_IGN);
	if (identity_make(&alice, -60, 3600, &why) || identity_make(&bob, -60, 3600, &why) ||
	    identity_make(&eve, -60, 3600, &why))
		return 1;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	identity_free(&alice);
	identity_free(&bob);
	identity_free(&eve);
	return failed;
}
