/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The portable frontends against a fake kernel and a peer that answers rightly until a test tells
 * it to lie: a store, a console daemon and a disk's backend in one. Nothing here sleeps: os_wait()
 * lets the peer work, and gives up when that does not help.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "drivers/frontend/blk.h"
#include "drivers/frontend/console.h"
#include "drivers/frontend/store.h"
#include "tests/unit/fake_os.h"

#include <xen/io/console.h>
#include <xen/io/xs_wire.h>

/* --- the peer: a store with a few entries */

static struct xenstore_domain_interface wire;
static struct {
	char path[96], val[64];
} entries[64];
static char request[8192];
static size_t request_len;
static bool mute;		  /* the store does not answer */
static bool no_watches;		  /* it refuses them */
static unsigned int slow;	  /* steps until the backend acts */
static const char *backend_state; /* where the disk's backend has it */
static uint32_t lie_len;	  /* the next answer's length */

static char *entry(const char *path, bool make)
{
	for (int i = 0; i < 64; i++) {
		if (!strcmp(entries[i].path, path))
			return entries[i].val;
		if (!entries[i].path[0] && make) {
			snprintf(entries[i].path, sizeof(entries[i].path), "%.95s", path);
			return entries[i].val;
		}
	}
	return NULL;
}

static void set(const char *path, const char *val)
{
	snprintf(entry(path, true), 64, "%.63s", val);
}

static void put(const void *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		wire.rsp[MASK_XENSTORE_IDX(wire.rsp_prod++)] = ((const char *)p)[i];
}

static void answer(const struct xsd_sockmsg *rq, uint32_t type, const char *s, size_t n)
{
	struct xsd_sockmsg m = *rq;

	m.type = type;
	m.len = lie_len ? lie_len : n;
	lie_len = 0;
	put(&m, sizeof(m));
	put(s, n);
}

static void serve(const struct xsd_sockmsg *rq, char *arg)
{
	struct xsd_sockmsg event = { .type = XS_WATCH_EVENT };
	const char *val;
	char text[128];

	switch (rq->type) {
	case XS_READ:
		val = entry(arg, false);
		if (val)
			answer(rq, XS_READ, val, strlen(val));
		else
			answer(rq, XS_ERROR, "ENOENT", 7);
		break;
	case XS_WRITE:
		snprintf(text, sizeof(text), "%.*s", (int)(rq->len - strlen(arg) - 1),
			 arg + strlen(arg) + 1);
		set(arg, text);
		if (!strcmp(arg, "device/vbd/768/state") && text[0] == '3')
			set(backend_state, "4");
		if (!strcmp(arg, "device/vbd/768/state") && text[0] == '5' && !fake_os.mapped)
			set(backend_state, "6");
		if (!strcmp(arg, "device/vbd/768/state") && text[0] >= '5' && fake_os.mapped)
			slow = 2;
		answer(rq, XS_WRITE, "OK", 3);
		break;
	case XS_TRANSACTION_START: answer(rq, rq->type, "7", 2); break;
	case XS_WATCH: /* one event comes before the answer, as it may */
		event.len = rq->len;
		put(&event, sizeof(event));
		put(arg, rq->len);
		if (no_watches)
			answer(rq, XS_ERROR, "E2BIG", 6);
		else
			answer(rq, rq->type, "OK", 3);
		break;
	default: answer(rq, rq->type, "OK", 3);
	}
}

static void store_peer(void)
{
	struct xsd_sockmsg *rq = (struct xsd_sockmsg *)request;

	while (!mute && wire.req_cons != wire.req_prod) {
		request[request_len++] = wire.req[MASK_XENSTORE_IDX(wire.req_cons++)];
		if (request_len < sizeof(*rq) || request_len < sizeof(*rq) + rq->len)
			continue;
		request[request_len] = '\0';
		request_len = 0;
		serve(rq, request + sizeof(*rq));
	}
}

/* --- the peer: a disk of 1 MiB */

static char disk[1 << 20];
static struct blk blk;
static enum { HONEST, WRONG_ID, JUMP, FAIL, SILENT } manner;
static RING_IDX disk_cons;

static void disk_peer(void)
{
	blkif_sring_t *s = blk.page;
	blkif_back_ring_t ring;

	if (!blk.page || manner == SILENT)
		return;
	BACK_RING_INIT(&ring, s, OS_PAGE_SIZE);
	if (s->req_prod - disk_cons > RING_SIZE(&ring)) /* set up anew since */
		disk_cons = 0;
	ring.req_cons = ring.rsp_prod_pvt = disk_cons;
	if (manner == JUMP && s->req_prod != disk_cons) {
		s->rsp_prod += 5000;
		return;
	}
	while (ring.req_cons != s->req_prod) {
		blkif_request_t rq = *RING_GET_REQUEST(&ring, ring.req_cons);
		blkif_response_t *rsp = RING_GET_RESPONSE(&ring, ring.rsp_prod_pvt);
		size_t at = rq.sector_number * 512;

		for (int i = 0; i < rq.nr_segments; i++, at += 4096) {
			void *page = (void *)fake_os.granted[rq.seg[i].gref];

			assert_true(page && at + 4096 <= sizeof(disk));
			if (rq.operation == BLKIF_OP_WRITE)
				memcpy(disk + at, page, 4096);
			else
				memcpy(page, disk + at, 4096);
		}
		rsp->id = manner == WRONG_ID ? 99 : rq.id;
		rsp->operation = rq.operation;
		rsp->status = manner == FAIL ? BLKIF_RSP_ERROR : BLKIF_RSP_OKAY;
		ring.req_cons++;
		ring.rsp_prod_pvt++;
	}
	disk_cons = ring.req_cons;
	RING_PUSH_RESPONSES(&ring);
}

/* As dom0's kernel: it says that it closes, and unmaps when the frontend is Closed. */
static void slow_backend(void)
{
	static char event[] = "/backend/state\0000";
	struct xsd_sockmsg m = { .type = XS_WATCH_EVENT, .len = sizeof(event) };
	bool closed = !strcmp(entry("device/vbd/768/state", true), "6");

	if (!slow || wire.rsp_cons != wire.rsp_prod || --slow)
		return;
	fake_os.mapped = !closed;
	set(backend_state, closed ? "6" : "5");
	put(&m, sizeof(m));
	put(event, sizeof(event));
}

static void console_peer(void);

void fake_os_peer(void)
{
	store_peer();
	console_peer();
	disk_peer();
	slow_backend();
}

/* --- tests */

static int fresh(void **state)
{
	(void)state;
	memset(&wire, 0, sizeof(wire));
	memset(entries, 0, sizeof(entries));
	fake_os_reset();
	memset(&blk, 0, sizeof(blk));
	request_len = 0;
	disk_cons = 0;
	mute = no_watches = false;
	lie_len = 0;
	manner = HONEST;
	backend_state = "/backend/state";
	slow = 0;
	set("name", "guest");
	set("device/vbd/768/backend", "/backend");
	set("device/vbd/768/backend-id", "0");
	set("/backend/state", "2");
	set("/backend/sectors", "2048");
	set("/backend/info", "0");
	set("/backend/feature-flush-cache", "1");
	store_init(&wire, 1);
	return 0;
}

static void store_answers(void **state)
{
	char buf[64];

	(void)state;
	assert_int_equal(store_read(0, "name", buf, sizeof(buf)), 5);
	assert_string_equal(buf, "guest");
	assert_int_equal(store_read(0, "none", buf, sizeof(buf)), -XEN_ENOENT);
	assert_int_equal(store_read(0, "name", buf, 5), -XEN_E2BIG);
	assert_int_equal(store_writef(0, "n", "%d", 42), 0);
	assert_int_equal(store_read(0, "n", buf, sizeof(buf)), 2);
	for (int i = 0; i < 500; i++) /* around both rings many times */
		assert_int_equal(store_read(0, "name", buf, sizeof(buf)), 5);
}

static void seen(void *arg)
{
	++*(int *)arg;
}

static void store_event_before_answer(void **state)
{
	int n = 0;

	(void)state;
	assert_int_equal(store_watch("x", seen, &n), 0);
	assert_int_equal(n, 0); /* not before store_run() */
	assert_true(store_pending(NULL));
	store_run();
	assert_int_equal(n, 1);
	assert_int_equal(store_unwatch("x", seen, &n), 0);
	assert_int_equal(store_unwatch("x", seen, &n), -XEN_ENOENT);
}

static void store_refuses_a_watch(void **state)
{
	int n = 0;

	(void)state;
	no_watches = true;
	assert_int_equal(store_watch("x", seen, &n), -XEN_E2BIG);
	assert_false(store_pending(NULL));
	store_run();
	assert_int_equal(n, 0);
}

static void store_silent(void **state)
{
	char buf[8];

	(void)state;
	mute = true;
	assert_int_equal(store_read(0, "name", buf, sizeof(buf)), -XEN_EIO);
	assert_false(store_ready());
}

static void store_index_jumps(void **state)
{
	char buf[8];

	(void)state;
	mute = true;
	wire.rsp_prod += 5000;
	assert_int_equal(store_read(0, "name", buf, sizeof(buf)), -XEN_EIO);
	assert_false(store_ready());
}

static void store_answer_too_long(void **state)
{
	char buf[8];

	(void)state;
	lie_len = XENSTORE_PAYLOAD_MAX + 1;
	assert_int_equal(store_read(0, "name", buf, sizeof(buf)), -XEN_EIO);
	assert_false(store_ready());
}

static struct xencons_interface *slow_console; /* takes all, the second time that it is asked */
static unsigned int console_asked;

static void console_peer(void)
{
	if (slow_console && ++console_asked == 2)
		slow_console->out_cons = slow_console->out_prod;
}

/* Nobody read for a while: that is no reason to leave what is written later behind. */
static void console_is_drained_after_a_stall(void **state)
{
	static struct xencons_interface ring;

	(void)state;
	console_init(&ring, 2);
	for (int i = 0; i < 100; i++)
		console_write("0123456789012345678901234567890123456789", 40);
	ring.out_cons = ring.out_prod;
	console_write("y", 1);
	slow_console = &ring;
	console_drain();
	slow_console = NULL;
	assert_int_equal(ring.out_cons, ring.out_prod);
}

static void console_full_and_hostile(void **state)
{
	static struct xencons_interface ring;
	char buf[16];

	(void)state;
	console_init(&ring, 2);
	for (int i = 0; i < 100; i++) /* nobody reads: it drops, and comes back */
		console_write("0123456789012345678901234567890123456789", 40);
	assert_int_equal(ring.out_prod - ring.out_cons, sizeof(ring.out));
	ring.in_prod = ring.in_cons + 5000;
	assert_int_equal(console_read(buf, sizeof(buf)), 0);
	ring.in[MASK_XENCONS_IDX(ring.in_prod, ring.in)] = 'x';
	ring.in_prod++;
	assert_int_equal(console_read(buf, sizeof(buf)), 1);
	assert_int_equal(buf[0], 'x');
	ring.out_cons = ring.out_prod;
	console_write("y", 1);
	assert_int_equal(ring.out_prod - ring.out_cons, 1);
}

static char data[40][4096] __attribute__((aligned(4096)));

static void blk_reads_and_writes(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(disk); i++)
		disk[i] = i * 31 >> 3;
	assert_int_equal(blk_open(&blk, 768), 0);
	assert_int_equal(blk.sectors, 2048);
	assert_int_equal(blk_read(&blk, 8, data, 40), 0);
	assert_memory_equal(data, disk + 4096, sizeof(data));
	memset(data, 'w', sizeof(data));
	assert_int_equal(blk_write(&blk, 16, data, 40), 0);
	assert_memory_equal(data, disk + 8192, sizeof(data));
	assert_int_equal(blk_flush(&blk), 0);
	assert_int_equal(blk_read(&blk, 2048, data, 1), -XEN_EINVAL);
	assert_int_equal(blk_read(&blk, ~0ull, data, 1), -XEN_EINVAL);
	assert_int_equal(fake_os.grants, 1); /* the ring's */
	blk_close(&blk);
	assert_int_equal(fake_os.grants, 0);
	assert_int_equal(fake_os.pages, 0);
}

/* The ring's page is given up for good if it is taken back too early. */
static void what_a_slow_backend_maps_is_waited_for(void **state)
{
	(void)state;
	assert_int_equal(blk_open(&blk, 768), 0);
	fake_os.mapped = true;
	blk_close(&blk);
	assert_false(fake_os.mapped);
	assert_int_equal(fake_os.pages, 0);
	assert_int_equal(fake_os.grants, 0);
	assert_string_equal(entry("device/vbd/768/state", true), "6");
}

static void blk_readonly(void **state)
{
	(void)state;
	set("/backend/info", "4");
	assert_int_equal(blk_open(&blk, 768), 0);
	assert_int_equal(blk_write(&blk, 0, data, 1), -XEN_EROFS);
	blk_close(&blk);
}

static unsigned int watch_fired;

static void on_watch(void *arg)
{
	(void)arg;
	watch_fired++;
}

/* Another domain with the same memory: no fake_os.grants, no ports, a new backend; what it wrote is
 * still there. */
static void a_guest_that_resumes_has_its_disk(void **state)
{
	(void)state;
	assert_int_equal(store_watch("memory/target", on_watch, NULL), 0);
	assert_int_equal(blk_open(&blk, 768), 0);
	memset(data, 0x3c, sizeof(data));
	assert_int_equal(blk_write(&blk, 16, data, 3), 0);

	fake_os_moved();
	memset(&wire, 0, sizeof(wire));
	disk_cons = 0;
	set("device/vbd/768/backend", "/other");
	set("/other/state", "2");
	set("/other/sectors", "2048");
	set("/other/feature-flush-cache", "1");
	set("/backend/state", "6"); /* the old one is none of its business */
	watch_fired = 0;
	assert_int_equal(store_resume(&wire, 1), 0);
	store_run();
	assert_int_equal(watch_fired, 1);
	backend_state = "/other/state";
	assert_int_equal(blk_resume(&blk), 0);
	memset(data, 0, sizeof(data));
	assert_int_equal(blk_read(&blk, 16, data, 3), 0);
	assert_int_equal(((char *)data)[3 * 4096 - 1], 0x3c);
	assert_int_equal(fake_os.grants, 1); /* the ring's */
	store_unwatch("memory/target", on_watch, NULL);
	blk_close(&blk);
	assert_int_equal(fake_os.pages, 0);
}

static void a_disk_that_shrank_is_refused(void **state)
{
	(void)state;
	assert_int_equal(blk_open(&blk, 768), 0);
	fake_os_moved();
	disk_cons = 0;
	set("/backend/state", "2");
	set("/backend/sectors", "1024");
	assert_int_equal(blk_resume(&blk), -XEN_ENODEV);
	assert_int_equal(blk_read(&blk, 0, data, 1), -XEN_EIO);
	blk_close(&blk);
}

static void blk_error_is_told(void **state)
{
	(void)state;
	assert_int_equal(blk_open(&blk, 768), 0);
	manner = FAIL;
	assert_int_equal(blk_read(&blk, 0, data, 30), -XEN_EIO);
	manner = HONEST;
	assert_int_equal(blk_read(&blk, 0, data, 30), 0);
	blk_close(&blk);
}

static void blk_hostile(void **state)
{
	static const int manners[] = { WRONG_ID, JUMP, SILENT };

	for (size_t i = 0; i < sizeof(manners) / sizeof(manners[0]); i++) {
		fresh(state);
		assert_int_equal(blk_open(&blk, 768), 0);
		manner = manners[i];
		assert_int_equal(blk_read(&blk, 0, data, 30), -XEN_EIO);
		assert_int_equal(fake_os.grants,
				 1); /* the ring's: a late answer finds no page of ours */
		manner = HONEST;
		assert_int_equal(blk_read(&blk, 0, data, 1), -XEN_EIO); /* it stays broken */
		os_page_free(blk.page);
		blk.page = NULL;
	}
}

/* It could write there when the caller has long put something else there. */
static void blk_answered_and_still_mapped(void **state)
{
	(void)state;
	assert_int_equal(blk_open(&blk, 768), 0);
	fake_os.mapped = true;
	assert_int_equal(blk_read(&blk, 0, data, 30), -XEN_EIO);
	assert_int_equal(fake_os.grants, 31);
	assert_int_equal(blk_read(&blk, 0, data, 1), -XEN_EIO);
	blk_close(&blk);
	assert_false(fake_os.mapped);
	assert_int_equal(fake_os.grants, 0);
	assert_int_equal(fake_os.pages, 0);
}

static void blk_closed_takes_nothing(void **state)
{
	(void)state;
	assert_int_equal(blk_open(&blk, 768), 0);
	blk_close(&blk);
	assert_int_equal(blk_read(&blk, 0, data, 1), -XEN_EIO);
	assert_int_equal(blk_flush(&blk), -XEN_EIO);
}

static void blk_size_is_64_bits(void **state)
{
	(void)state;
	set("/backend/sectors", "18446744073709551615");
	assert_int_equal(blk_open(&blk, 768), 0);
	assert_true(blk.sectors == UINT64_MAX);
	assert_int_equal(blk_read(&blk, ~0ull, data, 1), -XEN_EINVAL);
	blk_close(&blk);
	fresh(state);
	set("/backend/sectors", "18446744073709551616"); /* is no number, and not 0 or 1 either */
	set("device/vbd/768/backend-id", "18446744073709551616");
	assert_int_equal(blk_open(&blk, 768), -XEN_EINVAL);
}

static void blk_no_backend(void **state)
{
	(void)state;
	assert_true(blk_open(&blk, 832) < 0);
	set("/backend/state", "6");
	assert_true(blk_open(&blk, 768) < 0);
	assert_int_equal(fake_os.pages, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(store_answers, fresh),
		cmocka_unit_test_setup(store_event_before_answer, fresh),
		cmocka_unit_test_setup(store_refuses_a_watch, fresh),
		cmocka_unit_test_setup(store_silent, fresh),
		cmocka_unit_test_setup(store_index_jumps, fresh),
		cmocka_unit_test_setup(store_answer_too_long, fresh),
		cmocka_unit_test_setup(console_full_and_hostile, fresh),
		cmocka_unit_test_setup(console_is_drained_after_a_stall, fresh),
		cmocka_unit_test_setup(blk_reads_and_writes, fresh),
		cmocka_unit_test_setup(what_a_slow_backend_maps_is_waited_for, fresh),
		cmocka_unit_test_setup(blk_readonly, fresh),
		cmocka_unit_test_setup(a_guest_that_resumes_has_its_disk, fresh),
		cmocka_unit_test_setup(a_disk_that_shrank_is_refused, fresh),
		cmocka_unit_test_setup(blk_error_is_told, fresh),
		cmocka_unit_test_setup(blk_hostile, fresh),
		cmocka_unit_test_setup(blk_answered_and_still_mapped, fresh),
		cmocka_unit_test_setup(blk_closed_takes_nothing, fresh),
		cmocka_unit_test_setup(blk_size_is_64_bits, fresh),
		cmocka_unit_test_setup(blk_no_backend, fresh),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
