/* SPDX-License-Identifier: BSD-2-Clause */
/* Direct paging, between its own files: entries (validate.c), walks (walk.c), updates (mmu.c). */
#ifndef TORC_PV_MMU_H
#define TORC_PV_MMU_H

#include <torc/irq.h>
#include <torc/pv.h>
#include <torc/sched.h>
#include <torc/x86.h>

/* What a guest may say in a table, small enough to be in line: each update goes through it. */

#define TOP_HOLE  ((M2P32_BASE >> 21) & 511) /* of FT_L2_TOP: from here on it is the hypervisor's */
#define PTE_CACHE (PTE_PWT | PTE_PCD | PTE_PAT)

static inline unsigned int table_level(enum frame_type t) /* 0: it is no page table */
{
	switch (t) {
	case FT_L1: return 1;
	case FT_L2:
	case FT_L2_TOP: return 2;
	case FT_L3: return 3;
	case FT_L4: return 4;
	default: return 0;
	}
}

static inline bool table_slot_is_guests(const struct domain *d, enum frame_type t, unsigned int slot)
{
	if (t == FT_L4)
		return slot < HYP_SLOT_FIRST || slot > HYP_SLOT_LAST;
	if (t == FT_L2_TOP)
		return slot < TOP_HOLE;
	if (t == FT_L3 && d->is_32bit)
		return slot < 4;
	return true;
}

static inline bool pte_flags_allowed(const struct domain *d, unsigned int level, uint64_t pte)
{
	if (!(pte & PTE_P))
		return true;
	if (pte_mfn(pte).n >> (cpu_features.phys_bits - PAGE_SHIFT))
		return false;
	if (level > 1)
		return !(pte & PTE_PSE);
	/* Memory that devices do not look at is cached: others may map the same frame, and the
	 * caches must agree. */
	return !(pte & PTE_CACHE) || d->io_mem_all || !mfn_valid(pte_mfn(pte));
}

/* Bits the guest does not decide. */
static inline uint64_t pte_adjust(const struct domain *d, unsigned int level, uint64_t pte)
{
	if (!(pte & PTE_P))
		return pte;
	/* Global entries would survive a switch of roots; the hypervisor alone has such. */
	pte &= ~PTE_G;
	if (!cpu_features.nx)
		pte &= ~PTE_NX;
	/* A 64-bit kernel runs in ring 3 like its processes. A 32-bit one is in ring 1 and has the
	 * bit for itself, but its third level has none in the format it knows. */
	if (!d->is_32bit)
		pte |= PTE_US;
	else if (level == 3)
		pte |= PTE_US | PTE_RW;
	return pte;
}

/* What has to be looked at in an entry before it may be one: bits that go, that come, and that are
 * seldom there and want pte_flags_allowed(). */
struct rule {
	uint64_t clear, set, look;
};

static inline __attribute__((always_inline)) struct rule entry_rule(const struct domain *d,
								    unsigned int level)
{
	return (struct rule){
		.clear = ~pte_adjust(d, level, ~0ull),
		.set = pte_adjust(d, level, PTE_P) & ~PTE_P,
		.look = (PTE_ADDR & ~0ull << cpu_features.phys_bits) |
			(level > 1 ? PTE_PSE : PTE_CACHE),
	};
}

/* A level 1 entry's references: taken for frames of pg's, given back by a table of d's. */
static inline int frame_entry_get(struct domain *pg, uint64_t *pte)
{
	mfn_t m = pte_mfn(*pte);
	struct frame *f;
	int rc;

	if (unlikely(!mfn_valid(m))) {
		if (device_read_only(m))
			*pte &= ~PTE_RW;
		return io_mem_allowed(pg, m, 1) ? 0 : -XEN_EPERM;
	}
	/* Not the owner's, or in use as a table: the reference has one answer for both. */
	f = mfn_frame(m);
	if (*pte & PTE_RW) {
		rc = frame_get_entry(f, pg, FT_WRITABLE);
		return rc && rc != -XEN_ERESTART ? -XEN_EBUSY : rc;
	}
	return frame_ref(f, pg, FRAME_REFS_LIMIT) ? 0 : -XEN_EBUSY;
}

static inline void frame_entry_put(struct domain *d, uint64_t pte)
{
	struct frame *f;

	if (!(pte & PTE_P) || unlikely(!mfn_valid(pte_mfn(pte))))
		return;
	f = mfn_frame(pte_mfn(pte));
	if (!(pte & PTE_RW)) {
		frame_unref(f);
		return;
	}
	if (unlikely(f->owner != d)) {
		frame_mark_foreign(f);
		if (f->owner)
			dirty_mark(f->owner, frame_mfn(f));
	}
	frame_put_typed(f);
}

/*
 * f->used: which parts of a table hold references. A bit is set before the first entry of its 64 is
 * made present, by whoever has a typed reference to the table or validates it, and is cleared only
 * where validation begins. So who takes the table apart, which is after all those references, looks
 * at the others not at all.
 */
#define USED_ENTRIES 64

static inline void table_mark_used(struct frame *f, unsigned int slot)
{
	unsigned int bit = slot / USED_ENTRIES;

	if (unlikely(!(READ_ONCE(f->used) >> bit & 1)))
		atomic_or(&f->used, (uint8_t)(1u << bit));
}

/* validate.c */
/* An entry's references: of a table of d of type t, its flags checked, pte adjusted (and lowered
 * further). Frames are pg's. */
int entry_get(struct domain *d, struct domain *pg, enum frame_type t, unsigned int slot,
	      uint64_t *pte);
/* -XEN_ERESTART: the child's reference is kept */
int entry_put(struct domain *d, enum frame_type t, uint64_t pte);

/* walk.c: the path to an address in v's present root. Only a hint about tables that other vcpus may
 * change: take references. */
struct walk {
	uint64_t l1e;	   /* 0 if the path ends before */
	mfn_t l1;	   /* the level 1 table, MFN_NONE */
	unsigned int slot; /* in it */
	bool rw;	   /* all levels allow writing */
};
void walk(const struct vcpu *v, unsigned long va, struct walk *w);

/* mmu.c: frame_put_typed(), and what of a long one is left is v->half_put's. */
void mmu_put_later(struct vcpu *v, struct frame *f);
/* Puts an entry into a table that the caller holds a typed reference to. With expect, only
 * if it is still that (-XEN_EAGAIN). */
int table_update(struct vcpu *v, struct frame *f, enum frame_type t, unsigned int slot,
		 uint64_t pte, const struct mmu_who *w, const uint64_t *expect, bool keep_ad);

/* dirty.c */
/* what to run on instead of root while log-dirty is on */
mfn_t dirty_root(struct vcpu *v, mfn_t root);

#endif
