/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Everything that clients and guests can do to the store, in any order: requests by several
 * connections, raw bytes and indices in guests' rings, deaths, and a restart from records at any
 * point. Checked beside the sanitizers: what is sent is well-formed, the accounts agree with the
 * tree, and a restart changes nothing.
 *
 * Input: steps of  who  what  length  bytes.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "tests/fuzz/store_door.h"
#include "xenbus/store/change.h"
#include "xenbus/store/domain.h"
#include "xenbus/store/journal.h"
#include "xenbus/store/turn.h"

#define SOCKETS 3
#define DOMAINS 4 /* d1 .. d4 have rings; d0 too */

static struct server sv;
static struct conn *client[SOCKETS];

#define MUST(x)                  \
	do {                     \
		if (!(x))        \
			abort(); \
	} while (0)

/* Take all output apart. */
static void client_flush(struct conn *c)
{
	struct xsd_sockmsg h;

	while (bytes_len(&c->out)) {
		MUST(bytes_len(&c->out) >= sizeof(h));
		memcpy(&h, bytes_at(&c->out), sizeof(h));
		MUST(h.len <= XENSTORE_PAYLOAD_MAX && bytes_len(&c->out) >= sizeof(h) + h.len);
		bytes_drop(&c->out, sizeof(h) + h.len);
	}
}

static void client_resume(struct conn *c)
{
	if (!bytes_len(&c->in) || !conn_ready(c))
		return;
	if (conn_message(c, bytes_at(&c->in), bytes_len(&c->in)) != PARKED)
		bytes_drop(&c->in, bytes_len(&c->in));
}

static void client_close(struct conn *c)
{
	int i;

	for (i = 0; i < SOCKETS; i++)
		if (client[i] == c)
			client[i] = NULL;
	DL_APPEND2(c->sv->dead, c, w_prev, w_next);
}

static const struct transport client_transport = { "fuzz", client_flush, client_resume,
						   client_close };

static void request(struct conn *c, uint8_t type, uint8_t tx, const uint8_t *body, size_t len)
{
	struct xsd_sockmsg h = { .type = type, .req_id = 7, .tx_id = tx, .len = len };
	char msg[sizeof(h) + XENSTORE_PAYLOAD_MAX];

	if (!c || c->parked || bytes_len(&c->in))
		return;
	memcpy(msg, &h, sizeof(h));
	memcpy(msg + sizeof(h), body, len);
	if (conn_message(c, msg, sizeof(h) + len) == PARKED)
		bytes_add(&c->in, msg, sizeof(h) + len);
}

static void ring_put(unsigned domid, const void *p, size_t len)
{
	struct xenstore_domain_interface *r = &fake_ring[domid];
	const char *s = p;

	for (; len; len--)
		r->req[MASK_XENSTORE_IDX(r->req_prod++)] = *s++;
}

static void ring_request(unsigned domid, uint8_t type, uint8_t tx, const uint8_t *body, size_t len)
{
	struct xsd_sockmsg h = { .type = type, .req_id = 7, .tx_id = tx, .len = len };
	struct domain *d = domain_find(&sv, domid);
	size_t part;

	if (len + sizeof(h) <= XENSTORE_RING_SIZE &&
	    fake_ring[domid].req_prod == fake_ring[domid].req_cons) {
		ring_put(domid, &h, sizeof(h));
		ring_put(domid, body, len);
	} else { /* in pieces, as a guest would */
		ring_put(domid, &h, sizeof(h));
		for (; len; len -= part, body += part) {
			part = len > 500 ? 500 : len;
			ring_put(domid, body, part);
			if (d)
				ring_pump(d);
		}
	}
	if (d)
		conn_mark(d->conn);
}

static void add_record(void *arg, enum record type, const struct bytes *payload)
{
	put_u32(arg, type);
	put_data(arg, bytes_at(payload), bytes_len(payload));
}

/*
 * Dump, load into an empty server, and dump that: nothing may differ. Ports are bound again, so
 * they do not either.
 */
static void restart(void)
{
	struct bytes before = { 0 }, after = { 0 };
	struct loader l = { .sv = &sv };
	struct cut all;
	int i;

	records_dump(&sv, false, add_record, &before);
	for (i = 0; i < SOCKETS; i++)
		if (client[i])
			conn_close(client[i]);
	server_free(&sv);
	door_close(&sv.door);
	server_init(&sv);
	MUST(!door_open(&sv.door, -1));
	all = (struct cut){ .p = bytes_at(&before), .end = bytes_at(&before) + bytes_len(&before) };
	while (all.p < all.end) {
		enum record type = cut_u32(&all);
		size_t len;
		struct cut in = { .p = cut_data(&all, &len) };

		in.end = in.p + len;
		MUST(!all.bad && !records_load(&l, type, &in));
	}
	records_dump(&sv, false, add_record, &after);
	MUST(bytes_len(&before) == bytes_len(&after));
	MUST(!memcmp(bytes_at(&before), bytes_at(&after), bytes_len(&before)));
	bytes_free(&before);
	bytes_free(&after);
	domain_attach_all(&sv, false);
	for (i = 0; i < SOCKETS; i++)
		client[i] = conn_new(&sv, &client_transport, NULL, 0);
}

static bool count_node(const struct node *n, const char *path, void *arg)
{
	(void)path;
	((uint32_t *)arg)[perms_owner(n->perms)]++;
	return true;
}

static void check_accounts(void)
{
	static uint32_t count[NO_DOMAIN + 1];
	struct account *a;

	memset(count, 0, sizeof(count));
	tree_walk(sv.tree.root, "/", count_node, NULL, count);
	for (a = sv.accounts; a; a = a->hh.next)
		MUST(a->nodes == count[a->domid]);
}

static void raw_ring(unsigned domid, const uint8_t *p, size_t len)
{
	struct domain *d = domain_find(&sv, domid);

	/* a few bytes anywhere in the page, the indices behind the data among them */
	if (len > 2)
		memcpy((char *)&fake_ring[domid] +
			       (p[0] | p[1] << 8) % (sizeof(fake_ring[0]) - (len - 2)),
		       p + 2, len - 2);
	if (d)
		conn_mark(d->conn);
}

static void guest_reads(unsigned domid)
{
	struct domain *d = domain_find(&sv, domid);

	fake_ring[domid].rsp_cons = fake_ring[domid].rsp_prod;
	if (d)
		conn_mark(d->conn);
}

static void step(uint8_t who, uint8_t what, const uint8_t *p, size_t len)
{
	unsigned domid = 1 + what % DOMAINS;

	switch (who & 15) {
	case 0:
	case 1:
	case 2: request(client[who & 3], what & 31, who >> 4, p, len); break;
	case 3:
	case 4:
	case 5:
	case 6: ring_request((who & 15) - 2, what & 31, who >> 4, p, len); break;
	case 7: ring_request(0, what & 31, who >> 4, p, len); break;
	case 8: raw_ring(domid, p, len < 1024 ? len : 1024); break;
	case 9: guest_reads(domid); break;
	case 10:
		fake_state[domid] = what >> 4 & 3;
		domain_check_all(&sv);
		break;
	case 11:
		fake_ring[domid].connection = what >> 4 & 1;
		guest_reads(domid);
		break;
	case 12:
		conn_run(&sv);
		if (sv.turns)
			turn_check(&sv);
		break;
	case 13: check_accounts(); break;
	case 14:
		if (client[what % SOCKETS])
			conn_close(client[what % SOCKETS]);
		conn_run(&sv);
		client[what % SOCKETS] = conn_new(&sv, &client_transport, NULL, 0);
		break;
	case 15:
		conn_run(&sv);
		restart();
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
	const uint8_t *end = p + len;
	unsigned steps = 0, i;
	size_t n;

	log_quiet = true;
	fake_reset();
	server_init(&sv);
	sv.limit[QUOTA_EVENTS] = 4096; /* so that inputs of this size are too much at times */
	MUST(!door_open(&sv.door, -1));
	MUST(!domain_introduce_own(&sv));
	for (i = 0; i < SOCKETS; i++)
		client[i] = conn_new(&sv, &client_transport, NULL, 0);
	for (i = 1; i <= DOMAINS; i++) {
		char path[40];
		struct store_perm perm = { i, STORE_NONE };
		struct perms *perms = perms_get(&perm, 1);

		MUST(!domain_introduce(client[0], i, i, i));
		snprintf(path, sizeof(path), "/local/domain/%u", i);
		server_apply(&sv, &(struct op){ .kind = OP_MKDIR, .path = path });
		server_apply(&sv, &(struct op){ .kind = OP_PERMS, .path = path, .perms = perms });
		perms_put(perms);
	}
	while (end - p >= 3 && steps++ < 400) {
		uint8_t who = p[0], what = p[1];

		n = p[2];
		p += 3;
		if (n >= 250 && end - p > 1) { /* a long one */
			n = (n - 250) * 1000 + p[0];
			p++;
		}
		if (n > (size_t)(end - p))
			n = end - p;
		if (n > XENSTORE_PAYLOAD_MAX)
			n = XENSTORE_PAYLOAD_MAX;
		step(who, what, p, n);
		p += n;
		if (!(who & 0x80))
			conn_run(&sv);
	}
	conn_run(&sv);
	check_accounts();
	for (i = 0; i < SOCKETS; i++)
		if (client[i])
			conn_close(client[i]);
	server_free(&sv);
	door_close(&sv.door);
	return 0;
}
