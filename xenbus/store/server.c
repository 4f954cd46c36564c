/* SPDX-License-Identifier: BSD-2-Clause */
/* An empty store, and its end. */
#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "xenbus/store/change.h"
#include "xenbus/store/domain.h"

void server_init(struct server *sv)
{
	static const struct store_perm none = { PRIVILEGED_DOMID, STORE_NONE };
	int i;

	memset(sv, 0, sizeof(*sv));
	quota_defaults(sv);
	tree_init(&sv->tree, perms_get(&none, 1));
	count_account(sv, PRIVILEGED_DOMID, 1, node_cost(sv->tree.root));
	for (i = 0; i < NR_SPECIALS; i++)
		sv->special[i] = perms_get(&none, 1);
	server_apply(sv, &(struct op){ .kind = OP_MKDIR, .path = "/tool/xenstored" });
}

void server_free(struct server *sv)
{
	struct domain *d, *dtmp;
	struct account *a, *atmp;
	struct conn *c, *ctmp;
	int i;

	HASH_ITER (hh, sv->domains, d, dtmp)
		domain_drop(sv, d->domid);
	DL_FOREACH_SAFE (sv->conns, c, ctmp)
		conn_close(c);
	conn_reap(sv);
	tree_free(&sv->tree);
	for (i = 0; i < NR_SPECIALS; i++)
		perms_put(sv->special[i]);
	HASH_ITER (hh, sv->accounts, a, atmp) {
		HASH_DEL(sv->accounts, a);
		free(a);
	}
	free(sv->by_port);
}
