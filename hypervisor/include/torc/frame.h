/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Machine frames: owner, reference count, type and type count (DESIGN: the invariant that all
 * safety rests on).
 *
 * A general reference keeps a frame from being freed and its owner from changing. A type reference
 * is held by whoever uses it as that type (a writable mapping, a table entry that points to a page
 * table, a cr3, a pin, a loaded GDT) and includes a general one. Types change only when the type
 * count is 0. Validation of tables is pv/validate.c's.
 */
#ifndef TORC_FRAME_H
#define TORC_FRAME_H

#include <torc/types.h>
#include <torc/atomic.h>
#include <torc/layout.h>
#include <torc/lib.h>

struct domain;

enum frame_type { /* exclusive while counted */
		  FT_NONE,
		  FT_WRITABLE,
		  FT_L1,
		  FT_L2,
		  FT_L3,
		  FT_L4,
		  FT_SEGDESC,
		  FT_SHARED, /* hypervisor memory that guests may map read-only (m2p): typed for
				good */
		  FT_L2_TOP, /* 32-bit: the L2 of slot 3, which holds the hypervisor's hole; never a
				plain FT_L2 at the same time */
};

#define FRAME_RAM  0x01 /* is RAM */
#define FRAME_FREE 0x02 /* head of a free block in the heap */
#define FRAME_USED \
	0x04 /* somebody had it: what it holds is a secret, and zeroed before a domain gets it */
#define FRAME_OWN  0x08 /* the hypervisor's memory shared with its owner: on no list of pages */
#define FRAME_SLAB 0x10 /* cut into small objects (heap.c) */
#define FRAME_IDLE 0x20 /* in the heap's hands: debug builds check that nobody frees or uses it */

/* Lists of frames, by number: half the size of pointers, in a table that costs a part of all
 * memory. 0 ends one: frame 0 is on none. */
struct frame_link {
	uint32_t next, prev;
};
struct frame_list {
	uint32_t first, last;
};

struct frame {
	uint32_t count; /* general references and flags: core/frame.c's layout; 0: free or the
			   hypervisor's own */
	uint32_t type;	/* enum frame_type, validity, pin, partial state, type count: core/frame.c's
			   layout */
	struct domain *owner;	/* NULL: nobody's; stable under a general reference */
	struct frame_link link; /* on its owner's list, or a free list */
	uint32_t stamp;		/* tlb_stamp_now() when the last writable or table use ended */
	uint16_t partial; /* entries validated so far of a table being (in)validated preemptibly */
	union {
		uint8_t order; /* free block's, in the heap */
		uint8_t used;  /* table's: a bit for each 64 entries of which one may be present */
	};
	uint8_t flags; /* FRAME_*: changed at boot or by whoever holds the frame unshared */
};

#ifdef TORC_HOST_BUILD
extern struct frame *frame_table;
#else
#define frame_table ((struct frame *)FRAME_TABLE)
#endif
extern mfn_t max_mfn; /* one above the last frame that has a struct frame */
static inline mfn_t frame_mfn(const struct frame *f)
{
	return MFN(f - frame_table);
}
static inline struct frame *mfn_frame(mfn_t m)
{
	return &frame_table[m.n];
}
static inline bool frame_list_empty(const struct frame_list *l)
{
	return !l->first;
}
static inline struct frame *frame_list_first(const struct frame_list *l)
{
	return l->first ? &frame_table[l->first] : NULL;
}
static inline struct frame *frame_list_next(const struct frame *f)
{
	return f->link.next ? &frame_table[f->link.next] : NULL;
}
static inline void frame_list_add(struct frame_list *l, struct frame *f)
{
	uint32_t n = frame_mfn(f).n;

	f->link = (struct frame_link){ .next = l->first };
	if (l->first)
		frame_table[l->first].link.prev = n;
	else
		l->last = n;
	l->first = n;
}
static inline void frame_list_add_tail(struct frame_list *l, struct frame *f)
{
	uint32_t n = frame_mfn(f).n;

	f->link = (struct frame_link){ .prev = l->last };
	if (l->last)
		frame_table[l->last].link.next = n;
	else
		l->first = n;
	l->last = n;
}
static inline void frame_list_del(struct frame_list *l, struct frame *f)
{
	if (f->link.prev)
		frame_table[f->link.prev].link.next = f->link.next;
	else
		l->first = f->link.next;
	if (f->link.next)
		frame_table[f->link.next].link.prev = f->link.prev;
	else
		l->last = f->link.prev;
	f->link = (struct frame_link){ 0 };
}
static inline struct frame *frame_list_pop(struct frame_list *l)
{
	struct frame *f = frame_list_first(l);

	if (f)
		frame_list_del(l, f);
	return f;
}
/* Whoever holds the frame alone changes its flags, while mfn_valid() may look at them. */
static inline void frame_flags(struct frame *f, unsigned int set, unsigned int clear)
{
	WRITE_ONCE(f->flags, (uint8_t)((f->flags | set) & ~clear));
}
/* Is RAM with a struct frame (not MMIO, not a hole). */
static inline bool mfn_valid(mfn_t m)
{
	return m.n < max_mfn.n && READ_ONCE(mfn_frame(m)->flags) & FRAME_RAM;
}
/* at boot: every range of RAM in the map, used or not */
void frame_add_ram(maddr_t start, maddr_t end);

/* General references. get fails (false) on a free frame, one of another owner, or a full count. */
bool frame_get(struct frame *f, struct domain *owner); /* only if it is owner's */
bool frame_get_any(struct frame *f); /* whoever's; for the privileged, look at f->owner after it */
void frame_put(struct frame *f); /* the last put frees to the heap (owner's accounts are told) */
/* The same in line, for where entries of tables come and go. f->count's references are below two
 * flags of core/frame.c's; a guest gets no more than the limit. */
#define FRAME_REFS	 ((1u << 30) - 1)
#define FRAME_REFS_LIMIT (1u << 29)
void frame_release(struct frame *f); /* the last reference went */
static inline __attribute__((always_inline)) void frame_unref(struct frame *f)
{
	uint32_t n = atomic_sub(&f->count, 1);

	ASSERT((n & FRAME_REFS) != FRAME_REFS);
	if (unlikely(!(n & FRAME_REFS)))
		frame_release(f);
}
static inline __attribute__((always_inline)) bool frame_ref_any(struct frame *f, uint32_t limit)
{
	uint32_t old = atomic_read(&f->count);

	do {
		if (unlikely((old & FRAME_REFS) - 1 >= limit - 1)) /* none, or too many */
			return false;
	} while (unlikely(!atomic_swap_if(&f->count, &old, old + 1)));
	return true;
}
static inline __attribute__((always_inline)) bool frame_ref(struct frame *f, struct domain *owner,
							    uint32_t limit)
{
	/* Whose it is, before anything is changed: an owner that gives the frame away wants exact
	 * counts (frame_steal()), and others who name it are not to disturb that. */
	if (unlikely(READ_ONCE(f->owner) != owner) || !frame_ref_any(f, limit))
		return false;
	if (likely(READ_ONCE(f->owner) == owner)) /* and has been all the time: stable now */
		return true;
	frame_put(f);
	return false;
}
/* Allocated to a domain: owner set, one reference (FRAME_ALLOCATED), on its list. The caller has
 * scrubbed or will. */
void frame_assign(struct frame *f, struct domain *d);
/* The last step of it, for domain/pages.c, which does many at once under its own lock. */
void frame_set_allocated(struct frame *f);
/* Drops the allocation's reference; false if already dropped. Frees when others let go. */
bool frame_drop_allocated(struct frame *f);
bool frame_is_allocated(const struct frame *f);

void frame_mark_foreign(struct frame *f); /* before a writable mapping by another domain than its
					     owner is let go */
/* takes it from its owner if nothing but the allocation and the caller's one reference hold it;
 * then it is nobody's, to free or assign */
bool frame_steal(struct frame *f, struct domain *d);
/* Hypervisor memory that d may map: writable (grant tables, shared_info) or only readable. On no
 * list, in nr_own_pages. Undone by frame_unshare(); the frame goes to the heap when the last
 * mapping has gone. */
void frame_share(struct frame *f, struct domain *d, bool writable);
void frame_unshare(struct frame *f);

/* Type references, and a general one with each. 0, -XEN_EINVAL (not the owner's, in use as another
 * type, bad contents), -XEN_EBUSY (not to be written: a table), -XEN_ERESTART (preempted: go on
 * later). For tables the caller is in the owner's context (its widths, its slots). */
int frame_get_typed(struct frame *f, struct domain *owner, enum frame_type t);
/* The same for what an entry of a table names, who may be about to check the whole table: half of a
 * table of another type, which somebody has begun and not finished, is refused too. */
int frame_get_entry(struct frame *f, struct domain *owner, enum frame_type t);
void frame_put_typed(struct frame *f);		  /* runs to the end */
int frame_put_typed_preemptible(struct frame *f); /* 0 or -XEN_ERESTART with the reference kept */
/* What that kept, where nobody will come again: whoever wants the frame next goes on with it, or
 * its owner's death does. */
void frame_abandon(struct frame *f);
enum frame_type frame_type(const struct frame *f);
bool frame_in_work(const struct frame *f); /* some CPU checks it, or takes it apart */
unsigned int frame_type_count(const struct frame *f);
uint64_t frame_count(const struct frame *f);
bool frame_pin(struct frame *f); /* marks pinned; false if it was */
bool frame_unpin(struct frame *f);
bool frame_is_pinned(const struct frame *f);
/* one more of a type it has and is valid as; false also of a table that is in work for long */
bool frame_get_more(struct frame *f, struct domain *owner, enum frame_type t);
/* Finishes what a preempted validation or its undoing left behind, with none waiting for it. 0 or
 * -XEN_ERESTART. */
int frame_settle(struct frame *f);

/* pv/validate.c, called by core/frame.c through this door when a table's type count goes 0->1 and
 * 1->0. -XEN_ERESTART: f->partial says how far it went. The first also -XEN_EINVAL, -XEN_EBUSY. */
int table_validate(struct frame *f, enum frame_type t);
int table_invalidate(struct frame *f, enum frame_type t);
/* Somebody else is at a table that is wanted here, and may be for long: is it time to come again? */
bool table_wait_ends(void);

/* domain/pages.c, likewise: the owner's books. */
void owner_frame_added(struct domain *d, struct frame *f);
/* the last reference went; f still names its owner */
void owner_frame_gone(struct domain *d, struct frame *f);
uint64_t owner_tlb_cpus(struct domain *d); /* cpumask_t: CPUs that may hold translations of its
					      tables */

#endif
