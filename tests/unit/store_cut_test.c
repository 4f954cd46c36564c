/* SPDX-License-Identifier: BSD-2-Clause */
/* Clients of the store that do not take what they are told: they are cut off, in the midst of
 * whatever made it too much, and nothing else is touched. And one that would hold others up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <utlist.h>

#include "xenbus/store/change.h"
#include "xenbus/store/domain.h"
#include "xenbus/store/takeover.h"

#define LONG 1000 /* characters of a path, or a token */

static struct server sv;

static void nothing(struct conn *c)
{
	(void)c;
}

static void closed(struct conn *c)
{
	DL_APPEND2(c->sv->dead, c, w_prev, w_next);
}

static const struct transport deaf = { "test", nothing, nothing, closed };

static int set_up(void **state)
{
	(void)state;
	server_init(&sv);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	server_free(&sv);
	return 0;
}

/* The body's strings have a '|' for each NUL. */
static int say(struct conn *c, uint32_t type, uint32_t tx, const char *body)
{
	struct xsd_sockmsg h = { .type = type, .req_id = 1, .tx_id = tx, .len = strlen(body) };
	char msg[sizeof(h) + XENSTORE_PAYLOAD_MAX];

	memcpy(msg, &h, sizeof(h));
	for (size_t i = 0; i < h.len; i++)
		msg[sizeof(h) + i] = body[i] == '|' ? 0 : body[i];
	return conn_message(c, msg, sizeof(h) + h.len);
}

/* What it was answered with. */
static uint32_t ask(struct conn *c, uint32_t type, uint32_t tx, const char *body)
{
	size_t at = bytes_len(&c->out);
	struct xsd_sockmsg got;

	assert_int_equal(say(c, type, tx, body), 0);
	if (bytes_len(&c->out) < at + sizeof(got))
		return XS_ERROR;
	memcpy(&got, bytes_at(&c->out) + at, sizeof(got));
	return got.type;
}

/* A domain's client that takes nothing, and its home. */
static struct conn *guest(unsigned domid)
{
	struct conn *dom0 = conn_new(&sv, &deaf, NULL, PRIVILEGED_DOMID), *c;
	char text[64];

	snprintf(text, sizeof(text), "/local/domain/%u|", domid);
	assert_int_equal(ask(dom0, XS_MKDIR, 0, text), XS_MKDIR);
	snprintf(text, sizeof(text), "/local/domain/%u|n%u|", domid, domid);
	assert_int_equal(ask(dom0, XS_SET_PERMS, 0, text), XS_SET_PERMS);
	c = conn_new(&sv, &deaf, NULL, domid);
	return c;
}

/* Many watches on its home, whose events are long. */
static void watch_much(struct conn *c, int watches)
{
	char text[LONG + 64];

	for (int i = 0; i < watches; i++) {
		snprintf(text, sizeof(text), "/local/domain/%u|%0*d|", c->domid, LONG, i);
		assert_int_equal(ask(c, XS_WATCH, 0, text), XS_WATCH);
	}
	bytes_drop(&c->out, bytes_len(&c->out)); /* these it took */
}

static void write_long(struct conn *c, uint32_t tx, int i)
{
	char text[2 * LONG];

	snprintf(text, sizeof(text), "/local/domain/%u/%0*d|x", c->domid, LONG, i);
	assert_int_equal(ask(c, XS_WRITE, tx, text), XS_WRITE);
}

/* Of several watches of one client that a change concerns, the first ones' events are too much. */
static void who_is_cut_off_hears_no_more_of_the_same_change(void **state)
{
	struct conn *c = guest(1), *dom0 = conn_new(&sv, &deaf, NULL, PRIVILEGED_DOMID);
	char text[LONG + 64];

	(void)state;
	watch_much(c, 100);
	for (int i = 0; i < 20; i++) {
		snprintf(text, sizeof(text), "/local/domain/1/%0*d|x", LONG, i);
		assert_int_equal(ask(dom0, XS_WRITE, 0, text), XS_WRITE);
	}
	assert_false(conn_ready(c));
	conn_run(&sv);
	assert_int_equal(account_find(&sv, 1)->watches, 0);
	assert_int_equal(ask(dom0, XS_READ, 0, "/local/domain/1|"), XS_READ);
}

/* Its own transaction is what makes it too much. */
static void who_is_cut_off_by_his_own_commit_has_committed(void **state)
{
	struct conn *c = guest(1), *dom0 = conn_new(&sv, &deaf, NULL, PRIVILEGED_DOMID);
	char text[LONG + 64];

	(void)state;
	watch_much(c, 1);
	sv.limit[QUOTA_EVENTS] = 4 * LONG;
	assert_int_equal(ask(c, XS_TRANSACTION_START, 0, "|"), XS_TRANSACTION_START);
	for (int i = 0; i < 20; i++)
		write_long(c, 1, i);
	ask(c, XS_TRANSACTION_END, 1, "T|");
	assert_int_equal(account_find(&sv, 1)->txns, 0);
	assert_false(conn_ready(c));
	conn_run(&sv);
	assert_int_equal(account_find(&sv, 1)->watches, 0);
	for (int i = 0; i < 20; i++) {
		snprintf(text, sizeof(text), "/local/domain/1/%0*d|", LONG, i);
		assert_int_equal(ask(dom0, XS_READ, 0, text), XS_READ);
	}
}

/* One that changes without a break what a transaction of the control domain's reads. */
static void held_up_by(uint32_t type, const char *fmt)
{
	struct conn *c = guest(1), *dom0 = conn_new(&sv, &deaf, NULL, PRIVILEGED_DOMID);
	char text[64];
	bool landed = false;
	int n;

	assert_int_equal(ask(c, XS_WRITE, 0, "/local/domain/1/x|0"), XS_WRITE);
	for (n = 1; n < 200 && !landed; n++) { /* some, as a turn has an end on a busy machine */
		assert_int_equal(ask(dom0, XS_TRANSACTION_START, 0, "|"), XS_TRANSACTION_START);
		assert_int_equal(ask(dom0, XS_READ, (uint32_t)n, "/local/domain/1/x|"), XS_READ);
		snprintf(text, sizeof(text), fmt, n);
		if (!c->parked)
			say(c, type, 0, text);
		landed = ask(dom0, XS_TRANSACTION_END, (uint32_t)n, "T|") == XS_TRANSACTION_END;
	}
	assert_true(landed);
	assert_false(c->parked); /* it goes on */
	assert_int_equal(ask(c, type, 0, text), type);
}

static void a_guest_cannot_hold_up_the_control_domain(void **state)
{
	(void)state;
	held_up_by(XS_WRITE, "/local/domain/1/x|%d");
	held_up_by(XS_SET_PERMS, "/local/domain/1/x|n1|r%d|");
}

/* While others are busy it waits to be given everything, and may be killed meanwhile. */
static void a_successor_that_goes_is_forgotten(void **state)
{
	struct conn *dom0 = conn_new(&sv, &deaf, NULL, PRIVILEGED_DOMID);

	(void)state;
	assert_int_equal(takeover_offer(dom0), 0);
	assert_ptr_equal(sv.successor, dom0);
	conn_close(dom0);
	conn_run(&sv);
	assert_null(sv.successor);
	dom0 = conn_new(&sv, &deaf, NULL, PRIVILEGED_DOMID);
	assert_int_equal(takeover_offer(dom0), 0);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(who_is_cut_off_hears_no_more_of_the_same_change),
		CASE(who_is_cut_off_by_his_own_commit_has_committed),
		CASE(a_guest_cannot_hold_up_the_control_domain),
		CASE(a_successor_that_goes_is_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
