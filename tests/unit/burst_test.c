/* SPDX-License-Identifier: BSD-2-Clause */
/* Bursts of requests against a store that plays a part: one that waits for all of them, refuses,
 * lies, or hangs up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <xen/io/xs_wire.h>

#include "dom0-tools/cli/burst.h"

#define MOST 1024u

static struct peer {
	char dir[32], path[64];
	int door;
	pthread_t thread;
	/* its part */
	unsigned int hold; /* answer nothing before so many requests have come since the last answer */
	unsigned int again;  /* so many commits have to be done again */
	unsigned int lie_at; /* this request gets an answer of another's number; 0: none */
	unsigned int hang_up_at;
	/* what it saw */
	unsigned int count;
	struct {
		uint32_t type, tx;
		char text[64];
	} saw[MOST];
} peer;

static bool all(int fd, void *buf, size_t len)
{
	return !len || recv(fd, buf, len, MSG_WAITALL) == (ssize_t)len;
}

static void answer(int fd, struct xsd_sockmsg h, const char *text, size_t len)
{
	h.len = (uint32_t)len;
	if (send(fd, &h, sizeof(h), MSG_NOSIGNAL) < 0 ||
	    (len && send(fd, text, len, MSG_NOSIGNAL) < 0))
		return;
}

static void answer_one(int fd, struct xsd_sockmsg h, const char *body)
{
	static char much[2000];
	const char *error = NULL;

	if (strstr(body, "missing"))
		error = "ENOENT";
	if (strstr(body, "refused"))
		error = "EACCES";
	if (h.type == XS_TRANSACTION_END && body[0] == 'T' && peer.again) {
		peer.again--;
		error = "EAGAIN";
	}
	if (error) {
		h.type = XS_ERROR;
		answer(fd, h, error, strlen(error) + 1);
	} else if (h.type == XS_TRANSACTION_START) {
		answer(fd, h, "7", 2);
	} else if (h.type == XS_DIRECTORY) {
		answer(fd, h, "one\0two", 8);
	} else if (strstr(body, "much")) {
		memset(much, 'm', sizeof(much));
		answer(fd, h, much, sizeof(much));
	} else if (h.type == XS_READ) {
		answer(fd, h, body, strlen(body));
	} else {
		answer(fd, h, "OK", 3);
	}
}

static void *play(void *arg)
{
	static char body[MOST][256];
	struct xsd_sockmsg h[MOST];
	unsigned int held = 0;
	int fd = accept(peer.door, NULL, NULL);

	(void)arg;
	while (held < MOST && all(fd, &h[held], sizeof(h[0])) && h[held].len < sizeof(body[0]) &&
	       all(fd, body[held], h[held].len)) {
		body[held][h[held].len] = 0;
		if (peer.count < MOST) {
			peer.saw[peer.count].type = h[held].type;
			peer.saw[peer.count].tx = h[held].tx_id;
			snprintf(peer.saw[peer.count].text, sizeof(peer.saw[0].text), "%.63s",
				 body[held]);
		}
		peer.count++;
		if (peer.count == peer.hang_up_at)
			break;
		if (peer.count == peer.lie_at)
			h[held].req_id += 100;
		held++;
		/* what is alone by its nature is answered at once */
		if (held < peer.hold && h[held - 1].type != XS_TRANSACTION_START &&
		    h[held - 1].type != XS_TRANSACTION_END)
			continue;
		for (unsigned int i = 0; i < held; i++)
			answer_one(fd, h[i], body[i]);
		held = 0;
	}
	close(fd);
	return NULL;
}

static struct burst *start(unsigned int hold)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct burst *b;

	memset(&peer, 0, sizeof(peer));
	peer.hold = hold;
	strcpy(peer.dir, "/tmp/torc-burst.XXXXXX");
	assert_non_null(mkdtemp(peer.dir));
	snprintf(peer.path, sizeof(peer.path), "%s/socket", peer.dir);
	strcpy(addr.sun_path, peer.path);
	peer.door = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(peer.door, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(peer.door, 1), 0);
	setenv("XENSTORED_PATH", peer.path, 1);
	assert_int_equal(burst_open(&b), 0);
	assert_int_equal(pthread_create(&peer.thread, NULL, play, NULL), 0);
	return b;
}

static void end(struct burst *b)
{
	burst_close(&b);
	assert_null(b);
	pthread_join(peer.thread, NULL);
	close(peer.door);
	unlink(peer.path);
	rmdir(peer.dir);
}

/* The peer waits for all of them before it answers one: whoever asked one by one would wait for
 * ever. */
static void requests_go_together(void **state)
{
	struct store_perm perms[] = { { 0, STORE_NONE }, { 5, STORE_READ } };
	struct burst *b = start(40);
	char path[64];

	(void)state;
	assert_int_equal(burst_begin(b), 0);
	burst_mkdir(b, "/dir");
	burst_set_perms(b, "/dir", perms, 2);
	for (unsigned int i = 2; i < 40; i++) {
		snprintf(path, sizeof(path), "/dir/%u", i);
		burst_write(b, path, "value", 5);
	}
	assert_int_equal(burst_commit(b), 0);
	assert_int_equal(peer.count, 42);
	assert_int_equal(peer.saw[0].type, XS_TRANSACTION_START);
	assert_int_equal(peer.saw[0].tx, 0);
	for (unsigned int i = 1; i < 42; i++)
		assert_int_equal(peer.saw[i].tx, 7);
	assert_int_equal(peer.saw[2].type, XS_SET_PERMS);
	assert_int_equal(peer.saw[40].type, XS_WRITE);
	assert_string_equal(peer.saw[40].text, "/dir/39");
	assert_int_equal(peer.saw[41].type, XS_TRANSACTION_END);
	assert_string_equal(peer.saw[41].text, "T");
	end(b);
}

static void one_refusal_and_nothing_lands(void **state)
{
	struct burst *b = start(3);

	(void)state;
	assert_int_equal(burst_begin(b), 0);
	burst_write(b, "/a", "1", 1);
	burst_write(b, "/refused", "2", 1);
	burst_write(b, "/b", "3", 1);
	assert_int_equal(burst_commit(b), -EACCES);
	assert_non_null(strstr(burst_why(b), "/refused"));
	assert_string_equal(peer.saw[peer.count - 1].text, "F");
	/* and the next one is its own */
	peer.hold = 1;
	assert_int_equal(burst_begin(b), 0);
	burst_write(b, "/c", "1", 1);
	assert_int_equal(burst_commit(b), 0);
	assert_string_equal(peer.saw[peer.count - 1].text, "T");
	end(b);
}

static void commit_to_be_done_again(void **state)
{
	struct burst *b = start(1);

	(void)state;
	peer.again = 1;
	assert_int_equal(burst_begin(b), 0);
	burst_write(b, "/a", "1", 1);
	assert_int_equal(burst_commit(b), -EAGAIN);
	assert_int_equal(burst_begin(b), 0);
	burst_write(b, "/a", "1", 1);
	assert_int_equal(burst_commit(b), 0);
	end(b);
}

static void questions_have_their_own_answers(void **state)
{
	struct burst *b = start(5);
	size_t there, missing, list, len;
	const char *data;

	(void)state;
	there = burst_read(b, "/there");
	missing = burst_read(b, "/missing");
	list = burst_list(b, "/list");
	burst_rm(b, "/missing"); /* may fail */
	burst_write(b, "/w", "", 0);
	assert_int_equal(burst_answer(b, there, &data, NULL), -EINVAL); /* not asked yet */
	assert_int_equal(burst_settle(b), 0);
	assert_int_equal(burst_answer(b, there, &data, &len), 0);
	assert_string_equal(data, "/there");
	assert_int_equal(len, 6);
	assert_int_equal(burst_answer(b, missing, &data, NULL), -ENOENT);
	assert_int_equal(burst_answer(b, list, &data, &len), 0);
	assert_int_equal(len, 8);
	assert_memory_equal(data, "one\0two", 8);
	assert_int_equal(burst_answer(b, 99, &data, NULL), -EINVAL);
	assert_int_equal(peer.saw[0].tx, 0);
	end(b);
}

/* More than either side's buffers take. */
static void many_go_in_portions(void **state)
{
	struct burst *b = start(1);
	size_t first = 0, len;
	const char *data;
	char path[64];

	(void)state;
	for (unsigned int i = 0; i < 1000; i++) {
		size_t n;

		snprintf(path, sizeof(path), i % 2 ? "/much/%u" : "/%u", i);
		n = burst_read(b, path);
		first = i ? first : n;
	}
	assert_int_equal(burst_settle(b), 0);
	for (unsigned int i = 0; i < 1000; i++) {
		assert_int_equal(burst_answer(b, first + i, &data, &len), 0);
		snprintf(path, sizeof(path), "/%u", i);
		if (i % 2)
			assert_int_equal(len, 2000);
		else
			assert_string_equal(data, path);
	}
	end(b);
}

static void a_peer_out_of_step(void **state)
{
	const char *data;
	struct burst *b;

	(void)state;
	b = start(1);
	peer.lie_at = 2;
	burst_read(b, "/a");
	burst_read(b, "/b");
	assert_int_equal(burst_settle(b), -ECONNRESET);
	assert_int_equal(burst_answer(b, 0, &data, NULL), 0);
	assert_int_equal(burst_answer(b, 1, &data, NULL), -ECONNRESET);
	burst_forget(b);
	assert_int_equal(burst_begin(b), -ECONNRESET); /* and stays so */
	end(b);
	b = start(1);
	peer.hang_up_at = 3;
	assert_int_equal(burst_begin(b), 0);
	burst_write(b, "/a", "", 0);
	burst_write(b, "/b", "", 0);
	burst_write(b, "/c", "", 0);
	assert_int_equal(burst_commit(b), -ECONNRESET);
	end(b);
}

static void what_cannot_be_sent(void **state)
{
	static char big[XENSTORE_PAYLOAD_MAX];
	struct burst *b = start(1);

	(void)state;
	burst_write(b, "/big", big, sizeof(big));
	assert_int_equal(burst_settle(b), -E2BIG);
	end(b);
	setenv("XENSTORED_PATH", "/nonexistent/socket", 1);
	assert_int_equal(burst_open(&b), -ENOENT);
	assert_null(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_go_together),
		cmocka_unit_test(one_refusal_and_nothing_lands),
		cmocka_unit_test(commit_to_be_done_again),
		cmocka_unit_test(questions_have_their_own_answers),
		cmocka_unit_test(many_go_in_portions),
		cmocka_unit_test(a_peer_out_of_step),
		cmocka_unit_test(what_cannot_be_sent),
	};

	alarm(60);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
