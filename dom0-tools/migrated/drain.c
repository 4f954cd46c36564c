/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A suspended guest's disks come to rest. It asks for nothing any more, so its rings tell when its
 * backends, ours or the kernel's, have answered everything; what they wrote then goes to where the
 * other host reads it. Frontends ask again, on the other host, for what had no answer in their copy
 * of the ring: a write of ours that came after one of those would undo it.
 */
#include "dom0-tools/migrated/migrated.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include <xengnttab.h>
#include <xen/io/blkif.h>

#define MOST_QUEUES 64u

static bool number(struct cli *c, uint32_t domid, const char *dev, const char *key, uint32_t *n)
{
	char *v = cli_read(c, "/local/domain/%u/device/vbd/%s/%s", domid, dev, key);
	int64_t i = v ? cli_parse_number(v, 0, UINT32_MAX) : -1;

	free(v);
	*n = (uint32_t)i;
	return i >= 0;
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

static int disk_rests(struct cli *c, xengnttab_handle *g, uint32_t domid, const char *dev,
		      uint64_t deadline_ns)
{
	uint32_t queues, ref, state;
	char key[48];
	int rc = 0;

	if (!number(c, domid, dev, "state", &state) || state != 4)
		return 0; /* not connected: it has asked for nothing */
	if (!number(c, domid, dev, "multi-queue-num-queues", &queues) || !queues)
		queues = 1;
	for (uint32_t q = 0; !rc && q < queues && q < MOST_QUEUES; q++) {
		const char *const names[] = { "ring-ref", "ring-ref0" };
		bool found = false;

		for (int i = 0; !found && i < 2; i++) {
			if (queues > 1)
				snprintf(key, sizeof(key), "queue-%u/%s", q, names[i]);
			else
				snprintf(key, sizeof(key), "%s", names[i]);
			found = number(c, domid, dev, key, &ref);
		}
		rc = found ? ring_rests(c, g, domid, dev, ref, deadline_ns) :
			     why_set(c->why, TE_DEVICE,
				     "disk %s of domain %u is connected, and has no ring", dev,
				     domid);
	}
	return rc;
}

/* What the backend has written may be in this host's memory still. */
static int flush(struct cli *c, uint32_t domid, const char *dev)
{
	char *back = cli_read(c, "/local/domain/%u/device/vbd/%s/backend", domid, dev);
	char *mode = back ? cli_read(c, "%s/mode", back) : NULL,
	     *target = back ? cli_read(c, "%s/params", back) : NULL;
	int fd, rc = 0;

	if (mode && *mode == 'w' && target && *target == '/') {
		fd = open(target, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
		if (fd < 0 || fsync(fd))
			rc = why_set(c->why, TE_FILE, "disk %s of domain %u: %s: %s", dev, domid,
				     target, strerror(errno));
		if (fd >= 0)
			close(fd);
	}
	free(back);
	free(mode);
	free(target);
	return rc;
}

int drain_disks(struct cli *c, uint32_t domid, uint64_t deadline_ns)
{
	char path[STORE_PATH_MAX], **devices;
	xengnttab_handle *g = NULL;
	size_t n;
	int rc = 0;

	store_path(path, "/local/domain/%u/device/vbd", domid);
	if (store_list(c->store, STORE_NO_TXN, path, &devices, &n))
		return 0;
	if (n && !(g = xengnttab_open(NULL, 0)))
		rc = why_set(c->why, TE_DEVICE, "/dev/xen/gntdev: %s", strerror(errno));
	for (size_t i = 0; !rc && i < n; i++)
		rc = disk_rests(c, g, domid, devices[i], deadline_ns);
	for (size_t i = 0; !rc && i < n; i++)
		rc = flush(c, domid, devices[i]);
	if (g)
		xengnttab_close(g);
	free(devices);
	return rc;
}
