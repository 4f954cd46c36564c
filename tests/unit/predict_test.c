/* SPDX-License-Identifier: BSD-2-Clause */
/* The predictor against guests that behave as told: what it says after two rounds is what would
 * happen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "migration/predict.h"

#define PAGE_NS 40000ull /* 100 MB/s */
#define MS	1000000ull
static const struct predict_limits limits = { .downtime_ns = 50 * MS, .fixed_ns = 5 * MS };

/* A guest that writes `rate` pages a second, over and over in a set of `set` of them. */
static uint64_t writes(double rate, uint64_t set, uint64_t ns)
{
	double n = rate * (double)ns / 1e9;

	return n < (double)set ? (uint64_t)n : set;
}

static struct prediction after(unsigned int rounds, double rate, uint64_t set,
			       const struct predict_limits *l)
{
	struct round_measure r[8];
	uint64_t pages = 32768;

	for (unsigned int i = 0; i < rounds; i++) {
		r[i] = (struct round_measure){ pages, pages * 4096, pages * PAGE_NS,
					       writes(rate, set, pages * PAGE_NS), 0 };
		pages = r[i].dirtied;
	}
	return predict(r, rounds, l);
}

static void idle(void **state)
{
	struct prediction p = after(1, 0, 0, &limits);

	(void)state;
	assert_int_equal(p.verdict, VERDICT_CONVERGES);
	assert_int_equal(p.rounds_left, 0);
	assert_int_equal(p.pause_ns, 5 * MS);
}

/* Of a file of costs that somebody edited, on a slow wire. */
static void nonsense(void **state)
{
	const struct round_measure r = { 4096, 4096ull * 4096, 4096ull * 10 * MS, 2000, 0 };
	const struct predict_limits l = { .downtime_ns = 50 * MS,
					  .fixed_ns = 5 * MS,
					  .left_pages = 59999999999,
					  .left_of = 59999999999,
					  .last_page_ns = 59999999999,
					  .of_page_ns = 1 };
	struct prediction p = predict(&r, 1, &l);

	(void)state;
	assert_int_not_equal(p.verdict, VERDICT_CONVERGES);
	assert_true(p.now_ns > 1000000000 * MS);
}

static void slow_writer(void **state)
{
	struct prediction p = after(2, 2000, 100000, &limits); /* 8 per cent of the wire */

	(void)state;
	/* 32768 pages, 2621 dirtied in 1.3 s, 209 in 105 ms: 8.4 + 5 ms */
	assert_int_equal(p.verdict, VERDICT_CONVERGES);
	assert_int_equal(p.rounds_left, 0);
	assert_true(p.pause_ns > 12 * MS && p.pause_ns < 15 * MS);
	p = after(1, 2000, 100000, &limits);
	assert_int_equal(p.verdict, VERDICT_CONVERGES);
	assert_int_equal(p.rounds_left, 1);
	assert_true(p.pause_ns > 12 * MS && p.pause_ns < 15 * MS);
}

static void working_set(void **state)
{
	struct prediction p =
		after(3, 1e6, 4096, &limits); /* 16 MiB, over and over: 164 ms of wire */

	(void)state;
	/* whether a slower guest would help cannot be seen from rounds of one length */
	assert_int_not_equal(p.verdict, VERDICT_CONVERGES);
	assert_int_equal(p.rounds_left, 0);
	assert_true(p.pause_ns > 165 * MS && p.pause_ns < 175 * MS);
}

static void faster_than_the_wire(void **state)
{
	struct prediction p = after(2, 40000, 1u << 30, &limits);

	(void)state;
	assert_int_not_equal(p.verdict, VERDICT_CONVERGES);
	assert_true(p.throttle_percent < 70); /* 25000 pages a second are what the wire takes */
}

static void deadline(void **state)
{
	struct predict_limits l = limits;
	struct prediction p;

	(void)state;
	p = after(1, 15000, 1u << 30, &l); /* 60 per cent of the wire: many rounds */
	assert_int_equal(p.verdict, VERDICT_CONVERGES);
	assert_true(p.rounds_left > 3);
	l.left_ns = 500 * MS;
	p = after(1, 15000, 1u << 30, &l);
	assert_int_not_equal(p.verdict, VERDICT_CONVERGES);
}

/* Followed to the end: nine in ten of the predictions are within a quarter of what comes. */
static void predicted_is_what_comes(void **state)
{
	unsigned int good = 0, all = 0;

	(void)state;
	for (unsigned int rate = 500; rate <= 20000; rate += 500) {
		struct prediction early = after(2, rate, 200000, &limits);
		double pages = 32768;

		for (unsigned int i = 0; i < 2 + early.rounds_left; i++)
			pages = (double)writes(rate, 200000, (uint64_t)(pages * PAGE_NS));
		double real = 5e6 + pages * PAGE_NS;

		all++;
		good += (double)early.pause_ns > real * 0.75 && (double)early.pause_ns < real * 1.25;
	}
	assert_true(good * 10 >= all * 9);
}

/* Pages that go as what differs: each is one, at what it took. Pages of zeros beside them are none. */
static void deltas(void **state)
{
	struct round_measure r = { 1000, 100 * 4104 + 800 * 200 + 100 * 8, 1000 * MS, 500, 0 };

	(void)state;
	r.saved = 800 * (4104 - 200);
	assert_true(predict_page_ns(&r, 1) > 1.0 * 1000 * MS / 901 &&
		    predict_page_ns(&r, 1) < 1.0 * 1000 * MS / 899);
	/* all were as before: nothing went */
	r.bytes = 0;
	r.saved = 1000 * 4104;
	assert_true(predict_page_ns(&r, 1) == 1.0 * MS);
}

/* Of a guest whose last pages are sent while it comes to rest, what was left the last time is left
 * again, however many are due within reason; what is beyond that waits. */
static void chased(void **state)
{
	struct round_measure r = { 10000, 10000 * 4104, 10000 * PAGE_NS, 600, 0 };
	struct predict_limits l = limits;

	(void)state;
	l.extra_pages = 400;
	assert_int_equal(predict(&r, 1, &l).now_ns, 5 * MS + 1000 * PAGE_NS);
	l.left_pages = 100;
	l.left_of = 500;
	assert_int_equal(predict(&r, 1, &l).now_ns, 5 * MS + 100 * PAGE_NS);
	r.dirtied = 1500;
	assert_int_equal(predict(&r, 1, &l).now_ns, 5 * MS + 600 * PAGE_NS);
	r.dirtied = 10;
	assert_int_equal(predict(&r, 1, &l).now_ns, 5 * MS + 100 * PAGE_NS);
	r.dirtied = 0;
	assert_int_equal(predict(&r, 1, &l).now_ns, 5 * MS + 100 * PAGE_NS);
	/* never more than without */
	l.left_pages = 5000;
	r.dirtied = 600;
	assert_int_equal(predict(&r, 1, &l).now_ns, 5 * MS + 1000 * PAGE_NS);
}

/* What a page of the last round took counts, as long as the rounds before are about as fast as they
 * were; on a wire that is much slower or faster it's slower or faster, too. */
static void as_it_was(void **state)
{
	struct round_measure r = { 10000, 10000 * 4104, 10000 * PAGE_NS, 600, 0 };
	struct predict_limits l = limits;

	(void)state;
	l.last_page_ns = PAGE_NS / 4;
	l.of_page_ns = PAGE_NS;
	l.known = true;
	assert_int_equal(predict(&r, 1, &l).now_ns, 5 * MS + 600 * PAGE_NS / 4);
	r.took_ns = 19000 * PAGE_NS;
	assert_int_equal(predict(&r, 1, &l).now_ns, 5 * MS + 600 * PAGE_NS / 4);
	r.took_ns = 6000 * PAGE_NS;
	assert_int_equal(predict(&r, 1, &l).now_ns, 5 * MS + 600 * PAGE_NS / 4);
	r.took_ns = 80000 * PAGE_NS;
	assert_int_equal(predict(&r, 1, &l).now_ns, 5 * MS + 600 * PAGE_NS);
	r.took_ns = 1000 * PAGE_NS;
	assert_int_equal(predict(&r, 1, &l).now_ns, 5 * MS + 600 * PAGE_NS / 20);
	/* of other guests it says in what proportion they stood */
	l.known = false;
	r.took_ns = 5000 * PAGE_NS;
	assert_int_equal(predict(&r, 1, &l).now_ns, 5 * MS + 600 * PAGE_NS / 8);
	/* a cap holds for all rounds */
	l.least_page_ns = 3 * PAGE_NS;
	assert_int_equal(predict(&r, 1, &l).now_ns, 5 * MS + 600 * 3 * PAGE_NS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(idle),
		cmocka_unit_test(slow_writer),
		cmocka_unit_test(nonsense),
		cmocka_unit_test(working_set),
		cmocka_unit_test(faster_than_the_wire),
		cmocka_unit_test(deadline),
		cmocka_unit_test(predicted_is_what_comes),
		cmocka_unit_test(deltas),
		cmocka_unit_test(chased),
		cmocka_unit_test(as_it_was),
	};

	return cmocka_run_group_tests_name("predict", tests, NULL, NULL);
}
