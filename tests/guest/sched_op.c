/* SPDX-License-Identifier: BSD-2-Clause */
/* sched_op: yield, block, poll and the refusals; a shutdown ends the transcript, so it is left to
 * others. */
#include "check.h"
#include "event.h"
#include "timer.h"

void test_sched_op(void);

static long poll_at(void *p)
{
	return hc_sched_op(SCHEDOP_poll, p);
}

static long shutdown_at(void *p)
{
	return hc_sched_op(SCHEDOP_shutdown, p);
}

static long poll_list_at(void *p)
{
	struct sched_poll s = { .nr_ports = 1, .timeout = 1 };

	set_xen_guest_handle(s.ports, p);
	return hc_sched_op(SCHEDOP_poll, &s);
}

static unsigned int rang;

static void ring(evtchn_port_t port, void *arg)
{
	(void)port, (void)arg;
	rang++;
}

static void polling(void)
{
	evtchn_port_t ports[2] = { 0 };
	struct sched_poll s = { .nr_ports = 1 };
	int a = event_alloc_unbound(DOMID_SELF), b = event_bind_interdomain(DOMID_SELF, a);
	uint64_t start;

	set_xen_guest_handle(s.ports, ports);
	ports[0] = a;
	events_mask();
	hc_vcpu_op(VCPUOP_stop_singleshot_timer, 0, NULL);
	start = now();
	s.timeout = start + 20 * MS;
	expect(hc_sched_op(SCHEDOP_poll, &s), 0, "poll of a port until a time");
	/* It may be earlier: any other event of this vCPU's, such as the console's, may end it too. */
	expect_true(now() < start + 20 * SECOND, "it ends in time");
	event_send(b);
	s.timeout = now() + 20 * SECOND;
	start = now();
	expect(hc_sched_op(SCHEDOP_poll, &s), 0, "poll of a port that is pending");
	expect_true(now() < start + 10 * SECOND, "it returns at once");
	events_restore(false);
	ports[0] = 100000;
	expect(hc_sched_op(SCHEDOP_poll, &s), -XEN_EINVAL, "poll of port 100000");
	s.nr_ports = 129;
	expect(hc_sched_op(SCHEDOP_poll, &s), -XEN_EINVAL, "poll of 129 ports");
	expect_bad_pointers(poll_at, -XEN_EFAULT, "poll");
	expect_bad_pointers(poll_list_at, -XEN_EFAULT, "poll with its ports");
	event_close(a);
	event_close(b);
}

static void blocking(void)
{
	int a = event_alloc_unbound(DOMID_SELF), b = event_bind_interdomain(DOMID_SELF, a);

	event_handler(b, ring, NULL);
	rang = 0;
	events_mask();
	event_send(a);
	expect(hc_sched_op(SCHEDOP_block, NULL), 0, "block with an event pending");
	expect(rang, 1, "it has come when block returns");
	expect_true(!shared_info->vcpu_info[0].evtchn_upcall_mask, "block unmasks");
	event_close(a);
	event_close(b);
}

void test_sched_op(void)
{
	struct sched_remote_shutdown remote = { .domain_id = 0, .reason = SHUTDOWN_poweroff };
	struct sched_watchdog dog = { .id = 99, .timeout = 10 };
	struct sched_pin_override pin = { .pcpu = 0 };

	expect(hc_sched_op(SCHEDOP_yield, NULL), 0, "yield");
	blocking();
	polling();
	expect_bad_pointers(shutdown_at, -XEN_EFAULT, "shutdown");
	expect(hc_sched_op(SCHEDOP_remote_shutdown, &remote), -XEN_EPERM, "remote_shutdown of dom0");
	expect(hc_sched_op(SCHEDOP_watchdog, &dog), -XEN_EINVAL, "watchdog 99");
	dog.id = 0;
	dog.timeout = 1000;
	expect(hc_sched_op(SCHEDOP_watchdog, &dog), 1, "a new watchdog has number");
	dog.id = 1;
	dog.timeout = 0;
	expect(hc_sched_op(SCHEDOP_watchdog, &dog), 0, "watchdog 1 is stopped");
	expect(hc_sched_op(SCHEDOP_pin_override, &pin), -XEN_EPERM, "pin_override");
	expect(hc_sched_op(99, NULL), -XEN_ENOSYS, "command 99");
	section("sched_op_compat");
	expect(HC2(__HYPERVISOR_sched_op_compat, SCHEDOP_yield, 0), 0, "yield");
	expect(HC2(__HYPERVISOR_sched_op_compat, 99, 0), -XEN_ENOSYS, "command 99");
}
