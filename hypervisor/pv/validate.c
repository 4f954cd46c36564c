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

static int descriptors_validate(struct frame *f, struct domain *d, uint64_t *table)
{
	bool changed = false;
	unsigned int i;
	uint64_t desc;

	for (i = 0; i < SLOTS; i++) {
		desc = READ_ONCE(table[i]);
		if (!segment_check(d, &desc))
			break;
		if (desc == table[i])
			continue;
		WRITE_ONCE(table[i], desc);
		changed = true;
	}
	if (changed)
		dirty_mark(d, frame_mfn(f));
	return i < SLOTS ? -XEN_EINVAL : 0;
}

static unsigned int table_slots(const struct domain *d, enum frame_type t)
{
	if (t == FT_L3 && d->is_32bit)
		return 4;
	return t == FT_L2_TOP ? TOP_HOLE : SLOTS;
}

#define GROUP 32 /* entries looked at together */
#define PART  8	 /* of them, to find those that are present */

/* Which of a part's entries are present, a bit each. */
static inline __attribute__((always_inline)) uint32_t part_map(const uint64_t *t)
{
	uint32_t map = 0;
	unsigned int i;

	__asm__("" : "+r"(t)); /* or the compiler keeps what present() has loaded, on the stack */
#pragma GCC unroll 8
	for (i = PART; i > 0; i--)
		map = map * 2 + (t[i - 1] & PTE_P);
	return map;
}

/*
 * The same of those among entries from .. to of a table, for the group that begins at "at". Most
 * tables are nearly empty, so whether there are any comes first, and where next. The table is ours
 * alone, so these may be ordinary loads: what changes meanwhile is accessed and dirty bits.
 */
static inline __attribute__((always_inline)) uint32_t present(const uint64_t *table, unsigned int at,
							      unsigned int from, unsigned int to)
{
	const uint64_t *t = table + at;
	uint64_t any[GROUP / PART];
	uint32_t map = 0;
	unsigned int i, k;

#pragma GCC unroll 4
	for (k = 0; k < GROUP / PART; k++) {
		any[k] = t[k * PART];
#pragma GCC unroll 8
		for (i = 1; i < PART; i++)
			any[k] |= t[k * PART + i];
	}
	if (likely(!((any[0] | any[1] | any[2] | any[3]) & PTE_P)))
		return 0;
#pragma GCC unroll 4
	for (k = 0; k < GROUP / PART; k++)
		if (any[k] & PTE_P)
			map |= part_map(t + k * PART) << k * PART;
	if (unlikely(from > at))
		map &= ~0u << (from - at);
	if (unlikely(to < at + GROUP))
		map &= ~0u >> (at + GROUP - to);
	return map;
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

/* In line twice: for all, and for level 1 alone, of which most tables are. Up to which entry it
 * came; *rc says why not further. */
static inline __attribute__((always_inline)) unsigned int entries_validate(struct frame *f,
									   struct domain *d,
									   enum frame_type t,
									   uint64_t *table, int *rc)
{
	unsigned int at, i, start = f->partial, n = table_slots(d, t), level = table_level(t);
	const struct rule rule = entry_rule(d, level);
	uint64_t pte, was;
	uint32_t map;

	if (!start)
		WRITE_ONCE(f->used, 0);
	*rc = 0;
	for (at = start & ~(GROUP - 1u); at < n; at += GROUP) {
		map = present(table, at, start, n);
		if (map)
			table_mark_used(f, at);
		for (; map; map &= map - 1) {
			i = at + __builtin_ctz(map);
			if (!table_slot_is_guests(d, t, i))
				continue;
			if (level > 1 && i != start && must_yield()) {
				*rc = -XEN_ERESTART;
				return i;
			}
			/* Nobody can write it now: it is mapped read-only or not at all, and TLBs
			 * were flushed. */
			was = READ_ONCE(table[i]);
			pte = (was & ~rule.clear) | rule.set;
			if (unlikely(pte & rule.look) && !pte_flags_allowed(d, level, pte))
				*rc = -XEN_EINVAL;
			else
				*rc = t == FT_L1 ? frame_entry_get(d, &pte) :
						   entry_get(d, d, t, i, &pte);
			if (*rc)
				return i;
			if (pte != was)
				WRITE_ONCE(table[i], pte);
		}
	}
	return n;
}

int table_validate(struct frame *f, enum frame_type t)
{
	struct domain *d = f->owner;
	uint64_t *table = mfn_to_virt(frame_mfn(f));
	int rc;

	if (t == FT_SEGDESC)
		return descriptors_validate(f, d, table);
	if (unlikely(f->partial)) {
		rc = last_entry_complete(d, t, table, f->partial);
		if (rc)
			return rc;
	}
	if (t == FT_L4 && d->is_32bit)
		return -XEN_EINVAL;
	/* The ABI's hole is in the last of the four: without it there would be no machine-to-phys
	 * table. */
	if (t == FT_L3 && d->is_32bit && !(READ_ONCE(table[3]) & PTE_P))
		return -XEN_EINVAL;
	f->partial = t == FT_L1 ? entries_validate(f, d, FT_L1, table, &rc) :
				  entries_validate(f, d, t, table, &rc);
	/* To whoever copies the domain elsewhere a frame says something else once it is a table, or
	 * none any more, or none after all. */
	if (rc != -XEN_ERESTART && unlikely(d->dirty))
		dirty_mark(d, frame_mfn(f));
	if (!rc)
		hole_fill(t, table);
	return rc;
}

bool table_wait_ends(void)
{
	return must_yield();
}

/* From the last entry down, since those below "partial" are the ones that hold references. */
static inline __attribute__((always_inline)) int entries_invalidate(struct frame *f,
								    struct domain *d,
								    enum frame_type t,
								    const uint64_t *table)
{
	unsigned int at, bit, i, start = f->partial, used = READ_ONCE(f->used);
	uint32_t map;
	uint64_t pte;

	for (at = (start + GROUP - 1) & ~(GROUP - 1u); at > 0;) {
		at -= GROUP;
		if (!(used >> at / USED_ENTRIES & 1))
			continue;
		for (map = present(table, at, 0, start); map; map &= ~(1u << bit)) {
			bit = 31 - __builtin_clz(map);
			i = at + bit;
			if (!table_slot_is_guests(d, t, i))
				continue;
			pte = READ_ONCE(table[i]);
			if (t == FT_L1) {
				frame_entry_put(d, pte);
			} else if ((i + 1 != start && must_yield()) || entry_put(d, t, pte)) {
				f->partial = i + 1;
				return -XEN_ERESTART;
			}
		}
	}
	return 0;
}

int table_invalidate(struct frame *f, enum frame_type t)
{
	struct domain *d = f->owner;
	uint64_t *table = mfn_to_virt(frame_mfn(f));
	int rc;

	if (!table_level(t))
		return 0;
	if (f->partial == table_slots(d, t)) {
		hole_clear(t, table);
		if (unlikely(d->dirty)) {
			dirty_mark(d, frame_mfn(f));
			dirty_table_gone(d, f);
		}
	}
	rc = t == FT_L1 ? entries_invalidate(f, d, FT_L1, table) :
			  entries_invalidate(f, d, t, table);
	if (rc)
		return rc;
	f->partial = 0;
	if (unlikely(d->dirty)) /* who looked while it came down saw a table */
		dirty_mark(d, frame_mfn(f));
	return 0;
}
