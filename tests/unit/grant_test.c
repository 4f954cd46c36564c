/* SPDX-License-Identifier: BSD-2-Clause */
/* pv/grant.c and pv/maptrack.c over the real frames and page tables: after each test the audit
 * finds every reference accounted for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <cmocka.h>
#include <torc/grant.h>
#include "fake_life.h"

#define WINDOW 0x10000000ul /* where the mapper's L1 maps: its slots 0..511 */
#define SLOT2  (WINDOW >> 21 & 511)

static struct domain *granter, *mapper;
static struct vcpu *v;
static mfn_t l4, l3, l2, l1, page[4];
static struct grant_entry_v1 *table;
static unsigned int extra[1024], typed[1024];

static int setup_width(bool is_32bit)
{
	mfn_t shared;
	unsigned int i;

	fake_reset(1024);
	heap_add(16 * PAGE_SIZE, 1024 * PAGE_SIZE);
	fake_life_reset();
	memset(extra, 0, sizeof(extra));
	memset(typed, 0, sizeof(typed));
	granter = fake_domain(1, false, 100);
	mapper = fake_domain(2, is_32bit, 100);
	fake_enlist(granter);
	fake_enlist(mapper);
	spin_init(&granter->lock, RANK_DOMAIN);
	v = fake_vcpu(mapper);
	fake_run_on(0, v);
	assert_int_equal(grant_init(granter, 4, 2, 1), 0);
	assert_int_equal(grant_init(mapper, 4, 2, 1), 0);
	assert_true(grant_frame(granter, 0, &shared));
	table = (struct grant_entry_v1 *)fake_table(shared);
	for (i = 0; i < 4; i++)
		page[i] = fake_page(granter);
	l3 = fake_page(mapper);
	l2 = fake_page(mapper);
	l1 = fake_page(mapper);
	fake_table(l3)[WINDOW >> 30] = pte_make(l2, PTE_P | (is_32bit ? 0 : PTE_RW | PTE_US));
	fake_table(l2)[WINDOW >> 21 & 511] = pte_make(l1, PTE_P | PTE_RW | PTE_US);
	if (is_32bit) {
		fake_table(l3)[3] = pte_make(fake_page(mapper), PTE_P);
		return mmu_new_root(v, l3);
	}
	l4 = fake_page(mapper);
	fake_table(l4)[0] = pte_make(l3, PTE_P | PTE_RW | PTE_US);
	return mmu_new_root(v, l4);
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

static int check(void **s)
{
	mfn_t m;
	unsigned int i;

	(void)s;
	typed[v->root.n]++;
	for (i = 0; i < 4; i++) { /* what is shared with its owner has a type for good */
		if (grant_frame(granter, i, &m))
			typed[m.n]++;
		if (grant_frame(mapper, i, &m))
			typed[m.n]++;
	}
	fake_audit(extra, typed);
	return 0;
}

static void permit(unsigned int ref, mfn_t m, uint16_t flags)
{
	table[ref].frame = (uint32_t)m.n;
	table[ref].domid = mapper->id;
	table[ref].flags = GTF_permit_access | flags;
}

static uint64_t slot_at(unsigned int slot)
{
	return WINDOW + slot * PAGE_SIZE;
}
static uint64_t entry(unsigned int slot)
{
	return fake_table(l1)[slot];
}

static int16_t map(unsigned int ref, unsigned int slot, uint32_t flags, uint32_t *handle)
{
	struct gnttab_map_grant_ref op = {
		.host_addr = slot_at(slot), .flags = flags, .ref = ref, .dom = granter->id
	};
	int16_t rc;

	if (flags & GNTMAP_contains_pte)
		op.host_addr = (l1.n << PAGE_SHIFT) + slot * 8;
	rc = grant_map(v, &op);
	*handle = op.handle;
	return rc;
}

static int16_t unmap(uint32_t handle, uint64_t host_addr, uint64_t bus)
{
	struct gnttab_unmap_grant_ref op = { .host_addr = host_addr,
					     .dev_bus_addr = bus,
					     .handle = handle };
	struct grant_batch b = { .v = v };
	int16_t rc = grant_unmap(&b, &op);

	grant_batch_finish(&b);
	return rc;
}

static void test_map_and_unmap(void **s)
{
	uint32_t h;

	(void)s;
	permit(8, page[0], 0);
	assert_int_equal(map(8, 5, GNTMAP_host_map, &h), GNTST_okay);
	assert_int_equal(pte_mfn(entry(5)).n, page[0].n);
	assert_true(entry(5) & PTE_RW);
	assert_int_equal(table[8].flags, GTF_permit_access | GTF_reading | GTF_writing);
	assert_int_equal(frame_type(fake_frame(page[0])), FT_WRITABLE);
	assert_int_equal(granter->refs > 1, 1);
	fake_flushes = 0;
	assert_int_equal(unmap(h, slot_at(5), 0), GNTST_okay);
	assert_true(fake_flushes > 0); /* before the frame was let go */
	assert_int_equal(entry(5), 0);
	assert_int_equal(table[8].flags, GTF_permit_access);
	assert_int_equal(unmap(h, slot_at(5), 0), GNTST_bad_handle);
}

static void test_readonly_stays_readonly(void **s)
{
	uint32_t h, w;

	(void)s;
	permit(8, page[0], GTF_readonly);
	assert_int_equal(map(8, 1, GNTMAP_host_map, &w), GNTST_general_error);
	assert_int_equal(map(8, 1, GNTMAP_host_map | GNTMAP_readonly, &h), GNTST_okay);
	assert_false(entry(1) & PTE_RW);
	assert_int_equal(table[8].flags, GTF_permit_access | GTF_readonly | GTF_reading);
	assert_int_equal(unmap(h, slot_at(1), 0), GNTST_okay);
}

static void test_refusals(void **s)
{
	struct gnttab_map_grant_ref op = {
		.host_addr = slot_at(1), .flags = GNTMAP_host_map, .ref = 8, .dom = 77
	};
	uint32_t h;

	(void)s;
	assert_int_equal(grant_map(v, &op), GNTST_bad_domain);
	assert_int_equal(map(8, 1, GNTMAP_host_map, &h), GNTST_general_error); /* nothing granted */
	assert_int_equal(map(512, 1, GNTMAP_host_map, &h), GNTST_bad_gntref);  /* past the table */
	assert_int_equal(map(~0u, 1, GNTMAP_host_map, &h), GNTST_bad_gntref);
	permit(8, page[0], 0);
	assert_int_equal(map(8, 1, 0, &h), GNTST_bad_gntref);
	table[8].domid = 3;
	assert_int_equal(map(8, 1, GNTMAP_host_map, &h), GNTST_general_error); /* another's */
	permit(8, l1, 0);
	/* not the granter's frame */
	assert_int_equal(map(8, 1, GNTMAP_host_map, &h), GNTST_bad_page);
	permit(8, MFN(0xfffff), 0);
	assert_int_equal(map(8, 1, GNTMAP_host_map, &h), GNTST_bad_page);
	permit(8, page[0], 0);
	op.dom = granter->id;
	op.host_addr = 0x50000000; /* no table there */
	assert_int_equal(grant_map(v, &op), GNTST_general_error);
	op.dom = DOMID_SELF;
	assert_int_equal(grant_map(v, &op), GNTST_bad_domain);
	assert_int_equal(table[8].flags, GTF_permit_access); /* all undone */
	assert_int_equal(granter->refs, 1 + 1);		     /* its creation, its frames */
	assert_int_equal(unmap(0, slot_at(1), 0), GNTST_bad_handle);
	assert_int_equal(unmap(~0u, slot_at(1), 0), GNTST_bad_handle);
}

static void test_page_table_is_not_granted_writable(void **s)
{
	struct vcpu *gv = fake_vcpu(granter);
	uint32_t h;

	(void)s;
	fake_run_on(1, gv);
	assert_int_equal(frame_get_typed(fake_frame(page[1]), granter, FT_L1), 0);
	fake_run_on(0, v);
	typed[page[1].n]++;
	permit(8, page[1], 0);
	assert_int_equal(map(8, 1, GNTMAP_host_map, &h), GNTST_general_error);
	assert_int_equal(map(8, 1, GNTMAP_host_map | GNTMAP_readonly, &h), GNTST_okay);
	assert_int_equal(unmap(h, slot_at(1), 0), GNTST_okay);
}

static void test_device_map_holds_by_itself(void **s)
{
	uint32_t h;

	(void)s;
	permit(8, page[0], 0);
	assert_int_equal(map(8, 1, GNTMAP_host_map | GNTMAP_device_map, &h), GNTST_okay);
	assert_int_equal(unmap(h, slot_at(1), 4096), GNTST_bad_dev_addr);
	assert_int_equal(unmap(h, slot_at(1), 0), GNTST_okay);
	assert_int_equal(entry(1), 0);
	assert_int_equal(table[8].flags & (GTF_reading | GTF_writing), GTF_reading | GTF_writing);
	assert_int_equal(unmap(h, slot_at(1), 0), GNTST_bad_virt_addr);
	assert_int_equal(unmap(h, 0, page[0].n << PAGE_SHIFT), GNTST_okay);
	assert_int_equal(table[8].flags, GTF_permit_access);
}

static void test_by_entry_and_wrong_place(void **s)
{
	uint32_t h;

	(void)s;
	permit(8, page[0], 0);
	assert_int_equal(map(8, 3, GNTMAP_host_map | GNTMAP_contains_pte, &h), GNTST_okay);
	assert_int_equal(pte_mfn(entry(3)).n, page[0].n);
	/* maps nothing */
	assert_int_equal(unmap(h, (l1.n << PAGE_SHIFT) + 4 * 8, 0), GNTST_general_error);
	assert_int_equal(unmap(h, (l1.n << PAGE_SHIFT) + 3 * 8 + 1, 0), GNTST_general_error);
	/* no table of the mapper's */
	assert_int_equal(unmap(h, (page[1].n << PAGE_SHIFT), 0), GNTST_general_error);
	assert_int_equal(unmap(h, (l1.n << PAGE_SHIFT) + 3 * 8, 0), GNTST_okay);
}

static void test_overwritten_entry_leaks_nothing(void **s)
{
	uint32_t h;

	(void)s;
	permit(8, page[0], 0);
	assert_int_equal(map(8, 1, GNTMAP_host_map, &h), GNTST_okay);
	/* the guest clears it by itself */
	assert_int_equal(mmu_update_va(v, mapper, slot_at(1), 0), 0);
	assert_int_equal(unmap(h, slot_at(1), 0), GNTST_general_error);
	assert_int_equal(frame_type_count(fake_frame(page[0])), 0);
	assert_int_equal(grant_release_all(mapper), 0); /* what its death does */
	assert_int_equal(table[8].flags, GTF_permit_access);
}

static void test_same_handle_twice_in_a_batch(void **s)
{
	struct gnttab_unmap_grant_ref op = { .host_addr = slot_at(1) };
	struct grant_batch b = { .v = v };
	uint32_t h;

	(void)s;
	permit(8, page[0], 0);
	assert_int_equal(map(8, 1, GNTMAP_host_map, &h), GNTST_okay);
	op.handle = h;
	assert_int_equal(grant_unmap(&b, &op), GNTST_okay);
	assert_int_equal(grant_unmap(&b, &op), GNTST_bad_handle);
	grant_batch_finish(&b);
	assert_int_equal(grant_in_use(granter), false);
}

static void test_many_in_a_batch_flush_seldom(void **s)
{
	struct grant_batch b = { .v = v };
	struct gnttab_unmap_grant_ref op;
	uint32_t h[40];
	unsigned int i;

	(void)s;
	permit(8, page[0], 0);
	for (i = 0; i < 40; i++)
		assert_int_equal(map(8, i, GNTMAP_host_map | (i & 1 ? GNTMAP_readonly : 0), &h[i]),
				 GNTST_okay);
	fake_flushes = 0;
	for (i = 0; i < 40; i++) {
		op = (struct gnttab_unmap_grant_ref){ .host_addr = slot_at(i), .handle = h[i] };
		assert_int_equal(grant_unmap(&b, &op), GNTST_okay);
	}
	grant_batch_finish(&b);
	assert_int_equal(fake_flushes, 3 * 4); /* 16 + 16 + 8, on four CPUs */
	assert_int_equal(table[8].flags, GTF_permit_access);
}

static void test_replace_moves_an_entry(void **s)
{
	struct gnttab_unmap_and_replace op = { .host_addr = slot_at(1), .new_addr = slot_at(2) };
	struct grant_batch b = { .v = v };
	mfn_t own = fake_page(mapper);
	uint32_t h;

	(void)s;
	if (guest_walk(v, slot_at(2)) ||
	    mmu_update_va(v, mapper, slot_at(2), pte_make(own, PTE_P | PTE_RW)))
		fail_msg("the page to replace with: %s", fake_why);
	permit(8, page[0], 0);
	assert_int_equal(map(8, 1, GNTMAP_host_map, &h), GNTST_okay);
	op.handle = h;
	assert_int_equal(grant_unmap_and_replace(&b, &op), GNTST_okay);
	grant_batch_finish(&b);
	assert_int_equal(pte_mfn(entry(1)).n, own.n);
	assert_int_equal(entry(2), 0);
	assert_int_equal(table[8].flags, GTF_permit_access);
}

static void table_goes(void)
{
	struct mmu_who own = { mapper, mapper };

	assert_int_equal(mmu_update_entry(v, &own, (l2.n << PAGE_SHIFT) + SLOT2 * 8, 0), 0);
}

/* The page to replace with is a device's, and can neither take the mapping's place nor go back to
 * its own: another vcpu has taken the table away. There is no frame to let go of. */
static void test_replace_by_a_device_that_is_lost(void **s)
{
	struct gnttab_unmap_and_replace op = { .host_addr = slot_at(3), .new_addr = slot_at(2) };
	struct grant_batch b = { .v = v };
	uint32_t h;

	(void)s;
	mapper->io_mem_all = true;
	assert_int_equal(mmu_update_va(v, mapper, slot_at(2),
				       pte_make(MFN(0xfee00), PTE_P | PTE_RW)),
			 0);
	permit(8, page[0], 0);
	assert_int_equal(map(8, 1, GNTMAP_host_map, &h), GNTST_okay);
	op.handle = h;
	fake_at_refusal = table_goes;
	assert_int_equal(grant_unmap_and_replace(&b, &op), GNTST_general_error);
	grant_batch_finish(&b);
	assert_int_equal(fake_table(l2)[SLOT2], 0);
	extra[page[0].n]++; /* the maptrack entry's own */
}

static void test_handles_run_out(void **s)
{
	uint32_t h, n = 0;

	(void)s;
	permit(8, page[0], 0);
	while (map(8, n % 512, GNTMAP_host_map | GNTMAP_readonly, &h) == GNTST_okay)
		n++;
	assert_int_equal(n, 2 * (PAGE_SIZE / sizeof(struct maptrack)));
	assert_int_equal(map(8, 0, GNTMAP_host_map, &h), GNTST_no_space);
	assert_int_equal(grant_release_all(mapper), 0);
	assert_int_equal(map(8, 0, GNTMAP_device_map, &h), GNTST_okay);
	assert_int_equal(unmap(h, 0, page[0].n << PAGE_SHIFT), GNTST_okay);
}

static int16_t copy(const struct gnttab_copy *op)
{
	struct grant_copies c = { .v = v };
	int16_t rc = grant_copy(&c, op);

	grant_copies_finish(&c);
	return rc;
}

static void test_copy(void **s)
{
	mfn_t own = fake_page(mapper);
	struct gnttab_copy op = { .source = { .u.ref = 8, .domid = granter->id, .offset = 100 },
				  .dest = { .u.gmfn = own.n, .domid = DOMID_SELF, .offset = 4000 },
				  .len = 96,
				  .flags = GNTCOPY_source_gref };

	(void)s;
	permit(8, page[0], GTF_readonly);
	memset((char *)fake_table(page[0]) + 100, 0x5a, 96);
	assert_int_equal(copy(&op), GNTST_okay);
	assert_int_equal(((uint8_t *)fake_table(own))[3999], 0);
	assert_int_equal(((uint8_t *)fake_table(own))[4095], 0x5a);
	op.len = 97;
	assert_int_equal(copy(&op), GNTST_bad_copy_arg);
	op.len = 1;
	op.dest.offset = 65535;
	assert_int_equal(copy(&op), GNTST_bad_copy_arg);
	op.dest.offset = 0;
	op.dest.u.gmfn = l1.n; /* its own page table */
	assert_int_equal(copy(&op), GNTST_general_error);
	op.dest.u.gmfn = page[1].n; /* another's frame */
	assert_int_equal(copy(&op), GNTST_bad_page);
	op.dest.domid = granter->id;
	assert_int_equal(copy(&op), GNTST_permission_denied);
	op.flags |= GNTCOPY_dest_gref; /* a grant that is read-only */
	op.dest.u.ref = 8;
	assert_int_equal(copy(&op), GNTST_general_error);
	assert_int_equal(table[8].flags, GTF_permit_access | GTF_readonly);
}

/* Copies of one call: what the last one used stays in use, and is let go when the next wants
 * another, or at the end. */
static void test_copies_in_a_row(void **s)
{
	mfn_t own = fake_page(mapper);
	struct gnttab_copy op = { .source = { .u.ref = 8, .domid = granter->id },
				  .dest = { .u.gmfn = own.n, .domid = DOMID_SELF },
				  .len = 8,
				  .flags = GNTCOPY_source_gref };
	struct grant_copies c = { .v = v };
	unsigned int i;

	(void)s;
	permit(8, page[0], GTF_readonly);
	permit(9, page[1], 0);
	memset(fake_table(page[0]), 1, 64);
	memset(fake_table(page[1]), 2, 64);
	for (i = 0; i < 8; i++) {
		op.source.offset = op.dest.offset = (uint16_t)(8 * i);
		op.source.u.ref = i < 4 ? 8 : 9;
		assert_int_equal(grant_copy(&c, &op), GNTST_okay);
		assert_int_equal(table[8].flags & GTF_reading, i < 4 ? GTF_reading : 0);
		assert_int_equal(table[9].flags & GTF_reading, i < 4 ? 0 : GTF_reading);
	}
	assert_int_equal(((uint8_t *)fake_table(own))[31], 1);
	assert_int_equal(((uint8_t *)fake_table(own))[32], 2);
	/* the same numbers, but as the caller's own frame, or another domain's grant */
	op.flags = 0;
	assert_int_equal(grant_copy(&c, &op), GNTST_permission_denied);
	assert_int_equal(table[9].flags, GTF_permit_access);
	op.flags = GNTCOPY_source_gref;
	assert_int_equal(grant_copy(&c, &op), GNTST_okay);
	op.source.domid = mapper->id;
	assert_int_not_equal(grant_copy(&c, &op), GNTST_okay);
	assert_int_equal(table[9].flags, GTF_permit_access);
	/* read and written at once */
	op.source.domid = op.dest.domid = granter->id;
	op.dest.u.ref = 9;
	op.dest.offset = 100;
	op.flags |= GNTCOPY_dest_gref;
	assert_int_equal(grant_copy(&c, &op), GNTST_okay);
	assert_int_equal(table[9].flags, GTF_permit_access | GTF_reading | GTF_writing);
	op.dest.u.ref = 8; /* read-only: what was held for writing is let go all the same */
	assert_int_equal(grant_copy(&c, &op), GNTST_general_error);
	assert_int_equal(table[9].flags, GTF_permit_access | GTF_reading);
	grant_copies_finish(&c);
	assert_int_equal(table[8].flags, GTF_permit_access | GTF_readonly);
	assert_int_equal(table[9].flags, GTF_permit_access);
	grant_copies_finish(&c); /* nothing is left */
}

/* Whether the granter's page counts as written since the last time. */
static bool is_dirty(unsigned int i)
{
	struct xen_domctl_shadow_op_stats stats;
	uint8_t map[16];

	assert_int_equal(dirty_read(granter, true, GADDR(map), 100, &stats), 100);
	return map[i / 8] >> i % 8 & 1;
}

static void test_what_others_write_is_dirty(void **s)
{
	static uint64_t numbers[1024];
	struct shared_info *shared = calloc(1, PAGE_SIZE);
	mfn_t own = fake_page(mapper);
	struct gnttab_copy op = { .source = { .u.gmfn = own.n, .domid = DOMID_SELF },
				  .dest = { .u.ref = 8, .domid = granter->id },
				  .len = 1,
				  .flags = GNTCOPY_dest_gref };
	uint32_t h, r;
	unsigned int i;

	(void)s;
	memset(numbers, 0xff, sizeof(numbers));
	m2p = numbers;
	for (i = 0; i < 4; i++)
		m2p_set(page[i], i);
	granter->shared = shared;
	assert_int_equal(dirty_enable(granter), 0);
	permit(8, page[0], 0);
	permit(9, page[1], GTF_readonly);
	assert_false(is_dirty(0));
	assert_int_equal(map(8, 1, GNTMAP_host_map, &h), GNTST_okay);
	assert_int_equal(map(9, 2, GNTMAP_host_map | GNTMAP_readonly, &r), GNTST_okay);
	assert_true(is_dirty(0)); /* in every round while it is mapped */
	assert_true(is_dirty(0));
	assert_false(is_dirty(1));
	assert_int_equal(unmap(h, slot_at(1), 0), GNTST_okay);
	assert_true(is_dirty(0)); /* and once after */
	assert_false(is_dirty(0));
	assert_int_equal(unmap(r, slot_at(2), 0), GNTST_okay);
	assert_false(is_dirty(1));
	assert_int_equal(copy(&op), GNTST_okay);
	assert_true(is_dirty(0));
	assert_false(is_dirty(0));
	assert_int_equal(map(8, 1, GNTMAP_host_map, &h), GNTST_okay);
	assert_int_equal(mmu_update_va(v, mapper, slot_at(1), 0), 0);
	assert_true(is_dirty(0));
	assert_int_equal(grant_release_all(mapper), 0);
	assert_true(is_dirty(0));
	assert_false(is_dirty(0));
	assert_int_equal(dirty_disable(granter), 0);
	dirty_free(granter);
	granter->shared = NULL;
	free(shared);
}

static void test_granter_dies_first(void **s)
{
	uint32_t h;

	(void)s;
	permit(8, page[0], 0);
	assert_int_equal(map(8, 1, GNTMAP_host_map, &h), GNTST_okay);
	granter->state = DOM_DYING;
	grant_retire(granter);
	assert_int_equal(map(8, 2, GNTMAP_host_map, &h) != GNTST_okay, 1);
	assert_int_equal(frame_drop_allocated(fake_frame(page[0])), true);
	assert_int_equal(frame_count(fake_frame(page[0])) > 0, 1); /* the mapping keeps it */
	assert_int_equal(unmap(0, slot_at(1), 0), GNTST_okay);
	assert_int_equal(frame_count(fake_frame(page[0])), 0);
}

/* --- what else there is to the end of a domain --- */

int io_init(struct domain *d, bool all)
{
	(void)d, (void)all;
	return 0;
}
void io_free(struct domain *d)
{
	(void)d;
}
int pirq_init(struct domain *d)
{
	(void)d;
	return 0;
}
void pirq_free(struct domain *d)
{
	(void)d;
}
void time_update_wallclock(struct domain *d)
{
	(void)d;
}
void pv_time_init(struct vcpu *t)
{
	(void)t;
}
void pv_time_kill(struct vcpu *t)
{
	(void)t;
}
void pv_vcpu_time_update(struct vcpu *t)
{
	(void)t;
}
struct cpu_info *cpu_info(void)
{
	static struct cpu_info info;

	return &info;
}
void cpu_call(cpumask_t cpus, void (*fn)(void *), void *arg)
{
	(void)cpus;
	fn(arg);
}

/* The granter may use a frame for anything as soon as it reads that nobody has it any more. */
static void test_mapper_dies(void **s)
{
	unsigned int rounds = 0;
	uint32_t h;
	int rc;

	(void)s;
	permit(8, page[0], 0);
	assert_int_equal(map(8, 1, GNTMAP_host_map, &h), GNTST_okay);
	v->info_mfn = MFN_NONE;
	frame_share(mfn_frame(virt_to_mfn(mapper->shared)), mapper, true);
	assert_int_equal(mmu_pin(v, mapper, l1, FT_L1), 0); /* holds it until its frame's turn */
	mapper->state = DOM_DYING;
	fake_yield_every = 1;
	do {
		rc = pv_domain_kill(mapper);
		assert_true(rc == 0 || rc == -XEN_ERESTART);
		if (!(table[8].flags & (GTF_reading | GTF_writing)))
			assert_int_equal(frame_type_count(fake_frame(page[0])), 0);
		rounds++;
	} while (rc);
	assert_true(rounds > 2);
	assert_int_equal(table[8].flags, GTF_permit_access);
	assert_int_equal(frame_count(fake_frame(page[0])), 1);
	assert_int_equal(mapper->nr_pages + mapper->nr_own_pages, 0);
}

static unsigned int locks;

static void count_lock(void)
{
	locks++;
	fake_at_lock = count_lock;
}

/* However many handles there are, a turn of its death looks at a few, and at none a second time. */
static void test_death_of_many_mappings_goes_on_where_it_was(void **s)
{
	unsigned int i, n = 2 * PAGE_SIZE / sizeof(struct maptrack), turns = 0;
	uint32_t h;
	int rc;

	(void)s;
	permit(8, page[0], 0);
	for (i = 0; i < n; i++)
		assert_int_equal(map(8, 0, GNTMAP_device_map, &h), GNTST_okay);
	fake_yield_every = 1;
	do {
		locks = 0;
		fake_at_lock = count_lock;
		rc = grant_release_all(mapper);
		assert_true(rc == 0 || rc == -XEN_ERESTART);
		assert_in_range(locks, 0, 64 * 3); /* found, unpinned, freed */
		turns++;
	} while (rc);
	fake_at_lock = NULL;
	fake_yield_every = 0;
	assert_in_range(turns, n / 64, n / 64 + 1);
	assert_int_equal(table[8].flags, GTF_permit_access);
	assert_int_equal(frame_count(fake_frame(page[0])), 1);
}

/* A vcpu that shared_info has no room for may be up, after a restore: then it waits for its guest
 * to register one, and what another domain does is not to be seen in it. */
static void test_no_room_for_vcpu_info(void **s)
{
	struct vcpu a = { .domain = granter, .id = 32 }, b = { .domain = mapper, .id = 32 }, c = b,
		    near = { .domain = mapper, .id = 31 };

	(void)s;
	assert_int_equal(pv_vcpu_init(&a) | pv_vcpu_init(&b) | pv_vcpu_init(&c), 0);
	assert_int_equal(pv_vcpu_init(&near), 0);
	assert_true(a.info != b.info && b.info == c.info);
	assert_false(pv_vcpu_has_info(&a) || pv_vcpu_has_info(&b));
	assert_true(pv_vcpu_has_info(&near));
}

static void test_frame_changed_while_mapped(void **s)
{
	uint32_t h, h2;

	(void)s;
	permit(8, page[0], 0);
	assert_int_equal(map(8, 1, GNTMAP_host_map, &h), GNTST_okay);
	table[8].frame =
		(uint32_t)page[1].n; /* the granter lies: what is in use stays what it was */
	assert_int_equal(map(8, 2, GNTMAP_host_map, &h2), GNTST_okay);
	assert_int_equal(pte_mfn(entry(2)).n, page[0].n);
	assert_int_equal(unmap(h, slot_at(1), 0), GNTST_okay);
	assert_int_equal(unmap(h2, slot_at(2), 0), GNTST_okay);
}

static void test_swap_and_size(void **s)
{
	unsigned int n, max;
	uint32_t h;

	(void)s;
	permit(8, page[0], 0);
	assert_int_equal(grant_swap(granter, 8, 9), GNTST_okay);
	assert_int_equal(table[9].frame, page[0].n);
	assert_int_equal(table[8].flags, 0);
	assert_int_equal(map(9, 1, GNTMAP_host_map, &h), GNTST_okay);
	assert_int_equal(grant_swap(granter, 8, 9), GNTST_eagain);
	assert_int_equal(grant_swap(granter, 8, 512), GNTST_bad_gntref);
	assert_int_equal(unmap(h, slot_at(1), 0), GNTST_okay);
	grant_size(granter, &n, &max);
	assert_int_equal(n, 1);
	assert_int_equal(max, 4);
	assert_int_equal(grant_grow(granter, 5), GNTST_general_error);
	assert_int_equal(grant_grow(granter, 4), GNTST_okay);
	assert_int_equal(grant_swap(granter, 8, 2047), GNTST_okay);
}

#define T(f)	cmocka_unit_test_setup_teardown(f, setup, check)
#define BOTH(f) T(f), cmocka_unit_test_setup_teardown(f, setup_32, check)

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(test_map_and_unmap),
		BOTH(test_readonly_stays_readonly),
		BOTH(test_refusals),
		T(test_page_table_is_not_granted_writable),
		BOTH(test_device_map_holds_by_itself),
		BOTH(test_by_entry_and_wrong_place),
		BOTH(test_overwritten_entry_leaks_nothing),
		T(test_same_handle_twice_in_a_batch),
		T(test_many_in_a_batch_flush_seldom),
		BOTH(test_replace_moves_an_entry),
		BOTH(test_replace_by_a_device_that_is_lost),
		T(test_handles_run_out),
		T(test_copy),
		T(test_copies_in_a_row),
		T(test_what_others_write_is_dirty),
		T(test_granter_dies_first),
		T(test_no_room_for_vcpu_info),
		cmocka_unit_test_setup(test_death_of_many_mappings_goes_on_where_it_was, setup),
		cmocka_unit_test_setup(test_mapper_dies, setup),
		cmocka_unit_test_setup(test_mapper_dies, setup_32),
		T(test_frame_changed_while_mapped),
		T(test_swap_and_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
