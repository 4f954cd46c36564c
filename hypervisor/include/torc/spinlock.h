/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Spin locks, ticketed, and the one place where their order is written down. A CPU takes locks in
 * rising rank only; debug builds check it on every acquisition (core/spinlock.c), release builds
 * pay nothing.
 *
 * Who holds a lock of a rank below RANK_SCHED may have other CPUs flush their TLBs and wait for it
 * (memory from the heap, a frame's change of type), which a CPU with interrupts off never does: so
 * such a lock is not waited for with interrupts off. Those from RANK_SCHED on are held for moments.
 */
#ifndef TORC_SPINLOCK_H
#define TORC_SPINLOCK_H

#include <torc/atomic.h>

enum lock_rank {		   /* taken in this order */
		 RANK_DOMLIST = 1, /* the list of domains, creation and removal */
		 RANK_DOMAIN,	   /* a domain's life: domctl, pause counts, vcpu set-up */
		 RANK_GRANT,	   /* a grant table; of two, the lower domid first */
		 RANK_EVTCHN, /* a domain's port table (bind, close); of two, the lower domid first */
		 RANK_CHANNEL, /* one event channel; of two, the lower address first */
		 RANK_PIRQ,    /* routing of physical interrupts */
		 RANK_MMU,   /* a page table's entries (struct frame's lock bit); never two at once
				but parent before child */
		 RANK_PAGES, /* a domain's list of frames and its counts */
		 RANK_CLAIM, /* frames set aside for domains */
		 RANK_DIRTY, /* a domain's log-dirty bitmap */
		 RANK_SCHED, /* a run queue; of two, the lower CPU first */
		 RANK_TIMER, /* a CPU's timers */
		 RANK_MAPS,  /* the fixed maps of devices (x86/paging.c) */
		 RANK_HEAP,  /* free frames */
		 RANK_IRQCHIP, /* IO-APIC, MSI hardware, PCI configuration ports */
		 RANK_SMALL,   /* leaves: nothing is taken while one is held */
		 RANK_CONSOLE, /* last of all: anybody may print */
};

typedef struct spinlock {
	uint16_t next, owner;
	uint8_t rank;
#ifndef NDEBUG
	uint8_t cpu; /* who holds it */
#endif
} spinlock_t;

#define SPINLOCK(r)         \
	{                   \
		.rank = (r) \
	}
void spin_init(spinlock_t *l, enum lock_rank rank);
void spin_lock(spinlock_t *l);
bool spin_trylock(spinlock_t *l); /* never spins, so exempt from the order */
void spin_unlock(spinlock_t *l);
/* With interrupts off while held, for locks that interrupt handlers take. */
unsigned long spin_lock_irq(spinlock_t *l); /* returns the flags for ... */
void spin_unlock_irq(spinlock_t *l, unsigned long flags);
bool spin_is_held(const spinlock_t *l); /* by this CPU; always true in release builds: for ASSERT
					   only */

/* Around an interrupt handler (core/irq.c): its locks are checked for order among themselves. */
unsigned int spin_ranks_enter(void);
void spin_ranks_leave(unsigned int was);

#endif
