/* SPDX-License-Identifier: BSD-2-Clause */
/* The block backend against a frontend made of memory: what it answers, what it refuses, what
 * survives it. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define mb()  __atomic_thread_fence(__ATOMIC_SEQ_CST) /* what ring.h wants of its user */
#define wmb() __atomic_thread_fence(__ATOMIC_RELEASE)
#include "drivers/backend/blk/vbd.h"
#include "tests/unit/fake_disk.h"
#include "tests/unit/fake_peer.h"

#define RING_PAGE 0
#define DATA_PAGE 8

struct rig {
	struct peer *peer;
	struct fake_disk disk;
	struct record_file *record;
	struct vbd vbd;
	blkif_front_ring_t front;
	struct vbd_choice choice;
};

static int set_up(void **state)
{
	struct rig *r = calloc(1, sizeof(*r));
	struct why why;

	assert_int_equal(peer_open(&r->peer, 1, &why), 0);
	fake_disk_init(&r->disk);
	r->record = calloc(1, sizeof(*r->record));
	assert_int_equal(vbd_init(&r->vbd, r->peer, &r->disk.disk, r->record, &why), 0);
	SHARED_RING_INIT((blkif_sring_t *)r->peer->page[RING_PAGE]);
	XEN_FRONT_RING_INIT(&r->front, (blkif_sring_t *)r->peer->page[RING_PAGE], 4096);
	r->choice = (struct vbd_choice){ .abi = BLK_ABI_64, .queues = 1, .pages = 1, .port = { 7 } };
	r->choice.gref[0][0] = RING_PAGE;
	assert_int_equal(vbd_connect(&r->vbd, &r->choice, &why), 0);
	*state = r;
	return 0;
}

static int tear_down(void **state)
{
	struct rig *r = *state;

	r->disk.hold = false;
	vbd_disconnect(&r->vbd);
	assert_int_equal(r->peer->mapped, 0);
	assert_int_equal(r->peer->bound, 0);
	vbd_free(&r->vbd);
	fake_disk_free(&r->disk);
	free(r->record);
	peer_close(r->peer);
	free(r);
	return 0;
}

static blkif_request_t *put(struct rig *r, uint8_t op, uint64_t id, uint64_t sector,
			    unsigned int segments)
{
	blkif_request_t *rq = RING_GET_REQUEST(&r->front, r->front.req_prod_pvt++);
	unsigned int i;

	memset(rq, 0, sizeof(*rq));
	rq->operation = op;
	rq->nr_segments = (uint8_t)segments;
	rq->id = id;
	rq->sector_number = sector;
	for (i = 0; i < segments; i++)
		rq->seg[i] = (struct blkif_request_segment){ .gref = DATA_PAGE + i,
							     .first_sect = 0,
							     .last_sect = 7 };
	return rq;
}

static void kick(struct rig *r)
{
	int notify;

	RING_PUSH_REQUESTS_AND_CHECK_NOTIFY(&r->front, notify);
	(void)notify;
	vbd_on_event(&r->vbd);
}

/* Lets the disk finish whatever it has, and what follows from it. */
static void settle(struct rig *r)
{
	do {
		vbd_on_disk(&r->vbd);
	} while (r->disk.queued && !r->disk.hold);
}

static unsigned int answers(struct rig *r)
{
	return r->front.sring->rsp_prod - r->front.rsp_cons;
}

static blkif_response_t answer(struct rig *r)
{
	assert_true(answers(r) > 0);
	return *RING_GET_RESPONSE(&r->front, r->front.rsp_cons++);
}

static void a_write_reaches_the_disk_and_a_read_brings_it_back(void **state)
{
	struct rig *r = *state;
	blkif_response_t rsp;

	memset(r->peer->page[DATA_PAGE], 0xa5, 4096);
	put(r, BLKIF_OP_WRITE, 0x1122334455667788, 16, 1);
	kick(r);
	settle(r);
	rsp = answer(r);
	assert_int_equal(rsp.id, 0x1122334455667788);
	assert_int_equal(rsp.status, BLKIF_RSP_OKAY);
	assert_int_equal(r->disk.data[16 * 512], 0xa5);
	assert_int_equal(r->disk.data[24 * 512], 0);

	memset(r->peer->page[DATA_PAGE], 0, 4096);
	put(r, BLKIF_OP_READ, 2, 16, 1);
	kick(r);
	settle(r);
	assert_int_equal(answer(r).status, BLKIF_RSP_OKAY);
	assert_int_equal(r->peer->page[DATA_PAGE][4095], 0xa5);
}

static void a_segment_may_be_part_of_a_frame(void **state)
{
	struct rig *r = *state;
	blkif_request_t *rq;

	r->disk.data[0] = 0x42;
	rq = put(r, BLKIF_OP_READ, 1, 0, 1);
	rq->seg[0].first_sect = rq->seg[0].last_sect = 3;
	kick(r);
	settle(r);
	assert_int_equal(answer(r).status, BLKIF_RSP_OKAY);
	assert_int_equal(r->peer->page[DATA_PAGE][3 * 512], 0x42);
	assert_int_equal(r->peer->page[DATA_PAGE][0], 0);
}

static void an_indirect_request_is_answered_with_the_operation_within(void **state)
{
	struct rig *r = *state;
	blkif_request_indirect_t *rq = (void *)put(r, BLKIF_OP_INDIRECT, 0, 0, 0);
	struct blkif_request_segment *seg = (void *)r->peer->page[DATA_PAGE + 40];
	blkif_response_t rsp;
	unsigned int i;

	rq->indirect_op = BLKIF_OP_WRITE;
	rq->nr_segments = 32;
	rq->id = 9;
	rq->sector_number = 8;
	rq->indirect_grefs[0] = DATA_PAGE + 40;
	for (i = 0; i < 32; i++) {
		seg[i] = (struct blkif_request_segment){ .gref = DATA_PAGE + i, .last_sect = 7 };
		memset(r->peer->page[DATA_PAGE + i], (int)i, 4096);
	}
	kick(r);
	settle(r);
	rsp = answer(r);
	assert_int_equal(rsp.operation, BLKIF_OP_WRITE);
	assert_int_equal(rsp.id, 9);
	assert_int_equal(rsp.status, BLKIF_RSP_OKAY);
	assert_int_equal(r->disk.data[8 * 512 + 31 * 4096], 31);
}

static int set_up_persistent(void **state)
{
	struct rig *r;
	struct why why;
	int rc = set_up(state);

	r = *state;
	vbd_disconnect(&r->vbd);
	r->choice.persistent = true;
	return rc ? rc : vbd_connect(&r->vbd, &r->choice, &why);
}

static void persistent_grants_are_mapped_once(void **state)
{
	struct rig *r = *state;
	unsigned int rings = r->peer->mapped, i;

	for (i = 0; i < 20; i++) {
		put(r, i & 1 ? BLKIF_OP_READ : BLKIF_OP_WRITE, i, 0, 3);
		kick(r);
		settle(r);
		assert_int_equal(answer(r).status, BLKIF_RSP_OKAY);
	}
	assert_int_equal(r->peer->mapped, rings + 3);
}

static void the_longest_idle_grant_makes_room(void **state)
{
	struct rig *r = *state;
	unsigned int rings = r->peer->mapped, i;

	r->vbd.grants.limit = 4;
	for (i = 0; i < 8; i++) {
		put(r, BLKIF_OP_WRITE, i, i * 16, 2);
		r->peer->page[DATA_PAGE + 2 * i][0] = (uint8_t)(0x10 + i);
		RING_GET_REQUEST(&r->front, r->front.req_prod_pvt - 1)->seg[0].gref = DATA_PAGE +
										      2 * i;
		RING_GET_REQUEST(&r->front, r->front.req_prod_pvt - 1)->seg[1].gref = DATA_PAGE +
										      2 * i + 1;
		kick(r);
		settle(r);
		assert_int_equal(answer(r).status, BLKIF_RSP_OKAY);
		assert_int_equal(r->disk.data[i * 16 * 512], 0x10 + i);
		assert_true(r->peer->mapped <= rings + 4);
	}
	/* More segments than the table holds: this request's data is copied by the hypervisor. */
	put(r, BLKIF_OP_WRITE, 9, 0, 6);
	memset(r->peer->page[DATA_PAGE + 5], 0x77, 4096);
	kick(r);
	settle(r);
	assert_int_equal(answer(r).status, BLKIF_RSP_OKAY);
	assert_int_equal(r->disk.data[5 * 4096], 0x77);
	assert_true(r->peer->mapped <= rings + 4);
}

static int set_up_fast(void **state)
{
	int rc = set_up(state);

	((struct rig *)*state)->disk.fast = true;
	return rc;
}

/* A frontend with one request at a time, which runs as soon as it is told. */
static void ask_again(void *arg)
{
	struct rig *r = arg;
	int notify;

	while (answers(r)) {
		assert_int_equal(answer(r).status, BLKIF_RSP_OKAY);
		r->front.sring->rsp_event = r->front.rsp_cons + 1;
		if (r->front.req_prod_pvt == 100)
			return;
		put(r, BLKIF_OP_READ, 1, 0, 1);
		RING_PUSH_REQUESTS_AND_CHECK_NOTIFY(&r->front, notify);
		assert_true(!notify || r->front.req_prod_pvt == 2);
	}
}

static void whoever_asks_again_at_once_need_not_tell(void **state)
{
	struct rig *r = *state;
	unsigned int before = r->peer->notified;

	r->peer->on_notify = ask_again;
	r->peer->arg = r;
	put(r, BLKIF_OP_READ, 1, 0, 1);
	kick(r); /* one event, and the disk's is not waited for */
	assert_int_equal(r->front.rsp_cons, 100);
	assert_int_equal(r->peer->notified - before, 100);
	assert_int_equal(r->front.sring->req_event, 101); /* from here on it is told */
	r->peer->on_notify = NULL;
}

/* One that runs on another processor and asks faster than it is answered. */
static void ask_without_end(void *arg)
{
	struct rig *r = arg;
	int notify;

	while (answers(r)) {
		answer(r);
		put(r, BLKIF_OP_READ, 1, UINT64_MAX, 1); /* beyond the disk: answered at once */
	}
	r->front.sring->rsp_event = r->front.rsp_cons + 1;
	RING_PUSH_REQUESTS_AND_CHECK_NOTIFY(&r->front, notify);
	(void)notify;
}

static void who_asks_without_end_does_not_keep_the_daemon_from_all_else(void **state)
{
	struct rig *r = *state;

	r->peer->on_notify = ask_without_end;
	r->peer->arg = r;
	put(r, BLKIF_OP_READ, 1, UINT64_MAX, 1);
	kick(r);
	assert_true(r->vbd.more);
	r->peer->on_notify = NULL;
	vbd_on_event(&r->vbd);
	assert_false(r->vbd.more);
}

static void refused(struct rig *r, int16_t status)
{
	kick(r);
	settle(r);
	assert_int_equal(answer(r).status, status);
	assert_false(r->vbd.broken);
}

static void bad_requests_are_answered_with_an_error_and_the_disk_goes_on(void **state)
{
	struct rig *r = *state;

	put(r, BLKIF_OP_READ, 1, FAKE_DISK_BYTES / 512, 1); /* beyond the end */
	refused(r, BLKIF_RSP_ERROR);
	put(r, BLKIF_OP_READ, 1, UINT64_MAX, 1); /* wraps around */
	refused(r, BLKIF_RSP_ERROR);
	put(r, BLKIF_OP_READ, 1, 0, 0); /* nothing */
	refused(r, BLKIF_RSP_ERROR);
	put(r, BLKIF_OP_READ, 1, 0, 1)->nr_segments = 12; /* more than a slot holds */
	refused(r, BLKIF_RSP_ERROR);
	put(r, BLKIF_OP_WRITE, 1, 0, 1)->seg[0].last_sect = 8; /* beyond the frame */
	refused(r, BLKIF_RSP_ERROR);
	put(r, BLKIF_OP_WRITE, 1, 0, 1)->seg[0].first_sect = 8; /* backwards */
	refused(r, BLKIF_RSP_ERROR);
	put(r, BLKIF_OP_WRITE, 1, 0, 1)->seg[0].gref = FAKE_PAGES; /* no such grant */
	refused(r, BLKIF_RSP_ERROR);
	put(r, BLKIF_OP_RESERVED_1, 1, 0, 1); /* no such operation */
	refused(r, BLKIF_RSP_EOPNOTSUPP);
	put(r, BLKIF_OP_READ, 1, 0, 1);
	refused(r, BLKIF_RSP_OKAY);
}

static void a_grant_revoked_in_mid_request_fails_that_request_only(void **state)
{
	struct rig *r = *state;

	put(r, BLKIF_OP_READ, 1, 0, 1);
	put(r, BLKIF_OP_READ, 2, 0, 1)->seg[0].gref = DATA_PAGE + 1;
	r->disk.hold = true;
	kick(r);
	r->peer->revoked[DATA_PAGE] = 1;
	r->disk.hold = false;
	settle(r);
	assert_int_equal(answer(r).status, BLKIF_RSP_ERROR);
	assert_int_equal(answer(r).status, BLKIF_RSP_OKAY);
}

static void a_read_only_disk_refuses_writes(void **state)
{
	struct rig *r = *state;

	r->disk.disk.read_only = true;
	put(r, BLKIF_OP_WRITE, 1, 0, 1);
	refused(r, BLKIF_RSP_ERROR);
	put(r, BLKIF_OP_DISCARD, 1, 0, 0);
	refused(r, BLKIF_RSP_ERROR);
	put(r, BLKIF_OP_READ, 1, 0, 1);
	refused(r, BLKIF_RSP_OKAY);
}

static void an_index_that_jumps_breaks_the_device(void **state)
{
	struct rig *r = *state;

	r->front.sring->req_prod += 33;
	vbd_on_event(&r->vbd);
	assert_true(r->vbd.broken);
	assert_non_null(strstr(r->vbd.why.text, "req_prod 33"));
}

static void a_flush_is_answered_after_the_disk_was_flushed(void **state)
{
	struct rig *r = *state;

	put(r, BLKIF_OP_FLUSH_DISKCACHE, 1, 0, 0);
	r->disk.hold = true;
	kick(r);
	assert_int_equal(answers(r), 0);
	r->disk.hold = false;
	settle(r);
	assert_int_equal(r->disk.flushes, 1);
	assert_int_equal(answer(r).status, BLKIF_RSP_OKAY);
}

static void a_barrier_waits_for_all_before_it_and_holds_all_after_it(void **state)
{
	struct rig *r = *state;

	r->disk.hold = true;
	put(r, BLKIF_OP_WRITE, 1, 0, 1);
	put(r, BLKIF_OP_WRITE_BARRIER, 2, 8, 1);
	put(r, BLKIF_OP_WRITE, 3, 16, 1);
	kick(r);
	assert_int_equal(r->disk.queued, 1); /* the first write alone */
	r->disk.hold = false;
	settle(r);
	assert_int_equal(answer(r).id, 1);
	assert_int_equal(answer(r).id, 2);
	assert_int_equal(answer(r).id, 3);
	assert_int_equal(r->disk.flushes, 2); /* before and after its data */
}

static void a_failing_disk_is_an_error_not_a_crash(void **state)
{
	struct rig *r = *state;

	r->disk.fail = -5;
	put(r, BLKIF_OP_READ, 1, 0, 1);
	refused(r, BLKIF_RSP_ERROR);
	assert_int_equal(r->record->errors, 1);
	r->disk.fail = -EOPNOTSUPP; /* a discard, say, on what has none */
	put(r, BLKIF_OP_READ, 1, 0, 1);
	refused(r, BLKIF_RSP_EOPNOTSUPP);
}

static void the_frontend_is_told_once_a_round(void **state)
{
	struct rig *r = *state;
	unsigned int i, before = r->peer->notified;

	r->front.sring->rsp_event = 1;
	for (i = 0; i < 20; i++)
		put(r, BLKIF_OP_READ, i, 0, 1);
	kick(r);
	settle(r);
	assert_int_equal(answers(r), 20);
	assert_int_equal(r->peer->notified - before, 1);
}

/* The daemon dies after it showed an answer and before it told of it. */
static void an_answer_that_nobody_told_of_is_told_of_by_the_next(void **state)
{
	struct rig *r = *state;
	struct vbd next;
	struct why why;
	unsigned int before;

	put(r, BLKIF_OP_READ, 1, 0, 1);
	kick(r);
	settle(r);
	assert_int_equal(answers(r), 1);
	before = r->peer->notified;
	assert_int_equal(vbd_init(&next, r->peer, &r->disk.disk, r->record, &why), 0);
	assert_int_equal(vbd_connect(&next, &r->choice, &why), 0);
	assert_int_equal(r->record->restarts, 1);
	assert_int_equal(r->peer->notified - before, 1);

	/* leave one vbd for tear_down() */
	peer_unmap(r->peer, r->peer->page[RING_PAGE], 1);
	peer_unbind(r->peer, 7);
	vbd_free(&r->vbd);
	r->vbd = next;
	r->vbd.completed_tail = &r->vbd.completed;
}

/* The daemon dies with requests taken, some answered out of order: its successor answers the rest,
 * once each. */
static void what_a_killed_daemon_left_is_answered_by_the_next(void **state)
{
	struct rig *r = *state;
	unsigned int i, seen = 0;
	struct vbd next;
	struct why why;

	for (i = 0; i < 6; i++)
		put(r, BLKIF_OP_WRITE, i, i * 8, 1);
	r->disk.hold = true;
	kick(r);
	assert_int_equal(r->disk.queued, 6);
	/* the last two complete, and are answered; then the process is gone */
	r->disk.queue[4]->done(r->disk.queue[4], 0);
	r->disk.queue[5]->done(r->disk.queue[5], 0);
	vbd_on_event(&r->vbd);
	assert_int_equal(answers(r), 2);
	r->disk.queued = 0;
	r->disk.hold = false;

	assert_int_equal(vbd_init(&next, r->peer, &r->disk.disk, r->record, &why), 0);
	assert_int_equal(vbd_connect(&next, &r->choice, &why), 0);
	put(r, BLKIF_OP_READ, 6, 0, 1);
	{
		int notify;

		RING_PUSH_REQUESTS_AND_CHECK_NOTIFY(&r->front, notify);
		(void)notify;
	}
	do {
		vbd_on_disk(&next);
	} while (r->disk.queued);
	assert_int_equal(answers(r), 7);
	while (answers(r))
		seen |= 1u << answer(r).id;
	assert_int_equal(seen, 0x7f);
	assert_int_equal(r->record->restarts, 1);

	/* leave one vbd for tear_down() */
	peer_unmap(r->peer, r->peer->page[RING_PAGE], 1);
	peer_unbind(r->peer, 7);
	vbd_free(&r->vbd);
	r->vbd = next;
	r->vbd.completed_tail = &r->vbd.completed;
	(void)i;
}

static void the_32_bit_layout_is_understood(void **state)
{
	uint8_t slot[BLK_SLOT_MAX] = { BLKIF_OP_READ, 1 }, rsp[16];
	uint64_t id = 0x0123456789abcdef, sector = 5;
	uint32_t gref = 77;
	struct blk_request rq;
	struct why why;

	(void)state;
	memcpy(slot + 4, &id, 8);
	memcpy(slot + 12, &sector, 8);
	memcpy(slot + 20, &gref, 4);
	slot[24] = 2;
	slot[25] = 6;
	assert_int_equal(request_decode(slot, BLK_ABI_32, &rq, &why), 0);
	assert_int_equal(rq.id, id);
	assert_int_equal(rq.sector, 5);
	assert_int_equal(rq.segment[0].gref, 77);
	assert_int_equal(rq.segment[0].first, 2);
	assert_int_equal(rq.segment[0].last, 6);
	assert_int_equal(response_encode(rsp, BLK_ABI_32, &rq, -1), 12);
}

static void a_disk_of_4_kib_sectors_takes_whole_ones_only(void **state)
{
	struct rig *r = *state;

	r->disk.disk.block = 4096;
	put(r, BLKIF_OP_READ, 1, 8, 1);
	refused(r, BLKIF_RSP_OKAY);
	put(r, BLKIF_OP_READ, 1, 4, 1); /* begins within one */
	refused(r, BLKIF_RSP_ERROR);
	put(r, BLKIF_OP_WRITE, 1, 8, 1)->seg[0].last_sect = 3; /* ends within one */
	refused(r, BLKIF_RSP_ERROR);
	((blkif_request_discard_t *)put(r, BLKIF_OP_DISCARD, 1, 8, 0))->nr_sectors = 9;
	refused(r, BLKIF_RSP_ERROR);
}

static void a_disk_that_changes_its_size_in_use_is_as_large_as_it_is_now(void **state)
{
	struct rig *r = *state;
	uint64_t half = FAKE_DISK_BYTES / 2;

	r->disk.disk.size = half;
	put(r, BLKIF_OP_WRITE, 1, half / 512, 1);
	refused(r, BLKIF_RSP_ERROR);
	r->disk.disk.size = FAKE_DISK_BYTES;
	put(r, BLKIF_OP_WRITE, 1, half / 512, 1);
	refused(r, BLKIF_RSP_OKAY);
	r->disk.disk.size = half;
	put(r, BLKIF_OP_READ, 1, half / 512 - 4, 1); /* across the new end */
	refused(r, BLKIF_RSP_ERROR);
}

static void a_discard_frees_what_it_names_and_a_secure_one_is_not_offered(void **state)
{
	struct rig *r = *state;
	blkif_request_discard_t *rq;

	memset(r->disk.data, 0x5a, FAKE_DISK_BYTES);
	rq = (void *)put(r, BLKIF_OP_DISCARD, 1, 16, 0);
	rq->nr_sectors = 8;
	refused(r, BLKIF_RSP_OKAY);
	assert_int_equal(r->disk.discards, 1);
	assert_int_equal(r->disk.data[16 * 512 - 1], 0x5a);
	assert_int_equal(r->disk.data[16 * 512], 0);
	assert_int_equal(r->disk.data[24 * 512 - 1], 0);
	assert_int_equal(r->disk.data[24 * 512], 0x5a);
	rq = (void *)put(r, BLKIF_OP_DISCARD, 1, 24, 0);
	rq->nr_sectors = 8;
	rq->flag = BLKIF_DISCARD_SECURE;
	refused(r, BLKIF_RSP_EOPNOTSUPP);
	assert_int_equal(r->disk.data[24 * 512], 0x5a);
	r->disk.disk.can_discard = false;
	((blkif_request_discard_t *)put(r, BLKIF_OP_DISCARD, 1, 24, 0))->nr_sectors = 8;
	refused(r, BLKIF_RSP_EOPNOTSUPP);
}

static void a_flush_may_carry_data(void **state)
{
	struct rig *r = *state;

	memset(r->peer->page[DATA_PAGE], 0x3c, 4096);
	put(r, BLKIF_OP_FLUSH_DISKCACHE, 1, 32, 1);
	kick(r);
	vbd_on_disk(&r->vbd);
	assert_int_equal(r->disk.flushes, 1); /* what was written before, and it is not yet */
	assert_int_equal(r->disk.data[32 * 512], 0);
	settle(r);
	assert_int_equal(answer(r).status, BLKIF_RSP_OKAY);
	assert_int_equal(r->disk.data[32 * 512], 0x3c);
	assert_int_equal(r->disk.flushes, 2);
}

/* Two queues with rings of two pages each: 64 slots, all in use at once. */
static void queues_and_rings_of_several_pages_are_served(void **state)
{
	struct rig *r = *state;
	blkif_front_ring_t front[2];
	unsigned int q, i, notify;
	struct why why;

	vbd_disconnect(&r->vbd);
	r->choice =
		(struct vbd_choice){ .abi = BLK_ABI_64, .queues = 2, .pages = 2, .port = { 7, 8 } };
	for (q = 0; q < 2; q++) {
		blkif_sring_t *s = (blkif_sring_t *)r->peer->page[2 * q];

		r->choice.gref[q][0] = 2 * q;
		r->choice.gref[q][1] = 2 * q + 1;
		SHARED_RING_INIT(s);
		XEN_FRONT_RING_INIT(&front[q], s, 2 * 4096);
	}
	assert_int_equal(vbd_connect(&r->vbd, &r->choice, &why), 0);
	for (q = 0; q < 2; q++) {
		r->front = front[q];
		assert_int_equal(RING_SIZE(&r->front), 64);
		for (i = 0; i < 64; i++)
			put(r, BLKIF_OP_WRITE, q << 8 | i, i * 8 % (FAKE_DISK_BYTES / 512), 1);
		RING_PUSH_REQUESTS_AND_CHECK_NOTIFY(&r->front, notify);
		(void)notify;
		front[q] = r->front;
	}
	vbd_on_event(&r->vbd);
	settle(r);
	for (q = 0; q < 2; q++) {
		r->front = front[q];
		assert_int_equal(answers(r), 64);
		for (i = 0; i < 64; i++) {
			blkif_response_t rsp = answer(r);

			assert_int_equal(rsp.id >> 8, q);
			assert_int_equal(rsp.status, BLKIF_RSP_OKAY);
		}
	}
}

/* A read of the most segments, which a frame tells. */
static void put_large(struct rig *r, uint64_t id, uint32_t segments)
{
	blkif_request_indirect_t *rq = (void *)put(r, BLKIF_OP_INDIRECT, 0, 0, 0);

	rq->indirect_op = BLKIF_OP_READ;
	rq->nr_segments = BLK_MAX_SEGMENTS;
	rq->id = id;
	rq->sector_number = 8;
	rq->indirect_grefs[0] = segments;
}

/* Anew, with so many queues of sixteen pages each: the first of them are the peer's first. */
static void connect_queues(struct rig *r, blkif_front_ring_t *front, unsigned int queues)
{
	struct why why;

	vbd_disconnect(&r->vbd);
	r->choice = (struct vbd_choice){ .abi = BLK_ABI_64, .queues = queues, .pages = 16 };
	for (unsigned int q = 0; q < queues; q++) {
		blkif_sring_t *s = (blkif_sring_t *)r->peer->page[16 * q];

		r->choice.port[q] = 7 + q;
		for (unsigned int i = 0; i < 16; i++)
			r->choice.gref[q][i] = 16 * q + i;
		SHARED_RING_INIT(s);
		XEN_FRONT_RING_INIT(&front[q], s, 16 * 4096);
	}
	assert_int_equal(vbd_connect(&r->vbd, &r->choice, &why), 0);
}

/*
 * All that is offered, in use at once: requests of the most segments in rings of the most pages.
 * Their data is more than the daemon takes into its memory: the rest waits in the rings.
 */
static void more_than_fits_into_memory_waits_and_is_no_error(void **state)
{
	enum { EACH = 300, SECTORS = 256, SEGMENTS_PAGE = 40 };
	struct rig *r = *state;
	struct blkif_request_segment *seg = (void *)r->peer->page[SEGMENTS_PAGE];
	blkif_front_ring_t front[2];
	unsigned int q, i, notify;

	for (i = 0; i < SECTORS; i++)
		seg[i] = (struct blkif_request_segment){ .gref = SEGMENTS_PAGE + 1 };
	connect_queues(r, front, 2);
	r->disk.hold = true;
	for (q = 0; q < 2; q++) {
		r->front = front[q];
		for (i = 0; i < EACH; i++)
			put_large(r, i, SEGMENTS_PAGE);
		kick(r);
		front[q] = r->front;
	}
	assert_true(r->vbd.in_flight < 2 * EACH);
	r->disk.hold = false;
	settle(r);
	for (q = 0; q < 2; q++) {
		r->front = front[q];
		assert_int_equal(answers(r), EACH);
		for (i = 0; i < EACH; i++)
			assert_int_equal(answer(r).status, BLKIF_RSP_OKAY);
	}
	/* and the frontend is told of the next again */
	r->front = front[0];
	put(r, BLKIF_OP_READ, 1, 0, 1)->seg[0].gref = SEGMENTS_PAGE + 1;
	RING_PUSH_REQUESTS_AND_CHECK_NOTIFY(&r->front, notify);
	assert_true(notify);
}

/* Two queues that are always full use all the memory there is; the third's request has its turn. */
static void a_queue_waits_for_no_others_that_are_always_full(void **state)
{
	enum { SEGMENTS_PAGE = 48, STEPS = 8 };
	struct rig *r = *state;
	struct blkif_request_segment *seg = (void *)r->peer->page[SEGMENTS_PAGE];
	blkif_front_ring_t front[3];
	unsigned int q, i, step;

	for (i = 0; i < BLK_MAX_SEGMENTS; i++)
		seg[i] = (struct blkif_request_segment){ .gref = SEGMENTS_PAGE + 1 };
	connect_queues(r, front, 3);
	for (step = 0; step < STEPS; step++) {
		for (q = 0; q < 3; q++) {
			r->front = front[q];
			while (answers(r))
				assert_int_equal(answer(r).status, BLKIF_RSP_OKAY);
			while (q < 2 ? !RING_FULL(&r->front) : !r->front.req_prod_pvt)
				put_large(r, 1, SEGMENTS_PAGE);
			RING_PUSH_REQUESTS_AND_CHECK_NOTIFY(&r->front, i);
			front[q] = r->front;
		}
		vbd_on_disk(&r->vbd);
	}
	for (q = 0; q < 3; q++)
		assert_true(front[q].rsp_cons > 0);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
#define PERSISTENT(f)                                                               \
	{                                                                           \
#f " with persistent grants", f, set_up_persistent, tear_down, NULL \
	}
#define FAST(f)                                                         \
	{                                                               \
#f " with a fast disk", f, set_up_fast, tear_down, NULL \
	}
	const struct CMUnitTest tests[] = {
		CASE(a_write_reaches_the_disk_and_a_read_brings_it_back),
		CASE(a_segment_may_be_part_of_a_frame),
		CASE(an_indirect_request_is_answered_with_the_operation_within),
		CASE(bad_requests_are_answered_with_an_error_and_the_disk_goes_on),
		CASE(a_grant_revoked_in_mid_request_fails_that_request_only),
		CASE(a_read_only_disk_refuses_writes),
		CASE(an_index_that_jumps_breaks_the_device),
		CASE(a_flush_is_answered_after_the_disk_was_flushed),
		CASE(a_barrier_waits_for_all_before_it_and_holds_all_after_it),
		CASE(a_failing_disk_is_an_error_not_a_crash),
		CASE(the_frontend_is_told_once_a_round),
		CASE(an_answer_that_nobody_told_of_is_told_of_by_the_next),
		CASE(what_a_killed_daemon_left_is_answered_by_the_next),
		CASE(a_disk_of_4_kib_sectors_takes_whole_ones_only),
		CASE(a_disk_that_changes_its_size_in_use_is_as_large_as_it_is_now),
		CASE(a_discard_frees_what_it_names_and_a_secure_one_is_not_offered),
		CASE(a_flush_may_carry_data),
		CASE(queues_and_rings_of_several_pages_are_served),
		CASE(more_than_fits_into_memory_waits_and_is_no_error),
		CASE(a_queue_waits_for_no_others_that_are_always_full),
		PERSISTENT(a_write_reaches_the_disk_and_a_read_brings_it_back),
		PERSISTENT(a_segment_may_be_part_of_a_frame),
		PERSISTENT(an_indirect_request_is_answered_with_the_operation_within),
		PERSISTENT(a_barrier_waits_for_all_before_it_and_holds_all_after_it),
		PERSISTENT(persistent_grants_are_mapped_once),
		PERSISTENT(the_longest_idle_grant_makes_room),
		FAST(a_write_reaches_the_disk_and_a_read_brings_it_back),
		FAST(a_flush_is_answered_after_the_disk_was_flushed),
		FAST(a_barrier_waits_for_all_before_it_and_holds_all_after_it),
		FAST(what_a_killed_daemon_left_is_answered_by_the_next),
		FAST(queues_and_rings_of_several_pages_are_served),
		FAST(more_than_fits_into_memory_waits_and_is_no_error),
		FAST(whoever_asks_again_at_once_need_not_tell),
		CASE(who_asks_without_end_does_not_keep_the_daemon_from_all_else),
		cmocka_unit_test(the_32_bit_layout_is_understood),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
