/* SPDX-License-Identifier: BSD-2-Clause */
/* The door to a frontend's domain, by Xen's stable driver libraries. */
#include "drivers/backend/common/peer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <xenevtchn.h>
#include <xengnttab.h>
#include <xen/grant_table.h>

#define COPY_BATCH 128u /* pieces in one call: bounds the array on the stack */
#define FIRED_MOST 16u	/* ports that fired and may not again yet */

struct peer {
	uint16_t domid;
	xengnttab_handle *grants;
	xenevtchn_handle *events;
	/* peer_buffer()'s; refs is NULL for ordinary memory */
	xengntshr_handle *sharing;
	uint8_t *buffer;
	unsigned int buffer_pages;
	uint32_t *refs;
	uint16_t own_domid;
	evtchn_port_t fired[FIRED_MOST];
	unsigned int nr_fired;
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
	if (p->refs)
		xengntshr_unshare(p->sharing, p->buffer, p->buffer_pages);
	else
		free(p->buffer);
	if (p->sharing)
		xengntshr_close(p->sharing);
	free(p->refs);
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

void *peer_buffer(struct peer *p, uint16_t own_domid, unsigned int pages)
{
	p->own_domid = own_domid;
	p->buffer_pages = pages;
	p->refs = calloc(pages, sizeof(*p->refs));
	p->sharing = p->refs ? xengntshr_open(NULL, 0) : NULL;
	if (p->sharing)
		p->buffer = xengntshr_share_pages(p->sharing, own_domid, (int)pages, p->refs, 1);
	if (p->buffer)
		return p->buffer;
	free(p->refs);
	p->refs = NULL;
	p->buffer = aligned_alloc(PEER_PAGE, (size_t)pages * PEER_PAGE);
	return p->buffer;
}

/* One segment of a piece, done bytes into it: as long as our end lies in one page, if our end is a
 * grant. Returns its length. */
static uint16_t copy_segment(const struct peer *p, const struct peer_copy *c, uint16_t done,
			     int to_peer, xengnttab_grant_copy_segment_t *seg)
{
	size_t at = (size_t)((const uint8_t *)c->local + done - p->buffer), len = c->len - done;
	bool shared = p->refs && (const uint8_t *)c->local >= p->buffer &&
		      at < (size_t)p->buffer_pages * PEER_PAGE;
	union xengnttab_copy_ptr mine = { .virt = (uint8_t *)c->local + done };
	union xengnttab_copy_ptr theirs = { .foreign = { c->gref, (uint16_t)(c->offset + done),
							 p->domid } };

	seg->flags = to_peer ? GNTCOPY_dest_gref : GNTCOPY_source_gref;
	if (shared) {
		uint16_t offset = at % PEER_PAGE;

		mine = (union xengnttab_copy_ptr){ .foreign = { p->refs[at / PEER_PAGE], offset,
								p->own_domid } };
		seg->flags = GNTCOPY_dest_gref | GNTCOPY_source_gref;
		if (len > PEER_PAGE - offset)
			len = PEER_PAGE - offset;
	}
	seg->source = to_peer ? mine : theirs;
	seg->dest = to_peer ? theirs : mine;
	seg->len = (uint16_t)len;
	seg->status = GNTST_general_error;
	return (uint16_t)len;
}

static int copy_flush(struct peer *p, xengnttab_grant_copy_segment_t *seg, struct peer_copy **of,
		      unsigned int n)
{
	unsigned int i;

	if (n && xengnttab_grant_copy(p->grants, n, seg))
		return -errno;
	for (i = 0; i < n; i++)
		of[i]->ok &= seg[i].status == GNTST_okay;
	return 0;
}

int peer_copy(struct peer *p, struct peer_copy *c, unsigned int n, int to_peer)
{
	xengnttab_grant_copy_segment_t seg[COPY_BATCH];
	struct peer_copy *of[COPY_BATCH];
	unsigned int i, at = 0;
	int rc = 0;

	for (i = 0; i < n && !rc; i++) {
		uint16_t done = 0;

		c[i].ok = 1;
		do {
			of[at] = &c[i];
			done = (uint16_t)(done + copy_segment(p, &c[i], done, to_peer, &seg[at]));
			if (++at == COPY_BATCH) {
				rc = copy_flush(p, seg, of, at);
				at = 0;
			}
		} while (done < c[i].len && !rc);
	}
	return rc ? rc : copy_flush(p, seg, of, at);
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

/* The descriptor's own protocol, which is <xen/sys/evtchn.h>'s: it reads as the ports that fired,
 * and those written fire again. The library does it a port and a call at a time. What does not fit
 * is there at the next look: the descriptor stays readable. */
void peer_take_events(struct peer *p)
{
	ssize_t n;

	if (p->nr_fired == FIRED_MOST)
		peer_allow_events(p);
	n = read(xenevtchn_fd(p->events), p->fired + p->nr_fired,
		 (FIRED_MOST - p->nr_fired) * sizeof(p->fired[0]));
	if (n > 0)
		p->nr_fired += (unsigned int)((size_t)n / sizeof(p->fired[0]));
}

void peer_allow_events(struct peer *p)
{
	size_t len = p->nr_fired * sizeof(p->fired[0]);

	p->nr_fired = 0;
	if (len && write(xenevtchn_fd(p->events), p->fired, len) != (ssize_t)len)
		return; /* a port was closed meanwhile: nobody waits for it */
}

void peer_clear_events(struct peer *p)
{
	peer_take_events(p);
	peer_allow_events(p);
}
