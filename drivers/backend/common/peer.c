/* SPDX-License-Identifier: BSD-2-Clause */
/* The door to a frontend's domain, by Xen's stable driver libraries. */
#include "drivers/backend/common/peer.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <xenevtchn.h>
#include <xengnttab.h>
#include <xen/grant_table.h>

#define COPY_BATCH 128u /* pieces in one call: bounds the array on the stack */

struct peer {
	uint16_t domid;
	xengnttab_handle *grants;
	xenevtchn_handle *events;
};

int peer_open(struct peer **out, uint16_t domid, struct why *why)
{
	struct peer *p = calloc(1, sizeof(*p));
	int fd, rc;

	if (!p)
		return why_set(why, TE_NO_MEMORY, "no memory for the peer d%u", domid);
	p->domid = domid;
	p->grants = xengnttab_open(NULL, 0);
	if (!p->grants) {
		rc = why_set(why, TE_NO_HOST, "/dev/xen/gntdev cannot be opened (%m)");
		goto out_free;
	}
	p->events = xenevtchn_open(NULL, 0);
	if (!p->events) {
		rc = why_set(why, TE_NO_HOST, "/dev/xen/evtchn cannot be opened (%m)");
		goto out_grants;
	}
	fd = xenevtchn_fd(p->events);
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	*out = p;
	return 0;

out_grants:
	xengnttab_close(p->grants);
out_free:
	free(p);
	return rc;
}

void peer_close(struct peer *p)
{
	if (!p)
		return;
	xenevtchn_close(p->events);
	xengnttab_close(p->grants);
	free(p);
}

uint16_t peer_domid(const struct peer *p)
{
	return p->domid;
}

void *peer_map(struct peer *p, const uint32_t *grefs, unsigned int n, int writable)
{
	return xengnttab_map_domain_grant_refs(p->grants, n, p->domid, (uint32_t *)(uintptr_t)grefs,
					       writable ? PROT_READ | PROT_WRITE : PROT_READ);
}

void peer_unmap(struct peer *p, void *addr, unsigned int n)
{
	if (addr)
		xengnttab_unmap(p->grants, addr, n);
}

static int copy_batch(struct peer *p, struct peer_copy *c, unsigned int n, int to_peer)
{
	xengnttab_grant_copy_segment_t seg[COPY_BATCH];
	unsigned int i;

	for (i = 0; i < n; i++) {
		union xengnttab_copy_ptr mine = { .virt = c[i].local };
		union xengnttab_copy_ptr theirs = { .foreign = { c[i].gref, c[i].offset,
								 p->domid } };

		seg[i].source = to_peer ? mine : theirs;
		seg[i].dest = to_peer ? theirs : mine;
		seg[i].len = c[i].len;
		seg[i].flags = to_peer ? GNTCOPY_dest_gref : GNTCOPY_source_gref;
		seg[i].status = GNTST_general_error;
	}
	if (xengnttab_grant_copy(p->grants, n, seg))
		return -errno;
	for (i = 0; i < n; i++)
		c[i].ok = seg[i].status == GNTST_okay;
	return 0;
}

int peer_copy(struct peer *p, struct peer_copy *c, unsigned int n, int to_peer)
{
	unsigned int at, len;
	int rc;

	for (at = 0; at < n; at += len) {
		len = n - at < COPY_BATCH ? n - at : COPY_BATCH;
		rc = copy_batch(p, c + at, len, to_peer);
		if (rc)
			return rc;
	}
	return 0;
}

int peer_bind(struct peer *p, uint32_t remote_port)
{
	int port = xenevtchn_bind_interdomain(p->events, p->domid, remote_port);

	return port < 0 ? -errno : port;
}

void peer_unbind(struct peer *p, int port)
{
	if (port >= 0)
		xenevtchn_unbind(p->events, (evtchn_port_t)port);
}

void peer_notify(struct peer *p, int port)
{
	xenevtchn_notify(p->events, (evtchn_port_t)port);
}

int peer_event_fd(struct peer *p)
{
	return xenevtchn_fd(p->events);
}

/* The descriptor's own protocol, which is <xen/sys/evtchn.h>'s: it reads as the ports that fired, and those written fire again. The library
 * does it a port and a call at a time. What does not fit is there at the next look: the descriptor stays readable. */
void peer_clear_events(struct peer *p)
{
	evtchn_port_t port[16];
	int fd = xenevtchn_fd(p->events);
	ssize_t n = read(fd, port, sizeof(port));

	if (n > 0 && write(fd, port, (size_t)n) != n)
		n = -1; /* a port was closed meanwhile: nobody waits for it */
}
