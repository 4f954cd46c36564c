/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The randomized check of grants: threads that are vcpus of two domains lend each other frames,
 * map, unmap, move and copy, by right handles and wrong ones, while they change the tables that the
 * mappings are in and what the frames are. In each pause every reference is accounted for, by the
 * tables and by what is mapped, and an entry that nobody uses says so. At the end both domains die,
 * and every frame must be back.
 *
 *   grant_model SECONDS [SEED]
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "fake_hv.h"

#define sched_yield hv_sched_yield /* libc has another one */
#include "../../hypervisor/pv/grant.c"
#undef sched_yield

#define THREADS	  4
#define FRAMES	  256
#define POOL	  8
#define REFS	  6
#define SLOTS	  8 /* of each level 1 table */
#define HANDLES	  100
#define ROUND_OPS 400

/* A domain, and what its tables are. */
static struct side {
	struct domain *d;
	mfn_t l4, l3, l2, l1[2], pool[POOL];
	struct grant_entry_v1 *table;
} sides[2];
static struct domain *tools;
static struct vcpu *vcpus[THREADS];
static unsigned int seed0;
static unsigned long maps_seen;
static pthread_barrier_t begin, end;
static bool stop;

struct domain *domain_get(domid_t id)
{
	unsigned int i;

	for (i = 0; i < 2; i++)
		if (sides[i].d->id == id && domain_get_more(sides[i].d))
			return sides[i].d;
	return NULL;
}

static uint32_t rnd(uint64_t *s)
{
	*s = *s * 6364136223846793005ull + 1442695040888963407ull;
	return *s >> 33;
}

static uint64_t entry_at(const struct side *me, unsigned int table, unsigned int slot)
{
	return (me->l1[table].n << PAGE_SHIFT) + slot * 8;
}
static uint64_t some_entry(const struct side *me, uint64_t *s)
{
	return entry_at(me, rnd(s) % 2, rnd(s) % SLOTS);
}
static uint64_t some_address(uint64_t *s)
{
	return (uint64_t)(rnd(s) % 2) << 21 | (rnd(s) % SLOTS) << PAGE_SHIFT;
}
static mfn_t some_frame(const struct side *of, uint64_t *s)
{
	return of->pool[rnd(s) % POOL];
}

static void lend(const struct side *me, const struct side *other, uint64_t *s)
{
	struct grant_entry_v1 *e = &me->table[rnd(s) % REFS];
	uint32_t how = GTF_permit_access | (rnd(s) % 4 ? 0 : GTF_readonly);

	WRITE_ONCE(e->frame, (uint32_t)some_frame(me, s).n);
	atomic_set((uint32_t *)e, rnd(s) % 4 ? (uint32_t)other->d->id << 16 | how : 0);
}

static void map(struct vcpu *v, const struct side *me, const struct side *other, uint64_t *s)
{
	struct gnttab_map_grant_ref op = { .ref = rnd(s) % REFS, .dom = other->d->id };

	op.flags = (rnd(s) % 4 ? GNTMAP_host_map : 0) | (rnd(s) % 3 ? 0 : GNTMAP_device_map) |
		   (rnd(s) % 2 ? GNTMAP_readonly : 0) | (rnd(s) % 2 ? GNTMAP_contains_pte : 0);
	op.host_addr = op.flags & GNTMAP_contains_pte ? some_entry(me, s) : some_address(s);
	grant_map(v, &op);
}

static void unmap(struct vcpu *v, const struct side *me, const struct side *other, uint64_t *s)
{
	struct grant_batch b = { .v = v };
	unsigned int i;

	for (i = 0; i < 8; i++) {
		struct gnttab_unmap_grant_ref op = { .handle = rnd(s) % HANDLES };

		if (rnd(s) % 4)
			op.host_addr = rnd(s) % 2 ? some_address(s) : some_entry(me, s);
		if (!(rnd(s) % 3))
			op.dev_bus_addr = some_frame(other, s).n << PAGE_SHIFT;
		grant_unmap(&b, &op);
	}
	grant_batch_finish(&b);
}

static void replace(struct vcpu *v, uint64_t *s)
{
	struct grant_batch b = { .v = v };
	struct gnttab_unmap_and_replace op = { .handle = rnd(s) % HANDLES,
					       .host_addr = some_address(s),
					       .new_addr = some_address(s) };

	grant_unmap_and_replace(&b, &op);
	grant_batch_finish(&b);
}

/* Of no bytes: what others do with the contents is their affair. */
static void copy(struct vcpu *v, const struct side *me, const struct side *other, uint64_t *s)
{
	struct grant_copies c = { .v = v };
	unsigned int i;

	for (i = 0; i < 3; i++) {
		struct gnttab_copy op = { .flags = rnd(s) % 4 };
		bool from = op.flags & GNTCOPY_source_gref, to = op.flags & GNTCOPY_dest_gref;

		op.source.domid = from ? other->d->id : me->d->id;
		op.source.u.gmfn = from ? rnd(s) % REFS : some_frame(me, s).n;
		op.dest.domid = to ? other->d->id : me->d->id;
		op.dest.u.gmfn = to ? rnd(s) % REFS : some_frame(me, s).n;
		grant_copy(&c, &op);
	}
	grant_copies_finish(&c);
}

static void clear_table(struct vcpu *v, const struct side *me, unsigned int table)
{
	struct mmu_who who = { me->d, me->d };
	unsigned int i;

	for (i = 0; i < SLOTS; i++)
		mmu_update_entry(v, &who, entry_at(me, table, i), 0);
}

/* One of the tables that mappings are in goes, or comes back. */
static void table_goes(struct vcpu *v, const struct side *me, uint64_t *s)
{
	struct mmu_who who = { me->d, me->d };
	uint64_t e = rnd(s) % 2 ? pte_make(me->l1[1], PTE_P | PTE_RW) : 0;

	if (mmu_update_entry(v, &who, (me->l2.n << PAGE_SHIFT) + 8, e))
		clear_table(v, me, 1); /* it names others' frames still, and cannot be one */
}

static void one_op(struct vcpu *v, const struct side *me, const struct side *other, uint64_t *s)
{
	struct mmu_who who = { me->d, me->d };
	mfn_t m = some_frame(me, s);

	while (mmu_finish_put(v))
		;
	switch (rnd(s) % 24) {
	case 0 ... 6: map(v, me, other, s); break;
	case 7 ... 13: unmap(v, me, other, s); break;
	case 14 ... 15: lend(me, other, s); break;
	case 16 ... 17: replace(v, s); break;
	case 18: copy(v, me, other, s); break;
	case 19: table_goes(v, me, s); break;
	case 20: dirty_fault(v, some_address(s), rnd(s) % 8); break;
	case 21: mmu_pin(v, me->d, m, rnd(s) % 2 ? FT_L1 : FT_L2); break;
	case 22: mmu_unpin(v, me->d, m); break;
	default:
		mmu_update_entry(v, &who, some_entry(me, s),
				 pte_make(m, (rnd(s) % 3 ? PTE_P : 0) | (rnd(s) % 2 ? PTE_RW : 0)));
	}
}

static void *run(void *arg)
{
	unsigned int cpu = (unsigned long)arg, i;
	uint64_t s = seed0 * 7919ull + cpu;

	fake_run_on(cpu, vcpus[cpu]);
	for (;;) {
		pthread_barrier_wait(&begin);
		if (stop)
			return NULL;
		fake_yield_every = rnd(&s) % 6;
		for (i = 0; i < ROUND_OPS; i++)
			one_op(vcpus[cpu], &sides[cpu % 2], &sides[!(cpu % 2)], &s);
		while (mmu_finish_put(vcpus[cpu]))
			;
		pthread_barrier_wait(&end);
	}
}

/* What a domain has mapped: its references, and how often each entry of the other's is in use. */
static void count_maps(struct domain *d, unsigned int *extra, unsigned int *typed,
		       unsigned int used[REFS])
{
	struct maptrack_table *t = d->grant->track;
	const struct maptrack *m;
	uint32_t h;

	for (h = 0; h < maptrack_limit(t); h++) {
		m = maptrack_get(t, h);
		if (!m)
			continue;
		maps_seen++;
		used[m->ref]++;
		extra[m->mfn.n]++;
		if (m->flags & GNTMAP_device_map)
			(m->flags & GNTMAP_readonly ? extra : typed)[m->mfn.n]++;
		if (!(m->flags & (GNTMAP_device_map | GNTMAP_host_map)))
			panic("handle %u of d%u maps nothing", h, d->id);
		maptrack_put(t, h);
	}
}

static void check(void)
{
	unsigned int typed[FRAMES] = { 0 }, extra[FRAMES] = { 0 }, i, k;
	const struct active *a;
	mfn_t m;

	for (i = 0; i < THREADS; i++)
		typed[vcpus[i]->root.n]++;
	for (i = 0; i < 2; i++) {
		unsigned int used[REFS] = { 0 };

		for (k = 0; grant_frame(sides[i].d, k, &m); k++)
			typed[m.n]++;
		count_maps(sides[!i].d, extra, typed, used);
		for (k = 0; k < REFS; k++) {
			a = active(sides[i].d->grant, k);
			if (a->readers + a->writers != (int)used[k])
				panic("grant %u of d%u: in use %d times, and mapped %u times", k,
				      sides[i].d->id, a->readers + a->writers, used[k]);
			if (!used[k] && sides[i].table[k].flags & (GTF_reading | GTF_writing))
				panic("grant %u of d%u: flags %#x, and not in use", k,
				      sides[i].d->id, sides[i].table[k].flags);
		}
	}
	fake_audit(extra, typed);
}

/* Between rounds log-dirty goes on, off, and to its next round. */
static void change_dirty(unsigned int round)
{
	struct domain *d = sides[round % 2].d;
	struct xen_domctl_shadow_op_stats stats;

	if (round % 8 < 2)
		dirty_enable(d);
	else if (round % 8 >= 6)
		dirty_disable(d);
	else
		dirty_read(d, true, GADDR(0), POOL, &stats);
}

/* A mapping whose entry was overwritten stays until the domain's end: as that goes, now and then,
 * or there would soon be no handles. */
static void let_all_go(void)
{
	unsigned int i;

	for (i = 0; i < 2; i++) {
		clear_table(vcpus[i], &sides[i], 0);
		clear_table(vcpus[i], &sides[i], 1);
		while (grant_release_all(sides[i].d))
			;
	}
	check();
}

static void side_make(struct side *me, domid_t id)
{
	struct domain *d = fake_domain(id, false, 64);
	unsigned int i;
	mfn_t m;

	me->d = d;
	d->shared = calloc(1, PAGE_SIZE);
	if (grant_init(d, 2, 1, 1) || !grant_frame(d, 0, &m))
		panic("d%u has no grant table", id);
	me->table = (struct grant_entry_v1 *)fake_table(m);
	me->l4 = fake_page(d);
	me->l3 = fake_page(d);
	me->l2 = fake_page(d);
	fake_table(me->l4)[0] = pte_make(me->l3, PTE_P | PTE_RW);
	fake_table(me->l3)[0] = pte_make(me->l2, PTE_P | PTE_RW);
	for (i = 0; i < 2; i++) {
		me->l1[i] = fake_page(d);
		fake_table(me->l2)[i] = pte_make(me->l1[i], PTE_P | PTE_RW);
	}
	for (i = 0; i < POOL; i++)
		me->pool[i] = fake_page(d);
}

static void both_die(void)
{
	unsigned int i;

	fake_yield_every = 3;
	for (i = 0; i < 2; i++) {
		sides[i].d->state = DOM_DYING;
		grant_retire(sides[i].d);
		while (mmu_kill(sides[i].d))
			;
		while (grant_release_all(sides[i].d))
			;
	}
	for (i = 0; i < 2; i++)
		if (sides[i].d->nr_pages || sides[i].d->nr_own_pages || sides[i].d->refs != 1)
			panic("d%u is dead and has %u frames, %u references", sides[i].d->id,
			      sides[i].d->nr_pages + sides[i].d->nr_own_pages, sides[i].d->refs);
	for (i = 0; i < 2; i++) {
		grant_free(sides[i].d);
		dirty_free(sides[i].d);
		free(sides[i].d->shared);
	}
	fake_audit(NULL, NULL);
}

int main(int argc, char **argv)
{
	time_t until = time(NULL) + (argc > 1 ? atoi(argv[1]) : 3);
	unsigned int i, rounds = 0;
	pthread_t t[THREADS];
	uint64_t before;

	seed0 = argc > 2 ? (unsigned int)atoi(argv[2]) : (unsigned int)time(NULL);
	fake_reset(FRAMES);
	heap_add(8 * PAGE_SIZE, FRAMES * PAGE_SIZE);
	before = heap_free_frames();
	tools = fake_domain(0, false, 0);
	fake_run_on(THREADS, fake_vcpu(tools));
	for (i = 0; i < 2; i++)
		side_make(&sides[i], (domid_t)(i + 1));
	for (i = 0; i < THREADS; i++) {
		vcpus[i] = fake_vcpu(sides[i % 2].d);
		vcpus[i]->initialised = true;
		vcpus[i]->info_mfn = MFN_NONE;
		if (mmu_new_root(vcpus[i], sides[i % 2].l4))
			panic("no root: %s", fake_why);
	}
	pthread_barrier_init(&begin, NULL, THREADS + 1);
	pthread_barrier_init(&end, NULL, THREADS + 1);
	for (i = 0; i < THREADS; i++)
		pthread_create(&t[i], NULL, run, (void *)(unsigned long)i);
	do {
		pthread_barrier_wait(&begin);
		pthread_barrier_wait(&end);
		check();
		change_dirty(rounds);
		if (++rounds % 3 == 0)
			let_all_go();
	} while (time(NULL) < until);
	stop = true;
	pthread_barrier_wait(&begin);
	for (i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	both_die();
	if (heap_free_frames() != before)
		panic("%lu frames of %lu came back", heap_free_frames(), before);
	printf("ok grant-model: seed %u, %u rounds, %lu mappings looked at, all counts right\n",
	       seed0, rounds, maps_seen);
	return 0;
}
