/* SPDX-License-Identifier: BSD-2-Clause */
/* event_channel_op: the two-level ABI's ports through their lives. */
#include "check.h"
#include "event.h"
#include "timer.h"

void test_event_channel_op(void);

static unsigned int rang;

static void ring(evtchn_port_t port, void *arg)
{
	(void)port, (void)arg;
	rang++;
}

static int op_at_cmd;

static long op_at(void *p)
{
	return hc_event_channel_op(op_at_cmd, p);
}

static long status_of(evtchn_port_t port, struct evtchn_status *s)
{
	*s = (struct evtchn_status){ .dom = DOMID_SELF, .port = port };
	return hc_event_channel_op(EVTCHNOP_status, s);
}

static void loopback(void)
{
	struct evtchn_status s;
	int a = event_alloc_unbound(DOMID_SELF), b;

	expect_true(a > 0, "alloc_unbound for ourselves");
	expect(status_of(a, &s), 0, "status of it");
	expect(s.status, EVTCHNSTAT_unbound, "its state: unbound");
	expect(event_send(a), 0, "send on it, which nobody hears");
	b = event_bind_interdomain(DOMID_SELF, a);
	expect_true(b > 0 && b != a, "bind_interdomain to it");
	status_of(b, &s);
	expect_true(s.status == EVTCHNSTAT_interdomain && (int)s.u.interdomain.port == a,
		    "its state: bound to the first");
	expect(event_bind_interdomain(DOMID_SELF, a), -XEN_EINVAL, "bind_interdomain to it again");
	event_handler(b, ring, NULL);
	expect(rang, 1, "events on the new end: one for what may have been missed");
	rang = 0;
	expect(event_send(a), 0, "send");
	expect(rang, 1, "events that came");
	events_mask();
	event_send(a);
	event_send(a);
	expect(rang, 1, "events that came while the upcall is masked");
	events_restore(false);
	expect(rang, 2, "two sent while masked are one");
	shared_info->evtchn_mask[b / (8 * sizeof(long))] |= 1ul << b % (8 * sizeof(long));
	event_send(a);
	expect(rang, 2, "events that came while the port is masked");
	event_handler(b, ring, NULL);
	expect(rang, 3, "and after unmask");
	expect(event_close(b), 0, "close one end");
	status_of(a, &s);
	expect(s.status, EVTCHNSTAT_unbound, "the other's state: unbound");
	expect(event_close(a), 0, "close the other");
	expect(event_close(a), -XEN_EINVAL, "close it again");
	status_of(a, &s);
	expect(s.status, EVTCHNSTAT_closed, "its state: closed");
	expect(event_send(a), -XEN_EINVAL, "send on it");
}

static void sources(void)
{
	struct evtchn_bind_ipi ipi = { .vcpu = 0 };
	struct evtchn_bind_vcpu move;
	struct evtchn_status s;
	int port;

	rang = 0;
	expect(hc_event_channel_op(EVTCHNOP_bind_ipi, &ipi), 0, "bind_ipi");
	event_handler(ipi.port, ring, NULL);
	expect(event_send(ipi.port), 0, "send on it");
	expect(rang, 1, "events that came");
	status_of(ipi.port, &s);
	expect(s.status, EVTCHNSTAT_ipi, "its state: ipi");
	move = (struct evtchn_bind_vcpu){ .port = ipi.port, .vcpu = 0 };
	expect(hc_event_channel_op(EVTCHNOP_bind_vcpu, &move), -XEN_EINVAL, "bind_vcpu of an ipi");
	event_close(ipi.port);
	ipi.vcpu = 999;
	expect(hc_event_channel_op(EVTCHNOP_bind_ipi, &ipi), -XEN_ENOENT,
	       "bind_ipi on a vCPU that is not there");

	expect(event_bind_virq(VIRQ_TIMER), -XEN_EEXIST, "bind_virq of the timer, which is bound");
	port = event_bind_virq(VIRQ_DEBUG);
	expect_true(port > 0, "bind_virq of VIRQ_DEBUG");
	status_of(port, &s);
	expect_true(s.status == EVTCHNSTAT_virq && s.u.virq == VIRQ_DEBUG, "its state: virq");
	expect(event_send(port), -XEN_EINVAL, "send on it");
	move = (struct evtchn_bind_vcpu){ .port = port, .vcpu = 0 };
	expect(hc_event_channel_op(EVTCHNOP_bind_vcpu, &move), -XEN_EINVAL,
	       "bind_vcpu of a per-vCPU virq");
	event_close(port);
	expect(event_bind_virq(24), -XEN_EINVAL, "bind_virq of 24");
	expect(event_bind_virq(~0u), -XEN_EINVAL, "bind_virq of ~0");

	port = event_alloc_unbound(0);
	expect_true(port > 0, "alloc_unbound for dom0");
	move = (struct evtchn_bind_vcpu){ .port = port, .vcpu = 0 };
	expect(hc_event_channel_op(EVTCHNOP_bind_vcpu, &move), 0, "bind_vcpu of an unbound port");
	move.vcpu = 999;
	expect(hc_event_channel_op(EVTCHNOP_bind_vcpu, &move), -XEN_ENOENT,
	       "bind_vcpu to a vCPU that is not there");
	event_close(port);
}

static void refusals(void)
{
	struct evtchn_alloc_unbound alloc = { .dom = 0, .remote_dom = DOMID_SELF };
	struct evtchn_status status = { .dom = 0, .port = 1 };
	struct evtchn_bind_pirq pirq = { .pirq = 1 };
	struct evtchn_unmask unmask = { .port = 100000 };
	struct evtchn_reset reset = { .dom = 0 };
	struct evtchn_set_priority priority = { .port = 1, .priority = 7 };
	struct evtchn_expand_array expand = { 0 };
	struct evtchn_init_control control = { .control_gfn = 0xfffffff };
	struct evtchn_status s;
	long rc;

	expect(hc_event_channel_op(EVTCHNOP_alloc_unbound, &alloc), -XEN_EPERM,
	       "alloc_unbound in dom0");
	alloc.dom = 0x7abc;
	expect(hc_event_channel_op(EVTCHNOP_alloc_unbound, &alloc), -XEN_ESRCH,
	       "alloc_unbound in nobody");
	expect(event_bind_interdomain(0, 1), -XEN_EINVAL,
	       "bind_interdomain to a port of dom0 that is not for us");
	expect(event_bind_interdomain(0, 100000), -XEN_EINVAL,
	       "bind_interdomain to port 100000 of dom0");
	expect(event_bind_interdomain(0x7abc, 1), -XEN_ESRCH, "bind_interdomain to nobody");
	expect(hc_event_channel_op(EVTCHNOP_bind_pirq, &pirq), -XEN_EPERM, "bind_pirq");
	pirq.pirq = 1000000;
	expect(hc_event_channel_op(EVTCHNOP_bind_pirq, &pirq), -XEN_EINVAL, "bind_pirq of 1000000");
	expect(hc_event_channel_op(EVTCHNOP_status, &status), -XEN_EPERM,
	       "status of a port of dom0");
	expect(status_of(0, &s), 0, "status of port 0");
	expect(s.status, EVTCHNSTAT_closed, "its state: closed");
	expect(status_of(100000, &s), -XEN_EINVAL, "status of port 100000");
	expect(event_send(0), -XEN_EINVAL, "send on port 0");
	expect(event_send(4000), -XEN_EINVAL, "send on port 4000");
	expect(event_send(~0u), -XEN_EINVAL, "send on port ~0");
	expect(event_close(0), -XEN_EINVAL, "close port 0");
	expect(event_close(~0u), -XEN_EINVAL, "close port ~0");
	expect(hc_event_channel_op(EVTCHNOP_unmask, &unmask), -XEN_EINVAL, "unmask port 100000");
	expect(hc_event_channel_op(EVTCHNOP_reset, &reset), -XEN_EPERM, "reset of dom0");
	rc = hc_event_channel_op(EVTCHNOP_init_control, &control);
	expect_true(rc == -XEN_EINVAL || rc == -XEN_ENOSYS,
		    "init_control in a frame that does not exist, or at all, is refused");
	expect(hc_event_channel_op(EVTCHNOP_expand_array, &expand), -XEN_EOPNOTSUPP,
	       "expand_array before init_control");
	expect(hc_event_channel_op(EVTCHNOP_set_priority, &priority), -XEN_ENOSYS,
	       "set_priority before init_control");
	expect(hc_event_channel_op(99, &priority), -XEN_ENOSYS, "command 99");
}

static void pointers(void)
{
	static const struct {
		int cmd;
		const char *name;
	} ops[] = {
		{ EVTCHNOP_bind_interdomain, "bind_interdomain" },
		{ EVTCHNOP_bind_virq, "bind_virq" },
		{ EVTCHNOP_bind_pirq, "bind_pirq" },
		{ EVTCHNOP_close, "close" },
		{ EVTCHNOP_send, "send" },
		{ EVTCHNOP_status, "status" },
		{ EVTCHNOP_alloc_unbound, "alloc_unbound" },
		{ EVTCHNOP_bind_ipi, "bind_ipi" },
		{ EVTCHNOP_bind_vcpu, "bind_vcpu" },
		{ EVTCHNOP_unmask, "unmask" },
		{ EVTCHNOP_reset, "reset" },
		{ EVTCHNOP_init_control, "init_control" },
		{ EVTCHNOP_expand_array, "expand_array" },
		{ EVTCHNOP_set_priority, "set_priority" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(ops); i++) {
		op_at_cmd = ops[i].cmd;
		expect_bad_pointers(op_at, -XEN_EFAULT, ops[i].name);
	}
}

static void compatible(void)
{
	struct evtchn_op op = { .cmd = EVTCHNOP_alloc_unbound };

	section("event_channel_op_compat");
	op.u.alloc_unbound.dom = DOMID_SELF;
	op.u.alloc_unbound.remote_dom = DOMID_SELF;
	expect(HC1(__HYPERVISOR_event_channel_op_compat, &op), 0, "alloc_unbound");
	expect_true(op.u.alloc_unbound.port > 0, "its port");
	expect(event_close(op.u.alloc_unbound.port), 0, "(closed)");
	op.cmd = 99;
	expect(HC1(__HYPERVISOR_event_channel_op_compat, &op), -XEN_ENOSYS, "command 99");
	expect(HC1(__HYPERVISOR_event_channel_op_compat, UNMAPPED), -XEN_EFAULT, "a bad address");
}

void test_event_channel_op(void)
{
	loopback();
	sources();
	refusals();
	pointers();
	compatible();
}
