/* SPDX-License-Identifier: BSD-2-Clause */
/* set_timer_op: the elder of the two single-shot timers. Nothing is printed while one runs: to wait
 * for the console sets it too. */
#include "check.h"
#include "timer.h"

void test_set_timer_op(void);

static void one(uint64_t when, const char *text)
{
	unsigned long before = timer_events;
	long rc = hc_set_timer_op(when);
	bool came = ticked_since(before);

	expect(rc, 0, "%s", text);
	expect_true(came, "its event comes");
}

/* Both calls within the time set: a machine that is busy with other things may need a second try. */
static void taken_back(void)
{
	unsigned long before;
	uint64_t when;
	long set, none;
	bool quiet;

	do {
		before = timer_events;
		when = now() + 20 * MS;
		set = hc_set_timer_op(when);
		none = hc_set_timer_op(0);
	} while (now() >= when);
	for (uint64_t end = when + 10 * MS; now() < end;)
		;
	quiet = timer_events == before;
	expect(set, 0, "a time to come");
	expect(none, 0, "none after all");
	expect_true(quiet, "no event comes");
}

void test_set_timer_op(void)
{
	one(now() + 2 * MS, "a time to come");
	one(now() - 1, "a time that has passed");
	taken_back();
}
