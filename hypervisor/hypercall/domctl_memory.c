/* SPDX-License-Identifier: BSD-2-Clause */
/* domctl: frames as migration sees them, log-dirty, and rights to devices. */
#include <torc/control.h>
#include <torc/frame.h>
#include <torc/pv.h>
#include <torc/sched.h>

#define PAGE_INFO_MAX 1024

/* What a frame is to its domain, in the ABI's words. */
static uint64_t page_type(struct domain *d, mfn_t m)
{
	uint64_t t = XEN_DOMCTL_PFINFO_NOTAB;
	struct frame *f;

	if (!mfn_valid(m))
		return XEN_DOMCTL_PFINFO_XTAB;
	f = mfn_frame(m);
	if (!frame_get(f, d))
		return XEN_DOMCTL_PFINFO_XTAB;
	if (frame_type_count(f)) {
		switch (frame_type(f)) {
		case FT_L1: t = XEN_DOMCTL_PFINFO_L1TAB; break;
		case FT_L2:
		case FT_L2_TOP: t = XEN_DOMCTL_PFINFO_L2TAB; break;
		case FT_L3: t = XEN_DOMCTL_PFINFO_L3TAB; break;
		case FT_L4: t = XEN_DOMCTL_PFINFO_L4TAB; break;
		default: break;
		}
		if (frame_is_pinned(f))
			t |= XEN_DOMCTL_PFINFO_LPINTAB;
	}
	frame_put(f);
	return t;
}

DOMCTL(domctl_page_info)
{
	struct xen_domctl_getpageframeinfo3 *a = &op->u.getpageframeinfo3;
	unsigned long at = (unsigned long)a->array.p;
	xen_pfn_t n;

	*back = false;
	if (a->num > PAGE_INFO_MAX)
		return refuse(v, -XEN_E2BIG, "page info: %lu frames; %u at most",
			      (unsigned long)a->num, PAGE_INFO_MAX);
	for (unsigned int i = 0; i < a->num; i++, at += sizeof(n)) {
		if (guest_get(&n, GADDR(at)))
			return -XEN_EFAULT;
		n = page_type(d, MFN(n));
		if (guest_put(GADDR(at), &n))
			return -XEN_EFAULT;
	}
	return 0;
}

static long log_dirty_on(struct vcpu *v, struct domain *d)
{
	int rc = dirty_enable(d);

	return rc && rc != -XEN_ERESTART ?
		       refuse(v, rc, "log-dirty of d%u cannot be switched on", d->id) :
		       rc;
}

DOMCTL(domctl_shadow)
{
	struct xen_domctl_shadow_op *a = &op->u.shadow_op;
	long rc;

	if (d == v->domain)
		return refuse(v, -XEN_EINVAL, "log-dirty: of the calling domain itself");
	switch (a->op) {
	case XEN_DOMCTL_SHADOW_OP_OFF: *back = false; return dirty_disable(d);
	case XEN_DOMCTL_SHADOW_OP_ENABLE_LOGDIRTY: *back = false; return log_dirty_on(v, d);
	case XEN_DOMCTL_SHADOW_OP_ENABLE:
		*back = false;
		if (a->mode == XEN_DOMCTL_SHADOW_ENABLE_LOG_DIRTY)
			return log_dirty_on(v, d);
		break;
	case XEN_DOMCTL_SHADOW_OP_CLEAN:
	case XEN_DOMCTL_SHADOW_OP_PEEK:
		rc = dirty_read(d, a->op == XEN_DOMCTL_SHADOW_OP_CLEAN, GADDR(a->dirty_bitmap.p),
				a->pages, &a->stats);
		if (rc >= 0) {
			a->pages = (uint64_t)rc;
			return 0;
		}
		return rc == -XEN_ERESTART ? rc :
					     refuse(v, rc, "dirty frames of d%u: %lu of them",
						    d->id, (unsigned long)a->pages);
	case XEN_DOMCTL_SHADOW_OP_GET_ALLOCATION: a->mb = 0; return 0;
	case XEN_DOMCTL_SHADOW_OP_SET_ALLOCATION:
		*back = false;
		return 0; /* memory for it is taken as it is needed */
	}
	return refuse(v, -XEN_EOPNOTSUPP,
		      "shadow operation %u, mode %#x: log-dirty is what there is", a->op, a->mode);
}

DOMCTL(domctl_irq_permission)
{
	struct xen_domctl_irq_permission *a = &op->u.irq_permission;

	*back = false;
	if (!io_irq_allowed(v->domain, a->pirq))
		return refuse(v, -XEN_EPERM, "interrupt %u is not the caller's to give", a->pirq);
	return io_irq_set(d, a->pirq, a->allow_access);
}

DOMCTL(domctl_iomem_permission)
{
	struct xen_domctl_iomem_permission *a = &op->u.iomem_permission;
	int rc;

	*back = false;
	if (a->allow_access && !io_mem_allowed(v->domain, MFN(a->first_mfn), a->nr_mfns))
		return refuse(v, -XEN_EPERM,
			      "device memory, %lu frames at %#lx, is not the caller's to give",
			      (unsigned long)a->nr_mfns, (unsigned long)a->first_mfn);
	rc = io_mem_set(d, MFN(a->first_mfn), a->nr_mfns, a->allow_access);
	return rc ? refuse(v, rc, "device memory, %lu frames at %#lx", (unsigned long)a->nr_mfns,
			   (unsigned long)a->first_mfn) :
		    0;
}

DOMCTL(domctl_ioport_permission)
{
	struct xen_domctl_ioport_permission *a = &op->u.ioport_permission;
	int rc;

	*back = false;
	if (a->allow_access && !io_ports_allowed(v->domain, a->first_port, a->nr_ports))
		return refuse(v, -XEN_EPERM, "ports %#x, %u of them, are not the caller's to give",
			      a->first_port, a->nr_ports);
	rc = io_ports_set(d, a->first_port, a->nr_ports, a->allow_access);
	return rc ? refuse(v, rc, "ports %#x, %u of them", a->first_port, a->nr_ports) : 0;
}
