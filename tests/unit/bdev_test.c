/* SPDX-License-Identifier: BSD-2-Clause */
/* A device's nodes: none come back after the toolstack took them away, and what a guest wrote is
 * quoted as words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>

#include "drivers/backend/common/bdev.h"

#define BACK  "/local/domain/0/backend/vbd/5/51712"
#define FRONT "/local/domain/5/device/vbd/51712"

static bool there;    /* the backend's directory */
static char mark[64]; /* what marks it as served */
/* what is held back, and how many events until it is there or the directory gone; no more than
 * that are waited for */
static const char *held;
static unsigned int comes_with, goes_with, event, watches;
static char written[STORE_PATH_MAX], value[2048], logged[2048];
static unsigned int writes, lines;
static time_t now = 1000;
static bool away, lost;		   /* the store, and only for who writes */
static bool blinks, leaves;	   /* away for one call; from when it was asked what is there */
static uint64_t states[2], online; /* the frontend's and the backend's */
static bool connected;
static unsigned int connects, disconnects;

/* --- the store and the log */

static bool is_away(void)
{
	bool now_away = away || blinks;

	blinks = false;
	return now_away;
}

int store_open(struct store **s, const char *path)
{
	(void)path;
	*s = (struct store *)&there;
	return 0;
}

void store_close(struct store **s)
{
	*s = NULL;
}

const char *store_why(const struct store *s)
{
	(void)s;
	return "";
}

int store_read(struct store *s, store_txn_t t, const char *path, char **v, size_t *len)
{
	const char *is = NULL;

	(void)s, (void)t, (void)len;
	if (is_away())
		return -ECONNRESET;
	if (there && strcmp(path, BACK "/frontend-id") == 0)
		is = "5";
	else if (there && strcmp(path, BACK "/frontend") == 0)
		is = FRONT;
	else if (there && strcmp(path, BACK "/served-by") == 0 && mark[0])
		is = mark;
	*v = is ? strdup(is) : NULL;
	return is ? 0 : -ENOENT;
}

int store_read_u64(struct store *s, store_txn_t t, const char *path, uint64_t *v)
{
	(void)s, (void)t;
	if (is_away())
		return -ECONNRESET;
	if (strcmp(path, FRONT "/state") == 0)
		*v = states[0];
	else if (strcmp(path, BACK "/state") == 0)
		*v = states[1];
	else if (strcmp(path, BACK "/online") == 0)
		*v = online;
	else if (strcmp(path, BACK "/frontend-id") == 0)
		*v = 5;
	else
		return -ENOENT;
	return there ? 0 : -ENOENT;
}

int store_exists(struct store *s, store_txn_t t, const char *path, bool *yes)
{
	(void)s, (void)t;
	if (is_away())
		return -ECONNRESET;
	away = leaves && event;
	*yes = there && (strcmp(path, BACK "/frontend-id") == 0 ||
			 (held && event >= comes_with && strcmp(path, held) == 0));
	return 0;
}

int store_write(struct store *s, store_txn_t t, const char *path, const void *v, size_t len)
{
	(void)s, (void)t;
	if (away || lost)
		return -ECONNRESET;
	writes++;
	snprintf(written, sizeof(written), "%s", path);
	snprintf(value, sizeof(value), "%.*s", (int)len, (const char *)v);
	if (strcmp(path, BACK "/served-by") == 0)
		snprintf(mark, sizeof(mark), "%.*s", (int)len, (const char *)v);
	return 0;
}

int store_printf(struct store *s, store_txn_t t, const char *path, const char *fmt, ...)
{
	(void)fmt;
	return store_write(s, t, path, "", 0);
}

int store_transact(struct store *s, store_txn_fn *fn, void *arg)
{
	return fn(s, 1, arg);
}

int store_watch(struct store *s, const char *path, const char *token)
{
	(void)s, (void)token;
	watches++;
	return path ? 0 : -EINVAL;
}

int store_unwatch(struct store *s, const char *path, const char *token)
{
	(void)s, (void)path, (void)token;
	watches--;
	return 0;
}

int store_next_event(struct store *s, struct store_event **e, int timeout_ms)
{
	(void)s;
	if (timeout_ms == 0 || event > 10)
		return -EAGAIN;
	*e = calloc(1, sizeof(**e));
	event++;
	if (goes_with && event >= goes_with)
		there = false;
	return 0;
}

int __wrap_clock_gettime(clockid_t id, struct timespec *t);
int __wrap_clock_gettime(clockid_t id, struct timespec *t)
{
	(void)id;
	*t = (struct timespec){ .tv_sec = now };
	return 0;
}

void syslog(int priority, const char *fmt, ...)
{
	va_list ap;

	lines++;
	(void)priority;
	va_start(ap, fmt);
	vsnprintf(logged, sizeof(logged), fmt, ap);
	va_end(ap);
}

/* --- the tests */

static bool is_connected(struct bdev *d)
{
	(void)d;
	return connected;
}

/* As a disk's or a card's. */
static void connect_it(struct bdev *d)
{
	connects++;
	connected = true;
	bdev_set_state(d, XenbusStateConnected);
}

static void disconnect_it(struct bdev *d)
{
	(void)d;
	disconnects += connected;
	connected = false;
}

static const struct bdev_ops ops = { is_connected, connect_it, disconnect_it };

static struct bdev device(void)
{
	struct bdev d = {
		.ops = &ops, .store = (struct store *)&there, .back = BACK, .front = FRONT
	};

	away = lost = blinks = leaves = connected = false;
	mark[0] = 0;
	states[1] = XenbusStateInitialising;
	online = 1;
	connects = disconnects = 0;
	writes = 0;
	written[0] = value[0] = logged[0] = 0;
	return d;
}

static void nothing_is_written_where_the_directory_is_gone(void **state)
{
	const struct fact facts[] = { { "sectors", 1 }, { "state", XenbusStateConnected } };
	struct bdev d = device();

	(void)state;
	there = false;
	assert_int_equal(bdev_write_facts(&d, 1, facts, 2), -ENOENT);
	assert_int_not_equal(bdev_write_back(&d, "error", "x"), 0);
	assert_int_equal(writes, 0);
	there = true;
	assert_int_equal(bdev_write_facts(&d, 1, facts, 2), 0);
	assert_int_equal(writes, 2);
	assert_string_equal(written, BACK "/state");
}

static void a_guest_s_words_are_one_line_of_the_log_and_the_node(void **state)
{
	struct bdev d = device();
	struct why why;

	(void)state;
	there = true;
	why_set(&why, TE_DEVICE, "protocol is \"%s\"", "x\nroot: all is well\x1b[2J");
	bdev_report(&d, &why);
	assert_string_equal(logged, BACK ": protocol is \"x?root: all is well?[2J\"");
	assert_string_equal(written, BACK "/error");
	assert_string_equal(value, "protocol is \"x?root: all is well?[2J\"");
}

static void a_guest_does_not_fill_the_log(void **state)
{
	struct bdev d = device();

	(void)state;
	now += 3600;
	lines = 0;
	for (int i = 0; i < 1000; i++)
		bdev_say(&d, LOG_INFO, "connected");
	assert_in_range(lines, 5, 50);
	now += 3600;
	lines = 0;
	bdev_say(&d, LOG_INFO, "connected"); /* and what was left out is counted */
	assert_int_equal(lines, 2);
	bdev_say(&d, LOG_INFO, "once more");
	assert_int_equal(lines, 3);
	assert_string_equal(logged, BACK ": once more");
}

static struct bdev held_device(unsigned int comes, unsigned int goes)
{
	there = true;
	held = BACK "/params";
	comes_with = comes;
	goes_with = goes;
	event = watches = 0;
	return device();
}

static void what_is_there_is_not_waited_for(void **state)
{
	struct bdev d = held_device(0, 0);

	(void)state;
	assert_int_equal(bdev_await(&d, "params"), 0);
	assert_int_equal(event, 0);
	assert_int_equal(watches, 0);
}

static void what_is_held_back_is_waited_for(void **state)
{
	struct bdev d = held_device(3, 0);

	(void)state;
	assert_int_equal(bdev_await(&d, "params"), 0);
	assert_int_equal(event, 3);
	assert_int_equal(watches, 0);
}

static void a_device_that_goes_before_it_was_opened_is_told(void **state)
{
	struct bdev d = held_device(9, 2);

	(void)state;
	assert_int_equal(bdev_await(&d, "params"), -ENOENT);
	assert_int_equal(event, 2);
	assert_int_equal(watches, 0);
}

/* --- another device of the same number, at once in the place of one that was taken away */

static struct bdev replaced_device(void)
{
	struct bdev d = device();
	struct why why;

	there = true;
	event = 0;
	held = NULL;
	states[0] = XenbusStateInitialising;
	assert_int_equal(bdev_open(&d, BACK, &why), 0);
	assert_true(mark[0]);
	connected = true;
	bdev_set_state(&d, XenbusStateConnected);
	assert_string_equal(written, BACK "/state");
	bdev_on_event(&d, "back"); /* its own directory is no other's */
	assert_false(d.done);
	mark[0] = 0;
	writes = 0;
	return d;
}

static void what_came_in_its_place_is_left_alone(void **state)
{
	const struct fact facts[] = { { "sectors", 1 } };
	struct bdev d = replaced_device();
	struct why why;

	(void)state;
	assert_int_equal(bdev_write_facts(&d, 1, facts, 1), -ENOENT);
	bdev_set_state(&d, XenbusStateInitWait);
	why_set(&why, TE_DEVICE, "of the old one");
	bdev_report(&d, &why);
	snprintf(mark, sizeof(mark), "another");
	bdev_set_state(&d, XenbusStateClosed);
	assert_int_equal(writes, 0);
}

static void and_is_for_another_process(void **state)
{
	const char *const tokens[] = { "front", "back" };

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		struct bdev d = replaced_device();

		bdev_on_event(&d, tokens[i]);
		assert_true(d.done);
		assert_int_equal(disconnects, 1);
		assert_int_equal(connects, 0);
		assert_int_equal(writes, 0);
	}
}

static void also_while_it_is_waited_for(void **state)
{
	struct bdev d = replaced_device();

	(void)state;
	held = BACK "/params";
	comes_with = 2;
	goes_with = 0;
	assert_int_equal(bdev_await(&d, "params"), -ENOENT);
	assert_int_equal(event, 1);
}

static struct bdev device_at(enum xenbus_state front, enum xenbus_state back)
{
	struct bdev d = device();

	there = true;
	states[0] = front;
	states[1] = d.state = back;
	connected = back == XenbusStateConnected;
	snprintf(d.mark, sizeof(d.mark), "this one");
	snprintf(mark, sizeof(mark), "this one");
	return d;
}

/* Its directories cannot be read while the store is away: they are not gone. */
static void a_store_that_is_away_takes_no_device_away(void **state)
{
	struct bdev d = device_at(XenbusStateConnected, XenbusStateConnected);

	(void)state;
	away = true;
	bdev_on_event(&d, "front");
	bdev_on_event(&d, "back");
	assert_true(connected);
	assert_false(d.done);
	away = false;
	bdev_on_event(&d, "front");
	bdev_on_event(&d, "back");
	assert_int_equal(disconnects, 0);
	there = false; /* this is what gone is */
	bdev_on_event(&d, "back");
	assert_int_equal(disconnects, 1);
	assert_true(d.done);
}

/* Nor is it closed by a process that begins while the store is away: the next one serves it. */
static void a_store_that_is_away_closes_no_device(void **state)
{
	struct bdev d = device_at(XenbusStateConnected, XenbusStateConnected);
	struct why why;

	(void)state;
	away = true;
	assert_int_not_equal(bdev_open(&d, BACK, &why), 0);
	assert_null(d.store);
	away = false;
	assert_int_not_equal(bdev_refuse(&d, &why), 0);
	lost = true; /* it goes before the directory is marked */
	assert_int_not_equal(bdev_open(&d, BACK, &why), 0);
	assert_null(d.store);
	lost = false;
	assert_int_not_equal(bdev_refuse(&d, &why), 0);
	assert_int_equal(writes, 0);
	assert_int_equal(bdev_open(&d, BACK, &why), 0);
	assert_int_equal(d.state, XenbusStateConnected);
	assert_int_equal(d.domid, 5);
}

/* What is read after a mark that could not be may be another's. */
static void whose_it_is_is_known_before_anything_is_done(void **state)
{
	struct bdev d = device_at(XenbusStateClosing, XenbusStateConnected);

	(void)state;
	blinks = true;
	bdev_on_event(&d, "front");
	assert_true(connected);
	assert_int_equal(writes, 0);
	bdev_on_event(&d, "front");
	assert_false(connected);
	assert_string_equal(value, "5");
}

static void a_store_that_goes_ends_no_waiting_for_good(void **state)
{
	struct bdev d = held_device(3, 0);

	(void)state;
	leaves = true;
	assert_int_equal(bdev_await(&d, "params"), -ECONNRESET);
}

/* Nor for what one could not read that has begun. */
static void what_could_not_be_read_is_not_what_a_device_lacks(void **state)
{
	struct bdev d = device_at(XenbusStateInitialising, XenbusStateInitialising);
	struct why why;
	uint64_t n;

	(void)state;
	why_set(&why, TE_STORE, "params is missing");
	assert_int_not_equal(bdev_read_back_number(&d, "params", &n), 0);
	assert_int_equal(bdev_refuse(&d, &why), 0); /* it is missing indeed */
	assert_string_equal(value, "6");
	writes = 0;
	blinks = true;
	assert_int_not_equal(bdev_read_back_number(&d, "params", &n), 0);
	assert_int_not_equal(bdev_refuse(&d, &why), 0);
	assert_int_equal(writes, 0);
}

static void a_frontend_that_was_not_told_is_connected_anew(void **state)
{
	struct bdev d = device_at(XenbusStateInitialised, XenbusStateInitWait);

	(void)state;
	lost = true; /* the store goes between what is read and what is written */
	bdev_on_event(&d, "front");
	lost = false;
	assert_int_equal(connects, 1);
	assert_false(connected);
	bdev_on_event(&d, "front");
	assert_true(connected);
	assert_int_equal(connects, 2);
	assert_int_equal(d.state, XenbusStateConnected);
	assert_string_equal(value, "4");
}

/* The toolstack takes the device away while its frontend comes to connect. */
static void what_is_asked_meanwhile_is_not_written_over(void **state)
{
	const struct fact facts[] = { { "state", XenbusStateConnected } };
	struct bdev d = device_at(XenbusStateInitialised, XenbusStateInitWait);

	(void)state;
	states[1] = XenbusStateClosing;
	online = 0;
	assert_int_not_equal(bdev_write_facts(&d, 1, facts, 1), 0);
	bdev_on_event(&d, "front");
	assert_int_equal(connects, 1);
	assert_false(connected);
	assert_int_equal(writes, 0);
	bdev_on_event(&d, "back");
	assert_int_equal(d.state, XenbusStateClosing);
	assert_int_equal(connects, 1);
	states[0] = XenbusStateClosed; /* the frontend has seen it */
	bdev_on_event(&d, "front");
	assert_string_equal(value, "6");
	assert_true(d.done);
}

static void what_is_taken_away_does_not_begin_anew(void **state)
{
	struct bdev d = device_at(XenbusStateInitialising, XenbusStateInitWait);

	(void)state;
	states[1] = XenbusStateClosing; /* by the toolstack */
	online = 0;
	bdev_on_event(&d, "back");
	assert_true(d.done);
	assert_string_equal(value, "6");
	d = device_at(XenbusStateInitialising, XenbusStateClosed);
	bdev_on_event(&d, "front"); /* a guest's kernel that begins anew */
	assert_false(d.done);
	assert_string_equal(value, "2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_written_where_the_directory_is_gone),
		cmocka_unit_test(a_guest_s_words_are_one_line_of_the_log_and_the_node),
		cmocka_unit_test(a_guest_does_not_fill_the_log),
		cmocka_unit_test(what_is_there_is_not_waited_for),
		cmocka_unit_test(what_is_held_back_is_waited_for),
		cmocka_unit_test(a_device_that_goes_before_it_was_opened_is_told),
		cmocka_unit_test(what_came_in_its_place_is_left_alone),
		cmocka_unit_test(and_is_for_another_process),
		cmocka_unit_test(also_while_it_is_waited_for),
		cmocka_unit_test(a_store_that_is_away_takes_no_device_away),
		cmocka_unit_test(a_store_that_is_away_closes_no_device),
		cmocka_unit_test(whose_it_is_is_known_before_anything_is_done),
		cmocka_unit_test(a_store_that_goes_ends_no_waiting_for_good),
		cmocka_unit_test(what_could_not_be_read_is_not_what_a_device_lacks),
		cmocka_unit_test(a_frontend_that_was_not_told_is_connected_anew),
		cmocka_unit_test(what_is_asked_meanwhile_is_not_written_over),
		cmocka_unit_test(what_is_taken_away_does_not_begin_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
