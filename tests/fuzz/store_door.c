/* SPDX-License-Identifier: BSD-2-Clause */
/* A door to no hypervisor. Only domains below FAKE_DOMAINS can be reached. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/store_door.h"

struct xenstore_domain_interface fake_ring[FAKE_DOMAINS];
enum domain_state fake_state[FAKE_DOMAINS];

struct door {
	int dummy;
};

void fake_reset(void)
{
	memset(fake_ring, 0, sizeof(fake_ring));
	memset(fake_state, 0, sizeof(fake_state));
}

int door_open(struct door **d, int event_fd)
{
	(void)event_fd;
	*d = calloc(1, sizeof(**d));
	return *d ? 0 : -ENOMEM;
}

void door_close(struct door **d)
{
	free(*d);
	*d = NULL;
}

int door_fd(struct door *d)
{
	(void)d;
	return -1;
}

int door_event_fd(struct door *d)
{
	(void)d;
	return -1;
}

int door_event(struct door *d, uint32_t *port)
{
	(void)d;
	(void)port;
	return -EAGAIN;
}

int door_bind(struct door *d, unsigned domid, uint32_t remote_port, uint32_t *port)
{
	(void)d;
	(void)remote_port;
	*port = 10 + domid;
	return domid < FAKE_DOMAINS ? 0 : -ESRCH;
}

void door_unbind(struct door *d, uint32_t port)
{
	(void)d;
	(void)port;
}

void door_notify(struct door *d, uint32_t port)
{
	(void)d;
	(void)port;
}

int door_bind_domain_events(struct door *d, uint32_t *port)
{
	(void)d;
	*port = 1;
	return 0;
}

void *door_map(struct door *d, unsigned domid)
{
	(void)d;
	errno = ESRCH;
	return domid < FAKE_DOMAINS ? &fake_ring[domid] : NULL;
}

void door_unmap(struct door *d, void *page)
{
	(void)d;
	(void)page;
}

int door_map_own(struct door *d, void **page, uint32_t *port)
{
	(void)d;
	*page = &fake_ring[0];
	*port = 1;
	return 0;
}

void door_unmap_own(struct door *d, void *page)
{
	(void)d;
	(void)page;
}

void door_look_anew(struct door *d)
{
	(void)d;
}

int door_domain_state(struct door *d, unsigned domid, enum domain_state *state)
{
	(void)d;
	if (domid >= FAKE_DOMAINS)
		return -ESRCH;
	*state = fake_state[domid];
	return 0;
}
