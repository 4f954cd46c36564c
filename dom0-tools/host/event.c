/* SPDX-License-Identifier: BSD-2-Clause */
/* Event channels that a new domain finds ready for its console and its store. */
#include "dom0-tools/host/priv.h"

#include <errno.h>
#include <string.h>

#include <xen/event_channel.h>
#include <xen/sched.h>

int host_event_alloc(struct host *h, uint32_t domid, uint32_t remote, uint32_t *port,
		     struct why *why)
{
	struct evtchn_alloc_unbound *a = h->arg;

	memset(a, 0, sizeof(*a));
	a->dom = (domid_t)domid;
	a->remote_dom = (domid_t)remote;
	if (xencall2(h->call, __HYPERVISOR_event_channel_op, EVTCHNOP_alloc_unbound, (uintptr_t)a) <
	    0)
		return host_refused(why, errno, "no event channel of domain %u for domain %u",
				    domid, remote);
	*port = a->port;
	return 0;
}

int host_domain_remote_shutdown(struct host *h, uint32_t domid, enum shutdown_reason reason,
				struct why *why)
{
	struct sched_remote_shutdown *a = h->arg;

	memset(a, 0, sizeof(*a));
	a->domain_id = (domid_t)domid;
	a->reason = reason;
	if (xencall2(h->call, __HYPERVISOR_sched_op, SCHEDOP_remote_shutdown, (uintptr_t)a) < 0)
		return host_refused(why, errno, "cannot stop domain %u", domid);
	return 0;
}
