/* SPDX-License-Identifier: BSD-2-Clause */
/* Event channels: pending bits to handlers, and sleeping without missing one. */
#include "event.h"
#include "lib.h"
#include "mm.h"
#include "print.h"
#include "timer.h"

#define PORTS	  256
#define WORD_BITS (sizeof(xen_ulong_t) * 8)

static struct {
	event_fn *fn;
	void *arg;
} handlers[PORTS];

static struct vcpu_info *vcpu(void)
{
	return &shared_info->vcpu_info[0];
}

static void port_mask(evtchn_port_t port)
{
	__atomic_or_fetch(&shared_info->evtchn_mask[port / WORD_BITS], 1ul << port % WORD_BITS,
			  __ATOMIC_SEQ_CST);
}

void event_init(void)
{
	for (unsigned int i = 0; i < WORD_BITS; i++)
		shared_info->evtchn_mask[i] = ~0ul;
	events_restore(false);
}

void event_handler(evtchn_port_t port, event_fn *fn, void *arg)
{
	struct evtchn_unmask u = { .port = port };

	if (port >= PORTS)
		panic("event port %u: this kernel takes up to %u", port, PORTS - 1);
	port_mask(port);
	handlers[port].fn = fn;
	handlers[port].arg = arg;
	if (fn)
		hc_event_channel_op(EVTCHNOP_unmask, &u); /* raises the upcall if it is pending */
}

void events_forget(void)
{
	for (unsigned int port = 0; port < PORTS; port++)
		handlers[port].fn = NULL;
}

int event_alloc_unbound(domid_t remote)
{
	struct evtchn_alloc_unbound op = { .dom = DOMID_SELF, .remote_dom = remote };
	long rc = hc_event_channel_op(EVTCHNOP_alloc_unbound, &op);

	return rc ? rc : (int)op.port;
}

int event_bind_interdomain(domid_t remote, evtchn_port_t port)
{
	struct evtchn_bind_interdomain op = { .remote_dom = remote, .remote_port = port };
	long rc = hc_event_channel_op(EVTCHNOP_bind_interdomain, &op);

	return rc ? rc : (int)op.local_port;
}

int event_bind_virq(unsigned int virq)
{
	struct evtchn_bind_virq op = { .virq = virq };
	long rc = hc_event_channel_op(EVTCHNOP_bind_virq, &op);

	return rc ? rc : (int)op.port;
}

long event_send(evtchn_port_t port)
{
	struct evtchn_send op = { .port = port };

	return hc_event_channel_op(EVTCHNOP_send, &op);
}

long event_close(evtchn_port_t port)
{
	struct evtchn_close op = { .port = port };

	if (port < PORTS) {
		port_mask(port);
		handlers[port].fn = NULL;
	}
	return hc_event_channel_op(EVTCHNOP_close, &op);
}

/* Flag first, then the selector, then the pending words: the hypervisor sets them in the other
 * order. */
void event_upcall(void)
{
	struct vcpu_info *v = vcpu();
	xen_ulong_t sel, ready;

	while (READ_ONCE(v->evtchn_upcall_pending)) {
		WRITE_ONCE(v->evtchn_upcall_pending, 0);
		sel = __atomic_exchange_n(&v->evtchn_pending_sel, 0, __ATOMIC_SEQ_CST);
		while (sel) {
			unsigned int w = __builtin_ctzl(sel);

			sel &= sel - 1;
			ready = READ_ONCE(shared_info->evtchn_pending[w]) &
				~READ_ONCE(shared_info->evtchn_mask[w]);
			while (ready) {
				unsigned int b = __builtin_ctzl(ready);
				evtchn_port_t port = w * WORD_BITS + b;

				ready &= ready - 1;
				__atomic_and_fetch(&shared_info->evtchn_pending[w], ~(1ul << b),
						   __ATOMIC_SEQ_CST);
				if (port < PORTS && handlers[port].fn)
					handlers[port].fn(port, handlers[port].arg);
			}
		}
	}
}

bool events_mask(void)
{
	struct vcpu_info *v = vcpu();
	bool was = READ_ONCE(v->evtchn_upcall_mask);

	WRITE_ONCE(v->evtchn_upcall_mask, 1);
	barrier();
	return was;
}

void events_restore(bool masked)
{
	struct vcpu_info *v = vcpu();

	barrier();
	WRITE_ONCE(v->evtchn_upcall_mask, masked);
	barrier();
	/* What came in between raised no upcall. Any hypercall would deliver it; this is the
	 * cheapest. */
	if (!masked && READ_ONCE(v->evtchn_upcall_pending))
		hc_xen_version(XENVER_version, NULL);
}

static bool never(void *arg)
{
	(void)arg;
	return false;
}

/* With the upcall masked from the question to SCHEDOP_block, which unmasks and sleeps at once. */
static void sleep_unless(bool (*done)(void *), void *arg, uint64_t deadline)
{
	events_mask();
	if (done(arg) || (deadline && now() >= deadline)) {
		events_restore(false);
		return;
	}
	if (deadline)
		timer_set(deadline);
	hc_sched_op(SCHEDOP_block, NULL);
}

void event_wait(uint64_t deadline)
{
	sleep_unless(never, NULL, deadline);
}

/* The same for who has the upcall masked and wants it so: SCHEDOP_poll leaves it. No handler runs,
 * so it looks now and then. */
static void sleep_masked(uint64_t deadline)
{
	struct sched_poll poll = { .timeout = host_deadline(now() + MS) };

	if (deadline && host_deadline(deadline) < poll.timeout)
		poll.timeout = host_deadline(deadline);
	hc_sched_op(SCHEDOP_poll, &poll);
}

bool event_wait_for(bool (*done)(void *), void *arg, uint64_t deadline)
{
	while (vcpu()->evtchn_upcall_mask && !done(arg) && (!deadline || now() < deadline))
		sleep_masked(deadline);
	while (!done(arg) && (!deadline || now() < deadline))
		sleep_unless(done, arg, deadline);
	return done(arg);
}
