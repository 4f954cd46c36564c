/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Log-dirty: which frames of a domain were written since they were last asked for.
 * (docs/decisions/0005-log-dirty.md)
 *
 * While it is on, the processor runs on copies of the guest's tables that are made as they are
 * needed, from the root down:
 *
 *   - An entry of a copy leads to the guest's own table below, but without leave to write: one
 *     entry of a root thus covers 512 GiB that are read and not written.
 *   - The first write below it makes a copy of the next table, down to a copy of the level 1 table
 *     with the one page's entry writable. That page is noted as dirty.
 *   - To begin a new round, all copies are thrown away.
 *
 * The guest's tables never change by it, but for what the processor itself would set there: a
 * page's entry in a copy is present only if the guest's is accessed, writable only if the guest's
 * is dirty, and we set these bits when we make them so. (Of the levels above only the copy gets
 * accessed bits; nobody looks for them there.)
 *
 * A copied entry must not outlive the references of the guest's: whoever changes a guest's entry
 * tells us (dirty_table_changed) after he changed it and before he puts the old one's references; a
 * table that ends tells us too (dirty_table_gone). Freed copies may still be walked by processors
 * that remember the way: the heap flushes them before anybody else gets the frame.
 *
 * Locks: log->lock (RANK_DIRTY) for the copies and the bitmap. The log, once made, stays until the
 * domain goes, so that whoever saw d->dirty may take the lock.
 */
#include <torc/heap.h>
#include <torc/grant.h>
#include <torc/guestmem.h>
#include <torc/shared.h>
#include <torc/x86.h>
#include "mmu.h"

#define PF_P	1u
#define PF_W	2u
#define PF_U	4u
#define PF_RSVD 8u
#define PF_I	16u

#define BUCKETS	  1024
#define LEAF_BITS (PAGE_SIZE * 8)

struct dirty_log {
	spinlock_t lock;
	bool on;
	bool failed;	      /* memory ran out: some writes were not seen. Reading says so */
	uint64_t nr;	      /* frames by the guest's own numbers: bits of the map */
	unsigned long **leaf; /* pages of it */
	unsigned int nr_leaves;
	unsigned int copies, allowed; /* there are, and may be however short memory is */
	uint32_t faults, dirty;	      /* since they were last read */
	struct frame_list *buckets;   /* copies, by the number of the guest's table. A copy's struct
				       * frame: link is in the bucket, type the table's number */
};

/* --- the map -------------------------------------------------------------- */

static void mark(struct dirty_log *log, mfn_t m)
{
	uint64_t pfn = m2p && m.n < max_mfn.n ? READ_ONCE(m2p[m.n]) : ~0ull;
	unsigned long *leaf;

	if (pfn >= log->nr) /* shared_info and the like have none; one that the guest made up harms
			       itself */
		return;
	leaf = log->leaf[pfn / LEAF_BITS];
	if (!bit_get(leaf, pfn % LEAF_BITS)) {
		bit_set(leaf, pfn % LEAF_BITS);
		log->dirty++;
	}
}

void dirty_mark(struct domain *d, mfn_t m)
{
	struct dirty_log *log = atomic_read(&d->dirty);

	if (likely(!log))
		return;
	spin_lock(&log->lock);
	if (log->on)
		mark(log, m);
	spin_unlock(&log->lock);
}

/* --- copies --------------------------------------------------------------- */

static struct frame *copy_find(struct dirty_log *log, mfn_t table)
{
	struct frame *f;

	for (f = frame_list_first(&log->buckets[table.n % BUCKETS]); f; f = frame_list_next(f))
		if (f->type == table.n)
			break;
	return f;
}

static uint64_t *copy_entries(const struct frame *copy)
{
	return mfn_to_virt(frame_mfn(copy));
}

static void copy_drop(struct dirty_log *log, struct frame *copy)
{
	frame_list_del(&log->buckets[copy->type % BUCKETS], copy);
	log->copies--;
	copy->type = 0;
	page_free(copy_entries(copy), 0);
}

static void copies_drop_all(struct dirty_log *log)
{
	unsigned int i;

	for (i = 0; i < BUCKETS; i++)
		while (!frame_list_empty(&log->buckets[i]))
			copy_drop(log, frame_list_first(&log->buckets[i]));
}

/* What a copy may hold for a guest's entry without anything to be noted first. */
static uint64_t entry_readable(unsigned int level, uint64_t e)
{
	if (!(e & PTE_P) || (level == 1 && !(e & PTE_A)))
		return 0;
	if (level == 1 && !mfn_valid(pte_mfn(e))) /* writes to devices are not counted */
		return e;
	return e & ~PTE_RW;
}

/* A guest may make any of its frames a table, and so have as many copies made: the last of the
 * host's memory is not for them. */
#define ALLOWED_PART 16 /* of the guest's frames: more than tables are where memory is used */
#define LAST_PART    16 /* of the host's */

static bool copy_allowed(const struct dirty_log *log)
{
	return log->copies < log->allowed || heap_free_frames() > heap_total_frames() / LAST_PART;
}

/* The copy of a guest's table; a new one if there is none. NULL: no memory. */
static struct frame *copy_get(struct domain *d, struct dirty_log *log, mfn_t table,
			      enum frame_type t)
{
	struct frame *copy = copy_find(log, table);
	const uint64_t *from = mfn_to_virt(table);
	unsigned int i, level = table_level(t);
	uint64_t *to;

	if (copy)
		return copy;
	to = copy_allowed(log) ? page_alloc(0) : NULL;
	if (!to) {
		log->failed = true;
		return NULL;
	}
	log->copies++;
	copy = mfn_frame(virt_to_mfn(to));
	for (i = 0; i < PAGE_SIZE / sizeof(*to); i++)
		to[i] = table_slot_is_guests(d, t, i) ? entry_readable(level, READ_ONCE(from[i])) :
							0;
	if (t == FT_L4) {
		hyp_slots_fill(to, true);
	} else if (t == FT_L2_TOP) {
		for (i = 0; i < PAGE_SIZE / sizeof(*to); i++)
			if (!table_slot_is_guests(d, t, i))
				to[i] = READ_ONCE(from[i]);
	}
	copy->type = table.n;
	frame_list_add(&log->buckets[table.n % BUCKETS], copy);
	return copy;
}

mfn_t dirty_root(struct vcpu *v, mfn_t root)
{
	struct domain *d = v->domain;
	struct dirty_log *log = atomic_read(&d->dirty);
	struct frame *copy = NULL;

	spin_lock(&log->lock);
	if (log->on)
		copy = copy_get(d, log, root, d->is_32bit ? FT_L3 : FT_L4);
	/* Whether the guest sees the machine-to-phys table there is decided when a root is loaded. */
	if (copy && !d->is_32bit)
		WRITE_ONCE(copy_entries(copy)[HYP_SLOT_FIRST],
			   READ_ONCE(((uint64_t *)mfn_to_virt(root))[HYP_SLOT_FIRST]));
	spin_unlock(&log->lock);
	return copy ? frame_mfn(copy) : root;
}

void dirty_table_changed(struct domain *d, struct frame *f, enum frame_type t, unsigned int slot)
{
	struct dirty_log *log = atomic_read(&d->dirty);
	struct frame *copy;
	uint64_t e;

	if (!log)
		return;
	spin_lock(&log->lock);
	if (log->on) {
		mark(log, frame_mfn(f));
		copy = copy_find(log, frame_mfn(f));
		e = READ_ONCE(((uint64_t *)mfn_to_virt(frame_mfn(f)))[slot]);
		if (copy)
			WRITE_ONCE(copy_entries(copy)[slot], entry_readable(table_level(t), e));
	}
	spin_unlock(&log->lock);
}

void dirty_table_gone(struct domain *d, struct frame *f)
{
	struct dirty_log *log = atomic_read(&d->dirty);
	struct frame *copy;

	if (!log)
		return;
	spin_lock(&log->lock);
	copy = log->on ? copy_find(log, frame_mfn(f)) : NULL;
	if (copy)
		copy_drop(log, copy);
	spin_unlock(&log->lock);
}

/* --- faults --------------------------------------------------------------- */

/* The path to an address in the guest's own tables: table and entry of each level, with a reference
 * to each table. */
struct path {
	unsigned int top;
	mfn_t table[5];
	unsigned int slot[5];
	uint64_t e[5];
};

static enum frame_type type_at(const struct domain *d, const struct path *p, unsigned int level)
{
	if (level == 2 && d->is_32bit && p->slot[3] == 3)
		return FT_L2_TOP;
	return level == 4 ? FT_L4 : level == 3 ? FT_L3 : level == 2 ? FT_L2 : FT_L1;
}

/* Other vcpus may have taken these tables out of use meanwhile: then all that hangs on them goes
 * here. */
static void path_put(struct vcpu *v, struct path *p, unsigned int last)
{
	unsigned int level;

	for (level = p->top; level >= last; level--)
		mmu_put_later(v, mfn_frame(p->table[level]));
}

enum path_end { PATH_ALL, PATH_SHORT, PATH_CHANGED };

/*
 * All of it, or nothing is held: the guest's tables end before (the fault is the guest's), or
 * change at this moment (the access again). Not under the lock: to get a table may wait for
 * somebody who ends it and wants to tell us.
 */
static enum path_end path_get(struct vcpu *v, unsigned long va, struct path *p)
{
	struct domain *d = v->domain;
	mfn_t table = d->is_32bit || v->kernel_mode ? v->root : v->user_root;
	unsigned int level;

	p->top = d->is_32bit ? 3 : 4;
	for (level = p->top; level; level--) {
		p->slot[level] = va >> (PAGE_SHIFT + 9 * (level - 1)) & 511;
		p->table[level] = table;
		if (!mfn_valid(table) ||
		    !frame_get_more(mfn_frame(table), d, type_at(d, p, level))) {
			path_put(v, p, level + 1);
			return PATH_CHANGED;
		}
		p->e[level] = READ_ONCE(((uint64_t *)mfn_to_virt(table))[p->slot[level]]);
		if (!(p->e[level] & PTE_P) || (level > 1 && p->e[level] & PTE_PSE)) {
			path_put(v, p, level);
			return PATH_SHORT;
		}
		table = pte_mfn(p->e[level]);
	}
	return PATH_ALL;
}

/* Whether the guest's entries allow it: else the fault is the guest's to see. */
static bool path_allows(const struct path *p, uint32_t code)
{
	uint64_t all = PTE_RW | PTE_US, any = 0;
	unsigned int level;

	for (level = p->top; level; level--) {
		all &= p->e[level];
		any |= p->e[level];
	}
	return (!(code & PF_W) || all & PTE_RW) && (!(code & PF_U) || all & PTE_US) &&
	       (!(code & PF_I) || !(any & PTE_NX));
}

/* As the processor does: into the entry that was read, if it is still that. */
static bool entry_touch(struct path *p, unsigned int level, uint64_t bits)
{
	uint64_t *e = (uint64_t *)mfn_to_virt(p->table[level]) + p->slot[level], old = p->e[level];

	if ((old & bits) == bits)
		return true;
	if (!atomic_swap_if(e, &old, old | bits))
		return false;
	p->e[level] |= bits;
	return true;
}

/*
 * Makes the copies as the access needs them. Other vcpus may change the entries meanwhile: who does
 * waits for the lock then, to tell us, with the old entry's references still held. So an entry is
 * put into a copy first and looked at again after.
 */
static void path_mend(struct domain *d, struct dirty_log *log, struct path *p, bool write)
{
	struct frame *copy, *below;
	unsigned int level;
	uint64_t *c, e;

	copy = copy_find(log, p->table[p->top]);
	for (level = p->top; copy && level > 1; level--, copy = below) {
		c = &copy_entries(copy)[p->slot[level]];
		e = p->e[level];
		below = copy_find(log, p->table[level - 1]);
		if (!below && write)
			below = copy_get(d, log, p->table[level - 1], type_at(d, p, level - 1));
		if (below)
			WRITE_ONCE(*c, (e & ~PTE_ADDR) | pte_make(frame_mfn(below), 0));
		else /* no memory for a copy: the guest goes on, and what it writes there is not
			seen (log->failed) */
			WRITE_ONCE(*c, write ? e : e & ~PTE_RW);
		if (READ_ONCE(((uint64_t *)mfn_to_virt(p->table[level]))[p->slot[level]]) != e) {
			WRITE_ONCE(*c, 0);
			return;
		}
	}
	/* Without a copy at the end the guest's own tables serve. */
	if (!copy || !entry_touch(p, 1, write ? PTE_A | PTE_D : PTE_A))
		return;
	c = &copy_entries(copy)[p->slot[1]];
	e = p->e[1];
	if (write) {
		if (mfn_valid(pte_mfn(e)) && mfn_frame(pte_mfn(e))->owner == d)
			mark(log, pte_mfn(e));
		mark(log, p->table[1]); /* its dirty bit, at least, is new */
		WRITE_ONCE(*c, e);
	} else if ((*c ^ e) & (PTE_ADDR | PTE_P)) { /* else it may be writable already */
		WRITE_ONCE(*c, entry_readable(1, e));
	}
	if (READ_ONCE(((uint64_t *)mfn_to_virt(p->table[1]))[p->slot[1]]) != e)
		WRITE_ONCE(*c, 0);
}

bool dirty_fault(struct vcpu *v, unsigned long va, uint32_t code)
{
	struct domain *d = v->domain;
	struct dirty_log *log = atomic_read(&d->dirty);
	bool ours = false;
	struct path p;

	ASSERT(irqs_are_on()); /* a copy may need a flush everywhere; others wait for the lock */
	if (!log || !READ_ONCE(log->on) || code & PF_RSVD || !guest_range_ok(v, GADDR(va), 1))
		return false;
	switch (path_get(v, va, &p)) {
	case PATH_SHORT: return false;
	case PATH_CHANGED: return true;
	case PATH_ALL: break;
	}
	spin_lock(&log->lock);
	/* What the guest's entries refuse the processor is to refuse: if it did because its copy
	 * had nothing (and says so in the error code), it gets something to refuse. */
	ours = log->on && (path_allows(&p, code) || !(code & PF_P));
	if (ours) {
		log->faults++;
		path_mend(d, log, &p, code & PF_W && path_allows(&p, code));
	}
	spin_unlock(&log->lock);
	path_put(v, &p, 1);
	if (ours)
		tlb_flush_page_local(va);
	return ours;
}

/* --- on, off, read -------------------------------------------------------- */

/* The vcpus stand still. */
static void roots_reload(struct domain *d)
{
	unsigned int i;

	for (i = 0; i < d->max_vcpus; i++)
		if (d->vcpus[i] && d->vcpus[i]->initialised)
			mmu_root_changed(d->vcpus[i]);
	tlb_flush_cpus(d->tlb_cpus);
}

static void map_free(struct dirty_log *log)
{
	unsigned int i;

	for (i = 0; log->leaf && i < log->nr_leaves; i++)
		page_free(log->leaf[i], 0);
	zfree(log->leaf);
	log->leaf = NULL;
	zfree(log->buckets);
	log->buckets = NULL;
}

/* The guest's own numbers go up to what it says, or to as many frames as it may have. */
static uint64_t map_size(const struct domain *d)
{
	uint64_t said = d->is_32bit ? shared32(d)->arch.max_pfn : d->shared->arch.max_pfn;

	return MAX(MIN(said, 4ull * d->max_pages), (uint64_t)d->max_pages);
}

static int map_alloc(struct dirty_log *log, uint64_t nr)
{
	unsigned int i;

	log->nr = nr;
	log->nr_leaves = (nr + LEAF_BITS - 1) / LEAF_BITS;
	log->leaf = zalloc(log->nr_leaves * sizeof(*log->leaf));
	log->buckets = zalloc(BUCKETS * sizeof(*log->buckets));
	for (i = 0; log->leaf && i < log->nr_leaves; i++) {
		log->leaf[i] = page_alloc(0);
		if (!log->leaf[i])
			break;
	}
	if (!log->leaf || !log->buckets || i < log->nr_leaves) {
		map_free(log);
		return -XEN_ENOMEM;
	}
	return 0;
}

int dirty_enable(struct domain *d)
{
	struct dirty_log *log = d->dirty;
	int rc = 0;

	if (d == current->domain || !d->shared)
		return -XEN_EINVAL;
	domain_pause(d);
	if (!log) {
		log = zalloc(sizeof(*log));
		if (!log) {
			rc = -XEN_ENOMEM;
			goto out;
		}
		spin_init(&log->lock, RANK_DIRTY);
	}
	if (log->on) {
		rc = -XEN_EINVAL;
		goto out;
	}
	rc = map_alloc(log, map_size(d));
	if (rc) {
		if (!d->dirty)
			zfree(log);
		goto out;
	}
	spin_lock(&log->lock);
	log->failed = false;
	log->faults = log->dirty = 0;
	log->allowed = d->max_pages / ALLOWED_PART;
	log->on = true;
	spin_unlock(&log->lock);
	atomic_set(&d->dirty, log);
	roots_reload(d);
out:
	domain_unpause(d);
	return rc;
}

int dirty_disable(struct domain *d)
{
	struct dirty_log *log = d->dirty;

	if (!log || !log->on)
		return 0;
	domain_pause(d);
	spin_lock(&log->lock);
	log->on = false;
	spin_unlock(&log->lock);
	roots_reload(d);
	spin_lock(&log->lock);
	copies_drop_all(log);
	map_free(log);
	spin_unlock(&log->lock);
	domain_unpause(d);
	return 0;
}

void dirty_free(struct domain *d)
{
	struct dirty_log *log = d->dirty;

	if (!log)
		return;
	if (log->on) {
		copies_drop_all(log);
		map_free(log);
	}
	d->dirty = NULL;
	zfree(log);
}

/* What is written behind our back is dirty in every round: the places that the hypervisor writes by
 * itself, and what others write to. */
static void mark_standing(struct domain *d)
{
	unsigned int i;

	for (i = 0; i < d->max_vcpus; i++)
		if (d->vcpus[i] && !mfn_eq(d->vcpus[i]->info_mfn, MFN_NONE))
			dirty_mark(d, d->vcpus[i]->info_mfn);
	if (d->grant)
		grant_mark_written(d);
}

/* The caller has lost what the first n leaves said, and may ask again: all of it counts as written.
 * (Their copies are still writable, too: who goes on writing there is not seen.) */
static void leaves_fill(struct dirty_log *log, unsigned int n)
{
	unsigned int i;

	spin_lock(&log->lock);
	for (i = 0; i < n; i++)
		memset(log->leaf[i], 0xff, PAGE_SIZE);
	log->dirty = MAX(log->dirty, n * LEAF_BITS);
	spin_unlock(&log->lock);
}

/* Copies out, and forgets if clear. The bits of a leaf that could not be written out are put back. */
static int leaf_read(struct dirty_log *log, unsigned int n, bool clear, gaddr_t to, size_t bytes,
		     unsigned long *bounce)
{
	unsigned int i;

	spin_lock(&log->lock);
	memcpy(bounce, log->leaf[n], PAGE_SIZE);
	if (clear)
		memset(log->leaf[n], 0, bytes); /* what is told, and no more */
	spin_unlock(&log->lock);
	if (!to.n || !guest_write(GADDR(to.n + n * PAGE_SIZE), bounce, bytes))
		return 0;
	spin_lock(&log->lock);
	for (i = 0; clear && i < PAGE_SIZE / sizeof(*bounce); i++)
		log->leaf[n][i] |= bounce[i];
	spin_unlock(&log->lock);
	return -XEN_EFAULT;
}

long dirty_read(struct domain *d, bool clear, gaddr_t bitmap, uint64_t pages,
		struct xen_domctl_shadow_op_stats *stats)
{
	struct dirty_log *log = d->dirty;
	unsigned long *bounce;
	uint64_t at;
	unsigned int n;
	long rc = 0;

	if (!log || !log->on || d == current->domain)
		return -XEN_EINVAL;
	bounce = page_alloc(0);
	if (!bounce)
		return -XEN_ENOMEM;
	domain_pause(d);
	pages = MIN(pages, log->nr);
	mark_standing(d);
	spin_lock(&log->lock);
	stats->fault_count = log->faults;
	stats->dirty_count = log->dirty;
	if (log->failed)
		rc = -XEN_ENOMEM;
	spin_unlock(&log->lock);
	for (n = 0, at = 0; !rc && at < pages; n++, at += LEAF_BITS)
		rc = leaf_read(log, n, clear, bitmap, (MIN(pages - at, LEAF_BITS) + 7) / 8, bounce);
	if (!rc && clear) {
		spin_lock(&log->lock);
		log->faults = log->dirty = 0;
		copies_drop_all(log);
		spin_unlock(&log->lock);
		roots_reload(d);
	} else if (clear && n > 1) { /* the last one is as it was */
		leaves_fill(log, n - 1);
	}
	domain_unpause(d);
	page_free(bounce, 0);
	return rc ? rc : (long)pages;
}
