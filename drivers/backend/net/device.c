/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One network card's life on the store: a TAP device is made and put on its bridge, features are
 * published, the frontend's choice is read, states go forward and back as <xen/io/netif.h> has
 * them. A process of its own, started by main.c.
 */
#include "drivers/backend/net/device.h"

#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "drivers/backend/common/bdev.h"
#include "drivers/backend/common/confine.h"
#include "drivers/backend/net/link.h"
#include "drivers/backend/net/tap.h"
#include "drivers/backend/net/vif.h"

#define STATS_SECONDS 2
#define HOLD_PRIORITY 1

struct device {
	struct frame_port port; /* first: a frame_port is the device */
	struct bdev bdev;
	struct peer *peer;
	struct tap tap;
	struct vif vif;
	int stats_fd;
	unsigned int ifindex;
	uint64_t counted; /* bytes, when the counters were last written */
	int poll_fd, tick_fd, link_fd;
	int credit_fd, debt_fd; /* timers */
	bool throttled;		/* the first is set */
	bool in_debt;		/* the second is, since vif.debts was */
	uint32_t debts;		/* so many */
	bool reading;		/* the TAP device is looked at */
	bool carrier;
};

static struct device *device_of(struct bdev *bdev)
{
	return (struct device *)((char *)bdev - offsetof(struct device, bdev));
}

/* --- frames to and from the TAP device ------------------------------------ */

static int tap_send(struct frame_port *p, const uint8_t *data, size_t len)
{
	return write(((struct device *)p)->tap.fd, data, len) < 0 ? -errno : 0;
}

static size_t tap_receive(struct frame_port *p, uint8_t *data, size_t size)
{
	ssize_t n = read(((struct device *)p)->tap.fd, data, size);

	return n > 0 ? (size_t)n : 0;
}

/*
 * A frame that is sent wakes whoever reads it, and it would run at once, for one frame, and again
 * for the next. The lowest real-time priority keeps the processor for one round, which is short; a
 * limit set beforehand allows it without a capability.
 */
static void tap_hold(struct frame_port *p, bool on)
{
	struct sched_param s = { .sched_priority = on ? HOLD_PRIORITY : 0 };

	if (sched_setscheduler(0, on ? SCHED_RR : SCHED_OTHER, &s))
		p->hold = NULL; /* then it goes on as before */
}

/* --- what the toolstack wrote --------------------------------------------- */

static int parse_mac(const char *s, uint8_t mac[6])
{
	return sscanf(s, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &mac[0], &mac[1], &mac[2], &mac[3],
		      &mac[4], &mac[5]) == 6 ?
		       0 :
		       -EINVAL;
}

/* "rate" as xl writes it: bytes in an interval, the interval in microseconds. */
static void read_rate(struct device *d)
{
	unsigned long long bytes, usec;
	char *rate = NULL;

	if (bdev_read_back(&d->bdev, "rate", &rate) == 0 &&
	    sscanf(rate, "%llu,%llu", &bytes, &usec) == 2 && bytes && usec) {
		d->vif.rate = bytes * 1000000ull / usec;
		d->vif.burst = d->vif.credit = bytes < NET_MAX_PACKET ? NET_MAX_PACKET : bytes;
	}
	free(rate);
}

static int read_guard(struct device *d, struct why *why)
{
	char *guard = NULL, *ip = NULL;
	int rc = 0;

	d->vif.guard.on = bdev_read_back(&d->bdev, "guard", &guard) == 0 && strcmp(guard, "0");
	if (bdev_read_back(&d->bdev, "ip", &ip) == 0 && d->vif.guard.on)
		rc = guard_parse(&d->vif.guard, ip, why);
	free(guard);
	free(ip);
	return rc;
}

/* Routed instead of bridged: dom0 knows the way to the guest's addresses, and answers the guest for
 * everybody else's. */
static int route(struct device *d, struct why *why)
{
	struct net_guard addresses = { 0 };
	char *ip = NULL;
	unsigned int i;
	int rc;

	if (bdev_read_back(&d->bdev, "ip", &ip) || guard_parse(&addresses, ip, why) ||
	    !addresses.nr_ip4)
		rc = why_set(why, TE_DEVICE, "%s/ip has no IPv4 address to route to the card",
			     d->bdev.back);
	else
		rc = tap_set_up(&d->tap, true, why);
	for (i = 0; !rc && i < addresses.nr_ip4; i++)
		rc = tap_route(&d->tap, addresses.ip4[i], why);
	free(ip);
	return rc;
}

/* Made before the state says so: a hotplug script run by the toolstack finds the interface there. */
static int open_tap(struct device *d, struct why *why)
{
	/* Frames of the host's side carry the guest's MAC as destination; the interface itself must
	 * have another. */
	static const uint8_t host_mac[6] = { 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff };
	char *name = NULL, *bridge = NULL, *script = NULL, *mac = NULL, *mode = NULL, generated[32];
	uint64_t handle, mtu;
	int rc;

	if (bdev_read_back_number(&d->bdev, "handle", &handle))
		handle = strtoul(strrchr(d->bdev.back, '/') + 1, NULL, 10);
	snprintf(generated, sizeof(generated), "vif%u.%u", d->bdev.domid, (unsigned int)handle);
	if (bdev_read_back(&d->bdev, "vifname", &name) || !*name) {
		free(name);
		name = strdup(generated);
	}
	rc = name ? tap_open(&d->tap, name, why) : -ENOMEM;
	free(name);
	if (rc)
		return rc;
	rc = tap_set_mac(&d->tap, host_mac, why);
	if (!rc && bdev_read_back_number(&d->bdev, "mtu", &mtu) == 0)
		rc = tap_set_mtu(&d->tap, (unsigned int)mtu, why);
	if (!rc && bdev_read_back(&d->bdev, "mac", &mac) == 0 && parse_mac(mac, d->vif.guard.mac))
		rc = why_set(why, TE_DEVICE, "%s/mac is \"%s\", no MAC address", d->bdev.back, mac);
	/* Where a script is named, the toolstack runs it and it does the rest. */
	if (!rc && (bdev_read_back(&d->bdev, "script", &script) || !*script)) {
		if (bdev_read_back(&d->bdev, "mode", &mode) == 0 && !strcmp(mode, "route"))
			rc = route(d, why);
		else if (bdev_read_back(&d->bdev, "bridge", &bridge) == 0 && *bridge)
			rc = tap_join_bridge(&d->tap, bridge, why);
		if (!rc)
			rc = tap_set_up(&d->tap, true, why);
		if (!rc)
			bdev_write_back(&d->bdev, "hotplug-status", "connected");
	}
	free(mac);
	free(mode);
	free(script);
	free(bridge);
	return rc;
}

static int publish(struct store *s, store_txn_t t, void *arg)
{
	struct device *d = arg;
	const struct fact facts[] = {
		{ "feature-rx-copy", 1 },
		{ "feature-rx-flip", 0 },
		{ "feature-sg", 1 },
		{ "feature-gso-tcpv4", 1 },
		{ "feature-gso-tcpv6", 1 },
		{ "feature-ipv6-csum-offload", 1 },
		{ "feature-multicast-control", 1 },
		{ "feature-split-event-channels", 1 },
		{ "feature-ctrl-ring", 1 },
		{ "multi-queue-max-queues", NET_MAX_QUEUES },
	};

	(void)s;
	return bdev_write_facts(&d->bdev, t, facts, sizeof(facts) / sizeof(facts[0]));
}

/* --- the frontend's choice ------------------------------------------------ */

static int read_number(struct device *d, const char *dir, const char *key, uint32_t *out,
		       struct why *why)
{
	char path[64];
	uint64_t n;

	snprintf(path, sizeof(path), "%s%s", dir, key);
	if (bdev_read_front_number(&d->bdev, path, &n) || n > UINT32_MAX)
		return why_set(why, TE_DEVICE, "%s/%s is missing or no number", d->bdev.front, path);
	*out = (uint32_t)n;
	return 0;
}

static int read_queue(struct device *d, struct vif_choice *c, unsigned int i, struct why *why)
{
	char dir[32] = "";
	int rc;

	if (c->queues > 1)
		snprintf(dir, sizeof(dir), "queue-%u/", i);
	if ((rc = read_number(d, dir, "tx-ring-ref", &c->tx_ref[i], why)) ||
	    (rc = read_number(d, dir, "rx-ring-ref", &c->rx_ref[i], why)))
		return rc;
	if (read_number(d, dir, "event-channel", &c->tx_port[i], why) == 0) {
		c->rx_port[i] = c->tx_port[i];
		return 0;
	}
	if ((rc = read_number(d, dir, "event-channel-tx", &c->tx_port[i], why)))
		return rc;
	return read_number(d, dir, "event-channel-rx", &c->rx_port[i], why);
}

static bool front_says(struct device *d, const char *key)
{
	uint64_t n = 0;

	return bdev_read_front_number(&d->bdev, key, &n) == 0 && n;
}

static int read_choice(struct device *d, struct vif_choice *c, struct why *why)
{
	uint64_t queues = 1;
	unsigned int i;
	int rc = 0;

	memset(c, 0, sizeof(*c));
	if (!front_says(d, "request-rx-copy"))
		return why_set(why, TE_DEVICE,
			       "%s/request-rx-copy is not 1: page flipping is not offered",
			       d->bdev.front);
	bdev_read_front_number(&d->bdev, "multi-queue-num-queues", &queues);
	if (queues == 0 || queues > NET_MAX_QUEUES)
		return why_set(why, TE_DEVICE,
			       "%s/multi-queue-num-queues is %llu; 1 to %u were offered",
			       d->bdev.front, (unsigned long long)queues, NET_MAX_QUEUES);
	c->queues = (unsigned int)queues;
	c->sg = front_says(d, "feature-sg");
	c->mcast_control = front_says(d, "request-multicast-control");
	c->ctrl = read_number(d, "", "ctrl-ring-ref", &c->ctrl_ref, why) == 0 &&
		  read_number(d, "", "event-channel-ctrl", &c->ctrl_port, why) == 0;
	for (i = 0; i < c->queues && !rc; i++)
		rc = read_queue(d, c, i, why);
	if (rc)
		return rc;
	return tap_set_offloads(&d->tap, !front_says(d, "feature-no-csum-offload"),
				c->sg && front_says(d, "feature-gso-tcpv4"),
				c->sg && front_says(d, "feature-gso-tcpv6"), why);
}

/* --- states --------------------------------------------------------------- */

static uint64_t now_ns(const struct device *d)
{
	struct timespec t;

	if (!d->vif.rate)
		return 0; /* nobody asks */
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

static void after_frames(struct device *d);
static void read_tap(struct device *d, bool on);

static void connect_front(struct bdev *bdev)
{
	struct device *d = device_of(bdev);
	struct vif_choice c;
	struct why why;
	int rc = read_choice(d, &c, &why);

	if (d->bdev.lost)
		return; /* it is read again when the store is back */
	if (rc || vif_connect(&d->vif, &c, &why)) {
		bdev_report(&d->bdev, &why);
		bdev_set_state(&d->bdev, XenbusStateClosing);
		return;
	}
	read_tap(d, true);
	bdev_set_state(&d->bdev, XenbusStateConnected);
	bdev_say(&d->bdev, LOG_INFO, "connected");
	vif_from_guest(&d->vif, now_ns(d)); /* what was asked before we were here */
	after_frames(d);
}

static void disconnect_front(struct bdev *bdev)
{
	struct device *d = device_of(bdev);

	read_tap(d, false);
	vif_disconnect(&d->vif);
}

static bool is_connected(struct bdev *bdev)
{
	return device_of(bdev)->vif.connected;
}

static const struct bdev_ops ops = { is_connected, connect_front, disconnect_front };

static void set_timer(int fd, uint64_t ns)
{
	struct itimerspec in = { .it_value = { (time_t)(ns / 1000000000ull),
					       (long)(ns % 1000000000ull) } };

	timerfd_settime(fd, 0, &in, NULL);
}

/*
 * Debts are looked after from one timer to the next, which is not set anew for each: a frontend
 * that is busy sees its answers by itself, and to set and stop a timer costs as much as to tell it.
 */
static void look_after_debts(struct device *d)
{
	if (d->in_debt || !vif_in_debt(&d->vif))
		return;
	d->in_debt = true;
	d->debts = d->vif.debts;
	set_timer(d->debt_fd, VIF_DEBT_NS);
}

/* After whatever moved frames: a frontend that broke is shut, a throttled one is woken when its
 * bucket has filled. */
static void after_frames(struct device *d)
{
	uint64_t wait;

	if (d->vif.broken && d->vif.connected) {
		bdev_report(&d->bdev, &d->vif.why);
		bdev_disconnect(&d->bdev, XenbusStateClosing);
		return;
	}
	look_after_debts(d);
	wait = vif_throttled_for(&d->vif);
	if (wait && !d->throttled) {
		d->throttled = true;
		set_timer(d->credit_fd, wait);
	}
	/* A frame that found no room is held: nothing is read until the guest makes some. */
	if (d->vif.connected)
		read_tap(d, !d->vif.held_len);
}

/* --- events --------------------------------------------------------------- */

static void store_ready(struct device *d)
{
	bdev_ready(&d->bdev);
}

static void peer_ready(struct device *d)
{
	peer_take_events(d->peer);
	vif_from_guest(&d->vif, now_ns(d));
	if (d->vif.held_len)
		vif_to_guest(&d->vif);
	after_frames(d);
}

/* The guest sends without a break: nothing tells of what it has in its ring. */
static void frames_left(struct device *d)
{
	vif_from_guest(&d->vif, now_ns(d));
	after_frames(d);
}

static void tap_ready(struct device *d)
{
	vif_to_guest_and_back(&d->vif, now_ns(d));
	after_frames(d);
}

static void credit_ready(struct device *d)
{
	bdev_ticked(d->credit_fd);
	d->throttled = false;
	vif_from_guest(&d->vif, now_ns(d));
	after_frames(d);
}

static void debt_due(struct device *d)
{
	bdev_ticked(d->debt_fd);
	d->in_debt = false;
	if (d->vif.debts == d->debts)
		vif_settle(&d->vif);
	look_after_debts(d);
}

/* The guest's cable is in while the interface is up. */
static void set_carrier(struct device *d, bool up)
{
	d->carrier = up;
	bdev_write_back(&d->bdev, "carrier", up ? "1" : "0");
}

static void link_ready(struct device *d)
{
	int up = link_changed(d->link_fd, d->ifindex);

	if (up >= 0 && (up != 0) != d->carrier)
		set_carrier(d, up != 0);
}

static void write_stats(struct device *d)
{
	const struct vif_stats *s = &d->vif.stats;
	uint64_t bytes = s->tx_bytes + s->rx_bytes;

	bdev_ticked(d->tick_fd);
	bdev_stats_write(
		d->stats_fd,
		"{\"connected\":%s,\"queues\":%u,\"queue_depth\":%u,\"tx_packets\":%llu,\"tx_bytes\":%llu,"
		"\"rx_packets\":%llu,\"rx_bytes\":%llu,\"bytes_per_second\":%llu,\"errors\":%llu,"
		"\"rx_dropped\":%llu,\"rx_filtered\":%llu,\"guarded\":%llu,\"staged\":%u}",
		d->vif.connected ? "true" : "false", d->vif.queues, d->vif.held_len ? 1u : 0u,
		(unsigned long long)s->tx_packets, (unsigned long long)s->tx_bytes,
		(unsigned long long)s->rx_packets, (unsigned long long)s->rx_bytes,
		(unsigned long long)(bytes - d->counted) / STATS_SECONDS,
		(unsigned long long)s->tx_errors, (unsigned long long)s->rx_dropped,
		(unsigned long long)s->rx_filtered, (unsigned long long)s->guarded,
		vif_staged(&d->vif));
	d->counted = bytes;
}

/* --- set-up --------------------------------------------------------------- */

static void watch_all(struct device *d)
{
	d->tick_fd = bdev_ticker(STATS_SECONDS);
	d->link_fd = link_watch();
	/* Asked for after changes are told of, so that none is missed. */
	d->ifindex = if_nametoindex(d->tap.name);
	set_carrier(d, tap_is_up(&d->tap));
	bdev_watch(&d->bdev);
}

/* The card's answers on their way, which outlive us. */
static int open_record(struct device *d, const char *run_dir, struct why *why)
{
	d->vif.record = bdev_state_open(&d->bdev, run_dir, sizeof(*d->vif.record), why);
	return d->vif.record ? 0 : -EIO;
}

static int open_events(struct device *d, struct why *why)
{
	d->poll_fd = epoll_create1(EPOLL_CLOEXEC);
	d->credit_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	d->debt_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (d->poll_fd < 0 || d->credit_fd < 0 || d->debt_fd < 0)
		return why_set(why, TE_NO_MEMORY, "%s: its events cannot be waited for: %m",
			       d->bdev.back);
	return 0;
}

static int open_vif(struct device *d, struct why *why)
{
	uint64_t own = 0;
	void *buffer;

	store_read_u64(d->bdev.store, STORE_NO_TXN, "domid", &own);
	buffer = peer_buffer(d->peer, (uint16_t)own, VIF_BUFFER_PAGES);
	if (!buffer)
		return why_set(why, TE_NO_MEMORY, "%s: no memory for its frames", d->bdev.back);
	vif_init(&d->vif, d->peer, &d->port, NULL, buffer);
	return 0;
}

static void (*const handlers[])(struct device *d) = {
	store_ready, peer_ready, tap_ready, credit_ready, debt_due, write_stats, link_ready,
};
#define NR_SOURCES (sizeof(handlers) / sizeof(handlers[0]))
#define SOURCE_TAP 2u

static int add_source(struct device *d, int op, int fd, uint32_t which, bool on)
{
	struct epoll_event e = { .events = on ? EPOLLIN : 0, .data.u32 = which };

	return fd < 0 || epoll_ctl(d->poll_fd, op, fd, &e) == 0 ? 0 : -errno;
}

static void read_tap(struct device *d, bool on)
{
	if (on != d->reading)
		add_source(d, EPOLL_CTL_MOD, d->tap.fd, SOURCE_TAP, on);
	d->reading = on;
}

/* As torc-blkd's: descriptors that never change, and no clock that is read each turn. What the
 * frontend sends while its rings are looked at anyway need not be told of. */
static int serve(struct device *d)
{
	const int fds[NR_SOURCES] = { store_fd(d->bdev.store),
				      peer_event_fd(d->peer),
				      d->tap.fd,
				      d->credit_fd,
				      d->debt_fd,
				      d->tick_fd,
				      d->link_fd };
	struct epoll_event ev[NR_SOURCES];
	int i, n, rc;

	for (i = 0; i < (int)NR_SOURCES; i++) {
		rc = add_source(d, EPOLL_CTL_ADD, fds[i], (uint32_t)i, i != (int)SOURCE_TAP);
		if (rc)
			return rc;
	}
	while (!d->bdev.done) {
		peer_allow_events(d->peer);
		n = epoll_wait(d->poll_fd, ev, NR_SOURCES, d->vif.more ? 0 : -1);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (d->vif.more)
			frames_left(d);
		for (i = 0; i < n && !d->bdev.done; i++) {
			if (ev[i].data.u32 != SOURCE_TAP || d->reading)
				handlers[ev[i].data.u32](d);
		}
	}
	return 0;
}

int device_run(const char *path, const char *run_dir)
{
	const struct rlimit hold = { HOLD_PRIORITY, HOLD_PRIORITY };
	struct device *d = calloc(1, sizeof(*d));
	struct why why;
	int rc;

	if (!d)
		return 1;
	d->port = (struct frame_port){ tap_send, tap_receive,
				       setrlimit(RLIMIT_RTPRIO, &hold) ? NULL : tap_hold };
	d->tap.fd = -1;
	d->bdev.ops = &ops;
	if (bdev_open(&d->bdev, path, &why) || open_events(d, &why) ||
	    peer_open(&d->peer, d->bdev.domid, &why))
		return bdev_refuse(&d->bdev, &why);
	/* held back until a guest that arrives runs here, as a disk's image is */
	rc = bdev_await(&d->bdev, "mac");
	if (rc)
		return rc == -ENOENT ? 0 : 1;
	if (open_vif(d, &why) || open_tap(d, &why) || read_guard(d, &why) ||
	    open_record(d, run_dir, &why))
		return bdev_refuse(&d->bdev, &why);
	d->stats_fd = bdev_stats_open(&d->bdev, run_dir);
	read_rate(d);
	if (d->bdev.lost) /* a card without its guard, or as fast as it can */
		return bdev_refuse(&d->bdev, &why);
	if (store_transact(d->bdev.store, publish, d))
		bdev_say(&d->bdev, LOG_ERR, store_why(d->bdev.store));
	/* After a restart the frontend is connected: its rings are taken up again where they stand. */
	if (d->bdev.state < XenbusStateConnected)
		bdev_set_state(&d->bdev, XenbusStateInitWait);
	watch_all(d);
	if (confine(&why)) {
		bdev_report(&d->bdev, &why);
		return 1;
	}
	rc = serve(d);
	if (rc) {
		why_set(&why, TE_DEVICE, "its events cannot be waited for: %s", strerror(-rc));
		bdev_report(&d->bdev, &why);
		return 1;
	}
	vif_disconnect(&d->vif);
	tap_close(&d->tap);
	if (d->stats_fd >= 0)
		close(d->stats_fd);
	peer_close(d->peer);
	bdev_close(&d->bdev);
	free(d);
	return 0;
}
