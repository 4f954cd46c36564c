/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A suspended guest's disks come to rest. It asks for nothing any more, so its rings tell when its
 * backends, ours or the kernel's, have answered everything; what they wrote then goes to where the
 * other host reads it. Frontends ask again, on the other host, for what had no answer in their copy
 * of the ring: a write of ours that came after one of those would undo it.
 *
 * Which disks a guest has, and what is behind them, stands on dom0's side of the store: what it says
 * of that itself may name any file. And a store that cannot be read is not a guest without disks.
 */
#include "dom0-tools/migrated/migrated.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include <xengnttab.h>
#include <xen/io/blkif.h>

#define MOST_QUEUES 64u

static const char *const kinds[] = { "vbd", "qdisk" };

/* *value: NULL if there is no such node. */
static int read_node(struct cli *c, char **value, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static int read_node(struct cli *c, char **value, const char *fmt, ...)
{
	char path[STORE_PATH_MAX];
	va_list ap;
	int rc;

	va_start(ap, fmt);
	vsnprintf(path, sizeof(path), fmt, ap);
	va_end(ap);
	rc = store_read(c->store, STORE_NO_TXN, path, value, NULL);
	if (!rc)
		return 0;
	*value = NULL;
	return rc == -ENOENT ? 0 : cli_store_failed(c, "its disks cannot be looked after");
}

/* *n: -1 if there is none. */
static int number(struct cli *c, uint32_t domid, const char *dev, const char *key, int64_t *n)
{
	char *v;
	int rc = read_node(c, &v, "/local/domain/%u/device/vbd/%s/%s", domid, dev, key);

	*n = v ? cli_parse_number(v, 0, UINT32_MAX) : -1;
	free(v);
	return rc;
}

/* Both ends write the indexes; they lie at the same place for every layout of the requests. */
static int ring_rests(struct cli *c, xengnttab_handle *g, uint32_t domid, const char *dev,
		      uint32_t ref, uint64_t deadline_ns)
{
	const struct timespec nap = { .tv_nsec = 200000 };
	const volatile struct blkif_sring *ring = xengnttab_map_grant_ref(g, domid, ref, PROT_READ);
	int rc = 0;

	if (!ring)
		return why_set(c->why, TE_DEVICE,
			       "disk %s of domain %u: its ring cannot be read: %s", dev, domid,
			       strerror(errno));
	while (ring->rsp_prod != ring->req_prod && !rc) {
		if (mig_now_ns() > deadline_ns)
			rc = why_set(c->why, TE_TIMEOUT,
				     "disk %s of domain %u: %u requests have no answer yet", dev,
				     domid, ring->req_prod - ring->rsp_prod);
		nanosleep(&nap, NULL);
	}
	xengnttab_unmap(g, (void *)(uintptr_t)ring, 1);
	return rc;
}

static int queue_rests(struct cli *c, xengnttab_handle *g, uint32_t domid, const char *dev,
		       const char *dir, uint64_t deadline_ns)
{
	static const char *const names[] = { "ring-ref", "ring-ref0" };
	char key[48];
	int64_t ref = -1;
	int rc = 0;

	for (int i = 0; !rc && ref < 0 && i < 2; i++) {
		snprintf(key, sizeof(key), "%s%s", dir, names[i]);
		rc = number(c, domid, dev, key, &ref);
	}
	if (rc)
		return rc;
	return ref >= 0 ? ring_rests(c, g, domid, dev, (uint32_t)ref, deadline_ns) :
			  why_set(c->why, TE_DEVICE,
				  "disk %s of domain %u is connected, and has no ring", dev, domid);
}

static int disk_rests(struct cli *c, xengnttab_handle *g, uint32_t domid, const char *dev,
		      uint64_t deadline_ns)
{
	int64_t queues, state;
	char dir[32] = "";
	int rc = number(c, domid, dev, "state", &state);

	if (rc || state != 4)
		return rc; /* not connected: it has asked for nothing */
	rc = number(c, domid, dev, "multi-queue-num-queues", &queues);
	if (queues < 1)
		queues = 1;
	for (int64_t q = 0; !rc && q < queues && q < MOST_QUEUES; q++) {
		if (queues > 1)
			snprintf(dir, sizeof(dir), "queue-%u/", (unsigned int)q);
		rc = queue_rests(c, g, domid, dev, dir, deadline_ns);
	}
	return rc;
}

/* What the backend has written may be in this host's memory still. */
static int flush(struct cli *c, uint32_t domid, const char *kind, const char *dev)
{
	char *mode = NULL, *target = NULL;
	int fd, rc;

	rc = read_node(c, &mode, "/local/domain/0/backend/%s/%u/%s/mode", kind, domid, dev);
	if (!rc)
		rc = read_node(c, &target, "/local/domain/0/backend/%s/%u/%s/params", kind, domid,
			       dev);
	if (!rc && mode && *mode == 'w' && target && *target == '/') {
		fd = open(target, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
		if (fd < 0 || fsync(fd))
			rc = why_set(c->why, TE_FILE, "disk %s of domain %u: %s: %s", dev, domid,
				     target, strerror(errno));
		if (fd >= 0)
			close(fd);
	}
	free(mode);
	free(target);
	return rc;
}

static int drain_kind(struct cli *c, const char *kind, uint32_t domid, uint64_t deadline_ns)
{
	char path[STORE_PATH_MAX], **devices;
	xengnttab_handle *g = NULL;
	size_t n;
	int rc;

	store_path(path, "/local/domain/0/backend/%s/%u", kind, domid);
	rc = store_list(c->store, STORE_NO_TXN, path, &devices, &n);
	if (rc)
		return rc == -ENOENT ? 0 : cli_store_failed(c, "its disks cannot be listed");
	if (n && !(g = xengnttab_open(NULL, 0)))
		rc = why_set(c->why, TE_DEVICE, "/dev/xen/gntdev: %s", strerror(errno));
	for (size_t i = 0; !rc && i < n; i++)
		rc = disk_rests(c, g, domid, devices[i], deadline_ns);
	for (size_t i = 0; !rc && i < n; i++)
		rc = flush(c, domid, kind, devices[i]);
	if (g)
		xengnttab_close(g);
	free(devices);
	return rc;
}

int drain_disks(struct cli *c, uint32_t domid, uint64_t deadline_ns)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < sizeof(kinds) / sizeof(kinds[0]); i++)
		rc = drain_kind(c, kinds[i], domid, deadline_ns);
	return rc;
}
