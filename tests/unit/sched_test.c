/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * domain/sched.c and vcpu_unblock() on a machine of simulated CPUs: time goes from one timer to the
 * next, each CPU does its pending work as its way out of the hypervisor would. After every step two
 * things hold: who could run is on a CPU or on a queue, and no CPU idles while another's queue has
 * somebody that it may run.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <torc/heap.h>
#include <torc/hooks.h>
#include <torc/pv.h>
#include <torc/sched.h>
#include <torc/shared.h>
#include <torc/x86.h>

struct domain idle_domain = { .id = DOMID_IDLE, .weight = 256 };
struct domain *dom0;
unsigned int nr_cpus;
cpumask_t cpus_online;
mfn_t idle_root;

static struct cpu_info cpus[8];
static unsigned int my_cpu;
static ns_t now;
static struct timer *armed[64];
static unsigned int nr_armed;
static jmp_buf left; /* where enter_guest() and enter_idle() go */
static unsigned int settled;
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
	(void)f;
	spin_unlock(l);
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
}
bool pv_events_pending(struct vcpu *v)
{
	return *vcpu_upcall_pending(v) && !*vcpu_upcall_mask(v);
}
void pv_deliver_pending(struct vcpu *v, struct cpu_user_regs *r)
{
	(void)r;
	*vcpu_upcall_pending(v) = 0;
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

static struct domain *doms[16];
static unsigned int nr_doms;

static bool cpu_runs(const struct vcpu *v)
{
	return cpus[v->cpu].vcpu == v;
}
static bool on_queue(const struct vcpu *v)
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
			for (c = 0; on_queue(v) && c < nr_cpus; c++)
				if (vcpu_is_idle(cpus[c].vcpu) && v->hard_affinity >> c & 1)
					fail_msg("d%uv%u waits on CPU %u while CPU %u idles", i, j,
						 v->cpu, c);
		}
}

static void one_way_out(unsigned int cpu)
{
	struct cpu_info *ci = &cpus[cpu];

	my_cpu = cpu;
	if (setjmp(left))
		return;
	if (vcpu_is_idle(ci->vcpu))
		hook_idle();
	else
		hook_before_return(&ci->guest_regs);
}

static void settle(void) /* all CPUs do what is pending */
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

static void run_until(ns_t end)
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
	settled = 0;
	now = NS_PER_SEC;
	sched_init();
	for (i = 0; i < n; i++) {
		my_cpu = cpus[i].cpu = i;
		sched_init_cpu(i);
	}
	my_cpu = 0;
	return 0;
}

static int one_cpu(void **s)
{
	(void)s;
	return machine(1);
}
static int four_cpus(void **s)
{
	(void)s;
	return machine(4);
}

static struct domain *guest(unsigned int vcpus, uint16_t weight)
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

static int bring_down(void **s)
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

static long ms_used(struct domain *d)
{
	long sum = 0;
	unsigned int i;

	for (i = 0; i < d->max_vcpus; i++)
		sum += vcpu_cpu_time(d->vcpus[i]) / NS_PER_MS;
	return sum;
}

static void block(struct vcpu *v) /* as SCHEDOP_block on its own CPU */
{
	my_cpu = v->cpu;
	sched_block();
	settle();
}

/* --- what it promises ----------------------------------------------------- */

static void test_equal_weights_share_equally(void **s)
{
	struct domain *d1 = guest(1, 256), *d2 = guest(1, 256), *d3 = guest(1, 256);

	(void)s;
	run_until(now + 3 * NS_PER_SEC);
	assert_in_range(ms_used(d1), 970, 1030);
	assert_in_range(ms_used(d2), 970, 1030);
	assert_in_range(ms_used(d3), 970, 1030);
}

static void test_weights(void **s)
{
	struct domain *d1 = guest(1, 256), *d2 = guest(1, 512), *d3 = guest(1, 1024);

	(void)s;
	run_until(now + 7 * NS_PER_SEC);
	assert_in_range(ms_used(d1), 970, 1030);
	assert_in_range(ms_used(d2), 1960, 2040);
	assert_in_range(ms_used(d3), 3950, 4050);
}

static void test_cap(void **s)
{
	struct domain *d1 = guest(1, 256), *d2 = guest(1, 256);

	(void)s;
	assert_int_equal(sched_set_params(d1, 256, 25), 0);
	run_until(now + 4 * NS_PER_SEC);
	assert_in_range(ms_used(d1), 940, 1060);
	assert_in_range(ms_used(d2), 2940, 3060);
	assert_int_equal(sched_set_params(d1, 256, 0), 0);
	run_until(now + 10 * NS_PER_MS);
	assert_int_equal(sched_set_params(d1, 0, 0), -XEN_EINVAL);
}

static void test_cap_binds_on_an_idle_machine(void **s)
{
	struct domain *d = guest(1, 256);

	(void)s;
	sched_set_params(d, 256, 10);
	run_until(now + 10 * NS_PER_SEC);
	assert_in_range(ms_used(d), 950, 1050);
}

static void test_every_cpu_works(void **s)
{
	struct domain *d1 = guest(3, 256), *d2 = guest(1, 256);
	unsigned int i;

	(void)s;
	run_until(now + NS_PER_SEC);
	for (i = 0; i < 3; i++)
		assert_int_equal(vcpu_cpu_time(d1->vcpus[i]), NS_PER_SEC);
	assert_int_equal(ms_used(d2), 1000);
	for (i = 0; i < 4; i++)
		assert_int_equal(cpu_idle_time(i), 0);
}

static void test_more_than_cpus_are_shared(void **s)
{
	struct domain *d[8];
	unsigned int i;

	(void)s;
	for (i = 0; i < 8; i++)
		d[i] = guest(1, 256);
	run_until(now + 4 * NS_PER_SEC);
	for (i = 0; i < 8; i++)
		assert_in_range(ms_used(d[i]), 1900, 2100);
}

static void test_affinity(void **s)
{
	struct domain *d1 = guest(1, 256), *d2 = guest(1, 256), *d3 = guest(1, 256);

	(void)s;
	assert_int_equal(sched_set_affinity(d1->vcpus[0], 1 << 2, ~0ull), 0);
	assert_int_equal(sched_set_affinity(d2->vcpus[0], 1 << 2, ~0ull), 0);
	assert_int_equal(sched_set_affinity(d3->vcpus[0], 1 << 9, ~0ull), -XEN_EINVAL);
	run_until(now + 2 * NS_PER_SEC);
	assert_int_equal(d1->vcpus[0]->cpu, 2);
	assert_int_equal(d2->vcpus[0]->cpu, 2);
	assert_in_range(ms_used(d1), 950, 1050);
	assert_int_equal(ms_used(d3), 2000);
}

static void test_sleeper_preempts_who_computes(void **s)
{
	struct domain *hog = guest(1, 256), *io = guest(1, 256);
	struct vcpu *v = io->vcpus[0];
	unsigned int i;

	(void)s;
	run_until(now + 50 * NS_PER_MS);
	for (i = 0; i < 100; i++) {
		if (!v->running)
			run_until(now + 30 * NS_PER_MS);
		if (v->running)
			block(v);
		run_until(now + 9 * NS_PER_MS);
		vcpu_unblock(v);
		settle();
		assert_true(v->running); /* at once, not after the other's turn */
		run_until(now + 100 * NS_PER_US);
	}
	assert_true(ms_used(hog) > 900);
}

static void tell(struct vcpu *v, enum told what) /* who runs on CPU 0 sends v an event */
{
	my_cpu = 0;
	v->told = what;
	vcpu_unblock(v);
	v->told = TOLD_EVENT;
	settle();
}

/* The first sleeps; the second has run alone for some time. */
static void one_sleeps(struct vcpu *sleeper, struct vcpu *other)
{
	run_until(now + NS_PER_MS);
	while (!sleeper->running)
		run_until(now + NS_PER_MS);
	block(sleeper);
	run_until(now + 4 * NS_PER_MS);
	assert_true(other->running);
}

static void test_who_asks_may_ask_more(void **s)
{
	struct vcpu *client = guest(1, 256)->vcpus[0], *server = guest(1, 256)->vcpus[0];

	(void)s;
	one_sleeps(server, client);
	tell(server, TOLD_REQUEST);
	run_until(now + 90 * NS_PER_US);
	assert_true(client->running);
	run_until(now + 20 * NS_PER_US);
	assert_true(server->running); /* for a moment only */
}

static void test_who_is_answered_goes_first(void **s)
{
	struct vcpu *client = guest(1, 256)->vcpus[0], *server = guest(1, 256)->vcpus[0];

	(void)s;
	one_sleeps(server, client);
	tell(server, TOLD_REQUEST);
	block(client);
	assert_true(server->running);
	run_until(now + 50 * NS_PER_US);
	tell(client, TOLD_ANSWER);
	assert_true(client->running); /* although it has used more */
	run_until(now + 250 * NS_PER_US);
	assert_true(client->running);
	run_until(now + 100 * NS_PER_US);
	assert_true(server->running); /* but not for long */
	block(server);
	run_until(now + 20 * NS_PER_MS); /* one that is far ahead is told like anybody else */
	block(client);
	vcpu_unblock(server);
	settle();
	client->vruntime += 6 * NS_PER_MS;
	tell(client, TOLD_ANSWER);
	assert_true(server->running);
}

/* Two that only wait for each other, and tell each other as often as they can, take from a third no
 * more than their shares. */
static void test_answers_take_no_shares(void **s)
{
	struct domain *hog = guest(1, 256);
	struct vcpu *client = guest(1, 256)->vcpus[0], *server = guest(1, 256)->vcpus[0], *v;
	ns_t end = now + 3 * NS_PER_SEC;
	bool asked = false;

	(void)s;
	settle();
	while (now < end) {
		v = cpus[0].vcpu;
		run_until(now + 40 * NS_PER_US);
		if (v != cpus[0].vcpu)
			continue;
		if (v == client) {
			asked = true;
			tell(server, TOLD_REQUEST);
			if (v->running)
				block(v);
		} else if (v == server && asked) {
			asked = false;
			tell(client, TOLD_ANSWER);
		} else if (v == server) {
			block(v);
		}
	}
	assert_true(ms_used(hog) > 960);
	assert_true(ms_used(client->domain) > 800);
}

static void test_sleep_earns_no_fortune(void **s)
{
	struct domain *d1 = guest(1, 256), *d2 = guest(1, 256);
	long before;

	(void)s;
	run_until(now + 5 * NS_PER_MS);
	while (!d2->vcpus[0]->running)
		run_until(now + 5 * NS_PER_MS);
	block(d2->vcpus[0]);
	run_until(now + 10 * NS_PER_SEC);
	vcpu_unblock(d2->vcpus[0]);
	before = ms_used(d1);
	run_until(now + NS_PER_SEC);
	assert_true(ms_used(d1) - before > 450); /* not starved until the other has caught up */
}

static void test_pending_event_keeps_awake(void **s)
{
	struct vcpu *v = guest(1, 256)->vcpus[0];

	(void)s;
	settle();
	*vcpu_upcall_pending(v) = 1;
	block(v);
	assert_true(v->running);
	one_way_out(v->cpu); /* it is delivered */
	block(v);
	assert_false(v->running);
	assert_int_equal(v->runstate.state, RUNSTATE_blocked);
}

static void test_wake_between_block_and_switch_is_not_lost(void **s)
{
	struct vcpu *v = guest(1, 256)->vcpus[0];

	(void)s;
	settle();
	my_cpu = v->cpu;
	sched_block(); /* the switch is due, but has not come yet */
	my_cpu = (v->cpu + 1) % nr_cpus;
	vcpu_unblock(v);
	settle();
	assert_true(v->running);
}

static void test_yield_lets_the_next_run(void **s)
{
	struct domain *d1 = guest(1, 256), *d2 = guest(1, 256);
	struct vcpu *first;

	(void)s;
	settle();
	first = cpus[0].vcpu;
	run_until(now + NS_PER_MS);
	sched_yield();
	settle();
	assert_ptr_not_equal(cpus[0].vcpu, first);
	assert_true(cpus[0].vcpu->domain == d1 || cpus[0].vcpu->domain == d2);
}

static void test_runstates_add_up(void **s)
{
	struct domain *d = guest(2, 256);
	struct vcpu_runstate_info r;
	ns_t start = now;
	unsigned int i;

	(void)s;
	for (i = 0; i < 50; i++) {
		run_until(now + 3 * NS_PER_MS);
		if (d->vcpus[0]->running)
			block(d->vcpus[0]);
		run_until(now + 2 * NS_PER_MS);
		vcpu_unblock(d->vcpus[0]);
		settle();
	}
	for (i = 0; i < 2; i++) {
		vcpu_runstate_get(d->vcpus[i], &r);
		assert_int_equal(r.time[0] + r.time[1] + r.time[2] + r.time[3], now - start);
	}
	assert_int_equal(d->vcpus[0]->runstate.time[RUNSTATE_offline], 0);
}

static void test_pause(void **s)
{
	struct vcpu *v = guest(1, 256)->vcpus[0];

	(void)s;
	settle();
	my_cpu = (v->cpu + 1) % nr_cpus;
	vcpu_pause_nosync(v);
	settle();
	assert_false(v->running);
	vcpu_unpause(v);
	settle();
	assert_true(v->running);
	v->domain->shutting_down = true;
	sched_sleep(v);
	settle();
	assert_false(v->running);
	assert_int_equal(settled, 1);
}

static void storm(unsigned int seed)
{
	struct vcpu *v;
	unsigned int i;

	srand(seed);
	for (i = 0; i < 6; i++)
		guest(1 + i % 3, (uint16_t)(64 << i % 4));
	for (i = 0; i < 5000; i++) {
		struct domain *d = doms[rand() % nr_doms];

		v = d->vcpus[rand() % d->max_vcpus];
		switch (rand() % 8) {
		case 0:
			if (v->running)
				block(v);
			break;
		case 1:
		case 2:
			my_cpu = rand() % nr_cpus;
			vcpu_unblock(v);
			break;
		case 3:
			if (v->pause_count)
				vcpu_unpause(v);
			else
				vcpu_pause_nosync(v);
			break;
		case 4: sched_set_affinity(v, 1 + rand() % 15, rand()); break;
		case 5:
			if (v->running) {
				my_cpu = v->cpu;
				sched_yield();
			}
			break;
		case 6:
			if (rand() % 20 == 0)
				sched_set_params(d, (uint16_t)(1 + rand() % 1000),
						 rand() % 2 ? (uint16_t)(rand() % 100) : 0);
			break;
		default: run_until(now + rand() % (20 * NS_PER_MS));
		}
		settle();
	}
}

/* Everything at once, at random but the same each time; check_world() looks after every step. */
static void test_storm(void **s)
{
	unsigned int seed;

	for (seed = 1; seed <= 8; seed++) {
		storm(seed);
		bring_down(s);
		four_cpus(s);
	}
}

#define ONE(f)	cmocka_unit_test_setup_teardown(f, one_cpu, bring_down)
#define FOUR(f) cmocka_unit_test_setup_teardown(f, four_cpus, bring_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ONE(test_equal_weights_share_equally),
		ONE(test_weights),
		ONE(test_cap),
		ONE(test_cap_binds_on_an_idle_machine),
		FOUR(test_every_cpu_works),
		FOUR(test_more_than_cpus_are_shared),
		FOUR(test_affinity),
		ONE(test_sleeper_preempts_who_computes),
		ONE(test_who_asks_may_ask_more),
		ONE(test_who_is_answered_goes_first),
		ONE(test_answers_take_no_shares),
		ONE(test_sleep_earns_no_fortune),
		ONE(test_pending_event_keeps_awake),
		FOUR(test_wake_between_block_and_switch_is_not_lost),
		ONE(test_yield_lets_the_next_run),
		FOUR(test_runstates_add_up),
		FOUR(test_pause),
		FOUR(test_storm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
