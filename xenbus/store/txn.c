/* SPDX-License-Identifier: BSD-2-Clause */
/* Transactions and views. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "xenbus/store/change.h"
#include "xenbus/store/journal.h"
#include "xenbus/store/turn.h"
#include "xenbus/store/txn.h"

struct note { /* what the transaction depended on */
	UT_hash_handle hh;
	unsigned need;
	char path[];
};

struct txn {
	struct txn *prev, *next;
	struct conn *conn;
	uint32_t id;
	struct tree start, work;
	struct note *notes;
	struct op *log;
	int nodes; /* of the connection's domain: made less removed */
	size_t memory;
	bool lost; /* its snapshot went with the daemon that took it: can only end in EAGAIN */
};

static struct txn *txn_find(const struct conn *c, uint32_t id)
{
	struct txn *t;

	DL_FOREACH (c->txns, t)
		if (t->id == id)
			return t;
	return NULL;
}

int view_open(struct conn *c, uint32_t id, struct view *v)
{
	v->c = c;
	v->txn = NULL;
	if (!id)
		return 0;
	v->txn = txn_find(c, id);
	return v->txn ? 0 : refuse(c, -ENOENT, "no transaction %u is open here", id);
}

static struct tree *view_tree(const struct view *v)
{
	return v->txn && !v->txn->lost ? &v->txn->work : &v->c->sv->tree;
}

static void charge(struct txn *t, int64_t bytes)
{
	t->memory += bytes;
	t->conn->account->memory += bytes;
}

static int note(struct view *v, const char *path, size_t len, unsigned need)
{
	struct txn *t = v->txn;
	struct note *n;
	int rc;

	if (!t)
		return 0;
	HASH_FIND(hh, t->notes, path, len, n);
	if (!n) {
		if ((rc = quota_check(v->c, QUOTA_TXN_NODES, HASH_COUNT(t->notes) + 1)) ||
		    (rc = quota_check(v->c, QUOTA_MEMORY, v->c->account->memory + sizeof(*n) + len)))
			return rc;
		n = mem_alloc(sizeof(*n) + len + 1);
		memcpy(n->path, path, len);
		HASH_ADD_KEYPTR(hh, t->notes, n->path, len, n);
		charge(t, sizeof(*n) + len);
	}
	n->need |= need;
	return 0;
}

static bool may(const struct view *v, const struct node *n, unsigned access)
{
	return v->c->privileged ||
	       (perms_of(n->perms, v->c->domid, v->c->target) & access) == access;
}

/* The nearest node to a path, and whether it is the node itself, noted. */
static int look(struct view *v, const struct path *p, unsigned need, const struct node **n,
		size_t *len)
{
	int rc;

	*n = tree_nearest(view_tree(v), p->text, len);
	rc = note(v, p->text, p->len, need | NEED_NODE);
	if (!rc && p->text[*len])
		rc = note(v, p->text, *len, NEED_NODE);
	return rc;
}

int view_get(struct view *v, const struct path *p, unsigned access, unsigned need,
	     const struct node **n)
{
	size_t len;
	int rc = look(v, p, need, n, &len);

	if (rc)
		return rc;
	/*
	 * of a node that is not there, only those may know who have the right where it would begin
	 */
	if (!may(v, *n, access))
		return refuse(v->c, -EACCES, "%.*s does not grant d%u %s", (int)len, p->text,
			      v->c->domid,
			      access & PERM_OWNER  ? "ownership" :
			      access & STORE_WRITE ? "writing" :
						     "reading");
	return p->text[len] ? refuse(v->c, -ENOENT, "no node %.200s", p->text) : 0;
}

static void count_own(void *arg, unsigned domid, int nodes, int64_t bytes)
{
	struct txn *t = arg;

	(void)bytes;
	if (domid == t->conn->domid)
		t->nodes += nodes;
}

/* Do it: now, or in the transaction's copy and again when that lands. */
static void view_apply(struct view *v, struct op *op)
{
	struct txn *t = v->txn;
	struct effects fx = { .count = count_own, .arg = t };
	size_t path_len = strlen(op->path) + 1;
	struct op *kept;

	if (!t) {
		server_apply(v->c->sv, op);
		return;
	}
	if (t->lost)
		return;
	op_apply(&t->work, op, &fx);
	kept = mem_alloc(sizeof(*kept) + path_len + op->len);
	*kept = *op;
	kept->path = memcpy(kept + 1, op->path, path_len);
	if (op->len)
		kept->value = memcpy((char *)(kept + 1) + path_len, op->value, op->len);
	if (op->perms)
		perms_share(op->perms);
	DL_APPEND(t->log, kept);
	charge(t, sizeof(*kept) + path_len + op->len);
}

/* Quotas for a write that makes so many nodes. */
static int check_size(struct view *v, const struct path *p, int made, size_t len, size_t old_len)
{
	struct conn *c = v->c;
	int nodes = c->account->nodes + (v->txn ? v->txn->nodes : 0) + made;
	int64_t memory = c->account->memory + made * (sizeof(struct node) + 64) + p->len + len -
			 old_len;
	int rc;

	if ((rc = quota_check(c, QUOTA_NODE_SIZE, len)))
		return rc;
	if (made && (rc = quota_check(c, QUOTA_NODES, nodes)))
		return rc;
	return made || len > old_len ? quota_check(c, QUOTA_MEMORY, memory) : 0;
}

static int parts(const char *s)
{
	int n = 0;

	for (; *s; s++)
		n += *s == '/';
	return n;
}

int view_write(struct view *v, const struct path *p, const void *value, size_t len)
{
	struct op op = {
		.kind = OP_WRITE, .domid = v->c->domid, .value = value, .len = len, .path = p->text
	};
	const struct node *n;
	int rc = view_get(v, p, STORE_WRITE, 0, &n);

	if (rc && rc != -ENOENT)
		return rc;
	if (!v->txn && turn_blocks(v->c, p->text, p->len))
		return PARKED;
	if (rc == -ENOENT) {
		size_t at;

		tree_nearest(view_tree(v), p->text, &at);
		rc = check_size(v, p, parts(p->text + at) + (at == 1), len, 0);
	} else {
		rc = check_size(v, p, 0, len, node_value_len(n));
	}
	if (!rc)
		view_apply(v, &op);
	return rc;
}

int view_mkdir(struct view *v, const struct path *p)
{
	struct op op = { .kind = OP_MKDIR, .domid = v->c->domid, .path = p->text };
	const struct node *n;
	size_t at;
	int rc = view_get(v, p, STORE_WRITE, 0, &n);

	if (rc != -ENOENT)
		return rc;
	tree_nearest(view_tree(v), p->text, &at);
	rc = check_size(v, p, parts(p->text + at) + (at == 1), 0, 0);
	if (!rc)
		view_apply(v, &op);
	return rc;
}

int view_rm(struct view *v, const struct path *p)
{
	struct op op = { .kind = OP_RM, .domid = v->c->domid, .path = p->text };
	const struct node *n;
	size_t at;
	int rc;

	if (p->len == 1)
		return refuse(v->c, -EINVAL, "the root cannot be removed");
	rc = view_get(v, p, STORE_WRITE, 0, &n);
	if (rc == -ENOENT) {
		/* what is not there is removed already, if it had a place to be */
		tree_nearest(view_tree(v), p->text, &at);
		return strchr(p->text + at + (at > 1), '/') ? rc : 0;
	}
	if (!rc && !v->txn && turn_blocks(v->c, p->text, p->len))
		return PARKED;
	if (!rc)
		view_apply(v, &op);
	return rc;
}

int view_set_perms(struct view *v, const struct path *p, const struct store_perm *list, size_t n)
{
	struct op op = { .kind = OP_PERMS, .domid = v->c->domid, .path = p->text };
	const struct node *node;
	int rc = view_get(v, p, PERM_OWNER, 0, &node);

	if (rc)
		return rc;
	if (!v->c->privileged && list[0].domid != perms_owner(node->perms))
		return refuse(v->c, -EPERM,
			      "%.200s belongs to d%u: only the control domain can give it to d%u",
			      p->text, perms_owner(node->perms), list[0].domid);
	rc = quota_check(v->c, QUOTA_PERMS, n);
	if (rc)
		return rc;
	if (!v->txn && turn_blocks(v->c, p->text, p->len))
		return PARKED;
	op.perms = perms_get(list, n);
	view_apply(v, &op);
	perms_put(op.perms);
	return 0;
}

static struct txn *txn_new(struct conn *c, uint32_t id)
{
	struct txn *t = mem_alloc(sizeof(*t));

	t->conn = c;
	t->id = id;
	DL_APPEND(c->txns, t);
	c->account->txns++;
	charge(t, sizeof(*t));
	return t;
}

static void txn_free(struct txn *t)
{
	struct note *n, *ntmp;
	struct op *op, *otmp;

	charge(t, -(int64_t)t->memory);
	t->conn->account->txns--;
	DL_DELETE(t->conn->txns, t);
	HASH_ITER (hh, t->notes, n, ntmp) {
		HASH_DEL(t->notes, n);
		free(n);
	}
	DL_FOREACH_SAFE (t->log, op, otmp) {
		DL_DELETE(t->log, op);
		if (op->perms)
			perms_put(op->perms);
		free(op);
	}
	tree_free(&t->start);
	tree_free(&t->work);
	free(t);
}

int txn_start(struct conn *c, uint32_t *id)
{
	uint32_t open = 0;
	struct txn *t;
	int rc;

	rc = quota_check(c, QUOTA_TXNS, c->account->txns + 1);
	if (rc)
		return rc;
	if (!turn_take(c))
		return PARKED;
	DL_COUNT(c->txns, t, open);
	do {
		*id = ++c->next_txn;
	} while (!*id || (open && txn_find(c, *id)));
	t = txn_new(c, *id);
	tree_share(&t->start, &c->sv->tree);
	tree_share(&t->work, &c->sv->tree);
	journal_txn(c, *id, true);
	return 0;
}

static bool same_value(const struct node *a, const struct node *b)
{
	return a->value == b->value || (node_value_len(a) == node_value_len(b) &&
					!memcmp(node_value(a), node_value(b), node_value_len(a)));
}

/* The first note that does not hold any more; NULL: the transaction might have run now. */
static const struct note *txn_conflict(const struct txn *t, const struct tree *now)
{
	const struct note *n;

	if (t->start.root == now->root)
		return NULL;
	for (n = t->notes; n; n = n->hh.next) {
		const struct node *a = tree_find(&t->start, n->path), *b = tree_find(now, n->path);

		if (a == b)
			continue;
		if (!a || !b || a->perms != b->perms ||
		    ((n->need & NEED_VALUE) && !same_value(a, b)) ||
		    ((n->need & NEED_CHILDREN) && node_gen(a) != node_gen(b)))
			return n;
	}
	return NULL;
}

/* Is a commit to wait, because it would take somebody's turn away from him? */
static bool txn_blocked(const struct txn *t)
{
	const struct op *op;

	DL_FOREACH (t->log, op)
		if (turn_blocks(t->conn, op->path, strlen(op->path)))
			return true;
	return false;
}

static void txn_land(struct txn *t)
{
	struct server *sv = t->conn->sv;
	struct changes changes = { 0 };
	struct effects fx = { .changes = &changes, .count = count_account, .arg = sv };
	struct op *op;

	tree_free(&t->start); /* so that the tree is changed in place where nobody else looks */
	tree_free(&t->work);
	DL_FOREACH (t->log, op) {
		op_apply(&sv->tree, op, &fx);
		journal_op(sv->journal, op);
	}
	sv->stats.commits++;
	changes_fire(sv, &changes);
}

int txn_end(struct conn *c, uint32_t id, bool commit)
{
	struct txn *t = txn_find(c, id);
	const struct note *n = NULL;
	int rc = 0;

	if (!t)
		return refuse(c, -ENOENT, "no transaction %u is open here", id);
	if (commit && t->log && txn_blocked(t))
		return PARKED;
	if (commit && (t->lost || (n = txn_conflict(t, &c->sv->tree)))) {
		rc = refuse(c, -EAGAIN, "transaction %u: %s%.200s", id,
			    t->lost ? "the store was restarted" : "somebody else changed ",
			    n ? n->path : "");
		c->nr_conflicts++;
		c->sv->stats.conflicts++;
		turn_lost(c, n ? n->path : NULL);
	} else if (commit) {
		if (t->nodes > 0)
			rc = quota_check(c, QUOTA_NODES, c->account->nodes + t->nodes);
		if (!rc)
			txn_land(t);
		turn_won(c);
	}
	turn_pass(c);
	journal_txn(c, id, false);
	txn_free(t);
	return rc;
}

void txn_abort_all(struct conn *c)
{
	while (c->txns)
		txn_free(c->txns);
}

void txn_restore_lost(struct conn *c, uint32_t id)
{
	txn_new(c, id)->lost = true;
	if (c->next_txn < id)
		c->next_txn = id;
}

unsigned txn_count(const struct conn *c)
{
	const struct txn *t;
	unsigned n = 0;

	DL_COUNT(c->txns, t, n);
	return n;
}

void txn_each(const struct conn *c, void (*fn)(uint32_t id, void *arg), void *arg)
{
	const struct txn *t;

	DL_FOREACH (c->txns, t)
		fn(t->id, arg);
}

void txn_dump(const struct conn *c, struct bytes *out)
{
	const struct note *n;
	const struct txn *t;
	const struct op *op;
	uint32_t count = 0;

	DL_COUNT(c->txns, t, count);
	put_u32(out, count);
	DL_FOREACH (c->txns, t) {
		put_u32(out, t->id);
		put_u32(out, t->lost || txn_conflict(t, &c->sv->tree));
		put_u32(out, HASH_COUNT(t->notes));
		for (n = t->notes; n; n = n->hh.next) {
			put_u32(out, n->need);
			put_text(out, n->path);
		}
		DL_COUNT(t->log, op, count);
		put_u32(out, count);
		DL_FOREACH (t->log, op)
			op_dump(op, out);
	}
}

/*
 * What was noted still held when it was dumped, so the tree of that moment serves as the snapshot:
 * whoever reads on in the transaction sees what he might have seen had it begun then.
 */
int txn_load(struct conn *c, struct cut *in)
{
	uint32_t nr_txns = cut_u32(in), nr;

	for (; nr_txns && !in->bad; nr_txns--) {
		uint32_t id = cut_u32(in);
		struct view v = { .c = c, .txn = txn_new(c, id) };

		v.txn->lost = cut_u32(in);
		tree_share(&v.txn->start, &c->sv->tree);
		tree_share(&v.txn->work, &c->sv->tree);
		for (nr = cut_u32(in); nr && !in->bad; nr--) {
			unsigned need = cut_u32(in);
			const char *path = cut_text(in);

			note(&v, path, strlen(path), need);
		}
		for (nr = cut_u32(in); nr && !in->bad; nr--) {
			struct op op;

			if (op_load(&op, in))
				view_apply(&v, &op);
			if (op.perms)
				perms_put(op.perms);
		}
		if (c->next_txn < id)
			c->next_txn = id;
	}
	return in->bad ? -EPROTO : 0;
}
