/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Direct paging: updates of entries, pins, roots, and the end of it all.
 *
 * No lock guards a page table. A writer holds a typed reference to the table, so nobody
 * (in)validates it meanwhile; it takes the new entry's references, exchanges the entry in one
 * instruction, and puts the references of what came out. Two writers of one entry thus each drop
 * what they replaced, in whatever order. The processor sets accessed and dirty bits at any time,
 * which changes no reference.
 *
 * A put may run long, when it is the last of a table with much below. It stops when something waits
 * for the CPU and leaves the rest to v->half_put, which every later call finishes first.
 */
#include <torc/guestmem.h>
#include <torc/heap.h>
#include <torc/why.h>
#include <torc/x86.h>
#include "mmu.h"

int mmu_finish_put(struct vcpu *v)
{
	struct frame *f;
	int rc;

	while (unlikely((f = v->half_put) != NULL)) {
		rc = frame_put_typed_preemptible(f);
		if (rc)
			return rc;
		v->half_put = v->half_put_next[0];
		v->half_put_next[0] = v->half_put_next[1];
		v->half_put_next[1] = NULL;
	}
	return 0;
}

/* mmu_kill() may have gone by while the caller made half of a table: that holds itself, and nobody
 * would come to go on with it. (To leave it half done was a full barrier.) */
static bool half_of_the_dying(struct frame *f, struct domain *owner)
{
	if (atomic_read(&owner->state) < DOM_DYING)
		return false;
	if (frame_get(f, owner)) {
		while (frame_settle(f))
			; /* no more of it than one turn has done */
		frame_put(f);
	}
	return true;
}

/* An update may leave three: the table before, what came out of this one, this one. There are more
 * only where other vcpus take tables out of use under our hands (dirty.c's path_put()), as often as
 * the guest likes. Those are left as they are: to finish one here so that another may wait would
 * take as long as the tables are large. */
static void put_later(struct vcpu *v, struct frame *f)
{
	struct domain *owner = f->owner;
	unsigned int i;

	if (!v->half_put) {
		v->half_put = f;
		return;
	}
	for (i = 0; i < ARRAY_SIZE(v->half_put_next); i++)
		if (!v->half_put_next[i]) {
			v->half_put_next[i] = f;
			return;
		}
	frame_abandon(f);
	half_of_the_dying(f, owner); /* as of a pin: it was a full barrier */
}

void mmu_put_later(struct vcpu *v, struct frame *f)
{
	if (unlikely(frame_put_typed_preemptible(f)))
		put_later(v, f);
}

int table_update(struct vcpu *v, struct frame *f, enum frame_type t, unsigned int slot,
		 uint64_t pte, const struct mmu_who *w, const uint64_t *expect, bool keep_ad)
{
	struct domain *d = f->owner;
	uint64_t *e = (uint64_t *)mfn_to_virt(frame_mfn(f)) + slot, old, new;
	unsigned int level = table_level(t);
	uint64_t same = PTE_P | PTE_ADDR | (level == 1 ? PTE_RW : 0);
	int rc;

	if (unlikely(!table_slot_is_guests(d, t, slot)))
		return refuse(v, -XEN_EINVAL, "slot %u of level %u table %#lx is the hypervisor's",
			      slot, level, frame_mfn(f).n);
	if (pte & PTE_P) {
		pte = pte_adjust(d, level, pte);
		if (unlikely(!pte_flags_allowed(d, level, pte)))
			return refuse(v, -XEN_EINVAL,
				      "level %u entry %#lx: reserved or cache bits, or a large page",
				      level, pte);
	} else if (unlikely(level == 3 && slot == 3 && d->is_32bit)) {
		return refuse(v, -XEN_EINVAL,
			      "slot 3 of a 32-bit root cannot go while the root is in use");
	}

	/* The same frame for the same use: references stay as they are. */
	old = READ_ONCE(*e);
	while (pte & PTE_P && !((old ^ pte) & same)) {
		if (expect && old != *expect)
			return -XEN_EAGAIN;
		new = pte | (keep_ad ? old & (PTE_A | PTE_D) : 0);
		if (atomic_swap_if(e, &old, new)) {
			if (unlikely(d->dirty))
				dirty_table_changed(d, f, t, slot);
			return 0;
		}
	}

	rc = 0;
	if (pte & PTE_P) {
		table_mark_used(f, slot);
		rc = t == FT_L1 ? frame_entry_get(w->pg, &pte) : entry_get(d, w->pg, t, slot, &pte);
	}
	if (unlikely(rc)) {
		if (rc == -XEN_ERESTART)
			return rc;
		return refuse(v, rc, "level %u entry %#lx: frame is not d%u's, or in use as type %u",
			      level, pte, w->pg->id,
			      mfn_valid(pte_mfn(pte)) ? frame_type(mfn_frame(pte_mfn(pte))) : 0);
	}
	if (!expect && !keep_ad) {
		old = atomic_swap(e, pte);
	} else {
		old = READ_ONCE(*e);
		do {
			if (expect && old != *expect) {
				if (entry_put(d, t, pte))
					put_later(v, mfn_frame(pte_mfn(pte)));
				return -XEN_EAGAIN;
			}
			new = pte | (keep_ad ? old & (PTE_A | PTE_D) : 0);
		} while (!atomic_swap_if(e, &old, new));
	}
	/* Before the old entry's references go: no copy of it may outlive them. */
	if (unlikely(d->dirty))
		dirty_table_changed(d, f, t, slot);
	if (t == FT_L1)
		frame_entry_put(d, old);
	else if (old & PTE_P && unlikely(entry_put(d, t, old)))
		put_later(v, mfn_frame(pte_mfn(old)));
	return 0;
}

static int update_raw(struct vcpu *v, struct frame *f, const struct mmu_who *w, uint64_t ptr,
		      uint64_t val, bool keep_ad)
{
	uint64_t *e = (uint64_t *)mfn_to_virt(frame_mfn(f)) + (ptr & (PAGE_SIZE - 1)) / sizeof(*e);
	int rc = frame_get_typed(f, w->pt, FT_WRITABLE);

	/* A table that is not in use yet is plain memory. */
	if (rc == -XEN_EBUSY)
		return -XEN_EAGAIN;
	if (rc)
		return refuse(v, rc, "table %#lx is not d%u's", frame_mfn(f).n, w->pt->id);
	if (keep_ad)
		val |= READ_ONCE(*e) & (PTE_A | PTE_D);
	WRITE_ONCE(*e, val);
	frame_put_typed(f);
	if (unlikely(w->pt->dirty))
		dirty_mark(w->pt, frame_mfn(f));
	return 0;
}

void mmu_let_go(struct vcpu *v, struct mmu_held *h)
{
	if (h->f && unlikely(frame_put_typed_preemptible(h->f)))
		put_later(v, h->f);
	h->f = NULL;
}

/* A table that is not held yet: 0 and it is, or 1 and the update is done, there being none. */
static __attribute__((noinline)) int hold_table(struct vcpu *v, const struct mmu_who *w,
						struct mmu_held *h, uint64_t ptr, uint64_t val,
						bool keep_ad)
{
	mfn_t m = MFN(ptr >> PAGE_SHIFT);
	enum frame_type t;
	struct frame *f;
	int rc;

	if (unlikely(ptr & 7 || !mfn_valid(m)))
		return refuse(v, -XEN_EINVAL, "entry at %#lx: no memory, or not aligned", ptr);
	f = mfn_frame(m);
	/* Not longer: an update of another table may be the one that ends this one's use. */
	mmu_let_go(v, h);
	do {
		t = frame_type(f);
		if (likely(table_level(t))) {
			rc = -XEN_EAGAIN;
			if (frame_get_more(f, w->pt, t)) {
				*h = (struct mmu_held){ f, t };
				return 0;
			} else if (f->owner != w->pt || (frame_type(f) == t && !frame_in_work(f))) {
				/* Another's, or half validated: an update may not decide which half
				 * it meant. */
				return refuse(v, -XEN_EINVAL,
					      "table %#lx is not d%u's, or not validated", m.n,
					      w->pt->id);
			} else if (must_yield()) {
				return -XEN_ERESTART;
			}
		} else {
			rc = update_raw(v, f, w, ptr, val, keep_ad);
			if (rc == -XEN_EAGAIN && frame_type(f) == t)
				return refuse(v, -XEN_EBUSY,
					      "frame %#lx is no page table and not writable", m.n);
		}
	} while (rc == -XEN_EAGAIN); /* its type changed under us: as often as the guest has vcpus
					that do so */
	return rc ? rc : 1;
}

static int m2p_update(struct vcpu *v, const struct mmu_who *w, mfn_t m, uint64_t pfn)
{
	struct frame *f = mfn_frame(m);

	if (!mfn_valid(m) || !frame_get(f, w->pg))
		return refuse(v, -XEN_EINVAL, "machine-to-phys: frame %#lx is not d%u's", m.n,
			      w->pg->id);
	m2p_set(m, pfn);
	if (unlikely(w->pg->dirty))
		dirty_mark(w->pg, m);
	frame_put(f);
	return 0;
}

static inline __attribute__((always_inline)) int update_next(struct vcpu *v, const struct mmu_who *w,
							     struct mmu_held *h, uint64_t ptr,
							     uint64_t val)
{
	bool keep_ad = (ptr & 3) == MMU_PT_UPDATE_PRESERVE_AD;
	unsigned int slot = (ptr & (PAGE_SIZE - 1)) / 8;
	mfn_t m = MFN(ptr >> PAGE_SHIFT);
	int rc;

	if (unlikely((ptr & 3) == MMU_MACHPHYS_UPDATE))
		return m2p_update(v, w, m, val);
	if (h->f != mfn_frame(m) || unlikely(ptr & 4)) {
		rc = hold_table(v, w, h, ptr & ~3ull, val, keep_ad);
		if (unlikely(rc))
			return rc < 0 ? rc : 0;
	}
	return table_update(v, h->f, h->t, slot, val, w, NULL, keep_ad);
}

/* Holds the table, if it is one of level 1 that is in use, and the update an entry's. */
static inline __attribute__((always_inline)) bool hold_level1(struct vcpu *v,
							      const struct mmu_who *w,
							      struct mmu_held *h, uint64_t ptr)
{
	mfn_t m = MFN(ptr >> PAGE_SHIFT);

	if (unlikely(ptr & 5 || !mfn_valid(m)))
		return false;
	mmu_let_go(v, h); /* not longer: as in hold_table() */
	if (unlikely(!frame_get_more(mfn_frame(m), w->pt, FT_L1)))
		return false;
	*h = (struct mmu_held){ mfn_frame(m), FT_L1 };
	return true;
}

/*
 * As table_update() does them, as many entries of the level 1 table that is held as ask for nothing
 * out of the ordinary: each is for another frame than the one before, or for none, and is not
 * refused. They leave nothing half done.
 */
static inline __attribute__((always_inline)) unsigned int level1_update_some(
	const struct mmu_who *w, struct frame *f, const struct mmu_update *u, unsigned int n)
{
	const uint64_t same = PTE_P | PTE_ADDR | PTE_RW;
	struct domain *d = f->owner;
	const struct rule rule = entry_rule(d, 1);
	mfn_t m = frame_mfn(f);
	uint8_t *table = mfn_to_virt(m);
	uint64_t at, pte, old, *e;
	unsigned int i;

	for (i = 0; i < n; i++) {
		at = u[i].ptr ^ (uint64_t)m.n << PAGE_SHIFT;
		pte = u[i].val;
		if (at & ~(PAGE_SIZE - sizeof(*e))) /* of another table, or of another kind */
			break;
		e = (uint64_t *)(table + at);
		if (pte & PTE_P) {
			pte = (pte & ~rule.clear) | rule.set;
			if (unlikely(pte & rule.look || !((READ_ONCE(*e) ^ pte) & same)))
				break;
			table_mark_used(f, at / sizeof(*e));
			if (unlikely(frame_entry_get(w->pg, &pte)))
				break;
		}
		old = atomic_swap(e, pte);
		/* Before the old entry's references go: no copy of it may outlive them. */
		if (unlikely(d->dirty))
			dirty_table_changed(d, f, FT_L1, at / sizeof(*e));
		frame_entry_put(d, old);
	}
	return i;
}

/* Entries of level 1 tables go on as long as nothing is left half done. */
unsigned int mmu_update_some(struct vcpu *v, const struct mmu_who *w, struct mmu_held *h,
			     const struct mmu_update *u, unsigned int n, int *rc)
{
	unsigned int i = 0, done;

	*rc = 0;
	do {
		done = 0;
		if (h->f == mfn_frame(MFN(u[i].ptr >> PAGE_SHIFT)) ? h->t == FT_L1 :
								     hold_level1(v, w, h, u[i].ptr))
			done = level1_update_some(w, h->f, u + i, n - i);
		i += done;
		if (i == n || (done && v->half_put))
			break;
		*rc = update_next(v, w, h, u[i].ptr, u[i].val);
		if (unlikely(*rc))
			break;
		i++;
	} while (i < n && h->f && h->t == FT_L1 && !v->half_put);
	return i;
}

int mmu_update_entry(struct vcpu *v, const struct mmu_who *w, uint64_t ptr, uint64_t val)
{
	struct mmu_update u = { .ptr = ptr, .val = val };
	struct mmu_held h = { NULL, FT_NONE };
	int rc = 0;

	/* As one of some, but without what a list needs besides. */
	if (unlikely(!hold_level1(v, w, &h, ptr) || !level1_update_some(w, h.f, &u, 1)))
		mmu_update_some(v, w, &h, &u, 1, &rc);
	mmu_let_go(v, &h);
	return rc;
}

int mmu_update_va(struct vcpu *v, struct domain *pg, unsigned long va, uint64_t pte)
{
	struct mmu_who who = { v->domain, pg };
	struct frame *f;
	struct walk w;
	int rc;

	walk(v, va, &w);
	if (unlikely(!mfn_valid(w.l1)))
		return refuse(v, -XEN_EINVAL, "address %#lx has no level 1 table", va);
	f = mfn_frame(w.l1);
	if (unlikely(!frame_get_more(f, v->domain, FT_L1)))
		return refuse(v, -XEN_EINVAL, "address %#lx: frame %#lx is no valid level 1 table",
			      va, w.l1.n);
	rc = table_update(v, f, FT_L1, w.slot, pte, &who, NULL, false);
	if (unlikely(frame_put_typed_preemptible(f)))
		put_later(v, f);
	return rc;
}

/* --- grants: entries whose references the caller has taken and keeps account of  */

static struct frame *grant_table_l1(struct vcpu *v, uint64_t at, bool by_va, unsigned int *slot)
{
	struct frame *f;
	struct walk w;

	if (by_va) {
		walk(v, at, &w);
		*slot = w.slot;
	} else {
		if (at & 7)
			return NULL;
		w.l1 = MFN(at >> PAGE_SHIFT);
		*slot = (at & (PAGE_SIZE - 1)) / 8;
	}
	if (!mfn_valid(w.l1))
		return NULL;
	f = mfn_frame(w.l1);
	return frame_get_more(f, v->domain, FT_L1) ? f : NULL;
}

int mmu_map_foreign_pte(struct vcpu *v, uint64_t at, uint64_t pte, bool by_va, uint64_t *old)
{
	unsigned int slot;
	struct frame *f = grant_table_l1(v, at, by_va, &slot);
	uint64_t was;

	if (!f)
		return refuse(v, -XEN_EINVAL, "grant: no level 1 entry at %#lx", at);
	table_mark_used(f, slot);
	was = atomic_swap((uint64_t *)mfn_to_virt(frame_mfn(f)) + slot,
			  pte_adjust(v->domain, 1, pte));
	if (unlikely(v->domain->dirty))
		dirty_table_changed(v->domain, f, FT_L1, slot);
	entry_put(v->domain, FT_L1, was);
	if (unlikely(frame_put_typed_preemptible(f)))
		put_later(v, f);
	if (old)
		*old = was;
	return 0;
}

int mmu_clear_pte(struct vcpu *v, uint64_t at, bool by_va, uint64_t expect, uint64_t replace,
		  uint64_t *old)
{
	const uint64_t same = PTE_P | PTE_RW | PTE_ADDR;
	unsigned int slot;
	struct frame *f = grant_table_l1(v, at, by_va, &slot);
	uint64_t *e, was;
	int rc = 0;

	if (!f)
		return refuse(v, -XEN_EINVAL, "grant: no level 1 entry at %#lx", at);
	e = (uint64_t *)mfn_to_virt(frame_mfn(f)) + slot;
	was = READ_ONCE(*e);
	table_mark_used(f, slot);
	do {
		if ((was ^ expect) & same) {
			rc = refuse(v, -XEN_EINVAL,
				    "grant: entry at %#lx is %#lx, not a mapping of frame %#lx", at,
				    was, pte_mfn(expect).n);
			break;
		}
	} while (!atomic_swap_if(e, &was, pte_adjust(v->domain, 1, replace)));
	if (!rc && unlikely(v->domain->dirty))
		dirty_table_changed(v->domain, f, FT_L1, slot);
	if (unlikely(frame_put_typed_preemptible(f)))
		put_later(v, f);
	if (!rc && old)
		*old = was;
	return rc;
}

/* --- pins ----------------------------------------------------------------- */

int mmu_pin(struct vcpu *v, struct domain *owner, mfn_t m, enum frame_type t)
{
	struct frame *f = mfn_frame(m);
	int rc;

	if (!mfn_valid(m))
		return refuse(v, -XEN_EINVAL, "pin: %#lx is no memory", m.n);
	if (t == (owner->is_32bit ? FT_L4 : FT_L2_TOP))
		return refuse(v, -XEN_EINVAL, "pin: d%u's tables have no such level", owner->id);
	rc = frame_get_typed(f, owner, t);
	if (rc == -XEN_ERESTART)
		return half_of_the_dying(f, owner) ? -XEN_ESRCH : rc;
	if (rc)
		return refuse(v, rc, "pin: frame %#lx cannot be a level %u table of d%u", m.n,
			      table_level(t), owner->id);
	if (!frame_pin(f)) {
		if (frame_put_typed_preemptible(f))
			put_later(v, f);
		return refuse(v, -XEN_EINVAL, "pin: frame %#lx is pinned already", m.n);
	}
	/* mmu_kill() may have gone by: whoever of the two sees the pin last takes it off. (To set
	 * it was a full barrier.) */
	if (atomic_read(&owner->state) >= DOM_DYING && frame_unpin(f)) {
		if (frame_put_typed_preemptible(f))
			put_later(v, f);
		return -XEN_ESRCH;
	}
	if (unlikely(owner->dirty)) /* that it is pinned is part of the domain's image */
		dirty_mark(owner, m);
	return 0;
}

int mmu_unpin(struct vcpu *v, struct domain *owner, mfn_t m)
{
	struct frame *f = mfn_frame(m);
	int rc = 0;

	if (!mfn_valid(m) || !frame_get(f, owner))
		return refuse(v, -XEN_EINVAL, "unpin: frame %#lx is not d%u's", m.n, owner->id);
	if (!frame_unpin(f))
		rc = refuse(v, -XEN_EINVAL, "unpin: frame %#lx is not pinned", m.n);
	else if (frame_put_typed_preemptible(f))
		put_later(v, f);
	if (!rc && unlikely(owner->dirty))
		dirty_mark(owner, m);
	frame_put(f);
	return rc;
}

/* --- roots ---------------------------------------------------------------- */

/* What the processor is to run on, after a root or the mode changed. */
void mmu_root_changed(struct vcpu *v)
{
	struct domain *d = v->domain;
	mfn_t root = d->is_32bit || v->kernel_mode ? v->root : v->user_root;

	if (unlikely(mfn_eq(root, MFN_NONE))) {
		v->cr3 = idle_root;
	} else {
		if (unlikely(d->dirty))
			root = dirty_root(v, root);
		if (d->is_32bit) {
			WRITE_ONCE(v->root32[0], pte_make(root, PTE_P | PTE_RW | PTE_US));
			root = virt_to_mfn(v->root32);
		}
		v->cr3 = root;
	}
	if (v == current)
		write_root(v->cr3);
}

static void m2p_slot_set(mfn_t root, bool present)
{
	uint64_t *l4 = mfn_to_virt(root),
		 e = present ? ((uint64_t *)mfn_to_virt(idle_root))[HYP_SLOT_FIRST] : 0;

	if (l4[HYP_SLOT_FIRST] != e)
		WRITE_ONCE(l4[HYP_SLOT_FIRST], e);
}

static int root_get(struct vcpu *v, mfn_t m)
{
	struct domain *d = v->domain;
	int rc;

	if (!mfn_valid(m))
		return refuse(v, -XEN_EINVAL, "root %#lx is no memory", m.n);
	rc = frame_get_typed(mfn_frame(m), d, d->is_32bit ? FT_L3 : FT_L4);
	if (rc && rc != -XEN_ERESTART)
		refuse(v, rc, "frame %#lx cannot be a root of d%u", m.n, d->id);
	return rc;
}

static void root_put(struct vcpu *v, mfn_t m)
{
	if (!mfn_eq(m, MFN_NONE) && frame_put_typed_preemptible(mfn_frame(m)))
		put_later(v, mfn_frame(m));
}

int mmu_new_root(struct vcpu *v, mfn_t m)
{
	mfn_t old = v->root;
	int rc = mmu_finish_put(v);

	if (rc)
		return rc;
	if (mfn_eq(m, old) && v->cr3.n != idle_root.n) {
		if (v == current)
			write_root(v->cr3);
		return 0;
	}
	if (v->domain->is_32bit && !v->root32) {
		v->root32 = page_alloc(0);
		if (!v->root32)
			return -XEN_ENOMEM;
		hyp_slots_fill(v->root32, true);
	}
	rc = root_get(v, m);
	if (rc)
		return rc;
	if (!v->domain->is_32bit)
		m2p_slot_set(m, true);
	v->root = m;
	mmu_root_changed(v);
	root_put(v, old);
	return 0;
}

int mmu_new_user_root(struct vcpu *v, mfn_t m)
{
	mfn_t old = v->user_root;
	int rc = mmu_finish_put(v);

	if (rc)
		return rc;
	if (v->domain->is_32bit)
		return refuse(v, -XEN_EOPNOTSUPP, "a 32-bit guest has one root");
	if (mfn_eq(m, old))
		return 0;
	if (mfn_eq(m, MFN_NONE) && !v->kernel_mode)
		return refuse(v, -XEN_EINVAL, "the user root is in use");
	if (!mfn_eq(m, MFN_NONE)) {
		rc = root_get(v, m);
		if (rc)
			return rc;
		/* One that serves as a kernel's too keeps it, unless the guest wants to be strict. */
		if (v->domain->vm_assist >> VMASST_TYPE_m2p_strict & 1 && !mfn_eq(m, v->root))
			m2p_slot_set(m, false);
	}
	v->user_root = m;
	if (!v->kernel_mode)
		mmu_root_changed(v);
	root_put(v, old);
	return 0;
}

void mmu_drop_roots(struct vcpu *v)
{
	mfn_t root = v->root, user = v->user_root;

	while (mmu_finish_put(v))
		;
	v->root = v->user_root = MFN_NONE;
	v->cr3 = idle_root;
	if (v == current)
		write_root(v->cr3);
	if (!mfn_eq(root, MFN_NONE))
		frame_put_typed(mfn_frame(root));
	if (!mfn_eq(user, MFN_NONE))
		frame_put_typed(mfn_frame(user));
	page_free(v->root32, 0);
	v->root32 = NULL;
}

int mmu_set_32bit(struct domain *d)
{
	if (d->is_32bit)
		return 0;
	if (d->nr_pages)
		return -XEN_EACCES;
	if (d->shared && virt_to_mfn(d->shared).n >> (32 - PAGE_SHIFT))
		return -XEN_ENOMEM; /* there was no page for it that such a guest can name */
	d->is_32bit = true;
	d->hv_start_low = M2P32_BASE;
	return 0;
}

/* --- death ---------------------------------------------------------------- */

/* Roots without waiting for a long put: it comes back as half_put. */
static int roots_kill(struct vcpu *v)
{
	mfn_t m;
	int rc;

	if (mfn_eq(v->root, MFN_NONE) && mfn_eq(v->user_root, MFN_NONE))
		return mmu_finish_put(v);
	v->cr3 = idle_root;
	while (!(rc = mmu_finish_put(v)) &&
	       !(mfn_eq(v->root, MFN_NONE) && mfn_eq(v->user_root, MFN_NONE))) {
		m = v->root;
		v->root = MFN_NONE;
		if (mfn_eq(m, MFN_NONE)) {
			m = v->user_root;
			v->user_root = MFN_NONE;
		}
		root_put(v, m);
	}
	return rc;
}

/* The frame is dying's: no pin, no half-done table, no allocation. -XEN_ERESTART: again. */
static int frame_kill(struct frame *f)
{
	int rc;

	if (frame_unpin(f)) {
		rc = frame_put_typed_preemptible(f);
		if (rc) {
			frame_pin(f);
			return rc;
		}
	}
	rc = frame_settle(f);
	if (!rc)
		frame_drop_allocated(f);
	return rc;
}

/*
 * The domain is dying and none of its vcpus runs; it gets no new frames. Frames that others still
 * hold stay on its list, behind those not yet looked at, and leave it with their last reference.
 * One who leaves early makes us look at one twice, which does no harm.
 */
int mmu_kill(struct domain *d)
{
	struct frame *f;
	unsigned int i;
	int rc = 0;

	for (i = 0; i < d->max_vcpus; i++) {
		if (!d->vcpus[i])
			continue;
		rc = roots_kill(d->vcpus[i]);
		if (rc)
			return rc;
		mmu_drop_roots(d->vcpus[i]); /* what is left of them: root32 */
	}
	domain_claim(d, 0); /* nor is it promised any, from now on */
	/* Under the lock: whoever is just giving it frames has not seen that it is dying. */
	spin_lock(&d->pages_lock);
	if (!d->kill_left)
		d->kill_left = d->nr_pages;
	spin_unlock(&d->pages_lock);
	while (!rc && d->kill_left != ~0u && d->kill_left) {
		spin_lock(&d->pages_lock);
		f = frame_list_pop(&d->pages);
		if (!f) {
			spin_unlock(&d->pages_lock);
			break;
		}
		frame_list_add_tail(&d->pages, f);
		/* Without references it is just leaving, and waits for the lock. */
		if (!frame_get(f, d))
			f = NULL;
		spin_unlock(&d->pages_lock);
		if (f)
			rc = frame_kill(f);
		if (!rc) {
			d->kill_left--;
		} else { /* to be the first again */
			spin_lock(&d->pages_lock);
			frame_list_del(&d->pages, f);
			frame_list_add(&d->pages, f);
			spin_unlock(&d->pages_lock);
		}
		if (f)
			frame_put(f);
		/* After the last one never: the next call would begin again. */
		if (!rc && d->kill_left && must_yield())
			rc = -XEN_ERESTART;
	}
	if (!rc)
		d->kill_left = ~0u;
	return rc;
}
