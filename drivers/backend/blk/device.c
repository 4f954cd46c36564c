/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One disk's life on the store: what the toolstack wrote is opened, features are published, the frontend's choice is read,
 * states go forward and back as <xen/io/blkif.h> draws them. A process of its own, started by main.c.
 */
#include "drivers/backend/blk/device.h"

#include <errno.h>
#include <ev.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include <xen/xen.h>
#include <xen/io/xenbus.h>

#include "drivers/backend/blk/vbd.h"
#include "xenbus/client/client.h"

#define TICK_SECONDS	1.0		/* between looks at the image's size */

struct device {
	char back[STORE_PATH_MAX], front[STORE_PATH_MAX];
	struct store *store;
	struct peer *peer;
	struct disk *disk;
	struct record_file *record;
	struct vbd vbd;
	enum xenbus_state state;
	int cdrom, removable;
	struct ev_loop *loop;
	ev_io on_store, on_peer, on_disk;
	ev_timer tick;
	int exit_code;
	bool done;
};

static void say(struct device *d, int prio, const char *text)
{
	syslog(prio, "%s: %s", d->back, text);
}

/* Errors go where administrators look: the device's error node, which 'torc why' reads, and the log. */
static void report(struct device *d, const struct why *why)
{
	char path[STORE_PATH_MAX];

	say(d, LOG_ERR, why->text);
	if (!store_path(path, "%s/error", d->back))
		store_write(d->store, STORE_NO_TXN, path, why->text, strlen(why->text));
}

static int read_front(struct device *d, const char *key, char **value)
{
	char path[STORE_PATH_MAX];
	int rc = store_path(path, "%s/%s", d->front, key);

	return rc ? rc : store_read(d->store, STORE_NO_TXN, path, value, NULL);
}

static int read_back(struct device *d, const char *key, char **value)
{
	char path[STORE_PATH_MAX];
	int rc = store_path(path, "%s/%s", d->back, key);

	return rc ? rc : store_read(d->store, STORE_NO_TXN, path, value, NULL);
}

static int read_front_number(struct device *d, const char *key, uint64_t *n)
{
	char path[STORE_PATH_MAX];
	int rc = store_path(path, "%s/%s", d->front, key);

	return rc ? rc : store_read_u64(d->store, STORE_NO_TXN, path, n);
}

static enum xenbus_state state_at(struct device *d, const char *dir)
{
	char path[STORE_PATH_MAX];
	uint64_t n;

	if (store_path(path, "%s/state", dir) || store_read_u64(d->store, STORE_NO_TXN, path, &n) ||
	    n > XenbusStateReconfigured)
		return XenbusStateUnknown;
	return (enum xenbus_state)n;
}

static void set_state(struct device *d, enum xenbus_state s)
{
	char path[STORE_PATH_MAX];

	if (store_path(path, "%s/state", d->back))
		return;
	if (store_printf(d->store, STORE_NO_TXN, path, "%d", s) == 0)
		d->state = s;
}

/* --- publishing --------------------------------------------------------------------------------------------------------- */

struct fact { const char *key; uint64_t value; };

static int write_facts(struct store *s, store_txn_t t, const char *dir, const struct fact *f, unsigned int n)
{
	char path[STORE_PATH_MAX];
	unsigned int i;
	int rc;

	for (i = 0; i < n; i++) {
		if ((rc = store_path(path, "%s/%s", dir, f[i].key)) ||
		    (rc = store_printf(s, t, path, "%llu", (unsigned long long)f[i].value)))
			return rc;
	}
	return 0;
}

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
		{ "max-ring-page-order", BLK_MAX_RING_ORDER },
		{ "multi-queue-max-queues", BLK_MAX_QUEUES },
	};

	return write_facts(s, t, d->back, facts, sizeof(facts) / sizeof(facts[0]));
}

static int publish_disk(struct store *s, store_txn_t t, void *arg)
{
	struct device *d = arg;
	const struct fact facts[] = {
		{ "sectors", d->disk->size / BLK_SECTOR },
		{ "sector-size", d->disk->block },
		{ "physical-sector-size", d->disk->physical_block },
		{ "info", (d->cdrom ? VDISK_CDROM : 0u) | (d->removable ? VDISK_REMOVABLE : 0u) |
				  (d->disk->read_only ? VDISK_READONLY : 0u) },
		{ "state", XenbusStateConnected },
	};

	return write_facts(s, t, d->back, facts, sizeof(facts) / sizeof(facts[0]));
}

/* --- the frontend's choice ---------------------------------------------------------------------------------------------- */

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
		if (read_front_number(d, key, &n) && c->pages == 1) {
			snprintf(key, sizeof(key), "%sring-ref0", dir);
			if (read_front_number(d, key, &n))
				n = UINT64_MAX;
		}
		if (n > UINT32_MAX)
			return why_set(why, TE_DEVICE, "%s/%s is missing or no grant reference", d->front, key);
		c->gref[i][p] = (uint32_t)n;
	}
	snprintf(key, sizeof(key), "%sevent-channel", dir);
	if (read_front_number(d, key, &n) || n > UINT32_MAX)
		return why_set(why, TE_DEVICE, "%s/%s is missing or no event channel", d->front, key);
	c->port[i] = (uint32_t)n;
	return 0;
}

static int read_choice(struct device *d, struct vbd_choice *c, struct why *why)
{
	char *protocol = NULL;
	uint64_t order = 0, queues = 1;
	unsigned int i;
	int rc;

	memset(c, 0, sizeof(*c));
	if (read_front(d, "protocol", &protocol) == 0 && strcmp(protocol, "x86_64-abi") &&
	    strcmp(protocol, "x86_32-abi")) {
		rc = why_set(why, TE_DEVICE, "%s/protocol is \"%s\"; x86_64-abi and x86_32-abi are spoken", d->front,
			     protocol);
		free(protocol);
		return rc;
	}
	c->abi = protocol && !strcmp(protocol, "x86_32-abi") ? BLK_ABI_32 : BLK_ABI_64;
	free(protocol);
	read_front_number(d, "ring-page-order", &order);
	read_front_number(d, "multi-queue-num-queues", &queues);
	if (order > BLK_MAX_RING_ORDER)
		return why_set(why, TE_DEVICE, "%s/ring-page-order is %llu; up to %u was offered", d->front,
			       (unsigned long long)order, BLK_MAX_RING_ORDER);
	if (queues == 0 || queues > BLK_MAX_QUEUES)
		return why_set(why, TE_DEVICE, "%s/multi-queue-num-queues is %llu; 1 to %u were offered", d->front,
			       (unsigned long long)queues, BLK_MAX_QUEUES);
	c->pages = 1u << order;
	c->queues = (unsigned int)queues;
	for (i = 0; i < c->queues; i++) {
		rc = read_queue(d, c, i, why);
		if (rc)
			return rc;
	}
	return 0;
}

/* --- states ------------------------------------------------------------------------------------------------------------- */

static void finish(struct device *d, int code)
{
	d->exit_code = code;
	d->done = true;
	ev_break(d->loop, EVBREAK_ALL);
}

static void connect_front(struct device *d)
{
	struct vbd_choice c;
	struct why why;

	if (d->vbd.connected)
		return;
	if (read_choice(d, &c, &why) || vbd_connect(&d->vbd, &c, &why)) {
		report(d, &why);
		set_state(d, XenbusStateClosing);
		return;
	}
	if (store_transact(d->store, publish_disk, d)) {
		say(d, LOG_ERR, store_why(d->store));
		return;
	}
	d->state = XenbusStateConnected;
	say(d, LOG_INFO, "connected");
}

static void disconnect_front(struct device *d, enum xenbus_state next)
{
	vbd_disconnect(&d->vbd);
	if (d->state != next)
		set_state(d, next);
}

static bool online(struct device *d)
{
	char path[STORE_PATH_MAX];
	uint64_t n = 0;

	return store_path(path, "%s/online", d->back) == 0 && store_read_u64(d->store, STORE_NO_TXN, path, &n) == 0 && n;
}

static void on_front_state(struct device *d)
{
	struct why why;

	switch (state_at(d, d->front)) {
	case XenbusStateInitialising:
		if (d->vbd.connected || d->state == XenbusStateClosed || d->state == XenbusStateClosing)
			disconnect_front(d, XenbusStateInitWait);
		break;
	case XenbusStateInitialised:
	case XenbusStateConnected:
		if (d->state == XenbusStateInitWait || (d->state == XenbusStateConnected && !d->vbd.connected))
			connect_front(d);
		break;
	case XenbusStateInitWait:
		if (d->vbd.connected) {
			why_set(&why, TE_DEVICE, "the frontend went from connected back to waiting");
			report(d, &why);
			disconnect_front(d, XenbusStateClosing);
		}
		break;
	case XenbusStateClosing:
		disconnect_front(d, XenbusStateClosing);
		break;
	case XenbusStateClosed:
	case XenbusStateUnknown:		/* its directory is gone */
		disconnect_front(d, XenbusStateClosed);
		if (!online(d))
			finish(d, 0);
		break;
	default:
		break;
	}
}

/* The toolstack asks by writing our state, or by taking our directory away. */
static void on_back_change(struct device *d)
{
	enum xenbus_state s = state_at(d, d->back);

	if (s == XenbusStateUnknown) {
		vbd_disconnect(&d->vbd);
		finish(d, 0);
	} else if (s == XenbusStateClosing && d->state != XenbusStateClosing) {
		d->state = s;			/* the frontend sees it and closes; then so do we */
		on_front_state(d);
	}
}

static void check_broken(struct device *d)
{
	if (!d->vbd.broken || !d->vbd.connected)
		return;
	report(d, &d->vbd.why);
	disconnect_front(d, XenbusStateClosing);
}

/* --- events ------------------------------------------------------------------------------------------------------------- */

static void store_ready(struct ev_loop *loop, ev_io *w, int revents)
{
	struct device *d = w->data;
	struct store_event *e;

	(void)loop;
	(void)revents;
	while (!d->done && store_next_event(d->store, &e, 0) == 0) {
		if (!strcmp(e->token, "front"))
			on_front_state(d);
		else
			on_back_change(d);
		free(e);
	}
}

static void peer_ready(struct ev_loop *loop, ev_io *w, int revents)
{
	struct device *d = w->data;

	(void)loop;
	(void)revents;
	while (peer_next_event(d->peer) >= 0)
		;
	vbd_on_event(&d->vbd);
	check_broken(d);
}

static void disk_ready(struct ev_loop *loop, ev_io *w, int revents)
{
	struct device *d = w->data;

	(void)loop;
	(void)revents;
	vbd_on_disk(&d->vbd);
	check_broken(d);
}

/* An image that grew (or shrank) is told to the frontend, as blkif has it: sectors, then state Connected again. */
static void on_tick(struct ev_loop *loop, ev_timer *w, int revents)
{
	struct device *d = w->data;

	(void)loop;
	(void)revents;
	if (d->vbd.connected && d->disk->ops->resize(d->disk) && store_transact(d->store, publish_disk, d) == 0)
		say(d, LOG_INFO, "the image changed its size");
}

/* --- set-up ------------------------------------------------------------------------------------------------------------- */

static int open_image(struct device *d, struct why *why)
{
	char *params = NULL, *mode = NULL, *type = NULL;
	int rc;

	if (read_back(d, "params", &params))
		return why_set(why, TE_STORE, "%s/params is missing: which image?", d->back);
	if (read_back(d, "mode", &mode))
		mode = strdup("w");
	if (read_back(d, "device-type", &type) == 0)
		d->cdrom = !strcmp(type, "cdrom");
	rc = mode ? disk_open(&d->disk, params, mode[0] != 'w', why) : -ENOMEM;
	free(params);
	free(mode);
	free(type);
	return rc;
}

static int open_front(struct device *d, struct why *why)
{
	char *front = NULL, path[STORE_PATH_MAX];
	uint64_t domid;
	int rc;

	if (read_back(d, "frontend", &front) || store_path(path, "%s/frontend-id", d->back) ||
	    store_read_u64(d->store, STORE_NO_TXN, path, &domid) || domid >= DOMID_FIRST_RESERVED) {
		free(front);
		return why_set(why, TE_STORE, "%s: frontend or frontend-id is missing", d->back);
	}
	rc = store_path(d->front, "%s", front);
	free(front);
	return rc ? rc : peer_open(&d->peer, (uint16_t)domid, why);
}

static int open_record(struct device *d, struct why *why)
{
	char path[STORE_PATH_MAX], *p;
	int n = snprintf(path, sizeof(path), "%s/", device_run_dir());

	/* backend/vbd/5/51712 -> vbd-5-51712: unique on this host */
	for (p = strstr(d->back, "/backend/") ? strstr(d->back, "/backend/") + 9 : d->back;
	     *p && n + 8 < (int)sizeof(path); p++)
		path[n++] = *p == '/' ? '-' : *p;
	snprintf(path + n, sizeof(path) - (size_t)n, ".state");
	d->record = record_open(path, why);
	return d->record ? 0 : -EIO;
}

static void watch_all(struct device *d)
{
	char path[STORE_PATH_MAX];

	if (!store_path(path, "%s/state", d->front))
		store_watch(d->store, path, "front");
	if (!store_path(path, "%s/state", d->back))
		store_watch(d->store, path, "back");
	ev_io_init(&d->on_store, store_ready, store_fd(d->store), EV_READ);
	ev_io_init(&d->on_peer, peer_ready, peer_event_fd(d->peer), EV_READ);
	ev_io_init(&d->on_disk, disk_ready, d->disk->event_fd, EV_READ);
	ev_timer_init(&d->tick, on_tick, TICK_SECONDS, TICK_SECONDS);
	d->on_store.data = d->on_peer.data = d->on_disk.data = d->tick.data = d;
	ev_io_start(d->loop, &d->on_store);
	ev_io_start(d->loop, &d->on_peer);
	ev_io_start(d->loop, &d->on_disk);
	ev_timer_start(d->loop, &d->tick);
}

static void close_all(struct device *d)
{
	if (d->record) {
		vbd_disconnect(&d->vbd);
		vbd_free(&d->vbd);
		record_close(d->record);
	}
	if (d->disk)
		disk_close(d->disk);
	peer_close(d->peer);
}

int device_run(const char *path)
{
	struct device *d = calloc(1, sizeof(*d));
	struct why why;
	char hotplug[STORE_PATH_MAX];
	int rc;

	if (!d || store_path(d->back, "%s", path))
		return 1;
	d->loop = ev_default_loop(0);
	if (store_open(&d->store, NULL)) {
		syslog(LOG_ERR, "%s: %s", path, store_why(NULL));
		return 1;
	}
	if (open_front(d, &why) || open_image(d, &why) || open_record(d, &why) ||
	    vbd_init(&d->vbd, d->peer, d->disk, d->record, &why)) {
		report(d, &why);
		set_state(d, XenbusStateClosed);
		close_all(d);
		return 0;			/* said and done: starting again would not mend it */
	}
	d->state = state_at(d, d->back);
	if (store_transact(d->store, publish_features, d) == 0 && !store_path(hotplug, "%s/hotplug-status", d->back))
		store_write(d->store, STORE_NO_TXN, hotplug, "connected", 9);
	/* After a restart the frontend is connected already: its rings are taken up again, it need not know. */
	if (d->state != XenbusStateConnected)
		set_state(d, XenbusStateInitWait);
	watch_all(d);				/* each watch fires once at once: that starts it */
	ev_run(d->loop, 0);
	close_all(d);
	store_close(&d->store);
	rc = d->exit_code;
	free(d);
	return rc;
}
