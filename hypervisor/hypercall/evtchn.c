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

static long alloc_unbound(struct vcpu *v, struct evtchn_op *op)
{
	struct evtchn_alloc_unbound *a = &op->u.alloc_unbound;
	struct domain *d;
	long rc = domain_for(v, a->dom, &d);

	if (rc)
		return rc;
	rc = evtchn_alloc_unbound(d, v->domain, a->remote_dom, &a->port);
	domain_put(&d);
	return rc ? refuse(v, rc, "alloc_unbound: d%u has no port for d%u", a->dom, a->remote_dom) :
		    0;
}

static long bind_interdomain(struct vcpu *v, struct evtchn_op *op)
{
	struct evtchn_bind_interdomain *b = &op->u.bind_interdomain;
	struct domain *rd = domain_get(b->remote_dom);
	long rc;

	if (!rd)
		return refuse(v, -XEN_ESRCH, "bind_interdomain: no domain %u", b->remote_dom);
	rc = evtchn_bind_interdomain(v->domain, rd, b->remote_port, &b->local_port);
	domain_put(&rd);
	return rc ? refuse(v, rc, "bind_interdomain: port %u of d%u does not wait for d%u",
			   b->remote_port, b->remote_dom, v->domain->id) :
		    0;
}

static long bind_virq(struct vcpu *v, struct evtchn_op *op)
{
	struct evtchn_bind_virq *b = &op->u.bind_virq;
	long rc = evtchn_bind_virq(v->domain, b->virq, b->vcpu, &b->port);

	return rc ? refuse(v, rc, "bind_virq: virq %u on vcpu %u", b->virq, b->vcpu) : 0;
}

static long bind_ipi(struct vcpu *v, struct evtchn_op *op)
{
	struct evtchn_bind_ipi *b = &op->u.bind_ipi;
	long rc = evtchn_bind_ipi(v->domain, b->vcpu, &b->port);

	return rc ? refuse(v, rc, "bind_ipi: vcpu %u", b->vcpu) : 0;
}

static long bind_pirq(struct vcpu *v, struct evtchn_op *op)
{
	struct evtchn_bind_pirq *b = &op->u.bind_pirq;
	long rc = evtchn_bind_pirq(v, b->pirq, b->flags, &b->port);

	return rc ? refuse(v, rc, "bind_pirq: pirq %u, flags %#x", b->pirq, b->flags) : 0;
}

static long close_port(struct vcpu *v, struct evtchn_op *op)
{
	long rc = evtchn_close(v->domain, op->u.close.port);

	return rc ? refuse(v, rc, "close: port %u is not open", op->u.close.port) : 0;
}

static long status(struct vcpu *v, struct evtchn_op *op)
{
	struct domain *d;
	long rc = domain_for(v, op->u.status.dom, &d);

	if (rc)
		return rc;
	rc = evtchn_get_status(d, &op->u.status);
	domain_put(&d);
	return rc ? refuse(v, rc, "status: no port %u", op->u.status.port) : 0;
}

static long bind_vcpu(struct vcpu *v, struct evtchn_op *op)
{
	struct evtchn_bind_vcpu *b = &op->u.bind_vcpu;
	long rc = evtchn_bind_vcpu(v->domain, b->port, b->vcpu);

	return rc ? refuse(v, rc, "bind_vcpu: port %u cannot go to vcpu %u", b->port, b->vcpu) : 0;
}

static long unmask(struct vcpu *v, struct evtchn_op *op)
{
	long rc = evtchn_unmask(v->domain, op->u.unmask.port);

	return rc ? refuse(v, rc, "unmask: no port %u", op->u.unmask.port) : 0;
}

/* The public headers' union has no member for it. */
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

#define OP(cmd, fn, answers) [EVTCHNOP_##cmd] = { fn, sizeof(struct evtchn_##cmd), answers }
static const struct {
	long (*fn)(struct vcpu *v, struct evtchn_op *op);
	uint8_t size;
	bool answers; /* its structure goes back to the caller */
} ops[] = {
	OP(bind_interdomain, bind_interdomain, true),
	OP(bind_virq, bind_virq, true),
	OP(bind_pirq, bind_pirq, true),
	OP(close, close_port, false),
	OP(status, status, true),
	OP(alloc_unbound, alloc_unbound, true),
	OP(bind_ipi, bind_ipi, true),
	OP(bind_vcpu, bind_vcpu, false),
	OP(unmask, unmask, false),
};

HC(hc_event_channel_op)
{
	gaddr_t arg = GADDR(a2);
	uint32_t cmd = (uint32_t)a1;
	struct evtchn_op op;
	unsigned int i;
	long rc;

	(void)a3, (void)a4, (void)a5;
	switch (cmd) {
	case EVTCHNOP_send:
		return guest_get(&op.u.send, arg) ? unreadable(v, arg) :
						    evtchn_send(v, op.u.send.port);
	case EVTCHNOP_reset: return reset(v, arg);
	case EVTCHNOP_init_control:
	case EVTCHNOP_expand_array:
	case EVTCHNOP_set_priority: return fifo(v, cmd, arg);
	}
	i = index_nospec(cmd, ARRAY_SIZE(ops));
	if (cmd >= ARRAY_SIZE(ops) || !ops[i].fn)
		return refuse(v, -XEN_ENOSYS, "event channels: no command %u", cmd);
	if (guest_read(&op.u, arg, ops[i].size))
		return unreadable(v, arg);
	rc = ops[i].fn(v, &op);
	if (rc || !ops[i].answers)
		return rc;
	return guest_write(arg, &op.u, ops[i].size) ? unreadable(v, arg) : 0;
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
