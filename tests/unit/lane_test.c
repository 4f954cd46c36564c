/* SPDX-License-Identifier: BSD-2-Clause */
/* One lane by itself: how it begins and ends where the other side or the network is slow. Also
 * built for the thread sanitizer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "migration/bytes.h"
#include "migration/io.h"
#include "migration/lanes.h"

#define SOON (mig_now_ns() + 60000000000ull)
#define ROOM 65536 /* in a socket */

static const struct hello first = { .connection = 1, .lane = 1 };

static void pair_up(struct hostlink *l[2])
{
	int fds[2], room = ROOM;
	struct why why;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	assert_int_equal(setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room)), 0);
	for (int i = 0; i < 2; i++)
		assert_int_equal(hostlink_open_fd(&l[i], fds[i], fds[i], &why), 0);
}

/* --- that come up late */

/* Who dialled one has waited for the answer in vain, and goes without it: it takes nothing along,
 * whether the answer finds nobody any more or comes too late. */
static void given_up_by_the_dialler(void **state)
{
	struct lanes_in *i = lanes_in_new(first.id);
	uint8_t *body = malloc(CHANNEL_MOST_DATA);
	struct hostlink *l[2];
	size_t len, wire;
	struct hello got;
	struct why why;

	(void)state;
	for (int late = 0; late < 2; late++) {
		lanes_in_open(i, 1, NULL);
		pair_up(l);
		assert_true(lane_greet(l[0], &first, mig_now_ns() + 20000000, &why) < 0);
		if (!late)
			hostlink_close(&l[0]);
		assert_int_equal(hello_hear(l[1], &got, SOON, &why), 0);
		assert_int_equal(lanes_in_join(i, l[1], &got, &why), 0);
		if (late) {
			assert_int_equal(hello_hear(l[0], &got, SOON, &why), 0);
			hostlink_close(&l[0]);
		}
		while (lanes_in_more(i) && lanes_in_take(i, 0, &body, &len, &wire, &why) == 0)
			usleep(1000);
		assert_int_equal(lanes_in_take(i, 0, &body, &len, &wire, &why), 0);
	}
	lanes_in_free(&i);
	free(body);
}

/* --- a network that is slow, or shared by many lanes */

static int dial(void *arg, const struct hello *h, struct hostlink **l)
{
	struct hostlink **ends = arg;

	(void)h;
	*l = ends[0];
	return 0;
}

static struct kept *kept_piece(size_t len)
{
	struct kept *k = malloc(sizeof(*k) + len);

	atomic_init(&k->holders, 1);
	k->len = len;
	for (size_t i = 0; i < len; i++) { /* that cannot be packed */
		uint64_t w = i * 0x9e3779b97f4a7c15ull;

		k->raw[i] = (uint8_t)((w ^ w >> 29) * w >> 40);
	}
	record_head_write(k->raw, (uint32_t)(len - CHANNEL_HEAD_SIZE), RECORD_DATA, 0);
	return k;
}

/* A lane's end waits behind its piece, and a piece comes in bits, each for longer than a record
 * that has stopped is waited for: neither is broken. */
static void slow(void **state)
{
	static uint8_t piece[CHANNEL_HEAD_SIZE + CHANNEL_MOST_DATA];
	struct lanes_in *i = lanes_in_new(first.id);
	/* what goes into the socket without being read, to the last byte */
	struct kept *k = kept_piece(2 * (ROOM - 64));
	uint8_t *body = malloc(CHANNEL_MOST_DATA);
	struct hostlink *beside[2], *out[2], *in[2];
	struct lanes_out *o;
	size_t len, wire;
	struct why why;

	(void)state;
	pair_up(beside);
	pair_up(out);
	o = lanes_out_begin(&first, 1, dial, out, beside[0]);
	assert_non_null(o);
	while (!lanes_out_up(o))
		usleep(1000);
	assert_int_equal(lanes_out_push(o, k), 0);
	lanes_out_retire(o);

	pair_up(in);
	lanes_in_open(i, 1, NULL);
	assert_int_equal(lanes_in_join(i, in[1], &first, &why), 0);
	record_head_write(piece, CHANNEL_MOST_DATA, RECORD_DATA, 0);
	len = sizeof(piece) / 8;
	for (size_t at = 0; at < sizeof(piece); at += len) {
		assert_int_equal(hostlink_write(in[0], piece + at, len, SOON), 0);
		usleep(750000);
	}
	assert_int_equal(lanes_in_take(i, 0, &body, &len, &wire, &why), 1);
	assert_int_equal(len, CHANNEL_MOST_DATA);

	assert_false(hostlink_readable(beside[1])); /* it would be if it had been cut */
	assert_int_equal(hostlink_read(out[1], piece, k->len, SOON), 0);
	assert_memory_equal(piece, k->raw, k->len);
	assert_int_equal(hostlink_read(out[1], piece, CHANNEL_HEAD_SIZE, SOON), 0);
	assert_int_equal(get_u32(piece), 0);

	lanes_out_end(&o);
	lanes_in_free(&i);
	hostlink_close(&out[1]);
	hostlink_close(&in[0]);
	for (int e = 0; e < 2; e++)
		hostlink_close(&beside[e]);
	kept_put(k);
	free(body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(given_up_by_the_dialler),
		cmocka_unit_test(slow),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
