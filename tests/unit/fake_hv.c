/* SPDX-License-Identifier: BSD-2-Clause */
/* See fake_hv.h. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <torc/grant.h>
#include <torc/irq.h>
#include <torc/sched.h>
#include <torc/why.h>
#include "fake_hv.h"

char *host_ram;
struct frame *frame_table;
uint64_t *m2p, m2p32_l2e[8];
uint32_t *m2p32;
mfn_t idle_root, zero_page;
unsigned int nr_cpus = 4;
cpumask_t cpus_online = 15;
struct cpu_features cpu_features = { .nx = true, .phys_bits = 40 };
struct domain hyp_domain = { .id = DOMID_XEN }, io_domain = { .id = DOMID_IO };

__thread unsigned int fake_yield_every;
static __thread unsigned int yields, my_cpu;
static __thread struct vcpu *my_vcpu;
unsigned int fake_refusals;
__thread char fake_why[200];
uint64_t fake_flushes;
void (*fake_after_stamp)(void), (*fake_at_refusal)(void), (*fake_at_lock)(void);
unsigned long fake_no_page;
unsigned int fake_window[64];

/* Nothing a test makes is freed one by one: it goes with the machine. */
static struct domain domains[4];
static struct vcpu vcpus[8], *vcpu_slots[4][8];
static unsigned int nr_frames, nr_domains, nr_vcpus;
static uint64_t tlb_clock, stamps[MAX_CPUS];

/* --- what the core calls -------------------------------------------------- */

void panic(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	abort();
}

long refuse(struct vcpu *v, long err, const char *fmt, ...)
{
	void (*then)(void);
	va_list ap;

	(void)v;
	va_start(ap, fmt);
	vsnprintf(fake_why, sizeof(fake_why), fmt, ap);
	va_end(ap);
	__atomic_add_fetch(&fake_refusals, 1, __ATOMIC_RELAXED);
	if (fake_at_refusal) {
		then = fake_at_refusal;
		fake_at_refusal = NULL;
		then();
	}
	return err;
}

unsigned int this_cpu(void)
{
	return my_cpu;
}
struct vcpu *current_vcpu(void)
{
	return my_vcpu;
}
bool must_yield(void)
{
	return fake_yield_every && ++yields % fake_yield_every == 0;
}

void spin_init(spinlock_t *l, enum lock_rank rank)
{
	*l = (spinlock_t)SPINLOCK(rank);
}
void spin_lock(spinlock_t *l)
{
	void (*then)(void) = fake_at_lock;

	if (then) {
		fake_at_lock = NULL;
		then();
	}
	while (__atomic_exchange_n(&l->owner, 1, __ATOMIC_ACQUIRE))
		cpu_relax();
}
void spin_unlock(spinlock_t *l)
{
	__atomic_store_n(&l->owner, 0, __ATOMIC_RELEASE);
}
bool spin_is_held(const spinlock_t *l)
{
	return l->owner;
}

uint32_t tlb_stamp_now(void)
{
	uint32_t now = (uint32_t)__atomic_load_n(&tlb_clock, __ATOMIC_SEQ_CST);
	void (*meanwhile)(void) = fake_after_stamp;

	if (meanwhile) {
		fake_after_stamp = NULL;
		meanwhile();
	}
	return now;
}
void fake_tlb_ticks(uint64_t n)
{
	tlb_clock += n;
}
cpumask_t tlb_not_flushed_since(cpumask_t cpus, uint32_t stamp)
{
	uint64_t since = tlb_stamp_moment(__atomic_load_n(&tlb_clock, __ATOMIC_SEQ_CST), stamp);
	cpumask_t stale = 0;
	unsigned int i;

	for (i = 0; i < nr_cpus; i++)
		if (cpus >> i & 1 && __atomic_load_n(&stamps[i], __ATOMIC_SEQ_CST) <= since)
			stale |= 1ull << i;
	return stale;
}
void tlb_flush_cpus(cpumask_t cpus)
{
	uint64_t now = __atomic_add_fetch(&tlb_clock, 1, __ATOMIC_SEQ_CST);
	unsigned int i;

	for (i = 0; i < nr_cpus; i++)
		if (cpus >> i & 1)
			__atomic_store_n(&stamps[i], now, __ATOMIC_SEQ_CST);
	__atomic_add_fetch(&fake_flushes, __builtin_popcountll(cpus), __ATOMIC_RELAXED);
}
void tlb_flush_local(void)
{
	tlb_flush_cpus(1ull << my_cpu);
}
void tlb_flush_page_local(unsigned long va)
{
	(void)va;
}
void tlb_flush_page_cpus(cpumask_t cpus, unsigned long va)
{
	(void)cpus;
	(void)va;
}
void write_root(mfn_t root)
{
	(void)root;
}

void hyp_slots_fill(uint64_t *root, bool guest_32bit)
{
	unsigned int i;

	for (i = HYP_SLOT_FIRST; i <= HYP_SLOT_LAST; i++)
		root[i] = i == HYP_SLOT_FIRST && guest_32bit ? 0 : 0x123000 | PTE_P;
}
void window_map(unsigned int cpu, unsigned int page, uint64_t pte)
{
	(void)cpu;
	(void)pte;
	__atomic_add_fetch(&fake_window[page], 1, __ATOMIC_RELAXED);
}
void desc_load_ldt(unsigned int n)
{
	(void)n;
}

bool io_mem_allowed(const struct domain *d, mfn_t first, uint64_t n)
{
	(void)first;
	(void)n;
	return d->io_mem_all;
}
void domain_pause(struct domain *d)
{
	(void)d;
}
void domain_unpause(struct domain *d)
{
	(void)d;
}
bool device_read_only(mfn_t m)
{
	(void)m;
	return false;
}
bool guest_in_kernel(const struct vcpu *v, const struct cpu_user_regs *r)
{
	(void)r;
	return v->kernel_mode;
}

/* The guest's memory is the test's own. */
static bool is_missing(const void *p, size_t n)
{
	unsigned long at = (unsigned long)p;

	return fake_no_page && at < fake_no_page + PAGE_SIZE && at + n > fake_no_page;
}
size_t copy_may_fault(void *dst, const void *src, size_t n)
{
	if (is_missing(dst, n) || is_missing(src, n))
		return n;
	memcpy(dst, src, n);
	return 0;
}

bool domain_get_more(struct domain *d)
{
	__atomic_add_fetch(&d->refs, 1, __ATOMIC_SEQ_CST);
	return true;
}
void domain_put(struct domain **d)
{
	__atomic_sub_fetch(&(*d)->refs, 1, __ATOMIC_SEQ_CST);
	*d = NULL;
}

/* --- the machine ---------------------------------------------------------- */

void fake_reset(unsigned int frames)
{
	if (host_ram)
		munmap(host_ram, (size_t)nr_frames * PAGE_SIZE);
	free(frame_table);
	nr_frames = frames;
	host_ram = mmap(NULL, (size_t)frames * PAGE_SIZE, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	frame_table = calloc(frames, sizeof(*frame_table));
	max_mfn = MFN(frames);
	frame_add_ram(PAGE_SIZE, (maddr_t)frames * PAGE_SIZE);
	heap_reset();
	m2p = NULL;
	memset(domains, 0, sizeof(domains));
	memset(vcpus, 0, sizeof(vcpus));
	memset(vcpu_slots, 0, sizeof(vcpu_slots));
	nr_domains = nr_vcpus = 0;
	idle_root = MFN(1);
	zero_page = MFN(2);
	fake_refusals = 0;
	fake_flushes = 0;
	fake_after_stamp = fake_at_refusal = fake_at_lock = NULL;
	fake_no_page = 0;
	tlb_clock = 1;
	memset(stamps, 0, sizeof(stamps));
	memset(fake_window, 0, sizeof(fake_window));
	fake_yield_every = 0;
}

struct domain *fake_domain(domid_t id, bool is_32bit, unsigned int max_pages)
{
	struct domain *d;

	if (nr_domains == ARRAY_SIZE(domains))
		panic("fake_domain: at most %zu", ARRAY_SIZE(domains));
	d = &domains[nr_domains];
	d->vcpus = vcpu_slots[nr_domains++];

	d->id = id;
	d->is_32bit = is_32bit;
	d->max_pages = max_pages;
	d->state = DOM_ALIVE;
	d->refs = 1;
	d->tlb_cpus = cpus_online;
	spin_init(&d->pages_lock, RANK_PAGES);
	return d;
}

struct vcpu *fake_vcpu(struct domain *d)
{
	struct vcpu *v;

	if (nr_vcpus == ARRAY_SIZE(vcpus))
		panic("fake_vcpu: at most %zu", ARRAY_SIZE(vcpus));
	v = &vcpus[nr_vcpus++];

	v->domain = d;
	v->id = d->max_vcpus;
	v->kernel_mode = true;
	v->root = v->user_root = MFN_NONE;
	d->vcpus[d->max_vcpus++] = v;
	return v;
}

void fake_run_on(unsigned int cpu, struct vcpu *v)
{
	my_cpu = cpu;
	my_vcpu = v;
}

struct frame *fake_frame(mfn_t m)
{
	return mfn_frame(m);
}
uint64_t *fake_table(mfn_t m)
{
	return mfn_to_virt(m);
}

mfn_t fake_page(struct domain *d)
{
	struct frame *f = frames_alloc(0, 0);

	if (!f || domain_assign(d, f, 0))
		panic("fake_page: no frame, or d%u may not have it", d->id);
	heap_scrub(f, 0);
	return frame_mfn(f);
}

/* --- the audit ------------------------------------------------------------ */

static unsigned int level_of(enum frame_type t)
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

static bool guests_slot(const struct frame *f, enum frame_type t, unsigned int i)
{
	if (t == FT_L4)
		return i < HYP_SLOT_FIRST || i > HYP_SLOT_LAST;
	if (t == FT_L2_TOP)
		return i < (M2P32_BASE >> 21 & 511);
	return t != FT_L3 || !f->owner->is_32bit || i < 4;
}

static bool is_valid(struct frame *f)
{
	if (!frame_get_more(f, f->owner, frame_type(f)))
		return false;
	frame_put_typed(f);
	return true;
}

#define FAIL(m, ...)                                                        \
	do {                                                                \
		fprintf(stderr, "audit: frame %#lx: ", (unsigned long)(m)); \
		panic(__VA_ARGS__);                                         \
	} while (0)

void fake_audit(const unsigned int *extra, const unsigned int *typed)
{
	unsigned int *refs = calloc(nr_frames, sizeof(*refs)),
		     *types = calloc(nr_frames, sizeof(*types));
	unsigned int m, i, level, n;
	uint64_t e, c;
	struct frame *f;

	for (m = 0; m < nr_frames; m++) {
		f = &frame_table[m];
		refs[m] += frame_is_allocated(f) + (extra ? extra[m] : 0) + (typed ? typed[m] : 0) +
			   frame_is_pinned(f);
		types[m] += (typed ? typed[m] : 0) + frame_is_pinned(f);
		level = f->owner ? level_of(frame_type(f)) :
				   0; /* of the hypervisor's own, type is the heap's and others' */
		if (!level)
			continue;
		/* Half-validated tables: what is below partial counts. The state "partial" with no
		 * count has a reference. */
		n = f->partial;
		if (!frame_type_count(f))
			refs[m]++;
		for (i = 0; i < n; i++) {
			e = ((uint64_t *)mfn_to_virt(MFN(m)))[i];
			if (!(e & PTE_P) || !guests_slot(f, frame_type(f), i))
				continue;
			c = pte_mfn(e).n;
			if (c >= nr_frames)
				continue;
			refs[c]++;
			if (level > 1 || e & PTE_RW)
				types[c]++;
			if (level > 1 && level_of(frame_type(&frame_table[c])) != level - 1)
				FAIL(m, "slot %u: %#lx is of type %u", i, (unsigned long)c,
				     frame_type(&frame_table[c]));
			if (level == 1 && e & PTE_RW && frame_type(&frame_table[c]) != FT_WRITABLE)
				FAIL(m, "slot %u: %#lx writable, but of type %u", i,
				     (unsigned long)c, frame_type(&frame_table[c]));
		}
	}
	/* What hangs on a table that can be used can be used too. */
	for (m = 0; m < nr_frames; m++) {
		f = &frame_table[m];
		level = f->owner ? level_of(frame_type(f)) : 0;
		if (level < 2 || !is_valid(f))
			continue;
		for (i = 0; i < f->partial; i++) {
			e = ((uint64_t *)mfn_to_virt(MFN(m)))[i];
			if (!(e & PTE_P) || !guests_slot(f, frame_type(f), i))
				continue;
			c = pte_mfn(e).n;
			if (c < nr_frames && !is_valid(&frame_table[c]))
				FAIL(m, "slot %u of a valid table: %#lx is not", i,
				     (unsigned long)c);
		}
	}
	for (m = 0; m < nr_frames; m++) {
		if (frame_count(&frame_table[m]) != refs[m])
			FAIL(m, "count %lu, should be %u",
			     (unsigned long)frame_count(&frame_table[m]), refs[m]);
		if (frame_table[m].owner ? frame_type_count(&frame_table[m]) != types[m] :
					   types[m] != 0)
			FAIL(m, "type %u count %u, should be %u", frame_type(&frame_table[m]),
			     frame_type_count(&frame_table[m]), types[m]);
	}
	free(refs);
	free(types);
}

/* Where there are no grants (pv/grant.c is not linked) nobody writes through them. */
__attribute__((weak)) void grant_mark_written(struct domain *d)
{
	(void)d;
}
