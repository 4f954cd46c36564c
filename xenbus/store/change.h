/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Changes to a tree: one operation that was checked and permitted, done to a tree. The same code
 * works on the tree itself, on a transaction's copy, when a transaction lands, and when the journal
 * is read back.
 */
#ifndef XENBUS_STORE_CHANGE_H
#define XENBUS_STORE_CHANGE_H

#include "xenbus/store/server.h"
#include "xenbus/store/watch.h"

enum op_kind { OP_WRITE, OP_MKDIR, OP_RM, OP_PERMS };

struct op {
	struct op *prev, *next;
	enum op_kind kind;
	unsigned domid; /* who does it: owner of what it makes, unless privileged */
	const void *value;
	size_t len;
	struct perms *perms;
	const char *path;
};

/* What an operation does beside changing the tree; either may be NULL. */
struct effects {
	struct changes *changes;
	/* nodes of a domain came or went, with so many bytes */
	void (*count)(void *arg, unsigned domid, int nodes, int64_t bytes);
	void *arg;
};

void op_apply(struct tree *t, const struct op *op, const struct effects *fx);
/* bytes that a node costs its owner */
int64_t node_cost(const struct node *n);

/* the effects on the tree itself: accounts */
void count_account(void *server, unsigned domid, int nodes, int64_t bytes);
/* apply, account, journal, fire: a change outside of transactions */
void server_apply(struct server *sv, const struct op *op);
/* remove what a dead domain owned, and the rights it had */
void server_forget_domain(struct server *sv, unsigned domid);

#endif
