/* SPDX-License-Identifier: BSD-2-Clause */
/* Ticket locks. Debug builds check on every acquisition that ranks rise (spinlock.h) and that
 * nobody lets go of another's lock. */
#include <torc/spinlock.h>
#include <torc/cpu.h>

#ifndef NDEBUG
#define MAX_HELD 16
#define NOBODY	 0xff

struct lock_ranks {
	uint8_t held[MAX_HELD];
	unsigned int nr, base;
};
static struct lock_ranks ranks[MAX_CPUS];

/* An interrupt between any two of these writes leaves the list as it found it: its handler notes
 * above what is counted. */
static void note_locked(spinlock_t *l, bool in_order)
{
	unsigned int cpu = this_cpu(), i, n;
	struct lock_ranks *r = &ranks[cpu];

	l->cpu = (uint8_t)cpu;
	if (l->rank == RANK_CONSOLE) /* the console reports us */
		return;
	n = r->nr;
	if (n == MAX_HELD)
		panic("lock of rank %u: %u locks are held already", l->rank, n);
	for (i = r->base; in_order && i < n; i++)
		if (r->held[i] > l->rank)
			panic("lock of rank %u taken while one of rank %u is held", l->rank,
			      r->held[i]);
	r->nr = n + 1;
	barrier();
	r->held[n] = l->rank;
}

static void note_unlocked(spinlock_t *l)
{
	unsigned int cpu = this_cpu(), i, n;
	struct lock_ranks *r = &ranks[cpu];

	if (l->cpu != cpu)
		panic("lock of rank %u let go by another CPU than the one that took it (%u)",
		      l->rank, l->cpu);
	l->cpu = NOBODY;
	if (l->rank == RANK_CONSOLE)
		return;
	n = r->nr;
	for (i = n; i-- > 0;) { /* the last one, mostly */
		if (r->held[i] != l->rank)
			continue;
		for (; i + 1 < n; i++)
			r->held[i] = r->held[i + 1];
		barrier();
		r->nr = n - 1;
		break;
	}
}

/* An interrupt handler's locks are none of whom it interrupts: their order starts anew. */
unsigned int spin_ranks_enter(void)
{
	struct lock_ranks *r = &ranks[this_cpu()];
	unsigned int was = r->base;

	r->base = r->nr;
	return was;
}

void spin_ranks_leave(unsigned int was)
{
	struct lock_ranks *r = &ranks[this_cpu()];

	if (r->nr != r->base)
		panic("an interrupt handler keeps %u locks", r->nr - r->base);
	r->base = was;
}

bool spin_is_held(const spinlock_t *l)
{
	return l->next != l->owner && l->cpu == this_cpu();
}
#else
static inline void note_locked(spinlock_t *l, bool in_order)
{
	(void)l;
	(void)in_order;
}
static inline void note_unlocked(spinlock_t *l)
{
	(void)l;
}
unsigned int spin_ranks_enter(void)
{
	return 0;
}
void spin_ranks_leave(unsigned int was)
{
	(void)was;
}

bool spin_is_held(const spinlock_t *l)
{
	(void)l;
	return true;
}
#endif

void spin_init(spinlock_t *l, enum lock_rank rank)
{
	*l = (spinlock_t)SPINLOCK((uint8_t)rank);
}

static inline void take(spinlock_t *l)
{
	uint16_t ticket = __atomic_fetch_add(&l->next, 1, __ATOMIC_ACQUIRE);

	while (__atomic_load_n(&l->owner, __ATOMIC_ACQUIRE) != ticket)
		cpu_relax();
}

void spin_lock(spinlock_t *l)
{
	take(l);
	note_locked(l, true);
}

bool spin_trylock(spinlock_t *l)
{
	uint16_t owner = __atomic_load_n(&l->owner, __ATOMIC_RELAXED), want = owner;

	if (!__atomic_compare_exchange_n(&l->next, &want, (uint16_t)(owner + 1), false,
					 __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		return false;
	note_locked(l, false);
	return true;
}

void spin_unlock(spinlock_t *l)
{
	note_unlocked(l);
	__atomic_store_n(&l->owner, (uint16_t)(l->owner + 1), __ATOMIC_RELEASE);
}

unsigned long spin_lock_irq(spinlock_t *l)
{
	unsigned long f = irq_save();

	spin_lock(l);
	return f;
}

void spin_unlock_irq(spinlock_t *l, unsigned long flags)
{
	spin_unlock(l);
	irq_restore(flags);
}
