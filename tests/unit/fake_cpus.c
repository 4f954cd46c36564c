/* SPDX-License-Identifier: BSD-2-Clause */
/* The machine of simulated CPUs (fake_cpus.h). */
#include "fake_cpus.h"

struct domain idle_domain = { .id = DOMID_IDLE, .weight = 256 };
struct domain *dom0;
unsigned int nr_cpus;
cpumask_t cpus_online;
mfn_t idle_root;

struct cpu_info cpus[8];
unsigned int my_cpu;
ns_t now;
ns_t switch_takes;
static struct timer *armed[64];
static unsigned int nr_armed;
static jmp_buf left; /* where enter_guest() and enter_idle() go */
unsigned int settled;
void (*at_unlock)(void);
static void (*handlers[NR_WORK])(void);

/* --- the machine ---------------------------------------------------------- */

struct cpu_info *cpu_info(void)
{
	return &cpus[my_cpu];
}
unsigned int this_cpu(void)
{
	return my_cpu;
}
struct vcpu *current_vcpu(void)
{
	return cpus[my_cpu].vcpu;
}
ns_t clock_now(void)
{
	return now;
}
void enter_guest(void)
{
	longjmp(left, 1);
}
void enter_idle(void)
{
	longjmp(left, 2);
}

void panic(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	abort();
}

void spin_init(spinlock_t *l, enum lock_rank rank)
{
	*l = (spinlock_t)SPINLOCK(rank);
}
bool spin_trylock(spinlock_t *l)
{
	if (l->owner)
		return false;
	l->owner = 1;
	return true;
}
void spin_lock(spinlock_t *l)
{
	if (!spin_trylock(l))
		panic("a lock of rank %u is taken twice", l->rank);
}
void spin_unlock(spinlock_t *l)
{
	l->owner = 0;
}
unsigned long spin_lock_irq(spinlock_t *l)
{
	spin_lock(l);
	return 0;
}
void spin_unlock_irq(spinlock_t *l, unsigned long f)
{
	void (*then)(void) = at_unlock;

	(void)f;
	spin_unlock(l);
	at_unlock = NULL;
	if (then)
		then();
}
bool spin_is_held(const spinlock_t *l)
{
	return l->owner;
}

void work_set_handler(enum work w, void (*fn)(void))
{
	handlers[w] = fn;
}
void work_raise_on(unsigned int cpu, enum work w)
{
	cpus[cpu].work_pending |= 1u << w;
}
void work_raise(enum work w)
{
	work_raise_on(my_cpu, w);
}
void work_run(void)
{
	unsigned int w, bits = cpus[my_cpu].work_pending;

	cpus[my_cpu].work_pending = 0;
	for (w = 0; w < NR_WORK; w++)
		if (bits >> w & 1 && handlers[w])
			handlers[w]();
}

void timer_init(struct timer *t, unsigned int cpu, void (*fn)(void *), void *arg)
{
	*t = (struct timer){ .cpu = cpu, .fn = fn, .arg = arg };
}
void timer_stop(struct timer *t)
{
	unsigned int i;

	for (i = 0; i < nr_armed; i++)
		if (armed[i] == t)
			armed[i--] = armed[--nr_armed];
}
void timer_kill(struct timer *t)
{
	timer_stop(t);
}
void timer_set(struct timer *t, ns_t expires)
{
	timer_stop(t);
	if (nr_armed == ARRAY_SIZE(armed))
		panic("too many timers");
	t->expires = expires;
	armed[nr_armed++] = t;
}

void *zalloc(size_t n)
{
	return calloc(1, n);
}
void zfree(void *p)
{
	free(p);
}
struct fpu_state *fpu_alloc(void)
{
	return calloc(1, 16);
}
void fpu_free(struct fpu_state *f)
{
	free(f);
}
void fpu_save(struct fpu_state *f)
{
	(void)f;
}
void fpu_load(const struct fpu_state *f)
{
	(void)f;
}
void write_root(mfn_t m)
{
	(void)m;
}
void pv_switch_from(struct vcpu *v)
{
	(void)v;
}
void pv_switch_to(struct vcpu *v)
{
	(void)v;
	now += switch_takes;
}
/* What looks at a guest's memory may have to wait for CPUs that wait for this one. */
static bool irqs_on;
unsigned int delivered;
bool nothing_to_deliver;

void fake_irqs(bool on)
{
	irqs_on = on;
}
void pv_switch_done(struct vcpu *v)
{
	if (!irqs_on || v != cpus[my_cpu].vcpu || !v->running)
		panic("vcpu %u looks at its memory with interrupts off, or too early", v->id);
}
bool pv_events_pending(struct vcpu *v)
{
	return *vcpu_upcall_pending(v) && !*vcpu_upcall_mask(v);
}
void pv_deliver_pending(struct vcpu *v, struct cpu_user_regs *r)
{
	(void)r;
	if (!irqs_on)
		panic("an event is delivered with interrupts off");
	if (nothing_to_deliver) /* an NMI for which there is no entry; the event comes right after */
		return;
	*vcpu_upcall_pending(v) = 0;
	*vcpu_upcall_mask(v) = 1;
	delivered++;
}
int pv_vcpu_init(struct vcpu *v)
{
	v->info = calloc(1, sizeof(*v->info));
	return 0;
}
void pv_vcpu_free(struct vcpu *v)
{
	free(v->info);
}
void domain_shutdown_settle(struct domain *d)
{
	(void)d;
	settled++;
}

/* --- running it ----------------------------------------------------------- */

struct domain *doms[16];
unsigned int nr_doms;

static bool cpu_runs(const struct vcpu *v)
{
	return cpus[v->cpu].vcpu == v;
}
bool on_queue(const struct vcpu *v)
{
	return !list_empty(&v->run_link);
}

static void check_world(void)
{
	unsigned int i, j, c;
	struct vcpu *v;

	for (i = 0; i < nr_doms; i++)
		for (j = 0; j < doms[i]->max_vcpus; j++) {
			v = doms[i]->vcpus[j];
			if (v->running != cpu_runs(v))
				fail_msg("d%uv%u: running %d, but CPU %u has it: %d", i, j,
					 v->running, v->cpu, cpu_runs(v));
			if (vcpu_runnable(v) != (v->running || on_queue(v)))
				fail_msg("d%uv%u: runnable %d, running %d, queued %d", i, j,
					 vcpu_runnable(v), v->running, on_queue(v));
			if (v->running && on_queue(v))
				fail_msg("d%uv%u runs and is queued", i, j);
			if (v->running && !(v->hard_affinity >> v->cpu & 1))
				fail_msg("d%uv%u runs on CPU %u, which it may not use", i, j,
					 v->cpu);
			if (on_queue(v) && !(v->hard_affinity >> v->cpu & 1))
				fail_msg("d%uv%u waits for CPU %u, which it may not use", i, j,
					 v->cpu);
			for (c = 0; on_queue(v) && c < nr_cpus; c++)
				if (vcpu_is_idle(cpus[c].vcpu) && v->hard_affinity >> c & 1)
					fail_msg("d%uv%u waits on CPU %u while CPU %u idles", i, j,
						 v->cpu, c);
		}
}

void one_way_out(unsigned int cpu)
{
	struct cpu_info *ci = &cpus[cpu];

	my_cpu = cpu;
	if (setjmp(left))
		return;
	irqs_on = vcpu_is_idle(ci->vcpu);
	if (irqs_on) {
		hook_idle();
	} else {
		hook_before_return(&ci->guest_regs);
		if (irqs_on)
			panic("CPU %u goes back to its guest with interrupts on", cpu);
	}
}

void settle(void)
{
	unsigned int c, rounds = 0;
	bool any;

	do {
		any = false;
		for (c = 0; c < nr_cpus; c++)
			if (cpus[c].work_pending) {
				one_way_out(c);
				any = true;
			}
		if (++rounds > 1000)
			fail_msg("the CPUs never come to rest");
	} while (any);
	my_cpu = 0;
	check_world();
}

void run_until(ns_t end)
{
	struct timer *t;
	unsigned int i;

	settle();
	while (now < end) {
		for (t = NULL, i = 0; i < nr_armed; i++)
			if (!t || armed[i]->expires < t->expires)
				t = armed[i];
		if (!t || t->expires > end) {
			now = end;
			break;
		}
		now = MAX(now, t->expires);
		timer_stop(t);
		my_cpu = t->cpu;
		t->fn(t->arg);
		settle();
	}
}

static int machine(unsigned int n)
{
	unsigned int i;

	nr_cpus = n;
	cpus_online = (1ull << n) - 1;
	memset(cpus, 0, sizeof(cpus));
	nr_armed = nr_doms = 0;
	settled = delivered = 0;
	switch_takes = 0;
	now = NS_PER_SEC;
	sched_init();
	for (i = 0; i < n; i++) {
		my_cpu = cpus[i].cpu = i;
		sched_init_cpu(i);
	}
	my_cpu = 0;
	return 0;
}

int one_cpu(void **s)
{
	(void)s;
	return machine(1);
}
int four_cpus(void **s)
{
	(void)s;
	return machine(4);
}

struct domain *guest(unsigned int vcpus, uint16_t weight)
{
	struct domain *d = calloc(1, sizeof(*d));
	unsigned int i;

	d->id = (domid_t)nr_doms;
	d->weight = weight;
	d->max_vcpus = vcpus;
	d->vcpus = calloc(vcpus, sizeof(*d->vcpus));
	doms[nr_doms++] = d;
	for (i = 0; i < vcpus; i++) {
		assert_int_equal(vcpu_create(d, i), 0);
		d->vcpus[i]->initialised = true;
		d->vcpus[i]->down = false;
		sched_wake(d->vcpus[i]);
	}
	return d;
}

int bring_down(void **s)
{
	unsigned int i, j;

	(void)s;
	for (i = 0; i < nr_doms; i++) {
		for (j = 0; j < doms[i]->max_vcpus; j++) {
			doms[i]->vcpus[j]->down = true;
			sched_sleep(doms[i]->vcpus[j]);
		}
	}
	settle();
	for (i = 0; i < nr_doms; i++) {
		for (j = 0; j < doms[i]->max_vcpus; j++)
			vcpu_free(doms[i]->vcpus[j]);
		free(doms[i]->vcpus);
		free(doms[i]);
	}
	for (i = 0; i < nr_cpus; i++)
		free(idle_domain.vcpus[i]);
	return 0;
}

long ms_used(struct domain *d)
{
	long sum = 0;
	unsigned int i;

	for (i = 0; i < d->max_vcpus; i++)
		sum += vcpu_cpu_time(d->vcpus[i]) / NS_PER_MS;
	return sum;
}

void block(struct vcpu *v)
{
	my_cpu = v->cpu;
	sched_block();
	settle();
}
