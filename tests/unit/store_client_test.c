/* SPDX-License-Identifier: BSD-2-Clause */
/* The store's client against a store that plays a part: one that answers, restarts, lies, or sends
 * more than was asked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <xen/io/xs_wire.h>

#include "xenbus/client/client.h"

/* What the peer does with the next request: it must be of that type and body, and is answered so. */
struct step {
	uint32_t type;
	const char *body;     /* its strings, each with '|' for the NUL */
	uint32_t answer_type; /* 0: as the request */
	const char *answer;   /* NULL: hang up instead; '|' for NUL */
	const char *event;    /* sent before the answer, if any */
	enum { FINE, WRONG_ID, TOO_LONG } lie;
};

static struct peer {
	char dir[32], path[64];
	int door;
	pthread_t thread;
	const struct step *steps;
	unsigned nr, done;
	bool mismatch;
} peer;

static size_t nuls(char *out, const char *text)
{
	size_t n = strlen(text), i;

	for (i = 0; i < n; i++)
		out[i] = text[i] == '|' ? '\0' : text[i];
	return n;
}

static bool all(int fd, void *buf, size_t len)
{
	return !len || recv(fd, buf, len, MSG_WAITALL) == (ssize_t)len;
}

static void say(int fd, uint32_t type, uint32_t id, uint32_t txn, const char *text, uint32_t more)
{
	struct xsd_sockmsg h = { .type = type, .req_id = id, .tx_id = txn };
	char body[512];

	h.len = nuls(body, text);
	h.len += more;
	send(fd, &h, sizeof(h), MSG_NOSIGNAL);
	send(fd, body, h.len - more, MSG_NOSIGNAL);
}

static bool play(int fd, const struct step *s)
{
	struct xsd_sockmsg h;
	char got[XENSTORE_PAYLOAD_MAX], want[512];

	if (!all(fd, &h, sizeof(h)) || h.len > sizeof(got) || !all(fd, got, h.len))
		return false;
	peer.done++;
	if (h.type != s->type || h.len != nuls(want, s->body) || memcmp(got, want, h.len)) {
		fprintf(stderr, "step %u: type %u, %u bytes '%.*s'; not type %u '%s'\n", peer.done,
			h.type, h.len, (int)h.len, got, s->type, s->body);
		peer.mismatch = true;
	}
	if (s->event)
		say(fd, XS_WATCH_EVENT, 0, 0, s->event, 0);
	if (!s->answer)
		return false;
	say(fd, s->answer_type ? s->answer_type : h.type, h.req_id + (s->lie == WRONG_ID), h.tx_id,
	    s->answer, s->lie == TOO_LONG ? XENSTORE_PAYLOAD_MAX : 0);
	return true;
}

static void *serve(void *arg)
{
	(void)arg;
	while (peer.done < peer.nr) {
		int fd = accept(peer.door, NULL, NULL);

		while (peer.done < peer.nr && play(fd, &peer.steps[peer.done]))
			;
		if (peer.done == peer.nr) { /* the client hangs up first, unless that is the part */
			char c;

			if (peer.steps[peer.nr - 1].answer)
				recv(fd, &c, 1, 0);
		}
		close(fd);
	}
	return NULL;
}

static struct store *begin(const struct step *steps, unsigned nr)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	struct store *s;

	peer = (struct peer){ .steps = steps, .nr = nr };
	strcpy(peer.dir, "/tmp/store-client-XXXXXX");
	assert_non_null(mkdtemp(peer.dir));
	snprintf(peer.path, sizeof(peer.path), "%s/socket", peer.dir);
	strcpy(a.sun_path, peer.path);
	peer.door = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(peer.door, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(peer.door, 4), 0);
	assert_int_equal(pthread_create(&peer.thread, NULL, serve, NULL), 0);
	assert_int_equal(store_open(&s, peer.path), 0);
	return s;
}
#define BEGIN(steps) begin(steps, sizeof(steps) / sizeof((steps)[0]))

static void end(struct store *s)
{
	store_close(&s);
	assert_null(s);
	pthread_join(peer.thread, NULL);
	close(peer.door);
	unlink(peer.path);
	rmdir(peer.dir);
	assert_false(peer.mismatch);
	assert_int_equal(peer.done, peer.nr);
}

static void a_value_comes_as_it_is(void **state)
{
	static const struct step part[] = { { XS_READ, "/a|", 0, "x|y", NULL, FINE },
					    { XS_READ, "/n|", 0, "0x1f", NULL, FINE },
					    { XS_READ, "/n|", 0, "31 ", NULL, FINE },
					    { XS_READ, "/none|", XS_ERROR, "ENOENT|", NULL, FINE } };
	struct store *s = BEGIN(part);
	uint64_t n = 0;
	size_t len;
	char *v;

	(void)state;
	assert_int_equal(store_read(s, 0, "/a", &v, &len), 0);
	assert_int_equal(len, 3);
	assert_memory_equal(v, "x\0y\0", 4); /* and a NUL behind it */
	free(v);
	assert_int_equal(store_read_u64(s, 0, "/n", &n), 0);
	assert_int_equal(n, 31);
	assert_int_equal(store_read_u64(s, 0, "/n", &n), -EINVAL);
	assert_int_equal(store_read(s, 0, "/none", &v, NULL), -ENOENT);
	assert_non_null(strstr(store_why(s), "/none"));
	end(s);
}

static int runs;

static int count_up(struct store *s, store_txn_t t, void *arg)
{
	(void)arg;
	runs++;
	return store_write(s, t, "/c", "1", 1);
}

static void a_transaction_runs_until_it_lands(void **state)
{
	static const struct step part[] = { { XS_TRANSACTION_START, "|", 0, "7|", NULL, FINE },
					    { XS_WRITE, "/c|1", 0, "OK|", NULL, FINE },
					    { XS_TRANSACTION_END, "T|", XS_ERROR, "EAGAIN|", NULL,
					      FINE },
					    { XS_TRANSACTION_START, "|", 0, "8|", NULL, FINE },
					    { XS_WRITE, "/c|1", 0, "OK|", NULL, FINE },
					    { XS_TRANSACTION_END, "T|", 0, "OK|", NULL, FINE } };
	struct store *s = BEGIN(part);

	(void)state;
	runs = 0;
	assert_int_equal(store_transact(s, count_up, NULL), 0);
	assert_int_equal(runs, 2);
	end(s);
}

static void a_transaction_lost_with_the_store_runs_again(void **state)
{
	static const struct step part[] = { { XS_TRANSACTION_START, "|", 0, "7|", NULL, FINE },
					    { XS_WRITE, "/c|1", 0, NULL, NULL,
					      FINE }, /* the store is gone */
					    { XS_TRANSACTION_START, "|", 0, "1|", NULL, FINE },
					    { XS_WRITE, "/c|1", 0, "OK|", NULL, FINE },
					    { XS_TRANSACTION_END, "T|", 0, "OK|", NULL, FINE } };
	struct store *s = BEGIN(part);

	(void)state;
	runs = 0;
	assert_int_equal(store_transact(s, count_up, NULL), 0);
	assert_int_equal(runs, 2);
	end(s);
}

static void events_between_answers_are_kept(void **state)
{
	static const struct step part[] = { { XS_WATCH, "/w|t|", 0, "OK|", "/w|t|", FINE },
					    { XS_READ, "/a|", 0, "v", "/w/x|t|", FINE } };
	struct store *s = BEGIN(part);
	struct store_event *e;
	char *v;

	(void)state;
	assert_int_equal(store_watch(s, "/w", "t"), 0);
	assert_int_equal(store_read(s, 0, "/a", &v, NULL), 0);
	free(v);
	assert_int_equal(store_next_event(s, &e, 0), 0);
	assert_string_equal(e->path, "/w");
	assert_string_equal(e->token, "t");
	free(e);
	assert_int_equal(store_next_event(s, &e, 0), 0);
	assert_string_equal(e->path, "/w/x");
	free(e);
	assert_int_equal(store_next_event(s, &e, 0), -EAGAIN);
	end(s);
}

static void watches_outlive_the_store(void **state)
{
	static const struct step part[] = { { XS_WATCH, "/w|t|", 0, "OK|", NULL, FINE },
					    { XS_WATCH, "/gone|u|", 0, "OK|", NULL, FINE },
					    { XS_UNWATCH, "/gone|u|", 0, "OK|", NULL, FINE },
					    { XS_READ, "/a|", 0, NULL, NULL,
					      FINE }, /* it restarts */
					    { XS_WATCH, "/w|t|", 0, "OK|", "/w|t|", FINE },
					    { XS_READ, "/a|", 0, "v", NULL, FINE } };
	struct store *s = BEGIN(part);
	struct store_event *e;
	char *v;

	(void)state;
	assert_int_equal(store_watch(s, "/w", "t"), 0);
	assert_int_equal(store_watch(s, "/gone", "u"), 0);
	assert_int_equal(store_unwatch(s, "/gone", "u"), 0);
	assert_int_equal(store_read(s, 0, "/a", &v, NULL), 0);
	assert_string_equal(v, "v");
	free(v);
	assert_int_equal(store_next_event(s, &e, 0), 0);
	free(e);
	end(s);
}

/* A daemon's event loop neither stands still meanwhile nor misses that the store is back. */
static void who_polls_is_not_held_up_by_a_store_that_is_away(void **state)
{
	static const struct step part[] = { { XS_WATCH, "/w|t|", 0, "OK|", NULL, FINE },
					    { XS_WRITE, "/a|1", 0, NULL, NULL, FINE }, /* it ends */
					    { XS_WATCH, "/w|t|", 0, "OK|", "/w|t|", FINE } };
	struct store *s = BEGIN(part);
	struct pollfd p = { .fd = store_fd(s), .events = POLLIN };
	struct timespec before, after;
	struct store_event *e = NULL;
	char away[80];
	int rc = -EAGAIN;
	long took_ms;

	(void)state;
	snprintf(away, sizeof(away), "%s-away", peer.path);
	assert_int_equal(store_watch(s, "/w", "t"), 0);
	assert_int_equal(rename(peer.path, away), 0);
	assert_int_equal(store_write(s, 7, "/a", "1", 1), -ECONNRESET);
	clock_gettime(CLOCK_MONOTONIC, &before);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(store_next_event(s, &e, 0), -EAGAIN);
		assert_int_equal(poll(&p, 1, 10000), 1);
	}
	clock_gettime(CLOCK_MONOTONIC, &after);
	took_ms = (after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / 1000000;
	assert_in_range(took_ms, 400, 9000); /* nor does it spin */
	assert_int_equal(rename(away, peer.path), 0);
	for (int i = 0; rc == -EAGAIN && i < 5; i++) {
		assert_int_equal(poll(&p, 1, 10000), 1);
		rc = store_next_event(s, &e, 0);
	}
	assert_int_equal(rc, 0);
	assert_string_equal(e->path, "/w");
	free(e);
	assert_int_equal(store_next_event(s, &e, 0), -EAGAIN);
	assert_int_equal(poll(&p, 1, 300), 0);
	end(s);
}

static unsigned int naps;

/* A store is waited for as often, and no test as long. */
int __wrap_nanosleep(const struct timespec *t, struct timespec *left);
int __wrap_nanosleep(const struct timespec *t, struct timespec *left)
{
	(void)t, (void)left;
	naps++;
	return 0;
}

/* Its socket goes with a store that ends in order: to look for it gives ENOENT, which is no answer
 * about a node. */
static void a_store_that_is_away_is_no_node_that_is_not_there(void **state)
{
	static const struct step part[] = { { XS_READ, "/a|", 0, NULL, NULL, FINE }, /* it ends */
					    { XS_READ, "/a|", 0, "v", NULL, FINE } };
	struct store *s = BEGIN(part);
	char away[80], *v = NULL;
	bool yes = true;

	(void)state;
	snprintf(away, sizeof(away), "%s-away", peer.path);
	assert_int_equal(rename(peer.path, away), 0);
	naps = 0;
	assert_int_equal(store_exists(s, STORE_NO_TXN, "/a", &yes), -ECONNRESET);
	assert_in_range(naps, 100, 1000);
	assert_non_null(strstr(store_why(s), "is not back"));
	assert_int_equal(store_read(s, STORE_NO_TXN, "/a", &v, NULL), -ECONNRESET);
	assert_int_equal(rename(away, peer.path), 0);
	assert_int_equal(store_read(s, STORE_NO_TXN, "/a", &v, NULL), 0);
	assert_string_equal(v, "v");
	free(v);
	end(s);
}

static void a_directory_is_a_list_of_names(void **state)
{
	static const struct step part[] = { { XS_DIRECTORY, "/d|", 0, "one|two|", NULL, FINE },
					    { XS_DIRECTORY, "/e|", 0, "", NULL, FINE } };
	struct store *s = BEGIN(part);
	char **names;
	size_t n;

	(void)state;
	assert_int_equal(store_list(s, 0, "/d", &names, &n), 0);
	assert_int_equal(n, 2);
	assert_string_equal(names[0], "one");
	assert_string_equal(names[1], "two");
	assert_null(names[2]);
	free(names);
	assert_int_equal(store_list(s, 0, "/e", &names, &n), 0);
	assert_int_equal(n, 0);
	free(names);
	end(s);
}

/* Out of step is out: the answer is not believed, and the next connection is asked. */
static void a_store_that_lies_is_left(void **state)
{
	static const struct step wrong[] = { { XS_READ, "/a|", 0, "bad", NULL, WRONG_ID },
					     { XS_READ, "/a|", 0, "bad", NULL, TOO_LONG },
					     { XS_READ, "/a|", XS_WRITE, "bad", NULL, FINE },
					     { XS_READ, "/a|", 0, "good", NULL, FINE } };
	unsigned i;

	(void)state;
	for (i = 0; i < 3; i++) {
		struct step part[2] = { wrong[i], wrong[3] };
		struct store *s = begin(part, 2);
		char *v = NULL;

		assert_int_equal(store_read(s, 0, "/a", &v, NULL), 0);
		assert_string_equal(v, "good");
		free(v);
		end(s);
	}
}

static void permissions_are_words(void **state)
{
	struct store_perm p[4];
	char text[64];

	(void)state;
	assert_int_equal(store_perms_parse("n0,r5,b7,w65535", p, 4), 4);
	assert_int_equal(p[1].domid, 5);
	assert_int_equal(p[2].access, STORE_BOTH);
	store_perms_format(p, 2, text, sizeof(text));
	assert_string_equal(text, "n0,r5");
	assert_int_equal(store_perms_parse("x0", p, 4), -EINVAL);
	assert_int_equal(store_perms_parse("n", p, 4), -EINVAL);
	assert_int_equal(store_perms_parse("n65536", p, 4), -EINVAL);
	assert_int_equal(store_perms_parse("n0,r1,r2,r3,r4", p, 4), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_value_comes_as_it_is),
		cmocka_unit_test(a_transaction_runs_until_it_lands),
		cmocka_unit_test(a_transaction_lost_with_the_store_runs_again),
		cmocka_unit_test(events_between_answers_are_kept),
		cmocka_unit_test(watches_outlive_the_store),
		cmocka_unit_test(who_polls_is_not_held_up_by_a_store_that_is_away),
		cmocka_unit_test(a_store_that_is_away_is_no_node_that_is_not_there),
		cmocka_unit_test(a_directory_is_a_list_of_names),
		cmocka_unit_test(a_store_that_lies_is_left),
		cmocka_unit_test(permissions_are_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
