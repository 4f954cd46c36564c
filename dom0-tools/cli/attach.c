/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * torc block-attach, block-detach, network-attach, network-detach. Attaching waits until both
 * ends work, or says which end is in which state and what it complained of last; an attach that
 * fails leaves nothing.
 */
#include "dom0-tools/cli/guest.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <xen/io/xenbus.h>

#define WORKS_MS 10000

struct device {
	uint32_t domid;
	const char *kind; /* of the frontend: vbd, vif */
	const char *back; /* of the backend: the same, or qdisk */
	char id[32];
};

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int64_t state_of(struct cli *c, const struct device *d, bool back)
{
	char *s =
		back ? cli_read(c, "/local/domain/0/backend/%s/%u/%s/state", d->back, d->domid,
				d->id) :
		       cli_read(c, "/local/domain/%u/device/%s/%s/state", d->domid, d->kind, d->id);
	int64_t n = s ? cli_parse_number(s, 0, 8) : -1;

	free(s);
	return n;
}

static const char *state_word(int64_t n)
{
	static const char *const names[] = { "Unknown",	    "Initialising",  "InitWait",
					     "Initialised", "Connected",     "Closing",
					     "Closed",	    "Reconfiguring", "Reconfigured" };

	return n < 0 ? "missing" : names[n];
}

static int explain(struct cli *c, const struct device *d, const char *wanted)
{
	char *back = device_complaint(c, d->back, d->domid, d->id);
	char *front =
		cli_read(c, "/local/domain/%u/error/device/%s/%s/error", d->domid, d->kind, d->id);

	why_set(c->why, TE_TIMEOUT,
		"%s %s of domain %u is not %s: backend %s%s%s%s, guest %s%s%s%s", d->kind, d->id,
		d->domid, wanted, state_word(state_of(c, d, true)), back ? " (\"" : "",
		back ? back : "", back ? "\")" : "", state_word(state_of(c, d, false)),
		front ? " (\"" : "", front ? front : "", front ? "\")" : "");
	free(back);
	free(front);
	return why_hint(c->why, -ETIMEDOUT,
			"is there a driver for it in the guest, and is the guest running?");
}

/* Until both ends are in this state (or gone, when they are to close). */
static int wait_both(struct cli *c, const struct device *d, int64_t state, const char *word)
{
	char back[STORE_PATH_MAX], front[STORE_PATH_MAX];
	int64_t until = now_ms() + WORKS_MS;
	struct store_event *e;
	int rc = 0;

	store_path(back, "/local/domain/0/backend/%s/%u/%s/state", d->back, d->domid, d->id);
	store_path(front, "/local/domain/%u/device/%s/%s/state", d->domid, d->kind, d->id);
	if (store_watch(c->store, back, "back") || store_watch(c->store, front, "front"))
		return cli_store_failed(c, "cannot watch the device");
	for (;;) {
		int64_t b = state_of(c, d, true), f = state_of(c, d, false), left = until - now_ms();

		if (b == state && f == state)
			break;
		if (state == XenbusStateClosed && (b < 0 || b == state))
			break;
		if (left <= 0) {
			rc = explain(c, d, word);
			break;
		}
		if (store_next_event(c->store, &e, left < 200 ? (int)left : 200) == 0)
			free(e);
	}
	store_unwatch(c->store, back, "back");
	store_unwatch(c->store, front, "front");
	return rc;
}

static int remove_nodes(struct store *s, store_txn_t t, void *arg)
{
	void **args = arg;
	struct cli *c = args[0];
	const struct device *d = args[1];
	char path[STORE_PATH_MAX];

	store_path(path, "/local/domain/0/backend/%s/%u/%s", d->back, d->domid, d->id);
	node_remove_backend(c, t, path);
	store_path(path, "/local/domain/%u/device/%s/%s", d->domid, d->kind, d->id);
	store_rm(s, t, path);
	return 0;
}

static void drop(struct cli *c, const struct device *d)
{
	void *args[] = { c, (void *)d };

	store_transact(c->store, remove_nodes, args);
}

static int detach(struct cli *c, const struct device *d, bool force)
{
	char path[STORE_PATH_MAX];
	int rc = 0;

	store_path(path, "/local/domain/0/backend/%s/%u/%s", d->back, d->domid, d->id);
	if (!force && state_of(c, d, false) > XenbusStateInitialising) {
		rc = node_write(c, STORE_NO_TXN, path, "online", "0");
		if (!rc)
			rc = node_write(c, STORE_NO_TXN, path, "state", "%d", XenbusStateClosing);
		if (!rc)
			rc = wait_both(c, d, XenbusStateClosed, "closed");
		if (rc)
			return why_hint(c->why, rc,
					"the guest may be using it; -f takes it all the same");
	}
	drop(c, d);
	return 0;
}

struct attaching {
	struct cli *c;
	uint32_t domid;
	const struct config_disk *disk;
	const struct disk_source *source;
	const struct config_vif *vif;
};

static int write_nodes(struct store *s, store_txn_t t, void *arg)
{
	struct attaching *a = arg;

	(void)s;
	return a->disk ? disk_write(a->c, t, a->domid, a->disk, a->source, false) :
			 nic_write(a->c, t, a->domid, a->vif, false);
}

static int write_attached(struct attaching *a)
{
	int rc;

	a->c->why->error = TE_NONE;
	rc = store_transact(a->c->store, write_nodes, a);
	if (rc && a->c->why->error == TE_NONE)
		return cli_store_failed(a->c, "cannot write the device's nodes");
	return rc;
}

static int find_guest(struct cli *c, const char *who, uint32_t *domid)
{
	int rc = cli_store(c);

	if (!rc)
		rc = cli_find_domain(c, who, domid);
	if (!rc && *domid == 0)
		rc = why_set(c->why, TE_STATE, "domain 0 serves the devices: it gets none");
	return rc;
}

static bool there(struct cli *c, struct device *d);

/* A disk may be served by the kernel or by torc-blkd. */
static bool find_disk(struct cli *c, struct device *d)
{
	d->back = "qdisk";
	if (there(c, d))
		return true;
	d->back = "vbd";
	return there(c, d);
}

static bool there(struct cli *c, struct device *d)
{
	char *s = cli_read(c, "/local/domain/0/backend/%s/%u/%s/frontend", d->back, d->domid, d->id);
	bool yes = s != NULL;

	free(s);
	return yes;
}

/* A device's parts as one text: xl takes them as words, too. Cut short it would name another. */
static int join(struct cli *c, int argc, char **argv, char *spec, size_t room)
{
	size_t at = 0;

	spec[0] = 0;
	for (int i = 2; i < argc; i++) {
		at += (size_t)snprintf(spec + at, room - at, "%s%s", i > 2 ? "," : "", argv[i]);
		if (at >= room)
			return cli_usage(c, "a device of more than %zu characters", room - 1);
	}
	return 0;
}

int cmd_block_attach(struct cli *c, int argc, char **argv)
{
	struct device d = { .kind = "vbd", .back = "vbd" };
	struct disk_source source = { .loop_fd = -1 };
	struct config_disk disk;
	struct attaching a = { .c = c, .disk = &disk, .source = &source };
	char spec[4096];
	int rc;

	if (argc < 3)
		return cli_usage(c, "a domain and a disk are expected");
	rc = join(c, argc, argv, spec, sizeof(spec));
	if (!rc)
		rc = config_disk_parse(&disk, spec, c->why);
	if (rc)
		return rc;
	rc = find_guest(c, argv[1], &d.domid);
	snprintf(d.id, sizeof(d.id), "%u", disk.number);
	if (!rc && find_disk(c, &d))
		rc = why_set(c->why, TE_STATE, "domain %u has a disk %s already", d.domid,
			     disk.vdev);
	if (!rc)
		rc = disk_open(&disk, &source, c->why);
	d.back = disk_backend(&source);
	a.domid = d.domid;
	if (!rc)
		rc = write_attached(&a);
	if (!rc) {
		rc = disk_wait(c, d.domid, &disk, &source);
		if (!rc)
			rc = wait_both(c, &d, XenbusStateConnected, "connected");
		if (rc)
			drop(c, &d);
	}
	disk_close(&source);
	config_disk_free(&disk);
	return rc;
}

int cmd_network_attach(struct cli *c, int argc, char **argv)
{
	struct device d = { .kind = "vif", .back = "vif" };
	struct config_vif vif;
	struct attaching a = { .c = c, .vif = &vif };
	char spec[4096];
	int rc;

	if (argc < 2)
		return cli_usage(c, "which domain?");
	rc = join(c, argc, argv, spec, sizeof(spec));
	if (!rc)
		rc = config_vif_parse(&vif, spec, c->why);
	if (rc)
		return rc;
	rc = find_guest(c, argv[1], &d.domid);
	if (!rc)
		rc = nic_check(&vif, c->why);
	for (int i = vif.devid < 0 ? 0 : vif.devid; !rc; i++) {
		snprintf(d.id, sizeof(d.id), "%d", i);
		if (!there(c, &d)) {
			vif.devid = i;
			break;
		}
		if (vif.devid >= 0 || i > 255)
			rc = why_set(c->why, TE_STATE, "domain %u has a network card %d already",
				     d.domid, i);
	}
	if (!rc && !vif.mac_given) {
		struct domain_info info;

		rc = host_domain_info(c->host, d.domid, &info, c->why);
		if (!rc)
			config_vif_mac(&vif, info.uuid);
	}
	a.domid = d.domid;
	if (!rc)
		rc = write_attached(&a);
	if (!rc) {
		rc = nic_plug(c, d.domid, &vif);
		if (!rc)
			rc = wait_both(c, &d, XenbusStateConnected, "connected");
		if (rc)
			drop(c, &d);
	}
	config_vif_free(&vif);
	return rc;
}

static int take_force(struct cli *c, int argc, char **argv, bool *force)
{
	static const struct option options[] = { { "force", no_argument, NULL, 'f' }, { 0 } };
	int o;

	*force = false;
	while ((o = getopt_long(argc, argv, "f", options, NULL)) != -1) {
		if (o != 'f')
			return cli_bad_option(c, argv);
		*force = true;
	}
	return optind + 2 == argc ? 0 : cli_usage(c, "a domain and a device are expected");
}

int cmd_block_detach(struct cli *c, int argc, char **argv)
{
	struct device d = { .kind = "vbd", .back = "vbd" };
	unsigned int number;
	bool force;
	int rc;

	rc = take_force(c, argc, argv, &force);
	if (!rc)
		rc = find_guest(c, argv[optind], &d.domid);
	if (rc)
		return rc;
	if (config_vdev_number(argv[optind + 1], &number))
		return cli_usage(c, "\"%s\" is no virtual device", argv[optind + 1]);
	snprintf(d.id, sizeof(d.id), "%u", number);
	if (!find_disk(c, &d))
		return why_hint(c->why,
				why_set(c->why, TE_NO_DEVICE, "domain %u has no disk %s", d.domid,
					argv[optind + 1]),
				"torc block-list %u", d.domid);
	return detach(c, &d, force);
}

int cmd_network_detach(struct cli *c, int argc, char **argv)
{
	struct device d = { .kind = "vif", .back = "vif" };
	char path[STORE_PATH_MAX], **ids = NULL;
	const char *which;
	bool force, found = false;
	size_t n;
	int rc;

	rc = take_force(c, argc, argv, &force);
	if (!rc)
		rc = find_guest(c, argv[optind], &d.domid);
	if (rc)
		return rc;
	which = argv[optind + 1];
	store_path(path, "/local/domain/0/backend/vif/%u", d.domid);
	if (store_list(c->store, STORE_NO_TXN, path, &ids, &n))
		n = 0;
	for (size_t i = 0; i < n && !found; i++) {
		char *mac = cli_read(c, "%s/%s/mac", path, ids[i]);

		found = strcmp(ids[i], which) == 0 || (mac && strcasecmp(mac, which) == 0);
		if (found)
			snprintf(d.id, sizeof(d.id), "%s", ids[i]);
		free(mac);
	}
	free(ids);
	if (!found)
		return why_hint(c->why,
				why_set(c->why, TE_NO_DEVICE, "domain %u has no network card %s",
					d.domid, which),
				"torc network-list %u", d.domid);
	return detach(c, &d, force);
}
