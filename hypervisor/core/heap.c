/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Frames and small objects. Frames: a buddy allocator over all RAM, one lock, with a stack of
 * single frames for each CPU in front of it. Blocks are kept by zone, that is by the highest bit of
 * their frame number, so that memory below an address is found at once and the low one is spent
 * last. Small objects: a frame cut into pieces of one size, its free list inside it.
 *
 * A freed frame carries the TLB's stamp of that moment; whoever is given it first has every CPU
 * flushed that did not flush since. So no unmapping has to flush before it frees.
 */
#include <torc/heap.h>
#include <torc/spinlock.h>
#include <torc/x86.h>

#define MAX_ORDER      18 /* 1 GiB */
#define ZONES	       41 /* by bits of the frame number: 52 bits of address and frame 0 */
#define CACHE_SIZE     64
#define SLAB_MIN_SHIFT 5 /* objects of 32 to 2048 bytes */
#define SLAB_CLASSES   7

static spinlock_t heap_lock = SPINLOCK(RANK_HEAP);
static struct frame_list free_blocks[ZONES][MAX_ORDER + 1];
static uint32_t free_orders[ZONES];  /* bit an order that has blocks */
static uint64_t free_in_zone[ZONES]; /* frames; others read it without the lock */
static uint64_t total_frames;
static struct frame_list slabs[SLAB_CLASSES];

/* Only its own CPU touches it, and never in an interrupt: no lock. Others read n for the sum. */
static struct cache {
	unsigned int n;
	struct frame *frame[CACHE_SIZE];
} __aligned(64) caches[MAX_CPUS];

static unsigned int zone_of(uint64_t mfn)
{
	return mfn ? 64 - __builtin_clzll(mfn) : 0;
}

static void block_add(struct frame *f, unsigned int order)
{
	unsigned int zone = zone_of(frame_mfn(f).n);

	f->order = order;
	frame_flags(f, FRAME_FREE, 0);
	frame_list_add(&free_blocks[zone][order], f);
	free_orders[zone] |= 1u << order;
	WRITE_ONCE(free_in_zone[zone], free_in_zone[zone] + (1ull << order));
}

static void block_remove(struct frame *f, unsigned int zone)
{
	frame_list_del(&free_blocks[zone][f->order], f);
	frame_flags(f, 0, FRAME_FREE);
	if (frame_list_empty(&free_blocks[zone][f->order]))
		free_orders[zone] &= ~(1u << f->order);
	WRITE_ONCE(free_in_zone[zone], free_in_zone[zone] - (1ull << f->order));
}

/* Its buddy, if that is a free block of the same size in the same zone. */
static struct frame *buddy_of(struct frame *f, unsigned int order)
{
	uint64_t m = frame_mfn(f).n, b = m ^ (1ull << order);
	struct frame *g;

	if (b + (1ull << order) > max_mfn.n || zone_of(b) != zone_of(m))
		return NULL;
	g = mfn_frame(MFN(b));
	return g->flags & FRAME_FREE && g->order == order ? g : NULL;
}

static void free_locked(struct frame *f, unsigned int order)
{
	uint32_t stamp = f->stamp;
	struct frame *g;

	for (; order < MAX_ORDER && (g = buddy_of(f, order)); order++) {
		block_remove(g, zone_of(frame_mfn(g).n));
		stamp = tlb_stamp_later(stamp, g->stamp);
		if (g < f)
			f = g;
	}
	f->stamp = stamp;
	block_add(f, order);
}

static struct frame *alloc_locked(unsigned int order, unsigned int below_bits)
{
	unsigned int zone = ZONES - 1, o;
	struct frame *f;

	if (below_bits && below_bits - PAGE_SHIFT < zone)
		zone = below_bits - PAGE_SHIFT;
	for (;; zone--) {
		if (free_orders[zone] >> order)
			break;
		if (!zone)
			return NULL;
	}
	o = __builtin_ctz(free_orders[zone] >> order) + order;
	f = frame_list_first(&free_blocks[zone][o]);
	block_remove(f, zone);
	while (o > order) { /* the upper half goes back */
		o--;
		f[1ul << o].stamp = f->stamp;
		block_add(&f[1ul << o], o);
	}
	return f;
}

/* Debug builds: each frame is either the heap's or its user's. */
static void check_idle(struct frame *f, unsigned int order, bool was)
{
#ifndef NDEBUG
	unsigned long i;

	for (i = 0; i < 1ul << order; i++) {
		if (!(f[i].flags & FRAME_IDLE) == was)
			panic("frame %#lx of a block of order %u: %s", frame_mfn(&f[i]).n, order,
			      was ? "given out twice" : "freed twice");
		if (f[i].owner || f[i].count)
			panic("frame %#lx of a block of order %u: count %#x, has an owner, and is %s",
			      frame_mfn(&f[i]).n, order, f[i].count, was ? "idle" : "freed");
		frame_flags(f + i, FRAME_IDLE & ~f[i].flags, FRAME_IDLE & f[i].flags);
	}
#else
	(void)f, (void)order, (void)was;
#endif
}

/* Nobody may reach the frames through an old translation. */
static struct frame *ready(struct frame *f, unsigned int order)
{
	cpumask_t stale = tlb_not_flushed_since(cpus_online, f->stamp);

	check_idle(f, order, true);
	if (unlikely(stale))
		tlb_flush_cpus(stale);
	return f;
}

struct frame *frames_alloc(unsigned int order, unsigned int below_bits)
{
	struct cache *c = &caches[this_cpu()];
	struct frame *f;

	if (!order && c->n && !below_bits) {
		WRITE_ONCE(c->n, c->n - 1);
		return ready(c->frame[c->n], 0);
	}
	if (order > MAX_ORDER || (below_bits && below_bits < PAGE_SHIFT))
		return NULL;
	spin_lock(&heap_lock);
	f = alloc_locked(order, below_bits);
	if (!order && !below_bits) /* some for next time, if there are plenty */
		while (f && c->n < CACHE_SIZE / 2) {
			struct frame *g = alloc_locked(0, 0);

			if (!g)
				break;
			WRITE_ONCE(c->n, c->n + 1);
			c->frame[c->n - 1] = g;
		}
	spin_unlock(&heap_lock);
	/* Memory is short and the rest is in caches: ours can be had, another CPU's not; that is a
	 * handful of frames. */
	if (!f && !order && c->n) {
		f = c->frame[c->n - 1];
		if (below_bits && zone_of(frame_mfn(f).n) > below_bits - PAGE_SHIFT)
			return NULL;
		WRITE_ONCE(c->n, c->n - 1);
	}
	return f ? ready(f, order) : NULL;
}

void frames_free(struct frame *f, unsigned int order)
{
	struct cache *c = &caches[this_cpu()];

	check_idle(f, order, false);
	f->stamp = tlb_stamp_now();
	if (!order && c->n < CACHE_SIZE) {
		c->frame[c->n] = f;
		WRITE_ONCE(c->n, c->n + 1);
		return;
	}
	spin_lock(&heap_lock);
	if (!order) /* full: half of it goes back too */
		while (c->n > CACHE_SIZE / 2) {
			free_locked(c->frame[c->n - 1], 0);
			WRITE_ONCE(c->n, c->n - 1);
		}
	free_locked(f, order);
	spin_unlock(&heap_lock);
}

void heap_add(maddr_t start, maddr_t end)
{
	uint64_t m = (start + PAGE_SIZE - 1) >> PAGE_SHIFT, e = end >> PAGE_SHIFT;

	frame_add_ram(start, end);
	e = MIN(e, max_mfn.n);
	spin_lock(&heap_lock);
	while (m < e) {
		unsigned int order = m ? MIN(__builtin_ctzll(m), MAX_ORDER) : 0;

		while (m + (1ull << order) > e)
			order--;
		check_idle(mfn_frame(MFN(m)), order, false);
		mfn_frame(MFN(m))->stamp = tlb_stamp_now();
		free_locked(mfn_frame(MFN(m)), order);
		total_frames += 1ull << order;
		m += 1ull << order;
	}
	spin_unlock(&heap_lock);
}

static uint64_t cached_frames(void)
{
	uint64_t n = 0;
	unsigned int i;

	for (i = 0; i < MAX_CPUS; i++)
		n += READ_ONCE(caches[i].n);
	return n;
}

uint64_t heap_free_frames(void)
{
	uint64_t n = cached_frames();
	unsigned int i;

	for (i = 0; i < ZONES; i++)
		n += READ_ONCE(free_in_zone[i]);
	return n;
}

uint64_t heap_free_frames_below(unsigned int bits)
{
	uint64_t n = 0;
	unsigned int i;

	if (!bits)
		return heap_free_frames();
	for (i = 0; i < ZONES && i + PAGE_SHIFT <= bits; i++)
		n += READ_ONCE(free_in_zone[i]);
	return n;
}

uint64_t heap_total_frames(void)
{
	return READ_ONCE(total_frames);
}

void heap_scrub(struct frame *f, unsigned int order)
{
	memset(mfn_to_virt(frame_mfn(f)), 0, PAGE_SIZE << order);
}

void heap_scrub_used(struct frame *f, unsigned int order)
{
	unsigned long i;

	for (i = 0; i < 1ul << order; i++) {
		if (f[i].flags & FRAME_USED)
			heap_scrub(&f[i], 0);
		frame_flags(f + i, 0, FRAME_USED);
	}
}

void heap_reset(void)
{
	memset(free_blocks, 0, sizeof(free_blocks));
	memset(free_orders, 0, sizeof(free_orders));
	memset(free_in_zone, 0, sizeof(free_in_zone));
	memset(caches, 0, sizeof(caches));
	memset(slabs, 0, sizeof(slabs));
	total_frames = 0;
}

/* --- the hypervisor's own ------------------------------------------------- */

static void *own_alloc(unsigned int order, unsigned int below_bits)
{
	struct frame *f = frames_alloc(order, below_bits);
	unsigned long i;

	if (!f)
		return NULL;
	heap_scrub(f, order);
	for (i = 0; i < 1ul << order; i++)
		frame_flags(f + i, 0, FRAME_USED | FRAME_SLAB);
	f->order = order;
	return mfn_to_virt(frame_mfn(f));
}

void *page_alloc(unsigned int order)
{
	return own_alloc(order, 0);
}

void *page_alloc_below(unsigned int bits)
{
	return own_alloc(0, bits);
}

/* What the hypervisor kept there is not for the guest that has it next. */
static void own_free(struct frame *f, unsigned int order)
{
	unsigned long i;

	for (i = 0; i < 1ul << order; i++)
		frame_flags(f + i, FRAME_USED, 0);
	frames_free(f, order);
}

void page_free(void *p, unsigned int order)
{
	if (p)
		own_free(mfn_frame(virt_to_mfn(p)), order);
}

/* A slab's struct frame: order is the class, partial the objects in use, link on the class's list
 * while it has free ones, type the place of the first free object in it, plus 1; there the next
 * one's is, and so on. */

static spinlock_t slab_lock = SPINLOCK(RANK_HEAP);

static struct frame *slab_new(unsigned int class)
{
	unsigned long size = 1ul << (class + SLAB_MIN_SHIFT), at;
	char *p = page_alloc(0);
	struct frame *f;

	if (!p)
		return NULL;
	for (at = 0; at < PAGE_SIZE; at += size)
		*(uint32_t *)(p + at) = at + size < PAGE_SIZE ? at + size + 1 : 0;
	f = mfn_frame(virt_to_mfn(p));
	frame_flags(f, FRAME_SLAB, 0);
	f->order = class;
	f->partial = 0;
	f->type = 1;
	return f;
}

void *zalloc(size_t size)
{
	unsigned int class = 0, order = 0;
	struct frame *f, *fresh;
	uint32_t *p;

	if (size > PAGE_SIZE / 2) {
		while (PAGE_SIZE << order < size)
			order++;
		return page_alloc(order);
	}
	while (1ul << (class + SLAB_MIN_SHIFT) < size)
		class ++;
	spin_lock(&slab_lock);
	if (frame_list_empty(&slabs[class])) {
		spin_unlock(&slab_lock);
		fresh = slab_new(class);
		if (!fresh)
			return NULL;
		spin_lock(&slab_lock);
		frame_list_add(&slabs[class], fresh);
	}
	f = frame_list_first(&slabs[class]);
	p = (uint32_t *)((char *)mfn_to_virt(frame_mfn(f)) + f->type - 1);
	f->type = *p;
	f->partial++;
	if (!f->type)
		frame_list_del(&slabs[class], f);
	spin_unlock(&slab_lock);
	memset(p, 0, 1ul << (class + SLAB_MIN_SHIFT));
	return p;
}

void zfree(void *p)
{
	struct frame *f;
	bool empty;

	if (!p)
		return;
	f = mfn_frame(virt_to_mfn(p));
	if (!(f->flags & FRAME_SLAB)) {
		page_free(p, f->order);
		return;
	}
	spin_lock(&slab_lock);
	*(uint32_t *)p = f->type;
	if (!f->type)
		frame_list_add(&slabs[f->order], f);
	f->type = ((unsigned long)p & (PAGE_SIZE - 1)) + 1;
	ASSERT(f->partial);
	empty = !--f->partial;
	if (empty)
		frame_list_del(&slabs[f->order], f);
	spin_unlock(&slab_lock);
	if (empty) { /* at once, so that what is free does not depend on history */
		frame_flags(f, 0, FRAME_SLAB);
		f->type = 0;
		own_free(f, 0);
	}
}
