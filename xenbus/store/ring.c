/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A domain's ring as a transport.
 *
 * The page belongs to the guest: of what lies in it, only req_prod, rsp_cons and the requests are
 * read, each once, and checked. How far we are is in the connection (in_pos, out_pos), never taken
 * from the page.
 *
 * A request that is there as a whole stays in the ring until it is done; only then does req_cons
 * move. Parts are gathered, and what was taken is journalled. So at any moment the journal and the
 * page together tell a successor exactly which requests were done and which answer bytes were
 * delivered.
 *
 * Guests save events. They send one for requests only if they found that all before had been taken,
 * and one for answers only if they found the ring full. So before we wait, everything must be
 * taken, and either all answers are out or the ring is full; and since the guest moves on
 * meanwhile, its index is looked at again after ours was moved, with a full barrier between.
 */
#include <stdatomic.h>
#include <string.h>

#include "xenbus/store/domain.h"
#include "xenbus/store/door.h"
#include "xenbus/store/journal.h"
#include "xenbus/store/turn.h"
#include "xenbus/store/txn.h"
#include "xenbus/store/watch.h"

#define BATCH	 32 /* requests at a time */
#define FEATURES (XENSTORE_SERVER_FEATURE_RECONNECTION | XENSTORE_SERVER_FEATURE_ERROR)

static uint32_t load(const uint32_t *p)
{
	return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

static void store(uint32_t *p, uint32_t v)
{
	__atomic_store_n(p, v, __ATOMIC_RELEASE);
}

static void forget_all(struct conn *c)
{
	watch_remove_all(c);
	txn_abort_all(c);
	bytes_free(&c->in);
	bytes_free(&c->out);
	journal_reset(c);
}

void ring_begin(struct domain *d)
{
	struct conn *c = d->conn;

	c->in_pos = load(&d->page->req_cons);
	c->out_pos = load(&d->page->rsp_prod);
	store(&d->page->server_features, FEATURES);
	store(&d->page->error, XENSTORE_ERROR_NONE);
	if (load(&d->page->connection) != XENSTORE_CONNECTED)
		store(&d->page->connection, XENSTORE_CONNECTED);
	c->closing = c->cut = false;
	/* dom0's kernel begins to use its ring at the first event */
	door_notify(c->sv->door, d->port);
}

/*
 * The ring cannot be used as it is. The domain may ask for a new beginning through the connection
 * field.
 */
static void broken(struct domain *d, uint32_t error, const char *what, uint32_t value)
{
	log_warn("d%u: its ring is cut off: %s %u. Nothing else is affected", d->domid, what, value);
	store(&d->page->error, error);
	conn_close(d->conn);
	door_notify(d->conn->sv->door, d->port);
}

static void ring_close(struct conn *c)
{
	struct domain *d = c->io;

	bytes_free(&c->in);
	bytes_free(&c->out);
	journal_reset(c);
	if (d && d->page && load(&d->page->error) == XENSTORE_ERROR_NONE)
		store(&d->page->error, XENSTORE_ERROR_COMM);
}

void ring_continue(struct domain *d)
{
	struct conn *c = d->conn;
	uint32_t start = c->out_pos - bytes_len(&c->out), done = load(&d->page->rsp_prod) - start;

	if (done > bytes_len(&c->out)) {
		broken(d, XENSTORE_ERROR_RINGIDX, "rsp_prod was changed to", start + done);
		return;
	}
	bytes_drop(&c->out, done);
	store(&d->page->req_cons, c->in_pos);
	store(&d->page->server_features, FEATURES);
	door_notify(c->sv->door, d->port); /* an event may have gone with our predecessor */
}

static void copy_in(const struct xenstore_domain_interface *page, uint32_t pos, char *to,
		    uint32_t len)
{
	uint32_t at = MASK_XENSTORE_IDX(pos), first = XENSTORE_RING_SIZE - at;

	if (first > len)
		first = len;
	memcpy(to, page->req + at, first);
	memcpy(to + first, page->req, len - first);
}

static void reconnect(struct domain *d)
{
	struct conn *c = d->conn;

	forget_all(c);
	turn_leave(c);
	store(&d->page->req_cons, 0);
	store(&d->page->req_prod, 0);
	store(&d->page->rsp_cons, 0);
	store(&d->page->rsp_prod, 0);
	ring_begin(d);
	journal_domain(c->sv, d);
	journal_commit(c->sv);
	log_info("d%u: its ring begins anew, as it asked", d->domid);
}

/* Move up to n bytes from the ring to what is gathered. The guest sees that they are taken. */
static uint32_t gather(struct domain *d, uint32_t avail, uint32_t n)
{
	struct conn *c = d->conn;

	if (n > avail)
		n = avail;
	if (!n)
		return 0;
	copy_in(d->page, c->in_pos, bytes_room(&c->in, n), n);
	c->in.tail += n;
	c->in_pos += n;
	journal_in(c, bytes_at(&c->in) + bytes_len(&c->in) - n, n);
	journal_commit(c->sv);
	store(&d->page->req_cons, c->in_pos);
	return n;
}

/*
 * Take one request, or a part of one. False: there is nothing to do now.
 *
 * A request that is whole in the ring stays there until it is done. One that is not has to be taken
 * in parts: Linux writes a request in pieces, and raises an event for a piece only if everything
 * before it has been consumed. Left in the ring, the first piece would wait for ever for an event
 * of the second.
 */
static bool take(struct domain *d)
{
	struct xenstore_domain_interface *page = d->page;
	char msg[sizeof(struct xsd_sockmsg) + XENSTORE_PAYLOAD_MAX];
	struct conn *c = d->conn;
	uint32_t avail, have = bytes_len(&c->in), want, got = 0;
	struct xsd_sockmsg h;

	/*
	 * req_cons, stored before, is seen before req_prod is read: else both sides may think the
	 * other will look
	 */
	atomic_thread_fence(memory_order_seq_cst);
	avail = load(&page->req_prod) - c->in_pos;
	if (avail > XENSTORE_RING_SIZE) {
		broken(d, XENSTORE_ERROR_RINGIDX, "req_prod is ahead by", avail);
		return false;
	}
	if (!have && avail >= sizeof(h)) {
		copy_in(page, c->in_pos, (char *)&h, sizeof(h));
		want = sizeof(h) + h.len;
		if (h.len <= XENSTORE_PAYLOAD_MAX && want <= avail) {
			copy_in(page, c->in_pos, msg, want);
			memcpy(msg, &h, sizeof(h)); /* as it was checked */
			c->in_pos += want;
			if (conn_message(c, msg, want) == PARKED) {
				c->in_pos -= want;
				return false;
			}
			goto took;
		}
	}
	if (have < sizeof(h)) {
		got = gather(d, avail, sizeof(h) - have);
		avail -= got;
		have += got;
		if (have < sizeof(h))
			return got != 0; /* look once more, now that it is seen to be taken */
	}
	memcpy(&h, bytes_at(&c->in), sizeof(h));
	if (h.len > XENSTORE_PAYLOAD_MAX) {
		broken(d, XENSTORE_ERROR_PROTO, "a request's length is", h.len);
		return false;
	}
	want = sizeof(h) + h.len - have;
	if (want) {
		uint32_t more = gather(d, avail, want);

		if (more < want)
			return more || got; /* if only the head was there, look again */
	}
	have = bytes_len(&c->in);
	memcpy(msg, bytes_at(&c->in), have);
	if (conn_message(c, msg, have) == PARKED)
		return false;
	bytes_drop(&c->in, have);
took:
	journal_took(c);
	journal_commit(c->sv);
	if (d->conn->closing)
		return false;
	store(&page->req_cons, c->in_pos);
	return true;
}

void ring_pump(struct domain *d)
{
	struct conn *c = d->conn;
	int done = 0;

	if (!d->page)
		return;
	if (load(&d->page->connection) == XENSTORE_RECONNECT)
		reconnect(d);
	while (done < BATCH && conn_ready(c) && take(d))
		done++;
	if (done && !c->closing)
		door_notify(c->sv->door, d->port); /* there is room for requests again */
	if (done == BATCH)
		c->again = true; /* others first, then go on */
}

static void ring_flush(struct conn *c)
{
	struct domain *d = c->io;
	bool moved = false;

	if (!d || !d->page)
		return;
	while (bytes_len(&c->out) && !c->closing) {
		uint32_t len = bytes_len(&c->out), pos = c->out_pos - len,
			 at = MASK_XENSTORE_IDX(pos), first;
		uint32_t used = pos - load(&d->page->rsp_cons);

		if (used > XENSTORE_RING_SIZE) {
			broken(d, XENSTORE_ERROR_RINGIDX, "rsp_cons is off by", used);
			return;
		}
		if (len > XENSTORE_RING_SIZE - used)
			len = XENSTORE_RING_SIZE - used;
		if (!len)
			break; /* full: it will tell when it has read */
		first = XENSTORE_RING_SIZE - at < len ? XENSTORE_RING_SIZE - at : len;
		memcpy(d->page->rsp + at, bytes_at(&c->out), first);
		memcpy(d->page->rsp, bytes_at(&c->out) + first, len - first);
		store(&d->page->rsp_prod, pos + len);
		atomic_thread_fence(memory_order_seq_cst); /* before rsp_cons is read again */
		bytes_drop(&c->out, len);
		moved = true;
	}
	if (moved)
		door_notify(c->sv->door, d->port);
}

static void ring_resume(struct conn *c)
{
	struct domain *d = c->io;

	if (d)
		ring_pump(d);
}

void ring_event(struct server *sv, uint32_t port)
{
	if (port < sv->nr_ports && sv->by_port[port])
		conn_mark(sv->by_port[port]->conn);
}

const struct transport ring_transport = {
	.kind = "ring",
	.flush = ring_flush,
	.resume = ring_resume,
	.close = ring_close,
};
