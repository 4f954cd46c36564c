/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * torc block-attach, block-detach, network-attach, network-detach. Attaching waits until both
 * ends work, or says which end is in which state and what it complained of last; an attach that
 * fails leaves nothing.
 *
 * Others may do the same at once. A number is taken in the transaction that writes the nodes; what
 * is removed is what was meant, and not what came in its place; and a backend has let go of the
 * last device of a number before it gets the next one.
 */
#include "dom0-tools/cli/guest.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <xen/io/xenbus.h>

#define WORKS_MS 10000

struct device {
	uint32_t domid;
	const char *kind; /* of the frontend: vbd, vif */
	const char *back; /* of the backend: the same, or qdisk */
	char id[32];
	char mark[40]; /* in the backend's directory, of one that was attached: here, or before;
			  empty: it came with the guest */
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

/* Is it the one that is attached here, or was found, and none that came in its place? */
static bool is_marked(struct cli *c, store_txn_t t, const struct device *d)
{
	char *mark = node_read(c, t, "/local/domain/0/backend/%s/%u/%s/attached", d->back, d->domid,
			       d->id);
	bool ours = strcmp(mark ? mark : "", d->mark) == 0;

	free(mark);
	return ours;
}

static bool there(struct cli *c, store_txn_t t, const struct device *d)
{
	char *s = node_read(c, t, "/local/domain/0/backend/%s/%u/%s/frontend", d->back, d->domid,
			    d->id);
	bool yes = s != NULL;

	free(s);
	return yes;
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

		if (!is_marked(c, STORE_NO_TXN, d)) {
			if (state == XenbusStateClosed)
				break;
			rc = why_set(c->why, TE_STATE,
				     "%s %s of domain %u was taken away while it was attached",
				     d->kind, d->id, d->domid);
			break;
		}
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

/* Until the backend is done with one whose nodes are gone. */
static bool let_go(const struct device *d)
{
	const struct timespec nap = { .tv_nsec = 2000000 };
	int64_t until = now_ms() + WORKS_MS;

	while (device_held(d->back, d->domid, d->id)) {
		if (now_ms() >= until)
			return false;
		nanosleep(&nap, NULL);
	}
	return true;
}

struct removal {
	struct cli *c;
	const struct device *d;
	bool unused; /* only if the guest has none open */
	bool gone;   /* somebody else removed it */
	bool left;   /* it was not removed, as it is used */
};

static int64_t number_at(struct cli *c, store_txn_t t, const char *dir, const char *name)
{
	char *s = node_read(c, t, "%s/%s", dir, name);
	int64_t n = s ? cli_parse_number(s, 0, 8) : -1;

	free(s);
	return n;
}

static bool is_used(const struct removal *r, store_txn_t t, const char *back, const char *front)
{
	int64_t b = number_at(r->c, t, back, "state");

	return b >= 0 && b != XenbusStateClosed &&
	       number_at(r->c, t, front, "state") > XenbusStateInitialising;
}

static int remove_nodes(struct store *s, store_txn_t t, void *arg)
{
	struct removal *r = arg;
	const struct device *d = r->d;
	char back[STORE_PATH_MAX], front[STORE_PATH_MAX];

	(void)s;
	store_path(back, "/local/domain/0/backend/%s/%u/%s", d->back, d->domid, d->id);
	store_path(front, "/local/domain/%u/device/%s/%s", d->domid, d->kind, d->id);
	r->gone = !is_marked(r->c, t, d);
	r->left = !r->gone && r->unused && is_used(r, t, back, front);
	if (r->gone || r->left)
		return 0;
	node_remove_backend(r->c, t, back);
	node_rm(r->c, t, "%s", front);
	return 0;
}

static int drop(struct removal *r)
{
	return store_transact(r->c->store, remove_nodes, r) ?
		       cli_store_failed(r->c, "cannot remove the device's nodes") :
		       0;
}

/* The reason why it did not work stays the one that is told. */
static void drop_failed(struct cli *c, const struct device *d)
{
	struct why *first = c->why, later = { 0 };
	struct removal r = { .c = c, .d = d };

	c->why = &later;
	drop(&r);
	c->why = first;
}

/* One that somebody else took away must not come back with nothing but this in it. */
static int ask_to_close(struct store *s, store_txn_t t, void *arg)
{
	const struct removal *r = arg;
	const struct device *d = r->d;
	char back[STORE_PATH_MAX];
	int rc;

	(void)s;
	if (!there(r->c, t, d) || !is_marked(r->c, t, d))
		return 0;
	store_path(back, "/local/domain/0/backend/%s/%u/%s", d->back, d->domid, d->id);
	rc = node_write(r->c, t, back, "online", "0");
	return rc ? rc : node_write(r->c, t, back, "state", "%d", XenbusStateClosing);
}

static int close_ends(struct removal *r)
{
	int rc = store_transact(r->c->store, ask_to_close, r) ?
			 cli_store_failed(r->c, "cannot write the device's nodes") :
			 wait_both(r->c, r->d, XenbusStateClosed, "closed");

	return rc ? why_hint(r->c->why, rc, "the guest may be using it; -f takes it all the same") :
		    0;
}

static void find_mark(struct cli *c, struct device *d)
{
	char *mark =
		cli_read(c, "/local/domain/0/backend/%s/%u/%s/attached", d->back, d->domid, d->id);

	snprintf(d->mark, sizeof(d->mark), "%s", mark ? mark : "");
	free(mark);
}

static int detach(struct cli *c, const struct device *d, bool force)
{
	struct removal r = { .c = c, .d = d, .unused = !force };
	bool asks = !force && state_of(c, d, false) > XenbusStateInitialising;
	int rc = asks ? close_ends(&r) : 0;

	rc = rc ? rc : drop(&r);
	if (rc || r.gone)
		return rc;
	if (r.left) /* what came in the place of one that was closed is another's */
		return asks ? 0 :
			      why_hint(c->why,
				       why_set(c->why, TE_STATE,
					       "%s %s of domain %u is in use since just now",
					       d->kind, d->id, d->domid),
				       "try again; -f takes it all the same");
	if (!let_go(d))
		cli_note("%s %s of domain %u is away, but its backend is not done with it yet",
			 d->kind, d->id, d->domid);
	return 0;
}

/* A disk may be served by the kernel or by torc-blkd. */
static bool find_disk(struct cli *c, store_txn_t t, struct device *d)
{
	d->back = "qdisk";
	if (there(c, t, d))
		return true;
	d->back = "vbd";
	return there(c, t, d);
}

struct attaching {
	struct cli *c;
	struct device *d;
	const struct config_disk *disk;
	const struct disk_source *source;
	struct config_vif *vif;
	int wanted;	  /* the card's number; below 0: any */
	uint8_t uuid[16]; /* the guest's, from which a card has its address if it was given none */
};

static int disk_is_there(struct cli *c, const struct device *d, const char *vdev)
{
	return why_set(c->why, TE_STATE, "domain %u has a disk %s already", d->domid, vdev);
}

static int choose_card(struct attaching *a, store_txn_t t)
{
	struct device *d = a->d;
	int i = a->wanted < 0 ? 0 : a->wanted;

	for (;; i++) {
		snprintf(d->id, sizeof(d->id), "%d", i);
		if (!there(a->c, t, d) && (a->wanted >= 0 || !device_held(d->back, d->domid, d->id)))
			break;
		if (a->wanted >= 0 || i > 255)
			return why_set(a->c->why, TE_STATE,
				       "domain %u has a network card %d already", d->domid, i);
	}
	a->vif->devid = i;
	if (!a->vif->mac_given)
		config_vif_mac(a->vif, a->uuid);
	return 0;
}

static int write_nodes(struct store *s, store_txn_t t, void *arg)
{
	struct attaching *a = arg;
	struct device old = *a->d;
	char back[STORE_PATH_MAX], vm[STORE_PATH_MAX];
	bool is_there;
	int rc;

	store_path(vm, "/local/domain/%u/vm", a->d->domid);
	rc = store_exists(s, t, vm, &is_there);
	if (rc)
		return rc; /* what cannot be read now says nothing */
	if (!is_there)	   /* and must not have nodes again that nobody takes away */
		return why_set(a->c->why, TE_NO_DOMAIN, "domain %u has gone meanwhile", a->d->domid);
	if (is_marked(a->c, t, a->d)) /* it landed before, but the answer was lost with the store */
		return 0;
	if (a->vif)
		rc = choose_card(a, t);
	else
		rc = find_disk(a->c, t, &old) ? disk_is_there(a->c, &old, a->disk->vdev) : 0;
	if (rc)
		return rc;
	store_path(back, "/local/domain/0/backend/%s/%u/%s", a->d->back, a->d->domid, a->d->id);
	rc = a->disk ? disk_write(a->c, t, a->d->domid, a->disk, a->source, false) :
		       nic_write(a->c, t, a->d->domid, a->vif, false);
	return rc ? rc : node_write(a->c, t, back, "attached", "%s", a->d->mark);
}

static int write_attached(struct attaching *a)
{
	struct timespec now;
	int rc;

	if ((a->disk || a->wanted >= 0) && !let_go(a->d))
		return why_hint(
			a->c->why,
			why_set(a->c->why, TE_DEVICE,
				"the backend is not done with the %s %s that domain %u had before",
				a->d->kind, a->d->id, a->d->domid),
			"dom0's dmesg, or the backend's log, may say more");
	clock_gettime(CLOCK_MONOTONIC, &now);
	snprintf(a->d->mark, sizeof(a->d->mark), "%d-%lld-%ld", (int)getpid(),
		 (long long)now.tv_sec, now.tv_nsec);
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
	struct attaching a = { .c = c, .d = &d, .disk = &disk, .source = &source };
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
	if (!rc && find_disk(c, STORE_NO_TXN, &d))
		rc = disk_is_there(c, &d, disk.vdev);
	if (!rc)
		rc = disk_open(&disk, &source, c->why);
	d.back = disk_backend(&source);
	if (!rc)
		rc = write_attached(&a);
	if (!rc) {
		rc = disk_wait(c, d.domid, &disk, &source);
		if (!rc)
			rc = wait_both(c, &d, XenbusStateConnected, "connected");
		if (rc)
			drop_failed(c, &d);
	}
	disk_close(&source);
	config_disk_free(&disk);
	return rc;
}

int cmd_network_attach(struct cli *c, int argc, char **argv)
{
	struct device d = { .kind = "vif", .back = "vif" };
	struct config_vif vif;
	struct attaching a = { .c = c, .d = &d, .vif = &vif };
	struct domain_info info;
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
	a.wanted = vif.devid;
	snprintf(d.id, sizeof(d.id), "%d", a.wanted);
	if (!rc && !vif.mac_given)
		rc = host_domain_info(c->host, d.domid, &info, c->why);
	if (!rc && !vif.mac_given)
		memcpy(a.uuid, info.uuid, sizeof(a.uuid));
	if (!rc)
		rc = write_attached(&a);
	if (!rc) {
		rc = nic_plug(c, d.domid, &vif);
		if (!rc)
			rc = wait_both(c, &d, XenbusStateConnected, "connected");
		if (rc)
			drop_failed(c, &d);
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
	if (!find_disk(c, STORE_NO_TXN, &d))
		return why_hint(c->why,
				why_set(c->why, TE_NO_DEVICE, "domain %u has no disk %s", d.domid,
					argv[optind + 1]),
				"torc block-list %u", d.domid);
	find_mark(c, &d);
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
	find_mark(c, &d);
	return detach(c, &d, force);
}
