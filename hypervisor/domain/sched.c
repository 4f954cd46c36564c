/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The scheduler. Each CPU has a queue of the vcpus that could run there but do not, ordered by
 * virtual run time: nanoseconds run, divided by the weight of the domain. The least runs next. What
 * sleeps comes back at most WAKE_CREDIT behind the queue's least, so that it preempts who computes
 * but owes nobody the time it slept. A CPU without work takes from the others' queues; a woken vcpu
 * goes to an idle CPU that it may use, its own first.
 *
 * Who serves and whom it serves share a CPU best if neither waits for the other's share of it.
 * Whoever is sent an answer goes first, for a moment: it may have the next request ready before its
 * server, which is not asleep yet, looks again. Whoever is sent a request lets the one that sent it
 * go on for a moment: there may be more. So there may be more answers of a kind that gives nothing
 * to do but to note them: where a turn that came of one was over sooner than it took to get there
 * and back, those that follow on that event channel wait for such a moment, too. Both are charged
 * what they use as ever; the moments are so short that shares stay what they are.
 *
 * A vcpu's registers are on the CPU's stack while it is current, so it is switched on the way out
 * to a guest only, or in the idle loop, never in the middle of a hypercall. In between, WORK_SCHED
 * says that a choice is due.
 *
 * Who may touch what: everything marked "scheduling" in struct vcpu by the lock of the queue of
 * v->cpu, which changes only under that lock and only while v is not running. 'running' is set
 * under the lock of the CPU that chose v and cleared, under the lock again, after its state was
 * saved and its page tables left; whoever finds it runnable then queues it. So a wake-up between
 * the two is not lost, and nobody sees half a state.
 *
 * A cap is a budget of each vcpu, refilled every CAP_PERIOD; who has used it up is parked until its
 * timer refills it.
 */
#include <torc/console.h>
#include <torc/heap.h>
#include <torc/hooks.h>
#include <torc/pv.h>
#include <torc/sched.h>
#include <torc/shared.h>
#include <torc/x86.h>

#define SLICE	     (10 * NS_PER_MS) /* of a turn while others wait */
#define WAKE_CREDIT  (5 * NS_PER_MS)
#define PREEMPT_LEAD (500 * NS_PER_US) /* how much less virtual time preempts */
#define CAP_PERIOD   (30 * NS_PER_MS)
/* Moments, see above. Of two that only ever wait for each other the one that uses less stays
 * WAKE_CREDIT behind. */
#define ANSWER_TURN  (300 * NS_PER_US)
#define ANSWER_AHEAD (WAKE_CREDIT + PREEMPT_LEAD)
#define REQUEST_WAIT (100 * NS_PER_US)
/* A turn is brief that takes less than so many switches; a switch that takes longer than
 * SWITCH_MOST was itself interrupted. After a brief one so many have to be longer. */
#define BRIEF_SWITCHES 14
#define SWITCH_MOST    (50 * NS_PER_US)
#define BRIEF_MEMORY   4

struct runq {
	spinlock_t lock;
	struct list queue; /* by vruntime */
	unsigned int nr;   /* on it */
	struct vcpu *curr, *idle;
	struct vcpu *answered; /* on the queue, and goes first; or NULL */
	uint64_t min;	       /* never falls: the least virtual time around */
	bool resched;	       /* a choice is due */
	struct timer slice;
	ns_t idle_since, idle_time;
	ns_t switch_takes; /* about */
} __aligned(64);

static struct runq runqs[MAX_CPUS];
static cpumask_t idle_cpus;
static struct vcpu *idle_vcpus[MAX_CPUS];

static struct runq *runq_lock(struct vcpu *v, unsigned long *flags)
{
	struct runq *q;
	unsigned int cpu;

	for (;;) {
		cpu = READ_ONCE(v->cpu);
		q = &runqs[cpu];
		*flags = spin_lock_irq(&q->lock);
		if (likely(v->cpu == cpu))
			return q;
		spin_unlock_irq(&q->lock, *flags);
	}
}

bool vcpu_runnable(const struct vcpu *v)
{
	const struct domain *d = v->domain;

	return v->initialised && !v->down && !READ_ONCE(v->blocked) && !v->cap_parked &&
	       !READ_ONCE(v->pause_count) && !READ_ONCE(d->pause_count) &&
	       !READ_ONCE(d->shutting_down);
}

static bool queued(const struct vcpu *v)
{
	return !list_empty(&v->run_link);
}

static void runstate_set(struct vcpu *v, int state, ns_t now)
{
	ns_t delta = now - (ns_t)v->runstate.state_entry_time;

	if (v->runstate.state == state)
		return;
	if (delta > 0)
		v->runstate.time[v->runstate.state] += delta;
	v->runstate.state = state;
	v->runstate.state_entry_time = now;
}

static int asleep_state(const struct vcpu *v) /* blocked dominates offline */
{
	return READ_ONCE(v->blocked) ? RUNSTATE_blocked : RUNSTATE_offline;
}

static void enqueue(struct runq *q, struct vcpu *v)
{
	struct list *p;

	list_for(p,
		 &q->queue) if (list_entry(p, struct vcpu, run_link)->vruntime > v->vruntime) break;
	list_add_tail(p, &v->run_link);
	q->nr++;
}

static void dequeue(struct runq *q, struct vcpu *v)
{
	list_del(&v->run_link);
	q->nr--;
	if (q->answered == v)
		q->answered = NULL;
}

/* Books what the current one used until now. */
static void charge(struct runq *q, struct vcpu *v, ns_t now)
{
	ns_t used = now - v->ran_since;
	uint64_t least;

	if (vcpu_is_idle(v) || used <= 0)
		return;
	v->ran_since = now;
	v->cpu_time += used;
	v->vruntime += (uint64_t)used * 256 / v->domain->weight;
	if (v->domain->cap) {
		v->cap_budget -= used;
		if (v->cap_budget <= 0 && !v->cap_parked) {
			v->cap_parked = true;
			q->resched = true;
			work_raise_on(v->cpu, WORK_SCHED);
			timer_set(&v->cap_timer, MAX(v->cap_until, now + NS_PER_MS));
		}
	}
	least = v->vruntime;
	if (!list_empty(&q->queue))
		least = MIN(least, list_entry(q->queue.next, struct vcpu, run_link)->vruntime);
	q->min = MAX(q->min, least);
}

/* The cap is the domain's, and shared by those of its vcpus that are up. */
static int64_t cap_quota(const struct domain *d)
{
	unsigned int i, up = 0;

	for (i = 0; i < d->max_vcpus; i++)
		up += d->vcpus[i] && d->vcpus[i]->initialised && !d->vcpus[i]->down;
	return (int64_t)d->cap * CAP_PERIOD / 100 / MAX(up, 1u);
}

/* The cap's period is over. A debt is paid from the new budget: a turn may have run longer than
 * what was left. */
static void cap_refill(void *arg)
{
	struct vcpu *v = arg;
	unsigned long flags;
	struct runq *q = runq_lock(v, &flags);
	ns_t now = clock_now();

	v->cap_budget = MIN(v->cap_budget, 0) + cap_quota(v->domain);
	v->cap_until = now + CAP_PERIOD;
	if (v->domain->cap && v->cap_budget <= 0)
		timer_set(&v->cap_timer, v->cap_until);
	else
		v->cap_parked = false;
	spin_unlock_irq(&q->lock, flags);
	sched_wake(v);
}

/* --- wake and sleep ------------------------------------------------------- */

/* A CPU for v: its own if idle, else an idle one that it likes, else an idle one that it may use,
 * else its own if allowed. */
static unsigned int choose_cpu(const struct vcpu *v)
{
	cpumask_t may = v->hard_affinity & atomic_read(&cpus_online),
		  idle = may & atomic_read(&idle_cpus);
	unsigned int cpu, best;

	if (!may)
		may = cpus_online;
	if (idle >> v->cpu & 1)
		return v->cpu;
	if (idle & v->soft_affinity)
		return __builtin_ctzl(idle & v->soft_affinity);
	if (idle)
		return __builtin_ctzl(idle);
	if (may >> v->cpu & 1)
		return v->cpu;
	best = __builtin_ctzl(may);
	for (cpu = best + 1; cpu < MAX_CPUS; cpu++)
		if ((may >> cpu & 1) && READ_ONCE(runqs[cpu].nr) < READ_ONCE(runqs[best].nr))
			best = cpu;
	return best;
}

/* Idle CPUs that may run who waits here: several that woke at once chose the same CPU, which takes
 * one of them. All are told, for one may have somebody of its own to run by now. */
static cpumask_t idle_for_waiting(const struct runq *q)
{
	cpumask_t idle = atomic_read(&idle_cpus), may = 0;
	struct list *p;

	if (likely(!q->nr || !idle))
		return 0;
	list_for(p, &q->queue) may |= list_entry(p, struct vcpu, run_link)->hard_affinity;
	return idle & may;
}

static void look_again(cpumask_t cpus)
{
	for (; cpus; cpus &= cpus - 1)
		work_raise_on(__builtin_ctzl(cpus), WORK_SCHED);
}

/* Virtual time is a queue's own: what counts elsewhere is the distance to the least there. */
static void rebase(struct vcpu *v, uint64_t from, uint64_t to)
{
	int64_t ahead = (int64_t)(v->vruntime - from);

	v->vruntime = to + (ahead > 0 ? (uint64_t)ahead : 0);
}

/* When v, which runs here since, is looked at again: its turn ends if others wait, and what its cap
 * leaves it ends in any case. */
static void slice_set(struct runq *q, const struct vcpu *v, ns_t since, ns_t turn)
{
	ns_t end = q->nr ? turn : 0;

	if (v->domain->cap && (!end || v->cap_budget < end))
		end = MAX(v->cap_budget, 100 * NS_PER_US);
	if (end)
		timer_set(&q->slice, since + end);
	else
		timer_stop(&q->slice);
}

static void preempt_check(struct runq *q, unsigned int cpu, struct vcpu *v)
{
	uint8_t told = READ_ONCE(v->told);
	struct vcpu *c = q->curr;
	bool first = c == q->idle || v->vruntime + PREEMPT_LEAD < c->vruntime,
	     wait = told == TOLD_REQUEST;

	/* Ahead of the queue, not of who answers: two who answer each other go ahead together. */
	if (c == current && told == TOLD_ANSWER && v->vruntime < q->min + ANSWER_AHEAD) {
		v->turn_of = READ_ONCE(v->told_on);
		wait = *v->turn_of;
		q->answered = v;
		first = true;
	}
	if (first && wait && c == current && c != q->idle) {
		timer_set(&q->slice, clock_now() + REQUEST_WAIT);
	} else if (first) {
		q->resched = true;
		work_raise_on(cpu, WORK_SCHED);
	} else if (q->nr == 1) {
		slice_set(q, c, c->ran_since, SLICE); /* until now nobody waited here */
	}
}

/* One that waits already, for an answer of another kind perhaps, is answered. */
void sched_answered(struct vcpu *v)
{
	unsigned long flags;
	struct runq *q = runq_lock(v, &flags);

	if (queued(v) && !*READ_ONCE(v->told_on))
		preempt_check(q, v->cpu, v);
	spin_unlock_irq(&q->lock, flags);
}

/* It sleeps: was its turn worth what it cost? */
static void turn_over(struct runq *q, struct vcpu *v, ns_t now)
{
	uint8_t *brief = v->turn_of;

	if (!brief)
		return;
	v->turn_of = NULL;
	if (now - (ns_t)v->runstate.state_entry_time < BRIEF_SWITCHES * q->switch_takes)
		*brief = BRIEF_MEMORY;
	else if (*brief)
		(*brief)--;
}

void sched_wake(struct vcpu *v)
{
	unsigned long flags;
	struct runq *q = runq_lock(v, &flags), *to;
	cpumask_t idle = 0;
	unsigned int cpu;
	uint64_t least;
	ns_t now;

	if (!vcpu_runnable(v) || v->running || queued(v)) {
		/* running: its CPU looks again before it lets go of it, at the latest in switched() */
		spin_unlock_irq(&q->lock, flags);
		return;
	}
	do {
		cpu = choose_cpu(v);
		to = &runqs[cpu];
		if (to == q)
			break;
		/* v is nobody's now; once v->cpu is changed under the old lock, the new lock guards
		 * it */
		rebase(v, q->min, READ_ONCE(to->min));
		WRITE_ONCE(v->cpu, cpu);
		spin_unlock_irq(&q->lock, flags);
		q = runq_lock(v, &flags);
		cpu = v->cpu;
		if (!vcpu_runnable(v) || v->running || queued(v)) {
			spin_unlock_irq(&q->lock, flags);
			return;
		}
	} while (unlikely(!(v->hard_affinity >> cpu & 1))); /* which has changed meanwhile */
	now = clock_now();
	charge(q, q->curr, now); /* who runs alone is not looked at for long: bring the queue's time
				    up to date */
	least = q->min > WAKE_CREDIT ? q->min - WAKE_CREDIT : 0;
	v->vruntime = MAX(v->vruntime, least);
	runstate_set(v, RUNSTATE_runnable, now);
	enqueue(q, v);
	preempt_check(q, cpu, v);
	if (q->curr != q->idle) /* it was idle when it was chosen, perhaps; another may be */
		idle = idle_for_waiting(q);
	spin_unlock_irq(&q->lock, flags);
	look_again(idle);
}

void sched_sleep(struct vcpu *v)
{
	unsigned long flags;
	struct runq *q;

	mb(); /* what made it not runnable is visible before we look at where it is */
	q = runq_lock(v, &flags);
	if (!vcpu_runnable(v)) {
		if (queued(v)) {
			dequeue(q, v);
			runstate_set(v, asleep_state(v), clock_now());
		} else if (v->running) {
			q->resched = true;
			work_raise_on(v->cpu, WORK_SCHED);
		} else {
			runstate_set(v, asleep_state(v), clock_now());
		}
	}
	spin_unlock_irq(&q->lock, flags);
}

/* Its guest takes it up, in a period of which nothing is left: or it would have as many budgets as
 * vcpus, by taking them up in turn. */
void sched_up(struct vcpu *v)
{
	unsigned long flags;
	struct runq *q = runq_lock(v, &flags);

	if (v->down) {
		v->cap_budget = MIN(v->cap_budget, 0);
		v->cap_until = clock_now() + CAP_PERIOD;
		atomic_set(&v->down, false);
	}
	spin_unlock_irq(&q->lock, flags);
	sched_wake(v);
}

/* Waits with interrupts on: other CPUs may want a flush from this one meanwhile. Only the control
 * domain gets to wait for vcpus of others, and nobody waits for those of the control domain, so two
 * CPUs never wait for each other. */
void sched_sleep_sync(struct vcpu *v)
{
	sched_sleep(v);
	if (v == current)
		return;
	while (atomic_read(&v->running))
		cpu_relax();
}

void sched_yield(void)
{
	unsigned long flags;
	struct vcpu *v = current;
	struct runq *q = runq_lock(v, &flags);

	if (q->nr) { /* behind the next one, by a hair */
		charge(q, v, clock_now());
		v->vruntime = MAX(v->vruntime,
				  list_entry(q->queue.next, struct vcpu, run_link)->vruntime + 1);
		q->resched = true;
		work_raise(WORK_SCHED);
	}
	spin_unlock_irq(&q->lock, flags);
}

static void resched_here(void)
{
	runqs[this_cpu()].resched = true;
	work_raise(WORK_SCHED);
}

void sched_block(void)
{
	struct vcpu *v = current;

	(void)atomic_swap(&v->blocked, true); /* a full barrier, see vcpu_unblock() */
	if (pv_events_pending(v)) {
		vcpu_unblock(v);
		return;
	}
	resched_here();
}

/* --- choosing and switching ----------------------------------------------- */

/* Another queue's first vcpu that may run here. Never waits for a lock: where somebody is busy
 * there is nothing to help. */
static struct vcpu *steal(struct runq *q, unsigned int cpu)
{
	unsigned int i, from, n = nr_cpus;
	struct runq *o;
	struct vcpu *v;
	struct list *p;

	for (i = 1; i < n; i++) {
		from = (cpu + i) % n;
		o = &runqs[from];
		if (!READ_ONCE(o->nr) || !spin_trylock(&o->lock))
			continue;
		list_for(p, &o->queue)
		{
			v = list_entry(p, struct vcpu, run_link);
			if (v->running || !(v->hard_affinity >> cpu & 1) || !vcpu_runnable(v))
				continue;
			dequeue(o, v);
			charge(o, o->curr, clock_now());
			rebase(v, o->min, q->min);
			WRITE_ONCE(v->cpu, cpu);
			spin_unlock(&o->lock);
			return v;
		}
		spin_unlock(&o->lock);
	}
	return NULL;
}

static struct vcpu *choose(struct runq *q, struct vcpu *prev, unsigned int cpu)
{
	struct vcpu *first = q->answered;
	struct list *p;
	bool stay = !vcpu_is_idle(prev) && vcpu_runnable(prev) && (prev->hard_affinity >> cpu & 1);

	if (first && first->hard_affinity >> cpu & 1) {
		dequeue(q, first);
		return first;
	}
	first = NULL;
	list_for(p, &q->queue)
	{
		first = list_entry(p, struct vcpu, run_link);
		if (first->hard_affinity >> cpu & 1)
			break;
		first = NULL; /* its affinity changed; whoever may run it steals it */
	}
	if (stay && (!first || prev->vruntime <= first->vruntime))
		return prev;
	if (first) {
		dequeue(q, first);
		return first;
	}
	first = steal(q, cpu);
	return first ? first : q->idle;
}

/* The CPU has left prev: its state is in memory, its tables are out of cr3. */
static void switched(struct runq *q, struct vcpu *prev)
{
	unsigned long flags;
	cpumask_t idle;
	bool wake;

	if (vcpu_is_idle(prev))
		return;
	flags = spin_lock_irq(&q->lock);
	atomic_set(&prev->running, false);
	wake = vcpu_runnable(prev) && !queued(prev);
	idle = idle_for_waiting(q); /* prev, too, if it was preempted */
	spin_unlock_irq(&q->lock, flags);
	look_again(idle);
	if (wake)
		sched_wake(prev);
	else if (unlikely(READ_ONCE(prev->domain->shutting_down)))
		domain_shutdown_settle(prev->domain);
}

/* Interrupts off. Returns if the current vcpu stays; else leaves for another or the idle loop with
 * a fresh stack. */
static void schedule(void)
{
	struct cpu_info *ci = cpu_info();
	unsigned int cpu = ci->cpu;
	struct runq *q = &runqs[cpu];
	struct vcpu *prev = ci->vcpu, *next;
	cpumask_t bit = 1ull << cpu, idle = 0;
	ns_t now = clock_now(), turn = SLICE;

	spin_lock(&q->lock);
	charge(q, prev, now);
	q->resched = false;
	if (q->answered)
		turn = ANSWER_TURN;
	next = choose(q, prev, cpu);
	if (next == prev) {
		if (!vcpu_is_idle(prev))
			slice_set(q, prev, now, SLICE);
		idle = idle_for_waiting(q);
		spin_unlock(&q->lock);
		look_again(idle);
		return;
	}
	if (vcpu_is_idle(prev)) {
		q->idle_time += now - q->idle_since;
		atomic_and(&idle_cpus, ~bit);
	} else if (vcpu_runnable(prev)) {
		runstate_set(prev, RUNSTATE_runnable, now);
		if (likely(prev->hard_affinity >> cpu & 1)) /* else switched() finds it a place */
			enqueue(q, prev);
	} else {
		turn_over(q, prev, now);
		runstate_set(prev, asleep_state(prev), now);
	}
	q->curr = next;
	if (vcpu_is_idle(next)) {
		q->idle_since = now;
		atomic_or(&idle_cpus, bit);
		timer_stop(&q->slice);
	} else {
		next->ran_since = now;
		runstate_set(next, RUNSTATE_running, now);
		/* before its events are looked at: see pv_vcpu_kick() */
		(void)atomic_swap(&next->running, true);
		if (next->domain->cap && next->cap_until <= now) {
			next->cap_budget = MIN(next->cap_budget, 0) + cap_quota(next->domain);
			next->cap_until = now + CAP_PERIOD;
		}
		slice_set(q, next, now, turn);
	}
	if (vcpu_is_idle(prev)) /* else in switched() */
		idle = idle_for_waiting(q);
	spin_unlock(&q->lock);
	look_again(idle);

	if (!vcpu_is_idle(prev)) {
		prev->regs = ci->guest_regs;
		pv_switch_from(prev);
		fpu_save(prev->fpu);
	}
	ci->vcpu = next;
	if (vcpu_is_idle(next)) {
		write_root(idle_root);
	} else {
		atomic_or(&next->domain->tlb_cpus, bit);
		ci->guest_regs = next->regs;
		fpu_load(next->fpu);
		pv_switch_to(next);
	}
	if (prev->domain != next->domain && !vcpu_is_idle(prev))
		atomic_and(&prev->domain->tlb_cpus, ~bit); /* the new root flushed them */
	switched(q, prev);
	if (vcpu_is_idle(next))
		enter_idle();
	irq_on();
	pv_switch_done(next);
	q->switch_takes += (MIN(clock_now() - now, SWITCH_MOST) - q->switch_takes) / 8;
	enter_guest();
}

static void work_sched(void)
{
	runqs[this_cpu()].resched = true;
}

static void slice_over(void *arg)
{
	(void)arg;
	resched_here();
}

/* Something may be to do: not in line, so that where nothing is no register has to be saved. */
static __attribute__((noinline)) bool work_before_return(struct cpu_user_regs *regs)
{
	struct cpu_info *ci = cpu_info();
	struct vcpu *v = ci->vcpu;

	if (ci->work_pending) {
		irq_on();
		work_run();
		irq_off();
		if (runqs[ci->cpu].resched)
			schedule();
		return false;
	}
	if (pv_events_pending(v)) {
		irq_on(); /* it writes to the guest's memory, see pv_switch_done() */
		pv_deliver_pending(v, regs);
		irq_off();
		/* A guest whose stack is no good has crashed. An event that came meanwhile has had
		 * its interrupt, so it is looked for again, unless it is masked by now (or waits
		 * for a debugger's step). */
		return READ_ONCE(ci->work_pending) == 0 &&
		       (READ_ONCE(*vcpu_upcall_mask(v)) || v->pending_traps);
	}
	return true;
}

bool hook_before_return(struct cpu_user_regs *regs)
{
	struct cpu_info *ci = cpu_info();
	struct vcpu *v = ci->vcpu;

	if (likely(!ci->work_pending && !(*vcpu_upcall_pending(v) | v->pending_traps)))
		return true;
	return work_before_return(regs);
}

void hook_idle(void)
{
	work_run();
	irq_off();
	if (runqs[this_cpu()].resched)
		schedule();
	irq_on();
}

bool must_yield(void)
{
	if (vcpu_is_idle(current)) /* the boot, building the control domain: there is nobody to
				      yield to */
		return false;
	if (cpu_info()->work_pending)
		return true;
	return unlikely(*vcpu_upcall_pending(current) | current->pending_traps) &&
	       pv_events_pending(current);
}

/* --- set-up and settings -------------------------------------------------- */

void sched_init(void)
{
	work_set_handler(WORK_SCHED, work_sched);
	idle_domain.vcpus = idle_vcpus;
	idle_domain.max_vcpus = MAX_CPUS;
}

void sched_init_cpu(unsigned int cpu)
{
	struct runq *q = &runqs[cpu];
	struct vcpu *v = zalloc(sizeof(*v));

	if (!v)
		panic("no memory for the idle vcpu of CPU %u", cpu);
	v->domain = &idle_domain;
	v->id = v->cpu = cpu;
	v->root = v->cr3 = idle_root;
	v->running = true;
	v->hard_affinity = v->soft_affinity = 1ull << cpu;
	v->runstate.state = RUNSTATE_running;
	list_init(&v->run_link);
	idle_vcpus[cpu] = v;
	*q = (struct runq){ 0 };
	spin_init(&q->lock, RANK_SCHED);
	list_init(&q->queue);
	q->idle = q->curr = v;
	q->idle_since = clock_now();
	timer_init(&q->slice, cpu, slice_over, NULL);
	cpu_info()->vcpu = v;
	atomic_or(&idle_cpus, 1ull << cpu);
}

void sched_add(struct vcpu *v)
{
	static unsigned int next;

	v->cpu = atomic_add(&next, 1) % nr_cpus;
	v->timer_cpu = 0;
	v->vruntime = runqs[v->cpu].min;
	timer_init(&v->cap_timer, 0, cap_refill, v);
}

void sched_remove(struct vcpu *v)
{
	sched_sleep_sync(v);
	timer_kill(&v->cap_timer);
}

/* One that waits is queued where it may run now; one that is on a CPU it may no longer use leaves
 * it. */
int sched_set_affinity(struct vcpu *v, cpumask_t hard, cpumask_t soft)
{
	unsigned long flags;
	struct runq *q;
	bool moved = false;

	if (!(hard & cpus_online))
		return -XEN_EINVAL;
	q = runq_lock(v, &flags);
	v->hard_affinity = hard;
	v->soft_affinity = soft;
	if (queued(v)) {
		dequeue(q, v); /* chosen anew: a CPU that it may use now may be idle */
		moved = true;
	} else if (v->running && !(hard >> v->cpu & 1)) {
		q->resched = true;
		work_raise_on(v->cpu, WORK_SCHED);
	}
	spin_unlock_irq(&q->lock, flags);
	if (moved)
		sched_wake(v);
	return 0;
}

int sched_set_params(struct domain *d, uint16_t weight, uint16_t cap)
{
	unsigned long flags;
	unsigned int i;
	struct vcpu *v;
	struct runq *q;

	if (weight == 0)
		return -XEN_EINVAL;
	d->weight = weight;
	d->cap = cap;
	for (i = 0; i < d->max_vcpus; i++) {
		v = d->vcpus[i];
		if (!v)
			continue;
		q = runq_lock(v, &flags);
		v->cap_parked = false;
		v->cap_budget = cap_quota(d);
		v->cap_until = clock_now() + CAP_PERIOD;
		if (v->running) {
			q->resched = true;
			work_raise_on(v->cpu, WORK_SCHED);
		}
		spin_unlock_irq(&q->lock, flags);
		sched_wake(v);
	}
	return 0;
}

ns_t vcpu_cpu_time(struct vcpu *v)
{
	struct vcpu_runstate_info r;

	vcpu_runstate_get(v, &r);
	return (ns_t)r.time[RUNSTATE_running];
}

void vcpu_runstate_get(struct vcpu *v, struct vcpu_runstate_info *out)
{
	unsigned long flags;
	struct runq *q = runq_lock(v, &flags);
	ns_t delta;

	*out = v->runstate;
	delta = clock_now() - (ns_t)out->state_entry_time;
	spin_unlock_irq(&q->lock, flags);
	if (delta > 0)
		out->time[out->state] += delta;
}

ns_t cpu_idle_time(unsigned int cpu)
{
	struct runq *q = &runqs[cpu];
	unsigned long flags = spin_lock_irq(&q->lock);
	ns_t t = q->idle_time + (q->curr == q->idle ? clock_now() - q->idle_since : 0);

	spin_unlock_irq(&q->lock, flags);
	return t;
}
