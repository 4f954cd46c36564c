/* SPDX-License-Identifier: BSD-2-Clause */
/* What domain/sched.c promises, on a machine of simulated CPUs: shares, caps, affinity, and that
 * nobody who could run is forgotten. */
#include "fake_cpus.h"

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

/* Also one that leaves more at a time than a turn is long, and nobody waits whose turn would end
 * it. */
static void test_large_cap_binds_on_an_idle_machine(void **s)
{
	static const uint16_t cap[] = { 34, 50, 80, 95 };
	struct domain *d = guest(1, 256);
	unsigned int i;
	long before;

	(void)s;
	for (i = 0; i < ARRAY_SIZE(cap); i++) {
		sched_set_params(d, 256, cap[i]);
		before = ms_used(d);
		run_until(now + 10 * NS_PER_SEC);
		assert_in_range(ms_used(d) - before, cap[i] * 98, cap[i] * 102);
	}
}

/* Two fifths of a processor, for the first of four vcpus alone. */
static void one_up_capped(struct domain *d)
{
	unsigned int i;

	sched_set_params(d, 256, 40);
	for (i = 1; i < 4; i++) {
		d->vcpus[i]->down = true;
		sched_sleep(d->vcpus[i]);
	}
}

/* Those that are down leave their part of it to the others. */
static void test_cap_is_shared_by_who_is_up(void **s)
{
	struct domain *d = guest(4, 256);
	long before;

	(void)s;
	one_up_capped(d);
	run_until(now + NS_PER_SEC); /* from the next period on */
	before = ms_used(d);
	run_until(now + 10 * NS_PER_SEC);
	assert_in_range(ms_used(d) - before, 3920, 4080);
	d->vcpus[1]->down = false;
	sched_wake(d->vcpus[1]);
	run_until(now + NS_PER_SEC);
	before = ms_used(d);
	run_until(now + 10 * NS_PER_SEC);
	assert_in_range(ms_used(d) - before, 3920, 4080);
}

/* And one that is taken up in place of another has not the other's part of a period once more. */
static void test_cap_is_one_for_all_turns(void **s)
{
	struct domain *d = guest(4, 256);
	unsigned int i;
	long before;

	(void)s;
	one_up_capped(d);
	run_until(now + NS_PER_SEC);
	before = ms_used(d);
	for (i = 0; i < 800; i++) {
		sched_up(d->vcpus[(i + 1) % 4]);
		d->vcpus[i % 4]->down = true;
		sched_sleep(d->vcpus[i % 4]);
		run_until(now + 12 * NS_PER_MS);
	}
	assert_in_range(ms_used(d) - before, 1, 9600 * 42 / 100);
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

/* Who leaves a CPU waits for one that it may use, also where that one never idles. */
static void test_moved_to_a_busy_cpu(void **s)
{
	struct domain *there = guest(1, 256), *moved = guest(1, 256);

	(void)s;
	assert_int_equal(sched_set_affinity(there->vcpus[0], 1 << 1, ~0ull), 0);
	assert_int_equal(sched_set_affinity(moved->vcpus[0], 1 << 0, ~0ull), 0);
	run_until(now + NS_PER_SEC);
	assert_int_equal(moved->vcpus[0]->cpu, 0);
	assert_int_equal(sched_set_affinity(moved->vcpus[0], 1 << 1, ~0ull), 0);
	run_until(now + 2 * NS_PER_SEC);
	assert_in_range(ms_used(moved), 1950, 2050);
	assert_in_range(ms_used(there), 1950, 2050);
}

static struct vcpu *waking;

static void move_it_on(void)
{
	assert_int_equal(sched_set_affinity(waking, 1 << 2, ~0ull), 0);
}

/* On its way to a CPU it is told to use another. */
static void test_moved_while_it_wakes(void **s)
{
	struct domain *hog = guest(2, 256), *d = guest(1, 256);

	(void)s;
	waking = d->vcpus[0];
	assert_int_equal(sched_set_affinity(hog->vcpus[0], 1 << 1, ~0ull), 0);
	assert_int_equal(sched_set_affinity(hog->vcpus[1], 1 << 2, ~0ull), 0);
	assert_int_equal(sched_set_affinity(waking, 1 << 3, ~0ull), 0);
	settle();
	assert_int_equal(waking->cpu, 3);
	block(waking);
	settle();
	assert_int_equal(sched_set_affinity(waking, 1 << 1, ~0ull), 0);
	at_unlock = move_it_on;
	vcpu_unblock(waking);
	assert_null(at_unlock);
	settle();
	assert_int_equal(waking->cpu, 2);
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

static void test_event_is_delivered_on_the_way_out(void **s)
{
	struct vcpu *v = guest(1, 256)->vcpus[0];

	(void)s;
	settle();
	assert_true(v->running);
	*vcpu_upcall_pending(v) = 1;
	one_way_out(0);
	assert_int_equal(delivered, 1);
	assert_int_equal(*vcpu_upcall_pending(v), 0);
}

/* Its interrupt was taken while there was nothing to deliver yet: there is no other. */
static void test_event_right_after_a_look_is_not_lost(void **s)
{
	struct vcpu *v = guest(1, 256)->vcpus[0];

	(void)s;
	settle();
	my_cpu = v->cpu;
	*vcpu_upcall_pending(v) = 1;
	nothing_to_deliver = true;
	assert_false(hook_before_return(&cpus[my_cpu].guest_regs));
	nothing_to_deliver = false;
	assert_true(hook_before_return(&cpus[my_cpu].guest_regs));
	assert_int_equal(delivered, 1);
	assert_true(hook_before_return(&cpus[my_cpu].guest_regs));
	assert_int_equal(delivered, 1);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		ONE(test_equal_weights_share_equally),
		ONE(test_weights),
		ONE(test_cap),
		ONE(test_cap_binds_on_an_idle_machine),
		ONE(test_large_cap_binds_on_an_idle_machine),
		FOUR(test_cap_is_shared_by_who_is_up),
		ONE(test_cap_is_one_for_all_turns),
		FOUR(test_every_cpu_works),
		FOUR(test_more_than_cpus_are_shared),
		FOUR(test_affinity),
		FOUR(test_moved_to_a_busy_cpu),
		FOUR(test_moved_while_it_wakes),
		ONE(test_sleeper_preempts_who_computes),
		ONE(test_sleep_earns_no_fortune),
		ONE(test_pending_event_keeps_awake),
		ONE(test_event_is_delivered_on_the_way_out),
		ONE(test_event_right_after_a_look_is_not_lost),
		FOUR(test_wake_between_block_and_switch_is_not_lost),
		ONE(test_yield_lets_the_next_run),
		FOUR(test_runstates_add_up),
		FOUR(test_pause),
		FOUR(test_storm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
