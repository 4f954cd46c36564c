/* SPDX-License-Identifier: BSD-2-Clause */
/* torc block-list, network-list: a guest's devices as the store has them. */
#include "dom0-tools/cli/guest.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dom0-tools/common/paths.h"

#define STATS_MAX 4096

/* What the daemon counts, of its own file; null for a device that dom0's kernel serves. */
static void stats(struct json_object *o, const char *back, uint32_t domid, const char *id)
{
	static const char *const keys[] = { "queue_depth", "bytes_per_second", "errors" };
	struct json_object *s = NULL, *v;
	char file[PATH_MAX], *text;
	size_t len;

	snprintf(file, sizeof(file), "%s/%s/%s-%u-%s.stats", path_run(),
		 strcmp(back, "vif") ? "blkd" : "netd", back, domid, id);
	if (path_read_file(file, STATS_MAX, &text, &len) == 0) {
		s = json_tokener_parse(text);
		free(text);
	}
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (s && json_object_object_get_ex(s, keys[i], &v))
			fact_num(o, keys[i], json_object_get_int64(v));
		else
			json_object_object_add(o, keys[i], NULL);
	}
	json_object_object_add(o, "stats", s);
}

static void gather(struct cli *c, uint32_t domid, const char *back, const char *front,
		   const char *const *keys, size_t nr_keys, struct json_object *rows)
{
	char path[STORE_PATH_MAX], **ids = NULL;
	size_t n = 0;

	store_path(path, "/local/domain/0/backend/%s/%u", back, domid);
	if (store_list(c->store, STORE_NO_TXN, path, &ids, &n))
		n = 0;
	for (size_t i = 0; i < n; i++) {
		struct json_object *o = json_object_new_object();
		char *state;

		fact_str(o, "id", ids[i]);
		fact_str(o, "backend_domain", "0");
		for (size_t k = 0; k < nr_keys; k++) {
			char *v = cli_read(c, "%s/%s/%s", path, ids[i], keys[k]);

			fact_str(o, keys[k], v);
			free(v);
		}
		state = cli_read(c, "/local/domain/%u/device/%s/%s/state", domid, front, ids[i]);
		fact_str(o, "frontend_state", state);
		free(state);
		stats(o, back, domid, ids[i]);
		json_object_array_add(rows, o);
	}
	free(ids);
}

static int list(struct cli *c, int argc, char **argv, const char *kind, const char *schema,
		const char *const *keys, size_t nr_keys, const struct column *columns, size_t count)
{
	struct json_object *rows;
	uint32_t domid;
	int rc;

	if (argc != 2)
		return cli_usage(c, "which domain?");
	rc = cli_store(c);
	if (!rc)
		rc = cli_find_domain(c, argv[1], &domid);
	if (rc)
		return rc;
	rows = json_object_new_array();
	gather(c, domid, kind, kind, keys, nr_keys, rows);
	if (strcmp(kind, "vbd") == 0) /* torc-blkd's */
		gather(c, domid, "qdisk", kind, keys, nr_keys, rows);
	out_rows(c, schema, rows, columns, count);
	return 0;
}

int cmd_block_list(struct cli *c, int argc, char **argv)
{
	static const char *const keys[] = { "dev", "params", "mode", "node", "type", "state" };
	static const struct column columns[] = {
		{ "id", "Vdev", -6 },
		{ "dev", "Dev", -5 },
		{ "mode", "Mode", -4 },
		{ "state", "Back", 4 },
		{ "frontend_state", "Front", 5 },
		{ "queue_depth", "Queue", 5 },
		{ "bytes_per_second", "Bytes/s", 9 },
		{ "errors", "Errors", 6 },
		{ "node", "Node", -12 },
		{ "params", "Target", -10 },
	};

	return list(c, argc, argv, "vbd", "disks", keys, 6, columns,
		    sizeof(columns) / sizeof(columns[0]));
}

int cmd_network_list(struct cli *c, int argc, char **argv)
{
	static const char *const keys[] = { "mac", "bridge", "vifname", "state" };
	static const struct column columns[] = {
		{ "id", "Idx", -3 },	       { "mac", "Mac Addr.", -17 },
		{ "state", "Back", 4 },	       { "frontend_state", "Front", 5 },
		{ "queue_depth", "Queue", 5 }, { "bytes_per_second", "Bytes/s", 9 },
		{ "errors", "Errors", 6 },     { "bridge", "Bridge", -8 },
	};

	return list(c, argc, argv, "vif", "nics", keys, 4, columns,
		    sizeof(columns) / sizeof(columns[0]));
}
