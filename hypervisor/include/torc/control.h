/* SPDX-License-Identifier: BSD-2-Clause */
/* Inner to hypercall/domctl*.c and sysctl*.c: the groups their tables point into, and what they
 * share. */
#ifndef TORC_CONTROL_H
#define TORC_CONTROL_H

#include <torc/hypercall.h>

/*
 * One operation on domain d (held by the dispatcher) with the caller's structure, already copied;
 * *back is true on entry: the structure goes back to the caller if 0 is returned. -XEN_ERESTART:
 * the whole call is made again.
 */
typedef long domctl_fn(struct vcpu *v, struct domain *d, struct xen_domctl *op, bool *back);
#define DOMCTL(name) long name(struct vcpu *v, struct domain *d, struct xen_domctl *op, bool *back)

/* domctl_life.c */
domctl_fn domctl_destroy, domctl_pause, domctl_unpause, domctl_resume, domctl_info, domctl_max_mem,
	domctl_max_vcpus, domctl_set_handle, domctl_set_address_size, domctl_get_address_size,
	domctl_set_time_offset, domctl_get_tsc, domctl_set_tsc, domctl_set_virq_handler,
	domctl_hypercall_init, domctl_get_node_affinity, domctl_set_node_affinity,
	domctl_get_mempool, domctl_set_mempool;
/* domctl_vcpu.c */
domctl_fn domctl_set_context, domctl_get_context, domctl_vcpu_info, domctl_set_affinity,
	domctl_get_affinity, domctl_scheduler, domctl_send_trigger, domctl_get_ext_context,
	domctl_set_ext_context, domctl_get_ext_state, domctl_set_ext_state, domctl_get_msrs,
	domctl_set_msrs;
/* domctl_debug.c */
domctl_fn domctl_set_debugging, domctl_debug_hold, domctl_debug_release, domctl_debug_status;
/* domctl_memory.c */
domctl_fn domctl_page_info, domctl_shadow, domctl_irq_permission, domctl_iomem_permission,
	domctl_ioport_permission;
/* policy.c */
domctl_fn domctl_get_policy, domctl_set_policy;
long domctl_create(struct vcpu *v, struct xen_domctl *op);
void domain_info_fill(struct domain *d, struct xen_domctl_getdomaininfo *out);

long sysctl_policy(struct vcpu *v, struct xen_sysctl_cpu_policy *p); /* policy.c */
long sysctl_featureset(struct vcpu *v, struct xen_sysctl_cpu_featureset *f);

/* Masks of CPUs (or nodes) as the tools' bitmaps: short ones are cut, long ones filled with zeroes. */
int cpumap_put(const struct xenctl_bitmap *b, cpumask_t mask);
int cpumap_get(const struct xenctl_bitmap *b, cpumask_t *mask);
#define SCHEDULER_ID \
	XEN_SCHEDULER_CREDIT2 /* its weights and caps are what the tools know of this one */

#endif
