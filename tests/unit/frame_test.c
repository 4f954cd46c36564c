/* SPDX-License-Identifier: BSD-2-Clause */
/* core/frame.c: references, types, and what becomes of half-done tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <sys/mman.h>
#include "fake_hv.h"

static struct domain *d, *other;

static int setup(void **s)
{
	(void)s;
	fake_reset(256);
	heap_add(16 * PAGE_SIZE, 256 * PAGE_SIZE);
	d = fake_domain(1, false, 200);
	other = fake_domain(2, false, 200);
	fake_run_on(0, fake_vcpu(d));
	return 0;
}

static void assigned_frame_is_the_owners(void **s)
{
	struct frame *f = fake_frame(fake_page(d));

	(void)s;
	assert_int_equal(frame_count(f), 1);
	assert_true(frame_get(f, d));
	assert_false(frame_get(f, other));
	assert_int_equal(frame_count(f), 2);
	frame_put(f);
}

/* Its owner may be giving it away, for which nobody else is to hold it, not for a moment. */
static void others_do_not_touch_a_frame(void **s)
{
	const size_t size = 256 * sizeof(struct frame);
	struct frame *table = frame_table, *f;
	mfn_t m = fake_page(d);

	(void)s;
	frame_table = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	memcpy(frame_table, table, size);
	assert_int_equal(mprotect(frame_table, size, PROT_READ), 0);
	f = fake_frame(m);
	assert_false(frame_get(f, other));
	assert_int_equal(frame_get_typed(f, other, FT_WRITABLE), -XEN_EINVAL);
	assert_int_equal(frame_get_entry(f, other, FT_L1), -XEN_EINVAL);
	assert_false(frame_get_more(f, other, FT_L1));
	munmap(frame_table, size);
	frame_table = table;
}

static void free_frame_cannot_be_referenced(void **s)
{
	(void)s;
	assert_false(frame_get_any(fake_frame(MFN(20))));
	assert_int_equal(frame_get_typed(fake_frame(MFN(20)), d, FT_WRITABLE), -XEN_EINVAL);
}

static void frame_is_freed_with_its_last_reference(void **s)
{
	struct frame *f = fake_frame(fake_page(d));
	uint64_t free = heap_free_frames();

	(void)s;
	assert_true(frame_get(f, d));
	assert_true(frame_drop_allocated(f));
	assert_false(frame_drop_allocated(f));
	assert_int_equal(heap_free_frames(), free);
	assert_int_equal(d->nr_pages, 1);
	frame_put(f);
	assert_int_equal(heap_free_frames(), free + 1);
	assert_int_equal(d->nr_pages, 0);
	assert_int_equal(d->refs, 1); /* the domain's frames no longer hold it */
}

static void types_exclude_each_other(void **s)
{
	struct frame *f = fake_frame(fake_page(d));

	(void)s;
	assert_int_equal(frame_get_typed(f, d, FT_WRITABLE), 0);
	assert_int_equal(frame_get_typed(f, d, FT_L1), -XEN_EINVAL);
	assert_int_equal(frame_get_typed(f, d, FT_SEGDESC), -XEN_EINVAL);
	assert_int_equal(frame_get_typed(f, d, FT_WRITABLE), 0);
	assert_int_equal(frame_type_count(f), 2);
	frame_put_typed(f);
	assert_int_equal(frame_get_typed(f, d, FT_L1), -XEN_EINVAL);
	frame_put_typed(f);
	assert_int_equal(frame_get_typed(f, d, FT_L1), 0);
	assert_int_equal(frame_get_typed(f, d, FT_WRITABLE), -XEN_EBUSY);
	frame_put_typed(f);
	fake_audit(NULL, NULL);
}

static void change_of_type_flushes_who_may_have_it_in_a_tlb(void **s)
{
	struct frame *f = fake_frame(fake_page(d));
	uint64_t before;

	(void)s;
	d->tlb_cpus = 3;
	frame_get_typed(f, d, FT_WRITABLE);
	frame_put_typed(f);
	before = fake_flushes;
	frame_get_typed(f, d, FT_L1);
	assert_int_equal(fake_flushes - before, 2);
	frame_put_typed(f);
	before = fake_flushes;
	frame_get_typed(f, d, FT_L1); /* the same again: nothing could be written meanwhile */
	assert_int_equal(fake_flushes, before);
	frame_put_typed(f);
	frame_get_typed(f, d, FT_WRITABLE); /* a table no more: paths through it must go */
	assert_int_equal(fake_flushes - before, 2);
	frame_mark_foreign(f);
	frame_put_typed(f);
	before = fake_flushes;
	frame_get_typed(f, d, FT_L1); /* others had it: all CPUs */
	assert_int_equal(fake_flushes - before, 4);
	frame_put_typed(f);
}

static struct frame *shared_with_another;

/* Another CPU maps it, has it in its TLB again after a flush, and unmaps it; if it is not in the
 * middle of a change, when it would wait. */
static void mapped_for_a_moment(void)
{
	struct frame *f = shared_with_another;

	if (!(f->type & 1u << 24)) /* T_VALID */
		return;
	assert_int_equal(frame_get_typed(f, d, FT_WRITABLE), 0);
	tlb_flush_cpus(15);
	frame_put_typed(f);
}

static void stamp_of_the_last_is_no_older_than_what_others_did(void **s)
{
	struct frame *f = fake_frame(fake_page(d));
	uint64_t before;

	(void)s;
	assert_int_equal(frame_get_typed(f, d, FT_WRITABLE), 0);
	shared_with_another = f;
	fake_after_stamp = mapped_for_a_moment;
	frame_put_typed(f);
	before = fake_flushes;
	assert_int_equal(frame_get_typed(f, d, FT_L1), 0);
	assert_int_equal(fake_flushes - before, 4);
	frame_put_typed(f);
}

static void pin_is_taken_once(void **s)
{
	struct frame *f = fake_frame(fake_page(d));

	(void)s;
	frame_get_typed(f, d, FT_L1);
	assert_true(frame_pin(f));
	assert_false(frame_pin(f));
	assert_true(frame_unpin(f));
	assert_false(frame_unpin(f));
	frame_put_typed(f);
}

static void shared_frame_is_no_table(void **s)
{
	struct frame *f = frames_alloc(0, 0), *g = frames_alloc(0, 0);
	uint64_t free = heap_free_frames();

	(void)s;
	frame_share(f, d, true);
	frame_share(g, d, false);
	assert_int_equal(d->nr_own_pages, 2);
	assert_int_equal(frame_get_typed(f, d, FT_L1), -XEN_EINVAL);
	assert_int_equal(frame_get_typed(f, d, FT_WRITABLE), 0);
	assert_int_equal(frame_get_typed(g, d, FT_WRITABLE), -XEN_EBUSY);
	assert_true(frame_get(g, d));
	frame_unshare(f);
	frame_unshare(g);
	assert_int_equal(heap_free_frames(), free); /* still mapped */
	frame_put_typed(f);
	frame_put(g);
	assert_int_equal(heap_free_frames(), free + 2);
	assert_int_equal(d->nr_own_pages, 0);
	assert_int_equal(d->refs, 1);
}

static void steal_needs_the_only_reference(void **s)
{
	struct frame *f = fake_frame(fake_page(d));

	(void)s;
	frame_get(f, d);
	frame_get(f, d);
	assert_false(frame_steal(f, d));
	frame_put(f);
	assert_true(frame_steal(f, d));
	assert_int_equal(d->nr_pages, 0);
	assert_null(f->owner);
	frames_free(f, 0);
}

/* An L2 over n L1s, each with one writable mapping. */
static struct frame *small_tree(unsigned int n)
{
	mfn_t l2 = fake_page(d), l1;
	unsigned int i;

	for (i = 0; i < n; i++) {
		l1 = fake_page(d);
		fake_table(l1)[i] = pte_make(fake_page(d), PTE_P | PTE_RW);
		fake_table(l2)[i] = pte_make(l1, PTE_P | PTE_RW);
	}
	return fake_frame(l2);
}

static void preempted_validation_goes_on(void **s)
{
	struct frame *f = small_tree(10);
	unsigned int again = 0;
	int rc;

	(void)s;
	fake_yield_every = 2;
	while ((rc = frame_get_typed(f, d, FT_L2)) == -XEN_ERESTART) {
		again++;
		fake_audit(NULL, NULL);
		assert_false(frame_get_more(f, d, FT_L2));
	}
	assert_int_equal(rc, 0);
	assert_true(again >= 3);
	for (again = 0; frame_put_typed_preemptible(f); again++)
		;
	assert_true(again >= 3);
	fake_audit(NULL, NULL);
	assert_int_equal(frame_type(f), FT_NONE);
}

static void half_validated_table_is_undone_for_another_type(void **s)
{
	struct frame *f = small_tree(10);

	(void)s;
	fake_yield_every = 2;
	assert_int_equal(frame_get_typed(f, d, FT_L2), -XEN_ERESTART);
	fake_yield_every = 0;
	assert_int_equal(frame_get_typed(f, d, FT_WRITABLE), 0);
	frame_put_typed(f);
	fake_audit(NULL, NULL);
}

/* Who checks a table waits only for what is below it; taking another kind apart could lead
 * anywhere. */
static void half_validated_table_is_left_alone_by_an_entry(void **s)
{
	struct frame *f = small_tree(10), *above;
	mfn_t l2 = fake_page(d);

	(void)s;
	fake_yield_every = 2;
	assert_int_equal(frame_get_typed(f, d, FT_L2), -XEN_ERESTART);
	fake_yield_every = 0;
	above = fake_frame(l2);
	fake_table(l2)[7] = pte_make(frame_mfn(f), PTE_P);
	assert_int_equal(frame_get_typed(above, d, FT_L2), -XEN_EINVAL); /* as an L1 */
	assert_int_equal(frame_get_typed(above, d, FT_L1), 0);		 /* as read-only memory */
	frame_put_typed(above);
	fake_table(l2)[7] = pte_make(frame_mfn(f), PTE_P | PTE_RW);
	assert_int_equal(frame_get_typed(above, d, FT_L1), -XEN_EBUSY); /* as writable memory */
	assert_int_equal(frame_type(f), FT_L2);
	assert_int_equal(frame_get_typed(f, d, FT_L2), 0); /* whoever began it ends it */
	frame_put_typed(f);
	fake_audit(NULL, NULL);
}

static void half_invalidated_table_is_completed_by_another(void **s)
{
	struct frame *f = small_tree(10);
	unsigned int typed[256] = { 0 };

	(void)s;
	assert_int_equal(frame_get_typed(f, d, FT_L2), 0);
	fake_yield_every = 2;
	assert_int_equal(frame_put_typed_preemptible(f), -XEN_ERESTART);
	fake_yield_every = 0;
	assert_int_equal(frame_get_typed(f, d, FT_WRITABLE), -XEN_EBUSY);
	assert_int_equal(frame_get_typed(f, d, FT_L2), 0);
	typed[frame_mfn(f).n] = 2;
	fake_audit(NULL, typed);
	frame_put_typed(f);
	frame_put_typed(f);
	fake_audit(NULL, NULL);
}

static bool usable(struct frame *f, enum frame_type t)
{
	if (!frame_get_more(f, d, t))
		return false;
	frame_put_typed(f);
	return true;
}

/* An L3's last reference goes, and that is interrupted inside of its one L2. */
static void take_down_half(struct frame *l3, struct frame *l2)
{
	fake_yield_every = 5;
	do {
		assert_int_equal(frame_put_typed_preemptible(l3), -XEN_ERESTART);
	} while (usable(l2, FT_L2));
	fake_yield_every = 0;
}

/* An L3 comes down, and stops inside of one of its L2s; then somebody wants it again. What was let
 * go of below that L2 has to be looked at anew: it may be anybody's by now. */
static void half_invalidated_tree_is_completed_by_another(void **s)
{
	mfn_t l3 = fake_page(d), l2 = frame_mfn(small_tree(10));
	struct frame *f = fake_frame(l3);
	unsigned int typed[256] = { 0 };

	(void)s;
	fake_table(l3)[7] = pte_make(l2, PTE_P | PTE_RW);
	assert_int_equal(frame_get_typed(f, d, FT_L3), 0);
	take_down_half(f, fake_frame(l2));
	assert_int_equal(frame_get_typed(f, d, FT_L3), 0);
	assert_true(usable(fake_frame(l2), FT_L2));
	typed[l3.n] = 2;
	fake_audit(NULL, typed);
	frame_put_typed(f);
	frame_put_typed(f);
	fake_audit(NULL, NULL);
}

/* The same, and the L2 cannot be had again: neither can what leads to it. */
static void half_invalidated_tree_stays_refused(void **s)
{
	mfn_t l3 = fake_page(d), l2 = frame_mfn(small_tree(10)), l1 = pte_mfn(fake_table(l2)[9]);
	struct frame *f = fake_frame(l3);

	(void)s;
	fake_table(l3)[7] = pte_make(l2, PTE_P | PTE_RW);
	assert_int_equal(frame_get_typed(f, d, FT_L3), 0);
	take_down_half(f, fake_frame(l2));
	assert_int_equal(frame_get_typed(fake_frame(l1), d, FT_WRITABLE), 0);
	assert_int_equal(frame_get_typed(f, d, FT_L3), -XEN_EINVAL);
	frame_put_typed(fake_frame(l1));
	while (frame_put_typed_preemptible(f))
		;
	fake_audit(NULL, NULL);
}

/* A guest may have its own table as often as its memory allows. The hypervisor, which walks that
 * table on the guest's behalf, still gets a reference. */
static void there_is_room_above_the_guests_references(void **s)
{
	struct frame *f = fake_frame(fake_page(d));
	const uint32_t types = 0xfe0000, counts = 0x1fff0000; /* few below the limits */

	(void)s;
	assert_int_equal(frame_get_typed(f, d, FT_L1), 0);
	f->type += types;
	while (!frame_get_typed(f, d, FT_L1))
		;
	assert_true(frame_get_more(f, d, FT_L1));
	while (frame_type_count(f) > types + 1)
		frame_put_typed(f);
	f->type -= types;

	f->count += counts;
	while (frame_get(f, d))
		;
	assert_true(frame_get_more(f, d, FT_L1));
	frame_put_typed(f);
	while (frame_count(f) > counts + 2)
		frame_put(f);
	f->count -= counts;
	frame_put_typed(f);
	fake_audit(NULL, NULL);
}

static void refused_table_leaves_nothing(void **s)
{
	struct frame *f = small_tree(10);
	int rc;

	(void)s;
	fake_table(frame_mfn(f))[300] = pte_make(fake_page(other), PTE_P);
	assert_int_equal(frame_get_typed(f, d, FT_L2), -XEN_EINVAL);
	fake_audit(NULL, NULL);
	fake_yield_every = 3;
	while ((rc = frame_get_typed(f, d, FT_L2)) == -XEN_ERESTART)
		fake_audit(NULL, NULL);
	assert_int_equal(rc, -XEN_EINVAL);
	fake_audit(NULL, NULL);
}

static void abandoned_table_is_settled(void **s)
{
	struct frame *f = small_tree(10);

	(void)s;
	fake_yield_every = 2;
	assert_int_equal(frame_get_typed(f, d, FT_L2), -XEN_ERESTART);
	while (frame_settle(f))
		fake_audit(NULL, NULL);
	fake_audit(NULL, NULL);
	assert_int_equal(frame_type(f), FT_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(assigned_frame_is_the_owners, setup),
		cmocka_unit_test_setup(others_do_not_touch_a_frame, setup),
		cmocka_unit_test_setup(free_frame_cannot_be_referenced, setup),
		cmocka_unit_test_setup(frame_is_freed_with_its_last_reference, setup),
		cmocka_unit_test_setup(types_exclude_each_other, setup),
		cmocka_unit_test_setup(change_of_type_flushes_who_may_have_it_in_a_tlb, setup),
		cmocka_unit_test_setup(stamp_of_the_last_is_no_older_than_what_others_did, setup),
		cmocka_unit_test_setup(pin_is_taken_once, setup),
		cmocka_unit_test_setup(shared_frame_is_no_table, setup),
		cmocka_unit_test_setup(steal_needs_the_only_reference, setup),
		cmocka_unit_test_setup(preempted_validation_goes_on, setup),
		cmocka_unit_test_setup(half_validated_table_is_undone_for_another_type, setup),
		cmocka_unit_test_setup(half_validated_table_is_left_alone_by_an_entry, setup),
		cmocka_unit_test_setup(half_invalidated_table_is_completed_by_another, setup),
		cmocka_unit_test_setup(half_invalidated_tree_is_completed_by_another, setup),
		cmocka_unit_test_setup(half_invalidated_tree_stays_refused, setup),
		cmocka_unit_test_setup(there_is_room_above_the_guests_references, setup),
		cmocka_unit_test_setup(refused_table_leaves_nothing, setup),
		cmocka_unit_test_setup(abandoned_table_is_settled, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
