/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Grant tables, version 1. A domain writes into its table which frame whom it lets map or copy;
 * others refer to the entry.
 *
 * The table's frames are the granter's to write at any time: an entry is read once (flags and
 * domain as one word, by compare-and-swap, then the frame), and what was read is kept in the active
 * entry beside it while anybody uses it.
 *
 * References. A mapping holds, besides what its page-table entry holds (a general reference, and a
 * writable type if it is writable, put by whoever clears the entry), a general reference of its own
 * and a domain reference on the granter, in its maptrack entry. So a guest that overwrites the
 * page-table entry harms only its own accounts, and a granter that dies with its frames mapped
 * stays as a zombie.
 *
 * Unmapping clears the page-table entries of a batch, flushes once, then lets the frames go and
 * tells the granter by clearing the entry's flags: from then on it may use the frame for anything
 * else, so no TLB may know it.
 *
 * Locks: the granter's table lock (RANK_GRANT) guards its active entries and growth. It is never
 * held across page-table work or together with another's.
 */
#include <torc/console.h>
#include <torc/grant.h>
#include <torc/heap.h>
#include <torc/pv.h>
#include <torc/sched.h>
#include <torc/why.h>
#include <torc/x86.h>

#define PER_FRAME	 (PAGE_SIZE / sizeof(struct grant_entry_v1))
#define DEFAULT_FRAMES	 64
#define DEFAULT_MAPTRACK 1024
#define MOST_FRAMES	 4096 /* of either, so that a table's index stays small */

struct active {
	mfn_t mfn;
	domid_t dom;
	uint16_t readers, writers; /* uses in force */
};

struct grant_table {
	spinlock_t lock;
	bool dead; /* the shared frames are gone */
	uint32_t frames, max_frames;
	struct grant_entry_v1 **shared; /* max_frames of them */
	struct active **active;
	struct maptrack_table *track;
	uint32_t released; /* grant_release_all() under way: handles below are done with */
};

#define no(v, status, ...) (refuse((v), -XEN_EINVAL, __VA_ARGS__), (int16_t)(status))

static struct grant_entry_v1 *entry(const struct grant_table *t, uint32_t ref)
{
	return &t->shared[ref / PER_FRAME][ref % PER_FRAME];
}

static struct active *active(const struct grant_table *t, uint32_t ref)
{
	return &t->active[ref / PER_FRAME][ref % PER_FRAME];
}

static bool ref_ok(const struct grant_table *t, uint32_t *ref)
{
	uint32_t limit = t->frames * PER_FRAME;

	if (*ref >= limit)
		return false;
	*ref = index_nospec(*ref, limit);
	return true;
}

static void clear_flags(struct grant_table *t, uint32_t ref, const struct active *a)
{
	uint16_t gone = a->readers + a->writers == 0 ? GTF_reading | GTF_writing :
			a->writers == 0		     ? GTF_writing :
						       0;

	if (gone && !t->dead)
		atomic_and(&entry(t, ref)->flags, (uint16_t)~gone);
}

/* Begins a use of rd's entry by v's domain. On success the frame, which the caller has yet to take
 * references of. */
static int16_t pin(struct vcpu *v, struct domain *rd, uint32_t ref, bool readonly, mfn_t *out)
{
	struct grant_table *t = rd->grant;
	domid_t me = v->domain->id;
	struct grant_entry_v1 *e;
	uint32_t old, new; /* flags, and the domain in the upper half */
	int16_t rc = GNTST_okay;
	struct active *a;

	spin_lock(&t->lock);
	if (t->dead || !ref_ok(t, &ref)) {
		rc = GNTST_bad_gntref;
		goto out;
	}
	e = entry(t, ref);
	a = active(t, ref);
	if (a->readers == UINT16_MAX || a->writers == UINT16_MAX ||
	    (a->readers + a->writers && a->dom != me)) {
		rc = GNTST_general_error;
		goto out;
	}
	old = atomic_read((uint32_t *)e);
	do {
		if ((old & GTF_type_mask) != GTF_permit_access || old >> 16 != me ||
		    (!readonly && (old & GTF_readonly))) {
			rc = GNTST_general_error;
			goto out;
		}
		new = old | GTF_reading | (readonly ? 0 : GTF_writing);
	} while (old != new && !atomic_swap_if((uint32_t *)e, &old, new));
	if (a->readers + a->writers == 0) {
		/* after the flags: the granter writes it before */
		a->mfn = MFN(READ_ONCE(e->frame));
		a->dom = me;
	}
	if (readonly)
		a->readers++;
	else
		a->writers++;
	*out = a->mfn;
out:
	spin_unlock(&t->lock);
	return rc;
}

static void unpin(struct domain *rd, uint32_t ref, bool readonly)
{
	struct grant_table *t = rd->grant;
	struct active *a;

	spin_lock(&t->lock);
	a = active(t, ref);
	ASSERT(readonly ? a->readers : a->writers);
	if (readonly)
		a->readers--;
	else
		a->writers--;
	clear_flags(t, ref, a);
	spin_unlock(&t->lock);
}

/* References of one use: a general one, and with it the writable type unless it only reads. */
static bool use_frame(struct domain *owner, mfn_t m, bool readonly)
{
	if (!mfn_valid(m))
		return false;
	return readonly ? frame_get(mfn_frame(m), owner) :
			  frame_get_typed(mfn_frame(m), owner, FT_WRITABLE) == 0;
}

static void unuse_frame(mfn_t m, bool readonly)
{
	struct frame *f = mfn_frame(m);

	if (readonly) {
		frame_put(f);
	} else {
		dirty_mark(f->owner, m);
		frame_mark_foreign(f);
		frame_put_typed(f);
	}
}

/* --- mapping -------------------------------------------------------------- */

static uint64_t mapping_entry(mfn_t m, uint32_t flags)
{
	uint64_t e = pte_make(m, PTE_P | PTE_A | PTE_NX);

	if (!(flags & GNTMAP_readonly))
		e |= PTE_RW | PTE_D;
	if (flags & GNTMAP_application_map)
		e |= PTE_US;
	return e | ((uint64_t)(flags >> _GNTMAP_guest_avail0) << 9 & PTE_AVAIL);
}

int16_t grant_map(struct vcpu *v, struct gnttab_map_grant_ref *op)
{
	bool ro = op->flags & GNTMAP_readonly, host = op->flags & GNTMAP_host_map,
	     dev = op->flags & GNTMAP_device_map;
	struct grant_table *mine = v->domain->grant;
	struct maptrack *m;
	struct domain *rd;
	uint32_t handle;
	int16_t rc;
	mfn_t mfn;
	int err;

	if (!host && !dev)
		return no(v, GNTST_bad_gntref, "grant %u of d%u: flags %#x ask for no mapping",
			  op->ref, op->dom, op->flags);
	rd = op->dom == DOMID_SELF ? NULL : domain_get(op->dom); /* ABI: one's own only by number */
	if (!rd)
		return no(v, GNTST_bad_domain, "grant %u: no domain %u", op->ref, op->dom);
	err = maptrack_alloc(mine->track, &handle);
	if (err) {
		rc = no(v, GNTST_no_space, "grant %u of d%u: no handle is free", op->ref, op->dom);
		goto put;
	}
	rc = pin(v, rd, op->ref, ro, &mfn);
	if (rc) {
		no(v, rc, "grant %u of d%u is not for d%u to %s", op->ref, op->dom, v->domain->id,
		   ro ? "read" : "write");
		goto handle;
	}
	if (!mfn_valid(mfn) || !frame_get(mfn_frame(mfn), rd)) {
		rc = no(v, GNTST_bad_page, "grant %u of d%u: frame %#lx is not its", op->ref,
			op->dom, mfn.n);
		goto unpin;
	}
	rc = GNTST_general_error;
	if (dev && !use_frame(rd, mfn, ro)) {
		no(v, rc, "grant %u of d%u: frame %#lx is a page table there", op->ref, op->dom,
		   mfn.n);
		goto frame;
	}
	if (host && !use_frame(rd, mfn, ro)) {
		no(v, rc, "grant %u of d%u: frame %#lx is a page table there", op->ref, op->dom,
		   mfn.n);
		goto dev;
	}
	if (host && mmu_map_foreign_pte(v, op->host_addr, mapping_entry(mfn, op->flags),
					!(op->flags & GNTMAP_contains_pte), NULL))
		goto host;
	m = maptrack_busy(mine->track, handle);
	m->mfn = mfn;
	m->ref = op->ref;
	m->flags = op->flags &
		   (GNTMAP_device_map | GNTMAP_host_map | GNTMAP_readonly | GNTMAP_contains_pte);
	m->granter = rd;
	maptrack_put(mine->track, handle);
	op->handle = handle;
	op->dev_bus_addr = mfn.n << PAGE_SHIFT;
	return GNTST_okay;
host:
	unuse_frame(mfn, ro);
dev:
	if (dev)
		unuse_frame(mfn, ro);
frame:
	frame_put(mfn_frame(mfn));
unpin:
	unpin(rd, op->ref, ro);
handle:
	maptrack_free(mine->track, handle);
put:
	domain_put(&rd);
	return rc;
}

/* --- unmapping ------------------------------------------------------------ */

/* Flags that tell the second step which references to put; above those of the ABI that are kept. */
#define DROP_HOST   0x100
#define DROP_DEVICE 0x200

static void batch_add(struct grant_batch *b, uint32_t handle)
{
	b->handle[b->n++] = handle;
	if (b->n == GRANT_BATCH)
		grant_batch_finish(b);
}

void grant_batch_finish(struct grant_batch *b)
{
	struct maptrack_table *track = b->v->domain->grant->track;
	struct maptrack *m;
	struct domain *rd;
	unsigned int i;
	bool ro;

	if (!b->n)
		return;
	tlb_flush_cpus(atomic_read(&b->v->domain->tlb_cpus));
	for (i = 0; i < b->n; i++) {
		m = maptrack_busy(track, b->handle[i]);
		ro = m->flags & GNTMAP_readonly;
		if (m->flags & DROP_HOST)
			unuse_frame(m->mfn, ro);
		if (m->flags & DROP_DEVICE)
			unuse_frame(m->mfn, ro);
		m->flags &= ~(DROP_HOST | DROP_DEVICE);
		if (m->flags & (GNTMAP_host_map | GNTMAP_device_map)) {
			maptrack_put(track, b->handle[i]); /* the other half is still mapped */
			continue;
		}
		rd = m->granter;
		unpin(rd, m->ref, ro);
		frame_put(mfn_frame(m->mfn));
		maptrack_free(track, b->handle[i]);
		domain_put(&rd);
	}
	b->n = 0;
}

static int16_t unmap_host(struct vcpu *v, struct maptrack *m, uint64_t host_addr, uint64_t replace)
{
	uint64_t expect = pte_make(m->mfn, PTE_P | (m->flags & GNTMAP_readonly ? 0 : PTE_RW));

	if (!(m->flags & GNTMAP_host_map))
		return no(v, GNTST_bad_virt_addr, "unmap: grant %u of d%u has no host mapping",
			  m->ref, m->granter->id);
	if (mmu_clear_pte(v, host_addr, !(m->flags & GNTMAP_contains_pte), expect, replace, NULL))
		return GNTST_general_error;
	m->flags = (m->flags & ~GNTMAP_host_map) | DROP_HOST;
	return GNTST_okay;
}

int16_t grant_unmap(struct grant_batch *b, const struct gnttab_unmap_grant_ref *op)
{
	struct maptrack_table *track = b->v->domain->grant->track;
	struct maptrack *m = maptrack_get(track, op->handle);
	int16_t rc = GNTST_okay;

	if (!m) {
		grant_batch_finish(b); /* twice in one batch: then it is gone, not busy */
		m = maptrack_get(track, op->handle);
	}
	if (!m)
		return no(b->v, GNTST_bad_handle, "unmap: no handle %u", op->handle);
	if (op->dev_bus_addr &&
	    (!(m->flags & GNTMAP_device_map) || op->dev_bus_addr != m->mfn.n << PAGE_SHIFT)) {
		rc = no(b->v, GNTST_bad_dev_addr, "unmap: handle %u is not bus address %#lx",
			op->handle, op->dev_bus_addr);
		goto out;
	}
	if (op->host_addr)
		rc = unmap_host(b->v, m, op->host_addr, 0);
	if (!rc && op->dev_bus_addr)
		m->flags = (m->flags & ~GNTMAP_device_map) | DROP_DEVICE;
	if (!rc && (m->flags & (DROP_HOST | DROP_DEVICE))) {
		batch_add(b, op->handle);
		return GNTST_okay;
	}
out:
	maptrack_put(track, op->handle);
	return rc;
}

/* The entry at new_addr moves to host_addr, with its references. */
int16_t grant_unmap_and_replace(struct grant_batch *b, const struct gnttab_unmap_and_replace *op)
{
	struct maptrack_table *track = b->v->domain->grant->track;
	struct maptrack *m = maptrack_get(track, op->handle);
	uint64_t moved;
	int16_t rc;

	if (!m) {
		grant_batch_finish(b);
		m = maptrack_get(track, op->handle);
	}
	if (!m)
		return no(b->v, GNTST_bad_handle, "unmap: no handle %u", op->handle);
	/* What the walk finds is a hint. What moves is what was checked when it was made an entry,
	 * with the bits that the processor has set since. */
	moved = guest_walk(b->v, op->new_addr);
	if (!(moved & PTE_P) || (m->flags & GNTMAP_contains_pte) || (m->flags & GNTMAP_device_map) ||
	    mmu_clear_pte(b->v, op->new_addr, true, moved, 0, &moved)) {
		rc = no(b->v, GNTST_general_error, "unmap: nothing at %#lx to take its place",
			op->new_addr);
		goto out;
	}
	rc = unmap_host(b->v, m, op->host_addr, moved);
	if (!rc) {
		batch_add(b, op->handle);
		return rc;
	}
	/* Its table may have gone away meanwhile. */
	if (mmu_map_foreign_pte(b->v, op->new_addr, moved, true, NULL)) {
		tlb_flush_cpus(atomic_read(&b->v->domain->tlb_cpus));
		if (mfn_valid(pte_mfn(moved))) /* a device's memory has no references */
			unuse_frame(pte_mfn(moved), !(moved & PTE_RW));
	}
out:
	maptrack_put(track, op->handle);
	return rc;
}

/* --- copying -------------------------------------------------------------- */

static void end_release(struct grant_end *e)
{
	if (!e->rd)
		return;
	unuse_frame(e->mfn, e->readonly);
	if (e->gref)
		unpin(e->rd, (uint32_t)e->ref_or_mfn, e->readonly);
	domain_put(&e->rd);
}

/* One end of a copy: a grant of a domain's, or a frame of one's own. */
static int16_t end_use(struct vcpu *v, struct grant_end *e, bool gref, uint64_t ref_or_mfn,
		       domid_t domid)
{
	int16_t rc = GNTST_okay;

	if (e->rd && e->gref == gref && e->ref_or_mfn == ref_or_mfn && e->domid == domid)
		return GNTST_okay;
	end_release(e);
	e->gref = gref;
	e->ref_or_mfn = ref_or_mfn;
	e->domid = domid;
	if (!gref && domid != DOMID_SELF && domid != v->domain->id)
		return no(v, GNTST_permission_denied, "copy: d%u's frames only by grants", domid);
	e->rd = domain_get(domid);
	if (!e->rd)
		return no(v, GNTST_bad_domain, "copy: no domain %u", domid);
	e->mfn = MFN(ref_or_mfn);
	if (gref)
		rc = pin(v, e->rd, (uint32_t)ref_or_mfn, e->readonly, &e->mfn);
	if (rc) {
		no(v, rc, "copy: grant %u of d%u is not for d%u to %s", (uint32_t)ref_or_mfn,
		   e->rd->id, v->domain->id, e->readonly ? "read" : "write");
	} else if (!use_frame(e->rd, e->mfn, e->readonly)) {
		/* not the domain's, or its and in use as something that nobody writes to */
		rc = no(v,
			mfn_valid(e->mfn) && mfn_frame(e->mfn)->owner == e->rd ?
				GNTST_general_error :
				GNTST_bad_page,
			"copy: frame %#lx is not d%u's to %s", e->mfn.n, e->rd->id,
			e->readonly ? "read" : "write");
		if (gref)
			unpin(e->rd, (uint32_t)ref_or_mfn, e->readonly);
	}
	if (rc)
		domain_put(&e->rd);
	return rc;
}

void grant_copies_finish(struct grant_copies *c)
{
	end_release(&c->from);
	end_release(&c->to);
}

int16_t grant_copy(struct grant_copies *c, const struct gnttab_copy *op)
{
	bool from_gref = op->flags & GNTCOPY_source_gref, to_gref = op->flags & GNTCOPY_dest_gref;
	int16_t rc;

	if (op->source.offset + op->len > PAGE_SIZE || op->dest.offset + op->len > PAGE_SIZE)
		return no(c->v, GNTST_bad_copy_arg, "copy: %u bytes at %u and %u cross a page",
			  op->len, op->source.offset, op->dest.offset);
	c->from.readonly = true;
	rc = end_use(c->v, &c->from, from_gref, from_gref ? op->source.u.ref : op->source.u.gmfn,
		     op->source.domid);
	if (!rc)
		rc = end_use(c->v, &c->to, to_gref, to_gref ? op->dest.u.ref : op->dest.u.gmfn,
			     op->dest.domid);
	if (!rc)
		memmove((char *)mfn_to_virt(c->to.mfn) + op->dest.offset,
			(char *)mfn_to_virt(c->from.mfn) + op->source.offset, op->len);
	return rc;
}

/* --- the table itself ----------------------------------------------------- */

static int16_t grow_locked(struct domain *d, unsigned int n)
{
	struct grant_table *t = d->grant;
	struct active *a;
	void *p;

	if (n > t->max_frames || t->dead)
		return GNTST_general_error;
	while (t->frames < n) {
		a = zalloc(PER_FRAME * sizeof(*a));
		p = a ? page_alloc(0) : NULL;
		if (!p) {
			zfree(a);
			return GNTST_no_space;
		}
		frame_share(mfn_frame(virt_to_mfn(p)), d, true);
		t->active[t->frames] = a;
		t->shared[t->frames] = p;
		t->frames++;
	}
	return GNTST_okay;
}

int16_t grant_grow(struct domain *d, unsigned int nr_frames)
{
	int16_t rc;

	spin_lock(&d->grant->lock);
	rc = grow_locked(d, nr_frames);
	spin_unlock(&d->grant->lock);
	return rc;
}

void grant_size(struct domain *d, unsigned int *frames, unsigned int *max)
{
	*frames = atomic_read(&d->grant->frames);
	*max = d->grant->max_frames;
}

bool grant_frame(struct domain *d, unsigned int idx, mfn_t *out)
{
	struct grant_table *t = d->grant;
	bool there;

	spin_lock(&t->lock);
	there = !t->dead && idx < t->frames;
	if (there)
		*out = virt_to_mfn(t->shared[index_nospec(idx, t->frames)]);
	spin_unlock(&t->lock);
	return there;
}

int grant_table_frame(struct domain *d, unsigned long idx, mfn_t *out)
{
	int16_t rc;

	if (idx >= d->grant->max_frames)
		return -XEN_EINVAL;
	rc = grant_grow(d, idx + 1);
	if (rc)
		return rc == GNTST_no_space ? -XEN_ENOMEM : -XEN_EINVAL;
	return grant_frame(d, idx, out) ? 0 : -XEN_EINVAL;
}

/* Another domain's writes go through its own tables and are not seen: each frame that it could have
 * written to counts as written. */
void grant_mark_written(struct domain *d)
{
	struct grant_table *t = d->grant;
	uint32_t ref;

	spin_lock(&t->lock);
	for (ref = 0; ref < t->frames * PER_FRAME; ref++)
		if (active(t, ref)->writers)
			dirty_mark(d, active(t, ref)->mfn);
	spin_unlock(&t->lock);
}

bool grant_in_use(struct domain *d)
{
	struct grant_table *t = d->grant;
	bool used = false;
	uint32_t ref;

	spin_lock(&t->lock);
	for (ref = 0; ref < t->frames * PER_FRAME && !used; ref++)
		used = active(t, ref)->readers || active(t, ref)->writers;
	spin_unlock(&t->lock);
	return used;
}

int16_t grant_swap(struct domain *d, uint32_t a, uint32_t b)
{
	struct grant_table *t = d->grant;
	struct grant_entry_v1 tmp;
	int16_t rc = GNTST_okay;

	spin_lock(&t->lock);
	if (t->dead || !ref_ok(t, &a) || !ref_ok(t, &b)) {
		rc = GNTST_bad_gntref;
	} else if (active(t, a)->readers || active(t, a)->writers || active(t, b)->readers ||
		   active(t, b)->writers) {
		rc = GNTST_eagain;
	} else if (a != b) {
		tmp = *entry(t, a);
		*entry(t, a) = *entry(t, b);
		*entry(t, b) = tmp;
	}
	spin_unlock(&t->lock);
	return rc;
}

static unsigned int limit_of(unsigned int asked, unsigned int normal)
{
	return (int)asked < 0 ? normal : MIN(asked, MOST_FRAMES);
}

int grant_init(struct domain *d, unsigned int max_frames, unsigned int max_maptrack,
	       unsigned int max_version)
{
	struct grant_table *t;

	if (max_version > 2)
		return -XEN_EINVAL;
	t = zalloc(sizeof(*t));
	if (!t)
		return -XEN_ENOMEM;
	spin_init(&t->lock, RANK_GRANT);
	t->max_frames = limit_of(max_frames, DEFAULT_FRAMES);
	t->shared = zalloc(MAX(t->max_frames, 1u) * sizeof(*t->shared));
	t->active = zalloc(MAX(t->max_frames, 1u) * sizeof(*t->active));
	t->track = maptrack_create(limit_of(max_maptrack, DEFAULT_MAPTRACK));
	d->grant = t;
	if (!t->shared || !t->active || !t->track || grant_grow(d, MIN(t->max_frames, 1u))) {
		grant_free(d);
		return -XEN_ENOMEM;
	}
	return 0;
}

static void release(struct maptrack_table *track, uint32_t handle)
{
	struct maptrack *m = maptrack_get(track, handle);
	struct domain *rd;
	bool ro;

	if (!m)
		return;
	rd = m->granter;
	ro = m->flags & GNTMAP_readonly;
	if (!ro)
		dirty_mark(rd, m->mfn);
	if (m->flags & GNTMAP_device_map)
		unuse_frame(m->mfn, ro);
	unpin(rd, m->ref, ro);
	frame_put(mfn_frame(m->mfn));
	maptrack_free(track, handle);
	domain_put(&rd);
}

/* What it has mapped of others. Its page tables have given their references back by now; it runs no
 * more, so handles that are done with stay so. */
int grant_release_all(struct domain *d)
{
	struct grant_table *t = d->grant;
	uint32_t limit = maptrack_limit(t->track);

	while (t->released < limit) {
		release(t->track, t->released++);
		if (t->released % 64 == 0 && must_yield())
			return -XEN_ERESTART;
	}
	t->released = 0;
	return 0;
}

/* The dying domain's own table: others may still use what it granted, but nobody reads the shared
 * frames any more. */
void grant_retire(struct domain *d)
{
	struct grant_table *t = d->grant;
	uint32_t i;

	spin_lock(&t->lock);
	if (!t->dead) {
		t->dead = true;
		for (i = 0; i < t->frames; i++)
			frame_unshare(mfn_frame(virt_to_mfn(t->shared[i])));
	}
	spin_unlock(&t->lock);
}

void grant_free(struct domain *d)
{
	struct grant_table *t = d->grant;
	uint32_t i;

	if (!t)
		return;
	grant_retire(d);
	for (i = 0; i < t->frames; i++)
		zfree(t->active[i]);
	maptrack_destroy(t->track);
	zfree(t->active);
	zfree(t->shared);
	zfree(t);
	d->grant = NULL;
}
