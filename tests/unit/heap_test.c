/* SPDX-License-Identifier: BSD-2-Clause */
/* core/heap.c, and claims of domain/pages.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "fake_hv.h"

#define FRAMES 4096

static int setup(void **s)
{
	(void)s;
	fake_reset(FRAMES);
	fake_run_on(0, NULL);
	heap_add(5 * PAGE_SIZE, (FRAMES - 3) * PAGE_SIZE);
	return 0;
}

static void all_frames_can_be_had_once(void **s)
{
	static bool had[FRAMES];
	struct frame *f;
	unsigned int n;

	(void)s;
	memset(had, 0, sizeof(had));
	for (n = 0; (f = frames_alloc(0, 0)); n++) {
		assert_in_range(frame_mfn(f).n, 5, FRAMES - 4);
		assert_false(had[frame_mfn(f).n]);
		had[frame_mfn(f).n] = true;
	}
	assert_int_equal(n, FRAMES - 8);
	assert_int_equal(heap_free_frames(), 0);
	assert_int_equal(heap_total_frames(), FRAMES - 8);
}

static void blocks_are_aligned_and_merge_again(void **s)
{
	struct frame *f[3];
	unsigned int i;

	(void)s;
	for (i = 0; i < 3; i++) {
		f[i] = frames_alloc(9, 0);
		assert_non_null(f[i]);
		assert_int_equal(frame_mfn(f[i]).n % 512, 0);
	}
	for (i = 0; i < 3; i++)
		frames_free(f[i], 9);
	assert_int_equal(heap_free_frames(), FRAMES - 8);
	assert_non_null(frames_alloc(10, 0));
}

static void low_memory_is_kept_and_found(void **s)
{
	struct frame *f;

	(void)s;
	f = frames_alloc(0, 0);
	assert_true(frame_mfn(f).n >= 2048);
	f = frames_alloc(3, PAGE_SHIFT + 9);
	assert_true(frame_mfn(f).n + 8 <= 512);
	assert_null(frames_alloc(9, PAGE_SHIFT + 9)); /* the low 2 MiB has a hole at its start */
	assert_null(frames_alloc(0, 5));
	assert_int_equal(heap_free_frames_below(PAGE_SHIFT + 9), 512 - 5 - 8);
	assert_true(virt_to_mfn(page_alloc(0)).n >= 2048);
	assert_true(virt_to_mfn(page_alloc_below(PAGE_SHIFT + 9)).n < 512);
}

static void random_traffic_keeps_the_count(void **s)
{
	struct {
		struct frame *f;
		unsigned int order;
	} held[64] = { 0 };
	uint64_t out = 0;
	unsigned int i, k, n;

	(void)s;
	srand(1);
	for (n = 0; n < 20000; n++) {
		i = rand() % 64;
		fake_run_on(rand() % 4, NULL);
		if (held[i].f) {
			for (k = 0; k < 1u << held[i].order; k++)
				assert_int_equal(fake_table(frame_mfn(held[i].f + k))[1], i);
			frames_free(held[i].f, held[i].order);
			out -= 1ull << held[i].order;
			held[i].f = NULL;
		} else {
			held[i].order = rand() % 3 ? 0 : rand() % 7;
			held[i].f = frames_alloc(held[i].order, rand() % 8 ? 0 : PAGE_SHIFT + 11);
			for (k = 0; held[i].f && k < 1u << held[i].order; k++)
				fake_table(frame_mfn(held[i].f + k))[1] = i;
			out += held[i].f ? 1ull << held[i].order : 0;
		}
		assert_int_equal(heap_free_frames() + out, FRAMES - 8);
	}
}

static void small_objects_are_zero_and_come_back(void **s)
{
	static const size_t sizes[] = { 1, 32, 33, 100, 512, 2000, 2048, 2049, 4096, 5000, 20000 };
	uint64_t free = heap_free_frames();
	unsigned int i, k;
	char *p[ARRAY_SIZE(sizes)][20];

	(void)s;
	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		for (k = 0; k < 20; k++) {
			p[i][k] = zalloc(sizes[i]);
			assert_non_null(p[i][k]);
			for (size_t b = 0; b < sizes[i]; b++)
				assert_int_equal(p[i][k][b], 0);
			memset(p[i][k], 0xaa, sizes[i]);
		}
	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		for (k = 0; k < 20; k++)
			zfree(p[i][k]);
	zfree(NULL);
	assert_int_equal(heap_free_frames(), free);
}

static void freed_frame_is_flushed_before_it_is_given(void **s)
{
	struct frame *f = frames_alloc(0, 0);
	uint64_t before;

	(void)s;
	frames_free(f, 0);
	before = fake_flushes;
	assert_ptr_equal(frames_alloc(0, 0), f);
	assert_int_equal(fake_flushes - before, 4);
	frames_free(f, 0);
	tlb_flush_cpus(15);
	before = fake_flushes;
	assert_ptr_equal(frames_alloc(0, 0), f); /* they did anyway */
	assert_int_equal(fake_flushes, before);
}

/* Of two blocks that merge the later stamp counts, however long ago the other's was taken: memory
 * that nobody wanted since the boot has a very old one. */
static void freed_frame_is_flushed_beside_an_old_one(void **s)
{
	struct frame *f = frames_alloc(1, 0);
	uint64_t before;

	(void)s;
	fake_tlb_ticks(3000000000);
	tlb_flush_cpus(15);
	frames_free(f, 1);
	before = fake_flushes;
	assert_ptr_equal(frames_alloc(1, 0), f);
	assert_int_equal(fake_flushes - before, 4);
}

/* A CPU may compute for hours without a flush, while others have the clock go round. */
static void freed_frame_is_flushed_when_the_clock_has_gone_round(void **s)
{
	struct frame *f = frames_alloc(1, 0);
	uint64_t before;

	(void)s;
	tlb_flush_cpus(15);
	fake_tlb_ticks(1000);
	frames_free(f, 1);
	fake_tlb_ticks((1ull << 32) - 500);
	before = fake_flushes;
	assert_ptr_equal(frames_alloc(1, 0), f);
	assert_int_equal(fake_flushes - before, 4);
}

static void claim_keeps_others_out(void **s)
{
	struct domain *a = fake_domain(1, false, FRAMES), *b = fake_domain(2, false, FRAMES);
	unsigned int n;
	struct frame *f;

	(void)s;
	assert_int_equal(domain_claim(a, FRAMES - 8 - 100), 0);
	assert_int_equal(domain_claim(b, 101), -XEN_ENOMEM);
	for (n = 0; (f = domain_alloc(b, 0, 0)) && !domain_assign(b, f, 0); n++)
		;
	assert_int_equal(n, 100);
	for (n = 0; (f = domain_alloc(a, 0, 0)) && !domain_assign(a, f, 0); n++)
		;
	assert_int_equal(n, FRAMES - 8 - 100);
	assert_int_equal(pages_claimed(), 0);
	a->state = b->state = DOM_DYING;
	assert_int_equal(mmu_kill(a), 0);
	assert_int_equal(mmu_kill(b), 0);
	assert_int_equal(heap_free_frames(), FRAMES - 8);
}

/* Whoever built it died before it was done, and then it was destroyed. */
static void the_dead_claim_nothing(void **s)
{
	struct domain *a = fake_domain(1, false, FRAMES), *b = fake_domain(2, false, FRAMES);

	(void)s;
	assert_int_equal(domain_claim(a, FRAMES - 8), 0);
	assert_int_equal(domain_assign(a, domain_alloc(a, 0, 0), 0), 0);
	a->state = DOM_DYING;
	assert_int_equal(mmu_kill(a), 0);
	assert_int_equal(pages_claimed(), 0);
	assert_int_equal(domain_claim(b, FRAMES - 8), 0);
	assert_int_equal(domain_claim(b, 0), 0);
}

static struct domain *rival;
static int rivals_rc;
static struct frame *rivals;

static void rival_claims(void)
{
	rivals_rc = domain_claim(rival, FRAMES - 8);
}
static void rival_claims_at_the_next_lock(void)
{
	fake_at_lock = rival_claims;
}
static void rival_takes(void)
{
	rivals = domain_alloc(rival, 1, 0);
}

/* Two guests are begun at once: one is told so, and not both that all is theirs. */
static void of_two_claims_at_once_one_is_kept(void **s)
{
	struct domain *a = fake_domain(1, false, FRAMES);
	int rc;

	(void)s;
	rival = fake_domain(2, false, FRAMES);
	fake_at_lock = rival_claims_at_the_next_lock; /* the list's lock, then that of claims */
	rc = domain_claim(a, FRAMES - 8);
	assert_null(fake_at_lock);
	assert_true(!rc != !rivals_rc);
	assert_int_equal(pages_claimed(), FRAMES - 8);
	assert_int_equal(domain_claim(rc ? rival : a, 0), 0);
}

/* Two others see the last frames that are nobody's, at once. */
static void two_at_once_do_not_take_what_is_claimed(void **s)
{
	struct domain *a = fake_domain(1, false, FRAMES), *b = fake_domain(3, false, FRAMES);
	struct frame *f;

	(void)s;
	rival = fake_domain(2, false, FRAMES);
	assert_int_equal(domain_claim(a, FRAMES - 8 - 2), 0);
	fake_at_lock = rival_takes;
	f = domain_alloc(b, 1, 0);
	assert_null(fake_at_lock);
	assert_true(!f != !rivals);
	assert_int_equal(heap_free_frames(), FRAMES - 8 - 2);
	frames_free(f ? f : rivals, 1);
	assert_int_equal(domain_claim(a, 0), 0);
}

static void limit_of_a_domain(void **s)
{
	struct domain *a = fake_domain(1, false, 10);
	struct frame *f;

	(void)s;
	f = domain_alloc(a, 3, 0);
	assert_int_equal(domain_assign(a, f, 3), 0);
	f = domain_alloc(a, 2, 0);
	assert_int_equal(domain_assign(a, f, 2), -XEN_ENOMEM);
	assert_int_equal(domain_assign(a, f, 1), 0);
	a->state = DOM_DYING;
	f = domain_alloc(a, 0, 0);
	assert_int_equal(domain_assign(a, f, 0), -XEN_ESRCH);
}

/* Firmware's leftovers, what the hypervisor kept in a page and in small objects: a domain finds
 * zeros. */
static void nothing_is_left_for_a_domain(void **s)
{
	struct domain *a = fake_domain(1, false, FRAMES);
	unsigned int order, n;
	struct frame *f;
	void *p;

	(void)s;
	for (n = 5; n < FRAMES - 3; n++)
		memset(mfn_to_virt(MFN(n)), 0x5a, PAGE_SIZE);
	for (order = 0; order < 4; order++) {
		p = page_alloc(order);
		memset(p, 0xa5, PAGE_SIZE << order);
		page_free(p, order);
	}
	p = zalloc(100);
	memset(p, 0xa5, 100);
	zfree(p);
	for (n = 0; (f = domain_alloc(a, n % 3, 0)); n++) {
		heap_scrub_used(f, n % 3);
		for (unsigned long i = 0; i < PAGE_SIZE << (n % 3); i += 512)
			assert_int_equal(((uint8_t *)mfn_to_virt(frame_mfn(f)))[i], 0);
	}
	assert_true(n > FRAMES / 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(all_frames_can_be_had_once, setup),
		cmocka_unit_test_setup(blocks_are_aligned_and_merge_again, setup),
		cmocka_unit_test_setup(low_memory_is_kept_and_found, setup),
		cmocka_unit_test_setup(random_traffic_keeps_the_count, setup),
		cmocka_unit_test_setup(small_objects_are_zero_and_come_back, setup),
		cmocka_unit_test_setup(freed_frame_is_flushed_before_it_is_given, setup),
		cmocka_unit_test_setup(freed_frame_is_flushed_beside_an_old_one, setup),
		cmocka_unit_test_setup(freed_frame_is_flushed_when_the_clock_has_gone_round, setup),
		cmocka_unit_test_setup(claim_keeps_others_out, setup),
		cmocka_unit_test_setup(the_dead_claim_nothing, setup),
		cmocka_unit_test_setup(of_two_claims_at_once_one_is_kept, setup),
		cmocka_unit_test_setup(two_at_once_do_not_take_what_is_claimed, setup),
		cmocka_unit_test_setup(limit_of_a_domain, setup),
		cmocka_unit_test_setup(nothing_is_left_for_a_domain, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
