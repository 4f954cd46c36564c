/* SPDX-License-Identifier: BSD-2-Clause */
/* Grants that stay mapped (staging.h). */
#include "drivers/backend/net/staging.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <uthash.h>

struct staged {
	uint32_t ref;
	unsigned int queue;
	uint16_t flags;
	uint8_t *page;
	UT_hash_handle hh;
};

static struct staged *find(const struct staging *s, uint32_t ref)
{
	struct staged *e;

	HASH_FIND(hh, s->first, &ref, sizeof(ref), e);
	return e;
}

static void drop(struct staging *s, struct staged *e)
{
	HASH_DEL(s->first, e);
	s->count[e->queue]--;
	peer_unmap(s->peer, e->page, 1);
	free(e);
}

static int add_one(struct staging *s, unsigned int queue, const struct xen_netif_gref *g)
{
	struct staged *e;

	if (find(s, g->ref) || s->count[queue] == STAGING_MAX)
		return -EINVAL;
	e = calloc(1, sizeof(*e));
	if (!e)
		return -EINVAL;
	e->ref = g->ref;
	e->queue = queue;
	e->flags = g->flags;
	e->page = peer_map(s->peer, &e->ref, 1, !(g->flags & XEN_NETIF_CTRLF_GREF_readonly));
	if (!e->page) {
		free(e);
		return -EINVAL;
	}
	HASH_ADD(hh, s->first, ref, sizeof(e->ref), e);
	s->count[queue]++;
	return 0;
}

int staging_add(struct staging *s, unsigned int queue, const struct xen_netif_gref *g,
		unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		if (add_one(s, queue, &g[i])) {
			while (i--)
				drop(s, find(s, g[i].ref));
			return -EINVAL;
		}
	}
	return 0;
}

unsigned int staging_remove(struct staging *s, unsigned int queue, struct xen_netif_gref *g,
			    unsigned int n)
{
	unsigned int i, gone = 0;
	struct staged *e;

	for (i = 0; i < n; i++) {
		e = find(s, g[i].ref);
		g[i].status = XEN_NETIF_CTRL_STATUS_INVALID_PARAMETER;
		if (!e || e->queue != queue)
			continue;
		drop(s, e);
		g[i].status = XEN_NETIF_CTRL_STATUS_SUCCESS;
		gone++;
	}
	return gone;
}

void staging_empty(struct staging *s)
{
	struct staged *e, *next;

	HASH_ITER (hh, s->first, e, next)
		drop(s, e);
}

unsigned int staging_list(const struct staging *s, unsigned int queue, struct xen_netif_gref *g)
{
	unsigned int n = 0;
	struct staged *e;

	for (e = s->first; e; e = e->hh.next) {
		if (e->queue == queue)
			g[n++] = (struct xen_netif_gref){ .ref = e->ref, .flags = e->flags };
	}
	return n;
}

/* false: it is not mapped. */
static bool copy_mapped(const struct staging *s, struct peer_copy *c, int to_peer)
{
	const struct staged *e = find(s, c->gref);

	if (!e)
		return false;
	c->ok = c->offset + c->len <= PEER_PAGE &&
		!(to_peer && e->flags & XEN_NETIF_CTRLF_GREF_readonly);
	if (c->ok && to_peer)
		memcpy(e->page + c->offset, c->local, c->len);
	else if (c->ok)
		memcpy(c->local, e->page + c->offset, c->len);
	return true;
}

int staging_copy(struct staging *s, struct peer_copy *c, unsigned int n, int to_peer)
{
	unsigned int i, from = 0;
	int rc = 0;

	for (i = 0; s->first && i < n && !rc; i++) {
		if (!copy_mapped(s, &c[i], to_peer))
			continue;
		if (i > from) /* what lies between those that are mapped */
			rc = peer_copy(s->peer, c + from, i - from, to_peer);
		from = i + 1;
	}
	return rc || from == n ? rc : peer_copy(s->peer, c + from, n - from, to_peer);
}
