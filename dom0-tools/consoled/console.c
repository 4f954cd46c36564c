/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A guest's console: its ring, its event channel, its pty. Attached as soon as the guest is
 * introduced to the store, so that nothing it says is lost; let go when the hypervisor says
 * that it is dying, after reading what is left, so that no frame of it stays held.
 */
#include "dom0-tools/consoled/consoled.h"

#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <termios.h>
#include <unistd.h>

#include <xen/grant_table.h>

#include "dom0-tools/consoled/door.h"

#define EVENTS_A_TICK 64u /* a guest that rings more often waits */

struct console *console_find(struct daemon *d, uint32_t domid)
{
	return domid < HOST_FIRST_RESERVED ? d->by_domid[domid] : NULL;
}

static void to_pty(struct console *c, const char *text, size_t n)
{
	/* nobody may be reading it: then the pty keeps its first bytes and the rest is in the log */
	if (c->pty >= 0 && write(c->pty, text, n) < 0 && errno != EAGAIN)
		log_say(LOG_DEBUG, ABOUT(c), "domain %u: pty: %m", c->domid);
}

static void remember(struct console *c, const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++)
		c->history[c->history_at++ % HISTORY_SIZE] = text[i];
}

static void drain(struct console *c)
{
	char text[RING_OUT_SIZE];
	unsigned int before = c->broken;
	XENCONS_RING_IDX upto;
	size_t n = ring_look(c->ring, text, &upto, &c->broken);

	if (c->broken != before && before == 0)
		log_say(LOG_WARNING, ABOUT(c),
			"domain %u (%s): its console ring has an impossible index", c->domid,
			c->name);
	if (!n)
		return;
	log_write(c, text, n);
	ring_done(c->ring, upto); /* only now: killed before, we find it in the ring again */
	remember(c, text, n);
	viewer_show(c, text, n);
	to_pty(c, text, n);
	xenevtchn_notify(c->daemon->events, c->port);
}

bool console_wants_keys(const struct console *c)
{
	return c->nr_keys < KEYS_SIZE / 2;
}

static void give_keys(struct console *c)
{
	bool full = !console_wants_keys(c);
	size_t n = ring_give(c->ring, c->keys, c->nr_keys);

	if (!n)
		return;
	c->nr_keys -= n;
	memmove(c->keys, c->keys + n, c->nr_keys);
	xenevtchn_notify(c->daemon->events, c->port);
	if (full && console_wants_keys(c)) {
		viewer_resume(c);
		ev_io_start(c->daemon->loop, &c->pty_io);
	}
}

void console_keys(struct console *c, const char *keys, size_t n)
{
	if (n > KEYS_SIZE - c->nr_keys)
		n = KEYS_SIZE - c->nr_keys;
	memcpy(c->keys + c->nr_keys, keys, n);
	c->nr_keys += n;
	give_keys(c);
}

static void on_pty(struct ev_loop *loop, ev_io *w, int revents)
{
	struct console *c = w->data;
	char buf[512];
	ssize_t n;

	(void)revents;
	if (!console_wants_keys(c)) {
		ev_io_stop(loop, w);
		return;
	}
	n = read(c->pty, buf, sizeof(buf));
	if (n > 0)
		console_keys(c, buf, (size_t)n);
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		ev_io_stop(loop, w);
}

/* For other tools' console clients: a pty, named in the store. We hold its slave open as well,
 * so that a client that leaves does not hang it up. */
static void open_pty(struct console *c)
{
	char name[64], path[STORE_PATH_MAX];
	struct termios t;

	if (openpty(&c->pty, &c->pty_slave, name, NULL, NULL) < 0) {
		log_say(LOG_WARNING, ABOUT(c), "domain %u: no pty: %m", c->domid);
		c->pty = c->pty_slave = -1;
		return;
	}
	if (tcgetattr(c->pty_slave, &t) == 0) {
		cfmakeraw(&t);
		tcsetattr(c->pty_slave, TCSANOW, &t);
	}
	fcntl(c->pty, F_SETFL, O_NONBLOCK);
	fcntl(c->pty, F_SETFD, FD_CLOEXEC);
	fcntl(c->pty_slave, F_SETFD, FD_CLOEXEC);
	ev_io_init(&c->pty_io, on_pty, c->pty, EV_READ);
	c->pty_io.data = c;
	ev_io_start(c->daemon->loop, &c->pty_io);
	store_path(path, "/local/domain/%u/console/tty", c->domid);
	if (store_write(c->daemon->store, STORE_NO_TXN, path, name, strlen(name)))
		log_say(LOG_WARNING, ABOUT(c), "domain %u: %s", c->domid,
			store_why(c->daemon->store));
}

static bool map_ring(struct console *c, uint64_t frame)
{
	uint32_t ref = GNTTAB_RESERVED_CONSOLE;
	struct why ignored;

	c->ring = xengnttab_map_domain_grant_refs(c->daemon->grants, 1, c->domid, &ref,
						  PROT_READ | PROT_WRITE);
	c->granted = c->ring != NULL;
	if (!c->ring && c->daemon->host) /* the guest has thrown the grant away: see main.c */
		c->ring = host_map(c->daemon->host, c->domid, true, &frame, 1, &ignored);
	return c->ring != NULL;
}

static void unmap_ring(struct console *c)
{
	if (c->granted)
		xengnttab_unmap(c->daemon->grants, (void *)c->ring, 1);
	else /* whoever mapped it has closed that door since */
		munmap((void *)c->ring, HOST_PAGE_SIZE);
	c->ring = NULL;
}

/* A guest's name becomes a file's: dom0 wrote it, but other tools check less than torc does. */
static void safe_name(struct console *c, const char *name)
{
	size_t n = 0;

	for (; *name && n + 1 < sizeof(c->name); name++)
		c->name[n++] = *name == '/' || (unsigned char)*name <= ' ' ? '_' : *name;
	c->name[n] = 0;
	if (c->name[0] == '.')
		c->name[0] = '_';
	if (!n)
		snprintf(c->name, sizeof(c->name), "domain-%u", c->domid);
}

static int read_name(struct console *c)
{
	char path[STORE_PATH_MAX], *name = NULL;
	int rc;

	store_path(path, "/local/domain/%u/name", c->domid);
	rc = store_read(c->daemon->store, STORE_NO_TXN, path, &name, NULL);
	if (!rc)
		safe_name(c, name);
	free(name);
	return rc;
}

/* The event that a new watch makes tells of a name given since it was read. */
static void watch_name(struct console *c, bool on)
{
	struct store *s = c->daemon->store;
	char path[STORE_PATH_MAX], token[16];

	store_path(path, "/local/domain/%u/name", c->domid);
	snprintf(token, sizeof(token), "%u", c->domid);
	if (on ? store_watch(s, path, token) : store_unwatch(s, path, token))
		log_say(LOG_WARNING, ABOUT(c), "domain %u: %s", c->domid, store_why(s));
}

/* Its old log may be another guest's soon, and two would turn it over beneath each other. */
void console_named(struct daemon *d, uint32_t domid)
{
	struct console *c = console_find(d, domid);
	char before[sizeof(c->name)];

	if (!c)
		return;
	memcpy(before, c->name, sizeof(before));
	if (read_name(c) || strcmp(before, c->name) == 0)
		return;
	log_close(c); /* the other one is there from when it says something */
	log_say(LOG_NOTICE, ABOUT(c), "domain %u: console log of %s goes on as that of %s",
		c->domid, before, c->name);
}

static bool port_table(struct daemon *d, evtchn_port_t port)
{
	size_t room = d->ports ? d->ports : 64;
	struct console **grown;

	if (port < d->ports)
		return true;
	while (room <= port)
		room *= 2;
	grown = realloc(d->by_port, room * sizeof(*grown));
	if (!grown)
		return false;
	memset(grown + d->ports, 0, (room - d->ports) * sizeof(*grown));
	d->by_port = grown;
	d->ports = room;
	return true;
}

static void attach(struct daemon *d, uint32_t domid)
{
	char path[STORE_PATH_MAX], *type = NULL;
	uint64_t frame, remote;
	struct console *c;
	bool ours;
	int port;

	store_path(path, "/local/domain/%u/console/type", domid);
	ours = store_read(d->store, STORE_NO_TXN, path, &type, NULL) ||
	       strcmp(type, "xenconsoled") == 0;
	free(type);
	store_path(path, "/local/domain/%u/console/ring-ref", domid);
	if (!ours || store_read_u64(d->store, STORE_NO_TXN, path, &frame))
		return;
	store_path(path, "/local/domain/%u/console/port", domid);
	if (store_read_u64(d->store, STORE_NO_TXN, path, &remote) || remote > INT32_MAX)
		return;
	c = calloc(1, sizeof(*c));
	if (!c)
		return;
	c->daemon = d;
	c->domid = domid;
	c->log = c->pty = c->pty_slave = -1;
	if (read_name(c))
		safe_name(c, "");
	if (!map_ring(c, frame)) {
		log_say(LOG_WARNING, ABOUT(c), "domain %u (%s): cannot map its console: %m", domid,
			c->name);
		free(c);
		return;
	}
	port = xenevtchn_bind_interdomain(d->events, domid, (evtchn_port_t)remote);
	if (port < 0) {
		log_say(LOG_WARNING, ABOUT(c),
			"domain %u (%s): cannot bind its console's event channel %u: %m", domid,
			c->name, (unsigned int)remote);
		unmap_ring(c);
		free(c);
		return;
	}
	c->port = (evtchn_port_t)port;
	if (!port_table(d, c->port)) {
		xenevtchn_unbind(d->events, c->port);
		unmap_ring(c);
		free(c);
		return;
	}
	log_open(c);
	c->next = d->consoles;
	if (c->next)
		c->next->prev = c;
	d->consoles = c;
	d->by_domid[domid] = c;
	d->by_port[c->port] = c;
	open_pty(c);
	watch_name(c, true);
	drain(c); /* what it said before we came */
}

static void detach(struct console *c)
{
	struct daemon *d = c->daemon;

	drain(c);
	watch_name(c, false);
	if (c->next)
		c->next->prev = c->prev;
	*(c->prev ? &c->prev->next : &d->consoles) = c->next;
	d->by_domid[c->domid] = NULL;
	d->by_port[c->port] = NULL;
	viewer_end_all(c);
	log_close(c);
	if (c->pty >= 0) {
		ev_io_stop(d->loop, &c->pty_io);
		close(c->pty);
		close(c->pty_slave);
	}
	xenevtchn_unbind(d->events, c->port);
	unmap_ring(c);
	free(c);
}

void console_scan(struct daemon *d)
{
	char **ids, *end;
	size_t n;

	if (store_list(d->store, STORE_NO_TXN, "/local/domain", &ids, &n))
		return;
	for (size_t i = 0; i < n; i++) {
		unsigned long id = strtoul(ids[i], &end, 10);

		if (*end || id == 0 || id >= HOST_FIRST_RESERVED || console_find(d, (uint32_t)id))
			continue;
		attach(d, (uint32_t)id);
	}
	free(ids);
}

void console_reap(struct daemon *d)
{
	uint8_t alive[DOOR_ALIVE_BYTES];
	struct console *c, *next;

	/* all of them at once, not one after the other */
	if (door_alive(alive)) {
		log_say(LOG_WARNING, NULL, "the domains cannot be listed: none is let go of");
		return;
	}
	for (c = d->consoles; c; c = next) {
		next = c->next;
		if (!(alive[c->domid / 8] >> c->domid % 8 & 1))
			detach(c);
	}
}

void console_event(struct daemon *d, evtchn_port_t port)
{
	struct console *c = port < d->ports ? d->by_port[port] : NULL;

	if (!c)
		return;
	drain(c);
	give_keys(c);
	if (ev_now(d->loop) - c->since > TICK) {
		c->since = ev_now(d->loop);
		c->events = 0;
	}
	if (++c->events < EVENTS_A_TICK) {
		xenevtchn_unmask(d->events, port);
		return;
	}
	c->held = true;
	if (!ev_is_active(&d->tick)) {
		ev_timer_set(&d->tick, TICK, 0);
		ev_timer_start(d->loop, &d->tick);
	}
}

void console_tick(struct daemon *d)
{
	for (struct console *c = d->consoles; c; c = c->next) {
		if (!c->held)
			continue;
		c->held = false;
		c->events = 0;
		drain(c);
		give_keys(c);
		xenevtchn_unmask(d->events, c->port);
	}
}
