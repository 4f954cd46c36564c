/* SPDX-License-Identifier: BSD-2-Clause */
/* sched_op and the vcpu's timer. */
#include <torc/evtchn.h>
#include <torc/pv.h>
#include <torc/sched.h>
#include <torc/shared.h>
#include <torc/x86.h>
#include "internal.h"

#define MOST_POLLED 128

static long block(struct vcpu *v)
{
	WRITE_ONCE(*vcpu_upcall_mask(v), 0); /* ABI: in one with going to sleep */
	sched_block();
	return 0;
}

/* Sleep until one of the ports is pending, any event could be delivered, or the time has come. */
static long poll(struct vcpu *v, gaddr_t arg)
{
	evtchn_port_t port = 0, first = 0;
	struct sched_poll op;
	gaddr_t ports;
	unsigned int i;
	bool wake;
	long rc = 0;

	if (read_sched_poll(v, arg, &op, &ports))
		return refuse(v, -XEN_EFAULT, "poll: argument at %#lx is not readable", arg.n);
	if (op.nr_ports > MOST_POLLED)
		return refuse(v, -XEN_EINVAL, "poll: %u ports; %u are the most", op.nr_ports,
			      MOST_POLLED);
	for (i = 0; i < op.nr_ports; i++) {
		if (guest_get(&port, GADDR(ports.n + i * sizeof(port))))
			return refuse(v, -XEN_EFAULT, "poll: port list at %#lx is not readable",
				      ports.n);
		if (!evtchn_port_ok(v->domain, port))
			return refuse(v, -XEN_EINVAL, "poll: no port %u", port);
		first = i ? first : port;
	}

	v->poll_port = op.nr_ports == 1 ? first : 0;
	atomic_add(&v->domain->nr_polling, 1);
	atomic_set(&v->polling, true);
	(void)atomic_swap(&v->blocked, true); /* a full barrier: who raises a port from now on sees
						 us, and we see what was before */
	wake = pv_events_pending(v);
	for (i = 0; i < op.nr_ports && !wake; i++) {
		if (guest_get(&port, GADDR(ports.n + i * sizeof(port)))) {
			rc = refuse(v, -XEN_EFAULT, "poll: port list at %#lx is not readable",
				    ports.n);
			wake = true;
		} else if (!evtchn_port_ok(v->domain, port) || evtchn_is_pending(v->domain, port)) {
			wake = true; /* changed since it was checked, or there is something */
		}
	}
	if (!wake && op.timeout)
		timer_set(&v->poll_timer, (ns_t)MIN(op.timeout, 1ull << 62));
	if (wake)
		vcpu_unblock(v);
	else
		work_raise(WORK_SCHED);
	return rc;
}

static long shut_down(struct vcpu *v, uint64_t reason)
{
	if (reason > SHUTDOWN_MAX)
		return refuse(v, -XEN_EINVAL, "shutdown: no reason %lu; %u is the last", reason,
			      SHUTDOWN_MAX);
	domain_shutdown(v->domain, (uint8_t)reason);
	return 0;
}

static long remote_shutdown(struct vcpu *v, gaddr_t arg)
{
	struct sched_remote_shutdown op;
	struct domain *d;

	if (guest_get(&op, arg))
		return refuse(v, -XEN_EFAULT, "remote_shutdown: argument at %#lx is not readable",
			      arg.n);
	if (!v->domain->privileged)
		return refuse(v, -XEN_EPERM, "remote_shutdown is for the control domain");
	if (op.reason > SHUTDOWN_MAX)
		return refuse(v, -XEN_EINVAL, "remote_shutdown: no reason %u", op.reason);
	d = domain_get(op.domain_id);
	if (!d)
		return refuse(v, -XEN_ESRCH, "remote_shutdown: no domain %u", op.domain_id);
	domain_shutdown(d, (uint8_t)op.reason);
	domain_put(&d);
	return 0;
}

static long watchdog(struct vcpu *v, gaddr_t arg)
{
	struct domain *d = v->domain;
	struct sched_watchdog op;
	unsigned int i;
	long rc = 0;

	if (guest_get(&op, arg))
		return refuse(v, -XEN_EFAULT, "watchdog: argument at %#lx is not readable", arg.n);
	spin_lock(&d->lock);
	if (op.id == 0) {
		for (i = 0; i < ARRAY_SIZE(d->watchdog) && d->watchdog_used[i]; i++)
			;
		rc = op.timeout == 0		  ? -XEN_EINVAL :
		     i == ARRAY_SIZE(d->watchdog) ? -XEN_ENOSPC :
						    (long)i + 1;
	} else {
		i = index_nospec(op.id - 1, ARRAY_SIZE(d->watchdog));
		if (op.id > ARRAY_SIZE(d->watchdog) || !d->watchdog_used[i])
			rc = -XEN_EINVAL;
	}
	if (rc >= 0) {
		d->watchdog_used[i] = op.timeout != 0;
		if (op.timeout)
			timer_set(&d->watchdog[i], clock_now() + op.timeout * NS_PER_SEC);
		else
			timer_stop(&d->watchdog[i]);
	}
	spin_unlock(&d->lock);
	return rc < 0 ? refuse(v, rc, "watchdog: id %u, timeout %u s", op.id, op.timeout) : rc;
}

HC(hc_sched_op)
{
	gaddr_t arg = GADDR(a2);
	struct sched_shutdown sd;

	(void)a3, (void)a4, (void)a5;
	switch ((uint32_t)a1) {
	case SCHEDOP_yield: sched_yield(); return 0;
	case SCHEDOP_block: return block(v);
	case SCHEDOP_shutdown:
		if (guest_get(&sd, arg))
			return refuse(v, -XEN_EFAULT, "shutdown: argument at %#lx is not readable",
				      arg.n);
		return shut_down(v, sd.reason);
	case SCHEDOP_shutdown_code:
		if (guest_get(&sd, arg))
			return refuse(v, -XEN_EFAULT,
				      "shutdown_code: argument at %#lx is not readable", arg.n);
		if (sd.reason > SHUTDOWN_MAX)
			return refuse(v, -XEN_EINVAL, "shutdown_code: no reason %u", sd.reason);
		v->domain->shutdown_code = (uint8_t)sd.reason;
		return 0;
	case SCHEDOP_poll: return poll(v, arg);
	case SCHEDOP_remote_shutdown: return remote_shutdown(v, arg);
	case SCHEDOP_watchdog: return watchdog(v, arg);
	case SCHEDOP_pin_override:
		return refuse(v, v->domain->privileged ? -XEN_ENOSYS : -XEN_EPERM,
			      "pin_override is not offered; the tools set affinity");
	default: return refuse(v, -XEN_ENOSYS, "sched_op: no command %lu", a1);
	}
}

HC(hc_sched_op_32)
{
	return hc_sched_op(v, a1, a2, a3, a4, a5); /* sched_poll is read by width */
}

HC(hc_sched_op_compat)
{
	(void)a3, (void)a4, (void)a5;
	switch ((uint32_t)a1) {
	case SCHEDOP_yield: sched_yield(); return 0;
	case SCHEDOP_block: return block(v);
	case SCHEDOP_shutdown: return shut_down(v, a2);
	default: return refuse(v, -XEN_ENOSYS, "sched_op_compat: no command %lu", a1);
	}
}

HC(hc_set_timer_op)
{
	(void)a2, (void)a3, (void)a4, (void)a5;
	return time_set_timer(v, (ns_t)a1);
}

HC(hc_set_timer_op_32)
{
	(void)a3, (void)a4, (void)a5;
	return time_set_timer(v, (ns_t)((uint64_t)(uint32_t)a2 << 32 | (uint32_t)a1));
}
