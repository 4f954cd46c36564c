/* SPDX-License-Identifier: BSD-2-Clause */
/* The paravirtual machine: console ring, trap table, event channel, timer, hypercalls for page
 * tables. */
#include "../kernel.h"

#include <xen/xen.h>
#include <xen/callback.h>
#include <xen/event_channel.h>
#include <xen/io/console.h>
#include <xen/sched.h>
#include <xen/vcpu.h>

extern char hypercall_page[], failsafe[], stub_128[], stack_end[];
extern uint32_t stubs[];

static long call(unsigned int nr, uint32_t a, uint32_t b, uint32_t c, uint32_t d)
{
	long rc;

	__asm__ volatile("call *%[entry]"
			 : "=a"(rc), "+b"(a), "+c"(b), "+d"(c), "+S"(d)
			 : [entry] "a"(hypercall_page + nr * 32)
			 : "memory");
	return rc;
}

/* Step 2: a machine frame is found by the table that the hypervisor shows at its start. */
static struct xencons_interface *console;
static uint32_t console_port;
static struct shared_info *shared;

void machine_put(char c)
{
	struct evtchn_send send = { console_port };
	uint32_t prod = console->out_prod;

	while (prod - *(volatile XENCONS_RING_IDX *)&console->out_cons >= sizeof(console->out))
		call(__HYPERVISOR_sched_op, SCHEDOP_yield, 0, 0, 0);
	console->out[MASK_XENCONS_IDX(prod, console->out)] = c;
	__atomic_store_n(&console->out_prod, prod + 1, __ATOMIC_RELEASE);
	call(__HYPERVISOR_event_channel_op, EVTCHNOP_send, (uint32_t)&send, 0, 0);
}

/* Step 3 */
static struct trap_info traps[22];

static void traps_init(void)
{
	struct callback_register event = { CALLBACKTYPE_event,
					   0,
					   { FLAT_KERNEL_CS, stubs[VEC_TIMER] } };
	struct callback_register fail = { CALLBACKTYPE_failsafe,
					  0,
					  { FLAT_KERNEL_CS, (unsigned long)failsafe } };
	unsigned int n = 0;

	for (uint8_t v = 0; v < 20; v++)
		if (v != 2 && v != 15)
			traps[n++] = (struct trap_info){ v, 4, FLAT_KERNEL_CS, stubs[v] };
	traps[n] = (struct trap_info){ VEC_SYSCALL, 3 | 4, FLAT_KERNEL_CS, (unsigned long)stub_128 };
	call(__HYPERVISOR_set_trap_table, (uint32_t)traps, 0, 0, 0);
	call(__HYPERVISOR_callback_op, CALLBACKOP_register, (uint32_t)&event, 0, 0);
	call(__HYPERVISOR_callback_op, CALLBACKOP_register, (uint32_t)&fail, 0, 0);
	call(__HYPERVISOR_stack_switch, FLAT_KERNEL_SS, (uint32_t)stack_end, 0, 0);
}

/* Step 5: one call for the change of an entry and of the translation; the tables are the builder's. */
static uint8_t shared_page[PAGE] __attribute__((aligned(PAGE)));
static unsigned long *frames;

static void map(void *at, uint64_t entry)
{
	call(__HYPERVISOR_update_va_mapping, (uint32_t)at, (uint32_t)entry, (uint32_t)(entry >> 32),
	     UVMF_INVLPG);
}

static const uint64_t *root;

/* The builder's tables let user mode in nowhere: the table above needs the bit, too. */
void machine_user(void *page)
{
	const unsigned long *m2p = (const unsigned long *)__MACH2PHYS_VIRT_START;
	uint32_t va = (uint32_t)page, index = va >> 21 & 511;
	uint64_t at = root[va >> 30] & ~4095ull;
	const uint64_t *l2 = (const uint64_t *)(m2p[at / PAGE] * PAGE);
	struct mmu_update update = { at + index * 8, l2[index] | 4 };

	call(__HYPERVISOR_mmu_update, (uint32_t)&update, 1, 0, DOMID_SELF);
	map(page, (uint64_t)frames[(uint32_t)page / PAGE] * PAGE | 7);
}

/* Step 4 */
static evtchn_port_t timer_port;
static uint64_t next;

static void timer_set(void)
{
	struct vcpu_set_singleshot_timer t = { .timeout_abs_ns = next += 10000000 };

	call(__HYPERVISOR_vcpu_op, VCPUOP_set_singleshot_timer, 0, (uint32_t)&t, 0);
}

static void timer_init(void)
{
	struct evtchn_bind_virq bind = { .virq = VIRQ_TIMER };

	call(__HYPERVISOR_vcpu_op, VCPUOP_stop_periodic_timer, 0, 0, 0);
	call(__HYPERVISOR_event_channel_op, EVTCHNOP_bind_virq, (uint32_t)&bind, 0, 0);
	timer_port = bind.port;
	for (unsigned int i = 0; i < 32; i++)
		shared->evtchn_mask[i] = ~0ul;
	shared->evtchn_mask[timer_port / 32] &= ~(1ul << timer_port % 32);
	next = shared->vcpu_info[0].time.system_time;
	timer_set();
}

void machine_interrupt(struct frame *f)
{
	struct vcpu_info *v = &shared->vcpu_info[0];

	(void)f;
	v->evtchn_upcall_pending = 0;
	__atomic_exchange_n(&v->evtchn_pending_sel, 0, __ATOMIC_SEQ_CST);
	if (!(__atomic_fetch_and(&shared->evtchn_pending[timer_port / 32],
				 ~(1ul << timer_port % 32), __ATOMIC_SEQ_CST) &
	      1ul << timer_port % 32))
		return;
	kernel_tick();
	timer_set();
}

void machine_idle(void)
{
	call(__HYPERVISOR_sched_op, SCHEDOP_block, 0, 0, 0);
	shared->vcpu_info[0].evtchn_upcall_mask = 1;
}

uint32_t machine_fault_address(void)
{
	return shared->vcpu_info[0].arch.cr2;
}

void machine_init(void *boot)
{
	const struct start_info *si = boot;
	const unsigned long *m2p = (const unsigned long *)__MACH2PHYS_VIRT_START;

	frames = (unsigned long *)si->mfn_list;
	root = (const uint64_t *)si->pt_base;
	console = (struct xencons_interface *)(m2p[si->console.domU.mfn] * PAGE);
	console_port = si->console.domU.evtchn;
	map(shared_page, (uint64_t)si->shared_info | 3);
	shared = (struct shared_info *)shared_page;
	traps_init();
	timer_init();
}

void machine_off(void)
{
	struct sched_shutdown how = { SHUTDOWN_poweroff };

	for (;;)
		call(__HYPERVISOR_sched_op, SCHEDOP_shutdown, (uint32_t)&how, 0, 0);
}
