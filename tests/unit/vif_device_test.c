/* SPDX-License-Identifier: BSD-2-Clause */
/* A card of a guest that arrives: its process is there before the guest is, and makes no interface
 * until it is this host's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "drivers/backend/common/bdev.h"
#include "drivers/backend/common/confine.h"
#include "drivers/backend/net/device.h"
#include "drivers/backend/net/link.h"
#include "drivers/backend/net/tap.h"
#include "tests/unit/fake_peer.h"

#define BACK  "/local/domain/0/backend/vif/5/0"
#define FRONT "/local/domain/5/device/vif/0"

/* At which event the card may be opened, and at which its directory goes; 0: it does not */
static unsigned int comes_with, goes_with, event, opened_at;
static bool opened, forgets; /* the latter: the store, what it is to be named */
static enum xenbus_state state;
static char mark[64];

/* --- the store */

static bool gone(void)
{
	return goes_with && event >= goes_with;
}

static const char *value_of(const char *path)
{
	if (gone())
		return NULL;
	if (strcmp(path, BACK "/frontend") == 0)
		return FRONT;
	if (strcmp(path, BACK "/frontend-id") == 0)
		return "5";
	if (strcmp(path, BACK "/served-by") == 0 && mark[0])
		return mark;
	if (strcmp(path, BACK "/mac") == 0 && comes_with && event >= comes_with)
		return "00:16:3e:00:00:01";
	return NULL;
}

int store_open(struct store **s, const char *path)
{
	(void)path;
	*s = (struct store *)&state;
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

int store_read(struct store *s, store_txn_t t, const char *path, char **value, size_t *len)
{
	const char *v = value_of(path);

	(void)s, (void)t, (void)len;
	*value = NULL;
	if (forgets && strcmp(path, BACK "/vifname") == 0)
		return -ECONNRESET;
	*value = v ? strdup(v) : NULL;
	return v ? 0 : -ENOENT;
}

int store_read_u64(struct store *s, store_txn_t t, const char *path, uint64_t *value)
{
	const char *v = value_of(path);

	(void)s, (void)t;
	if (!gone() && strcmp(path, BACK "/state") == 0) {
		*value = state;
		return 0;
	}
	*value = v ? strtoull(v, NULL, 10) : 0;
	return v ? 0 : -ENOENT;
}

int store_exists(struct store *s, store_txn_t t, const char *path, bool *yes)
{
	(void)s, (void)t;
	*yes = value_of(path) != NULL;
	return 0;
}

int store_write(struct store *s, store_txn_t t, const char *path, const void *value, size_t len)
{
	(void)s, (void)t;
	if (strcmp(path, BACK "/served-by") == 0)
		snprintf(mark, sizeof(mark), "%.*s", (int)len, (const char *)value);
	if (strcmp(path, BACK "/state") == 0)
		state = (enum xenbus_state)strtoul(value, NULL, 10);
	return 0;
}

int store_printf(struct store *s, store_txn_t t, const char *path, const char *fmt, ...)
{
	(void)s, (void)t, (void)path, (void)fmt;
	return 0;
}

int store_transact(struct store *s, store_txn_fn *fn, void *arg)
{
	return fn(s, 1, arg);
}

int store_watch(struct store *s, const char *path, const char *token)
{
	(void)s, (void)path, (void)token;
	return 0;
}

int store_unwatch(struct store *s, const char *path, const char *token)
{
	(void)s, (void)path, (void)token;
	return 0;
}

int store_fd(const struct store *s)
{
	(void)s;
	return -1;
}

int store_next_event(struct store *s, struct store_event **e, int timeout_ms)
{
	(void)s;
	if (timeout_ms == 0 || event > 10)
		return -EIO;
	event++;
	*e = calloc(1, sizeof(**e));
	return *e ? 0 : -ENOMEM;
}

void syslog(int priority, const char *fmt, ...)
{
	(void)priority, (void)fmt;
}

/* --- the interface, which cannot be made: that is as far as the process goes here */

int tap_open(struct tap *t, const char *name, struct why *why)
{
	(void)t, (void)name;
	opened = true;
	opened_at = event;
	return why_set(why, TE_DEVICE, "no interfaces here");
}

void tap_close(struct tap *t)
{
	(void)t;
}

static int not_opened(void)
{
	fail_msg("there is no interface");
	return -1;
}

int tap_set_offloads(struct tap *t, bool csum, bool tso4, bool tso6, struct why *why)
{
	(void)t, (void)csum, (void)tso4, (void)tso6, (void)why;
	return not_opened();
}

int tap_set_mtu(struct tap *t, unsigned int mtu, struct why *why)
{
	(void)t, (void)mtu, (void)why;
	return not_opened();
}

bool tap_is_up(struct tap *t)
{
	(void)t;
	return not_opened() == 0;
}

int tap_set_up(struct tap *t, bool up, struct why *why)
{
	(void)t, (void)up, (void)why;
	return not_opened();
}

int tap_set_mac(struct tap *t, const uint8_t mac[6], struct why *why)
{
	(void)t, (void)mac, (void)why;
	return not_opened();
}

int tap_route(struct tap *t, uint32_t ip, struct why *why)
{
	(void)t, (void)ip, (void)why;
	return not_opened();
}

int tap_join_bridge(struct tap *t, const char *bridge, struct why *why)
{
	(void)t, (void)bridge, (void)why;
	return not_opened();
}

int link_watch(void)
{
	return not_opened();
}

int link_changed(int fd, unsigned int ifindex)
{
	(void)fd, (void)ifindex;
	return not_opened();
}

int confine(struct why *why)
{
	(void)why;
	return not_opened();
}

void peer_allow_events(struct peer *p)
{
	(void)p;
	not_opened();
}

void peer_take_events(struct peer *p)
{
	(void)p;
	not_opened();
}

/* --- */

static int run(unsigned int comes, unsigned int goes)
{
	comes_with = comes;
	goes_with = goes;
	event = 0;
	opened = false;
	state = XenbusStateInitialising;
	return device_run(BACK, "/nonexistent");
}

static void waits_until_the_guest_is_here(void **s)
{
	(void)s;
	assert_int_equal(run(3, 0), 0);
	assert_true(opened);
	assert_int_equal(opened_at, 3);
	assert_int_equal(state, XenbusStateClosed); /* as it could not be opened */
}

static void goes_with_a_guest_that_does_not_come(void **s)
{
	(void)s;
	assert_int_equal(run(0, 2), 0);
	assert_false(opened);
	assert_int_equal(event, 2);
}

static void is_started_again_if_the_store_went(void **s)
{
	(void)s;
	assert_int_not_equal(run(0, 0), 0);
	assert_false(opened);
	forgets = true; /* it goes when it has said that the card may be opened */
	assert_int_not_equal(run(3, 0), 0);
	assert_int_not_equal(state, XenbusStateClosed);
	forgets = false;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(waits_until_the_guest_is_here),
		cmocka_unit_test(goes_with_a_guest_that_does_not_come),
		cmocka_unit_test(is_started_again_if_the_store_went),
	};

	return cmocka_run_group_tests_name("vif-device", tests, NULL, NULL);
}
