/* SPDX-License-Identifier: BSD-2-Clause */
/* The portable network frontend against a backend that answers rightly until a test has it lie. The
 * store is a list of entries that functions read and write at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "drivers/frontend/net.h"
#include "tests/unit/fake_os.h"

/* --- the store */

static struct {
	char path[96], val[64];
} entries[64];
static bool refuses; /* to end a transaction */

static char *entry(const char *path, bool make)
{
	for (size_t i = 0; i < 64; i++) {
		if (!strcmp(entries[i].path, path))
			return entries[i].val;
		if (!entries[i].path[0] && make) {
			snprintf(entries[i].path, sizeof(entries[i].path), "%s", path);
			return entries[i].val;
		}
	}
	return NULL;
}

static void set(const char *path, const char *val)
{
	snprintf(entry(path, true), 64, "%s", val);
}

int store_read(store_txn_t t, const char *path, char *buf, size_t size)
{
	const char *val = entry(path, false);

	(void)t;
	if (!val)
		return -XEN_ENOENT;
	return strlen(val) < size ? (int)strlen(strcpy(buf, val)) : -XEN_E2BIG;
}

int store_read_number(store_txn_t t, const char *path, uint64_t *val)
{
	char buf[24];
	int n = store_read(t, path, buf, sizeof(buf));

	if (n > 0)
		*val = strtoull(buf, NULL, 10);
	return n < 0 ? n : 0;
}

int store_write(store_txn_t t, const char *path, const char *val)
{
	(void)t;
	set(path, val);
	return 0;
}

int store_begin(store_txn_t *t)
{
	*t = 1;
	return 0;
}

int store_end(store_txn_t t, bool commit)
{
	(void)t;
	return commit && refuses ? -XEN_ENOSPC : 0;
}

int store_watch(const char *path, void (*fn)(void *), void *arg)
{
	(void)path, (void)fn, (void)arg;
	return 0;
}

int store_unwatch(const char *path, void (*fn)(void *), void *arg)
{
	(void)path, (void)fn, (void)arg;
	return 0;
}

bool store_pending(void *unused)
{
	(void)unused;
	return false;
}

void store_run(void)
{
}

int store_list(store_txn_t t, const char *path, char *buf, size_t size)
{
	(void)t, (void)path, (void)buf, (void)size;
	return -XEN_ENOENT;
}

/* --- the backend: sends back what it is sent, when a test has it work */

static struct net net;
static RING_IDX taken, given;
static netif_rx_response_t lie; /* in place of the answer, if its flags are not 0 */
#define LIES 0x8000

void fake_os_peer(void)
{
}

static void echo(void)
{
	netif_tx_sring_t *tx = net.tx_ring;
	netif_rx_sring_t *rx = net.rx_ring;
	netif_tx_front_ring_t t = { .nr_ents = net.tx.nr_ents, .sring = tx };
	netif_rx_front_ring_t r = { .nr_ents = net.rx.nr_ents, .sring = rx };

	while (taken != tx->req_prod && given != rx->req_prod) {
		netif_tx_request_t from = *RING_GET_REQUEST(&t, taken);
		netif_rx_request_t to = *RING_GET_REQUEST(&r, given);

		assert_true(fake_os.granted[from.gref] && fake_os.granted[to.gref]);
		memcpy(fake_os.granted[to.gref], (char *)fake_os.granted[from.gref] + from.offset,
		       from.size);
		RING_GET_RESPONSE(&t, taken)->id = from.id;
		RING_GET_RESPONSE(&t, taken++)->status = NETIF_RSP_OKAY;
		*RING_GET_RESPONSE(&r, given++) =
			lie.flags & LIES ?
				lie :
				(netif_rx_response_t){ .id = to.id, .status = (int16_t)from.size };
	}
	tx->rsp_prod = taken;
	rx->rsp_prod = given;
}

/* --- what arrives */

static char seen[OS_PAGE_SIZE];
static size_t seen_len;
static unsigned int frames;

static void see(void *arg, void *frame, size_t len)
{
	(void)arg;
	memcpy(seen, frame, len);
	seen_len = len;
	frames++;
}

static int fresh(void **state)
{
	(void)state;
	fake_os_reset();
	memset(entries, 0, sizeof(entries));
	memset(&net, 0, sizeof(net));
	memset(&lie, 0, sizeof(lie));
	refuses = false;
	taken = given = 0;
	frames = 0;
	set("device/vif/0/backend", "/backend");
	set("device/vif/0/backend-id", "0");
	set("device/vif/0/mac", "00:16:3e:00:00:01");
	set("/backend/state", "2");
	set("/backend/feature-ctrl-ring", "1");
	return 0;
}

/* There is no net_close(): a card is for good. */
static int leave(void **state)
{
	(void)state;
	for (size_t i = 0; i < FAKE_OS_GRANTS; i++)
		if (fake_os.granted[i])
			os_page_free(fake_os.granted[i]);
	return 0;
}

static void frames_travel(void **state)
{
	char frame[100];

	(void)state;
	assert_int_equal(net_open(&net, 0), 0);
	assert_string_equal(entry("device/vif/0/state", true), "4");
	for (int i = 0; i < 600; i++) { /* around both rings */
		memset(frame, i, sizeof(frame));
		assert_int_equal(net_send(&net, frame, sizeof(frame)), 0);
		echo();
		assert_true(net_pending(&net));
		net_poll(&net, see, NULL);
		assert_int_equal(frames, i + 1);
		assert_int_equal(seen_len, sizeof(frame));
		assert_memory_equal(seen, frame, sizeof(frame));
	}
	assert_int_equal(net_send(&net, frame, NET_FRAME_MAX + 1), -XEN_E2BIG);
	for (int i = 0; i < NET_BUFFERS; i++)
		assert_int_equal(net_send(&net, frame, sizeof(frame)), 0);
	assert_int_equal(net_send(&net, frame, sizeof(frame)), -XEN_EBUSY);
}

/* As one that is parsed while the backend writes to its buffer. */
static void see_twice(void *arg, void *frame, size_t len)
{
	(void)arg, (void)len;
	seen[0] = *(char *)frame;
	for (size_t i = 0; i < FAKE_OS_GRANTS; i++)
		if (fake_os.granted[i])
			memset(fake_os.granted[i], 'B', 64);
	seen[1] = *(char *)frame;
}

static void a_frame_stays_what_it_is(void **state)
{
	(void)state;
	assert_int_equal(net_open(&net, 0), 0);
	assert_int_equal(net_send(&net, "A", 1), 0);
	echo();
	net_poll(&net, see_twice, NULL);
	assert_int_equal(seen[0], 'A');
	assert_int_equal(seen[1], 'A');
}

static void lies_are_dropped_or_the_end(void **state)
{
	static const struct {
		netif_rx_response_t rsp;
		bool end;
	} lies[] = {
		{ { .id = 0, .offset = 4096, .status = 1 }, false },
		{ { .id = 0, .offset = 4000, .status = 97 }, false },
		{ { .id = 0, .status = 4097 }, false },
		{ { .id = 0, .status = -1 }, false },
		{ { .id = NET_BUFFERS, .status = 1 }, true },
		{ { .id = 0xffff, .status = 1 }, true },
	};

	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		fresh(state);
		assert_int_equal(net_open(&net, 0), 0);
		lie = lies[i].rsp;
		lie.flags |= LIES;
		assert_int_equal(net_send(&net, "A", 1), 0);
		echo();
		net_poll(&net, see, NULL);
		assert_int_equal(frames, 0);
		assert_int_equal(net_send(&net, "A", 1), lies[i].end ? -XEN_EIO : 0);
		leave(state);
	}
	fresh(state); /* for leave() */
}

static void indexes_that_jump_are_the_end(void **state)
{
	(void)state;
	assert_int_equal(net_open(&net, 0), 0);
	((netif_tx_sring_t *)net.tx_ring)->rsp_prod += 5000;
	assert_int_equal(net_send(&net, "A", 1), -XEN_EIO);
	assert_false(net_pending(&net));
	leave(state);
	fresh(state);
	assert_int_equal(net_open(&net, 0), 0);
	((netif_rx_sring_t *)net.rx_ring)->rsp_prod += 5000;
	net_poll(&net, see, NULL);
	assert_int_equal(frames, 0);
	assert_int_equal(net_send(&net, "A", 1), -XEN_EIO);
}

static void nothing_is_kept_of(int rc)
{
	assert_true(rc < 0);
	assert_int_equal(fake_os.grants, 0);
	assert_int_equal(fake_os.pages, 0);
	assert_int_equal(fake_os.ports, 0);
	assert_int_equal(net_send(&net, "A", 1), -XEN_EIO);
	assert_false(net_pending(&net));
	net_poll(&net, see, NULL);
	assert_int_equal(net_resume(&net), 0);
}

static void a_card_that_does_not_open_keeps_nothing(void **state)
{
	static const unsigned int most[] = { 0, 1, 2, 3, 65, 66, 67 };

	(void)state;
	for (size_t i = 0; i < sizeof(most) / sizeof(most[0]); i++) {
		fake_os.grants_max = most[i];
		nothing_is_kept_of(net_open(&net, 0));
	}
	fake_os.grants_max = FAKE_OS_GRANTS;
	refuses = true;
	nothing_is_kept_of(net_open(&net, 0));
	refuses = false;
	set("/backend/state", "6");
	nothing_is_kept_of(net_open(&net, 0));
	nothing_is_kept_of(net_open(&net, 1)); /* there is none */
	set("/backend/state", "2");
	assert_int_equal(net_open(&net, 0), 0);
}

/* The backend of one host was late; that of the next is not. */
static void a_card_that_did_not_come_back_may_the_next_time(void **state)
{
	(void)state;
	assert_int_equal(net_open(&net, 0), 0);
	fake_os_moved();
	set("/backend/state", "1");
	assert_int_equal(net_resume(&net), -XEN_ETIMEDOUT);
	assert_int_equal(net_send(&net, "A", 1), -XEN_EIO);
	assert_int_equal(fake_os.grants + fake_os.ports, 0);
	assert_int_equal(fake_os.pages, 0);
	fake_os_moved();
	set("/backend/state", "2");
	taken = given = 0;
	assert_int_equal(net_resume(&net), 0);
	assert_int_equal(net_send(&net, "A", 1), 0);
	echo();
	net_poll(&net, see, NULL);
	assert_int_equal(frames, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(frames_travel, fresh, leave),
		cmocka_unit_test_setup_teardown(a_frame_stays_what_it_is, fresh, leave),
		cmocka_unit_test_setup_teardown(lies_are_dropped_or_the_end, fresh, leave),
		cmocka_unit_test_setup_teardown(indexes_that_jump_are_the_end, fresh, leave),
		cmocka_unit_test_setup_teardown(a_card_that_does_not_open_keeps_nothing, fresh,
						leave),
		cmocka_unit_test_setup_teardown(a_card_that_did_not_come_back_may_the_next_time,
						fresh, leave),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
