/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * domctl: for a debugger in the control domain. It reads and sets registers by get/setvcpucontext
 * and reaches memory by mapping frames, so that the walk through a hostile guest's tables is done
 * in a process and not here: guestmemio is not offered.
 */
#include <torc/control.h>
#include <torc/pv.h>

DOMCTL(domctl_set_debugging)
{
	bool on = op->u.setdebugging.enable != 0;
	int rc = d == v->domain ? -XEN_EINVAL : debug_set(d, on);

	*back = false;
	return rc ? refuse(v, rc, "debugging of d%u: the control domain cannot be stopped by itself",
			   d->id) :
		    0;
}

static long hold(struct vcpu *v, struct domain *d, uint32_t id, bool on)
{
	struct vcpu *t = id < d->max_vcpus ? d->vcpus[index_nospec(id, d->max_vcpus)] : NULL;
	int rc;

	if (!t)
		return refuse(v, -XEN_ENOENT, "debugging: d%u has no vcpu %u", d->id, id);
	rc = debug_vcpu_hold(t, on);
	return rc ? refuse(v, rc, "debugging: d%uv%u is %s already, or debugging of d%u is off",
			   d->id, id, on ? "held" : "let go", d->id) :
		    0;
}

DOMCTL(domctl_debug_hold)
{
	*back = false;
	return hold(v, d, op->u.gdbsx_pauseunp_vcpu.vcpu, true);
}

DOMCTL(domctl_debug_release)
{
	*back = false;
	return hold(v, d, op->u.gdbsx_pauseunp_vcpu.vcpu, false);
}

/* An event is told once. */
DOMCTL(domctl_debug_status)
{
	struct xen_domctl_gdbsx_domstatus *a = &op->u.gdbsx_domstatus;
	unsigned int vcpu, vector;

	(void)v, (void)back;
	memset(a, 0, sizeof(*a));
	a->paused = d->paused_by_tools || d->debug_paused;
	a->vcpu_id = ~0u;
	if (a->paused && debug_next(d, &vcpu, &vector)) {
		a->vcpu_id = vcpu;
		a->vcpu_ev = vector;
	}
	return 0;
}
