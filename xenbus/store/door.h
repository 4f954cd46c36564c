/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The doors to the hypervisor: event channels, granted pages, and which domains live. door_xen.c is
 * the real thing; tests put another behind the same functions.
 */
#ifndef XENBUS_STORE_DOOR_H
#define XENBUS_STORE_DOOR_H

#include <stdint.h>

struct door;

/* event_fd: a predecessor's event channel descriptor with its bindings, or -1 */
int door_open(struct door **d, int event_fd);
void door_close(struct door **d);

int door_fd(struct door *d);	   /* readable: an event is pending */
int door_event_fd(struct door *d); /* for a successor */
/* next pending port, unmasked again; -EAGAIN: none */
int door_event(struct door *d, uint32_t *port);
int door_bind(struct door *d, unsigned domid, uint32_t remote_port, uint32_t *port);
void door_unbind(struct door *d, uint32_t port);
void door_notify(struct door *d, uint32_t port);
/* VIRQ_DOM_EXC: a domain shut down or died */
int door_bind_domain_events(struct door *d, uint32_t *port);

/* its store ring, by the reserved grant; NULL and errno */
void *door_map(struct door *d, unsigned domid);
void door_unmap(struct door *d, void *page);
/* the ring and remote port of this domain's kernel */
int door_map_own(struct door *d, void **page, uint32_t *port);
void door_unmap_own(struct door *d, void *page);

enum domain_state { DOMAIN_RUNS, DOMAIN_SHUT_DOWN, DOMAIN_DYING, DOMAIN_GONE };
void door_look_anew(struct door *d); /* before a round of questions: nothing known earlier counts */
int door_domain_state(struct door *d, unsigned domid, enum domain_state *state);

#endif
