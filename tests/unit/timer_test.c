/* SPDX-License-Identifier: BSD-2-Clause */
/* core/timer.c: order, the alarm, and a random walk against a plain array. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>
#include <pthread.h>
#include <cmocka.h>
#include <torc/work.h>
#include <torc/spinlock.h>
#include <torc/x86.h>

#define NR 200

/* --- the hardware and the rest of core, as the timers see them --- */
static ns_t now, alarm_at;
static unsigned int kicked;
static void (*run)(void);

static _Thread_local unsigned int my_cpu;
unsigned int nr_cpus = 4;

unsigned int this_cpu(void)
{
	return my_cpu;
}
struct vcpu *current_vcpu(void)
{
	return NULL;
}
ns_t clock_now(void)
{
	return now;
}
void clock_alarm(ns_t deadline)
{
	alarm_at = deadline;
}
void work_raise_on(unsigned int cpu, enum work w)
{
	(void)w;
	kicked = cpu;
}
void work_set_handler(enum work w, void (*fn)(void))
{
	(void)w;
	run = fn;
}
void spin_init(spinlock_t *l, enum lock_rank r)
{
	l->rank = (uint8_t)r;
	l->next = 0;
}
unsigned long spin_lock_irq(spinlock_t *l)
{
	assert_int_equal(l->next++, 0);
	return 0;
}
void spin_unlock_irq(spinlock_t *l, unsigned long f)
{
	(void)f;
	assert_int_equal(--l->next, 0);
}

static int fired[NR * 4], nr_fired;

static void fire(void *arg)
{
	fired[nr_fired++] = (int)(intptr_t)arg;
}

static int setup(void **state)
{
	(void)state;
	now = 1000;
	alarm_at = 0;
	nr_fired = 0;
	kicked = 99;
	timers_init_cpu();
	run(); /* nothing armed: the alarm is taken as gone */
	return 0;
}

static void they_fire_in_order_and_not_before_their_time(void **state)
{
	struct timer t[3];
	int i;

	(void)state;
	for (i = 0; i < 3; i++)
		timer_init(&t[i], 0, fire, (void *)(intptr_t)i);
	timer_set(&t[0], 3000);
	timer_set(&t[1], 2000);
	timer_set(&t[2], 2500);
	assert_int_equal(alarm_at, 2000);
	now = 1999;
	run();
	assert_int_equal(nr_fired, 0);
	now = 2600;
	run();
	assert_int_equal(nr_fired, 2);
	assert_int_equal(fired[0], 1);
	assert_int_equal(fired[1], 2);
	assert_int_equal(alarm_at, 3000);
	timer_stop(&t[0]);
	now = 5000;
	run();
	assert_int_equal(nr_fired, 2);
}

static void a_killed_timer_stays_dead(void **state)
{
	struct timer t;

	(void)state;
	timer_init(&t, 0, fire, NULL);
	timer_set(&t, 2000);
	timer_kill(&t);
	timer_set(&t, 1500);
	now = 9000;
	run();
	assert_int_equal(nr_fired, 0);
}

static struct timer moved;
static bool killed;

static void *kill_it(void *arg)
{
	(void)arg;
	my_cpu = 2;
	timer_kill(&moved);
	atomic_set(&killed, true);
	return NULL;
}

/* Its owner has gone to another CPU, and with it the timer, while it still runs here. */
static void fire_slowly(void *arg)
{
	pthread_t *killer = arg;

	timer_migrate(&moved, 1);
	assert_int_equal(pthread_create(killer, NULL, kill_it, NULL), 0);
	usleep(50000);
	assert_false(atomic_read(&killed));
}

static void who_kills_a_timer_waits_for_it_where_it_runs(void **state)
{
	pthread_t killer;

	(void)state;
	killed = false;
	timer_init(&moved, 0, fire_slowly, &killer);
	timer_set(&moved, 2000);
	now = 2000;
	run();
	pthread_join(killer, NULL);
	assert_true(killed);
}

static void another_cpu_is_told(void **state)
{
	struct timer t;

	(void)state;
	timer_init(&t, 0, fire, NULL);
	timer_migrate(&t, 3);
	timer_set(&t, 2000);
	assert_int_equal(kicked, 3);
	timer_migrate(&t, 0);
	assert_int_equal(alarm_at, 2000);
	timer_stop(&t);
}

static void random_walk(void **state)
{
	static struct timer t[NR];
	static ns_t model[NR]; /* 0: not armed */
	int i, step;
	ns_t last;

	(void)state;
	srand(1);
	for (i = 0; i < NR; i++) {
		timer_init(&t[i], 0, fire, (void *)(intptr_t)i);
		model[i] = 0;
	}
	for (step = 0; step < 20000; step++) {
		i = rand() % NR;
		switch (rand() % 8) {
		case 0:
		case 1:
		case 2:
		case 3:
			model[i] = now + 1 + rand() % 5000;
			timer_set(&t[i], model[i]);
			break;
		case 4:
		case 5:
			model[i] = 0;
			timer_stop(&t[i]);
			break;
		default:
			now += rand() % 400;
			nr_fired = 0;
			run();
			last = 0;
			for (i = 0; i < nr_fired; i++) {
				assert_true(model[fired[i]] && model[fired[i]] <= now);
				assert_true(model[fired[i]] >= last);
				last = model[fired[i]];
				model[fired[i]] = 0;
			}
			for (i = 0; i < NR; i++)
				assert_true(!model[i] || model[i] > now);
		}
		for (i = 0, last = 0; i < NR; i++)
			if (model[i] && (!last || model[i] < last))
				last = model[i];
		if (last)
			assert_true(alarm_at && alarm_at <= last); /* may be early, never late */
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(they_fire_in_order_and_not_before_their_time, setup),
		cmocka_unit_test_setup(a_killed_timer_stays_dead, setup),
		cmocka_unit_test_setup(who_kills_a_timer_waits_for_it_where_it_runs, setup),
		cmocka_unit_test_setup(another_cpu_is_told, setup),
		cmocka_unit_test_setup(random_walk, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
