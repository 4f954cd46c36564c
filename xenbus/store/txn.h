/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Transactions, and the view through which commands see the tree.
 *
 * A transaction begins with a snapshot and works on a copy of its own. It notes which nodes it
 * depended on, and in what: that the node is there with these permissions, its value, its set of
 * children. When it ends, those notes alone are compared with the tree as it is then: if they hold,
 * running the transaction now would have given the same answers, so its changes are done again on
 * the tree, in order. If not, EAGAIN. Two transactions that touch different nodes never meet, and
 * neither do two that make different children of the same node.
 *
 * Turns. A client that lost against others has to wait its turn when it starts over: at most one
 * loser at a time works on the path where it lost, the others get the answer to TRANSACTION_START
 * when their turn comes. So with hundreds of clients on one node, every one gets through, and
 * hardly any work is done twice. A turn is bounded in time, and the control domain does not wait
 * for a guest's.
 *
 * Outside of a transaction a view is the tree itself: changes take effect, are journalled, and fire
 * watches.
 */
#ifndef XENBUS_STORE_TXN_H
#define XENBUS_STORE_TXN_H

#include "xenbus/store/conn.h"
#include "xenbus/store/path.h"

struct view {
	struct conn *c;
	struct txn *txn; /* NULL: the tree itself */
};

int view_open(struct conn *c, uint32_t id, struct view *v);

/* what a caller learns from a node, for the notes */
enum { NEED_NODE = 1, NEED_VALUE = 2, NEED_CHILDREN = 4 };

/* The node if it is there and access (STORE_READ ...) is granted; else -ENOENT or -EACCES. */
int view_get(struct view *v, const struct path *p, unsigned access, unsigned need,
	     const struct node **n);
int view_write(struct view *v, const struct path *p, const void *value, size_t len);
int view_mkdir(struct view *v, const struct path *p);
int view_rm(struct view *v, const struct path *p);
int view_set_perms(struct view *v, const struct path *p, const struct store_perm *list, size_t n);

int txn_start(struct conn *c, uint32_t *id); /* PARKED: wait for a turn */
int txn_end(struct conn *c, uint32_t id, bool commit);
void txn_abort_all(struct conn *c);
/* after a restart: known by its id, but bound to end in EAGAIN */
void txn_restore_lost(struct conn *c, uint32_t id);
unsigned txn_count(const struct conn *c);
void txn_each(const struct conn *c, void (*fn)(uint32_t id, void *arg), void *arg);
/* a live handover takes the notes and the changes along */
void txn_dump(const struct conn *c, struct bytes *out);
int txn_load(struct conn *c, struct cut *in);

#endif
