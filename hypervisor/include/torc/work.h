/* SPDX-License-Identifier: BSD-2-Clause */
/* Deferred work of a CPU: bits raised anywhere, done on that CPU's next way out or in its idle
 * loop, interrupts on. And timers. */
#ifndef TORC_WORK_H
#define TORC_WORK_H

#include <torc/cpu.h>

enum work { WORK_TIMER, WORK_SCHED, WORK_RCU, WORK_CONSOLE, WORK_DEATH, NR_WORK };
void work_raise(enum work w);			   /* on this CPU */
void work_raise_on(unsigned int cpu, enum work w); /* kicks it if it is another */
void work_set_handler(enum work w, void (*fn)(void));
void work_run(void); /* interrupts on; returns when none is pending */

/* A timer belongs to a CPU; fn runs there as WORK_TIMER, interrupts on, without locks. Locks:
 * RANK_TIMER inside. */
struct timer {
	ns_t expires; /* valid while armed */
	void (*fn)(void *);
	void *arg;
	unsigned int cpu;
	bool armed, dead;
	/* core/timer.c: first child, siblings; prev of a first child is its parent */
	struct timer *child, *next, *prev;
};
void timer_init(struct timer *t, unsigned int cpu, void (*fn)(void *), void *arg);
void timer_set(struct timer *t, ns_t expires);
void timer_stop(struct timer *t); /* may still be running when it returns */
void timer_kill(struct timer *t); /* waits until it is not running; never armed again */
void timer_migrate(struct timer *t, unsigned int cpu);
void timers_init_cpu(void);

#endif
