/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A guest's nodes in the store, as guests, backends and other tools expect them. Written in one
 * transaction, so that nobody ever sees half a guest, and so that of two guests with one name
 * only one can come to be.
 *
 * Permissions are set on directories and inherited by what is made below: (dom0, guest reads)
 * for what dom0 says, (guest, dom0 reads) for what the guest says.
 */
#include "dom0-tools/cli/guest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int claim_identity(struct cli *c, store_txn_t t, const char *name, const char *uuid,
			  uint32_t domid)
{
	int rc = name_claim(c, t, name, domid);
	char *have = rc ? NULL : node_read(c, t, "/vm/%s/uuid", uuid);

	if (have) {
		free(have);
		have = cli_read(c, "/vm/%s/name", uuid);
		why_set(c->why, TE_NAME_TAKEN, "guest \"%s\" has the uuid %s already",
			have ? have : "?", uuid);
		free(have);
		return -EEXIST;
	}
	return rc;
}

static int write_vm(struct cli *c, store_txn_t t, const struct guest_nodes *g, const char *uuid)
{
	char dir[STORE_PATH_MAX], image[STORE_PATH_MAX];
	struct timespec now;
	int rc;

	store_path(dir, "/vm/%s", uuid);
	store_path(image, "/vm/%s/image", uuid);
	clock_gettime(CLOCK_REALTIME, &now);
	rc = node_dir(c, t, dir, 0, g->domid);
	if (!rc)
		rc = node_write(c, t, dir, "name", "%s", g->config->name);
	if (!rc)
		rc = node_write(c, t, dir, "uuid", "%s", uuid);
	if (!rc)
		rc = node_write(c, t, dir, "start_time", "%lld.%02ld", (long long)now.tv_sec,
				now.tv_nsec / 10000000);
	if (!rc)
		rc = node_write(c, t, image, "ostype", "%s",
				g->build->image.guest_os[0] ? g->build->image.guest_os : "linux");
	if (!rc)
		rc = node_write(c, t, image, "kernel", "%s", g->build->spec.kernel);
	if (!rc && g->build->spec.ramdisk)
		rc = node_write(c, t, image, "ramdisk", "%s", g->build->spec.ramdisk);
	if (!rc)
		rc = node_write(c, t, image, "cmdline", "%s", g->build->spec.cmdline);
	return rc;
}

/* Nodes that the guest itself writes: empty, and its own. */
static int write_own(struct cli *c, store_txn_t t, const char *dir, uint32_t domid)
{
	static const char *const own[] = { "data",
					   "drivers",
					   "feature",
					   "attr",
					   "error",
					   "control/shutdown",
					   "control/feature-poweroff",
					   "control/feature-reboot",
					   "control/feature-suspend",
					   "control/sysrq",
					   "device/suspend/event-channel" };
	char path[STORE_PATH_MAX];
	int rc = 0;

	for (size_t i = 0; !rc && i < sizeof(own) / sizeof(own[0]); i++) {
		store_path(path, "%s/%s", dir, own[i]);
		rc = node_put(c, t, path, "", 0);
		if (!rc)
			rc = node_perms(c, t, path, domid, domid);
	}
	return rc;
}

static int write_console(struct cli *c, store_txn_t t, const char *dir, const struct guest_nodes *g)
{
	char front[STORE_PATH_MAX], back[STORE_PATH_MAX];
	int rc;

	store_path(front, "%s/console", dir);
	store_path(back, "/local/domain/0/backend/console/%u/0", g->domid);
	rc = node_write(c, t, front, "backend", "%s", back);
	if (!rc)
		rc = node_write(c, t, front, "backend-id", "0");
	if (!rc)
		rc = node_write(c, t, front, "limit", "1048576");
	if (!rc)
		rc = node_write(c, t, front, "type", "xenconsoled");
	if (!rc)
		rc = node_write(c, t, front, "output", "pty");
	if (!rc)
		rc = node_write(c, t, front, "tty", "%s", "");
	if (!rc)
		rc = node_dir(c, t, back, 0, g->domid);
	if (!rc)
		rc = node_write(c, t, back, "frontend", "%s", front);
	if (!rc)
		rc = node_write(c, t, back, "frontend-id", "%u", g->domid);
	if (!rc)
		rc = node_write(c, t, back, "online", "1");
	if (!rc)
		rc = node_write(c, t, back, "state", "1");
	if (!rc)
		rc = node_write(c, t, back, "protocol", "vt100");
	return rc;
}

struct writing {
	struct cli *c;
	const struct guest_nodes *g;
	bool again; /* not for the first time: it may have landed before, and the answer was lost */
};

/* Where its pages are that it shares with the store and the console. */
static int write_pages(struct store *s, store_txn_t t, void *arg)
{
	const struct writing *w = arg;
	const struct guest_nodes *g = w->g;
	struct cli *c = w->c;
	char dir[STORE_PATH_MAX];
	int rc;

	(void)s;
	store_path(dir, "/local/domain/%u", g->domid);
	rc = node_write(c, t, dir, "store/port", "%u", g->build->store_port);
	if (!rc)
		rc = node_write(c, t, dir, "store/ring-ref", "%llu",
				(unsigned long long)g->build->store_frame);
	if (!rc)
		rc = node_write(c, t, dir, "console/port", "%u", g->build->console_port);
	if (!rc)
		rc = node_write(c, t, dir, "console/ring-ref", "%llu",
				(unsigned long long)g->build->console_frame);
	return rc;
}

static int write_domain(struct cli *c, store_txn_t t, const struct guest_nodes *g, const char *uuid)
{
	const struct guest_config *k = g->config;
	char dir[STORE_PATH_MAX], path[64];
	int rc;

	store_path(dir, "/local/domain/%u", g->domid);
	rc = node_dir(c, t, dir, 0, g->domid);
	if (!rc)
		rc = node_write(c, t, dir, "vm", "/vm/%s", uuid);
	if (!rc)
		rc = node_write(c, t, dir, "name", "%s", k->name);
	if (!rc)
		rc = node_write(c, t, dir, "domid", "%u", g->domid);
	for (unsigned int i = 0; !rc && i < k->maxvcpus; i++) {
		snprintf(path, sizeof(path), "cpu/%u/availability", i);
		rc = node_write(c, t, dir, path, "%s", i < k->vcpus ? "online" : "offline");
	}
	if (!rc)
		rc = node_write(c, t, dir, "memory/static-max", "%llu",
				(unsigned long long)k->maxmem << 10);
	if (!rc)
		rc = node_write(c, t, dir, "memory/target", "%llu",
				(unsigned long long)k->memory << 10);
	if (!rc)
		rc = node_write(c, t, dir, "memory/videoram", "0");
	if (!rc)
		rc = node_write(c, t, dir, "control/platform-feature-multiprocessor-suspend", "1");
	if (!rc)
		rc = node_write(c, t, dir, "control/platform-feature-xs_reset_watches", "1");
	if (!rc)
		rc = write_own(c, t, dir, g->domid);
	if (!rc)
		rc = write_console(c, t, dir, g);
	return rc;
}

static bool is_there(struct cli *c, store_txn_t t, uint32_t domid, const char *uuid)
{
	char *vm = node_read(c, t, "/local/domain/%u/vm", domid);
	bool yes = vm && strncmp(vm, "/vm/", 4) == 0 && strcmp(vm + 4, uuid) == 0;

	free(vm);
	return yes;
}

static int write_all(struct store *s, store_txn_t t, void *arg)
{
	struct writing *w = arg;
	const struct guest_nodes *g = w->g;
	struct cli *c = w->c;
	char uuid[37];
	int rc;

	config_uuid_format(uuid, g->config->uuid);
	if (w->again && is_there(c, t, g->domid, uuid))
		return 0;
	w->again = true;
	rc = claim_identity(c, t, g->config->name, uuid, g->domid);
	if (!rc)
		rc = write_vm(c, t, g, uuid);
	if (!rc)
		rc = write_domain(c, t, g, uuid);
	if (!rc && !g->late)
		rc = write_pages(s, t, arg);
	for (size_t i = 0; !rc && i < g->config->nr_disks; i++)
		rc = disk_write(c, t, g->domid, &g->config->disks[i], &g->disks[i], g->hold);
	for (size_t i = 0; !rc && i < g->config->nr_vifs; i++)
		rc = nic_write(c, t, g->domid, &g->config->vifs[i], g->hold);
	return rc;
}

int nodes_create(struct cli *c, const struct guest_nodes *g)
{
	struct writing w = { .c = c, .g = g };

	return node_transact(c, write_all, &w, "cannot write the guest's nodes");
}

int nodes_complete(struct cli *c, const struct guest_nodes *g)
{
	struct writing w = { .c = c, .g = g };

	return node_transact(c, write_pages, &w, "cannot write the guest's nodes");
}

/* A device's backend node, and the claim on its image that it names. */
void node_remove_backend(struct cli *c, store_txn_t t, const char *back)
{
	claim_drop(c, t, back);
	node_rm(c, t, "%s", back);
}

static void remove_backends(struct cli *c, store_txn_t t, const char *kind, uint32_t domid)
{
	char path[STORE_PATH_MAX], back[STORE_PATH_MAX], **ids;
	size_t n;

	store_path(path, "/local/domain/0/backend/%s/%u", kind, domid);
	if (node_list(c, t, path, &ids, &n))
		return;
	for (size_t i = 0; i < n; i++)
		if (store_path(back, "%s/%s", path, ids[i]) == 0)
			node_remove_backend(c, t, back);
	free(ids);
	node_rm(c, t, "%s", path);
}

static void remove_all_backends(struct cli *c, store_txn_t t, uint32_t domid)
{
	char **kinds;
	size_t n;

	if (node_list(c, t, "/local/domain/0/backend", &kinds, &n))
		return;
	for (size_t i = 0; i < n; i++)
		remove_backends(c, t, kinds[i], domid);
	free(kinds);
}

struct aside {
	struct cli *c;
	uint32_t domid;
	char uuid[37];
};

static int set_aside(struct store *s, store_txn_t t, void *arg)
{
	struct aside *a = arg;
	struct cli *c = a->c;
	char path[STORE_PATH_MAX], dir[STORE_PATH_MAX], *vm, *name;
	int rc;

	(void)s;
	remove_all_backends(c, t, a->domid);
	node_rm(c, t, "/local/domain/%u/device", a->domid);
	store_path(dir, "/local/domain/%u", a->domid);
	vm = node_read(c, t, "/local/domain/%u/vm", a->domid);
	if (vm && strncmp(vm, "/vm/", 4) == 0 && strlen(vm) > 8)
		node_rm(c, t, "%s", vm);
	name = node_read(c, t, "/local/domain/%u/name", a->domid);
	rc = node_write(c, t, dir, "vm", "/vm/%s", a->uuid);
	store_path(path, "/vm/%s", a->uuid);
	if (!rc)
		rc = node_dir(c, t, path, 0, a->domid);
	if (!rc)
		rc = node_write(c, t, path, "uuid", "%s", a->uuid);
	if (!rc)
		rc = node_write(c, t, path, "name", "%s", name ? name : "");
	free(name);
	free(vm);
	return rc;
}

int nodes_set_aside(struct cli *c, uint32_t domid, const uint8_t uuid[16])
{
	struct aside a = { .c = c, .domid = domid };
	int rc;

	config_uuid_format(a.uuid, uuid);
	/* the uuid last: by it one sees that the rest is done */
	rc = node_transact(c, set_aside, &a, "cannot set the guest aside");
	return rc ? rc : host_domain_set_uuid(c->host, domid, uuid, c->why);
}

static int remove_all(struct store *s, store_txn_t t, void *arg)
{
	void **args = arg;
	struct cli *c = args[0];
	uint32_t domid = *(uint32_t *)args[1];
	char *vm, *name;

	(void)s;
	vm = node_read(c, t, "/local/domain/%u/vm", domid);
	name = node_read(c, t, "/local/domain/%u/name", domid);
	/* only what is below /vm: the node is in dom0's hands, but a mistake there is dear */
	if (vm && strncmp(vm, "/vm/", 4) == 0 && strlen(vm) > 8)
		node_rm(c, t, "%s", vm);
	if (name)
		name_drop(c, t, name, domid);
	remove_all_backends(c, t, domid);
	node_rm(c, t, "/local/domain/%u", domid);
	node_rm(c, t, "/libxl/%u", domid);
	free(vm);
	free(name);
	return 0;
}

int nodes_remove(struct cli *c, uint32_t domid)
{
	void *args[] = { c, &domid };

	return node_transact(c, remove_all, args, "cannot remove the guest's nodes");
}
