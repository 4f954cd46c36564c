/* SPDX-License-Identifier: BSD-2-Clause */
/* Quotas and accounts. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "xenbus/store/conn.h"

#define LOG_EVERY 10.0 /* seconds */

#define QUOTA_ROW(id, name, value, err, text) { name, value, -(err), text },
static const struct {
	const char *name;
	int64_t value;
	int error;
	const char *text;
} quotas[NR_QUOTAS] = { QUOTA_TABLE(QUOTA_ROW) };

/* as administrators know them from other stores */
static const struct {
	const char *name;
	enum quota q;
} aliases[] = {
	{ "entry-nb", QUOTA_NODES },	 { "entry-size", QUOTA_NODE_SIZE },
	{ "watch-nb", QUOTA_WATCHES },	 { "transaction", QUOTA_TXNS },
	{ "perm-nb", QUOTA_PERMS },	 { "node-permissions", QUOTA_PERMS },
	{ "ta-nodes", QUOTA_TXN_NODES },
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

void quota_defaults(struct server *sv)
{
	int q;

	for (q = 0; q < NR_QUOTAS; q++)
		sv->limit[q] = quotas[q].value;
}

const char *quota_name(enum quota q)
{
	return quotas[q].name;
}

const char *quota_text(enum quota q)
{
	return quotas[q].text;
}

int quota_by_name(const char *name)
{
	size_t i;

	for (i = 0; i < NR_QUOTAS; i++)
		if (!strcmp(quotas[i].name, name))
			return i;
	for (i = 0; i < NR(aliases); i++)
		if (!strcmp(aliases[i].name, name))
			return aliases[i].q;
	return -1;
}

int64_t quota_limit(const struct server *sv, const struct account *a, enum quota q)
{
	return a && a->limit[q] >= 0 ? a->limit[q] : sv->limit[q];
}

struct account *account_find(struct server *sv, unsigned domid)
{
	struct account *a;

	HASH_FIND(hh, sv->accounts, &domid, sizeof(domid), a);
	return a;
}

struct account *account_get(struct server *sv, unsigned domid)
{
	struct account *a = account_find(sv, domid);
	int q;

	if (a)
		return a;
	a = mem_alloc(sizeof(*a));
	a->domid = domid;
	for (q = 0; q < NR_QUOTAS; q++) {
		a->limit[q] = -1;
		a->logged[q] = -LOG_EVERY;
	}
	HASH_ADD(hh, sv->accounts, domid, sizeof(domid), a);
	return a;
}

void account_drop(struct server *sv, unsigned domid)
{
	struct account *a = account_find(sv, domid);

	if (!a || a->nodes || a->watches || a->txns)
		return;
	HASH_DEL(sv->accounts, a);
	free(a);
}

void quota_note(struct server *sv, struct account *a, enum quota q, int64_t value)
{
	double t = now();

	a->refused[q]++;
	if (t - a->logged[q] < LOG_EVERY)
		return;
	a->logged[q] = t;
	log_warn("d%u is over its quota %s (%s): %" PRId64 ", limit %" PRId64 "; refused %" PRIu64
		 " times so far. To allow more: torc-stored -Q %s=N, or torc store control quota",
		 a->domid, quotas[q].name, quotas[q].text, value, quota_limit(sv, a, q),
		 a->refused[q], quotas[q].name);
}

int quota_check(struct conn *c, enum quota q, int64_t value)
{
	if (c->privileged || c->sv->loading || value <= quota_limit(c->sv, c->account, q))
		return 0;
	quota_note(c->sv, c->account, q, value);
	return refuse(c, quotas[q].error, "over the quota %s: %" PRId64 ", limit %" PRId64,
		      quotas[q].name, value, quota_limit(c->sv, c->account, q));
}
