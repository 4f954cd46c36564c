/* SPDX-License-Identifier: BSD-2-Clause */
/* pv/segment.c: descriptors a guest may have, its tables, single updates. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "fake_hv.h"

/* Flat descriptors: 16 bits of limit and base, type and flags, the rest. */
#define DESC(type, dpl, high) \
	(0xffffull | (uint64_t)(0x90 | (type) | (dpl) << 5) << 40 | (uint64_t)(high) << 48)
#define CODE		  0xb /* execute, read, accessed */
#define DATA		  0x3
#define G_D		  0xcf /* limit in pages, 32 bits */
#define G_L		  0xaf /* 64 bits */
#define SYSTEM(type, dpl) ((uint64_t)(0x80 | (type) | (dpl) << 5) << 40)

static struct domain *d64, *d32;
static struct vcpu *v;

static int setup(void **s)
{
	(void)s;
	fake_reset(256);
	heap_add(16 * PAGE_SIZE, 256 * PAGE_SIZE);
	d64 = fake_domain(1, false, 100);
	d32 = fake_domain(2, true, 100);
	v = fake_vcpu(d64);
	fake_run_on(0, v);
	return 0;
}

static void check(const struct domain *d, uint64_t desc, bool allowed, uint64_t becomes)
{
	uint64_t x = desc;

	assert_int_equal(segment_check(d, &x), allowed);
	if (allowed)
		assert_int_equal(x, becomes);
}

static void rings_are_raised_to_the_kernels(void **s)
{
	(void)s;
	check(d64, DESC(CODE, 0, G_L), true, DESC(CODE, 3, G_L));
	check(d64, DESC(DATA, 1, G_D), true, DESC(DATA, 3, G_D));
	check(d32, DESC(CODE, 0, G_D), true, DESC(CODE, 1, G_D));
	check(d32, DESC(DATA, 2, G_D), true, DESC(DATA, 2, G_D));
	check(d32, DESC(DATA, 3, G_D), true, DESC(DATA, 3, G_D));
}

static void accessed_bit_is_set(void **s)
{
	(void)s;
	check(d64, DESC(DATA & ~1, 3, G_D), true, DESC(DATA, 3, G_D));
}

static void ring_1_gets_no_64_bit_code(void **s)
{
	(void)s;
	check(d32, DESC(CODE, 1, G_L), false, 0);
	check(d32, DESC(CODE, 3, G_L), false, 0);
	check(d32, DESC(DATA, 3, G_L), true, DESC(DATA, 3, G_L)); /* the bit means nothing there */
	check(d64, DESC(CODE, 3, G_L | 0x40), false, 0);	  /* with D it is reserved */
}

static void no_system_descriptor_but_type_0(void **s)
{
	unsigned int type, dpl;

	(void)s;
	for (type = 0; type < 16; type++)
		for (dpl = 0; dpl < 4; dpl++) {
			check(d64, SYSTEM(type, dpl), !type, SYSTEM(type, dpl));
			check(d32, SYSTEM(type, dpl), !type, SYSTEM(type, dpl));
		}
}

static void absent_descriptor_is_left_alone(void **s)
{
	(void)s;
	check(d64, 0x0000700000000000ull & ~(1ull << 47), true, 0x0000700000000000ull);
	check(d32, (SYSTEM(12, 0) | 0x1234) & ~(1ull << 47), true,
	      (SYSTEM(12, 0) | 0x1234) & ~(1ull << 47));
}

static void gdt_page_is_not_writable_while_loaded(void **s)
{
	mfn_t m = fake_page(d64);

	(void)s;
	fake_table(m)[5] = DESC(CODE, 0, G_L);
	assert_int_equal(segment_set_gdt(v, &m, 100), 0);
	assert_int_equal(fake_table(m)[5], DESC(CODE, 3, G_L));
	assert_int_equal(frame_get_typed(fake_frame(m), d64, FT_WRITABLE), -XEN_EBUSY);
	assert_int_equal(fake_window[0], 1);
	segment_drop(v);
	assert_int_equal(frame_get_typed(fake_frame(m), d64, FT_WRITABLE), 0);
	frame_put_typed(fake_frame(m));
	fake_audit(NULL, NULL);
}

static void bad_gdt_changes_nothing(void **s)
{
	mfn_t good = fake_page(d64), list[2] = { fake_page(d64), fake_page(d64) };
	unsigned int typed[256] = { [0] = 0 };

	(void)s;
	assert_int_equal(segment_set_gdt(v, &good, 512), 0);
	fake_table(list[1])[511] = SYSTEM(12, 3);
	assert_int_equal(segment_set_gdt(v, list, 1024), -XEN_EINVAL);
	assert_int_equal(v->gdt[0].n, good.n);
	assert_int_equal(v->gdt_entries, 512);
	list[1] = fake_page(d32);
	assert_int_equal(segment_set_gdt(v, list, 1024), -XEN_EINVAL);
	assert_int_equal(segment_set_gdt(v, list, 14 * 512 + 1), -XEN_EINVAL);
	typed[good.n] = 1;
	fake_audit(NULL, typed);
	segment_drop(v);
}

static void update_of_a_loaded_table_is_checked(void **s)
{
	mfn_t m = fake_page(d64);

	(void)s;
	assert_int_equal(segment_set_gdt(v, &m, 512), 0);
	assert_int_equal(segment_update_descriptor(v, (m.n << PAGE_SHIFT) + 8 * 6,
						   DESC(DATA, 0, G_D)),
			 0);
	assert_int_equal(fake_table(m)[6], DESC(DATA, 3, G_D));
	assert_int_equal(segment_update_descriptor(v, (m.n << PAGE_SHIFT) + 8 * 6, SYSTEM(12, 3)),
			 -XEN_EINVAL);
	assert_int_equal(segment_update_descriptor(v, (m.n << PAGE_SHIFT) + 4, 0), -XEN_EINVAL);
	assert_int_equal(fake_table(m)[6], DESC(DATA, 3, G_D));
	segment_drop(v);
}

static void update_may_not_reach_other_frames(void **s)
{
	mfn_t l1 = fake_page(d64), foreign = fake_page(d32);

	(void)s;
	assert_int_equal(frame_get_typed(fake_frame(l1), d64, FT_L1), 0);
	assert_int_equal(segment_update_descriptor(v, l1.n << PAGE_SHIFT, DESC(DATA, 3, G_D)),
			 -XEN_EINVAL);
	assert_int_equal(segment_update_descriptor(v, foreign.n << PAGE_SHIFT, DESC(DATA, 3, G_D)),
			 -XEN_EINVAL);
	assert_int_equal(segment_update_descriptor(v, 3 << PAGE_SHIFT, DESC(DATA, 3, G_D)),
			 -XEN_EINVAL);
	assert_int_equal(segment_update_descriptor(v, 1ull << 45, DESC(DATA, 3, G_D)), -XEN_EINVAL);
	assert_int_equal(fake_table(l1)[0], 0);
	frame_put_typed(fake_frame(l1));
}

static void ldt_page_comes_on_demand(void **s)
{
	mfn_t l4 = fake_page(d64), l3 = fake_page(d64), l2 = fake_page(d64), l1 = fake_page(d64),
	      ldt = fake_page(d64);

	(void)s;
	fake_table(l4)[0] = pte_make(l3, PTE_P | PTE_RW);
	fake_table(l3)[0] = pte_make(l2, PTE_P | PTE_RW);
	fake_table(l2)[0] = pte_make(l1, PTE_P | PTE_RW);
	fake_table(l1)[3] = pte_make(ldt, PTE_P);
	assert_int_equal(mmu_new_root(v, l4), 0);
	assert_int_equal(segment_set_ldt(v, 0x3000, 1024), 0);
	assert_true(segment_ldt_fault(v, 100 * 8));
	assert_int_equal(frame_type(fake_frame(ldt)), FT_SEGDESC);
	assert_false(segment_ldt_fault(v, 100 * 8));  /* it is there: the fault is another */
	assert_false(segment_ldt_fault(v, 600 * 8));  /* no page is mapped there */
	assert_false(segment_ldt_fault(v, 1024 * 8)); /* beyond its end */
	assert_int_equal(segment_set_ldt(v, 0x3001, 10), -XEN_EINVAL);
	assert_int_equal(segment_set_ldt(v, HYP_START, 10), -XEN_EINVAL);
	segment_drop(v);
	mmu_drop_roots(v);
	fake_audit(NULL, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(rings_are_raised_to_the_kernels, setup),
		cmocka_unit_test_setup(accessed_bit_is_set, setup),
		cmocka_unit_test_setup(ring_1_gets_no_64_bit_code, setup),
		cmocka_unit_test_setup(no_system_descriptor_but_type_0, setup),
		cmocka_unit_test_setup(absent_descriptor_is_left_alone, setup),
		cmocka_unit_test_setup(gdt_page_is_not_writable_while_loaded, setup),
		cmocka_unit_test_setup(bad_gdt_changes_nothing, setup),
		cmocka_unit_test_setup(update_of_a_loaded_table_is_checked, setup),
		cmocka_unit_test_setup(update_may_not_reach_other_frames, setup),
		cmocka_unit_test_setup(ldt_page_comes_on_demand, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
