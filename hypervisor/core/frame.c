/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Machine frames: who owns them, who uses them, and as what. All safety rests on the two words
 * changed here by compare-and-swap.
 *
 * count:  ALLOCATED | FOREIGN | general references. The allocation is one of the references.
 * type:   enum frame_type | VALID | PINNED | PARTIAL | UNDO | type references.
 *
 * A table's type word moves so (n > 0):
 *
 *   idle       count 0, nothing set; the type is the last one, so that the next knows what TLBs
 *              may still hold
 *   exclusive  count 1, nothing set: one CPU validates or invalidates, all others wait
 *   valid      VALID, count n
 *   partial    PARTIAL, count 0: validation was interrupted (UNDO: its undoing was). Entries
 *              below f->partial hold their references, and the state holds a general reference.
 *              Whoever wants the frame next goes on from there.
 *   kept       PARTIAL, count 1: invalidation was interrupted. The holder of the last reference
 *              still has it and comes again; or somebody wants the table as the same type, and
 *              completes it.
 *
 * Only who wants the same type waits for "exclusive", and only with tables of higher levels in
 * hand: types along a page-table tree fall strictly (4 > 3 > 2 > 1 > writable), and half a table of
 * another type is taken apart by those alone who have none (frame_get_typed(), against
 * frame_get_entry()). So the waits-for graph has no cycle. Whoever has the state yields when
 * something waits for its CPU, by leaving "partial" or "kept"; that may be long, so who waits for a
 * table looks whether something waits for his.
 */
#include <torc/abi.h>
#include <torc/frame.h>
#include <torc/heap.h>
#include <torc/x86.h>

#define C_ALLOCATED (1u << 31)
#define C_FOREIGN   (1u << 30) /* another domain mapped it writable since it was assigned */
#define C_COUNT	    FRAME_REFS
#define C_LIMIT	    FRAME_REFS_LIMIT /* mapped more often than that a frame is refused */
_Static_assert(C_COUNT == C_FOREIGN - 1, "references are below the flags");

#define T_COUNT	  0xffffffu
#define T_LIMIT	  0xff0000u /* likewise; above are those that the hypervisor holds for a moment */
#define T_VALID	  (1u << 24)
#define T_PINNED  (1u << 25)
#define T_PARTIAL (1u << 26)
#define T_UNDO	  (1u << 27)
#define T_SHIFT	  28

mfn_t max_mfn;

static inline enum frame_type type_of(uint32_t w)
{
	return w >> T_SHIFT;
}

static inline uint32_t type_word(enum frame_type t, uint32_t flags, uint32_t count)
{
	return (uint32_t)t << T_SHIFT | flags | count;
}

static inline bool is_table(enum frame_type t)
{
	return t == FT_L1 || t == FT_L2 || t == FT_L2_TOP || t == FT_L3 || t == FT_L4;
}

void frame_add_ram(maddr_t start, maddr_t end)
{
	uint64_t m;

	for (m = (start + PAGE_SIZE - 1) >> PAGE_SHIFT; m < end >> PAGE_SHIFT && m < max_mfn.n; m++)
		frame_table[m].flags |= FRAME_RAM | FRAME_USED; /* by whatever ran before us */
}

/* --- general references --------------------------------------------------- */

/* A reference to a frame that has one already, by the caller's own hands: cannot fail. */
static inline void count_up(struct frame *f)
{
	atomic_add(&f->count, 1);
}

bool frame_get_any(struct frame *f)
{
	return frame_ref_any(f, C_LIMIT);
}

bool frame_get(struct frame *f, struct domain *owner)
{
	return frame_ref(f, owner, C_LIMIT);
}

/* The last reference went: nobody maps it any more, TLBs may. The stamp makes the heap flush them
 * before anyone else has it. */
void frame_release(struct frame *f)
{
	uint32_t t = atomic_read(&f->type);

	ASSERT(!(t & (T_COUNT | T_PINNED | T_PARTIAL)));
	owner_frame_gone(f->owner, f);
	WRITE_ONCE(f->owner, NULL);
	atomic_set(&f->type, 0);
	atomic_set(&f->count, 0); /* FOREIGN was of the owner's time */
	frame_flags(f, FRAME_USED, FRAME_OWN);
	frames_free(f, 0);
}

void frame_put(struct frame *f)
{
	frame_unref(f);
}

void frame_assign(struct frame *f, struct domain *d)
{
	ASSERT(!f->count && !f->owner);
	f->type = 0;
	f->partial = 0;
	frame_flags(f, 0, FRAME_OWN);
	WRITE_ONCE(f->owner, d);
	owner_frame_added(d, f);
	frame_set_allocated(f);
}

void frame_set_allocated(struct frame *f)
{
	atomic_set(&f->count, C_ALLOCATED | 1);
}

bool frame_drop_allocated(struct frame *f)
{
	if (!(atomic_and(&f->count, ~C_ALLOCATED) &
	      C_ALLOCATED)) /* its reference is the caller's now */
		return false;
	frame_put(f);
	return true;
}

bool frame_is_allocated(const struct frame *f)
{
	return atomic_read(&f->count) & C_ALLOCATED;
}

void frame_mark_foreign(struct frame *f)
{
	if (!(atomic_read(&f->count) & C_FOREIGN))
		atomic_or(&f->count, C_FOREIGN);
}

bool frame_steal(struct frame *f, struct domain *d)
{
	uint32_t old = atomic_read(&f->count);

	ASSERT(f->owner == d);
	(void)d;
	do {
		/* The allocation, and the caller's reference by which owner is stable. */
		if ((old & ~C_FOREIGN) != (C_ALLOCATED | 2))
			return false;
	} while (!atomic_swap_if(&f->count, &old, 0));
	/* No general reference, so no typed one, no pin and no half-done table either. TLBs: the
	 * heap stamps what it is given. */
	owner_frame_gone(f->owner, f);
	WRITE_ONCE(f->owner, NULL);
	atomic_set(&f->type, 0);
	frame_flags(f, FRAME_USED, 0);
	return true;
}

void frame_share(struct frame *f, struct domain *d, bool writable)
{
	ASSERT(!f->count && !f->owner);
	WRITE_ONCE(f->owner, d);
	frame_flags(f, FRAME_OWN, 0);
	owner_frame_added(d, f);
	/* A typed reference for good: it can become no table. FT_SHARED cannot be mapped writable
	 * either. */
	f->type = type_word(writable ? FT_WRITABLE : FT_SHARED, T_VALID, 1);
	atomic_set(&f->count, C_ALLOCATED | 2);
}

void frame_unshare(struct frame *f)
{
	ASSERT(f->flags & FRAME_OWN);
	frame_put_typed(f);
	frame_drop_allocated(f);
}

/* --- types ---------------------------------------------------------------- */

/* Flags may be changed by others meanwhile (PINNED), so even the exclusive holder goes by
 * compare-and-swap. */
static void type_change(struct frame *f, uint32_t set, uint32_t clear, int delta)
{
	uint32_t old = atomic_read(&f->type);

	while (!atomic_swap_if(&f->type, &old, ((old & ~clear) | set) + delta))
		;
}

/*
 * What the frame was before may linger in TLBs: a writable mapping of what is to become a table, or
 * a path through what was one. Its owner's CPUs are asked, and all of them if others had it (a
 * backend's writable grant mapping that it has just let go).
 */
static void tlb_settle(struct frame *f)
{
	bool all = atomic_read(&f->count) & C_FOREIGN;
	cpumask_t stale = tlb_not_flushed_since(all ? cpus_online : owner_tlb_cpus(f->owner),
						READ_ONCE(f->stamp));

	if (unlikely(stale))
		tlb_flush_cpus(stale);
}

/*
 * Exclusive, with f->partial entries done: do the rest. kept: a reference besides the caller's is
 * in the count (state "kept"). was_partial: the state "partial" had a general reference, which is
 * ours to drop.
 */
static int complete(struct frame *f, enum frame_type t, bool kept, bool was_partial, bool undo)
{
	int rc = undo ? -XEN_EINVAL : table_validate(f, t);

	if (!rc) {
		type_change(f, T_VALID, 0, kept);
		goto out;
	}
	if (kept) { /* its holder undoes the rest, sooner or later */
		type_change(f, T_PARTIAL, 0, 0);
		return rc;
	}
	if (rc != -XEN_ERESTART) {
		undo = true;
		if (!table_invalidate(f, t)) {
			WRITE_ONCE(f->stamp, tlb_stamp_now());
			type_change(f, 0, T_UNDO, -1);
			goto out;
		}
		rc = -XEN_ERESTART;
	}
	if (!was_partial)
		count_up(f); /* the state's own */
	type_change(f, T_PARTIAL | (undo ? T_UNDO : 0), undo ? 0 : T_UNDO, -1);
	return rc;
out:
	if (was_partial)
		frame_put(f); /* not the last: the caller has one */
	return rc;
}

/* In use as something else. The reference tells a table that cannot be written from a frame that
 * cannot be a table. */
static int mismatch(enum frame_type want)
{
	return want == FT_WRITABLE ? -XEN_EBUSY : -XEN_EINVAL;
}

/*
 * The caller has a general reference. nested: it has a table to itself, and may wait for what is
 * exclusive below that: types of lower levels. That keeps the order in which CPUs wait for each
 * other, so half of a table of any other type is not taken apart here: what hangs on that one may
 * be of a higher level, and in the hands of a CPU that waits for ours.
 */
static int type_get(struct frame *f, enum frame_type want, bool nested)
{
	uint32_t old = atomic_read(&f->type), new;
	enum frame_type was;
	int rc;

	for (;;) {
		was = type_of(old);
		if (likely(old & T_VALID)) {
			if (was != want)
				return mismatch(want);
			if ((old & T_COUNT) >= T_LIMIT)
				return -XEN_EBUSY;
			if (atomic_swap_if(&f->type, &old, old + 1))
				return 0;
		} else if (old & T_PARTIAL) {
			bool kept = old & T_COUNT;

			if (was != want && (kept || nested))
				return mismatch(want);
			if (!atomic_swap_if(&f->type, &old, (old & ~T_PARTIAL) + !kept))
				continue;
			/* As another type: what is there must go first. */
			rc = complete(f, was, kept, !kept, old & T_UNDO || was != want);
			if (was == want || rc == -XEN_ERESTART)
				return rc;
			old = atomic_read(&f->type);
		} else if (old & T_COUNT) { /* exclusive to some CPU: as another type maybe our own,
					       checking a table that names itself */
			if (was != want)
				return mismatch(want);
			if (is_table(want) && table_wait_ends())
				return -XEN_ERESTART;
			cpu_relax();
			old = atomic_read(&f->type);
		} else {
			bool settle = was != FT_NONE && was != want;
			bool check = is_table(want) || want == FT_SEGDESC;

			new = type_word(want, settle || check ? 0 : T_VALID, 1);
			if (!atomic_swap_if(&f->type, &old, new))
				continue;
			if (settle)
				tlb_settle(f);
			if (!check) {
				if (settle)
					type_change(f, T_VALID, 0, 0);
				return 0;
			}
			f->partial = 0;
			return complete(f, want, false, false, false);
		}
	}
}

/* What type_get() comes to where nothing has to be checked or waited for: one more of a type that
 * is valid, or the first writable mapping of what was no table before. */
static inline __attribute__((always_inline)) bool type_get_plain(struct frame *f,
								 enum frame_type want)
{
	uint32_t old = atomic_read(&f->type), new = old + 1;

	if ((old & ~(T_COUNT | T_PINNED)) != type_word(want, T_VALID, 0)) {
		if (want != FT_WRITABLE || (old && old != type_word(FT_WRITABLE, 0, 0)))
			return false;
		new = type_word(FT_WRITABLE, T_VALID, 1);
	} else if (unlikely((old & T_COUNT) >= T_LIMIT)) {
		return false;
	}
	return atomic_swap_if(&f->type, &old, new);
}

static __attribute__((noinline)) int get_typed_long(struct frame *f, enum frame_type t, bool nested)
{
	int rc = type_get(f, t, nested);

	if (unlikely(rc))
		frame_put(f);
	return rc;
}

static inline __attribute__((always_inline)) int get_typed(struct frame *f, struct domain *owner,
							   enum frame_type t, bool nested)
{
	if (unlikely(!frame_ref(f, owner, C_LIMIT)))
		return -XEN_EINVAL;
	if (likely(type_get_plain(f, t)))
		return 0;
	return get_typed_long(f, t, nested);
}

int frame_get_typed(struct frame *f, struct domain *owner, enum frame_type t)
{
	return get_typed(f, owner, t, false);
}

int frame_get_entry(struct frame *f, struct domain *owner, enum frame_type t)
{
	return get_typed(f, owner, t, true);
}

/* For a moment, by the hypervisor itself, on whose way the frame is: a guest that holds as many
 * references as it may get does not stand in it. */
static __attribute__((noinline)) bool get_more_long(struct frame *f, enum frame_type t)
{
	uint32_t old = atomic_read(&f->type);

	for (;;) {
		if (type_of(old) != t || !(old & T_COUNT))
			break;
		if (!(old & T_VALID)) {
			if (old & T_PARTIAL || (is_table(t) && table_wait_ends()))
				break;
			cpu_relax(); /* exclusive: in a moment it is valid, or none */
			old = atomic_read(&f->type);
		} else if ((old & T_COUNT) == T_COUNT) {
			break;
		} else if (atomic_swap_if(&f->type, &old, old + 1)) {
			return true;
		}
	}
	frame_put(f);
	return false;
}

bool frame_get_more(struct frame *f, struct domain *owner, enum frame_type t)
{
	uint32_t old;

	if (unlikely(!frame_ref(f, owner, C_COUNT)))
		return false;
	old = atomic_read(&f->type);
	if (likely(type_of(old) == t && old & T_VALID && (old & T_COUNT) != T_COUNT) &&
	    likely(atomic_swap_if(&f->type, &old, old + 1)))
		return true;
	return get_more_long(f, t);
}

static int type_put(struct frame *f, bool preemptible)
{
	uint32_t old = atomic_read(&f->type), new;
	enum frame_type t;

	for (;;) {
		t = type_of(old);
		ASSERT(old & T_COUNT);
		if ((old & T_COUNT) > 1 && old & T_VALID) {
			new = old - 1;
		} else if (!(old & (T_VALID | T_PARTIAL))) {
			/* Somebody completes what we kept. It becomes valid with a count of 2, or
			 * kept again. */
			if (preemptible && table_wait_ends())
				return -XEN_ERESTART;
			cpu_relax();
			old = atomic_read(&f->type);
			continue;
		} else {
			new = old & ~(T_VALID | T_PARTIAL); /* exclusive */
		}
		if (!atomic_swap_if(&f->type, &old, new))
			continue;
		if (new &T_VALID)
			return 0;
		break;
	}
	/* The stamp comes after the last reference by which a TLB could learn of the frame, and
	 * before the count falls: whoever then changes the type reads it. Taken while others could
	 * still come and go it might be older than what they did. */
	if (!is_table(t)) {
		WRITE_ONCE(f->stamp, tlb_stamp_now());
		atomic_set(&f->type, new - 1); /* nothing else of it changes meanwhile */
		return 0;
	}
	while (table_invalidate(f, t)) {
		if (preemptible) {
			type_change(f, T_PARTIAL, 0, 0);
			return -XEN_ERESTART;
		}
	}
	WRITE_ONCE(f->stamp, tlb_stamp_now());
	type_change(f, 0, 0, -1);
	return 0;
}

/* What that comes to for one of several references. */
static inline __attribute__((always_inline)) bool type_put_shared(struct frame *f)
{
	uint32_t old = atomic_read(&f->type);

	return old & T_VALID && (old & T_COUNT) > 1 && atomic_swap_if(&f->type, &old, old - 1);
}

/* And for the only writable mapping. */
static inline __attribute__((always_inline)) bool type_put_writable(struct frame *f)
{
	const uint32_t one = type_word(FT_WRITABLE, T_VALID, 1);
	uint32_t old = one;

	if (!atomic_swap_if(&f->type, &old, one & ~T_VALID))
		return false;
	WRITE_ONCE(f->stamp, tlb_stamp_now()); /* exclusive now, as there */
	atomic_set(&f->type, type_word(FT_WRITABLE, 0, 0));
	return true;
}

static __attribute__((noinline)) int put_typed_long(struct frame *f, bool preemptible)
{
	int rc = type_put(f, preemptible);

	if (!rc)
		frame_unref(f);
	return rc;
}

void frame_put_typed(struct frame *f)
{
	if (likely(type_put_shared(f) || type_put_writable(f)))
		frame_unref(f);
	else
		put_typed_long(f, false);
}

int frame_put_typed_preemptible(struct frame *f)
{
	if (unlikely(!type_put_shared(f)))
		return put_typed_long(f, true);
	frame_unref(f);
	return 0;
}

void frame_abandon(struct frame *f)
{
	uint32_t old = atomic_read(&f->type);

	for (;;) {
		if (old & T_VALID) { /* made whole again by another, who has it */
			if (!put_typed_long(f, true))
				return;
			old = atomic_read(&f->type);
		} else if (!(old & T_PARTIAL)) { /* and that is going on */
			cpu_relax();
			old = atomic_read(&f->type);
		} else if (atomic_swap_if(&f->type, &old, old - 1)) {
			return; /* "kept" is "partial" now; our general reference is the state's */
		}
	}
}

int frame_settle(struct frame *f)
{
	uint32_t old = atomic_read(&f->type);
	int rc;

	if (!(old & T_PARTIAL) || old & T_COUNT)
		return 0;
	if (!atomic_swap_if(&f->type, &old, (old & ~T_PARTIAL) + 1))
		return -XEN_ERESTART;
	count_up(f); /* complete() expects the caller to have one; the state's keeps the frame until
			then */
	rc = complete(f, type_of(old), false, true, true);
	frame_put(f);
	return rc == -XEN_ERESTART ? rc : 0;
}

enum frame_type frame_type(const struct frame *f)
{
	uint32_t t = atomic_read(&f->type);

	return t & (T_COUNT | T_PARTIAL) ? type_of(t) : FT_NONE;
}

bool frame_in_work(const struct frame *f)
{
	uint32_t t = atomic_read(&f->type);

	return t & T_COUNT && !(t & (T_VALID | T_PARTIAL));
}

unsigned int frame_type_count(const struct frame *f)
{
	return atomic_read(&f->type) & T_COUNT;
}

uint64_t frame_count(const struct frame *f)
{
	return atomic_read(&f->count) & C_COUNT;
}

bool frame_pin(struct frame *f)
{
	return !(atomic_or(&f->type, T_PINNED) & T_PINNED);
}

bool frame_unpin(struct frame *f)
{
	return atomic_and(&f->type, ~T_PINNED) & T_PINNED;
}

bool frame_is_pinned(const struct frame *f)
{
	return atomic_read(&f->type) & T_PINNED;
}
