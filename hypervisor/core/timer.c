/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Timers: a pairing heap for each CPU, linked through the timers themselves, so that arming never
 * allocates and never fails. Its least element is what the CPU's alarm is set to. Expired timers
 * run from WORK_TIMER, interrupts on and without locks.
 */
#include <torc/work.h>
#include <torc/spinlock.h>
#include <torc/x86.h>

struct timers {
	spinlock_t lock;
	struct timer *root, *running;
	ns_t alarm; /* what the hardware is set to; 0: nothing */
};
static struct timers timers[MAX_CPUS];

/* Two heaps become one: the later root becomes the earlier one's first child. */
static struct timer *meld(struct timer *a, struct timer *b)
{
	struct timer *t;

	if (!a)
		return b;
	if (!b)
		return a;
	if (b->expires < a->expires) {
		t = a;
		a = b;
		b = t;
	}
	b->next = a->child;
	if (b->next)
		b->next->prev = b;
	b->prev = a;
	a->child = b;
	return a;
}

/* A row of siblings becomes one heap: in pairs from the front, then the pairs from the back. */
static struct timer *meld_row(struct timer *row)
{
	struct timer *pairs = NULL, *a, *b, *rest, *heap = NULL;

	for (; row; row = rest) {
		a = row;
		b = a->next;
		rest = b ? b->next : NULL;
		a->next = a->prev = NULL;
		if (b)
			b->next = b->prev = NULL;
		a = meld(a, b);
		a->next = pairs;
		pairs = a;
	}
	for (; pairs; pairs = rest) {
		rest = pairs->next;
		pairs->next = pairs->prev = NULL;
		heap = meld(heap, pairs);
	}
	return heap;
}

static void heap_add_timer(struct timers *ts, struct timer *t)
{
	t->child = t->next = t->prev = NULL;
	t->armed = true;
	ts->root = meld(ts->root, t);
}

static void heap_remove(struct timers *ts, struct timer *t)
{
	struct timer *children = meld_row(t->child);

	if (t == ts->root) {
		ts->root = children;
	} else {
		if (t->prev->child == t)
			t->prev->child = t->next;
		else
			t->prev->next = t->next;
		if (t->next)
			t->next->prev = t->prev;
		ts->root = meld(ts->root, children);
	}
	t->child = t->next = t->prev = NULL;
	t->armed = false;
}

/* This CPU's alarm follows its first timer; another CPU is told to look for itself. Lock held. */
static void set_alarm(struct timers *ts, unsigned int cpu)
{
	ns_t first = ts->root ? ts->root->expires : 0;

	if (cpu != this_cpu()) {
		if (first && (!ts->alarm || first < ts->alarm))
			work_raise_on(cpu, WORK_TIMER);
		return;
	}
	if (first == ts->alarm)
		return;
	/* A later or no first timer leaves the alarm as it is: it fires once for nothing, which is
	 * cheaper than to program the hardware each time a guest moves its timer on. */
	if (ts->alarm && (!first || first > ts->alarm))
		return;
	ts->alarm = first;
	clock_alarm(first);
}

static struct timers *lock_of(struct timer *t, unsigned long *flags)
{
	for (;;) {
		unsigned int cpu = READ_ONCE(t->cpu);

		*flags = spin_lock_irq(&timers[cpu].lock);
		if (t->cpu == cpu)
			return &timers[cpu];
		spin_unlock_irq(&timers[cpu].lock, *flags); /* it moved meanwhile */
	}
}

void timer_init(struct timer *t, unsigned int cpu, void (*fn)(void *), void *arg)
{
	*t = (struct timer){ .fn = fn, .arg = arg, .cpu = cpu };
}

void timer_set(struct timer *t, ns_t expires)
{
	unsigned long flags;
	struct timers *ts = lock_of(t, &flags);

	if (!t->dead) {
		if (t->armed)
			heap_remove(ts, t);
		t->expires = MAX(expires, 1);
		heap_add_timer(ts, t);
		set_alarm(ts, t->cpu);
	}
	spin_unlock_irq(&ts->lock, flags);
}

void timer_stop(struct timer *t)
{
	unsigned long flags;
	struct timers *ts;

	if (!READ_ONCE(t->armed))
		return;
	ts = lock_of(t, &flags);
	if (t->armed) {
		heap_remove(ts, t);
		set_alarm(ts, t->cpu);
	}
	spin_unlock_irq(&ts->lock, flags);
}

void timer_kill(struct timer *t)
{
	unsigned long flags;
	struct timers *ts = lock_of(t, &flags);
	unsigned int cpu;

	t->dead = true;
	if (t->armed)
		heap_remove(ts, t);
	spin_unlock_irq(&ts->lock, flags);
	/* It may still run where it was before it moved. */
	for (cpu = 0; cpu < nr_cpus; cpu++)
		while (READ_ONCE(timers[cpu].running) == t && cpu != this_cpu())
			cpu_relax();
}

void timer_migrate(struct timer *t, unsigned int cpu)
{
	unsigned long flags;
	struct timers *ts = lock_of(t, &flags);
	bool armed = t->armed;
	ns_t expires = t->expires;

	if (t->cpu == cpu) {
		spin_unlock_irq(&ts->lock, flags);
		return;
	}
	if (armed)
		heap_remove(ts, t);
	WRITE_ONCE(t->cpu, cpu);
	spin_unlock_irq(&ts->lock, flags);
	if (armed)
		timer_set(t, expires);
}

static void run_expired(void)
{
	struct timers *ts = &timers[this_cpu()];
	unsigned long flags = spin_lock_irq(&ts->lock);
	struct timer *t;
	void (*fn)(void *);
	void *arg;

	ts->alarm = 0;
	while ((t = ts->root) != NULL && t->expires <= clock_now()) {
		heap_remove(ts, t);
		fn = t->fn;
		arg = t->arg;
		WRITE_ONCE(ts->running, t);
		spin_unlock_irq(&ts->lock, flags);
		fn(arg);
		flags = spin_lock_irq(&ts->lock);
		WRITE_ONCE(ts->running, NULL);
	}
	set_alarm(ts, this_cpu());
	spin_unlock_irq(&ts->lock, flags);
}

void timers_init_cpu(void)
{
	spin_init(&timers[this_cpu()].lock, RANK_TIMER);
	work_set_handler(WORK_TIMER, run_expired);
}
