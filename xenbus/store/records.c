/* SPDX-License-Identifier: BSD-2-Clause */
/* The state as records, and back. */
#include <errno.h>
#include <string.h>

#include <utlist.h>

#include "xenbus/store/domain.h"
#include "xenbus/store/journal.h"
#include "xenbus/store/path.h"
#include "xenbus/store/txn.h"

static void put_perms(struct bytes *b, const struct perms *p)
{
	size_t i, n = perms_count(p);
	const struct store_perm *list = perms_list(p);

	put_u32(b, n);
	for (i = 0; i < n; i++)
		put_u32(b, list[i].domid | (uint32_t)list[i].access << 16);
}

static struct perms *cut_perms(struct cut *in)
{
	uint32_t n = cut_u32(in), i, v;
	struct store_perm list[PERMS_MAX];

	if (!n || n > PERMS_MAX)
		in->bad = true;
	for (i = 0; !in->bad && i < n; i++) {
		v = cut_u32(in);
		list[i] = (struct store_perm){ .domid = v & 0xffff, .access = v >> 16 & STORE_BOTH };
	}
	return in->bad ? NULL : perms_get(list, n);
}

void op_dump(const struct op *op, struct bytes *out)
{
	put_u32(out, op->kind);
	put_u32(out, op->domid);
	put_text(out, op->path);
	if (op->kind == OP_WRITE)
		put_data(out, op->value, op->len);
	if (op->kind == OP_PERMS)
		put_perms(out, op->perms);
}

bool op_load(struct op *op, struct cut *in)
{
	memset(op, 0, sizeof(*op));
	op->kind = cut_u32(in);
	op->domid = cut_u32(in);
	op->path = cut_text(in);
	if (op->kind == OP_WRITE)
		op->value = cut_data(in, &op->len);
	if (op->kind == OP_PERMS)
		op->perms = cut_perms(in);
	if (op->kind > OP_PERMS || op->path[0] != '/' || strlen(op->path) > XENSTORE_ABS_PATH_MAX)
		in->bad = true;
	return !in->bad;
}

struct dump {
	struct server *sv;
	emit_fn *emit;
	void *arg;
	struct bytes b;
	const struct conn *c;
};

static void out(struct dump *d, enum record type)
{
	d->emit(d->arg, type, &d->b);
	d->b.head = d->b.tail = 0;
}

static bool dump_node(const struct node *n, const char *path, void *arg)
{
	struct dump *d = arg;
	uint32_t depth = 0;

	if (path[1])
		for (; *path; path++)
			depth += *path == '/';
	put_u32(&d->b, depth);
	put_data(&d->b, n->name, n->name_len);
	put_data(&d->b, node_value(n), node_value_len(n));
	put_perms(&d->b, n->perms);
	out(d, REC_NODE);
	return true;
}

/* What a connection has, by the domain whose ring it is, or the index of a socket. */
static void dump_watch(const char *path, const char *token, bool relative, void *arg)
{
	struct dump *d = arg;

	(void)relative;
	put_u32(&d->b, d->c->domid);
	put_text(&d->b, path);
	put_text(&d->b, token);
	out(d, REC_WATCH);
}

static void dump_txn(uint32_t id, void *arg)
{
	struct dump *d = arg;

	put_u32(&d->b, d->c->domid);
	put_u32(&d->b, id);
	put_u32(&d->b, true);
	out(d, REC_TXN);
}

static void dump_domain(struct dump *d, const struct domain *dom, bool with_txns)
{
	struct conn *c = dom->conn;

	domain_record(dom, &d->b);
	out(d, REC_DOMAIN);
	d->c = c;
	watch_each(c, dump_watch, d);
	put_u32(&d->b, c->domid);
	put_u32(&d->b, c->out_pos);
	put_data(&d->b, bytes_at(&c->out), bytes_len(&c->out));
	out(d, REC_OUT);
	put_u32(&d->b, c->domid);
	put_u32(&d->b, c->in_pos);
	put_data(&d->b, bytes_at(&c->in), bytes_len(&c->in));
	out(d, REC_IN);
	if (!with_txns) {
		txn_each(c, dump_txn, d);
		return;
	}
	put_u32(&d->b, c->domid);
	txn_dump(c, &d->b);
	out(d, REC_TXNS);
}

static void dump_socket(struct dump *d, const struct conn *c, uint32_t index)
{
	put_u32(&d->b, index);
	put_u32(&d->b, c->domid);
	put_u32(&d->b, c->id);
	put_u32(&d->b, c->pid);
	put_u32(&d->b, c->next_txn);
	put_data(&d->b, bytes_at(&c->in), bytes_len(&c->in));
	put_data(&d->b, bytes_at(&c->out), bytes_len(&c->out));
	out(d, REC_SOCKET);
	d->c = c;
	watch_each(c, dump_watch, d);
	put_u32(&d->b, c->domid);
	txn_dump(c, &d->b);
	out(d, REC_TXNS);
}

static void dump_quotas(struct dump *d)
{
	struct account *a, *tmp;
	int q;

	for (q = 0; q < NR_QUOTAS; q++) {
		put_u32(&d->b, UINT32_MAX);
		put_u32(&d->b, q);
		put_u64(&d->b, d->sv->limit[q]);
		out(d, REC_QUOTA);
	}
	HASH_ITER (hh, d->sv->accounts, a, tmp) {
		for (q = 0; q < NR_QUOTAS; q++) {
			if (a->limit[q] < 0)
				continue;
			put_u32(&d->b, a->domid);
			put_u32(&d->b, q);
			put_u64(&d->b, a->limit[q]);
			out(d, REC_QUOTA);
		}
	}
}

void records_dump(struct server *sv, bool sockets, emit_fn *emit, void *arg)
{
	struct dump d = { .sv = sv, .emit = emit, .arg = arg };
	struct domain *dom, *tmp;
	struct conn *c;
	uint32_t index = 0;
	int i;

	dump_quotas(&d);
	tree_walk(sv->tree.root, "/", dump_node, NULL, &d);
	for (i = 0; i < NR_SPECIALS; i++) {
		put_u32(&d.b, i);
		put_perms(&d.b, sv->special[i]);
		out(&d, REC_SPECIAL);
	}
	HASH_ITER (hh, sv->domains, dom, tmp)
		if (dom->conn)
			dump_domain(&d, dom, sockets);
	if (sockets)
		DL_FOREACH (sv->conns, c)
			if (!domain_of(c) && !c->closing && c != sv->successor)
				dump_socket(&d, c, index++);
	bytes_free(&d.b);
}

static int load_node(struct loader *l, struct cut *in)
{
	uint32_t depth = cut_u32(in);
	size_t name_len, len;
	const char *name = cut_data(in, &name_len), *value = cut_data(in, &len);
	struct perms *perms = cut_perms(in);
	struct server *sv = l->sv;
	struct account *a;

	if (in->bad || depth > l->depth || depth >= NR(l->way)) {
		if (perms)
			perms_put(perms);
		return -EPROTO;
	}
	if (!depth) {
		for (a = sv->accounts; a; a = a->hh.next) /* of the tree that goes */
			a->nodes = a->memory = 0;
		tree_free(&sv->tree);
		tree_init(&sv->tree, perms);
		tree_set_value(&sv->tree, "/", blob_new(value, len));
		l->way[0] = sv->tree.root;
	} else {
		l->way[depth] =
			node_load(l->way[depth - 1], name, name_len, blob_new(value, len), perms);
	}
	l->depth = depth + 1;
	count_account(sv, perms_owner(l->way[depth]->perms), 1, node_cost(l->way[depth]));
	return 0;
}

static int load_op(struct loader *l, struct cut *in)
{
	struct effects fx = { .count = count_account, .arg = l->sv };
	struct op op;

	if (op_load(&op, in))
		op_apply(&l->sv->tree, &op, &fx);
	if (op.perms)
		perms_put(op.perms);
	return 0;
}

static struct conn *ring_of(struct loader *l, unsigned domid)
{
	struct domain *d = domain_find(l->sv, domid);

	/* watches and transactions of a socket's connection follow that connection */
	if (l->current && l->current->domid == domid)
		return l->current;
	return d ? d->conn : NULL;
}

static int load_watch(struct loader *l, struct cut *in, bool set)
{
	struct conn *c = ring_of(l, cut_u32(in));
	const char *path = cut_text(in), *token = cut_text(in);
	struct path p;

	if (in->bad || !c || watch_path(c, path, &p))
		return -EPROTO;
	if (set)
		watch_add(c, &p, token);
	else
		watch_remove(c, &p, token);
	return 0;
}

static int load_stream(struct loader *l, enum record type, struct cut *in)
{
	struct conn *c = ring_of(l, cut_u32(in));
	uint32_t pos = cut_u32(in);
	size_t len;
	const char *p = cut_data(in, &len);

	if (in->bad || !c)
		return -EPROTO;
	if (type == REC_OUT) {
		bytes_add(&c->out, p, len);
		c->out_pos = pos;
	} else if (type == REC_IN) {
		bytes_add(&c->in, p, len);
		c->in_pos = pos;
	} else {
		bytes_free(&c->in);
		c->in_pos = pos;
	}
	return 0;
}

static int load_txn(struct loader *l, struct cut *in)
{
	struct conn *c = ring_of(l, cut_u32(in));
	uint32_t id = cut_u32(in), open = cut_u32(in);

	if (in->bad || !c)
		return -EPROTO;
	if (open)
		txn_restore_lost(c, id);
	else
		txn_end(c, id, false);
	return 0;
}

static int load_socket(struct loader *l, struct cut *in)
{
	uint32_t index = cut_u32(in), domid = cut_u32(in);
	struct conn *c = l->socket ? l->socket(l, index, domid) : NULL;
	const char *p;
	size_t len;

	if (!c)
		return -EPROTO;
	l->current = c;
	c->id = cut_u32(in);
	c->pid = cut_u32(in);
	c->next_txn = cut_u32(in);
	if (l->sv->next_conn <= c->id)
		l->sv->next_conn = c->id + 1;
	p = cut_data(in, &len);
	bytes_add(&c->in, p, len);
	p = cut_data(in, &len);
	bytes_add(&c->out, p, len);
	conn_mark(c);
	return 0;
}

static int load_special(struct server *sv, struct cut *in)
{
	uint32_t which = cut_u32(in);
	struct perms *p = cut_perms(in);

	if (!p || which >= NR_SPECIALS) {
		if (p)
			perms_put(p);
		return -EPROTO;
	}
	perms_put(sv->special[which]);
	sv->special[which] = p;
	return 0;
}

static int load_quota(struct server *sv, struct cut *in)
{
	uint32_t domid = cut_u32(in), q = cut_u32(in);
	int64_t limit = cut_u64(in);

	if (in->bad || q >= NR_QUOTAS)
		return -EPROTO;
	if (domid == UINT32_MAX)
		sv->limit[q] = limit;
	else
		account_get(sv, domid)->limit[q] = limit;
	return 0;
}

static int load(struct loader *l, enum record type, struct cut *in)
{
	struct server *sv = l->sv;
	struct conn *c;
	int rc = 0;

	switch (type) {
	case REC_NODE: rc = load_node(l, in); break;
	case REC_OP: rc = load_op(l, in); break;
	case REC_SPECIAL: rc = load_special(sv, in); break;
	case REC_DOMAIN:
		l->current = NULL;
		rc = domain_restore(sv, in);
		break;
	case REC_RELEASE: domain_drop(sv, cut_u32(in)); break;
	case REC_FORGET: perms_forget(cut_u32(in)); break;
	case REC_QUOTA: rc = load_quota(sv, in); break;
	case REC_WATCH:
	case REC_UNWATCH: rc = load_watch(l, in, type == REC_WATCH); break;
	case REC_RESET:
		c = ring_of(l, cut_u32(in));
		if (c) {
			watch_remove_all(c);
			txn_abort_all(c);
		}
		break;
	case REC_TXN: rc = load_txn(l, in); break;
	case REC_TXNS:
		c = ring_of(l, cut_u32(in));
		rc = c ? txn_load(c, in) : -EPROTO;
		break;
	case REC_OUT:
	case REC_IN:
	case REC_TOOK: rc = load_stream(l, type, in); break;
	case REC_SOCKET: rc = load_socket(l, in); break;
	case REC_COUNTERS:
	case REC_END: break;
	default: rc = -EPROTO;
	}
	return rc ? rc : in->bad ? -EPROTO : 0;
}

/* A quota that was lowered since takes nothing away, at a restart no more than before it. */
int records_load(struct loader *l, enum record type, struct cut *in)
{
	int rc;

	l->sv->loading = true;
	rc = load(l, type, in);
	l->sv->loading = false;
	return rc;
}
