/* SPDX-License-Identifier: BSD-2-Clause */
/* pv/validate.c: what page tables may say, in both widths. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "fake_hv.h"

#define HOLE_32 (M2P32_BASE >> 21 & 511)

static struct domain *d64, *d32, *other;

static int setup(void **s)
{
	unsigned int i;

	(void)s;
	fake_reset(512);
	heap_add(16 * PAGE_SIZE, 512 * PAGE_SIZE);
	d64 = fake_domain(1, false, 400);
	d32 = fake_domain(2, true, 400);
	other = fake_domain(3, false, 400);
	fake_run_on(0, fake_vcpu(d64));
	for (i = 0; i < 8; i++)
		m2p32_l2e[i] = 0x400000 * (i + 1) | PTE_P | PTE_PSE | PTE_US;
	return 0;
}

static int l1_with(struct domain *d, uint64_t pte)
{
	mfn_t l1 = fake_page(d);
	int rc;

	fake_table(l1)[7] = pte;
	rc = frame_get_typed(fake_frame(l1), d, FT_L1);
	if (!rc)
		frame_put_typed(fake_frame(l1));
	fake_audit(NULL, NULL);
	return rc;
}

static void own_frames_may_be_mapped(void **s)
{
	mfn_t m = fake_page(d64);

	(void)s;
	assert_int_equal(l1_with(d64, pte_make(m, PTE_P)), 0);
	assert_int_equal(l1_with(d64, pte_make(m, PTE_P | PTE_RW | PTE_US | PTE_NX | PTE_A | PTE_D |
							  PTE_AVAIL)),
			 0);
	/* the guest's own bits */
	assert_int_equal(l1_with(d64, pte_make(m, PTE_P | 0x7full << 52)), 0);
}

static void others_frames_may_not(void **s)
{
	(void)s;
	assert_int_equal(l1_with(d64, pte_make(fake_page(other), PTE_P)), -XEN_EBUSY);
	assert_int_equal(l1_with(d64, pte_make(MFN(100), PTE_P)), -XEN_EBUSY); /* nobody's */
	assert_int_equal(l1_with(d64, pte_make(MFN(3), PTE_P)), -XEN_EBUSY); /* the hypervisor's */
}

static void absent_entries_say_anything(void **s)
{
	(void)s;
	assert_int_equal(l1_with(d64, ~PTE_P), 0);
	assert_int_equal(l1_with(d32, ~PTE_P), 0);
}

static void device_memory_needs_the_right(void **s)
{
	(void)s;
	assert_int_equal(l1_with(d64, pte_make(MFN(0xfee00), PTE_P | PTE_RW)), -XEN_EPERM);
	d64->io_mem_all = true;
	assert_int_equal(l1_with(d64, pte_make(MFN(0xfee00), PTE_P | PTE_RW)), 0);
	/* beyond the processor's bits */
	assert_int_equal(l1_with(d64, pte_make(MFN(1ull << 29), PTE_P)), -XEN_EINVAL);
}

static void table_that_maps_itself_writable_is_refused(void **s)
{
	mfn_t l1 = fake_page(d64);

	(void)s;
	fake_table(l1)[0] = pte_make(l1, PTE_P | PTE_RW);
	assert_int_equal(frame_get_typed(fake_frame(l1), d64, FT_L1), -XEN_EBUSY);
	fake_audit(NULL, NULL);
	fake_table(l1)[0] = pte_make(l1, PTE_P); /* to read it is fine */
	assert_int_equal(frame_get_typed(fake_frame(l1), d64, FT_L1), 0);
	frame_put_typed(fake_frame(l1));
	fake_audit(NULL, NULL);
}

static void linear_tables_are_refused(void **s)
{
	static const enum frame_type types[] = { FT_L2, FT_L3, FT_L4 };
	unsigned int i;
	mfn_t m;

	(void)s;
	for (i = 0; i < ARRAY_SIZE(types); i++) {
		m = fake_page(d64);
		fake_table(m)[500] = pte_make(m, PTE_P | PTE_RW);
		assert_int_equal(frame_get_typed(fake_frame(m), d64, types[i]), -XEN_EINVAL);
		fake_audit(NULL, NULL);
	}
}

static void large_pages_are_refused(void **s)
{
	mfn_t l2 = fake_page(d64);

	(void)s;
	fake_table(l2)[0] = pte_make(fake_page(d64), PTE_P | PTE_PSE);
	assert_int_equal(frame_get_typed(fake_frame(l2), d64, FT_L2), -XEN_EINVAL);
	fake_audit(NULL, NULL);
}

static void bits_that_are_not_the_guests_are_set(void **s)
{
	mfn_t l1 = fake_page(d64), l1_32 = fake_page(d32), m = fake_page(d64);

	(void)s;
	fake_table(l1)[0] = pte_make(m, PTE_P | PTE_G);
	assert_int_equal(frame_get_typed(fake_frame(l1), d64, FT_L1), 0);
	assert_int_equal(fake_table(l1)[0], pte_make(m, PTE_P | PTE_US));
	frame_put_typed(fake_frame(l1));
	m = fake_page(d32);
	fake_table(l1_32)[0] =
		pte_make(m, PTE_P | PTE_RW); /* the kernel's own: ring 1 needs no U/S */
	assert_int_equal(frame_get_typed(fake_frame(l1_32), d32, FT_L1), 0);
	assert_int_equal(fake_table(l1_32)[0], pte_make(m, PTE_P | PTE_RW));
	frame_put_typed(fake_frame(l1_32));
}

static void cache_bits_need_a_device(void **s)
{
	(void)s;
	assert_int_equal(l1_with(d64, pte_make(fake_page(d64), PTE_P | PTE_PCD)), -XEN_EINVAL);
	assert_int_equal(l1_with(d64, pte_make(fake_page(d64), PTE_P | PTE_PAT)), -XEN_EINVAL);
	d64->io_mem_all = true;
	assert_int_equal(l1_with(d64, pte_make(fake_page(d64), PTE_P | PTE_PAT | PTE_PWT)), 0);
}

static void root_of_32_bit_needs_its_last_slot(void **s)
{
	mfn_t l3 = fake_page(d32);

	(void)s;
	fake_table(l3)[0] = pte_make(fake_page(d32), PTE_P);
	assert_int_equal(frame_get_typed(fake_frame(l3), d32, FT_L3), -XEN_EINVAL);
	fake_audit(NULL, NULL);
}

static void root_has_the_hypervisors_slots(void **s)
{
	mfn_t l4 = fake_page(d64);

	(void)s;
	/* Whatever the guest left there names nothing. */
	fake_table(l4)[HYP_SLOT_LAST] = pte_make(fake_page(other), PTE_P | PTE_RW);
	assert_int_equal(frame_get_typed(fake_frame(l4), d64, FT_L4), 0);
	assert_int_equal(fake_table(l4)[HYP_SLOT_LAST], 0x123000 | PTE_P);
	assert_int_equal(fake_table(l4)[HYP_SLOT_FIRST], 0); /* not for processes */
	frame_put_typed(fake_frame(l4));
	assert_int_equal(fake_table(l4)[HYP_SLOT_LAST], 0);
	fake_audit(NULL, NULL);
}

/* Root of a 32-bit guest: four slots, and the hypervisor's hole at the top of the last. */
static mfn_t root32(mfn_t l2[4])
{
	mfn_t l3 = fake_page(d32);
	unsigned int i;

	for (i = 0; i < 4; i++) {
		l2[i] = fake_page(d32);
		fake_table(l3)[i] = pte_make(l2[i], PTE_P);
	}
	fake_table(l3)[4] = pte_make(MFN(100), PTE_P); /* never looked at */
	return l3;
}

static void hole_of_a_32_bit_root(void **s)
{
	mfn_t l2[4], l3 = root32(l2);

	(void)s;
	fake_table(l2[3])[HOLE_32 + 1] = pte_make(fake_page(other), PTE_P | PTE_RW);
	fake_table(l2[3])[511] = pte_make(fake_page(other), PTE_P | PTE_RW);
	assert_int_equal(frame_get_typed(fake_frame(l3), d32, FT_L3), 0);
	assert_int_equal(fake_table(l2[3])[HOLE_32 + 1], m2p32_l2e[1]);
	assert_int_equal(fake_table(l2[3])[511], 0);
	assert_int_equal(fake_table(l3)[0], pte_make(l2[0], PTE_P | PTE_RW | PTE_US));
	assert_int_equal(frame_type(fake_frame(l2[3])), FT_L2_TOP);
	frame_put_typed(fake_frame(l3));
	/* no machine address of ours stays behind */
	assert_int_equal(fake_table(l2[3])[HOLE_32 + 1], 0);
	fake_audit(NULL, NULL);
}

static void table_with_the_hole_has_one_place(void **s)
{
	mfn_t l2[4], l3 = root32(l2);

	(void)s;
	fake_table(l3)[2] = fake_table(l3)[3]; /* slot 2 would show the hole at 0xb5800000 */
	assert_int_equal(frame_get_typed(fake_frame(l3), d32, FT_L3), -XEN_EINVAL);
	fake_audit(NULL, NULL);
	fake_table(l3)[2] = 0;
	/* as a plain one first */
	assert_int_equal(frame_get_typed(fake_frame(l2[3]), d32, FT_L2), 0);
	assert_int_equal(frame_get_typed(fake_frame(l3), d32, FT_L3), -XEN_EINVAL);
	frame_put_typed(fake_frame(l2[3]));
	assert_int_equal(frame_get_typed(fake_frame(l3), d32, FT_L3), 0);
	frame_put_typed(fake_frame(l3));
	fake_audit(NULL, NULL);
}

/* Around the ends of what is looked at together, and in the middle. */
static const unsigned int places[] = { 0,   1,	 30,  31,  32,	33,  63,  64,  65,
				       255, 256, 300, 447, 448, 479, 480, 510, 511 };

static void entries_are_found_wherever_they_are(void **s)
{
	mfn_t l1 = fake_page(d64), l2 = fake_page(d64), m = fake_page(d64), below = fake_page(d64);
	unsigned int i, k, n = ARRAY_SIZE(places);

	(void)s;
	for (i = 0; i < n; i++)
		for (k = i; k < n; k++) {
			fake_table(l1)[places[i]] = pte_make(m, PTE_P | PTE_RW);
			fake_table(l1)[places[k]] = pte_make(m, PTE_P);
			fake_table(l2)[places[i]] = fake_table(l2)[places[k]] =
				pte_make(below, PTE_P);
			assert_int_equal(frame_get_typed(fake_frame(l1), d64, FT_L1), 0);
			assert_int_equal(frame_get_typed(fake_frame(l2), d64, FT_L2), 0);
			assert_int_equal(frame_count(fake_frame(m)), k == i ? 2 : 3);
			assert_int_equal(frame_type_count(fake_frame(below)), k == i ? 1 : 2);
			frame_put_typed(fake_frame(l1));
			frame_put_typed(fake_frame(l2));
			assert_int_equal(frame_count(fake_frame(m)), 1);
			assert_int_equal(frame_count(fake_frame(below)), 1);
			memset(fake_table(l1), 0, PAGE_SIZE);
			memset(fake_table(l2), 0, PAGE_SIZE);
		}
	fake_audit(NULL, NULL);
}

/* Which parts of a table have entries is remembered, and not from what it was before. */
static void entries_that_came_later_are_given_back(void **s)
{
	mfn_t l1 = fake_page(d64), m = fake_page(d64);
	struct mmu_who self = { d64, d64 };
	unsigned int i;

	(void)s;
	for (i = 0; i < ARRAY_SIZE(places); i++) {
		assert_int_equal(mmu_pin(current, d64, l1, FT_L1), 0);
		assert_int_equal(mmu_update_entry(current, &self,
						  (l1.n << PAGE_SHIFT) + places[i] * 8,
						  pte_make(m, PTE_P | PTE_RW)),
				 0);
		assert_int_equal(frame_type_count(fake_frame(m)), 1);
		assert_int_equal(mmu_unpin(current, d64, l1), 0);
		assert_int_equal(frame_count(fake_frame(m)), 1);
		fake_audit(NULL, NULL);
		fake_table(l1)[places[i]] = 0;
	}
}

static void width_decides_levels(void **s)
{
	(void)s;
	assert_int_equal(frame_get_typed(fake_frame(fake_page(d32)), d32, FT_L4), -XEN_EINVAL);
	fake_audit(NULL, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(own_frames_may_be_mapped, setup),
		cmocka_unit_test_setup(others_frames_may_not, setup),
		cmocka_unit_test_setup(absent_entries_say_anything, setup),
		cmocka_unit_test_setup(device_memory_needs_the_right, setup),
		cmocka_unit_test_setup(table_that_maps_itself_writable_is_refused, setup),
		cmocka_unit_test_setup(linear_tables_are_refused, setup),
		cmocka_unit_test_setup(large_pages_are_refused, setup),
		cmocka_unit_test_setup(bits_that_are_not_the_guests_are_set, setup),
		cmocka_unit_test_setup(cache_bits_need_a_device, setup),
		cmocka_unit_test_setup(root_of_32_bit_needs_its_last_slot, setup),
		cmocka_unit_test_setup(root_has_the_hypervisors_slots, setup),
		cmocka_unit_test_setup(hole_of_a_32_bit_root, setup),
		cmocka_unit_test_setup(table_with_the_hole_has_one_place, setup),
		cmocka_unit_test_setup(entries_are_found_wherever_they_are, setup),
		cmocka_unit_test_setup(entries_that_came_later_are_given_back, setup),
		cmocka_unit_test_setup(width_decides_levels, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
