/* SPDX-License-Identifier: BSD-2-Clause */
/* Connections: what is common to sockets and rings. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "xenbus/client/errors.h"
#include "xenbus/store/conn.h"
#include "xenbus/store/domain.h"
#include "xenbus/store/journal.h"
#include "xenbus/store/turn.h"
#include "xenbus/store/txn.h"
#include "xenbus/store/watch.h"

#define OUT_PAUSE (256u << 10) /* with so much not taken, no more requests are read */
#define OUT_CUT	  (64u << 20)  /* and with so much of events, a privileged client is cut off */

struct conn *conn_new(struct server *sv, const struct transport *ops, void *io, unsigned domid)
{
	struct conn *c = mem_alloc(sizeof(*c));

	c->sv = sv;
	c->ops = ops;
	c->io = io;
	c->id = ++sv->next_conn;
	c->domid = domid;
	c->target = NO_DOMAIN;
	c->privileged = domid == PRIVILEGED_DOMID;
	c->account = account_get(sv, domid);
	DL_APPEND(sv->conns, c);
	return c;
}

const char *conn_name(const struct conn *c)
{
	static char name[64];

	if (domain_of(c))
		snprintf(name, sizeof(name), "d%u", c->domid);
	else
		snprintf(name, sizeof(name), "socket %u (pid %d)", c->id, c->pid);
	return name;
}

void conn_close(struct conn *c)
{
	if (c->closing)
		return;
	c->closing = true;
	if (c->sv->successor == c) /* it was killed, or thought better of it */
		c->sv->successor = NULL;
	turn_leave(c);
	txn_abort_all(c);
	watch_remove_all(c);
	c->ops->close(c);
}

void conn_reap(struct server *sv)
{
	struct conn *c, *tmp;

	DL_FOREACH_SAFE2(sv->dead, c, tmp, w_next)
	{
		DL_DELETE2(sv->dead, c, w_prev, w_next);
		if (c->dirty)
			DL_DELETE2(sv->dirty, c, d_prev, d_next);
		DL_DELETE(sv->conns, c);
		bytes_free(&c->in);
		bytes_free(&c->out);
		free(c->lost_on);
		free(c);
	}
}

void conn_mark(struct conn *c)
{
	if (c->dirty)
		return;
	c->dirty = true;
	DL_APPEND2(c->sv->dirty, c, d_prev, d_next);
}

/*
 * Of those who did not take their events: not when it became too much, in the midst of a change
 * that others of their watches, or a transaction of theirs, may have a part in.
 */
static void cut_off(struct conn *list)
{
	struct conn *c;

	DL_FOREACH2(list, c, d_next)
	if (c->cut)
		conn_close(c);
}

/*
 * First everybody's requests, then one commit of the journal, then what everybody is to get: an
 * answer leaves only after what it acknowledges is safe.
 */
void conn_run(struct server *sv)
{
	struct conn *list = sv->dirty, *c, *tmp;

	sv->dirty = NULL;
	cut_off(list);
	DL_FOREACH2(list, c, d_next)
	if (!c->closing || domain_of(c))
		c->ops->resume(c);
	cut_off(list);
	cut_off(sv->dirty);
	journal_commit(sv);
	DL_FOREACH_SAFE2(list, c, tmp, d_next)
	{
		DL_DELETE2(list, c, d_prev, d_next);
		c->dirty = false;
		if (!c->closing)
			c->ops->flush(c);
		if (!c->closing && !bytes_len(&c->out)) {
			c->again |= c->replies > 0 && !c->privileged;
			c->replies = 0;
		}
		if (c->again)
			conn_mark(c); /* requests may wait that were not read for these answers */
		c->again = false;
	}
	/* those who got an event meanwhile */
	DL_FOREACH2(sv->dirty, c, d_next)
	if (!c->closing)
		c->ops->flush(c);
	conn_reap(sv);
}

bool conn_ready(const struct conn *c)
{
	return !c->closing && !c->cut && !c->parked && bytes_len(&c->out) < OUT_PAUSE &&
	       (c->privileged || c->replies < quota_limit(c->sv, c->account, QUOTA_OUTSTANDING));
}

void conn_usage(const struct conn *c, unsigned *watches, unsigned *txns)
{
	*watches = watch_count(c);
	*txns = txn_count(c);
}

int refuse(struct conn *c, int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(c->why, sizeof(c->why), fmt, ap);
	va_end(ap);
	return err;
}

void conn_send(struct conn *c, const struct xsd_sockmsg *h, const void *a, size_t a_len,
	       const void *b, size_t b_len)
{
	size_t before = bytes_len(&c->out), len = sizeof(*h) + a_len + b_len;
	int64_t limit = c->privileged ? OUT_CUT : quota_limit(c->sv, c->account, QUOTA_EVENTS);
	char *at;

	if (c->closing || c->cut)
		return;
	if (before + len > (size_t)limit && h->type == XS_WATCH_EVENT) {
		if (!c->privileged)
			quota_note(c->sv, c->account, QUOTA_EVENTS, before + len);
		log_warn("%s does not take its events: cut off with %zu bytes waiting",
			 conn_name(c), before);
		c->cut = true;
		conn_mark(c);
		return;
	}
	at = bytes_room(&c->out, len);
	memcpy(at, h, sizeof(*h));
	if (a_len)
		memcpy(at + sizeof(*h), a, a_len);
	if (b_len)
		memcpy(at + sizeof(*h) + a_len, b, b_len);
	c->out.tail += len;
	c->out_pos += len;
	journal_out(c, at, len);
	conn_mark(c);
}

void conn_reply(struct conn *c, const struct request *rq, const void *p, size_t len)
{
	struct xsd_sockmsg h = rq->h;

	h.len = len;
	c->replies++;
	conn_send(c, &h, p, len, NULL, 0);
}

void conn_reply_ok(struct conn *c, const struct request *rq)
{
	conn_reply(c, rq, "OK", 3);
}

static void reply_error(struct conn *c, const struct request *rq, int err)
{
	struct xsd_sockmsg h = rq->h;
	const char *name = xs_error_name(err);

	h.type = XS_ERROR;
	h.len = strlen(name) + 1;
	c->replies++;
	c->nr_refused++;
	conn_send(c, &h, name, h.len, NULL, 0);
}

int conn_message(struct conn *c, const char *p, size_t len)
{
	char body[XENSTORE_PAYLOAD_MAX + 1];
	struct request rq = { .body = body, .len = len - sizeof(rq.h) };
	int rc;

	memcpy(&rq.h, p, sizeof(rq.h));
	memcpy(body, p + sizeof(rq.h), rq.len);
	body[rq.len] = '\0';
	rc = command_run(c, &rq);
	if (rc == PARKED)
		return rc;
	c->nr_requests++;
	c->sv->stats.requests++;
	if (rc) {
		log_debug("%s: %s %.200s: %s: %s", conn_name(c), command_name(rq.h.type), body,
			  xs_error_name(rc), c->why);
		reply_error(c, &rq, rc);
	}
	return 0;
}
