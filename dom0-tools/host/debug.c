/* SPDX-License-Identifier: BSD-2-Clause */
/* Debugging a domain: who of it stopped, and why. */
#include "dom0-tools/host/priv.h"

#include <stdint.h>

int host_debug(struct host *h, uint32_t domid, bool on, struct why *why)
{
	domctl_new(h, XEN_DOMCTL_setdebugging, domid)->u.setdebugging.enable = on;
	return domctl_do(h, on ? "debug" : "stop debugging", why);
}

int host_debug_hold(struct host *h, uint32_t domid, uint32_t vcpu, bool hold, struct why *why)
{
	struct xen_domctl *d =
		domctl_new(h, hold ? XEN_DOMCTL_gdbsx_pausevcpu : XEN_DOMCTL_gdbsx_unpausevcpu,
			   domid);

	d->u.gdbsx_pauseunp_vcpu.vcpu = vcpu;
	return domctl_do(h, hold ? "hold a processor of" : "let go of a processor of", why);
}

int host_debug_event(struct host *h, uint32_t domid, struct host_debug_event *e, struct why *why)
{
	struct xen_domctl *d = domctl_new(h, XEN_DOMCTL_gdbsx_domstatus, domid);
	int rc = domctl_do(h, "ask what stopped", why);

	*e = (struct host_debug_event){ .paused = d->u.gdbsx_domstatus.paused,
					.any = d->u.gdbsx_domstatus.vcpu_id != UINT32_MAX,
					.vcpu = d->u.gdbsx_domstatus.vcpu_id,
					.vector = d->u.gdbsx_domstatus.vcpu_ev };
	return rc;
}
