/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A guest's name is one guest's. Below /torc/names stands which domain has it; whoever gives one
 * asks there in the transaction that writes it, so that of two who do one is refused. What stands
 * there of a domain that is gone, or is named otherwise by now, counts for nothing.
 */
#include "dom0-tools/cli/guest.h"

#include <stdlib.h>
#include <string.h>

/* The domain that the index names, or -1. */
static int64_t indexed(struct cli *c, store_txn_t t, const char *name, char node[256])
{
	char *have;
	int64_t id;

	cli_name_node(name, node);
	have = node_read(c, t, "/torc/names/%s", node);
	id = have ? cli_parse_number(have, 0, HOST_FIRST_RESERVED - 1) : -1;
	free(have);
	return id;
}

int name_claim(struct cli *c, store_txn_t t, const char *name, uint32_t domid)
{
	char node[256], *have;
	int64_t id = indexed(c, t, name, node);
	bool there;

	if (id >= 0 && id != domid) {
		have = cli_read(c, "/local/domain/%u/name", (unsigned int)id);
		there = have && strcmp(have, name) == 0;
		free(have);
		if (there)
			return why_set(c->why, TE_NAME_TAKEN, "domain %u is named \"%s\" already",
				       (unsigned int)id, name);
	}
	return node_write(c, t, "/torc/names", node, "%u", domid);
}

void name_drop(struct cli *c, store_txn_t t, const char *name, uint32_t domid)
{
	char node[256];

	if (indexed(c, t, name, node) == domid)
		node_rm(c, t, "/torc/names/%s", node);
}

struct renaming {
	struct cli *c;
	uint32_t domid;
	const char *to;
};

static int rename_nodes(struct store *s, store_txn_t t, void *arg)
{
	struct renaming *r = arg;
	struct cli *c = r->c;
	char dir[STORE_PATH_MAX], *old, *vm;
	int rc;

	(void)s;
	old = node_read(c, t, "/local/domain/%u/name", r->domid);
	vm = node_read(c, t, "/local/domain/%u/vm", r->domid);
	if (!old && !vm) /* and must not have a node again */
		rc = why_set(c->why, TE_NO_DOMAIN, "domain %u has gone meanwhile", r->domid);
	else
		rc = name_claim(c, t, r->to, r->domid);
	/* it has its new name already where this has landed before, and the answer was lost */
	if (!rc && old && strcmp(old, r->to) != 0)
		name_drop(c, t, old, r->domid);
	store_path(dir, "/local/domain/%u", r->domid);
	if (!rc)
		rc = node_write(c, t, dir, "name", "%s", r->to);
	if (!rc && vm)
		rc = node_write(c, t, vm, "name", "%s", r->to);
	free(old);
	free(vm);
	return rc;
}

int guest_rename(struct cli *c, uint32_t domid, const char *to)
{
	struct renaming r = { c, domid, to };
	char *old = cli_read(c, "/local/domain/%u/name", domid);
	int rc = node_transact(c, rename_nodes, &r, "cannot rename");

	if (!rc && old)
		record_rename(old, to);
	free(old);
	return rc;
}
