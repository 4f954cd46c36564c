/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Watches: who is told when a node changes.
 *
 * Watches hang in a hash by the path they are on, so a change costs one look-up per level of its
 * path, however many watches there are. A watch hears of changes to its node and to all below; of a
 * removal further up it hears once, with its own path. Nobody hears of a node that he may neither
 * read nor see in its parent's listing.
 */
#ifndef XENBUS_STORE_WATCH_H
#define XENBUS_STORE_WATCH_H

#include "xenbus/store/server.h"

struct path;

int watch_add(struct conn *c, const struct path *p, const char *token);
int watch_remove(struct conn *c, const struct path *p, const char *token);
void watch_remove_all(struct conn *c);
/*
 * the event that a new watch begins with; watch_add() does not send it, since the answer goes first
 */
void watch_first_event(struct conn *c, const struct path *p, const char *token);

/* A change that has happened to the tree. */
struct change {
	UT_hash_handle hh; /* by path; iterates in the order of adding */
	bool exact;	   /* removed with its parent: only for watches on this very path */
	struct perms *before, *after; /* either may be NULL: made, removed */
	struct perms *parent;
	char path[];
};

/* The changes of one step (a request, or a whole transaction), in order; each path once. */
struct changes {
	struct change *all;
};
/* takes references of its own to the permissions */
void changes_add(struct changes *cs, const char *path, bool exact, struct perms *before,
		 struct perms *after, struct perms *parent);
void changes_fire(struct server *sv, struct changes *cs); /* and free */
void watch_fire_special(struct server *sv, enum special which);

unsigned watch_count(const struct conn *c);
/* for listing and for handing over: each watch of a connection, oldest first */
void watch_each(const struct conn *c,
		void (*fn)(const char *path, const char *token, bool relative, void *arg),
		void *arg);

#endif
