/* SPDX-License-Identifier: BSD-2-Clause */
/* domctl: virtual processors: their state as a structure, where and how much they run. */
#include <torc/control.h>
#include <torc/heap.h>
#include <torc/pv.h>
#include <torc/sched.h>
#include <torc/x86.h>

static struct vcpu *find(struct domain *d, uint32_t id)
{
	return id < d->max_vcpus ? d->vcpus[index_nospec(id, d->max_vcpus)] : NULL;
}

#define NO_VCPU(v, d, n, what) refuse(v, -XEN_ENOENT, what ": d%u has no vcpu %u", (d)->id, n)

/* --- state ---------------------------------------------------------------- */

static size_t context_size(const struct domain *d)
{
	return d->is_32bit ? sizeof(struct vcpu_guest_context_x86_32) :
			     sizeof(struct vcpu_guest_context);
}

DOMCTL(domctl_set_context)
{
	struct xen_domctl_vcpucontext *a = &op->u.vcpucontext;
	struct vcpu *t = find(d, a->vcpu);
	union vcpu_context *c = NULL;
	long rc = 0;

	*back = false;
	if (!t)
		return NO_VCPU(v, d, a->vcpu, "set context");
	if (d == v->domain)
		return refuse(v, -XEN_EINVAL, "set context: d%u cannot set its own", d->id);
	if (a->ctxt.p) {
		c = zalloc(sizeof(*c));
		if (!c)
			return -XEN_ENOMEM;
		if (guest_read(c, GADDR(a->ctxt.p), context_size(d)))
			rc = -XEN_EFAULT;
	}
	if (!rc) {
		domain_pause(d);
		rc = c ? vcpu_context_set(t, c) : vcpu_reset(t);
		if (!rc)
			debug_context_set(t);
		if (!rc && !t->id) /* builders clear shared_info, and the wall clock with it */
			time_update_wallclock(d);
		domain_unpause(d);
		if (rc && rc != -XEN_ERESTART)
			refuse(v, rc, "set context of d%uv%u: see 'torc why %u'", d->id, t->id,
			       d->id);
	}
	zfree(c);
	return rc;
}

DOMCTL(domctl_get_context)
{
	struct xen_domctl_vcpucontext *a = &op->u.vcpucontext;
	struct vcpu *t = find(d, a->vcpu);
	union vcpu_context *c;
	long rc = 0;

	(void)back;
	if (!t)
		return NO_VCPU(v, d, a->vcpu, "get context");
	if (t == v)
		return refuse(v, -XEN_EINVAL, "get context: of the calling vcpu itself");
	if (!t->initialised)
		return refuse(v, -XEN_ENODATA, "get context: d%uv%u has not been set up yet", d->id,
			      t->id);
	c = zalloc(sizeof(*c));
	if (!c)
		return -XEN_ENOMEM;
	vcpu_pause(t);
	vcpu_context_get(t, c);
	vcpu_unpause(t);
	if (guest_write(GADDR(a->ctxt.p), c, context_size(d)))
		rc = -XEN_EFAULT;
	zfree(c);
	return rc;
}

DOMCTL(domctl_get_ext_context)
{
	struct xen_domctl_ext_vcpucontext *a = &op->u.ext_vcpucontext;
	uint32_t id = a->vcpu;
	struct vcpu *t = find(d, id);

	(void)back;
	if (!t)
		return NO_VCPU(v, d, id, "get ext context");
	memset(a, 0, sizeof(*a));
	a->vcpu = id;
	a->size = sizeof(*a);
	a->syscall32_callback_eip = t->syscall32_cb.eip;
	a->syscall32_callback_cs = t->syscall32_cb.cs;
	a->syscall32_disables_events = t->syscall32_cb.mask_events;
	a->sysenter_callback_eip = t->sysenter_cb.eip;
	a->sysenter_callback_cs = t->sysenter_cb.cs;
	a->sysenter_disables_events = t->sysenter_cb.mask_events;
	return 0;
}

static bool code_address_ok(const struct domain *d, uint64_t a)
{
	return d->is_32bit ?
		       a <= 0xffffffff :
		       (uint64_t)((int64_t)(a << 16) >> 16) == a && (a < HYP_START || a >= HYP_END);
}

DOMCTL(domctl_set_ext_context)
{
	struct xen_domctl_ext_vcpucontext *a = &op->u.ext_vcpucontext;
	struct vcpu *t = find(d, a->vcpu);

	*back = false;
	if (!t)
		return NO_VCPU(v, d, a->vcpu, "set ext context");
	if (d == v->domain || a->size < offsetof(struct xen_domctl_ext_vcpucontext, mcg_cap) ||
	    !code_address_ok(d, a->syscall32_callback_eip) ||
	    !code_address_ok(d, a->sysenter_callback_eip))
		return refuse(v, -XEN_EINVAL, "set ext context: of %u bytes, entries %#lx and %#lx",
			      a->size, (unsigned long)a->syscall32_callback_eip,
			      (unsigned long)a->sysenter_callback_eip);
	domain_pause(d);
	t->syscall32_cb = (struct pv_callback){ a->syscall32_callback_eip,
						guest_fixup_selector(d, a->syscall32_callback_cs),
						a->syscall32_disables_events };
	t->sysenter_cb = (struct pv_callback){ a->sysenter_callback_eip,
					       guest_fixup_selector(d, a->sysenter_callback_cs),
					       a->sysenter_disables_events };
	domain_unpause(d);
	return 0;
}

/* XCR0 as it is and as it ever was, then the area as XSAVE writes it. Without XSAVE there is
 * nothing beyond the context's own. */
struct ext_state_header {
	uint64_t xcr0, xcr0_ever;
};

static uint64_t ext_state_size(void)
{
	return cpu_features.xsave ? sizeof(struct ext_state_header) + cpu_features.xsave_size : 0;
}

DOMCTL(domctl_get_ext_state)
{
	struct xen_domctl_vcpuextstate *a = &op->u.vcpuextstate;
	struct vcpu *t = find(d, a->vcpu);
	struct ext_state_header h;
	long rc = 0;

	(void)back;
	if (!t || t == v)
		return NO_VCPU(v, d, a->vcpu, "get ext state");
	a->xfeature_mask = cpu_features.xsave ? cpu_features.xcr0_all : 0;
	if (a->buffer.p && ext_state_size()) {
		if (a->size != ext_state_size())
			return refuse(v, -XEN_EINVAL, "get ext state: %lu bytes; it takes %lu",
				      (unsigned long)a->size, (unsigned long)ext_state_size());
		vcpu_pause(t);
		h.xcr0 = t->xcr0 ? t->xcr0 : 1; /* 1: as the processor starts */
		h.xcr0_ever = cpu_features.xcr0_all;
		if (guest_put(GADDR(a->buffer.p), &h) ||
		    guest_write(GADDR((unsigned long)a->buffer.p + sizeof(h)), t->fpu,
				cpu_features.xsave_size))
			rc = -XEN_EFAULT;
		vcpu_unpause(t);
	}
	a->size = ext_state_size();
	return rc;
}

DOMCTL(domctl_set_ext_state)
{
	struct xen_domctl_vcpuextstate *a = &op->u.vcpuextstate;
	struct vcpu *t = find(d, a->vcpu);
	struct ext_state_header h;
	void *area;
	long rc;

	*back = false;
	if (!t || d == v->domain)
		return NO_VCPU(v, d, a->vcpu, "set ext state");
	if (!a->size && !cpu_features.xsave)
		return 0;
	if (a->size <= sizeof(h) || a->size > ext_state_size())
		return refuse(v, -XEN_EINVAL, "set ext state: %lu bytes; this host's takes %lu",
			      (unsigned long)a->size, (unsigned long)ext_state_size());
	if (guest_get(&h, GADDR(a->buffer.p)))
		return -XEN_EFAULT;
	if (h.xcr0 & ~cpu_features.xcr0_all || h.xcr0_ever & ~cpu_features.xcr0_all)
		return refuse(v, -XEN_EINVAL, "set ext state: states %#lx; this host has %#lx",
			      (unsigned long)h.xcr0_ever, (unsigned long)cpu_features.xcr0_all);
	area = zalloc(cpu_features.xsave_size);
	if (!area)
		return -XEN_ENOMEM;
	rc = guest_read(area, GADDR((unsigned long)a->buffer.p + sizeof(h)), a->size - sizeof(h));
	if (!rc && !fpu_check(area, cpu_features.xsave_size))
		rc = refuse(v, -XEN_EINVAL, "set ext state: no state that XSAVE could have written");
	if (!rc) {
		domain_pause(d);
		memcpy(t->fpu, area, cpu_features.xsave_size);
		t->xcr0 = h.xcr0;
		domain_unpause(d);
	}
	zfree(area);
	return rc;
}

/* No MSR of a paravirtual vcpu is outside of its context. */
DOMCTL(domctl_get_msrs)
{
	(void)back;
	if (!find(d, op->u.vcpu_msrs.vcpu))
		return NO_VCPU(v, d, op->u.vcpu_msrs.vcpu, "get MSRs");
	op->u.vcpu_msrs.msr_count = 0;
	return 0;
}

DOMCTL(domctl_set_msrs)
{
	(void)back;
	if (!find(d, op->u.vcpu_msrs.vcpu))
		return NO_VCPU(v, d, op->u.vcpu_msrs.vcpu, "set MSRs");
	if (!op->u.vcpu_msrs.msr_count)
		return 0;
	return refuse(v, -XEN_EINVAL, "set MSRs: %u of them; d%u's vcpus have none",
		      op->u.vcpu_msrs.msr_count, d->id);
}

/* --- running -------------------------------------------------------------- */

DOMCTL(domctl_vcpu_info)
{
	struct xen_domctl_getvcpuinfo *a = &op->u.getvcpuinfo;
	struct vcpu *t = find(d, a->vcpu);

	(void)back;
	if (!t)
		return a->vcpu < d->max_vcpus ? -XEN_ESRCH : NO_VCPU(v, d, a->vcpu, "vcpu info");
	a->online = !t->down;
	a->blocked = t->blocked;
	a->running = t->running;
	a->cpu_time = (uint64_t)vcpu_cpu_time(t);
	a->cpu = t->cpu;
	return 0;
}

DOMCTL(domctl_get_affinity)
{
	struct xen_domctl_vcpuaffinity *a = &op->u.vcpuaffinity;
	struct vcpu *t = find(d, a->vcpu);

	(void)back;
	if (!t)
		return NO_VCPU(v, d, a->vcpu, "get affinity");
	if ((a->flags & XEN_VCPUAFFINITY_HARD && cpumap_put(&a->cpumap_hard, t->hard_affinity)) ||
	    (a->flags & XEN_VCPUAFFINITY_SOFT && cpumap_put(&a->cpumap_soft, t->soft_affinity)))
		return -XEN_EFAULT;
	return 0;
}

DOMCTL(domctl_set_affinity)
{
	struct xen_domctl_vcpuaffinity *a = &op->u.vcpuaffinity;
	struct vcpu *t = find(d, a->vcpu);
	cpumask_t hard, soft;
	int rc;

	(void)back;
	if (!t)
		return NO_VCPU(v, d, a->vcpu, "set affinity");
	if (!(a->flags & (XEN_VCPUAFFINITY_HARD | XEN_VCPUAFFINITY_SOFT)))
		return refuse(v, -XEN_EINVAL, "set affinity: neither hard nor soft (flags %#x)",
			      a->flags);
	hard = t->hard_affinity;
	soft = t->soft_affinity;
	if ((a->flags & XEN_VCPUAFFINITY_HARD && cpumap_get(&a->cpumap_hard, &hard)) ||
	    (a->flags & XEN_VCPUAFFINITY_SOFT && cpumap_get(&a->cpumap_soft, &soft)))
		return -XEN_EFAULT;
	if (!(hard & cpus_online))
		return refuse(v, -XEN_EINVAL,
			      "set affinity: none of CPUs %#lx is there; there are %#lx",
			      (unsigned long)hard, (unsigned long)cpus_online);
	rc = sched_set_affinity(t, hard, soft);
	if (rc)
		return refuse(v, rc, "set affinity of d%uv%u to %#lx", d->id, t->id,
			      (unsigned long)hard);
	/* what came of it */
	if ((a->flags & XEN_VCPUAFFINITY_HARD && cpumap_put(&a->cpumap_hard, hard & cpus_online)) ||
	    (a->flags & XEN_VCPUAFFINITY_SOFT &&
	     cpumap_put(&a->cpumap_soft, soft & hard & cpus_online)))
		return -XEN_EFAULT;
	return 0;
}

DOMCTL(domctl_scheduler)
{
	struct xen_domctl_scheduler_op *a = &op->u.scheduler_op;
	uint16_t weight, cap;
	int rc;

	(void)back;
	if (a->sched_id != SCHEDULER_ID)
		return refuse(v, -XEN_EINVAL, "scheduler %u; this one answers to %u", a->sched_id,
			      SCHEDULER_ID);
	switch (a->cmd) {
	case XEN_DOMCTL_SCHEDOP_getinfo:
		a->u.credit2.weight = d->weight;
		a->u.credit2.cap = d->cap;
		return 0;
	case XEN_DOMCTL_SCHEDOP_putinfo:
		/* a weight of 0 and a cap of all ones leave what is */
		weight = a->u.credit2.weight ? a->u.credit2.weight : d->weight;
		cap = a->u.credit2.cap == (uint16_t)~0 ? d->cap : a->u.credit2.cap;
		rc = sched_set_params(d, weight, cap);
		return rc ? refuse(v, rc, "scheduling of d%u: weight %u, cap %u", d->id, weight,
				   cap) :
			    0;
	default:
		return refuse(v, -XEN_EINVAL,
			      "scheduler: parameters are a domain's, not a vcpu's (command %u)",
			      a->cmd);
	}
}

DOMCTL(domctl_send_trigger)
{
	struct xen_domctl_sendtrigger *a = &op->u.sendtrigger;
	struct vcpu *t = find(d, a->vcpu);

	*back = false;
	if (!t)
		return NO_VCPU(v, d, a->vcpu, "trigger");
	if (a->trigger != XEN_DOMCTL_SENDTRIGGER_NMI)
		return refuse(v, -XEN_EOPNOTSUPP,
			      "trigger %u; paravirtual guests know NMI (0) only", a->trigger);
	atomic_or(&t->pending_traps, PENDING_NMI);
	pv_vcpu_kick(t);
	return 0;
}
