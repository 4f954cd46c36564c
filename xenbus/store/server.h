/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The store's objects and who owns what: one server; in it the tree, the domains it knows, the
 * accounts of what each domain uses, and the connections, which own their watches and transactions.
 * One thread, no locks.
 */
#ifndef XENBUS_STORE_SERVER_H
#define XENBUS_STORE_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include <uthash.h>
#include <xen/io/xs_wire.h>

#include "xenbus/store/perm.h"
#include "xenbus/store/quota.h"
#include "xenbus/store/tree.h"
#include "xenbus/store/util.h"

struct conn;
struct door;
struct journal;
struct txn;
struct spot;
struct turn;
struct watch;

enum special { SPECIAL_INTRODUCE, SPECIAL_RELEASE, NR_SPECIALS };

/* What a domain uses. Exists as soon as the domain owns something, introduced or not. */
struct account {
	UT_hash_handle hh;
	unsigned domid;
	uint32_t nodes, watches, txns;
	uint64_t memory; /* bytes of its nodes, watches, transactions and pending output */
	uint64_t refused[NR_QUOTAS];
	double logged[NR_QUOTAS]; /* when a refusal was last logged */
	int64_t limit[NR_QUOTAS]; /* below 0: the common one */
};

struct domain {
	UT_hash_handle hh;
	unsigned domid;
	uint64_t gfn;
	uint32_t remote_port;
	uint32_t port;				/* ours; 0: not bound */
	struct xenstore_domain_interface *page; /* NULL: the ring could not be mapped */
	bool shutdown;				/* its shutdown has been announced */
	struct conn *conn;
};

struct server {
	struct tree tree;
	struct perms *special[NR_SPECIALS];
	struct domain *domains;
	struct domain **by_port; /* whose event channel that is */
	uint32_t nr_ports;
	uint32_t death_port; /* the event channel that tells of domains that die */
	struct account *accounts;
	struct conn *conns; /* list, oldest first */
	struct conn *dirty; /* with output to flush, or to be resumed */
	struct conn *dead;  /* closed, to be freed */
	struct spot *spots; /* watches by path */
	struct turn *turns; /* by path: see txn.c */
	int64_t limit[NR_QUOTAS];
	struct door *door;	 /* NULL: no hypervisor here, the socket alone is served */
	struct journal *journal; /* NULL: not kept (tests) */
	uint32_t next_conn;
	uint64_t next_watch;
	struct {
		uint64_t requests, commits, conflicts, events;
	} stats;
	bool loading;		/* records, whose contents were within the quotas of their time */
	struct conn *successor; /* asked for everything: see takeover.h */
};

#define PRIVILEGED_DOMID 0

/* an empty store: the root, /tool/xenstored, accounts, quotas at their defaults */
void server_init(struct server *sv);
void server_free(struct server *sv);

#endif
