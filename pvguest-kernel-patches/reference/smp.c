/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A second processor: given its first state, started, heard of, put to rest and woken. This kernel
 * is made for one, so what the second runs is a few lines that take no trap and no event.
 */
#include "event.h"
#include "lib.h"
#include "mm.h"
#include "print.h"
#include "selftest.h"
#include "timer.h"

static char stack[STACK_SIZE] __attribute__((aligned(16)));
static volatile unsigned int rounds, heard;
static evtchn_port_t bell;

static void second(void)
{
	struct evtchn_send send = { .port = bell };

	for (;;) {
		rounds++;
		hc_event_channel_op(EVTCHNOP_send, &send);
		hc_vcpu_op(VCPUOP_down, 1, NULL); /* the next "up" comes back from here */
	}
}

static void hear(evtchn_port_t port, void *arg)
{
	(void)port, (void)arg;
	heard++;
}

static bool was_heard(void *arg)
{
	return heard >= *(unsigned int *)arg;
}

/* No trap table, no callbacks: it wants neither. Its events are masked, as they have nowhere to go. */
static long initialise(void)
{
	static struct vcpu_guest_context c;
	unsigned long sp = (unsigned long)stack + STACK_SIZE - 16;

	c.flags = VGCF_in_kernel;
#ifdef __x86_64__
	c.user_regs.rip = (unsigned long)second;
	c.user_regs.rsp = sp - 8; /* as after a call */
#else
	c.user_regs.eip = (unsigned long)second;
	c.user_regs.esp = sp - 4;
#endif
	c.user_regs.cs = FLAT_KERNEL_CS;
	c.user_regs.ss = c.kernel_ss = FLAT_KERNEL_SS;
	c.user_regs.ds = c.user_regs.es = FLAT_KERNEL_DS;
	c.kernel_sp = (unsigned long)stack + STACK_SIZE;
	c.ctrlreg[3] = xen_pfn_to_cr3(virt_to_mfn(kernel_root));
	WRITE_ONCE(shared_info->vcpu_info[1].evtchn_upcall_mask, 1);
	return hc_vcpu_op(VCPUOP_initialise, 1, &c);
}

static bool went_down(void)
{
	uint64_t until = now() + SECOND;

	while (hc_vcpu_op(VCPUOP_is_up, 1, NULL) == 1 && now() < until)
		hc_sched_op(SCHEDOP_yield, NULL);
	return hc_vcpu_op(VCPUOP_is_up, 1, NULL) == 0;
}

void selftest_smp(void)
{
	unsigned int want = 1;
	int port;

	if (hc_vcpu_op(VCPUOP_is_up, 1, NULL) < 0) {
		tap(true, "a second vCPU # skip this guest has one");
		return;
	}
	port = event_alloc_unbound(DOMID_SELF);
	bell = (evtchn_port_t)event_bind_interdomain(DOMID_SELF, (evtchn_port_t)port);
	event_handler((evtchn_port_t)port, hear, NULL);
	event_wait_for(was_heard, &want, now() + SECOND); /* binding rings once */
	heard = 0;
	tap(hc_vcpu_op(VCPUOP_up, 1, NULL) < 0, "a vCPU without a state does not start");
	tap(initialise() == 0, "a second vCPU takes its first state");
	tap(hc_vcpu_op(VCPUOP_is_up, 1, NULL) == 0, "and waits to be started");
	tap(hc_vcpu_op(VCPUOP_up, 1, NULL) == 0 && event_wait_for(was_heard, &want, now() + SECOND),
	    "it starts, and is heard of");
	tap(went_down() && rounds == 1, "it goes down by itself");
	want = 2;
	tap(hc_vcpu_op(VCPUOP_up, 1, NULL) == 0 &&
		    event_wait_for(was_heard, &want, now() + SECOND) && rounds == 2,
	    "it goes on where it went down");
	tap(went_down(), "and down again");
	event_close(bell);
	event_close((evtchn_port_t)port);
}
