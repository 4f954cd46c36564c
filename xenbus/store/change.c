/* SPDX-License-Identifier: BSD-2-Clause */
/* Changes to a tree. */
#include <stdlib.h>
#include <string.h>

#include "xenbus/store/change.h"
#include "xenbus/store/journal.h"
#include "xenbus/store/path.h"

int64_t node_cost(const struct node *n)
{
	return sizeof(*n) + n->name_len + node_value_len(n) + 64;
}

static void count(const struct effects *fx, const struct node *n, int nodes)
{
	if (fx->count)
		fx->count(fx->arg, perms_owner(n->perms), nodes, nodes * node_cost(n));
}

static struct perms *parent_perms(const struct tree *t, const char *path)
{
	char above[XENSTORE_ABS_PATH_MAX + 1];
	const char *slash = strrchr(path, '/');
	size_t len = slash == path ? 1 : slash - path;

	memcpy(above, path, len);
	above[len] = '\0';
	return tree_find(t, above)->perms;
}

/*
 * Make path and what is missing above it; what is made inherits, and belongs to its maker unless
 * that is privileged.
 */
static void make(struct tree *t, const struct op *op, const struct effects *fx)
{
	char path[XENSTORE_ABS_PATH_MAX + 1];
	size_t len = strlen(op->path), at;
	const struct node *n = tree_nearest(t, op->path, &at);
	struct perms *perms, *parent = n->perms;

	memcpy(path, op->path, len + 1);
	if (at == 1)
		at = 0;
	while (at < len) {
		at += 1 + strcspn(path + at + 1, "/");
		path[at] = '\0';
		parent = n->perms;
		perms = perms_share(parent);
		if (op->domid != PRIVILEGED_DOMID)
			perms = perms_with_owner(perms, op->domid);
		tree_add(t, path, at == len ? blob_new(op->value, op->len) : blob_new(NULL, 0),
			 perms);
		n = tree_find(t, path);
		count(fx, n, 1);
		path[at] = op->path[at];
	}
	if (fx->changes)
		changes_add(fx->changes, op->path, false, NULL, n->perms, parent);
}

static void write_value(struct tree *t, const struct op *op, const struct effects *fx)
{
	const struct node *n = tree_find(t, op->path);

	if (fx->count)
		fx->count(fx->arg, perms_owner(n->perms), 0,
			  (int64_t)op->len - (int64_t)node_value_len(n));
	if (fx->changes)
		changes_add(fx->changes, op->path, false, n->perms, n->perms,
			    n == t->root ? NULL : parent_perms(t, op->path));
	tree_set_value(t, op->path, blob_new(op->value, op->len));
}

static void set_perms(struct tree *t, const struct op *op, const struct effects *fx)
{
	const struct node *n = tree_find(t, op->path);

	if (perms_owner(n->perms) != perms_owner(op->perms) && fx->count) {
		fx->count(fx->arg, perms_owner(n->perms), -1, -node_cost(n));
		fx->count(fx->arg, perms_owner(op->perms), 1, node_cost(n));
	}
	if (fx->changes)
		changes_add(fx->changes, op->path, false, n->perms, op->perms,
			    n == t->root ? NULL : parent_perms(t, op->path));
	tree_set_perms(t, op->path, perms_share(op->perms));
}

struct removal {
	const struct effects *fx;
	const char *top;
	struct perms *stack[XENSTORE_ABS_PATH_MAX / 2 + 2]; /* permissions on the way down, by depth */
	unsigned base;
};

static unsigned depth(const char *path)
{
	unsigned n = 0;

	for (; *path; path++)
		n += *path == '/';
	return n;
}

static bool removing(const struct node *n, const char *path, void *arg)
{
	struct removal *r = arg;

	count(r->fx, n, -1);
	r->stack[depth(path) - r->base + 1] = n->perms;
	return true;
}

/* Watchers hear of what is deepest first. */
static void removed(const struct node *n, const char *path, void *arg)
{
	struct removal *r = arg;

	if (r->fx->changes)
		changes_add(r->fx->changes, path, strcmp(path, r->top), n->perms, NULL,
			    r->stack[depth(path) - r->base]);
}

static void remove_all(struct tree *t, const struct op *op, const struct effects *fx)
{
	struct removal r = { .fx = fx, .top = op->path, .base = depth(op->path) };
	const struct node *n = tree_find(t, op->path);

	if (!n)
		return;
	r.stack[0] = parent_perms(t, op->path);
	tree_walk(n, op->path, removing, removed, &r);
	tree_remove(t, op->path);
}

void op_apply(struct tree *t, const struct op *op, const struct effects *fx)
{
	switch (op->kind) {
	case OP_WRITE:
		if (tree_find(t, op->path))
			write_value(t, op, fx);
		else
			make(t, op, fx);
		break;
	case OP_MKDIR:
		if (!tree_find(t, op->path))
			make(t, op, fx);
		break;
	case OP_RM: remove_all(t, op, fx); break;
	case OP_PERMS:
		if (tree_find(t, op->path))
			set_perms(t, op, fx);
		break;
	}
}

void count_account(void *server, unsigned domid, int nodes, int64_t bytes)
{
	struct account *a = account_get(server, domid);

	a->nodes += nodes;
	a->memory += bytes;
}

void server_apply(struct server *sv, const struct op *op)
{
	struct changes changes = { 0 };
	struct effects fx = { .changes = &changes, .count = count_account, .arg = sv };

	op_apply(&sv->tree, op, &fx);
	journal_op(sv->journal, op);
	changes_fire(sv, &changes);
}

struct search {
	unsigned domid;
	uint32_t left; /* nodes still to be found */
	char **found;
	size_t nr;
};

static bool find_owned(const struct node *n, const char *path, void *arg)
{
	struct search *s = arg;

	if (!s->left)
		return false;
	if (perms_owner(n->perms) != s->domid || !strcmp(path, "/"))
		return true;
	s->left--;
	s->found = mem_grow(s->found, (s->nr + 1) * sizeof(*s->found));
	s->found[s->nr++] = mem_dup(path, strlen(path));
	return true;
}

void server_forget_domain(struct server *sv, unsigned domid)
{
	struct account *a = account_find(sv, domid);
	struct search s = { .domid = domid };
	size_t i;

	if (a)
		s.left = a->nodes;
	tree_walk(sv->tree.root, "/", find_owned, NULL, &s);
	for (i = 0; i < s.nr; i++) {
		/* gone already if its parent was in the list too */
		if (tree_find(&sv->tree, s.found[i]))
			server_apply(sv, &(struct op){ .kind = OP_RM, .path = s.found[i] });
		free(s.found[i]);
	}
	free(s.found);
	perms_forget(domid);
	account_drop(sv, domid);
}
