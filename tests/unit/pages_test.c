/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What goes for a page, round after round, to a side that keeps exactly what it is told: in full,
 * as what differs, without contents, or not at all. The guest writes while it is read and while it
 * is written to the wire; when it stands still the other side has what it has.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "migration/delta.h"
#include "migration/sender.h"
#include "migration/sent_cache.h"
#include "migration/stream.h"
#include "tests/unit/fake_machine.h"
#include "tests/unit/fake_wire.h"

#define PAGES  320u /* a cache of 40 */
#define BIT(n) (1u << (n))

static struct host *h;
static struct machine *m;
static uint64_t p2m[PAGES];
static struct sender s;
static struct mig_outcome out;
static const struct mig_calls calls;
static struct mig_send_opts opts;
static struct mig_io io = { .ops = &wire_ops };
static unsigned int busy; /* pages, from 0 on, that the guest writes to */

static struct other {
	enum { NOTHING, EMPTY, DATA, TABLE } has;
	uint8_t page[HOST_PAGE_SIZE];
} other[PAGES];
static unsigned int in_full, by_delta;

static uint8_t *page(uint64_t pfn)
{
	return machine_frame(m, p2m[pfn]);
}

static void come(uint64_t pfn)
{
	p2m[pfn] = machine_alloc(m, FROM, pfn);
	machine_dirty(m, pfn);
}

static void go(uint64_t pfn)
{
	m->owner[p2m[pfn]] = NOBODY;
	m->type[p2m[pfn]] = 0;
	m->m2p[p2m[pfn]] = ~0ull;
	p2m[pfn] = ~0ull;
	machine_dirty(m, pfn); /* as rounds.c would find in the guest's list */
}

static void one_thing(uint64_t pfn)
{
	unsigned int what = (unsigned int)rand() % 32;

	if (p2m[pfn] == ~0ull) {
		if (what < 16)
			come(pfn);
		return;
	}
	if (what == 0)
		go(pfn);
	else if (what < 4)
		m->type[p2m[pfn]] = m->type[p2m[pfn]] ? 0 : 1;
	else if (what == 4)
		memset(page(pfn), 0, HOST_PAGE_SIZE);
	else if (what < 8) /* no present entry, should it be a table */
		memset(page(pfn), rand() & 0xfe, HOST_PAGE_SIZE);
	else if (what < 14)
		page(pfn)[rand() % 512 * 8] = (uint8_t)(rand() & 0xfe);
	else if (what < 28) /* as it was before, every second time */
		page(pfn)[0] ^= 2;
	if (p2m[pfn] != ~0ull)
		machine_dirty(m, pfn);
}

static void gets_on(struct machine *unused)
{
	(void)unused;
	for (unsigned int n = (unsigned int)rand() % 4; n; n--)
		one_thing((uint64_t)rand() % busy);
}

/* --- the other side */

static void take_full(const struct stream_record *rec)
{
	struct stream_pages p;
	struct why why;
	unsigned int data = 0;

	assert_int_equal(stream_pages(rec, &p, &why), 0);
	for (unsigned int i = 0; i < p.count; i++) {
		uint64_t w = stream_word(p.words, i), pfn = w & STREAM_PFN_MASK;
		unsigned int type = stream_page_type(w);
		struct other *o = &other[pfn];

		assert_true(pfn < PAGES);
		memset(o->page, 0, HOST_PAGE_SIZE);
		if (stream_has_data(type))
			memcpy(o->page, p.data + (size_t)data++ * HOST_PAGE_SIZE, HOST_PAGE_SIZE);
		o->has = type == STREAM_NO_PAGE	 ? NOTHING :
			 type == STREAM_ALLOCATE ? EMPTY :
			 type			 ? TABLE :
						   DATA;
		in_full += o->has == DATA;
	}
}

static void take_deltas(const struct stream_record *rec)
{
	struct stream_delta d[STREAM_BATCH];
	struct why why;
	unsigned int n;

	assert_int_equal(stream_deltas(rec, d, &n, &why), 0);
	for (unsigned int i = 0; i < n; i++) {
		assert_true(d[i].len > 0); /* no word for what is as it was */
		assert_int_equal(other[d[i].pfn].has, DATA);
		assert_true(delta_apply(other[d[i].pfn].page, d[i].bytes, d[i].len));
	}
	by_delta += n;
}

static void take_all(void)
{
	struct stream_reader r = { .io = &io,
				   .version = 3,
				   .deltas = true,
				   .seen = BIT(STREAM_PV_INFO) | BIT(STREAM_P2M_FRAMES) |
					   BIT(STREAM_STATIC_DATA_END) | BIT(STREAM_PAGE_DATA) };
	struct stream_record rec;
	struct why why = { 0 };

	for (wire.at = 0; wire.at < wire.len;) {
		if (stream_read(&r, &rec, &why))
			fail_msg("%s", why.text);
		if (rec.type == STREAM_PAGE_DATA)
			take_full(&rec);
		else
			take_deltas(&rec);
	}
	stream_reader_free(&r);
	wire.len = 0;
}

/* --- rounds */

static void round_sent(bool last)
{
	struct why why = { 0 };

	for (size_t i = 0; i < pages_words(&s); i++) {
		uint64_t word;

		memcpy(&word, m->dirty + i * 8, 8);
		s.due[i] |= word | s.again[i];
		s.again[i] = 0;
	}
	memset(m->dirty, 0, pages_words(&s) * 8);
	s.progress.round++;
	m->suspended = last;
	if (pages_send(&s, last, &why))
		fail_msg("%s", why.text);
	take_all();
}

static void start(bool deltas)
{
	h = machine_new(false, PAGES);
	m = machine_of(h);
	m->log_dirty = true;
	wire_new(m);
	memset(other, 0, sizeof(other));
	in_full = by_delta = 0;
	out = (struct mig_outcome){ 0 };
	opts = (struct mig_send_opts){ .live = true, .deltas = deltas };
	s = (struct sender){ .h = h,
			     .domid = FROM,
			     .io = &io,
			     .o = &opts,
			     .calls = &calls,
			     .out = &out,
			     .list = { .h = h,
				       .domid = FROM,
				       .pages = PAGES,
				       .list = (uint8_t *)p2m,
				       .m2p = m->m2p,
				       .m2p_entries = MACHINE_FRAMES } };
	assert_int_equal(pages_open(&s, &(struct why){ 0 }), 0);
	for (uint64_t pfn = 0; pfn < PAGES; pfn++) {
		come(pfn);
		memset(page(pfn), pfn % 5 ? 6 : 0, HOST_PAGE_SIZE);
	}
}

static void end(void)
{
	assert_int_equal(m->mapped, 0);
	pages_close(&s);
	wire_free();
	machine_free(h);
}

static void compare(void)
{
	for (uint64_t pfn = 0; pfn < PAGES; pfn++) {
		if (p2m[pfn] == ~0ull) {
			assert_int_equal(other[pfn].has, NOTHING);
			continue;
		}
		assert_int_equal(other[pfn].has == TABLE, m->type[p2m[pfn]] != 0);
		if (memcmp(other[pfn].page, page(pfn), HOST_PAGE_SIZE) != 0)
			fail_msg("page %#llx differs", (unsigned long long)pfn);
	}
}

/* What is kept of a page is what the other side has. */
static void check_kept(void)
{
	for (uint64_t pfn = 0; pfn < PAGES; pfn++) {
		const uint8_t *kept = sent_cache_find(s.cache, pfn, s.progress.round);

		assert_true(!kept || other[pfn].has == DATA);
		if (kept && memcmp(kept, other[pfn].page, HOST_PAGE_SIZE) != 0)
			fail_msg("page %#llx was sent as something else", (unsigned long long)pfn);
	}
}

static void many_rounds(void **state)
{
	(void)state;
	for (unsigned int seed = 0; seed < 12; seed++) {
		srand(seed);
		start(seed % 3);
		/* fewer pages than places, or many more */
		busy = seed % 2 ? 24 : 150;
		m->tick = gets_on;
		for (unsigned int i = 0; i < 60; i++) {
			for (unsigned int n = 0; n < busy; n++)
				one_thing((uint64_t)rand() % busy);
			round_sent(false);
			if (i % 8 == 0)
				check_kept();
		}
		round_sent(true);
		compare();
		assert_true(in_full > PAGES / 2);
		assert_true(seed % 3 ? by_delta > 150 : !by_delta && !out.delta_pages);
		assert_true(out.delta_pages >= by_delta);
		end();
	}
}

/* How often the page went since: in full, and as a delta. */
static void expect_last(unsigned int full, unsigned int delta)
{
	in_full = by_delta = 0;
	round_sent(false);
	assert_int_equal(in_full, full);
	assert_int_equal(by_delta, delta);
}

static void touch(uint64_t pfn)
{
	page(pfn)[8]++;
	machine_dirty(m, pfn);
}

/* In full the first time and the second, and then as what differs, as long as that pays. */
static void one_page(void **state)
{
	uint64_t saved;

	(void)state;
	start(true);
	round_sent(false);
	touch(7);
	expect_last(1, 0);
	touch(7);
	expect_last(0, 1);
	assert_int_equal(out.delta_pages, 1);
	assert_int_equal(out.delta_saved, 4104 - 16 - 16);
	machine_dirty(m, 7); /* as it was: nothing goes */
	saved = io.bytes_out;
	expect_last(0, 0);
	assert_int_equal(io.bytes_out, saved);
	assert_int_equal(out.delta_pages, 2);
	assert_int_equal(out.pages, PAGES + 3);
	memset(page(7), 9, HOST_PAGE_SIZE);
	machine_dirty(m, 7);
	expect_last(1, 0);
	touch(7);
	expect_last(0, 1);
	m->type[p2m[7]] = 1; /* a table, and none again */
	memset(page(7), 8, HOST_PAGE_SIZE);
	machine_dirty(m, 7);
	expect_last(0, 0);
	assert_int_equal(other[7].has, TABLE);
	m->type[p2m[7]] = 0;
	touch(7);
	expect_last(1, 0);
	touch(7);
	expect_last(0, 1);
	go(7);
	expect_last(0, 0);
	come(7);
	expect_last(0, 0);
	assert_int_equal(other[7].has, EMPTY);
	touch(7);
	expect_last(1, 0);
	touch(7);
	expect_last(1, 0);
	touch(7);
	expect_last(0, 1);
	round_sent(true);
	compare();
	end();
}

/* Without memory for what was sent all goes in full. */
static void no_memory(void **state)
{
	(void)state;
	start(true);
	sent_cache_free(s.cache);
	s.cache = NULL;
	for (unsigned int i = 0; i < 4; i++) {
		touch(7);
		expect_last(i ? 1 : PAGES - PAGES / 5, 0);
	}
	round_sent(true);
	compare();
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(many_rounds),
		cmocka_unit_test(one_page),
		cmocka_unit_test(no_memory),
	};

	return cmocka_run_group_tests_name("pages", tests, NULL, NULL);
}
