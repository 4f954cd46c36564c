/* SPDX-License-Identifier: BSD-2-Clause */
/* Event channels, two-level ABI, one vCPU. */
#ifndef EVENT_H
#define EVENT_H

#include "hypercall.h"

typedef void event_fn(evtchn_port_t port, void *arg);

void event_init(void);

/* Handlers run in the upcall, with events masked. A port is unmasked by binding a handler. */
void event_handler(evtchn_port_t port, event_fn *fn, void *arg);
/* Each returns the port, or a negative error. */
int event_alloc_unbound(domid_t remote);
int event_bind_interdomain(domid_t remote, evtchn_port_t port);
int event_bind_virq(unsigned int virq);
long event_send(evtchn_port_t port);
long event_close(evtchn_port_t port);

void events_forget(void); /* after a resume: there are none */
void event_upcall(void);  /* from the callback */

/* Mask the upcall; returns whether it was masked already. Restoring delivers what came meanwhile. */
bool events_mask(void);
void events_restore(bool masked);

/* Sleeps until some event was handled, or until the time (0: none) has come. */
void event_wait(uint64_t deadline);
/* Sleeps until done() says so, or the deadline; returns done()'s last word. The upcall's mask is
 * left as it was. */
bool event_wait_for(bool (*done)(void *), void *arg, uint64_t deadline);

#endif
