/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One disk's life on the store: what the toolstack wrote is opened, features are published, the
 * frontend's choice is read, states go forward and back as <xen/io/blkif.h> draws them. A process
 * of its own, started by main.c.
 */
#include "drivers/backend/blk/device.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <syslog.h>
#include <unistd.h>

#include "drivers/backend/blk/vbd.h"
#include "drivers/backend/common/bdev.h"
#include "drivers/backend/common/confine.h"

#define TICK_SECONDS 1	/* between looks at the image's size */
#define TURNS	     4u /* looks at guest and disk in a row, each of which has an end */

struct device {
	struct bdev bdev;
	struct peer *peer;
	struct disk *disk;
	struct record_file *record;
	struct vbd vbd;
	bool cdrom;
	int stats_fd;
	uint64_t counted; /* bytes, when the counters were last written */
	int tick_fd;
};

static struct device *device_of(struct bdev *bdev)
{
	return (struct device *)((char *)bdev - offsetof(struct device, bdev));
}

/* --- publishing ----------------------------------------------------------- */

static int publish_features(struct store *s, store_txn_t t, void *arg)
{
	struct device *d = arg;
	const struct fact facts[] = {
		{ "feature-flush-cache", 1 },
		{ "feature-barrier", 1 },
		{ "feature-discard", d->disk->can_discard },
		{ "discard-granularity", d->disk->physical_block },
		{ "discard-alignment", 0 },
		{ "feature-max-indirect-segments", BLK_MAX_SEGMENTS },
		{ "feature-persistent", 1 },
		{ "max-ring-page-order", BLK_MAX_RING_ORDER },
		{ "multi-queue-max-queues", BLK_MAX_QUEUES },
	};

	(void)s;
	return bdev_write_facts(&d->bdev, t, facts, sizeof(facts) / sizeof(facts[0]));
}

static int publish_disk(struct store *s, store_txn_t t, void *arg)
{
	struct device *d = arg;
	const struct fact facts[] = {
		{ "sectors", d->disk->size / BLK_SECTOR },
		{ "sector-size", d->disk->block },
		{ "physical-sector-size", d->disk->physical_block },
		{ "info", (d->cdrom ? VDISK_CDROM | VDISK_REMOVABLE : 0u) |
				  (d->disk->read_only ? VDISK_READONLY : 0u) },
		{ "state", XenbusStateConnected },
	};

	(void)s;
	return bdev_write_facts(&d->bdev, t, facts, sizeof(facts) / sizeof(facts[0]));
}

/* --- the frontend's choice ------------------------------------------------ */

static int read_queue(struct device *d, struct vbd_choice *c, unsigned int i, struct why *why)
{
	char key[64], dir[32] = "";
	uint64_t n;
	unsigned int p;

	if (c->queues > 1)
		snprintf(dir, sizeof(dir), "queue-%u/", i);
	for (p = 0; p < c->pages; p++) {
		if (c->pages == 1)
			snprintf(key, sizeof(key), "%sring-ref", dir);
		else
			snprintf(key, sizeof(key), "%sring-ref%u", dir, p);
		/* A ring of one page is ring-ref to some and ring-ref0 to others. */
		if (bdev_read_front_number(&d->bdev, key, &n) && c->pages == 1) {
			snprintf(key, sizeof(key), "%sring-ref0", dir);
			if (bdev_read_front_number(&d->bdev, key, &n))
				n = UINT64_MAX;
		}
		if (n > UINT32_MAX)
			return why_set(why, TE_DEVICE, "%s/%s is missing or no grant reference",
				       d->bdev.front, key);
		c->gref[i][p] = (uint32_t)n;
	}
	snprintf(key, sizeof(key), "%sevent-channel", dir);
	if (bdev_read_front_number(&d->bdev, key, &n) || n > UINT32_MAX)
		return why_set(why, TE_DEVICE, "%s/%s is missing or no event channel",
			       d->bdev.front, key);
	c->port[i] = (uint32_t)n;
	return 0;
}

static int read_choice(struct device *d, struct vbd_choice *c, struct why *why)
{
	char *protocol = NULL;
	uint64_t order = 0, queues = 1, persistent = 0;
	unsigned int i;
	int rc;

	memset(c, 0, sizeof(*c));
	if (bdev_read_front(&d->bdev, "protocol", &protocol) == 0 &&
	    strcmp(protocol, "x86_64-abi") && strcmp(protocol, "x86_32-abi")) {
		rc = why_set(why, TE_DEVICE,
			     "%s/protocol is \"%s\"; x86_64-abi and x86_32-abi are spoken",
			     d->bdev.front, protocol);
		free(protocol);
		return rc;
	}
	c->abi = protocol && !strcmp(protocol, "x86_32-abi") ? BLK_ABI_32 : BLK_ABI_64;
	free(protocol);
	bdev_read_front_number(&d->bdev, "ring-page-order", &order);
	bdev_read_front_number(&d->bdev, "multi-queue-num-queues", &queues);
	if (order > BLK_MAX_RING_ORDER)
		return why_set(why, TE_DEVICE, "%s/ring-page-order is %llu; up to %u was offered",
			       d->bdev.front, (unsigned long long)order, BLK_MAX_RING_ORDER);
	if (queues == 0 || queues > BLK_MAX_QUEUES)
		return why_set(why, TE_DEVICE,
			       "%s/multi-queue-num-queues is %llu; 1 to %u were offered",
			       d->bdev.front, (unsigned long long)queues, BLK_MAX_QUEUES);
	c->persistent = bdev_read_front_number(&d->bdev, "feature-persistent", &persistent) == 0 &&
			persistent;
	c->pages = 1u << order;
	c->queues = (unsigned int)queues;
	for (i = 0; i < c->queues; i++) {
		rc = read_queue(d, c, i, why);
		if (rc)
			return rc;
	}
	return 0;
}

/* --- states --------------------------------------------------------------- */

static void connect_front(struct bdev *bdev)
{
	struct device *d = device_of(bdev);
	struct vbd_choice c;
	struct why why;
	int rc = read_choice(d, &c, &why);

	if (d->bdev.lost)
		return; /* it is read again when the store is back */
	if (rc || vbd_connect(&d->vbd, &c, &why)) {
		bdev_report(&d->bdev, &why);
		bdev_set_state(&d->bdev, XenbusStateClosing);
		return;
	}
	if (store_transact(d->bdev.store, publish_disk, d)) {
		bdev_say(&d->bdev, LOG_ERR, store_why(d->bdev.store));
		return;
	}
	d->bdev.state = XenbusStateConnected;
	bdev_say(&d->bdev, LOG_INFO, "connected");
}

static void disconnect_front(struct bdev *bdev)
{
	struct device *d = device_of(bdev);

	vbd_disconnect(&d->vbd);
}

static bool is_connected(struct bdev *bdev)
{
	return device_of(bdev)->vbd.connected;
}

static const struct bdev_ops ops = { is_connected, connect_front, disconnect_front };

static void check_broken(struct device *d)
{
	if (!d->vbd.broken || !d->vbd.connected)
		return;
	bdev_report(&d->bdev, &d->vbd.why);
	bdev_disconnect(&d->bdev, XenbusStateClosing);
}

/* --- events --------------------------------------------------------------- */

static void store_ready(struct device *d)
{
	bdev_ready(&d->bdev);
}

static void peer_ready(struct device *d)
{
	peer_take_events(d->peer);
	vbd_on_event(&d->vbd);
	check_broken(d);
}

static void disk_ready(struct device *d)
{
	vbd_on_disk(&d->vbd);
	check_broken(d);
}

static void write_stats(struct device *d)
{
	const struct record_file *f = d->record;
	uint64_t bytes = (f->read_sectors + f->written_sectors) * BLK_SECTOR;

	bdev_stats_write(
		d->stats_fd,
		"{\"connected\":%s,\"queues\":%u,\"queue_depth\":%u,\"reads\":%llu,\"writes\":%llu,"
		"\"flushes\":%llu,\"discards\":%llu,\"read_bytes\":%llu,\"written_bytes\":%llu,"
		"\"bytes_per_second\":%llu,\"errors\":%llu,\"restarts\":%llu,\"mapped\":%u}",
		d->vbd.connected ? "true" : "false", d->vbd.queues, d->vbd.in_flight,
		(unsigned long long)f->reads, (unsigned long long)f->writes,
		(unsigned long long)f->flushes, (unsigned long long)f->discards,
		(unsigned long long)f->read_sectors * BLK_SECTOR,
		(unsigned long long)f->written_sectors * BLK_SECTOR,
		(unsigned long long)(bytes - d->counted) / TICK_SECONDS,
		(unsigned long long)f->errors, (unsigned long long)f->restarts, d->vbd.grants.count);
	d->counted = bytes;
}

/* An image that grew (or shrank) is told to the frontend, as blkif has it: sectors, then state
 * Connected again. */
static void tick(struct device *d)
{
	bdev_ticked(d->tick_fd);
	write_stats(d);
	if (d->vbd.connected && d->disk->ops->resize(d->disk) &&
	    store_transact(d->bdev.store, publish_disk, d) == 0)
		bdev_say(&d->bdev, LOG_INFO, "the image changed its size");
}

/* --- set-up --------------------------------------------------------------- */

static int open_image(struct device *d, struct why *why)
{
	char *params = NULL, *mode = NULL, *type = NULL;
	int rc;

	if (bdev_read_back(&d->bdev, "params", &params))
		return why_set(why, TE_STORE, "%s/params is missing: which image?", d->bdev.back);
	if (bdev_read_back(&d->bdev, "mode", &mode))
		mode = strdup("w");
	if (bdev_read_back(&d->bdev, "device-type", &type) == 0)
		d->cdrom = !strcmp(type, "cdrom");
	rc = mode ? disk_open(&d->disk, params, mode[0] != 'w', why) : -ENOMEM;
	free(params);
	free(mode);
	free(type);
	return rc;
}

static int open_record(struct device *d, const char *run_dir, struct why *why)
{
	d->record = bdev_state_open(&d->bdev, run_dir, sizeof(*d->record), why);
	if (!d->record)
		return -EIO;
	record_init(d->record);
	return 0;
}

struct source {
	int fd;
	void (*ready)(struct device *d);
};

/* Nothing is left to do. Until here neither the guest nor the disk had to tell of more: a look at
 * rings costs no call. False: a guest that asks without a break is not all that there is. */
static bool rest(struct device *d)
{
	unsigned int turns;

	disk_rest(d->disk);
	for (turns = 0; (d->vbd.more || disk_completed(d->disk)) && !d->bdev.done; turns++) {
		if (turns == TURNS)
			return false;
		disk_ready(d);
		disk_rest(d->disk);
	}
	peer_allow_events(d->peer);
	return true;
}

/*
 * A loop of four descriptors that never change, and no time limit. libev's reads the clock and sets
 * a timer of the kernel each turn, for timers that are not there: of what a single request costs
 * that is the part that can be left out.
 */
static int serve(struct device *d, int poll_fd)
{
	const struct source sources[] = {
		{ store_fd(d->bdev.store), store_ready },
		{ peer_event_fd(d->peer), peer_ready },
		{ d->disk->event_fd, disk_ready },
		{ d->tick_fd, tick },
	};
	const int most = sizeof(sources) / sizeof(sources[0]);
	struct epoll_event ev[sizeof(sources) / sizeof(sources[0])];
	int i, n;

	for (i = 0; i < most; i++) {
		ev[0] = (struct epoll_event){ .events = EPOLLIN,
					      .data.ptr = (void *)(uintptr_t)&sources[i] };
		if (sources[i].fd >= 0 && epoll_ctl(poll_fd, EPOLL_CTL_ADD, sources[i].fd, &ev[0]))
			return -errno;
	}
	while (!d->bdev.done) {
		n = epoll_wait(poll_fd, ev, most, rest(d) ? -1 : 0);
		if (n < 0 && errno != EINTR)
			return -errno;
		for (i = 0; i < n && !d->bdev.done; i++)
			((const struct source *)ev[i].data.ptr)->ready(d);
	}
	return 0;
}

static void close_all(struct device *d)
{
	if (d->record) {
		vbd_disconnect(&d->vbd);
		vbd_free(&d->vbd);
		munmap(d->record, sizeof(*d->record));
	}
	if (d->disk)
		disk_close(d->disk);
	peer_close(d->peer);
}

int device_run(const char *path, const char *run_dir)
{
	struct device *d = calloc(1, sizeof(*d));
	struct why why;
	int rc, poll_fd = epoll_create1(EPOLL_CLOEXEC);

	if (!d || poll_fd < 0)
		return 1;
	d->bdev.ops = &ops;
	if (bdev_open(&d->bdev, path, &why) || peer_open(&d->peer, d->bdev.domid, &why))
		return bdev_refuse(&d->bdev, &why);
	/* A guest that arrives has its image held back until it runs here. It does not wait for
	 * this process to start then, which takes longer than to open an image. */
	rc = bdev_await(&d->bdev, "params");
	if (rc)
		return rc == -ENOENT ? 0 : 1;
	if (open_image(d, &why) || open_record(d, run_dir, &why) ||
	    vbd_init(&d->vbd, d->peer, d->disk, d->record, &why) ||
	    d->bdev.lost) /* a read-only image could be served for writing */
		return bdev_refuse(&d->bdev, &why);
	if (store_transact(d->bdev.store, publish_features, d) == 0)
		bdev_write_back(&d->bdev, "hotplug-status", "connected");
	/* After a restart the frontend is connected already: its rings are taken up again, it need
	 * not know. */
	if (d->bdev.state < XenbusStateConnected)
		bdev_set_state(&d->bdev, XenbusStateInitWait);
	d->counted = (d->record->read_sectors + d->record->written_sectors) * BLK_SECTOR;
	d->stats_fd = bdev_stats_open(&d->bdev, run_dir);
	d->tick_fd = bdev_ticker(TICK_SECONDS);
	bdev_watch(&d->bdev); /* each watch fires once at once: that starts it */
	if (confine(&why)) {
		bdev_report(&d->bdev, &why);
		return 1;
	}
	rc = serve(d, poll_fd);
	if (rc) {
		why_set(&why, TE_DEVICE, "its events cannot be waited for: %s", strerror(-rc));
		bdev_report(&d->bdev, &why);
		return 1;
	}
	close_all(d);
	bdev_close(&d->bdev);
	close(poll_fd);
	free(d);
	return 0;
}
