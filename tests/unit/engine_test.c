/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The engine from end to end on a machine in memory: a guest that does everything a guest may do at
 * every moment of the rounds is sent and received, and then both are compared page by page. What a
 * hostile sender is told is in receive_test.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#ifndef __XEN_TOOLS__
#define __XEN_TOOLS__ 1
#endif
#include <xen/xen.h>
#include <xen/foreign/x86_32.h>

#include "migration/engine.h"
#include "migration/stream.h"
#include "migration/throttle.h"
#include "tests/unit/fake_machine.h"
#include "tests/unit/fake_wire.h"

#define PAGES	3000u /* of the guest's list, some of them without a frame */
#define P	1ull
#define ADDRESS 0x000ffffffffff000ull

/* Fixed places of the guest: its list, the list's tree, what start_info names. */
enum { START = 10, STORE, CONSOLE, TREE, TREE_MID, ROOT = 20, LIST = 40 };

#define RAN_ON_NS 40000000

static struct host *h;
static struct mig_io wire_io; /* the sender's */
static struct machine *m;
static uint64_t p2m[PAGES]; /* the guest's own view */
static unsigned int width, rounds_seen, ticks, suspends_in;
static size_t sent_at;
static uint64_t stood_at;
static bool deltas;	     /* are agreed on */
static unsigned int notes;   /* of caps */
static uint64_t list_at[16]; /* pfns where the list lies */

/* --- the guest */

static void *page(uint64_t pfn)
{
	return machine_frame(m, p2m[pfn]);
}

static void put(void *at, size_t i, uint64_t v)
{
	memcpy((uint8_t *)at + i * width, &v, width);
}

static void list_write(uint64_t pfn, uint64_t mfn)
{
	size_t per = HOST_PAGE_SIZE / width;

	put(page(list_at[pfn / per]), pfn % per, mfn);
	machine_dirty(m, list_at[pfn / per]);
}

static void page_new(uint64_t pfn)
{
	p2m[pfn] = machine_alloc(m, FROM, pfn);
	machine_dirty(m, pfn);
}

static bool fixed(uint64_t pfn)
{
	if (pfn >= START && pfn <= ROOT + 2)
		return true;
	for (unsigned int i = 0; i < 16; i++)
		if (list_at[i] == pfn)
			return true;
	return false;
}

static bool has(uint64_t pfn)
{
	return p2m[pfn] != ~0ull;
}

static void shared_fill(void)
{
	struct shared_info *s64 = machine_frame(m, SHARED(FROM));
	struct shared_info_x86_32 *s32 = machine_frame(m, SHARED(FROM));

	if (m->is_32bit) {
		s32->arch.max_pfn = PAGES;
		s32->arch.pfn_to_mfn_frame_list_list = (uint32_t)p2m[TREE];
	} else {
		s64->arch.max_pfn = PAGES;
		s64->arch.pfn_to_mfn_frame_list_list = p2m[TREE];
	}
}

static void tree_fill(void)
{
	size_t per = HOST_PAGE_SIZE / width;

	put(page(TREE), 0, p2m[TREE_MID]);
	for (size_t i = 0; i * per < PAGES; i++)
		put(page(TREE_MID), i, p2m[list_at[i]]);
	machine_dirty(m, TREE_MID);
}

/* As a guest does that suspends itself: in its own numbers. */
static void start_info_fill(void)
{
	struct start_info *s64 = page(START);
	struct start_info_x86_32 *s32 = page(START);

	if (m->is_32bit) {
		s32->store_mfn = STORE;
		s32->console.domU.mfn = CONSOLE;
	} else {
		s64->store_mfn = STORE;
		s64->console.domU.mfn = CONSOLE;
	}
	machine_dirty(m, START);
}

static void context_fill(void)
{
	struct vcpu_guest_context *c64 = (void *)m->context[FROM];
	struct vcpu_guest_context_x86_32 *c32 = (void *)m->context[FROM];

	if (m->is_32bit) {
		c32->user_regs.edx = (uint32_t)p2m[START];
		c32->ctrlreg[3] = xen_pfn_to_cr3_x86_32((uint32_t)p2m[ROOT]);
	} else {
		c64->user_regs.rdx = p2m[START];
		c64->ctrlreg[3] = xen_pfn_to_cr3(p2m[ROOT]);
	}
}

static void random_fill(uint64_t pfn)
{
	uint32_t *w = page(pfn);

	for (unsigned int i = 0; i < 8; i++)
		w[rand() % 1024] = (uint32_t)rand();
	machine_dirty(m, pfn);
}

/* Some of it, all of it, or nothing: the same again. */
static void rewrite(uint64_t pfn)
{
	int much = rand() % 8;

	if (!much)
		memset(page(pfn), rand(), HOST_PAGE_SIZE);
	if (much > 1)
		random_fill(pfn);
	machine_dirty(m, pfn);
}

/* A frame becomes a page table: its words name frames of the guest's, and the hypervisor checks it. */
static void table_make(uint64_t pfn, unsigned int level, bool pin)
{
	uint64_t *e = page(pfn);

	for (unsigned int i = 0; i < 512; i++) {
		uint64_t to = (uint64_t)rand() % PAGES;

		e[i] = 0;
		if (level == 4 && i >= 256 && i <= 271) /* the hypervisor's part */
			continue;
		e[i] = i % 7 == 0 && has(to) ? p2m[to] << 12 | P | 0x60 :
		       i % 7 == 1	     ? (uint64_t)rand() << 12 :
					       0;
	}
	m->type[p2m[pfn]] = (uint8_t)(level | (pin ? 8 : 0));
	machine_dirty(m, pfn);
}

static void table_end(uint64_t pfn)
{
	m->type[p2m[pfn]] = 0;
	machine_dirty(m, pfn);
}

/* Before a frame goes no table may lead to it. */
static void unlink_all(uint64_t mfn)
{
	for (uint64_t pfn = 0; pfn < PAGES; pfn++) {
		uint64_t *e = has(pfn) && m->type[p2m[pfn]] ? page(pfn) : NULL;

		for (unsigned int i = 0; e && i < 512; i++)
			if (e[i] & P && (e[i] & ADDRESS) >> 12 == mfn) {
				e[i] = 0;
				machine_dirty(m, pfn);
			}
	}
}

static void give_back(uint64_t pfn)
{
	uint64_t mfn = p2m[pfn];
	bool first = rand() % 2;

	unlink_all(mfn);
	if (first)
		list_write(pfn, ~0ull);
	m->owner[mfn] = NOBODY;
	m->type[mfn] = 0;
	m->m2p[mfn] = ~0ull;
	p2m[pfn] = ~0ull;
	if (!first)
		list_write(pfn, ~0ull);
}

/* The list's pages are others from now on. */
static void list_move(void)
{
	unsigned int i = (unsigned int)rand() %
			 ((PAGES * width + HOST_PAGE_SIZE - 1) / HOST_PAGE_SIZE);
	uint64_t to = (uint64_t)rand() % PAGES;

	if (!has(to) || fixed(to) || m->type[p2m[to]])
		return;
	memcpy(page(to), page(list_at[i]), HOST_PAGE_SIZE);
	machine_dirty(m, to);
	list_at[i] = to;
	tree_fill();
}

static void stand_still(void);

static void guest_gets_on(struct machine *unused)
{
	(void)unused;
	if (suspends_in && !--suspends_in) {
		/* it has the only processor for that long first: nobody else sees anything */
		nanosleep(&(struct timespec){ .tv_nsec = RAN_ON_NS }, NULL);
		m->ran_ns += RAN_ON_NS;
		stood_at = mig_now_ns();
		stand_still();
		return;
	}
	for (unsigned int n = 0; n < 25; n++) {
		uint64_t pfn = (uint64_t)rand() % PAGES;

		ticks++;
		switch (rand() % 24) {
		case 0:
			if (has(pfn) && !fixed(pfn))
				give_back(pfn);
			break;
		case 1:
			if (!has(pfn)) {
				page_new(pfn);
				list_write(pfn, p2m[pfn]);
			}
			break;
		case 2:
			if (has(pfn) && !fixed(pfn) && !m->type[p2m[pfn]])
				table_make(pfn, 1 + (unsigned int)rand() % (m->is_32bit ? 3 : 4),
					   rand() % 2);
			break;
		case 3:
		case 4:
			if (has(pfn) && !fixed(pfn) && m->type[p2m[pfn]])
				table_end(pfn);
			break;
		case 5: /* pinned or not */
			if (has(pfn) && !fixed(pfn) && m->type[p2m[pfn]]) {
				m->type[p2m[pfn]] ^= 8;
				machine_dirty(m, pfn);
			}
			break;
		case 6:
			if (has(pfn) && !fixed(pfn) && !m->type[p2m[pfn]]) {
				memset(page(pfn), 0, HOST_PAGE_SIZE);
				machine_dirty(m, pfn);
			}
			break;
		case 7:
			if (rand() % 3 == 0)
				list_move();
			break;
		case 8: /* as another frame */
			if (has(pfn) && !fixed(pfn) && !m->type[p2m[pfn]]) {
				give_back(pfn);
				page_new(pfn);
				random_fill(pfn);
				list_write(pfn, p2m[pfn]);
			}
			break;
		default:
			pfn %= 200;
			if (has(pfn) && !fixed(pfn) && !m->type[p2m[pfn]])
				rewrite(pfn);
		}
	}
}

static void guest_new(bool is_32bit)
{
	h = machine_new(is_32bit, PAGES);
	m = machine_of(h);
	width = is_32bit ? 4 : 8;
	wire_new(m);
	rounds_seen = ticks = 0;
	memset(p2m, 0xff, sizeof(p2m));
	for (unsigned int i = 0; i < 16; i++)
		list_at[i] = LIST + i;
	for (uint64_t pfn = 0; pfn < PAGES; pfn++)
		if (fixed(pfn) || rand() % 10)
			page_new(pfn);
	for (uint64_t pfn = 0; pfn < PAGES; pfn++) {
		list_write(pfn, p2m[pfn]);
		if (has(pfn) && !fixed(pfn) && rand() % 3)
			random_fill(pfn);
	}
	for (unsigned int i = 0; i < 3; i++)
		table_make(ROOT + i, is_32bit ? 3 : 4, true);
	for (uint64_t pfn = 1000; pfn < 1100; pfn++)
		if (has(pfn))
			table_make(pfn, 1, rand() % 2);
	tree_fill();
	shared_fill();
	start_info_fill();
	context_fill();
}

static void guest_end(void)
{
	assert_int_equal(m->mapped, 0);
	machine_free(h);
	wire_free();
}

/* --- what came of it */

static uint64_t to_p2m[PAGES];

static void find_new(void)
{
	memset(to_p2m, 0xff, sizeof(to_p2m));
	for (uint64_t mfn = 0; mfn < MACHINE_FRAMES; mfn++)
		if (m->owner[mfn] == TO && m->m2p[mfn] < PAGES) {
			assert_true(to_p2m[m->m2p[mfn]] == ~0ull);
			to_p2m[m->m2p[mfn]] = mfn;
		}
}

static void compare_table(uint64_t pfn)
{
	const uint64_t *a = page(pfn), *b = machine_frame(m, to_p2m[pfn]);

	for (unsigned int i = 0; i < 512; i++) {
		if ((m->type[p2m[pfn]] & 7) == 4 && i >= 256 && i <= 271)
			continue;
		if (!(a[i] & P)) {
			assert_true(a[i] == b[i]);
			continue;
		}
		if ((a[i] & ~ADDRESS) != (b[i] & ~ADDRESS))
			fail_msg("page %#llx, a table of level %u, entry %u: %#llx became %#llx",
				 (unsigned long long)pfn, m->type[p2m[pfn]] & 7, i,
				 (unsigned long long)a[i], (unsigned long long)b[i]);
		assert_true(m->m2p[(b[i] & ADDRESS) >> 12] == m->m2p[(a[i] & ADDRESS) >> 12]);
	}
}

static void compare_list(void)
{
	size_t per = HOST_PAGE_SIZE / width;

	for (uint64_t pfn = 0; pfn < PAGES; pfn++) {
		uint64_t v = 0;

		memcpy(&v,
		       (uint8_t *)machine_frame(m, to_p2m[list_at[pfn / per]]) + pfn % per * width,
		       width);
		assert_true(v == (width == 4 ? (uint32_t)to_p2m[pfn] : to_p2m[pfn]));
	}
}

static void compare(void)
{
	find_new();
	for (uint64_t pfn = 0; pfn < PAGES; pfn++) {
		if (has(pfn) != (to_p2m[pfn] != ~0ull))
			fail_msg("page %#llx %s", (unsigned long long)pfn,
				 has(pfn) ? "is missing" : "should not be there");
		if (!has(pfn) || (fixed(pfn) && !m->type[p2m[pfn]]))
			continue;
		assert_int_equal(m->type[p2m[pfn]] & 8 ? m->type[p2m[pfn]] : 0,
				 m->type[to_p2m[pfn]]);
		if (m->type[p2m[pfn]])
			compare_table(pfn);
		else if (memcmp(page(pfn), machine_frame(m, to_p2m[pfn]), HOST_PAGE_SIZE) != 0)
			fail_msg("page %#llx differs", (unsigned long long)pfn);
	}
	compare_list();
	assert_true(m->grant[0] == to_p2m[CONSOLE] && m->grant[1] == to_p2m[STORE]);
	assert_int_equal(m->contexts_set, 1);
}

/* --- sending and receiving */

static void stand_still(void)
{
	context_fill();
	start_info_fill();
	m->suspended = true;
}

static int suspend_ask(void *arg, struct why *why)
{
	(void)arg, (void)why;
	suspends_in = 90; /* times that the hypervisor is asked for something */
	return 0;
}

static int suspend(void *arg, struct why *why)
{
	(void)arg, (void)why;
	if (!m->suspended)
		stand_still();
	return 0;
}

static int resume(void *arg, struct why *why)
{
	(void)arg;
	return mig_resume(h, FROM, why);
}

/* What is given back if the sender is killed before the cap is set, and after; and a cap that
 * somebody else has set since stays. */
static int throttled(void *arg, const struct throttle_caps *caps, struct why *why)
{
	const unsigned int was = m->cap, others = 1000;

	(void)arg;
	notes++;
	if (!caps->now)
		return 0;
	assert_int_equal(caps->last, was);
	assert_int_equal(throttle_give_back(caps, h, FROM, why), 0);
	assert_int_equal(m->cap, caps->before);
	m->cap = caps->now;
	assert_int_equal(throttle_give_back(caps, h, FROM, why), 0);
	assert_int_equal(m->cap, caps->before);
	m->cap = others;
	assert_int_equal(throttle_give_back(caps, h, FROM, why), 0);
	assert_int_equal(m->cap, others);
	m->cap = was;
	return 0;
}

/* When nothing more comes: the guest stands still, and what was written is out. */
static int sent(void *arg, struct why *why)
{
	(void)arg, (void)why;
	assert_true(m->suspended);
	sent_at = wire.len;
	return 0;
}

static int progress(void *arg, const struct mig_progress *p)
{
	(void)arg;
	rounds_seen = p->round;
	wire_io.deadline_ns = wire.hold_ns ? mig_now_ns() + 60000000000ull : 0;
	return 0;
}

static int send_with(const struct mig_send_opts *o, struct mig_outcome *out, struct why *why)
{
	const struct mig_calls calls = { .suspend = suspend,
					 .resume = resume,
					 .sent = sent,
					 .progress = progress,
					 .throttled = throttled,
					 .suspend_ask = m->tick == guest_gets_on ? suspend_ask :
										   NULL };

	wire_io = (struct mig_io){ .ops = &wire_ops };
	suspends_in = 0;
	*why = (struct why){ 0 };
	return mig_send(h, FROM, o, &wire_io, &calls, out, why);
}

static int receive(struct why *why)
{
	struct mig_io io = { .ops = &wire_ops };
	const struct mig_receive_opts o = { TO, 3, 4, .max_pages = m->max_pages, .deltas = deltas };
	struct mig_receiver *r;
	struct mig_received got;
	struct mig_head head;
	int rc;

	*why = (struct why){ 0 };
	wire.at = 0;
	m->tick = NULL;
	rc = mig_receive_begin(&r, &io, &head, why);
	if (!rc)
		rc = mig_receive(r, h, &o, NULL, &got, why);
	mig_receive_end(&r);
	return rc;
}

/* of all last rounds; of all; that the other side had taken them was looked for so often */
static uint64_t last_pages, delta_pages, looks;

static void there_and_back(bool is_32bit, bool live)
{
	const struct mig_send_opts o = { live, 1, .on_deadline = MIG_FORCE, .max_rounds = 6,
					 .deltas = deltas };
	struct mig_outcome out;
	struct why why;

	guest_new(is_32bit);
	m->tick = live ? guest_gets_on : NULL;
	if (send_with(&o, &out, &why))
		fail_msg("sent: %s", why.text);
	assert_true(m->suspended);
	assert_int_equal(sent_at, wire.len);
	if (receive(&why))
		fail_msg("received: %s", why.text);
	compare();
	assert_true(out.zero_pages > 100);
	if (live) {
		/* of a last round that has no pages nothing is told */
		assert_true(out.rounds > 2 && rounds_seen == out.rounds - !out.last_round_pages);
		assert_true(ticks > 500);
		assert_in_range(stood_at - out.seen_running_ns, 0, RAN_ON_NS / 8);
		last_pages += out.last_round_pages;
		delta_pages += out.delta_pages;
		looks += wire.asked;
	}
	guest_end();
}

static void still(void **state)
{
	(void)state;
	there_and_back(false, false);
	there_and_back(true, false);
}

static void live(void **state)
{
	(void)state;
	for (unsigned int seed = 0; seed < 12; seed++) {
		srand(seed);
		there_and_back(seed % 2, true);
	}
	assert_true(last_pages > 0 && looks > 0);
}

/* The same with pages that go as what differs; and none does that was not agreed on. */
static void live_with_deltas(void **state)
{
	assert_int_equal(delta_pages, 0);
	deltas = true;
	live(state);
	assert_true(delta_pages > 500);
	there_and_back(false, false);
	deltas = false;
}

static void idle_guest_converges(void **state)
{
	const struct mig_send_opts o = { .live = true, .downtime_ns = 2000000000 };
	struct mig_outcome out;
	struct why why;

	(void)state;
	guest_new(false);
	assert_int_equal(send_with(&o, &out, &why), 0);
	assert_int_equal(out.rounds, 2);
	assert_int_equal(out.last_round_pages, 1); /* start_info, written while it suspended */
	assert_true(out.predicted_pause_ns > 0);
	assert_true(m->log_dirty);
	assert_int_equal(receive(&why), 0);
	compare();
	assert_int_equal(mig_resume(h, FROM, &why), 0);
	assert_false(m->log_dirty);
	guest_end();
}

/* A pause shorter than what no page explains: the time until the deadline would be in vain. */
static void too_short_for_any_guest(void **state)
{
	struct mig_send_opts o = { .live = true,
				   .downtime_ns = 1,
				   .deadline_ns = 3600000000000,
				   .on_deadline = MIG_FORCE };
	struct mig_outcome out;
	struct why why;

	(void)state;
	for (unsigned int busy = 0; busy < 2; busy++) {
		guest_new(false);
		m->tick = busy ? guest_gets_on : NULL;
		assert_int_equal(send_with(&o, &out, &why), 0);
		assert_in_range(out.rounds, 3, busy ? 20 : 5);
		assert_int_equal(receive(&why), 0);
		compare();
		guest_end();
	}
	/* whom nothing is forced on waits for a better moment */
	o.on_deadline = MIG_ABORT;
	guest_new(false);
	assert_int_equal(send_with(&o, &out, &why), -ETIMEDOUT);
	assert_true(out.rounds >= 30);
	guest_end();
}

/* However it ends, the guest runs on and nobody watches its writes. */
static void ends(void **state)
{
	struct mig_send_opts o = { .live = true, .downtime_ns = 1, .max_rounds = 4 };
	struct mig_outcome out;
	struct why why;

	(void)state;
	guest_new(false);
	m->tick = guest_gets_on;
	assert_int_equal(send_with(&o, &out, &why), -ETIMEDOUT);
	assert_non_null(strstr(why.text, "writes too fast"));
	assert_false(m->suspended || m->log_dirty);
	assert_int_equal(out.pause_ns, 0);
	o.on_deadline = MIG_THROTTLE; /* 1 ns is reached at no speed */
	assert_int_equal(send_with(&o, &out, &why), -ETIMEDOUT);
	assert_int_equal(m->cap, 0);
	assert_true(out.rounds <= 4 + 12);
	o.on_deadline = MIG_FORCE;
	wire.len = WIRE_MAX - (2u << 20); /* the transport ends in the first round */
	assert_int_not_equal(send_with(&o, &out, &why), 0);
	assert_false(m->suspended || m->log_dirty);
	assert_false(out.guest_stuck);
	guest_end();
}

static unsigned int slowest, by_hand;

/* Writes most of its memory all the time, as much as it gets to run. */
static void busy(struct machine *unused)
{
	(void)unused;
	slowest = m->cap && (!slowest || m->cap < slowest) ? m->cap : slowest;
	if (by_hand && slowest && m->cap > by_hand)
		m->cap = by_hand;
	for (unsigned int n = 0; n < (m->cap ? m->cap : 100) * 2; n++) {
		uint64_t pfn = (uint64_t)rand() % PAGES;

		if (has(pfn) && !fixed(pfn) && !m->type[p2m[pfn]])
			random_fill(pfn);
	}
}

static void throttle(void **state)
{
	struct mig_send_opts o = { .live = true,
				   .max_rounds = 4,
				   .on_deadline = MIG_THROTTLE,
				   .max_bytes_per_s = 40u << 20 };
	struct mig_outcome out;
	struct why why;

	(void)state;
	guest_new(false);
	m->tick = busy;
	slowest = by_hand = notes = 0;
	o.downtime_ns = 130000000;
	if (send_with(&o, &out, &why))
		fail_msg("%s", why.text);
	assert_true(slowest > 0 && slowest < 100);
	assert_true(notes > 1 && out.rounds > 5);
	assert_int_equal(m->cap, 0);
	assert_int_equal(receive(&why), 0);
	compare();
	guest_end();
}

/* An administrator who sets a cap meanwhile has the last word. */
static void throttle_by_hand(void **state)
{
	const struct mig_send_opts o = { .live = true,
					 .max_rounds = 4,
					 .on_deadline = MIG_THROTTLE,
					 .downtime_ns = 1, /* reached at no speed */
					 .max_bytes_per_s = 40u << 20 };
	struct mig_outcome out;
	struct why why;

	(void)state;
	guest_new(false);
	m->tick = busy;
	slowest = 0;
	by_hand = 30;
	assert_int_equal(send_with(&o, &out, &why), -ETIMEDOUT);
	assert_true(slowest > 0 && slowest < by_hand);
	assert_int_equal(m->cap, by_hand);
	guest_end();
}

static void cap(void **state)
{
	const struct mig_send_opts o = { .live = true,
					 .downtime_ns = 2000000000,
					 .max_bytes_per_s = 40u << 20 };
	struct mig_outcome out;
	struct why why;

	(void)state;
	guest_new(false);
	assert_int_equal(send_with(&o, &out, &why), 0);
	assert_true((double)out.bytes / ((double)out.total_ns / 1e9) < 1.1 * (40u << 20));
	guest_end();
}

/* --- a link that holds what passes, or damages it */

/* Another host that takes piece after piece of a guest that stands still, each just in time. */
static void held(void **state)
{
	const struct mig_send_opts o = { true, 1, .on_deadline = MIG_FORCE, .max_rounds = 3 };
	struct mig_outcome out;
	struct why why;

	(void)state;
	guest_new(false);
	m->tick = busy;
	wire.hold_ns = 25000000000ull;
	assert_int_equal(send_with(&o, &out, &why), -ETIMEDOUT);
	assert_in_range(out.pause_ns, 60000000000ull, 90000000000ull);
	assert_false(m->suspended);
	guest_end();
}

/* A good stream with bytes changed or missing: refused or taken, but nothing is harmed. */
static void damaged(void **state)
{
	const struct mig_send_opts o = { true, 1, .on_deadline = MIG_FORCE, .max_rounds = 5,
					 .deltas = true };
	struct mig_outcome out;
	struct why why;
	uint8_t *good;
	size_t len;

	(void)state;
	srand(5);
	deltas = true;
	guest_new(false);
	m->tick = guest_gets_on;
	assert_int_equal(send_with(&o, &out, &why), 0);
	good = malloc(len = wire.len);
	memcpy(good, wire.bytes, len);
	for (unsigned int n = 0; n < 24; n++) {
		wire.len = n % 3 ? len : (size_t)rand() % len;
		memcpy(wire.bytes, good, len);
		for (unsigned int i = 0; i < 4 && n % 3; i++)
			wire.bytes[(size_t)rand() % (n % 2 ? len : 20000)] = (uint8_t)rand();
		m->contexts_set = 0;
		receive(&why);
		if (!(n % 3))
			assert_non_null(strstr(why.text, "ends in the middle"));
		assert_int_equal(m->mapped, 0);
		for (unsigned int i = 3; i < MACHINE_FRAMES; i++)
			if (m->owner[i] == TO)
				m->owner[i] = NOBODY;
	}
	free(good);
	guest_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(still),
		cmocka_unit_test(live),
		cmocka_unit_test(live_with_deltas),
		cmocka_unit_test(idle_guest_converges),
		cmocka_unit_test(too_short_for_any_guest),
		cmocka_unit_test(ends),
		cmocka_unit_test(cap),
		cmocka_unit_test(throttle),
		cmocka_unit_test(throttle_by_hand),
		cmocka_unit_test(held),
		cmocka_unit_test(damaged),
	};

	return cmocka_run_group_tests_name("engine", tests, NULL, NULL);
}
