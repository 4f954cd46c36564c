/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Page-table entries and whole tables: what a guest may say in them, and the references that each
 * entry holds.
 *
 *   level 1   a general reference to the frame; a typed one (FT_WRITABLE) if the entry allows
 *             writing. MMIO: none.
 *   above     a typed reference to the table below.
 *
 * A table of a domain names its own frames only; entries for others' frames come by mmu_update()
 * with a foreign domain, or as grants, and are lost (refused) if the table is taken apart and built
 * again.
 */
#include <torc/pv.h>
#include <torc/x86.h>
#include "mmu.h"

#define SLOTS 512

static enum frame_type child_type(const struct domain *d, enum frame_type t, unsigned int slot)
{
	switch (t) {
	case FT_L4: return FT_L3;
	case FT_L3: return d->is_32bit && slot == 3 ? FT_L2_TOP : FT_L2;
	default: return FT_L1;
	}
}

int entry_get(struct domain *d, struct domain *pg, enum frame_type t, unsigned int slot,
	      uint64_t *pte)
{
	if (!(*pte & PTE_P))
		return 0;
	if (t == FT_L1)
		return frame_entry_get(pg, pte);
	if (!mfn_valid(pte_mfn(*pte)))
		return -XEN_EINVAL;
	return frame_get_entry(mfn_frame(pte_mfn(*pte)), d, child_type(d, t, slot));
}

int entry_put(struct domain *d, enum frame_type t, uint64_t pte)
{
	if (t == FT_L1)
		frame_entry_put(d, pte);
	else if (pte & PTE_P && mfn_valid(pte_mfn(pte)))
		return frame_put_typed_preemptible(mfn_frame(pte_mfn(pte)));
	return 0;
}

static int descriptors_validate(struct domain *d, uint64_t *table)
{
	unsigned int i;
	uint64_t desc;

	for (i = 0; i < SLOTS; i++) {
		desc = READ_ONCE(table[i]);
		if (!segment_check(d, &desc))
			return -XEN_EINVAL;
		if (desc != table[i])
			WRITE_ONCE(table[i], desc);
	}
	return 0;
}

static unsigned int table_slots(const struct domain *d, enum frame_type t)
{
	if (t == FT_L3 && d->is_32bit)
		return 4;
	return t == FT_L2_TOP ? TOP_HOLE : SLOTS;
}

/* Whether any of n entries is present. The table is ours alone, so these may be ordinary loads:
 * what changes meanwhile is accessed and dirty bits. */
static inline __attribute__((always_inline)) bool any_present(const uint64_t *t, unsigned int n)
{
	uint64_t any = 0;
	unsigned int i;

#pragma GCC unroll 32
	for (i = 0; i < n; i++)
		any |= t[i];
	return any & PTE_P;
}

/* The first entry from i on, of n, with a present bit among those that share its eight: most tables
 * are nearly empty. */
static inline unsigned int skip_up(const uint64_t *table, unsigned int i, unsigned int n)
{
	while (!(i & 7) && i + 8 <= n) {
		if (!(i & 31) && i + 32 <= n && !any_present(table + i, 32))
			i += 32;
		else if (!any_present(table + i, 8))
			i += 8;
		else
			break;
	}
	return i;
}

/* The same downwards: entries below i are still to be looked at. */
static inline unsigned int skip_down(const uint64_t *table, unsigned int i)
{
	while (i && !(i & 7)) {
		if (!(i & 31) && !any_present(table + i - 32, 32))
			i -= 32;
		else if (!any_present(table + i - 8, 8))
			i -= 8;
		else
			break;
	}
	return i;
}

/* The hypervisor's part of a table that has one. */
static void hole_fill(enum frame_type t, uint64_t *table)
{
	unsigned int i;

	if (t == FT_L4) {
		hyp_slots_fill(table, true); /* processes are not to see the machine-to-phys table:
						mmu_new_root() adds it */
	} else if (t == FT_L2_TOP) {
		for (i = TOP_HOLE; i < SLOTS; i++)
			WRITE_ONCE(table[i], i - TOP_HOLE < ARRAY_SIZE(m2p32_l2e) ?
						     m2p32_l2e[i - TOP_HOLE] :
						     0);
	}
}

static void hole_clear(enum frame_type t, uint64_t *table)
{
	unsigned int i, from = t == FT_L4 ? HYP_SLOT_FIRST : TOP_HOLE,
			to = t == FT_L4 ? HYP_SLOT_LAST : SLOTS - 1;

	if (t != FT_L4 && t != FT_L2_TOP)
		return;
	for (i = from; i <= to; i++)
		WRITE_ONCE(table[i], 0);
}

/*
 * Before a table is gone on with: it may have been coming down when somebody wanted it back, and
 * where that stopped the entry still holds its reference, to a table that may be half taken apart
 * itself ("kept"). That one is made whole first: as another reference to it would.
 */
static int last_entry_complete(struct domain *d, enum frame_type t, const uint64_t *table,
			       unsigned int start)
{
	uint64_t pte;
	int rc;

	if (t == FT_L1 || !start || !table_slot_is_guests(d, t, start - 1))
		return 0;
	pte = READ_ONCE(table[start - 1]);
	if (!(pte & PTE_P))
		return 0;
	rc = entry_get(d, d, t, start - 1, &pte);
	if (!rc)
		entry_put(d, t, pte); /* not the last: the entry has its own */
	return rc;
}

int table_validate(struct frame *f, enum frame_type t)
{
	struct domain *d = f->owner;
	uint64_t *table = mfn_to_virt(frame_mfn(f)), pte, was;
	unsigned int i, start = f->partial, n = table_slots(d, t), level = table_level(t);
	int rc = 0;

	if (t == FT_SEGDESC)
		return descriptors_validate(d, table);
	if (unlikely(start)) {
		rc = last_entry_complete(d, t, table, start);
		if (rc)
			return rc;
	}
	if (t == FT_L4 && d->is_32bit)
		return -XEN_EINVAL;
	/* The ABI's hole is in the last of the four: without it there would be no machine-to-phys
	 * table. */
	if (t == FT_L3 && d->is_32bit && !(READ_ONCE(table[3]) & PTE_P))
		return -XEN_EINVAL;
	for (i = skip_up(table, start, n); i < n; i = skip_up(table, i + 1, n)) {
		if (!table_slot_is_guests(d, t, i))
			continue;
		/* Nobody can write it now: it is mapped read-only or not at all, and TLBs were
		 * flushed. */
		was = READ_ONCE(table[i]);
		if (!(was & PTE_P))
			continue;
		if (level > 1 && i != start && must_yield()) {
			rc = -XEN_ERESTART;
			break;
		}
		pte = pte_adjust(d, level, was);
		if (!pte_flags_allowed(d, level, pte))
			rc = -XEN_EINVAL;
		else
			rc = t == FT_L1 ? frame_entry_get(d, &pte) : entry_get(d, d, t, i, &pte);
		if (rc)
			break;
		if (pte != was)
			WRITE_ONCE(table[i], pte);
	}
	f->partial = i;
	/* To whoever copies the domain elsewhere a frame says something else once it is a table, or
	 * none any more, or none after all. */
	if (rc != -XEN_ERESTART && unlikely(d->dirty))
		dirty_mark(d, frame_mfn(f));
	if (!rc)
		hole_fill(t, table);
	return rc;
}

int table_invalidate(struct frame *f, enum frame_type t)
{
	struct domain *d = f->owner;
	uint64_t *table = mfn_to_virt(frame_mfn(f)), pte;
	unsigned int level = table_level(t), i, start = f->partial;

	if (!level)
		return 0;
	if (start == table_slots(d, t)) {
		hole_clear(t, table);
		if (unlikely(d->dirty)) {
			dirty_mark(d, frame_mfn(f));
			dirty_table_gone(d, f);
		}
	}
	for (i = skip_down(table, start); i > 0; i = skip_down(table, i - 1)) {
		if (!table_slot_is_guests(d, t, i - 1))
			continue;
		pte = READ_ONCE(table[i - 1]);
		if (!(pte & PTE_P))
			continue;
		if (t == FT_L1) {
			frame_entry_put(d, pte);
		} else if ((i != start && must_yield()) || entry_put(d, t, pte)) {
			f->partial = i;
			return -XEN_ERESTART;
		}
	}
	f->partial = 0;
	if (unlikely(d->dirty)) /* who looked while it came down saw a table */
		dirty_mark(d, frame_mfn(f));
	return 0;
}
