/* SPDX-License-Identifier: BSD-2-Clause */
/* What a receiver makes of pages that come as what differs from before, and what a sender is told
 * whose deltas, or pages, fit nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#ifndef __XEN_TOOLS__
#define __XEN_TOOLS__ 1
#endif
#include <xen/xen.h>

#include "migration/delta.h"
#include "migration/engine.h"
#include "migration/stream.h"
#include "tests/unit/fake_machine.h"
#include "tests/unit/fake_wire.h"

#define PAGES 400u

static struct host *h;
static struct machine *m;
static struct mig_io io = { .ops = &wire_ops };
static uint8_t was[HOST_PAGE_SIZE], is[HOST_PAGE_SIZE], bytes[DELTA_MOST];

static int setup(void **state)
{
	(void)state;
	h = machine_new(false, PAGES);
	m = machine_of(h);
	wire_new(m);
	memset(was, 3, sizeof(was));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	assert_int_equal(m->mapped, 0);
	wire_free();
	machine_free(h);
	return 0;
}

static void front_of(uint32_t last, size_t frames)
{
	uint64_t pfns[64];

	for (unsigned int i = 0; i < 64; i++)
		pfns[i] = i;
	wire.len = wire.at = 0;
	stream_write_head(&io, 4, 17);
	stream_write_pv_info(&io, false);
	stream_write(&io, STREAM_STATIC_DATA_END, NULL, 0, NULL, 0);
	stream_write_p2m_frames(&io, 0, last, pfns, frames);
}

static void front(void)
{
	front_of(PAGES - 1, 1);
}

static void page(uint64_t pfn, unsigned int type)
{
	uint64_t word = pfn | (uint64_t)type << 60;
	void *data = was;

	assert_int_equal(stream_write_pages(&io, &word, 1, &data, stream_has_data(type)), 0);
}

static void delta(uint64_t pfn, size_t len)
{
	const struct stream_delta d = { pfn, bytes, len };

	assert_int_equal(stream_write_deltas(&io, &d, 1), 0);
}

static unsigned int seen, seen_to_stand; /* records; of a guest that stands still */

static int progress(void *arg, const struct mig_progress *p)
{
	(void)arg;
	seen++;
	assert_true(p->last || !seen_to_stand);
	seen_to_stand += p->last;
	return 0;
}

/* Until the stream ends; the reason must hold the words. */
static void receive(bool deltas, const char *words)
{
	const struct mig_calls calls = { .progress = progress };
	const struct mig_receive_opts o = { TO, 3, 4, .max_pages = m->max_pages, .deltas = deltas };
	struct mig_receiver *r;
	struct mig_received got;
	struct mig_head head;
	struct why why = { 0 };
	int rc = mig_receive_begin(&r, &io, &head, &why);

	assert_int_equal(rc, 0);
	seen = seen_to_stand = 0;
	rc = mig_receive(r, h, &o, &calls, &got, &why);
	mig_receive_end(&r);
	if (!rc || !strstr(why.text, words))
		fail_msg("expected \"%s\", got %d \"%s\"", words, rc, why.text);
	assert_int_equal(m->mapped, 0);
}

static const uint8_t *frame_of(uint64_t pfn)
{
	for (uint64_t mfn = 0; mfn < MACHINE_FRAMES; mfn++)
		if (m->owner[mfn] == TO && m->m2p[mfn] == pfn)
			return machine_frame(m, mfn);
	fail_msg("there is no page %#llx", (unsigned long long)pfn);
	return NULL;
}

/* Two that build on each other, and one in full between others. */
static void applied(void **state)
{
	size_t len;

	(void)state;
	front();
	page(5, STREAM_NOTAB);
	page(6, STREAM_NOTAB);
	memcpy(is, was, sizeof(is));
	is[100] = 50;
	len = delta_make(was, is, bytes, sizeof(bytes));
	delta(5, len);
	delta(6, len);
	page(6, STREAM_NOTAB);
	memcpy(was, is, sizeof(is));
	is[0] = 51;
	is[HOST_PAGE_SIZE - 1] = 52;
	delta(5, delta_make(was, is, bytes, sizeof(bytes)));
	delta(5, 0); /* as it is */
	receive(true, "ends in the middle");
	assert_memory_equal(frame_of(5), is, sizeof(is));
	memset(was, 3, sizeof(was));
	assert_memory_equal(frame_of(6), was, sizeof(was));
}

static void not_agreed_on(void **state)
{
	(void)state;
	front();
	page(5, STREAM_NOTAB);
	delta(5, 0);
	receive(false, "0x7fff0001, which is unknown and not optional");
}

static void fits_nothing(void **state)
{
	static const struct {
		unsigned int then; /* what the page became last */
		const char *words;
	} cases[] = {
		{ STREAM_NO_PAGE, "page 0x5, which is not there" },
		{ STREAM_L1, "page 0x5, which is a page table" },
		{ STREAM_L4 | STREAM_PINNED, "page 0x5, which is a page table" },
		{ STREAM_ALLOCATE, "page 0x5, which came without contents" },
	};

	(void)state;
	for (unsigned int i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		front();
		page(5, STREAM_NOTAB);
		page(5, cases[i].then);
		delta(5, 0);
		receive(true, cases[i].words);
	}
	front();
	page(5, STREAM_NOTAB);
	delta(6, 0); /* never sent */
	receive(true, "page 0x6, which is not there");
	front();
	page(5, STREAM_NOTAB);
	delta(PAGES, 0);
	receive(true, "page 0x190, which is not there");
	front();
	page(5, STREAM_NOTAB);
	delta(STREAM_PFN_MASK, 0);
	receive(true, "which is not there");
	front();
	delta(5, 0);
	receive(true, "PAGE_DELTAS before PAGE_DATA");
}

static void damaged(void **state)
{
	(void)state;
	front();
	page(5, STREAM_NOTAB);
	memset(bytes, 0xff, sizeof(bytes));
	delta(5, sizeof(bytes));
	receive(true, "the delta for page 0x5 is damaged");
	assert_memory_equal(frame_of(5), was, sizeof(was));
}

static void refused(const char *words)
{
	receive(false, words);
	/* as the caller does with a domain that did not come to be */
	for (unsigned int i = 3; i < MACHINE_FRAMES; i++)
		if (m->owner[i] == TO)
			m->owner[i] = NOBODY;
}

static void hostile(void **state)
{
	static uint8_t data[HOST_PAGE_SIZE], *datas[4] = { data, data, data, data };
	const uint64_t gone = (uint64_t)STREAM_NO_PAGE << 60,
		       empty = (uint64_t)STREAM_ALLOCATE << 60;
	uint64_t words[4] = { 5, 5, 6, 7 }, pfns[1] = { 0 };

	(void)state;
	m->max_pages = 3000;
	front_of(1000, 2);
	stream_write_pages(&io, words, 4, (void **)datas, 4);
	refused("twice");
	front_of(1000, 2);
	words[1] = 1001;
	stream_write_pages(&io, words, 4, (void **)datas, 4);
	refused("a page 0x3e9");
	front_of(1000, 2);
	words[0] = 1001 | gone; /* never sent, outside */
	stream_write_pages(&io, words, 1, NULL, 0);
	refused("a page 0x3e9");
	front_of(300000000, 1);
	refused("frames");
	front_of(1000, 2);
	stream_write_p2m_frames(&io, 0, 400, pfns, 1);
	refused("lists pages 0 to 400");
	front_of(400, 1);
	stream_write_p2m_frames(&io, 512, 600, pfns, 1);
	refused("lists pages 512");
	front_of(400, 1);
	for (unsigned int i = 0; i < 3; i++) /* the same again and again holds nothing */
		stream_write_p2m_frames(&io, 0, 400, pfns, 1);
	stream_write_vcpu(&io, STREAM_VCPU_BASIC, 1, data, 100);
	refused("a vCPU 1");
	front_of(400, 1);
	stream_write_vcpu(&io, STREAM_VCPU_BASIC, 0, data, 100);
	refused("of 100 bytes");
	/* there, away, away again, and there as a table that leads nowhere */
	front_of(400, 1);
	words[0] = 5 | empty;
	stream_write_pages(&io, words, 1, NULL, 0);
	words[0] = 5 | gone;
	stream_write_pages(&io, words, 1, NULL, 0);
	stream_write_pages(&io, words, 1, NULL, 0);
	words[0] = 5 | (uint64_t)(STREAM_L4 | STREAM_PINNED) << 60;
	memset(data, 0xff, sizeof(data));
	stream_write_pages(&io, words, 1, (void **)datas, 1);
	stream_write(&io, STREAM_SHARED_INFO, NULL, 0, data, HOST_PAGE_SIZE);
	stream_write_vcpu(&io, STREAM_VCPU_BASIC, 0, m->context[FROM],
			  sizeof(struct vcpu_guest_context));
	stream_write(&io, STREAM_END, NULL, 0, NULL, 0);
	refused("maps a page that the image has not");
	m->max_pages = 10;
	front_of(400, 1);
	for (unsigned int i = 0; i < 11; i++) {
		words[0] = i | empty;
		stream_write_pages(&io, words, 1, NULL, 0);
	}
	refused("more than the domain's 10 pages");
}

/* From its state on, which comes when it cannot change any more */
static void stands_from_its_state_on(void **state)
{
	(void)state;
	front();
	page(5, STREAM_NOTAB);
	receive(false, "ends in the middle");
	assert_true(seen > 1);
	assert_int_equal(seen_to_stand, 0);
	front();
	stream_write_tsc(&io, &(struct stream_tsc){ 1, 2000000, 0, 0 });
	page(5, STREAM_NOTAB);
	receive(false, "ends in the middle");
	assert_int_equal(seen_to_stand, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(applied, setup, teardown),
		cmocka_unit_test_setup_teardown(not_agreed_on, setup, teardown),
		cmocka_unit_test_setup_teardown(fits_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(damaged, setup, teardown),
		cmocka_unit_test_setup_teardown(hostile, setup, teardown),
		cmocka_unit_test_setup_teardown(stands_from_its_state_on, setup, teardown),
	};

	return cmocka_run_group_tests_name("receive", tests, NULL, NULL);
}
