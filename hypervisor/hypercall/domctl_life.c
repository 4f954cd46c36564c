/* SPDX-License-Identifier: BSD-2-Clause */
/* domctl: a domain's life and what it is as a whole. */
#include <torc/boot.h>
#include <torc/control.h>
#include <torc/pv.h>
#include <torc/sched.h>
#include <torc/x86.h>

#define MAX_VCPUS 512

static long check_create(struct vcpu *v, const struct xen_domctl_createdomain *c)
{
	if (c->flags & XEN_DOMCTL_CDF_hvm)
		return refuse(
			v, -XEN_EOPNOTSUPP,
			"create: a hardware-virtualized guest is wanted; offered are paravirtual ones (type=\"pv\")");
	if (c->flags & ~(XEN_DOMCTL_CDF_xs_domain | XEN_DOMCTL_CDF_s3_integrity))
		return refuse(v, -XEN_EINVAL, "create: flags %#x are not for paravirtual guests",
			      c->flags);
	if (c->arch.emulation_flags)
		return refuse(v, -XEN_EINVAL,
			      "create: emulated devices %#x; paravirtual guests have none",
			      c->arch.emulation_flags);
	if (c->arch.misc_flags & ~XEN_X86_MSR_RELAXED)
		return refuse(v, -XEN_EINVAL, "create: misc flags %#x", c->arch.misc_flags);
	if (!c->max_vcpus || c->max_vcpus > MAX_VCPUS)
		return refuse(v, -XEN_EINVAL, "create: %u vcpus; wanted are 1 to %u", c->max_vcpus,
			      MAX_VCPUS);
	if (c->iommu_opts || c->vmtrace_size)
		return refuse(v, -XEN_EINVAL,
			      "create: neither IOMMU (%#x) nor tracing (%u) is offered",
			      c->iommu_opts, c->vmtrace_size);
	if (c->cpupool_id && c->cpupool_id != (uint32_t)-1)
		return refuse(v, -XEN_ENOENT, "create: CPU pool %u; there is pool 0 only",
			      c->cpupool_id);
	return 0;
}

long domctl_create(struct vcpu *v, struct xen_domctl *op)
{
	struct xen_domctl_createdomain *c = &op->u.createdomain;
	domid_t id = op->domain && op->domain < DOMID_FIRST_RESERVED ? op->domain : DOMID_INVALID;
	struct domain *d;
	long rc = check_create(v, c);

	if (rc)
		return rc;
	rc = domain_create(id, c, &d);
	if (rc)
		return refuse(v, rc, "create: domain %d with %u vcpus",
			      id == DOMID_INVALID ? -1 : id, c->max_vcpus);
	op->domain = d->id; /* it lives by its own reference, until it is destroyed */
	return 0;
}

DOMCTL(domctl_destroy)
{
	int rc;

	*back = false;
	(void)op;
	if (d == v->domain || d == dom0)
		return refuse(v, -XEN_EINVAL, "destroy: d%u cannot be destroyed by itself", d->id);
	rc = domain_kill(d);
	return rc && rc != -XEN_ERESTART ? refuse(v, rc, "destroy: d%u", d->id) : rc;
}

DOMCTL(domctl_pause)
{
	int rc = domain_pause_by_tools(d);

	*back = false;
	(void)op;
	return rc ? refuse(v, rc, "pause: d%u", d->id) : 0;
}

DOMCTL(domctl_unpause)
{
	int rc = domain_unpause_by_tools(d);

	*back = false;
	(void)op;
	return rc ? refuse(v, rc, "unpause: d%u was not paused", d->id) : 0;
}

DOMCTL(domctl_resume)
{
	int rc;

	*back = false;
	(void)op;
	rc = d == v->domain ? -XEN_EINVAL : domain_resume(d);
	return rc ? refuse(v, rc, "resume: d%u is not suspended", d->id) : 0;
}

void domain_info_fill(struct domain *d, struct xen_domctl_getdomaininfo *out)
{
	const void *shared = READ_ONCE(d->shared); /* NULL: it is dead, or dies just now */
	uint32_t flags = XEN_DOMINF_blocked;

	memset(out, 0, sizeof(*out));
	out->domain = d->id;
	out->max_vcpu_id = XEN_INVALID_MAX_VCPU_ID;
	for (unsigned int i = 0; i < d->max_vcpus; i++) {
		struct vcpu *t = d->vcpus[i];

		if (!t)
			continue;
		out->max_vcpu_id = i;
		out->cpu_time += (uint64_t)vcpu_cpu_time(t);
		if (t->down)
			continue;
		out->nr_online_vcpus++;
		if (!t->blocked)
			flags &= ~XEN_DOMINF_blocked;
		if (t->running)
			flags |= XEN_DOMINF_running;
	}
	if (d->state == DOM_DYING || d->state == DOM_DEAD)
		flags |= XEN_DOMINF_dying;
	if (d->shut_down)
		flags |= XEN_DOMINF_shutdown | (uint32_t)d->shutdown_code
						       << XEN_DOMINF_shutdownshift;
	if (d->paused_by_tools || d->debug_paused)
		flags |= XEN_DOMINF_paused;
	if (d->debugged)
		flags |= XEN_DOMINF_debugged;
	if (d->create_flags & XEN_DOMCTL_CDF_xs_domain)
		flags |= XEN_DOMINF_xs_domain;
	out->flags = flags;
	out->tot_pages = d->nr_pages;
	out->max_pages = d->max_pages;
	out->outstanding_pages = d->claim;
	out->shared_info_frame = shared ? virt_to_mfn(shared).n : ~0ull;
	out->ssidref = d->ssidref;
	memcpy(out->handle, d->handle, sizeof(out->handle));
	out->gpaddr_bits = (uint8_t)cpu_features.phys_bits;
}

DOMCTL(domctl_max_mem)
{
	uint64_t pages = op->u.max_mem.max_memkb >> (PAGE_SHIFT - 10);

	*back = false;
	(void)v;
	d->max_pages = (uint32_t)MIN(pages, (uint64_t)~0u);
	return 0;
}

DOMCTL(domctl_max_vcpus)
{
	uint32_t n = op->u.max_vcpus.max;
	int rc = 0;

	*back = false;
	if (n != d->max_vcpus)
		return refuse(v, -XEN_EINVAL, "max_vcpus: %u, but d%u was created for %u", n, d->id,
			      d->max_vcpus);
	for (unsigned int i = 0; i < n && !rc; i++)
		if (!d->vcpus[i])
			rc = vcpu_create(d, i);
	return rc ? refuse(v, rc, "max_vcpus: d%u gets no %u vcpus", d->id, n) : 0;
}

DOMCTL(domctl_set_handle)
{
	*back = false;
	(void)v;
	memcpy(d->handle, op->u.setdomainhandle.handle, sizeof(d->handle));
	return 0;
}

DOMCTL(domctl_set_address_size)
{
	uint32_t size = op->u.address_size.size;
	int rc;

	*back = false;
	if (size == (d->is_32bit ? 32 : 64))
		return 0;
	rc = size == 32 ? m2p32_make() : -XEN_EINVAL;
	if (!rc)
		rc = mmu_set_32bit(d);
	if (rc == -XEN_ENOMEM)
		return refuse(v, rc, "address size of d%u: %u; no memory is left for such a guest",
			      d->id, size);
	return rc ? refuse(v, rc,
			   "address size of d%u: %u; it is 64 or 32, and fixed once the guest has memory",
			   d->id, size) :
		    0;
}

DOMCTL(domctl_get_address_size)
{
	(void)v, (void)back;
	op->u.address_size.size = d->is_32bit ? 32 : 64;
	return 0;
}

DOMCTL(domctl_set_time_offset)
{
	*back = false;
	(void)v;
	d->time_offset_s = op->u.settimeoffset.time_offset_seconds;
	time_update_wallclock(d);
	return 0;
}

DOMCTL(domctl_get_tsc)
{
	(void)v, (void)back;
	op->u.tsc_info.tsc_mode = 0;
	op->u.tsc_info.gtsc_khz = (uint32_t)tsc_khz;
	op->u.tsc_info.incarnation = 0;
	op->u.tsc_info.elapsed_nsec = (uint64_t)(clock_now() - d->created_at);
	return 0;
}

/* Guests read the processor's counter and scale it by their time page, which changes with the host:
 * nothing need be emulated. */
DOMCTL(domctl_set_tsc)
{
	uint32_t mode = op->u.tsc_info.tsc_mode;

	*back = false;
	(void)d;
	if (mode != 0 && mode != 2) /* default, never emulate */
		return refuse(v, -XEN_EOPNOTSUPP,
			      "tsc_mode %u: offered are \"default\" and \"native\"", mode);
	return 0;
}

DOMCTL(domctl_set_virq_handler)
{
	int rc = evtchn_set_virq_handler(d, op->u.set_virq_handler.virq);

	*back = false;
	return rc ? refuse(v, rc, "virq %u is no global one", op->u.set_virq_handler.virq) : 0;
}

DOMCTL(domctl_hypercall_init)
{
	void *page = guest_frame_map(d, MFN(op->u.hypercall_init.gmfn), true);

	*back = false;
	if (!page)
		return refuse(v, -XEN_EACCES, "hypercall page: frame %#lx is not d%u's to write",
			      (unsigned long)op->u.hypercall_init.gmfn, d->id);
	hypercall_page_fill(d, page);
	dirty_mark(d, MFN(op->u.hypercall_init.gmfn));
	guest_frame_unmap(page, true);
	return 0;
}

/* One node. */
DOMCTL(domctl_get_node_affinity)
{
	(void)v, (void)d, (void)back;
	return cpumap_put(&op->u.nodeaffinity.nodemap, 1);
}

DOMCTL(domctl_set_node_affinity)
{
	cpumask_t nodes;

	*back = false;
	if (cpumap_get(&op->u.nodeaffinity.nodemap, &nodes))
		return -XEN_EFAULT;
	return nodes & 1 ? 0 :
			   refuse(v, -XEN_EINVAL,
				  "node affinity of d%u is without node 0, the only one", d->id);
}

/* Paravirtual guests bring their own page tables; nothing is set aside for shadows. */
DOMCTL(domctl_get_mempool)
{
	(void)v, (void)d, (void)back;
	op->u.paging_mempool.size = 0;
	return 0;
}

DOMCTL(domctl_set_mempool)
{
	*back = false;
	return op->u.paging_mempool.size ?
		       refuse(v, -XEN_EOPNOTSUPP, "d%u needs no memory for paging", d->id) :
		       0;
}
