/* SPDX-License-Identifier: BSD-2-Clause */
/* Domains come, shut down, and go. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "xenbus/store/change.h"
#include "xenbus/store/domain.h"
#include "xenbus/store/door.h"
#include "xenbus/store/journal.h"
#include "xenbus/store/watch.h"

struct domain *domain_find(struct server *sv, unsigned domid)
{
	struct domain *d;

	HASH_FIND(hh, sv->domains, &domid, sizeof(domid), d);
	return d;
}

struct domain *domain_of(const struct conn *c)
{
	return c->ops == &ring_transport ? c->io : NULL;
}

struct domain *domain_add(struct server *sv, unsigned domid)
{
	struct domain *d = mem_alloc(sizeof(*d));

	d->domid = domid;
	HASH_ADD(hh, sv->domains, domid, sizeof(domid), d);
	d->conn = conn_new(sv, &ring_transport, d, domid);
	return d;
}

/* which domain an event is for */
static void port_belongs(struct server *sv, uint32_t port, struct domain *d)
{
	if (port >= sv->nr_ports) {
		sv->by_port = mem_grow(sv->by_port, (port + 64) * sizeof(*sv->by_port));
		memset(sv->by_port + sv->nr_ports, 0,
		       (port + 64 - sv->nr_ports) * sizeof(*sv->by_port));
		sv->nr_ports = port + 64;
	}
	sv->by_port[port] = d;
}

static void unbind(struct server *sv, struct domain *d)
{
	if (!d->port)
		return;
	port_belongs(sv, d->port, NULL);
	if (sv->door) /* not while the journal is read: what a predecessor had bound went with it */
		door_unbind(sv->door, d->port);
	d->port = 0;
}

static void detach(struct server *sv, struct domain *d)
{
	unbind(sv, d);
	if (d->page && d->domid == PRIVILEGED_DOMID)
		door_unmap_own(sv->door, d->page);
	else if (d->page)
		door_unmap(sv->door, d->page);
	d->page = NULL;
}

static int bind(struct server *sv, struct domain *d)
{
	int rc = door_bind(sv->door, d->domid, d->remote_port, &d->port);

	if (!rc)
		port_belongs(sv, d->port, d);
	else
		log_warn("d%u: cannot bind to its event channel %u: %s", d->domid, d->remote_port,
			 strerror(-rc));
	return rc;
}

static int map(struct server *sv, struct domain *d)
{
	d->page = door_map(sv->door, d->domid);
	if (d->page)
		return 0;
	log_warn("d%u: cannot map its ring by the reserved grant: %s", d->domid, strerror(errno));
	return errno ? -errno : -EIO;
}

int domain_introduce(struct conn *by, unsigned domid, uint64_t gfn, uint32_t remote_port)
{
	struct server *sv = by->sv;
	struct domain *d = domain_find(sv, domid);
	bool known = d;
	int rc;

	if (!sv->door)
		return refuse(by, -EINVAL, "d%u cannot be introduced: there is no hypervisor here",
			      domid);
	if (!known)
		d = domain_add(sv, domid);
	else
		unbind(sv, d);
	d->gfn = gfn;
	d->remote_port = remote_port;
	rc = bind(sv, d);
	if (!rc && !d->page)
		rc = map(sv, d);
	if (rc) {
		if (!known)
			domain_drop(sv, domid);
		return refuse(by, rc, "d%u: its ring or its event channel %u cannot be reached",
			      domid, remote_port);
	}
	if (!known || d->conn->closing)
		ring_begin(d);
	journal_domain(sv, d);
	log_info("d%u introduced%s: ring at frame %#" PRIx64 ", event channel %u", domid,
		 known ? " again" : "", gfn, remote_port);
	if (!known)
		watch_fire_special(sv, SPECIAL_INTRODUCE);
	conn_mark(d->conn); /* it may have written before it was introduced */
	return 0;
}

int domain_introduce_own(struct server *sv)
{
	struct domain *d;
	uint32_t port;
	void *page;
	int rc = door_map_own(sv->door, &page, &port);

	if (rc)
		return rc;
	d = domain_add(sv, PRIVILEGED_DOMID);
	d->page = page;
	d->remote_port = port;
	rc = bind(sv, d);
	if (rc)
		return rc;
	ring_begin(d);
	journal_domain(sv, d);
	conn_mark(d->conn);
	return 0;
}

void domain_drop(struct server *sv, unsigned domid)
{
	struct domain *d = domain_find(sv, domid), *other, *tmp;

	if (!d)
		return;
	d->conn->io = NULL;
	conn_close(d->conn);
	DL_APPEND2(sv->dead, d->conn, w_prev, w_next);
	detach(sv, d);
	HASH_DEL(sv->domains, d);
	free(d);
	HASH_ITER (hh, sv->domains, other, tmp)
		if (other->conn->target == domid)
			other->conn->target = NO_DOMAIN;
}

void domain_release(struct server *sv, struct domain *d)
{
	unsigned domid = d->domid;

	log_info("d%u released", domid);
	domain_drop(sv, domid);
	journal_release(sv, domid);
	server_forget_domain(sv, domid);
	journal_forget(sv, domid);
	watch_fire_special(sv, SPECIAL_RELEASE);
}

void domain_check_all(struct server *sv)
{
	struct domain *d, *tmp;
	enum domain_state state;
	int rc;

	door_look_anew(sv->door);
	HASH_ITER (hh, sv->domains, d, tmp) {
		if (d->domid == PRIVILEGED_DOMID)
			continue;
		rc = door_domain_state(sv->door, d->domid, &state);
		if (rc) {
			log_warn("d%u: the hypervisor does not tell its state: %s", d->domid,
				 strerror(-rc));
			continue;
		}
		if (state == DOMAIN_DYING || state == DOMAIN_GONE) {
			domain_release(sv, d);
		} else if (state == DOMAIN_SHUT_DOWN && !d->shutdown) {
			d->shutdown = true;
			journal_domain(sv, d);
			watch_fire_special(sv, SPECIAL_RELEASE);
		}
	}
}

static int attach(struct server *sv, struct domain *d, bool port_bound)
{
	int rc;

	if (port_bound && d->port) {
		port_belongs(sv, d->port, d);
	} else {
		d->port = 0;
		rc = bind(sv, d);
		if (rc)
			return rc;
	}
	return map(sv, d);
}

void domain_attach_all(struct server *sv, bool ports_bound)
{
	struct domain *d, *tmp;
	uint32_t port;
	void *page;

	HASH_ITER (hh, sv->domains, d, tmp) {
		if (!sv->door) {
			domain_drop(sv, d->domid);
			continue;
		}
		if (d->domid == PRIVILEGED_DOMID) {
			if (door_map_own(sv->door, &page, &port))
				continue;
			d->page = page;
			d->remote_port = port;
			if (ports_bound && d->port)
				port_belongs(sv, d->port, d);
			else if (bind(sv, d))
				continue;
		} else if (attach(sv, d, ports_bound)) {
			continue; /* dead, most likely: the check will tell */
		}
		ring_continue(d);
		conn_mark(d->conn);
	}
	if (sv->door)
		domain_check_all(sv);
}

void domain_record(const struct domain *d, struct bytes *out)
{
	put_u32(out, d->domid);
	put_u64(out, d->gfn);
	put_u32(out, d->remote_port);
	put_u32(out, d->port);
	put_u32(out, d->shutdown);
	put_u32(out, d->conn->target);
	put_u32(out, d->conn->in_pos);
	put_u32(out, d->conn->out_pos);
}

int domain_restore(struct server *sv, struct cut *in)
{
	unsigned domid = cut_u32(in);
	struct domain *d = domain_find(sv, domid);
	uint32_t in_pos, out_pos;

	if (in->bad)
		return -EPROTO;
	if (!d)
		d = domain_add(sv, domid);
	d->gfn = cut_u64(in);
	d->remote_port = cut_u32(in);
	d->port = cut_u32(in);
	d->shutdown = cut_u32(in);
	d->conn->target = cut_u32(in);
	in_pos = cut_u32(in);
	out_pos = cut_u32(in);
	if (in_pos != d->conn->in_pos || out_pos != d->conn->out_pos) {
		bytes_free(&d->conn->in); /* the ring began anew */
		bytes_free(&d->conn->out);
	}
	d->conn->in_pos = in_pos;
	d->conn->out_pos = out_pos;
	return 0;
}
