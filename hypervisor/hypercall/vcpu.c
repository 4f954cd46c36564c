/* SPDX-License-Identifier: BSD-2-Clause */
/* vcpu_op: a guest's own virtual processors. */
#include <torc/evtchn.h>
#include <torc/heap.h>
#include <torc/pv.h>
#include <torc/sched.h>
#include <torc/x86.h>
#include "internal.h"

/* Its events would have nowhere to go. */
static long no_info(struct vcpu *v, const char *what, const struct vcpu *t)
{
	return refuse(v, -XEN_EINVAL, "%s: vcpu %u has no vcpu_info: shared_info has %u", what,
		      t->id, XEN_LEGACY_MAX_VCPUS);
}

static long initialise(struct vcpu *v, struct vcpu *t, gaddr_t arg)
{
	struct domain *d = v->domain;
	union vcpu_context *c;
	unsigned long flags;
	long rc;

	if (t == v || t->initialised)
		return refuse(v, -XEN_EEXIST, "initialise: vcpu %u has a context already", t->id);
	c = zalloc(sizeof(*c));
	if (!c)
		return refuse(v, -XEN_ENOMEM, "initialise: no memory");
	if (guest_read(c, arg, d->is_32bit ? sizeof(c->c32) : sizeof(c->c64))) {
		zfree(c);
		return refuse(v, -XEN_EFAULT, "initialise: context at %#lx is not readable", arg.n);
	}
	flags = d->is_32bit ? c->c32.flags : c->c64.flags;
	if (flags & VGCF_online && !pv_vcpu_has_info(t)) {
		zfree(c);
		return no_info(v, "initialise", t);
	}
	spin_lock(&d->lock);
	rc = t->initialised ? -XEN_EEXIST : vcpu_context_set(t, c);
	spin_unlock(&d->lock);
	zfree(c);
	if (!rc)
		sched_wake(t); /* its context may say that it is up */
	return rc;
}

static long up(struct vcpu *v, struct vcpu *t)
{
	if (!t->initialised)
		return refuse(v, -XEN_EINVAL, "up: vcpu %u has no context", t->id);
	if (!pv_vcpu_has_info(t))
		return no_info(v, "up", t);
	sched_up(t);
	return 0;
}

static long down(struct vcpu *v, struct vcpu *t)
{
	struct domain *d = v->domain;
	unsigned int i, others = 0;

	spin_lock(&d->lock);
	for (i = 0; i < d->max_vcpus; i++)
		if (d->vcpus[i] && d->vcpus[i] != t && d->vcpus[i]->initialised &&
		    !d->vcpus[i]->down)
			others++;
	if (others || t->down)
		atomic_set(&t->down, true);
	spin_unlock(&d->lock);
	if (!others && !t->down)
		domain_shutdown(d, SHUTDOWN_poweroff); /* the last one: nobody could wake it */
	else
		sched_sleep(t);
	return 0;
}

/* A place in the guest's memory by virtual address; 0 takes it back. Written from now on while t
 * runs. */
static long register_area(struct vcpu *v, struct vcpu *t, unsigned int cmd, gaddr_t arg)
{
	bool runstate = cmd == VCPUOP_register_runstate_memory_area;
	unsigned long at;

	if (read_pointer(v, arg, &at))
		return refuse(v, -XEN_EFAULT, "vcpu_op %u: argument at %#lx is not readable", cmd,
			      arg.n);
	if (at && !guest_range_ok(v, GADDR(at),
				  runstate ? sizeof(struct vcpu_runstate_info) :
					     sizeof(struct vcpu_time_info)))
		return refuse(v, -XEN_EFAULT, "vcpu_op %u: %#lx is no address of a guest", cmd, at);
	if (runstate)
		t->runstate_area = at;
	else
		t->time_area = at;
	if (!at || t != v)
		return 0;
	if (runstate)
		pv_runstate_update(t);
	else
		pv_vcpu_time_update(t);
	return 0;
}

static long register_info(struct vcpu *v, struct vcpu *t, gaddr_t arg)
{
	struct vcpu_register_vcpu_info op;
	long rc;

	if (guest_get(&op, arg))
		return refuse(v, -XEN_EFAULT,
			      "register_vcpu_info: argument at %#lx is not readable", arg.n);
	if (t != v && !t->down)
		return refuse(v, -XEN_EINVAL, "register_vcpu_info: vcpu %u is up and another",
			      t->id);
	spin_lock(&v->domain->lock);
	rc = pv_register_info(t, MFN(op.mfn), op.offset);
	spin_unlock(&v->domain->lock);
	return rc ? refuse(v, rc,
			   "register_vcpu_info: frame %#lx offset %#x for vcpu %u: not writable, across a page, or not the first time",
			   op.mfn, op.offset, t->id) :
		    0;
}

static long get_physid(struct vcpu *v, struct vcpu *t, gaddr_t arg)
{
	struct vcpu_get_physid op;
	unsigned int cpu;

	if (t->hard_affinity == 0 || t->hard_affinity & (t->hard_affinity - 1))
		return refuse(v, -XEN_EINVAL, "get_physid: vcpu %u is not pinned to one CPU", t->id);
	cpu = __builtin_ctzl(t->hard_affinity);
	op.phys_id = cpu_apic_id[cpu] | (uint64_t)cpu_acpi_id[cpu] << 32;
	return guest_put(arg, &op) ?
		       refuse(v, -XEN_EFAULT, "get_physid: %#lx is not writable", arg.n) :
		       0;
}

HC(hc_vcpu_op)
{
	struct domain *d = v->domain;
	struct vcpu_runstate_info r;
	gaddr_t arg = GADDR(a3);
	struct vcpu *t;

	(void)a4, (void)a5;
	a2 = (uint32_t)a2;
	t = a2 < d->max_vcpus ? d->vcpus[index_nospec(a2, d->max_vcpus)] : NULL;
	if (!t) /* no line in the log for this one: kernels find out by it how many they have */
		return (uint32_t)a1 == VCPUOP_is_up ?
			       -XEN_ENOENT :
			       refuse(v, -XEN_ENOENT, "vcpu_op: no vcpu %lu", a2);
	switch ((uint32_t)a1) {
	case VCPUOP_initialise: return initialise(v, t, arg);
	case VCPUOP_up: return up(v, t);
	case VCPUOP_down: return down(v, t);
	case VCPUOP_is_up: return !t->down;
	case VCPUOP_get_runstate_info:
		vcpu_runstate_get(t, &r);
		return write_runstate(v, arg, &r) ?
			       refuse(v, -XEN_EFAULT, "runstate: %#lx is not writable", arg.n) :
			       0;
	case VCPUOP_register_runstate_memory_area:
	case VCPUOP_register_vcpu_time_memory_area:
		return register_area(v, t, (unsigned int)a1, arg);
	case VCPUOP_set_periodic_timer:
	case VCPUOP_stop_periodic_timer:
	case VCPUOP_set_singleshot_timer:
	case VCPUOP_stop_singleshot_timer:
		return time_vcpu_op(v, (unsigned int)a1, (unsigned int)a2, arg);
	case VCPUOP_register_vcpu_info: return register_info(v, t, arg);
	case VCPUOP_send_nmi:
		atomic_or(&t->pending_traps, PENDING_NMI);
		pv_vcpu_kick(t);
		return 0;
	case VCPUOP_get_physid: return get_physid(v, t, arg);
	default: return refuse(v, -XEN_ENOSYS, "vcpu_op: no command %lu", a1);
	}
}

HC(hc_vcpu_op_32)
{
	return hc_vcpu_op(v, a1, a2, a3, a4, a5); /* the structures that differ are read by width */
}
