/* SPDX-License-Identifier: BSD-2-Clause */
/* set_timer_op: the elder of the two single-shot timers. */
#include "check.h"
#include "event.h"
#include "timer.h"

void test_set_timer_op(void);

static bool ticked(void *arg)
{
	return timer_events != *(unsigned long *)arg;
}

void test_set_timer_op(void)
{
	unsigned long before = timer_events;

	expect(hc_set_timer_op(now() + 2 * MS), 0, "a time to come");
	expect_true(event_wait_for(ticked, &before, now() + SECOND), "its event comes");
	before = timer_events;
	expect(hc_set_timer_op(now() - 1), 0, "a time that has passed");
	expect_true(event_wait_for(ticked, &before, now() + SECOND), "its event comes");
	before = timer_events;
	expect(hc_set_timer_op(now() + 2 * MS), 0, "a time to come");
	expect(hc_set_timer_op(0), 0, "none after all");
	for (uint64_t end = now() + 5 * MS; now() < end;)
		;
	expect_true(timer_events == before, "no event comes");
}
