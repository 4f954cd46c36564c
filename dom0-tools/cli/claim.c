/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two writers on one disk destroy it, and a reader beside a writer reads nonsense. Below
 * /torc/disks/DEV-INODE stands a node for each guest that has the image, DOMID-VDEV-MODE, which the
 * device's backend directory names, so that it goes with the device. One of a guest that is gone
 * counts for nothing.
 */
#include "dom0-tools/cli/guest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DISKS "/torc/disks/"

static int refuse(struct cli *c, const struct config_disk *d, unsigned int id, char mode)
{
	char *name = cli_read(c, "/local/domain/%u/name", id);
	int rc = 0;

	if (name) {
		why_set(c->why, TE_STATE, "disk %s: %s is in use by guest \"%s\"%s", d->vdev,
			d->target, name, mode == 'w' ? " for writing" : "");
		rc = why_hint(c->why, -EBUSY, "two guests that write to one disk destroy it");
	}
	free(name);
	return rc;
}

/* Who has it, of those that do not go with us? */
static int look_for_others(struct cli *c, store_txn_t t, uint32_t domid,
			   const struct config_disk *d, const char *dir)
{
	unsigned int id = 0;
	char mode = 0, **names;
	size_t n;
	int rc = 0;

	if (node_list(c, t, dir, &names, &n))
		return 0;
	for (size_t i = 0; !rc && i < n; i++)
		if (sscanf(names[i], "%u-%*u-%c", &id, &mode) == 2 && id != domid &&
		    (mode == 'w' || d->writable))
			rc = refuse(c, d, id, mode);
	free(names);
	return rc;
}

int claim_disk(struct cli *c, store_txn_t t, uint32_t domid, const struct config_disk *d,
	       const struct disk_source *s, const char *back)
{
	char dir[STORE_PATH_MAX], name[48];
	int rc;

	store_path(dir, DISKS "%llx-%llx", (unsigned long long)s->dev, (unsigned long long)s->inode);
	rc = look_for_others(c, t, domid, d, dir);
	snprintf(name, sizeof(name), "%u-%u-%c", domid, d->number, d->writable ? 'w' : 'r');
	if (!rc)
		rc = node_write(c, t, dir, name, "%s", "");
	return rc ? rc : node_write(c, t, back, "claim", "%s/%s", dir, name);
}

void claim_drop(struct cli *c, store_txn_t t, const char *back)
{
	char *claim = node_read(c, t, "%s/claim", back), *end, **names;
	size_t n = 1;

	if (claim && strncmp(claim, DISKS, strlen(DISKS)) == 0) {
		node_rm(c, t, "%s", claim);
		end = strchr(claim + strlen(DISKS), '/');
		if (end)
			*end = 0;
		if (end && node_list(c, t, claim, &names, &n) == 0)
			free(names);
		if (!n) /* the last one */
			node_rm(c, t, "%s", claim);
	}
	free(claim);
}
