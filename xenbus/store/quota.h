/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Quotas: what a guest may use. The control domain is not limited, except that a single node's
 * value always has to fit into a message. Every refusal is counted, and logged at most every ten
 * seconds per domain and quota.
 */
#ifndef XENBUS_STORE_QUOTA_H
#define XENBUS_STORE_QUOTA_H

#include <stdbool.h>
#include <stdint.h>

/* clang-format off */
/* name, default, error, text */
#define QUOTA_TABLE(Q)									\
	Q(NODES,	"nodes",		1000,	 ENOSPC, "nodes that a domain owns")		\
	Q(NODE_SIZE,	"node-size",		2048,	 ENOSPC, "bytes in a node's value and permissions")	\
	Q(WATCHES,	"watches",		128,	 E2BIG,	 "watches that a domain has set")	\
	Q(TXNS,		"transactions",		64,	 ENOSPC, "transactions open at a time")		\
	Q(TXN_NODES,	"transaction-nodes",	1024,	 ENOSPC, "nodes that a transaction touches")	\
	Q(PERMS,	"node-permissions",	5,	 ENOSPC, "entries in a node's permissions")	\
	Q(PATH,		"path-max",		XENSTORE_ABS_PATH_MAX, EINVAL, "bytes in a path")	\
	Q(OUTSTANDING,	"outstanding",		20,	 0,	 "answers not taken before the next request is read") \
	Q(MEMORY,	"memory",		2621440, ENOMEM, "bytes of memory, all told")		\
	Q(EVENTS,	"pending-bytes",	1048576, 0,	 "bytes of output not taken before the connection is cut")

/* clang-format on */
#define QUOTA_ENUM(id, name, value, err, text) QUOTA_##id,
enum quota { QUOTA_TABLE(QUOTA_ENUM) NR_QUOTAS };

struct account;
struct conn;
struct server;

void quota_defaults(struct server *sv);
const char *quota_name(enum quota q);
const char *quota_text(enum quota q);
/* by its name here or in other stores' options ("entry-nb" ...); -1 if there is none */
int quota_by_name(const char *name);
int64_t quota_limit(const struct server *sv, const struct account *a, enum quota q);

struct account *account_get(struct server *sv, unsigned domid); /* made if it is not there */
struct account *account_find(struct server *sv, unsigned domid);
void account_drop(struct server *sv, unsigned domid); /* the domain is no more */

/*
 * Would the value be over the connection's limit? If so count and log it, and return the quota's
 * error.
 */
int quota_check(struct conn *c, enum quota q, int64_t value);
/* only count and log: something other than a request was stopped */
void quota_note(struct server *sv, struct account *a, enum quota q, int64_t value);

#endif
