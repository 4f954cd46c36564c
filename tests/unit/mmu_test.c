/* SPDX-License-Identifier: BSD-2-Clause */
/* pv/mmu.c, pv/fault.c: updates, pins, roots, grants' entries, emulated writes, death. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>
#include "fake_hv.h"

#define CODE_PAGE 0x10000000ul /* where the "guest" runs: its addresses are the test's own */

static struct domain *d, *other;
static struct vcpu *v;
static struct mmu_who self;
static mfn_t l4, l3, l2, l1, data;

static uint64_t at(mfn_t table, unsigned int slot)
{
	return (table.n << PAGE_SHIFT) + slot * 8;
}

/* A small address space: CODE_PAGE's neighbours are mapped by l1, which it maps read-only itself in
 * slot 1. */
static int setup_width(bool is_32bit)
{
	unsigned int i3 = CODE_PAGE >> 30, i2 = CODE_PAGE >> 21 & 511;

	fake_reset(512);
	heap_add(16 * PAGE_SIZE, 512 * PAGE_SIZE);
	d = fake_domain(1, is_32bit, 400);
	other = fake_domain(2, false, 400);
	v = fake_vcpu(d);
	fake_run_on(0, v);
	self = (struct mmu_who){ d, d };
	l3 = fake_page(d);
	l2 = fake_page(d);
	l1 = fake_page(d);
	data = fake_page(d);
	fake_table(l3)[i3] = pte_make(l2, PTE_P);
	fake_table(l2)[i2] = pte_make(l1, PTE_P | PTE_RW | PTE_US);
	fake_table(l1)[1] = pte_make(l1, PTE_P);
	fake_table(l1)[2] = pte_make(data, PTE_P | PTE_RW);
	d->vm_assist = 1ul << VMASST_TYPE_writable_pagetables;
	if (is_32bit) {
		fake_table(l3)[3] = pte_make(fake_page(d), PTE_P);
		return mmu_new_root(v, l3);
	}
	fake_table(l3)[i3] |= PTE_RW;
	l4 = fake_page(d);
	fake_table(l4)[0] = pte_make(l3, PTE_P | PTE_RW);
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

static void audit(void)
{
	unsigned int typed[512] = { 0 };

	if (!mfn_eq(v->root, MFN_NONE))
		typed[v->root.n]++;
	if (!mfn_eq(v->user_root, MFN_NONE))
		typed[v->user_root.n]++;
	fake_audit(NULL, typed);
}

static void update_moves_references(void **s)
{
	mfn_t m = fake_page(d);

	(void)s;
	assert_int_equal(mmu_update_entry(v, &self, at(l1, 5), pte_make(m, PTE_P | PTE_RW)), 0);
	assert_int_equal(frame_type(fake_frame(m)), FT_WRITABLE);
	audit();
	assert_int_equal(mmu_update_entry(v, &self, at(l1, 5), pte_make(data, PTE_P)), 0);
	assert_int_equal(frame_type(fake_frame(m)), FT_NONE);
	audit();
	assert_int_equal(mmu_update_va(v, d, CODE_PAGE + 5 * PAGE_SIZE, 0), 0);
	audit();
}

static void update_keeps_accessed_and_dirty_if_asked(void **s)
{
	(void)s;
	fake_table(l1)[2] |= PTE_A | PTE_D;
	assert_int_equal(mmu_update_entry(v, &self, at(l1, 2) | MMU_PT_UPDATE_PRESERVE_AD,
					  pte_make(data, PTE_P)),
			 0);
	assert_int_equal(fake_table(l1)[2], pte_make(data, PTE_P | PTE_US | PTE_A | PTE_D));
	assert_int_equal(mmu_update_entry(v, &self, at(l1, 2), pte_make(data, PTE_P)), 0);
	assert_int_equal(fake_table(l1)[2], pte_make(data, PTE_P | PTE_US));
	audit();
}

static void tables_cannot_be_made_writable(void **s)
{
	mfn_t tables[] = { l1, l2, l3, l4 };
	unsigned int i;

	(void)s;
	for (i = 0; i < ARRAY_SIZE(tables); i++) {
		assert_int_equal(mmu_update_entry(v, &self, at(l1, 5),
						  pte_make(tables[i], PTE_P | PTE_RW)),
				 -XEN_EBUSY);
		assert_int_equal(mmu_update_va(v, d, CODE_PAGE + 5 * PAGE_SIZE,
					       pte_make(tables[i], PTE_P | PTE_RW)),
				 -XEN_EBUSY);
		assert_int_equal(mmu_update_entry(v, &self, at(l1, 5), pte_make(tables[i], PTE_P)),
				 0);
		/* From read-only to writable is no change of flags alone. */
		assert_int_equal(mmu_update_entry(v, &self, at(l1, 5),
						  pte_make(tables[i], PTE_P | PTE_RW)),
				 -XEN_EBUSY);
	}
	audit();
}

static void mapped_frame_cannot_become_a_table(void **s)
{
	(void)s;
	assert_int_equal(mmu_update_entry(v, &self, at(l2, 9), pte_make(data, PTE_P | PTE_RW)),
			 -XEN_EINVAL);
	assert_int_equal(mmu_pin(v, d, data, FT_L1), -XEN_EINVAL);
	audit();
}

#define LOT 4

static void let_write(mfn_t m, unsigned int slot, bool write)
{
	uint64_t pte = pte_make(m, PTE_P | (write ? PTE_RW : 0));

	assert_int_equal(mmu_update_entry(v, &self, at(l1, slot), pte), 0);
}

/* A page that was writable, and a table that was one, may be in any TLB until it is flushed. A
 * guest that changes all pages first, then the pins, has it done once; one that takes them in
 * turns, for each. */
static void tables_in_lots_are_flushed_for_once(void **s)
{
	uint32_t before;
	unsigned int i;
	mfn_t m[LOT];

	(void)s;
	for (i = 0; i < LOT; i++) {
		m[i] = fake_page(d);
		let_write(m[i], 10 + i, true);
	}
	before = tlb_stamp_now();
	for (i = 0; i < LOT; i++)
		let_write(m[i], 10 + i, false);
	for (i = 0; i < LOT; i++)
		assert_int_equal(mmu_pin(v, d, m[i], FT_L1), 0);
	assert_int_equal(tlb_stamp_now() - before, 1);
	before = tlb_stamp_now();
	for (i = 0; i < LOT; i++)
		assert_int_equal(mmu_unpin(v, d, m[i]), 0);
	for (i = 0; i < LOT; i++)
		let_write(m[i], 10 + i, true);
	assert_int_equal(tlb_stamp_now() - before, 1);
	before = tlb_stamp_now();
	for (i = 0; i < LOT; i++) {
		let_write(m[i], 10 + i, false);
		assert_int_equal(mmu_pin(v, d, m[i], FT_L1), 0);
	}
	assert_int_equal(tlb_stamp_now() - before, LOT);
	audit();
}

static void updates_of_what_is_not_ones_own(void **s)
{
	mfn_t foreign = fake_page(other);

	(void)s;
	assert_int_equal(mmu_update_entry(v, &self, at(foreign, 0), 0), -XEN_EINVAL);
	assert_int_equal(mmu_update_entry(v, &self, at(MFN(3), 0), 0), -XEN_EINVAL);
	assert_int_equal(mmu_update_entry(v, &self, at(MFN(1 << 20), 0), 0), -XEN_EINVAL);
	assert_int_equal(mmu_update_entry(v, &self, at(l1, 0) + 4, 0), -XEN_EINVAL);
	assert_int_equal(mmu_update_entry(v, &self, at(l1, 5), pte_make(foreign, PTE_P)),
			 -XEN_EBUSY);
	assert_int_equal(mmu_update_entry(v, &self, at(l4, HYP_SLOT_FIRST), 0), -XEN_EINVAL);
	assert_int_equal(mmu_update_entry(v, &self, (foreign.n << PAGE_SHIFT) | MMU_MACHPHYS_UPDATE,
					  1),
			 -XEN_EINVAL);
	audit();
}

static void foreign_frames_with_the_right(void **s)
{
	mfn_t foreign = fake_page(other);
	struct mmu_who who = { d, other };

	(void)s;
	assert_int_equal(mmu_update_entry(v, &who, at(l1, 5), pte_make(foreign, PTE_P | PTE_RW)), 0);
	assert_int_equal(frame_get_typed(fake_frame(foreign), other, FT_L1), -XEN_EINVAL);
	audit();
	/* Its owner dies: the frame stays until we let go. */
	other->state = DOM_DYING;
	while (mmu_kill(other))
		;
	assert_int_equal(other->nr_pages, 1);
	assert_int_equal(mmu_update_entry(v, &self, at(l1, 5), 0), 0);
	assert_int_equal(other->nr_pages, 0);
	assert_int_equal(other->refs, 1);
	audit();
}

static void plain_memory_is_written_as_such(void **s)
{
	mfn_t m = fake_page(d);

	(void)s;
	assert_int_equal(mmu_update_entry(v, &self, at(m, 3), 0xdeadbeef), 0);
	assert_int_equal(fake_table(m)[3], 0xdeadbeef);
	audit();
}

static void pins(void **s)
{
	mfn_t m = fake_page(d);

	(void)s;
	assert_int_equal(mmu_pin(v, d, m, FT_L1), 0);
	assert_int_equal(mmu_pin(v, d, m, FT_L1), -XEN_EINVAL);
	assert_int_equal(mmu_pin(v, d, m, FT_L2), -XEN_EINVAL);
	assert_int_equal(mmu_pin(v, d, fake_page(other), FT_L1), -XEN_EINVAL);
	audit();
	assert_int_equal(mmu_unpin(v, d, m), 0);
	assert_int_equal(mmu_unpin(v, d, m), -XEN_EINVAL);
	audit();
}

static void long_unpin_is_finished_later(void **s)
{
	mfn_t top = fake_page(d), t;
	unsigned int i;

	(void)s;
	for (i = 0; i < 20; i++) {
		t = fake_page(d);
		fake_table(t)[i] = pte_make(fake_page(d), PTE_P | PTE_RW);
		fake_table(top)[i] = pte_make(t, PTE_P | PTE_RW);
	}
	assert_int_equal(mmu_pin(v, d, top, FT_L2), 0);
	fake_yield_every = 3;
	assert_int_equal(mmu_unpin(v, d, top), 0);
	assert_non_null(v->half_put);
	assert_int_equal(mmu_finish_put(v), -XEN_ERESTART);
	while (mmu_finish_put(v))
		;
	assert_null(v->half_put);
	audit();
}

/* One long put does not wait for another, as long as the tables are: both are left for later. */
static void a_tree(mfn_t top)
{
	mfn_t t;

	for (unsigned int i = 0; i < 10; i++) {
		t = fake_page(d);
		fake_table(top)[i] = pte_make(t, PTE_P | PTE_RW);
	}
	assert_int_equal(mmu_pin(v, d, top, FT_L2), 0);
}

/* Pinned and unpinned again by a vcpu that has to yield all the time; then it finishes what waits. */
static void put_trees_slowly(mfn_t *top, unsigned int n)
{
	unsigned int k;

	for (k = 0; k < n; k++)
		a_tree(top[k] = fake_page(d));
	fake_yield_every = 3;
	for (k = 0; k < n; k++)
		assert_int_equal(mmu_unpin(v, d, top[k]), 0);
	for (k = 0; k < n; k++)
		assert_int_equal(frame_type(fake_frame(top[k])), FT_L2);
	while (mmu_finish_put(v))
		;
}

static void long_puts_queue_up(void **s)
{
	mfn_t top[3];
	unsigned int k;

	(void)s;
	put_trees_slowly(top, ARRAY_SIZE(top));
	assert_null(v->half_put);
	for (k = 0; k < ARRAY_SIZE(top); k++)
		assert_int_equal(frame_type(fake_frame(top[k])), FT_NONE);
	fake_yield_every = 0;
	audit();
}

/* One more than that waits for nobody, and nobody for it: it is gone on with when it is wanted. */
static void long_puts_beyond_the_queue_are_left(void **s)
{
	mfn_t top[6];

	(void)s;
	put_trees_slowly(top, ARRAY_SIZE(top));
	fake_yield_every = 0;
	assert_int_equal(frame_type(fake_frame(top[2])), FT_NONE);
	assert_int_equal(frame_type(fake_frame(top[3])), FT_L2);
	/* as what it was, as something else, by its owner's death */
	assert_int_equal(mmu_pin(v, d, top[3], FT_L2), 0);
	assert_int_equal(frame_type_count(fake_frame(top[3])), 1);
	assert_int_equal(mmu_unpin(v, d, top[3]), 0);
	assert_int_equal(frame_get_typed(fake_frame(top[4]), d, FT_WRITABLE), 0);
	frame_put_typed(fake_frame(top[4]));
	audit();
	d->state = DOM_DYING;
	assert_int_equal(mmu_kill(d), 0);
	assert_int_equal(d->nr_pages, 0);
}

/* The tools have more of a domain's tables in hand than they can keep, as it dies on another CPU. */
static void long_puts_of_the_dead_are_left_to_nobody(void **s)
{
	struct vcpu *w = fake_vcpu(other);
	struct mmu_held h;
	mfn_t top[4];
	unsigned int k;

	(void)s;
	for (k = 0; k < ARRAY_SIZE(top); k++)
		a_tree(top[k] = fake_page(d));
	for (k = 0; k < ARRAY_SIZE(top); k++)
		assert_int_equal(frame_get_typed(fake_frame(top[k]), d, FT_L2), 0);
	d->state = DOM_DYING;
	while (mmu_kill(d))
		;
	assert_int_equal(d->nr_pages, 4 * 11);
	fake_run_on(0, w);
	fake_yield_every = 3;
	for (k = 0; k < ARRAY_SIZE(top); k++) {
		h = (struct mmu_held){ fake_frame(top[k]), FT_L2 };
		mmu_let_go(w, &h);
	}
	while (mmu_finish_put(w))
		;
	fake_yield_every = 0;
	assert_int_equal(d->nr_pages, 0);
}

static mfn_t in_work;
static unsigned int asked;

/* Another vcpu's doing while the first has all the time of the world for its table; something waits
 * for its own CPU. */
static void others_want_it(void)
{
	struct mmu_update u = { .ptr = at(in_work, 20), .val = 0 };
	struct mmu_held h = { NULL, FT_NONE };
	int rc;

	asked++;
	assert_true(frame_in_work(fake_frame(in_work)));
	fake_yield_every = 1;
	assert_int_equal(frame_get_typed(fake_frame(in_work), d, FT_L2), -XEN_ERESTART);
	assert_false(frame_get_more(fake_frame(in_work), d, FT_L2));
	assert_int_equal(mmu_update_some(v, &self, &h, &u, 1, &rc), 0);
	assert_int_equal(rc, -XEN_ERESTART);
	assert_null(h.f);
	fake_yield_every = 0;
}

static void who_waits_for_a_table_lets_others_run(void **s)
{
	(void)s;
	in_work = fake_page(d);
	a_tree(in_work);
	asked = 0;
	fake_after_stamp = others_want_it; /* the first table below it goes */
	alarm(10);			   /* or it would wait for itself */
	assert_int_equal(mmu_unpin(v, d, in_work), 0);
	alarm(0);
	assert_int_equal(asked, 1);
	assert_int_equal(frame_type(fake_frame(in_work)), FT_NONE);
	audit();
}

static void roots_change(void **s)
{
	mfn_t again = fake_page(d);

	(void)s;
	memcpy(fake_table(again), fake_table(l4), PAGE_SIZE / 2);
	assert_int_equal(mmu_new_root(v, again), 0);
	assert_int_equal(frame_type(fake_frame(l4)), FT_NONE);
	assert_int_equal(mmu_new_user_root(v, again), 0);
	assert_int_equal(mmu_new_root(v, data), -XEN_EINVAL);
	assert_int_equal(mmu_new_root(v, fake_page(other)), -XEN_EINVAL);
	assert_int_equal(v->root.n, again.n);
	audit();
	mmu_drop_roots(v);
	audit();
}

static void root_of_32_bit(void **s)
{
	(void)s;
	assert_int_equal(v->cr3.n, virt_to_mfn(v->root32).n);
	assert_int_equal(pte_mfn(v->root32[0]).n, l3.n);
	assert_int_equal(mmu_new_user_root(v, l3), -XEN_EOPNOTSUPP);
	assert_int_equal(mmu_update_entry(v, &self, at(l3, 4), 0), -XEN_EINVAL);
	assert_int_equal(mmu_update_entry(v, &self, at(l3, 3), 0), -XEN_EINVAL); /* the hole's */
	assert_int_equal(mmu_update_entry(v, &self, at(l3, 2), 0), 0);
	assert_int_equal(guest_walk(v, CODE_PAGE + 2 * PAGE_SIZE), fake_table(l1)[2]);
	mmu_drop_roots(v);
}

static void granted_entry(void **s)
{
	mfn_t foreign = fake_page(other), l1_maddr = l1;
	struct frame *f = fake_frame(foreign);
	uint64_t pte = pte_make(foreign, PTE_P | PTE_RW | PTE_US), old;

	(void)s;
	assert_int_equal(frame_get_typed(f, other, FT_WRITABLE), 0);
	assert_int_equal(mmu_map_foreign_pte(v, CODE_PAGE + 2 * PAGE_SIZE, pte, true, &old), 0);
	assert_int_equal(pte_mfn(old).n, data.n);
	audit();
	assert_int_equal(mmu_clear_pte(v, CODE_PAGE + 3 * PAGE_SIZE, true, pte, 0, NULL),
			 -XEN_EINVAL);
	assert_int_equal(mmu_clear_pte(v, CODE_PAGE + 2 * PAGE_SIZE, true, pte & ~PTE_RW, 0, NULL),
			 -XEN_EINVAL);
	/* What comes out is what was there at last, not what was seen before. */
	fake_table(l1)[2] |= PTE_A | PTE_D;
	assert_int_equal(mmu_clear_pte(v, at(l1_maddr, 2), false, pte, 0, &old), 0);
	assert_int_equal(old, pte | PTE_A | PTE_D);
	frame_put_typed(f); /* now ours */
	audit();
	assert_int_equal(mmu_clear_pte(v, at(l1_maddr, 2), false, pte, 0, NULL), -XEN_EINVAL);
	assert_int_equal(mmu_map_foreign_pte(v, 0x7000000000ul, pte, true, &old), -XEN_EINVAL);
	/* Lost with its table; also where that had none before. */
	assert_int_equal(frame_get_typed(f, other, FT_WRITABLE), 0);
	assert_int_equal(mmu_map_foreign_pte(v, CODE_PAGE + 2 * PAGE_SIZE, pte, true, &old), 0);
	assert_int_equal(frame_get_typed(f, other, FT_WRITABLE), 0);
	assert_int_equal(mmu_map_foreign_pte(v, CODE_PAGE + 300 * PAGE_SIZE, pte, true, &old), 0);
	/* and one that an unmapping leaves behind in place of its own, as moved ones come */
	assert_int_equal(frame_get_typed(f, other, FT_WRITABLE), 0);
	assert_int_equal(mmu_clear_pte(v, CODE_PAGE + 500 * PAGE_SIZE, true, 0, pte, NULL), 0);
	audit();
	mmu_drop_roots(v);
	audit();
}

/* --- writes to live tables ------------------------------------------------ */

static uint8_t *code;

static int setup_code(void **s)
{
	(void)s;
	if (!code)
		code = mmap((void *)CODE_PAGE, PAGE_SIZE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	return code == (uint8_t *)CODE_PAGE ? 0 : -1;
}

static bool write_fault(struct cpu_user_regs *r, unsigned long addr, const void *insn, size_t n)
{
	memcpy(code, insn, n);
	r->rip = CODE_PAGE;
	r->error_code = 3;
	return mmu_fix_fault(v, r, addr);
}

/* What an earlier call left half done has to be done first, and that is interrupted, too: no fault
 * for the guest to see. */
static void emulated_write_comes_again(void **s)
{
	unsigned long va = CODE_PAGE + PAGE_SIZE + 5 * 8;
	mfn_t top, t;
	struct cpu_user_regs r = { .rdi = va };
	unsigned int i, turns = 0;

	if (setup_code(s) || setup(s))
		fail();
	top = fake_page(d);
	for (i = 0; i < 20; i++) {
		t = fake_page(d);
		fake_table(top)[i] = pte_make(t, PTE_P | PTE_RW);
	}
	assert_int_equal(mmu_pin(v, d, top, FT_L2), 0);
	fake_yield_every = 3;
	assert_int_equal(mmu_unpin(v, d, top), 0);
	assert_non_null(v->half_put);
	r.rax = pte_make(data, PTE_P | PTE_RW);
	do {
		assert_true(write_fault(&r, va, "\x48\x89\x07", 3)); /* mov %rax,(%rdi) */
		turns++;
	} while (r.rip == CODE_PAGE);
	assert_true(turns > 1);
	assert_int_equal(fake_table(l1)[5], pte_make(data, PTE_P | PTE_RW | PTE_US));
	fake_yield_every = 0;
	audit();
}

static void emulated_writes(void **s)
{
	struct cpu_user_regs r = { 0 };
	unsigned long va = CODE_PAGE + PAGE_SIZE + 5 * 8;
	mfn_t m;

	if (setup_code(s) || setup(s))
		fail();
	m = fake_page(d);
	r.rdi = va;
	r.rax = pte_make(m, PTE_P | PTE_RW);
	assert_true(write_fault(&r, va, "\x48\x89\x07", 3)); /* mov %rax,(%rdi) */
	assert_int_equal(r.rip, CODE_PAGE + 3);
	assert_int_equal(fake_table(l1)[5], pte_make(m, PTE_P | PTE_RW | PTE_US));
	audit();
	r.rax = 0;
	assert_true(write_fault(&r, va, "\x48\x87\x07", 3)); /* xchg %rax,(%rdi) */
	assert_int_equal(r.rax, pte_make(m, PTE_P | PTE_RW | PTE_US));
	assert_int_equal(fake_table(l1)[5], 0);
	audit();
	assert_true(write_fault(&r, va, "\xf0\x48\x0f\xb1\x07", 5)); /* lock cmpxchg %rax,(%rdi) */
	r.rdi = va - 3 * 8;
	assert_true(write_fault(&r, r.rdi, "\xf0\x0f\xba\x37\x01", 5)); /* lock btrl $1,(%rdi) */
	assert_int_equal(fake_table(l1)[2], pte_make(data, PTE_P | PTE_US));
	assert_int_equal(frame_type(fake_frame(data)), FT_NONE);
	audit();
}

static void emulated_writes_are_checked(void **s)
{
	struct cpu_user_regs r = { 0 };
	unsigned long va = CODE_PAGE + PAGE_SIZE + 5 * 8;

	if (setup_code(s) || setup(s))
		fail();
	r.rdi = va;
	r.rax = pte_make(l1, PTE_P | PTE_RW);
	assert_false(write_fault(&r, va, "\x48\x89\x07", 3)); /* a table, writable */
	r.rax = pte_make(fake_page(other), PTE_P);
	assert_false(write_fault(&r, va, "\x48\x89\x07", 3));
	assert_int_equal(fake_table(l1)[5], 0);
	r.rdi = va + 4;
	assert_false(write_fault(&r, va + 4, "\x48\x89\x07", 3)); /* across two entries */
	r.rdi = va;
	/* another address than the instruction's */
	assert_false(write_fault(&r, va + 8, "\x48\x89\x07", 3));
	v->kernel_mode = false;
	v->user_root = v->root;
	r.rax = 0;
	assert_false(write_fault(&r, va, "\x48\x89\x07", 3)); /* no process may */
	v->user_root = MFN_NONE;
	v->kernel_mode = true;
	d->vm_assist = 0;
	assert_false(write_fault(&r, va, "\x48\x89\x07", 3)); /* who did not ask for it */
	assert_int_equal(r.rip, CODE_PAGE);
	audit();
}

static void halves_of_a_32_bit_entry(void **s)
{
	struct cpu_user_regs r = { 0 };
	unsigned long va = CODE_PAGE + PAGE_SIZE + 5 * 8;
	mfn_t m;

	if (setup_code(s) || setup_32(s))
		fail();
	m = fake_page(d);
	r.rdi = va + 4;
	r.rax = 0x80000000;
	/* mov %eax,(%edi): NX, not present yet */
	assert_true(write_fault(&r, va + 4, "\x89\x07", 2));
	r.rdi = va;
	r.rax = (uint32_t)pte_make(m, PTE_P | PTE_RW);
	assert_true(write_fault(&r, va, "\x89\x07", 2));
	assert_int_equal(fake_table(l1)[5], pte_make(m, PTE_P | PTE_RW | PTE_NX));
	audit();
	/* The upper half of a present entry, naming for a moment what is nobody's: not present
	 * until the lower half comes. */
	r.rdi = va + 4;
	r.rax = 0x7;
	assert_true(write_fault(&r, va + 4, "\x89\x07", 2));
	assert_int_equal(fake_table(l1)[5] & PTE_P, 0);
	audit();
	mmu_drop_roots(v);
}

static void death_frees_all(void **s)
{
	uint64_t free;
	mfn_t m = fake_page(d);

	(void)s;
	assert_int_equal(mmu_pin(v, d, m, FT_L2), 0);
	assert_int_equal(mmu_pin(v, d, l4, FT_L4), 0);
	free = heap_free_frames();
	d->state = DOM_DYING;
	fake_yield_every = 2;
	while (mmu_kill(d))
		audit();
	assert_int_equal(d->nr_pages, 0);
	assert_int_equal(d->refs, 1);
	assert_int_equal(heap_free_frames(), free + 6);
	fake_audit(NULL, NULL);
}

static void death_of_the_half_done(void **s)
{
	mfn_t top = fake_page(d), t;
	unsigned int i;

	(void)s;
	for (i = 0; i < 20; i++) {
		t = fake_page(d);
		fake_table(top)[i] = pte_make(t, PTE_P | PTE_RW);
	}
	fake_yield_every = 3;
	assert_int_equal(mmu_pin(v, d, top, FT_L2), -XEN_ERESTART);
	/* Given back, and not gone: the half-done table holds it. */
	assert_true(frame_drop_allocated(fake_frame(top)));
	d->state = DOM_DYING;
	while (mmu_kill(d))
		;
	assert_int_equal(d->nr_pages, 0);
	fake_audit(NULL, NULL);
}

static void death_ends_however_short_its_turns_are(void **s)
{
	unsigned int i, turns = 0;
	struct frame *held[3];

	(void)s;
	for (i = 0; i < ARRAY_SIZE(held); i++) { /* by a backend, say */
		held[i] = fake_frame(fake_page(d));
		assert_true(frame_get(held[i], d));
	}
	d->state = DOM_DYING;
	fake_yield_every = 1;
	while (mmu_kill(d))
		assert_true(++turns < 20);
	for (i = 0; i < ARRAY_SIZE(held); i++)
		frame_put(held[i]);
	assert_int_equal(d->nr_pages, 0);
}

/* The tools were giving it another when it began to die: that one's place on the list is behind
 * those that were there. */
static void one_more_frame(void)
{
	d->state = DOM_ALIVE;
	fake_page(d);
	d->state = DOM_DYING;
}

static void death_takes_what_came_at_the_last_moment(void **s)
{
	(void)s;
	mmu_drop_roots(v);
	d->state = DOM_DYING;
	fake_at_lock = one_more_frame;
	while (mmu_kill(d))
		;
	assert_int_equal(d->nr_pages, 0);
	assert_int_equal(d->refs, 1);
}

/* The tools were pinning a tree, whose frames they have mapped, when its domain died: they are not
 * let finish, and what they had done is undone. */
static void pin_that_comes_after_death_leaves_nothing(void **s)
{
	mfn_t top = fake_page(d), t[5];
	unsigned int i;

	(void)s;
	for (i = 0; i < ARRAY_SIZE(t); i++) {
		t[i] = fake_page(d);
		fake_table(top)[i] = pte_make(t[i], PTE_P | PTE_RW);
		assert_true(frame_get(fake_frame(t[i]), d));
	}
	assert_true(frame_get(fake_frame(top), d));
	d->state = DOM_DYING;
	while (mmu_kill(d))
		;
	fake_run_on(1, fake_vcpu(other));
	fake_yield_every = 3;
	assert_int_equal(mmu_pin(current, d, top, FT_L2), -XEN_ESRCH);
	fake_yield_every = 0;
	assert_int_equal(mmu_pin(current, d, top, FT_L2), -XEN_ESRCH);
	for (i = 0; i < ARRAY_SIZE(t); i++)
		frame_put(fake_frame(t[i]));
	frame_put(fake_frame(top));
	assert_int_equal(d->nr_pages, 0);
	fake_audit(NULL, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(update_moves_references, setup),
		cmocka_unit_test_setup(update_keeps_accessed_and_dirty_if_asked, setup),
		cmocka_unit_test_setup(tables_cannot_be_made_writable, setup),
		cmocka_unit_test_setup(mapped_frame_cannot_become_a_table, setup),
		cmocka_unit_test_setup(tables_in_lots_are_flushed_for_once, setup),
		cmocka_unit_test_setup(updates_of_what_is_not_ones_own, setup),
		cmocka_unit_test_setup(foreign_frames_with_the_right, setup),
		cmocka_unit_test_setup(plain_memory_is_written_as_such, setup),
		cmocka_unit_test_setup(pins, setup),
		cmocka_unit_test_setup(long_unpin_is_finished_later, setup),
		cmocka_unit_test_setup(long_puts_queue_up, setup),
		cmocka_unit_test_setup(long_puts_beyond_the_queue_are_left, setup),
		cmocka_unit_test_setup(long_puts_of_the_dead_are_left_to_nobody, setup),
		cmocka_unit_test_setup(who_waits_for_a_table_lets_others_run, setup),
		cmocka_unit_test_setup(roots_change, setup),
		cmocka_unit_test_setup(root_of_32_bit, setup_32),
		cmocka_unit_test_setup(granted_entry, setup),
		cmocka_unit_test_setup(emulated_write_comes_again, setup),
		cmocka_unit_test_setup(emulated_writes, setup),
		cmocka_unit_test_setup(emulated_writes_are_checked, setup),
		cmocka_unit_test_setup(halves_of_a_32_bit_entry, setup),
		cmocka_unit_test_setup(death_frees_all, setup),
		cmocka_unit_test_setup(death_of_the_half_done, setup),
		cmocka_unit_test_setup(death_ends_however_short_its_turns_are, setup),
		cmocka_unit_test_setup(death_takes_what_came_at_the_last_moment, setup),
		cmocka_unit_test_setup(pin_that_comes_after_death_leaves_nothing, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
