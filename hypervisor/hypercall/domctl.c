/* SPDX-License-Identifier: BSD-2-Clause */
/* domctl: control of one domain. The table says which operation is whose; the groups are in
 * domctl_*.c. On each domain one goes on at a time. */
#include <torc/control.h>

struct row {
	domctl_fn *fn;
	const char *name;
};

static const struct row ops[] = {
#define OP(n, f) [XEN_DOMCTL_##n] = { f, #n }
	OP(destroydomain, domctl_destroy),
	OP(pausedomain, domctl_pause),
	OP(unpausedomain, domctl_unpause),
	OP(resumedomain, domctl_resume),
	OP(max_mem, domctl_max_mem),
	OP(max_vcpus, domctl_max_vcpus),
	OP(setdomainhandle, domctl_set_handle),
	OP(setdebugging, domctl_set_debugging),
	OP(set_address_size, domctl_set_address_size),
	OP(get_address_size, domctl_get_address_size),
	OP(settimeoffset, domctl_set_time_offset),
	OP(gettscinfo, domctl_get_tsc),
	OP(settscinfo, domctl_set_tsc),
	OP(set_virq_handler, domctl_set_virq_handler),
	OP(hypercall_init, domctl_hypercall_init),
	OP(getnodeaffinity, domctl_get_node_affinity),
	OP(setnodeaffinity, domctl_set_node_affinity),
	OP(get_paging_mempool_size, domctl_get_mempool),
	OP(set_paging_mempool_size, domctl_set_mempool),
	OP(setvcpucontext, domctl_set_context),
	OP(getvcpucontext, domctl_get_context),
	OP(getvcpuinfo, domctl_vcpu_info),
	OP(setvcpuaffinity, domctl_set_affinity),
	OP(getvcpuaffinity, domctl_get_affinity),
	OP(scheduler_op, domctl_scheduler),
	OP(sendtrigger, domctl_send_trigger),
	OP(get_ext_vcpucontext, domctl_get_ext_context),
	OP(set_ext_vcpucontext, domctl_set_ext_context),
	OP(getvcpuextstate, domctl_get_ext_state),
	OP(setvcpuextstate, domctl_set_ext_state),
	OP(get_vcpu_msrs, domctl_get_msrs),
	OP(set_vcpu_msrs, domctl_set_msrs),
	OP(getpageframeinfo3, domctl_page_info),
	OP(shadow_op, domctl_shadow),
	OP(irq_permission, domctl_irq_permission),
	OP(iomem_permission, domctl_iomem_permission),
	OP(ioport_permission, domctl_ioport_permission),
	OP(get_cpu_policy, domctl_get_policy),
	OP(set_cpu_policy, domctl_set_policy),
#undef OP
};

/* The ABI's numbers for debuggers are far from all the others. */
static const struct row debug_ops[] = {
#define OP(n, f) [XEN_DOMCTL_gdbsx_##n - XEN_DOMCTL_gdbsx_guestmemio] = { f, "gdbsx_" #n }
	OP(pausevcpu, domctl_debug_hold),
	OP(unpausevcpu, domctl_debug_release),
	OP(domstatus, domctl_debug_status),
#undef OP
};

static const struct row *find_row(uint32_t cmd)
{
	if (cmd >= XEN_DOMCTL_gdbsx_guestmemio &&
	    cmd - XEN_DOMCTL_gdbsx_guestmemio < ARRAY_SIZE(debug_ops))
		return &debug_ops[index_nospec(cmd - XEN_DOMCTL_gdbsx_guestmemio,
					       ARRAY_SIZE(debug_ops))];
	return cmd < ARRAY_SIZE(ops) ? &ops[index_nospec(cmd, ARRAY_SIZE(ops))] : NULL;
}

/* The first domain of that id or above it: that is how tools that know only this call walk the
 * list. */
static long get_info(struct vcpu *v, struct xen_domctl *op)
{
	struct domain *d = domain_from(op->domain);

	if (!d)
		return -XEN_ESRCH; /* the list's end, so not worth a word in the log */
	domain_info_fill(d, &op->u.getdomaininfo);
	op->domain = d->id;
	domain_put(&d);
	(void)v;
	return 0;
}

/* What one found out about the domain, that it lives or that a vcpu of it stands still, holds until
 * it is done: another CPU cannot end the domain meanwhile. Who comes second does not wait in here,
 * but makes its call again: two vcpus of the control domain that look at each other would wait for
 * ever. */
static long alone(const struct row *r, struct vcpu *v, struct domain *d, struct xen_domctl *op,
		  bool *back)
{
	long rc;

	if (atomic_swap(&d->in_domctl, true))
		return -XEN_ERESTART;
	rc = r->fn(v, d, op, back);
	atomic_set(&d->in_domctl, false);
	return rc;
}

static long on_domain(struct vcpu *v, struct xen_domctl *op, bool *back)
{
	const struct row *r = find_row(op->cmd);
	struct domain *d;
	long rc;

	if (!r || !r->fn)
		return refuse(v, -XEN_EOPNOTSUPP, "domctl %u is not offered", op->cmd);
	d = domain_get_for(v, op->domain);
	if (!d)
		return refuse(v, -XEN_ESRCH, "%s: no domain %u", r->name, op->domain);
	rc = alone(r, v, d, op, back);
	domain_put(&d);
	return rc;
}

HC(hc_domctl)
{
	struct xen_domctl op;
	bool back = true;
	long rc;

	(void)a2, (void)a3, (void)a4, (void)a5;
	if (guest_get(&op, GADDR(a1)))
		return -XEN_EFAULT;
	if (op.interface_version != XEN_DOMCTL_INTERFACE_VERSION)
		return refuse(v, -XEN_EACCES, "domctl of interface %#x; offered is %#x",
			      op.interface_version, XEN_DOMCTL_INTERFACE_VERSION);
	if (op.cmd == XEN_DOMCTL_createdomain)
		rc = domctl_create(v, &op);
	else if (op.cmd == XEN_DOMCTL_getdomaininfo)
		rc = get_info(v, &op);
	else
		rc = on_domain(v, &op, &back);
	if (rc == -XEN_ERESTART)
		return hypercall_restart(v, 0, a1);
	if ((!rc || rc == -XEN_ENOBUFS) && back && guest_put(GADDR(a1), &op))
		return -XEN_EFAULT;
	return rc;
}
