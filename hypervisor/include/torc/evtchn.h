/* SPDX-License-Identifier: BSD-2-Clause */
/* Event channels: the verbs behind evtchn_op(), with checked values (pv/evtchn.c). Ports out are
 * written only on success. */
#ifndef TORC_EVTCHN_H
#define TORC_EVTCHN_H

#include <torc/domain.h>

int evtchn_alloc_unbound(struct domain *d, struct domain *remote_of, domid_t remote,
			 evtchn_port_t *port);
int evtchn_bind_interdomain(struct domain *d, struct domain *rd, evtchn_port_t rport,
			    evtchn_port_t *port);
int evtchn_bind_virq(struct domain *d, unsigned int virq, unsigned int vcpu, evtchn_port_t *port);
int evtchn_bind_ipi(struct domain *d, unsigned int vcpu, evtchn_port_t *port);
int evtchn_bind_pirq(struct vcpu *v, unsigned int pirq, uint32_t flags, evtchn_port_t *port);
int evtchn_bind_vcpu(struct domain *d, evtchn_port_t port, unsigned int vcpu);
int evtchn_close(struct domain *d, evtchn_port_t port);
int evtchn_unmask(struct domain *d, evtchn_port_t port);
int evtchn_get_status(struct domain *d, struct evtchn_status *s); /* s->port in */
bool evtchn_is_pending(struct domain *d, evtchn_port_t port);	  /* masked or not */
bool evtchn_port_ok(const struct domain *d, evtchn_port_t port);  /* in the range of this domain */

#endif
