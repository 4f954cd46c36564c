/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The randomized check of the invariant: threads that are vcpus of two domains do whatever they
 * like with a few frames, all at once: pins, updates of entries at all levels, roots, typed
 * references. The frames are few, so that everybody meets; validation is preempted at random. In
 * each pause all words of the frame table are held against the tables (fake_audit). At the end both
 * domains die, and every frame must be back.
 *
 *   mmu_model SECONDS [SEED]
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "fake_hv.h"

#define THREADS	   4
#define FRAMES	   96 /* of the machine: too few at times for log-dirty's copies */
#define PER_DOMAIN 24
#define ROUND_OPS  4000

static struct domain *domains[2], *tools;
static mfn_t pool[2][PER_DOMAIN];
static struct vcpu *vcpus[THREADS];
static unsigned int seed0;
static unsigned long total[8], refused;
static pthread_barrier_t begin, end;
static bool stop;

static uint32_t rnd(uint64_t *s)
{
	*s = *s * 6364136223846793005ull + 1442695040888963407ull;
	return *s >> 33;
}

/* Mostly few slots, so that the same ones are fought for. */
static unsigned int some_slot(uint64_t *s)
{
	return rnd(s) % 16 ? rnd(s) % 6 : rnd(s) % 512;
}

static uint64_t some_entry(uint64_t *s, unsigned int dom)
{
	mfn_t m = pool[rnd(s) % 16 ? dom : !dom][rnd(s) % PER_DOMAIN];

	if (!(rnd(s) % 5))
		return 0;
	return pte_make(m, PTE_P | (rnd(s) % 2 ? PTE_RW : 0) | (rnd(s) % 4 ? 0 : PTE_A | PTE_D));
}

static int update_list(struct vcpu *v, const struct mmu_who *who, mfn_t m, unsigned int dom,
		       uint64_t *s)
{
	struct mmu_held held = { NULL, FT_NONE };
	unsigned int i, n = 1 + rnd(s) % 4;
	struct mmu_update u[5];
	int rc = 0;

	for (i = 0; i < n; i++)
		u[i] = (struct mmu_update){ (m.n << PAGE_SHIFT) + some_slot(s) * 8,
					    some_entry(s, dom) };
	u[n] = (struct mmu_update){ (uint64_t)(rnd(s) % FRAMES << PAGE_SHIFT) + some_slot(s) * 8,
				    some_entry(s, dom) };
	for (i = 0; i <= n && !rc;)
		i += mmu_update_some(v, who, &held, u + i, n + 1 - i, &rc);
	mmu_let_go(v, &held);
	return rc;
}

static void one_op(struct vcpu *v, unsigned int dom, uint64_t *s)
{
	static const enum frame_type types[] = { FT_L1, FT_L2, FT_L3, FT_L4 };
	struct domain *d = domains[dom];
	struct mmu_who who = { d, d };
	mfn_t m = pool[dom][rnd(s) % PER_DOMAIN];
	unsigned int op = rnd(s) % 8;
	struct frame *f = fake_frame(m);
	int rc = 0;

	while (mmu_finish_put(v))
		;
	switch (op) {
	case 0: rc = mmu_pin(v, d, m, types[rnd(s) % 4]); break;
	case 1: rc = mmu_unpin(v, d, m); break;
	case 2: rc = mmu_new_root(v, m); break;
	case 3:
		rc = rnd(s) % 2 && !d->is_32bit ?
			     mmu_new_user_root(v, rnd(s) % 4 ? m : MFN_NONE) :
			     mmu_update_va(v, d, some_slot(s) << PAGE_SHIFT, some_entry(s, dom));
		break;
	case 4: /* memory that the guest could have written itself */
		if (!frame_get_typed(f, d, FT_WRITABLE)) {
			__atomic_store_n(&fake_table(m)[some_slot(s)], some_entry(s, dom),
					 __ATOMIC_RELAXED);
			frame_put_typed(f);
		}
		break;
	case 6:
		if (rnd(s) % 2) { /* log-dirty's copies, made while others change the tables */
			dirty_fault(v, some_slot(s) << PAGE_SHIFT, rnd(s) % 8);
			break;
		}
		/* fall through */
	case 7:
		if (rnd(s) % 2) { /* as lists come: some to this table, then one to another */
			rc = update_list(v, &who, m, dom, s);
			break;
		}
		rc = mmu_update_entry(v, &who,
				      (m.n << PAGE_SHIFT) + some_slot(s) * 8 +
					      (rnd(s) % 4 ? 0 : MMU_PT_UPDATE_PRESERVE_AD),
				      some_entry(s, dom));
		break;
	case 5: /* the control domain, or a grant: another's frame */
		who.pg = domains[!dom];
		rc = mmu_update_entry(v, &who, (m.n << PAGE_SHIFT) + some_slot(s) * 8,
				      some_entry(s, !dom));
		break;
	}
	__atomic_add_fetch(&total[op], 1, __ATOMIC_RELAXED);
	if (rc && rc != -XEN_ERESTART)
		__atomic_add_fetch(&refused, 1, __ATOMIC_RELAXED);
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
			one_op(vcpus[cpu], cpu % 2, &s);
		while (mmu_finish_put(vcpus[cpu]))
			;
		pthread_barrier_wait(&end);
	}
}

static void check(void)
{
	unsigned int typed[FRAMES] = { 0 }, i;

	for (i = 0; i < THREADS; i++) {
		if (!mfn_eq(vcpus[i]->root, MFN_NONE))
			typed[vcpus[i]->root.n]++;
		if (!mfn_eq(vcpus[i]->user_root, MFN_NONE))
			typed[vcpus[i]->user_root.n]++;
	}
	fake_audit(NULL, typed);
}

/* Between rounds log-dirty goes on, off, and to its next round. */
static void change_dirty(unsigned int round)
{
	struct xen_domctl_shadow_op_stats stats;
	struct domain *d = domains[round % 2];

	if (round % 8 < 2)
		dirty_enable(d);
	else if (round % 8 >= 6)
		dirty_disable(d);
	else
		dirty_read(d, true, GADDR(0), PER_DOMAIN, &stats);
}

int main(int argc, char **argv)
{
	time_t until = time(NULL) + (argc > 1 ? atoi(argv[1]) : 3);
	unsigned int i, k, rounds = 0;
	pthread_t t[THREADS];
	uint64_t before;

	seed0 = argc > 2 ? (unsigned int)atoi(argv[2]) : (unsigned int)time(NULL);
	fake_reset(FRAMES);
	heap_add(8 * PAGE_SIZE, FRAMES * PAGE_SIZE);
	before = heap_free_frames();
	tools = fake_domain(0, false, 0);
	fake_run_on(THREADS, fake_vcpu(tools));
	for (i = 0; i < 2; i++) {
		domains[i] = fake_domain(i + 1, i, PER_DOMAIN);
		for (k = 0; k < PER_DOMAIN; k++)
			pool[i][k] = fake_page(domains[i]);
		domains[i]->shared = calloc(1, PAGE_SIZE);
	}
	for (i = 0; i < THREADS; i++) {
		vcpus[i] = fake_vcpu(domains[i % 2]);
		vcpus[i]->initialised = true;
		vcpus[i]->info_mfn = MFN_NONE;
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
		rounds++;
	} while (time(NULL) < until);
	stop = true;
	pthread_barrier_wait(&begin);
	for (i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);

	for (i = 0; i < 2; i++)
		domains[i]->state = DOM_DYING;
	fake_yield_every = 3;
	for (i = 0; i < 2; i++)
		while (mmu_kill(domains[i]))
			;
	for (i = 0; i < THREADS; i++)
		mmu_drop_roots(vcpus[i]);
	fake_audit(NULL, NULL);
	for (i = 0; i < 2; i++) {
		dirty_free(domains[i]);
		free(domains[i]->shared);
	}
	for (i = 0; i < 2; i++)
		if (domains[i]->nr_pages || domains[i]->refs != 1)
			panic("d%u is dead and has %u frames, %u references", i + 1,
			      domains[i]->nr_pages, domains[i]->refs);
	if (heap_free_frames() != before)
		panic("%lu frames of %lu came back", heap_free_frames(), before);
	printf("ok mmu-model: seed %u, %u rounds, %lu operations of which %lu refused, all counts right\n",
	       seed0, rounds, (unsigned long)rounds * THREADS * ROUND_OPS, refused);
	return 0;
}
