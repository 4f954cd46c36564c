/* SPDX-License-Identifier: BSD-2-Clause */
/* The device state machine: its paths, and both halves run against each other in every order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "xenbus/state/xenbus.h"

static void paths_are_the_customary_ones(void **state)
{
	struct xenbus_device d = { "vbd", 5, 0, 51712 }, e;
	char p[XENBUS_PATH_MAX];
	size_t type_len;

	(void)state;
	xenbus_path(p, sizeof(p), &d, XENBUS_FRONTEND, "state");
	assert_string_equal(p, "/local/domain/5/device/vbd/51712/state");
	xenbus_path(p, sizeof(p), &d, XENBUS_BACKEND, NULL);
	assert_string_equal(p, "/local/domain/0/backend/vbd/5/51712");
	assert_true(xenbus_parse(p, XENBUS_BACKEND, &e, &type_len));
	assert_int_equal(e.frontend, 5);
	assert_int_equal(e.backend, 0);
	assert_int_equal(e.id, 51712);
	assert_int_equal(type_len, 3);
	xenbus_dir(p, sizeof(p), &d, XENBUS_BACKEND);
	assert_string_equal(p, "/local/domain/0/backend/vbd/5");
	assert_int_equal(xenbus_path(p, 20, &d, XENBUS_BACKEND, NULL), 0);
}

static void hostile_paths_are_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"/",
		"/local/domain/",
		"/local/domain/x/device/vbd/1",
		"/local/domain/70000/device/vbd/1",
		"/local/domain/5/device//1",
		"/local/domain/5/device/vbd/",
		"/local/domain/5/device/vbd/99999999999",
		"/local/domain/5/device/vbd/1x",
		"/local/domain/-5/device/vbd/1",
		"/local/domain/5",
	};
	struct xenbus_device d;
	size_t i, n;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(xenbus_parse(bad[i], XENBUS_FRONTEND, &d, &n));
}

static void only_single_digits_are_states(void **state)
{
	(void)state;
	assert_int_equal(xenbus_state_parse("4", 1), XenbusStateConnected);
	assert_int_equal(xenbus_state_parse("44", 2), XenbusStateUnknown);
	assert_int_equal(xenbus_state_parse("9", 1), XenbusStateUnknown);
	assert_int_equal(xenbus_state_parse("", 0), XenbusStateUnknown);
	assert_string_equal(xenbus_state_name((XenbusState)77), "Unknown");
	assert_int_equal(xenbus_hotplug_parse("connected", 9), HOTPLUG_CONNECTED);
	assert_int_equal(xenbus_hotplug_parse("error", 5), HOTPLUG_ERROR);
	assert_int_equal(xenbus_hotplug_parse("", 0), HOTPLUG_WAITS);
}

/* Both halves as the steps say, one world per pair of states. */
struct world {
	XenbusState front, back;
	bool front_gone, back_gone, online;
	enum xenbus_hotplug hotplug;
};

static bool step(struct world *w, enum xenbus_side side)
{
	struct xenbus_view v = {
		.side = side,
		.mine = side == XENBUS_BACKEND ? w->back : w->front,
		.theirs = side == XENBUS_BACKEND ? w->front : w->back,
		.theirs_exists = side == XENBUS_BACKEND ? !w->front_gone : !w->back_gone,
		.online = w->online,
		.hotplug = w->hotplug,
	};
	XenbusState *mine = side == XENBUS_BACKEND ? &w->back : &w->front, old = *mine;
	bool *gone = side == XENBUS_BACKEND ? &w->back_gone : &w->front_gone;

	if (*gone)
		return false;
	switch (xenbus_next(&v)) {
	case STEP_WAIT: return false;
	case STEP_OFFER: *mine = XenbusStateInitWait; break;
	case STEP_PUBLISH: *mine = XenbusStateInitialised; break;
	case STEP_CONNECT: *mine = XenbusStateConnected; break;
	case STEP_FAIL: *mine = XenbusStateClosing; break;
	case STEP_CLOSE:
		*mine = old == XenbusStateClosing ? XenbusStateClosed : XenbusStateClosing;
		break;
	case STEP_FREE: *gone = true; return true;
	}
	return *mine != old;
}

/* Let them run in the order that the bits of which say; the steps until neither has one. */
static int settle(struct world *w, unsigned which)
{
	int n, idle = 0;

	for (n = 0; n < 200 && idle < 4; n++) {
		enum xenbus_side side = which >> n % 32 & 1 ? XENBUS_BACKEND : XENBUS_FRONTEND;

		/* fair in the end, whatever the bits */
		if (n >= 32)
			side = n & 1 ? XENBUS_BACKEND : XENBUS_FRONTEND;
		if (step(w, side))
			idle = 0;
		else if (n >= 32)
			idle++;
	}
	return n;
}

static void connects_in_any_order(void **state)
{
	unsigned order;

	(void)state;
	for (order = 0; order < 4096; order++) {
		struct world w = { .front = XenbusStateInitialising,
				   .back = XenbusStateInitialising,
				   .online = true,
				   .hotplug = HOTPLUG_CONNECTED };

		assert_true(settle(&w, order * 2654435761u) < 200);
		assert_int_equal(w.front, XenbusStateConnected);
		assert_int_equal(w.back, XenbusStateConnected);
	}
}

static void waits_for_hotplug(void **state)
{
	struct world w = { .front = XenbusStateInitialising,
			   .back = XenbusStateInitialising,
			   .online = true };

	(void)state;
	settle(&w, 0x55555555);
	assert_int_equal(w.front, XenbusStateInitialised);
	assert_int_equal(w.back, XenbusStateInitWait);
	w.hotplug = HOTPLUG_CONNECTED;
	settle(&w, 0x55555555);
	assert_int_equal(w.back, XenbusStateConnected);
	w = (struct world){ .front = XenbusStateInitialising,
			    .back = XenbusStateInitialising,
			    .online = true,
			    .hotplug = HOTPLUG_ERROR };
	settle(&w, 0x55555555);
	assert_int_not_equal(w.back, XenbusStateConnected);
}

static void closes_from_either_side(void **state)
{
	unsigned order;

	(void)state;
	for (order = 0; order < 4096; order++) {
		struct world w = { .front = XenbusStateConnected,
				   .back = XenbusStateConnected,
				   .hotplug = HOTPLUG_CONNECTED };

		if (order & 1)
			w.back = XenbusStateClosing;
		else
			w.front = XenbusStateClosing;
		assert_true(settle(&w, order * 2654435761u) < 200);
		assert_true(w.back_gone);
		assert_true(w.front_gone || w.front == XenbusStateClosed);
	}
}

static void a_rebooted_frontend_connects_again(void **state)
{
	struct world w = { .front = XenbusStateClosed,
			   .back = XenbusStateConnected,
			   .online = true,
			   .hotplug = HOTPLUG_CONNECTED };

	(void)state;
	settle(&w, 0x12345678);
	assert_int_equal(w.back, XenbusStateClosed);
	w.front = XenbusStateInitialising;
	settle(&w, 0x12345678);
	assert_int_equal(w.back, XenbusStateConnected);
	assert_int_equal(w.front, XenbusStateConnected);
}

/*
 * Whatever the other half writes: a half comes to rest, and never keeps rings of a frontend that is
 * gone.
 */
static void any_pair_of_states_settles(void **state)
{
	unsigned mine, theirs, flags;

	(void)state;
	for (mine = 0; mine < 9; mine++) {
		for (theirs = 0; theirs < 9; theirs++) {
			for (flags = 0; flags < 24; flags++) {
				struct world w = { .front = theirs,
						   .back = mine,
						   .online = flags & 1,
						   .hotplug = flags >> 3,
						   .front_gone = flags & 2,
						   .back_gone = flags & 4 };

				assert_true(settle(&w, 0xaaaaaaaa) < 200);
				if (w.front_gone && !w.back_gone)
					assert_int_not_equal(w.back, XenbusStateConnected);
			}
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_are_the_customary_ones),
		cmocka_unit_test(hostile_paths_are_refused),
		cmocka_unit_test(only_single_digits_are_states),
		cmocka_unit_test(connects_in_any_order),
		cmocka_unit_test(waits_for_hotplug),
		cmocka_unit_test(closes_from_either_side),
		cmocka_unit_test(a_rebooted_frontend_connects_again),
		cmocka_unit_test(any_pair_of_states_settles),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
