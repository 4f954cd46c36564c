/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The tree of nodes, copied on write.
 *
 * A tree is a reference to its root. tree_share() makes a snapshot by taking one more reference;
 * whoever then changes one of the two copies the nodes on the way down, and shares the rest. With
 * one reference everything is changed in place. The children of a node form a treap ordered by a
 * keyed hash of their names, so that a change in a directory of n nodes copies about log n of them,
 * and nobody can choose names that make it slow.
 *
 * Children are listed in the order in which they were made, as clients of other stores are used to.
 */
#ifndef XENBUS_STORE_TREE_H
#define XENBUS_STORE_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "xenbus/store/perm.h"

struct blob { /* a byte string with references */
	uint32_t refs;
	uint32_t len;
	char data[];
};
struct blob *blob_new(const void *p, size_t len); /* NULL for nothing */
void blob_put(struct blob *b);

/* What only nodes with children have. One for each node: copied with it. */
struct children {
	struct node *top;     /* root of their treap */
	uint64_t gen;	      /* changes with the set of children, never comes back */
	struct blob *listing; /* their names with their NULs, or NULL: not made yet */
	uint32_t nr;
};

/* Small, as there are many: 100,000 nodes take some 12 MB. */
struct node {
	uint32_t refs;
	uint32_t hash;		   /* of the name: the key among its siblings */
	struct node *left, *right; /* siblings */
	struct children *children; /* NULL: there never were any */
	struct blob *value;	   /* NULL: empty */
	struct perms *perms;
	uint64_t seq; /* when it was made: its place in the listing */
	uint16_t name_len;
	char name[];
};

static inline size_t node_value_len(const struct node *n)
{
	return n->value ? n->value->len : 0;
}

static inline const char *node_value(const struct node *n)
{
	return n->value ? n->value->data : "";
}

/* the generation of its set of children */
uint64_t node_gen(const struct node *n);
uint32_t node_nr_children(const struct node *n);

struct tree {
	struct node *root;
};

/* Path arguments are absolute, checked, without a trailing slash except for "/". */
void tree_init(struct tree *t, struct perms *root_perms);
void tree_share(struct tree *to, const struct tree *from);
void tree_free(struct tree *t);

const struct node *tree_find(const struct tree *t, const char *path);
/*
 * The nearest node that exists on the way to path, path itself included; *len: how much of path
 * names it.
 */
const struct node *tree_nearest(const struct tree *t, const char *path, size_t *len);
const struct blob *node_listing(const struct node *n);

/* The node must exist. */
void tree_set_value(struct tree *t, const char *path, struct blob *value);  /* consumes value */
void tree_set_perms(struct tree *t, const char *path, struct perms *perms); /* consumes perms */
/* The parent must exist, the node must not. Consumes value and perms. */
void tree_add(struct tree *t, const char *path, struct blob *value, struct perms *perms);
/* The node must exist and not be the root. */
void tree_remove(struct tree *t, const char *path);

/*
 * Visit a node and all below it, parents first, children in the order of the listing. visit is
 * given the path; a false from it skips what is below. leave, which may be NULL, is called for each
 * when all below it has been visited.
 */
typedef bool tree_visit_fn(const struct node *n, const char *path, void *arg);
typedef void tree_leave_fn(const struct node *n, const char *path, void *arg);
void tree_walk(const struct node *top, const char *path, tree_visit_fn *visit, tree_leave_fn *leave,
	       void *arg);

/* Loading: adds under a node that the caller owns alone, without a search for the path. */
struct node *node_load(struct node *parent, const char *name, size_t len, struct blob *value,
		       struct perms *perms);

uint64_t tree_nr_nodes(void); /* nodes in memory, all snapshots together */

#endif
