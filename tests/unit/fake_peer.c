/* SPDX-License-Identifier: BSD-2-Clause */
/* A peer made of memory (fake_peer.h). Maps only runs of neighbouring pages, which is all the tests
 * grant. */
#include "tests/unit/fake_peer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int peer_open(struct peer **p, uint16_t domid, struct why *why)
{
	(void)domid;
	*p = aligned_alloc(4096, sizeof(**p));
	if (!*p)
		return why_set(why, TE_NO_MEMORY, "no memory");
	memset(*p, 0, sizeof(**p));
	return 0;
}

void peer_close(struct peer *p)
{
	free(p);
}

uint16_t peer_domid(const struct peer *p)
{
	(void)p;
	return 1;
}

void *peer_map(struct peer *p, const uint32_t *grefs, unsigned int n, int writable)
{
	unsigned int i;

	(void)writable;
	for (i = 0; i < n; i++) {
		if (grefs[i] >= FAKE_PAGES || grefs[i] != grefs[0] + i) {
			errno = EINVAL;
			return NULL;
		}
	}
	p->mapped += n;
	return p->page[grefs[0]];
}

void peer_unmap(struct peer *p, void *addr, unsigned int n)
{
	if (addr)
		p->mapped -= n;
}

int peer_copy(struct peer *p, struct peer_copy *c, unsigned int n, int to_peer)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		c[i].ok = c[i].gref < FAKE_PAGES && !p->revoked[c[i].gref] &&
			  c[i].offset + c[i].len <= PEER_PAGE;
		if (!c[i].ok)
			continue;
		p->split += (size_t)c[i].local % PEER_PAGE + c[i].len > PEER_PAGE;
		if (to_peer)
			memcpy(p->page[c[i].gref] + c[i].offset, c[i].local, c[i].len);
		else
			memcpy(c[i].local, p->page[c[i].gref] + c[i].offset, c[i].len);
	}
	return 0;
}

void *peer_buffer(struct peer *p, uint16_t own_domid, unsigned int pages)
{
	(void)p;
	(void)own_domid;
	return aligned_alloc(PEER_PAGE, (size_t)pages * PEER_PAGE); /* the test's to free */
}

int peer_bind(struct peer *p, uint32_t remote_port)
{
	p->bound++;
	return (int)remote_port;
}

void peer_unbind(struct peer *p, int port)
{
	if (port >= 0)
		p->bound--;
}

void peer_notify(struct peer *p, int port)
{
	(void)port;
	p->notified++;
	if (p->on_notify)
		p->on_notify(p->arg);
}

int peer_event_fd(struct peer *p)
{
	(void)p;
	return -1;
}

void peer_clear_events(struct peer *p)
{
	(void)p;
}
