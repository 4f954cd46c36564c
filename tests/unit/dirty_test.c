/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pv/dirty.c: a processor in software walks the tables it is given, sets what a processor sets, and
 * faults as one. While log-dirty is on each access must end as the guest's own tables say, each
 * write must be found in the map, and the guest's tables must not change but for accessed and dirty
 * bits.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include <torc/shared.h>
#include "fake_hv.h"

#define FRAMES 512
#define PAGES  64 /* of the guest's data */
#define L1S    3

static struct domain *d, *tools;
static struct vcpu *v;
static struct mmu_who self;
static mfn_t top, l3, l2, l1[L1S], data[PAGES];
static uint64_t table_m2p[FRAMES];
static struct shared_info *shared;

static unsigned long address(unsigned int page)
{
	return page / 21 * (1ul << 21) + page % 21 * PAGE_SIZE;
}
static uint64_t *guest_entry(unsigned int page)
{
	return &fake_table(l1[page / 21])[page % 21];
}

static int setup_width(bool is_32bit)
{
	unsigned int i;

	fake_reset(FRAMES);
	heap_add(16 * PAGE_SIZE, FRAMES * PAGE_SIZE);
	tools = fake_domain(0, false, 10);
	d = fake_domain(1, is_32bit, 200);
	free(shared);
	shared = calloc(1, PAGE_SIZE);
	d->shared = shared;
	v = fake_vcpu(d);
	v->initialised = true;
	v->info_mfn = MFN_NONE;
	self = (struct mmu_who){ d, d };
	fake_run_on(1, fake_vcpu(tools));
	memset(table_m2p, 0xff, sizeof(table_m2p));
	m2p = table_m2p;
	l3 = fake_page(d);
	l2 = fake_page(d);
	fake_table(l3)[0] = pte_make(l2, PTE_P | (is_32bit ? 0 : PTE_RW));
	for (i = 0; i < L1S; i++) {
		l1[i] = fake_page(d);
		fake_table(l2)[i] = pte_make(l1[i], PTE_P | PTE_RW | PTE_US);
	}
	for (i = 0; i < PAGES; i++) {
		data[i] = fake_page(d);
		m2p_set(data[i], i);
		*guest_entry(i % 63) = pte_make(data[i % 63], PTE_P | PTE_RW | PTE_US);
	}
	m2p_set(l1[0], 100);
	m2p_set(l2, 101);
	if (is_32bit)
		fake_table(l3)[3] = pte_make(fake_page(d), PTE_P);
	top = l3;
	if (!is_32bit) {
		top = fake_page(d);
		fake_table(top)[0] = pte_make(l3, PTE_P | PTE_RW);
	}
	return mmu_new_root(v, top);
}

static int setup(void **s)
{
	(void)s;
	return setup_width(false);
}
static int setup_32(void **s)
{
	(void)s;
	return setup_width(true);
}

/* What the processor does with v->cr3: 0, or the error code. */
static int processor(unsigned long va, bool write)
{
	uint64_t *table = fake_table(v->cr3), *e = NULL;
	bool rw = true;
	int level;

	for (level = 4; level; level--) {
		e = &table[va >> (12 + 9 * (level - 1)) & 511];
		if (!(*e & PTE_P))
			return 4 | write << 1 | 0x100;
		rw &= !!(*e & PTE_RW);
		if (level > 1) {
			*e |= PTE_A;
			table = fake_table(pte_mfn(*e));
		}
	}
	if (write && !rw)
		return 4 | 2 | 1;
	*e |= PTE_A | (write ? PTE_D : 0);
	return 0;
}

/* An access with faults mended, as often as it takes: true if it went through. */
static bool access_page(unsigned int page, bool write)
{
	unsigned int tries;
	int code;

	for (tries = 0; tries < 6; tries++) {
		code = processor(address(page), write);
		if (!code)
			return true;
		if (!dirty_fault(v, address(page), code & 0xff)) {
			/* What the guest is told must be what its own tables would have told it. */
			assert_int_equal(code & 1, *guest_entry(page) & PTE_P);
			return false;
		}
	}
	fail_msg("page %u: %s faults for ever", page, write ? "a write" : "a read");
	return false;
}

static bool is_dirty(unsigned int pfn, bool clear)
{
	struct xen_domctl_shadow_op_stats stats;
	uint8_t map[32];

	assert_int_equal(dirty_read(d, clear, GADDR(map), 200, &stats), 200);
	return map[pfn / 8] >> pfn % 8 & 1;
}

static void audit(void)
{
	unsigned int typed[FRAMES] = { 0 };

	typed[v->root.n]++;
	fake_audit(NULL, typed);
}

static void write_is_noted_once_a_round(void **s)
{
	struct xen_domctl_shadow_op_stats stats;

	(void)s;
	assert_int_equal(dirty_enable(d), 0);
	assert_true(access_page(3, false));
	assert_false(is_dirty(3, false));
	assert_true(access_page(3, true));
	assert_int_equal(processor(address(3), true), 0); /* the next ones cost nothing */
	assert_true(is_dirty(3, false));
	assert_false(is_dirty(4, false));
	assert_true(is_dirty(3, true));
	assert_false(is_dirty(3, false));
	assert_int_not_equal(processor(address(3), true), 0);
	assert_true(access_page(3, true));
	assert_int_equal(dirty_read(d, true, GADDR(0), 200, &stats), 200);
	assert_true(stats.dirty_count >= 1 && stats.fault_count >= 1);
	assert_int_equal(dirty_disable(d), 0);
	assert_int_equal(v->domain->is_32bit ? pte_mfn(v->root32[0]).n : v->cr3.n, top.n);
	assert_int_equal(processor(address(3), true), 0);
	audit();
}

static void off_gives_all_memory_back(void **s)
{
	uint64_t free;
	unsigned int i;

	(void)s;
	assert_int_equal(dirty_enable(d), 0);
	assert_int_equal(dirty_enable(d), -XEN_EINVAL);
	assert_int_equal(dirty_disable(d), 0);
	free = heap_free_frames(); /* the log itself stays until the domain goes */
	assert_int_equal(dirty_enable(d), 0);
	for (i = 0; i < 63; i++)
		access_page(i, i % 2);
	assert_int_equal(dirty_disable(d), 0);
	assert_int_equal(heap_free_frames(), free);
	audit();
	dirty_free(d);
	assert_null(d->dirty);
}

static void refused_by_the_guest_stays_refused(void **s)
{
	(void)s;
	*guest_entry(5) &= ~PTE_RW;
	assert_int_equal(mmu_update_entry(v, &self, (l1[0].n << PAGE_SHIFT) + 6 * 8, 0), 0);
	assert_int_equal(mmu_update_entry(v, &self, (l1[0].n << PAGE_SHIFT) + 5 * 8,
					  pte_make(data[5], PTE_P)),
			 0);
	assert_int_equal(dirty_enable(d), 0);
	assert_false(access_page(5, true));
	assert_true(access_page(5, false));
	assert_false(access_page(6, false));
	assert_false(access_page(6, true));
	assert_false(is_dirty(5, false));
	dirty_disable(d);
}

static void dirty_bit_is_the_guests(void **s)
{
	(void)s;
	assert_int_equal(dirty_enable(d), 0);
	assert_true(access_page(7, true));
	assert_true(*guest_entry(7) & PTE_D);
	/* The guest cleans its page: it must see the next write. */
	assert_int_equal(mmu_update_entry(v, &self, (l1[0].n << PAGE_SHIFT) + 7 * 8,
					  *guest_entry(7) & ~(PTE_D | PTE_A)),
			 0);
	assert_false(*guest_entry(7) & (PTE_D | PTE_A));
	assert_true(access_page(7, false));
	assert_true(*guest_entry(7) & PTE_A);
	assert_false(*guest_entry(7) & PTE_D);
	assert_true(access_page(7, true));
	assert_true(*guest_entry(7) & PTE_D);
	dirty_disable(d);
}

static void tables_and_the_hypervisors_writes_are_noted(void **s)
{
	(void)s;
	assert_int_equal(dirty_enable(d), 0);
	assert_int_equal(mmu_update_entry(v, &self, (l1[0].n << PAGE_SHIFT) + 9 * 8, 0), 0);
	assert_true(is_dirty(100, true));
	dirty_mark(d, data[20]);
	assert_true(is_dirty(20, true));
	assert_int_equal(mmu_update_entry(v, &self,
					  (data[21].n << PAGE_SHIFT) | MMU_MACHPHYS_UPDATE, 150),
			 0);
	assert_true(is_dirty(150, true));
	v->info_mfn = data[22];
	assert_true(is_dirty(22, true));
	assert_true(is_dirty(22, true));
	dirty_disable(d);
}

/* A frame's kind is part of the image, and changes without a write: it is dirty when it is a table,
 * none any more, pinned or not. */
static void kinds_are_noted(void **s)
{
	uint64_t *page;

	(void)s;
	page = fake_table(data[30]);
	assert_int_equal(dirty_enable(d), 0);
	assert_false(is_dirty(30, true));
	assert_int_not_equal(mmu_pin(v, d, data[30], FT_L2), 0); /* mapped writable */
	assert_int_equal(mmu_update_entry(v, &self, (l1[1].n << PAGE_SHIFT) + 9 * 8, 0), 0);
	assert_false(is_dirty(30, true));
	assert_int_equal(mmu_pin(v, d, data[30], FT_L2), 0);
	assert_true(is_dirty(30, true));
	assert_false(is_dirty(30, true));
	/* in use otherwise too: only the pin goes */
	assert_int_equal(frame_get_typed(fake_frame(data[30]), d, FT_L2), 0);
	assert_int_equal(mmu_unpin(v, d, data[30]), 0);
	assert_true(is_dirty(30, true));
	frame_put_typed(fake_frame(data[30]));
	assert_true(is_dirty(30, true));
	page[3] = pte_make(MFN(1), PTE_P | PTE_PSE);
	assert_int_not_equal(mmu_pin(v, d, data[30], FT_L2), 0);
	assert_true(is_dirty(30, true)); /* it was one for a moment */
	page[3] = 0;
	dirty_disable(d);
	audit();
}

/* Descriptors are put right where they lie, also in a table that is refused for a later one. */
static void descriptors_put_right_are_noted(void **s)
{
	uint64_t *page = fake_table(data[63]);

	(void)s;
	page[5] = 0x00cffb000000ffff;
	assert_int_equal(dirty_enable(d), 0);
	assert_int_equal(frame_get_typed(fake_frame(data[63]), d, FT_SEGDESC), 0);
	frame_put_typed(fake_frame(data[63]));
	assert_false(is_dirty(63, true));
	page[5] = 0x00cf9a000000ffff; /* of ring 0, and never loaded */
	assert_int_equal(frame_get_typed(fake_frame(data[63]), d, FT_SEGDESC), 0);
	assert_true(page[5] != 0x00cf9a000000ffff);
	assert_true(is_dirty(63, true));
	frame_put_typed(fake_frame(data[63]));
	assert_false(is_dirty(63, true));
	page[5] = 0x00cf9a000000ffff;
	page[6] = 0x00008c000000ffff; /* a gate */
	assert_int_not_equal(frame_get_typed(fake_frame(data[63]), d, FT_SEGDESC), 0);
	assert_true(is_dirty(63, true));
	dirty_disable(d);
	audit();
}

static void copies_end_with_their_tables(void **s)
{
	(void)s;
	assert_int_equal(dirty_enable(d), 0);
	assert_true(access_page(3, true));
	assert_true(access_page(25, true));
	/* The second level 1 table goes, and becomes plain memory. */
	assert_int_equal(mmu_update_entry(v, &self, (l2.n << PAGE_SHIFT) + 8, 0), 0);
	assert_int_equal(frame_get_typed(fake_frame(l1[1]), d, FT_WRITABLE), 0);
	fake_table(l1[1])[4] = pte_make(fake_page(tools), PTE_P | PTE_RW | PTE_A);
	assert_int_not_equal(processor(address(25), true), 0);
	assert_false(dirty_fault(v, address(25), 6));
	frame_put_typed(fake_frame(l1[1]));
	assert_true(access_page(3, true));
	dirty_disable(d);
	audit();
}

/* Who makes all of its memory tables and writes through each has as many copies made. */
static void last_memory_is_not_for_copies(void **s)
{
	uint64_t least = heap_total_frames() / 16;
	struct xen_domctl_shadow_op_stats stats;
	unsigned int page, limit = d->max_pages;

	(void)s;
	d->max_pages = 16; /* so that one copy is always allowed */
	assert_int_equal(dirty_enable(d), 0);
	d->max_pages = limit;
	while (heap_free_frames() > least + 1)
		assert_non_null(frames_alloc(0, 0));
	for (page = 0; page < 63; page++)
		assert_true(access_page(page, true));
	assert_int_equal(heap_free_frames(), least);
	assert_int_equal(dirty_read(d, false, GADDR(0), 200, &stats), -XEN_ENOMEM);
	assert_int_equal(dirty_disable(d), 0);
}

static void memory_runs_out(void **s)
{
	struct xen_domctl_shadow_op_stats stats;
	struct frame *f;
	unsigned int i;

	(void)s;
	assert_int_equal(dirty_enable(d), 0);
	while ((f = frames_alloc(0, 0)))
		;
	for (i = 0; i < 63; i++)
		assert_true(access_page(i, true)); /* the guest goes on */
	assert_int_equal(dirty_read(d, false, GADDR(0), 200, &stats), -XEN_ENOMEM);
	assert_int_equal(dirty_disable(d), 0);
	audit();
}

/* The map has two pages here, and there is room for the first one alone. Who asks again must not
 * miss what was in it, nor what is written there since. */
static void round_whose_map_is_lost_forgets_nothing(void **s)
{
	static uint8_t map[3 * PAGE_SIZE] __aligned(PAGE_SIZE);
	struct xen_domctl_shadow_op_stats stats;

	(void)s;
	d->max_pages = 40000;
	assert_int_equal(dirty_enable(d), 0);
	assert_true(access_page(3, true));
	fake_no_page = (unsigned long)map + PAGE_SIZE;
	assert_int_equal(dirty_read(d, true, GADDR(map), 40000, &stats), -XEN_EFAULT);
	assert_true(access_page(4, true));
	fake_no_page = 0;
	assert_int_equal(dirty_read(d, true, GADDR(map), 40000, &stats), 40000);
	assert_true(map[0] >> 3 & 1);
	assert_true(map[0] >> 4 & 1);
	assert_int_equal(dirty_read(d, true, GADDR(map), 40000, &stats), 40000);
	assert_int_equal(map[0], 0);
	assert_int_equal(stats.dirty_count, 0);
	dirty_disable(d);
}

/* Who asks for a part of the map has the rest of it told another time. */
static void part_that_is_not_asked_for_is_kept(void **s)
{
	struct xen_domctl_shadow_op_stats stats;
	uint8_t map[32];

	(void)s;
	m2p_set(data[20], 150);
	assert_int_equal(dirty_enable(d), 0);
	assert_true(access_page(3, true));
	assert_true(access_page(20, true));
	assert_int_equal(dirty_read(d, true, GADDR(map), 100, &stats), 100);
	assert_true(map[0] >> 3 & 1);
	assert_true(is_dirty(150, true));
	assert_false(is_dirty(150, true));
	assert_false(is_dirty(3, true));
	dirty_disable(d);
}

/* Another vcpu takes the tree away that a fault is about: the fault's is the last reference. */
static void tree_goes(void)
{
	assert_int_equal(mmu_update_entry(v, &self, top.n << PAGE_SHIFT, 0), 0);
}

static void last_of_a_large_tree_is_not_waited_for(void **s)
{
	struct cpu_user_regs r = { .error_code = 4 };

	(void)s;
	assert_int_equal(dirty_enable(d), 0);
	fake_at_lock = tree_goes;
	fake_yield_every = 1;
	assert_true(mmu_fix_fault(v, &r, address(3)));
	assert_ptr_equal(v->half_put, fake_frame(l3));
	/* The next fault goes on with it, and no further than is due. */
	assert_true(mmu_fix_fault(v, &r, address(3)));
	assert_non_null(v->half_put);
	fake_yield_every = 0;
	assert_false(mmu_fix_fault(v, &r, address(3)));
	assert_null(v->half_put);
	assert_int_equal(frame_type(fake_frame(l1[0])), FT_NONE);
	dirty_disable(d);
	audit();
}

/* Whatever happens in whatever order. */
static void random_life(void **s)
{
	bool written[PAGES] = { false }, ok, want;
	struct xen_domctl_shadow_op_stats stats;
	unsigned int i, n, page;
	uint64_t e, was;
	uint8_t map[32];

	(void)s;
	srand(7);
	assert_int_equal(dirty_enable(d), 0);
	for (n = 0; n < 30000; n++) {
		page = rand() % 63;
		switch (rand() % 12) {
		case 0:
			assert_int_equal(dirty_read(d, true, GADDR(map), 200, &stats), 200);
			for (i = 0; i < 63; i++)
				if (written[i] && !(map[i / 8] >> i % 8 & 1))
					fail_msg("page %u was written, and is not in the map", i);
			memset(written, 0, sizeof(written));
			break;
		case 1:
			e = rand() % 4 ? pte_make(data[page], PTE_P | PTE_US |
								      (rand() % 2 ? PTE_RW : 0) |
								      (rand() % 2 ? PTE_A : 0)) :
					 0;
			assert_int_equal(mmu_update_entry(v, &self,
							  (l1[page / 21].n << PAGE_SHIFT) +
								  page % 21 * 8,
							  e),
					 0);
			break;
		case 2: /* a table away and back */
			if (rand() % 8)
				break;
			e = fake_table(l2)[page / 21];
			assert_int_equal(mmu_update_entry(v, &self,
							  (l2.n << PAGE_SHIFT) + page / 21 * 8,
							  e & PTE_P ?
								  0 :
								  pte_make(l1[page / 21],
									   PTE_P | PTE_RW | PTE_US)),
					 0);
			break;
		default:
			was = fake_table(l2)[page / 21] & PTE_P ? *guest_entry(page) : 0;
			ok = rand() % 2;
			want = was & PTE_P && (!ok || was & PTE_RW);
			if (!(fake_table(l2)[page / 21] & PTE_P)) {
				assert_int_not_equal(processor(address(page), ok), 0);
				assert_false(dirty_fault(v, address(page), 4));
				break;
			}
			if (ok && want)
				written[page] = true;
			assert_int_equal(access_page(page, ok), want);
			/* Nothing of the guest's changed but these two bits, and they as they
			 * should. */
			e = *guest_entry(page);
			assert_int_equal(e & ~(PTE_A | PTE_D), was & ~(PTE_A | PTE_D));
			if (want)
				assert_true(e & PTE_A && (!ok || e & PTE_D));
			if (!ok && !(was & PTE_D))
				assert_false(e & PTE_D);
		}
	}
	assert_int_equal(dirty_disable(d), 0);
	audit();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(write_is_noted_once_a_round, setup),
		cmocka_unit_test_setup(off_gives_all_memory_back, setup),
		cmocka_unit_test_setup(refused_by_the_guest_stays_refused, setup),
		cmocka_unit_test_setup(dirty_bit_is_the_guests, setup),
		cmocka_unit_test_setup(tables_and_the_hypervisors_writes_are_noted, setup),
		cmocka_unit_test_setup(kinds_are_noted, setup),
		cmocka_unit_test_setup(descriptors_put_right_are_noted, setup),
		cmocka_unit_test_setup(copies_end_with_their_tables, setup),
		cmocka_unit_test_setup(last_memory_is_not_for_copies, setup),
		cmocka_unit_test_setup(memory_runs_out, setup),
		cmocka_unit_test_setup(round_whose_map_is_lost_forgets_nothing, setup),
		cmocka_unit_test_setup(part_that_is_not_asked_for_is_kept, setup),
		cmocka_unit_test_setup(last_of_a_large_tree_is_not_waited_for, setup),
		cmocka_unit_test_setup(random_life, setup),
	};
	const struct CMUnitTest tests_32[] = {
		cmocka_unit_test_setup(write_is_noted_once_a_round, setup_32),
		cmocka_unit_test_setup(off_gives_all_memory_back, setup_32),
		cmocka_unit_test_setup(dirty_bit_is_the_guests, setup_32),
		cmocka_unit_test_setup(copies_end_with_their_tables, setup_32),
		cmocka_unit_test_setup(random_life, setup_32),
	};
	int rc = cmocka_run_group_tests(tests, NULL, NULL);

	return rc ? rc : cmocka_run_group_tests(tests_32, NULL, NULL);
}
