/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The doors to the hypervisor through the stable driver libraries. Guests' pages are reached by the
 * grant that is reserved for the store, so no right to map foreign memory is needed.
 */
#define __XEN_TOOLS__ /* sysctl.h is for tools like this one */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <xencall.h>
#include <xenevtchn.h>
#include <xengnttab.h>
#include <xen/xen.h>
#include <xen/grant_table.h>
#include <xen/sysctl.h>

#include "xenbus/store/door.h"
#include "xenbus/store/util.h"

#define OWN_RING "/proc/xen/xsd_kva"
#define OWN_PORT "/proc/xen/xsd_port"

struct door {
	xenevtchn_handle *events;
	xengnttab_handle *grants;
	xencall_handle *calls;
	struct xen_sysctl *op; /* hypercall buffers: a page each */
	xen_domctl_getdomaininfo_t *info;
	/* info holds the domains from first up to, but not with, end: asked for by the page, as a
	 * round goes upwards */
	unsigned int first, end, known;
};

int door_open(struct door **out, int event_fd)
{
	struct door *d = mem_alloc(sizeof(*d));
	int rc;

	*out = NULL;
	d->events = event_fd >= 0 ? xenevtchn_fdopen(NULL, event_fd, 0) : xenevtchn_open(NULL, 0);
	if (d->events)
		d->grants = xengnttab_open(NULL, 0);
	if (d->grants)
		d->calls = xencall_open(NULL, 0);
	if (d->calls)
		d->op = xencall_alloc_buffer_pages(d->calls, 1);
	if (d->op)
		d->info = xencall_alloc_buffer_pages(d->calls, 1);
	if (!d->info) {
		rc = errno ? -errno : -EIO;
		door_close(&d);
		return rc;
	}
	*out = d;
	return 0;
}

void door_close(struct door **d)
{
	if (!*d)
		return;
	if ((*d)->info)
		xencall_free_buffer_pages((*d)->calls, (*d)->info, 1);
	if ((*d)->op)
		xencall_free_buffer_pages((*d)->calls, (*d)->op, 1);
	xencall_close((*d)->calls);
	xengnttab_close((*d)->grants);
	xenevtchn_close((*d)->events);
	free(*d);
	*d = NULL;
}

int door_fd(struct door *d)
{
	return xenevtchn_fd(d->events);
}

int door_event_fd(struct door *d)
{
	return xenevtchn_fd(d->events);
}

int door_event(struct door *d, uint32_t *port)
{
	xenevtchn_port_or_error_t p = xenevtchn_pending(d->events);

	if (p < 0)
		return -errno;
	*port = p;
	xenevtchn_unmask(d->events, p);
	return 0;
}

int door_bind(struct door *d, unsigned domid, uint32_t remote_port, uint32_t *port)
{
	xenevtchn_port_or_error_t p = xenevtchn_bind_interdomain(d->events, domid, remote_port);

	*port = p < 0 ? 0 : p;
	return p < 0 ? -errno : 0;
}

void door_unbind(struct door *d, uint32_t port)
{
	xenevtchn_unbind(d->events, port);
}

void door_notify(struct door *d, uint32_t port)
{
	xenevtchn_notify(d->events, port);
}

int door_bind_domain_events(struct door *d, uint32_t *port)
{
	xenevtchn_port_or_error_t p = xenevtchn_bind_virq(d->events, VIRQ_DOM_EXC);

	*port = p < 0 ? 0 : p;
	return p < 0 ? -errno : 0;
}

void *door_map(struct door *d, unsigned domid)
{
	return xengnttab_map_grant_ref(d->grants, domid, GNTTAB_RESERVED_XENSTORE,
				       PROT_READ | PROT_WRITE);
}

void door_unmap(struct door *d, void *page)
{
	xengnttab_unmap(d->grants, page, 1);
}

int door_map_own(struct door *d, void **page, uint32_t *port)
{
	char text[16] = "";
	int fd, rc = 0;

	(void)d;
	fd = open(OWN_PORT, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (read(fd, text, sizeof(text) - 1) <= 0)
		rc = -EIO;
	close(fd);
	if (rc)
		return rc;
	*port = strtoul(text, NULL, 10);
	fd = open(OWN_RING, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	*page = mmap(NULL, sysconf(_SC_PAGESIZE), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	rc = *page == MAP_FAILED ? -errno : 0;
	close(fd);
	return rc;
}

void door_unmap_own(struct door *d, void *page)
{
	(void)d;
	munmap(page, sysconf(_SC_PAGESIZE));
}

void door_look_anew(struct door *d)
{
	d->first = d->end = d->known = 0;
}

static int ask_page(struct door *d, unsigned int domid)
{
	const unsigned int room = 4096 / sizeof(*d->info);

	memset(d->op, 0, sizeof(*d->op));
	d->op->cmd = XEN_SYSCTL_getdomaininfolist;
	d->op->interface_version = XEN_SYSCTL_INTERFACE_VERSION;
	d->op->u.getdomaininfolist.first_domain = domid;
	d->op->u.getdomaininfolist.max_domains = room;
	set_xen_guest_handle(d->op->u.getdomaininfolist.buffer, d->info);
	if (xencall1(d->calls, __HYPERVISOR_sysctl, (unsigned long)d->op))
		return -errno;
	d->known = d->op->u.getdomaininfolist.num_domains;
	if (d->known > room)
		d->known = room;
	d->first = domid;
	d->end = d->known == room ? d->info[room - 1].domain + 1u : UINT32_MAX;
	return 0;
}

int door_domain_state(struct door *d, unsigned domid, enum domain_state *state)
{
	const xen_domctl_getdomaininfo_t *i = NULL;
	int rc;

	if (domid < d->first || domid >= d->end) {
		rc = ask_page(d, domid);
		if (rc) {
			door_look_anew(d);
			return rc;
		}
	}
	for (unsigned int n = 0; n < d->known && !i; n++)
		if (d->info[n].domain == domid)
			i = &d->info[n];
	if (!i)
		*state = DOMAIN_GONE;
	else if (i->flags & XEN_DOMINF_dying)
		*state = DOMAIN_DYING;
	else if (i->flags & XEN_DOMINF_shutdown)
		*state = DOMAIN_SHUT_DOWN;
	else
		*state = DOMAIN_RUNS;
	return 0;
}
