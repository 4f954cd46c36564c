/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A guest that came from elsewhere begins with its disks and cards held back: their nodes are
 * there, so that it connects as it would after a boot, but not those that a backend waits for
 * before it opens anything. Here they come.
 */
#include "dom0-tools/cli/image.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct release {
	struct cli *c;
	uint32_t domid;
	struct guest_config config;
	struct disk_source disks[CONFIG_MAX_DISKS];
	bool disk_there[CONFIG_MAX_DISKS], vif_there[CONFIG_MAX_VIFS];
};

static bool has_node(struct release *r, const char *kind, unsigned int number, const char *node)
{
	char *v =
		cli_read(r->c, "/local/domain/0/backend/%s/%u/%u/%s", kind, r->domid, number, node);

	free(v);
	return v != NULL;
}

static int write_disks(struct store *s, store_txn_t t, void *arg)
{
	struct release *r = arg;
	int rc = 0;

	(void)s;
	for (size_t i = 0; !rc && i < r->config.nr_disks; i++)
		if (!r->disk_there[i])
			rc = disk_release(r->c, t, r->domid, &r->config.disks[i], &r->disks[i]);
	return rc;
}

static int write_vifs(struct store *s, store_txn_t t, void *arg)
{
	struct release *r = arg;
	int rc = 0;

	(void)s;
	for (size_t i = 0; !rc && i < r->config.nr_vifs; i++)
		if (!r->vif_there[i])
			rc = nic_release(r->c, t, r->domid, &r->config.vifs[i]);
	return rc;
}

static int transact(struct release *r, int (*fn)(struct store *s, store_txn_t t, void *arg))
{
	int rc;

	r->c->why->error = TE_NONE;
	rc = store_transact(r->c->store, fn, r);
	return rc && r->c->why->error == TE_NONE ?
		       cli_store_failed(r->c, "cannot connect the guest's devices") :
		       rc;
}

static int plug(struct release *r)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < r->config.nr_vifs; i++)
		if (!r->vif_there[i])
			rc = nic_plug(r->c, r->domid, &r->config.vifs[i]);
	return rc;
}

static int release(struct release *r)
{
	struct guest_config *g = &r->config;
	int rc = 0;

	for (size_t i = 0; i < g->nr_disks; i++)
		r->disks[i].loop_fd = -1;
	for (size_t i = 0; !rc && i < g->nr_disks; i++) {
		rc = disk_look(&g->disks[i], &r->disks[i], r->c->why);
		if (rc)
			break;
		r->disk_there[i] =
			has_node(r, disk_backend(&r->disks[i]), g->disks[i].number, "params");
		if (!r->disk_there[i])
			rc = disk_open(&g->disks[i], &r->disks[i], r->c->why);
	}
	for (size_t i = 0; i < g->nr_vifs; i++)
		r->vif_there[i] = has_node(r, "vif", (unsigned int)g->vifs[i].devid,
					   nic_kernel_serves() ? "hotplug-status" : "mac");
	if (!rc && g->nr_disks)
		rc = transact(r, write_disks);
	/* on its bridge first, so that the guest's word of where it is now is heard */
	if (!rc && nic_kernel_serves())
		rc = plug(r);
	if (!rc && g->nr_vifs)
		rc = transact(r, write_vifs);
	if (!rc && !nic_kernel_serves())
		rc = plug(r);
	for (size_t i = 0; !rc && i < g->nr_disks; i++)
		if (!r->disk_there[i])
			rc = disk_wait(r->c, r->domid, &g->disks[i], &r->disks[i]);
	for (size_t i = 0; i < g->nr_disks; i++)
		disk_close(&r->disks[i]);
	return rc;
}

int guest_release(struct cli *c, const char *name, uint32_t domid)
{
	struct json_object *record = record_load(name);
	struct release *r = calloc(1, sizeof(*r));
	struct guest_source from;
	char *lines = NULL;
	int rc;

	if (!r)
		rc = why_set(c->why, TE_NO_MEMORY, "no memory");
	else if (!record)
		rc = why_set(c->why, TE_FILE, "there is no record of \"%s\"", name);
	else
		rc = image_source(c, record, "its record", &from, &lines);
	if (!rc) {
		r->c = c;
		r->domid = domid;
		rc = config_load(&r->config, from.path, from.text, strlen(from.text),
				 from.overrides, NULL, NULL, c->why);
		if (!rc)
			rc = release(r);
		config_free(&r->config);
	}
	free(lines);
	free(r);
	json_object_put(record);
	return rc;
}
