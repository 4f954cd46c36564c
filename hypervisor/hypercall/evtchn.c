/* SPDX-License-Identifier: BSD-2-Clause */
/* event_channel_op. Its structures are the same in both widths. */
#include <torc/evtchn.h>
#include <torc/pv.h>
#include "internal.h"

static long unreadable(struct vcpu *v, gaddr_t arg)
{
	return refuse(v, -XEN_EFAULT, "event channels: argument at %#lx is not accessible", arg.n);
}

/* Another domain's ports are for the control domain; one that is not there is that to anybody. */
static long domain_for(struct vcpu *v, domid_t id, struct domain **d)
{
	*d = domain_get(id);
	if (!*d)
		return refuse(v, -XEN_ESRCH, "event channels: no domain %u", id);
	if (*d == v->domain || v->domain->privileged)
		return 0;
	domain_put(d);
	return refuse(v, -XEN_EPERM, "event channels: d%u's ports are not the caller's", id);
}

static long alloc_unbound(struct vcpu *v, gaddr_t arg)
{
	struct evtchn_alloc_unbound op;
	struct domain *d;
	long rc;

	if (guest_get(&op, arg))
		return unreadable(v, arg);
	rc = domain_for(v, op.dom, &d);
	if (rc)
		return rc;
	rc = evtchn_alloc_unbound(d, v->domain, op.remote_dom, &op.port);
	domain_put(&d);
	if (rc)
		return refuse(v, rc, "alloc_unbound: d%u has no port for d%u", op.dom,
			      op.remote_dom);
	return guest_put(arg, &op) ? unreadable(v, arg) : 0;
}

static long bind_interdomain(struct vcpu *v, gaddr_t arg)
{
	struct evtchn_bind_interdomain op;
	struct domain *rd;
	long rc;

	if (guest_get(&op, arg))
		return unreadable(v, arg);
	rd = domain_get(op.remote_dom);
	if (!rd)
		return refuse(v, -XEN_ESRCH, "bind_interdomain: no domain %u", op.remote_dom);
	rc = evtchn_bind_interdomain(v->domain, rd, op.remote_port, &op.local_port);
	domain_put(&rd);
	if (rc)
		return refuse(v, rc, "bind_interdomain: port %u of d%u does not wait for d%u",
			      op.remote_port, op.remote_dom, v->domain->id);
	return guest_put(arg, &op) ? unreadable(v, arg) : 0;
}

static long bind_virq(struct vcpu *v, gaddr_t arg)
{
	struct evtchn_bind_virq op;
	long rc;

	if (guest_get(&op, arg))
		return unreadable(v, arg);
	rc = evtchn_bind_virq(v->domain, op.virq, op.vcpu, &op.port);
	if (rc)
		return refuse(v, rc, "bind_virq: virq %u on vcpu %u", op.virq, op.vcpu);
	return guest_put(arg, &op) ? unreadable(v, arg) : 0;
}

static long bind_ipi(struct vcpu *v, gaddr_t arg)
{
	struct evtchn_bind_ipi op;
	long rc;

	if (guest_get(&op, arg))
		return unreadable(v, arg);
	rc = evtchn_bind_ipi(v->domain, op.vcpu, &op.port);
	if (rc)
		return refuse(v, rc, "bind_ipi: vcpu %u", op.vcpu);
	return guest_put(arg, &op) ? unreadable(v, arg) : 0;
}

static long bind_pirq(struct vcpu *v, gaddr_t arg)
{
	struct evtchn_bind_pirq op;
	long rc;

	if (guest_get(&op, arg))
		return unreadable(v, arg);
	rc = evtchn_bind_pirq(v, op.pirq, op.flags, &op.port);
	if (rc)
		return refuse(v, rc, "bind_pirq: pirq %u, flags %#x", op.pirq, op.flags);
	return guest_put(arg, &op) ? unreadable(v, arg) : 0;
}

static long close_port(struct vcpu *v, gaddr_t arg)
{
	struct evtchn_close op;
	long rc;

	if (guest_get(&op, arg))
		return unreadable(v, arg);
	rc = evtchn_close(v->domain, op.port);
	return rc ? refuse(v, rc, "close: port %u is not open", op.port) : 0;
}

static long status(struct vcpu *v, gaddr_t arg)
{
	struct evtchn_status op;
	struct domain *d;
	long rc;

	if (guest_get(&op, arg))
		return unreadable(v, arg);
	rc = domain_for(v, op.dom, &d);
	if (rc)
		return rc;
	rc = evtchn_get_status(d, &op);
	domain_put(&d);
	if (rc)
		return refuse(v, rc, "status: no port %u", op.port);
	return guest_put(arg, &op) ? unreadable(v, arg) : 0;
}

static long bind_vcpu(struct vcpu *v, gaddr_t arg)
{
	struct evtchn_bind_vcpu op;
	long rc;

	if (guest_get(&op, arg))
		return unreadable(v, arg);
	rc = evtchn_bind_vcpu(v->domain, op.port, op.vcpu);
	return rc ? refuse(v, rc, "bind_vcpu: port %u cannot go to vcpu %u", op.port, op.vcpu) : 0;
}

static long unmask(struct vcpu *v, gaddr_t arg)
{
	struct evtchn_unmask op;
	long rc;

	if (guest_get(&op, arg))
		return unreadable(v, arg);
	rc = evtchn_unmask(v->domain, op.port);
	return rc ? refuse(v, rc, "unmask: no port %u", op.port) : 0;
}

static long reset(struct vcpu *v, gaddr_t arg)
{
	struct evtchn_reset op;
	struct domain *d;
	long rc;

	if (guest_get(&op, arg))
		return unreadable(v, arg);
	rc = domain_for(v, op.dom, &d);
	if (rc)
		return rc;
	evtchn_close_all(d);
	domain_put(&d);
	return 0;
}

/* FIFO event channels: see pv/evtchn.c. Every Linux asks, so not worth a line in the log. */
static long fifo(struct vcpu *v, uint32_t cmd, gaddr_t arg)
{
	static const uint8_t size[] = {
		[EVTCHNOP_init_control] = sizeof(struct evtchn_init_control),
		[EVTCHNOP_expand_array] = sizeof(struct evtchn_expand_array),
		[EVTCHNOP_set_priority] = sizeof(struct evtchn_set_priority),
	};
	char op[sizeof(struct evtchn_init_control)];

	if (guest_read(op, arg, size[cmd]))
		return unreadable(v, arg);
	return cmd == EVTCHNOP_expand_array ? -XEN_EOPNOTSUPP : -XEN_ENOSYS;
}

HC(hc_event_channel_op)
{
	gaddr_t arg = GADDR(a2);
	struct evtchn_send op;

	(void)a3, (void)a4, (void)a5;
	switch ((uint32_t)a1) {
	case EVTCHNOP_send:
		return guest_get(&op, arg) ? unreadable(v, arg) : evtchn_send(v, op.port);
	case EVTCHNOP_bind_interdomain: return bind_interdomain(v, arg);
	case EVTCHNOP_bind_virq: return bind_virq(v, arg);
	case EVTCHNOP_bind_pirq: return bind_pirq(v, arg);
	case EVTCHNOP_close: return close_port(v, arg);
	case EVTCHNOP_status: return status(v, arg);
	case EVTCHNOP_alloc_unbound: return alloc_unbound(v, arg);
	case EVTCHNOP_bind_ipi: return bind_ipi(v, arg);
	case EVTCHNOP_bind_vcpu: return bind_vcpu(v, arg);
	case EVTCHNOP_unmask: return unmask(v, arg);
	case EVTCHNOP_reset: return reset(v, arg);
	case EVTCHNOP_init_control:
	case EVTCHNOP_expand_array:
	case EVTCHNOP_set_priority: return fifo(v, (uint32_t)a1, arg);
	default: return refuse(v, -XEN_ENOSYS, "event channels: no command %lu", a1);
	}
}

HC(hc_event_channel_op_compat) /* the command is the argument's first word; its structure follows */
{
	gaddr_t arg = GADDR(a1);
	uint32_t cmd;

	(void)a2;
	if (guest_get(&cmd, arg))
		return unreadable(v, arg);
	return hc_event_channel_op(v, cmd, arg.n + offsetof(struct evtchn_op, u), a3, a4, a5);
}
