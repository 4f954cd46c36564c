/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Microbenchmarks. Each runs once to warm up and then N times; what is printed is the time-stamp
 * counter's advance for one, with the loop's own cost taken off. Under QEMU's instruction counting
 * that is a fixed number of counts an instruction, and the same on every run.
 */
#include "bench.h"
#include "check.h"
#include "event.h"
#include "guest.h"
#include "timer.h"
#include "user.h"

#define N 1000

static void *page;
static int port_a, port_b;
static volatile unsigned int rang;

static void nothing(void)
{
	barrier();
}

static void null_call(void)
{
	hc_xen_version(XENVER_version, NULL);
}

static void null_multicall(void)
{
	static struct multicall_entry m[8];

	for (int i = 0; i < 8; i++)
		m[i] = (struct multicall_entry){ .op = __HYPERVISOR_xen_version };
	hc_multicall(m, 8);
}

static struct context back;
static char iret_stack[512];

static void landed(void)
{
	context_load(&back, 1);
}

static void iret_self(void)
{
	unsigned long *f = (unsigned long *)(iret_stack + sizeof(iret_stack) - 128);

	if (context_save(&back))
		return;
	f[0] = (unsigned long)landed;
	f[1] = sizeof(long) == 8 ? FLAT_KERNEL_CS & ~3 :
				   FLAT_KERNEL_CS; /* PV64: ring 3 means user mode */
	f[2] = 0x202;
	f[3] = (unsigned long)(f + 8);
	f[4] = FLAT_KERNEL_SS;
	iret_to(f);
}

static void ud2(void *p)
{
	(void)p;
	__asm__ volatile("ud2");
}

static void trap(void)
{
	trap_guard(ud2, NULL, NULL);
}

static void page_fault(void)
{
	trap_guard(touch_read, UNMAPPED, NULL);
}

static void map_unmap(void)
{
	hc_update_va_mapping(SPARE_VA, pte_for(page, PTE_KERNEL), UVMF_NONE);
	hc_update_va_mapping(SPARE_VA, 0, UVMF_INVLPG);
}

static void pte_update(void)
{
	static uint64_t entry;

	if (!entry)
		entry = pte_maddr(kernel_root, SPARE_VA, 1);
	mmu_set(entry, pte_for(page, PTE_KERNEL));
}

static void pte_update32(void)
{
	static struct mmu_update u[32];

	for (int i = 0; i < 32; i++)
		u[i] = (struct mmu_update){ pte_maddr(kernel_root, SPARE_VA, 1),
					    pte_for(page, PTE_KERNEL) };
	hc_mmu_update(u, 32, NULL, DOMID_SELF);
}

static void pin_unpin(void)
{
	mmuext(MMUEXT_PIN_L1_TABLE, virt_to_mfn(readonly_page()), 0);
	mmuext(MMUEXT_UNPIN_TABLE, virt_to_mfn(readonly_page()), 0);
}

static void new_base(void)
{
	mmuext(MMUEXT_NEW_BASEPTR, virt_to_mfn(kernel_root), 0);
}

static void flush(void)
{
	mmuext(MMUEXT_TLB_FLUSH_LOCAL, 0, 0);
}

static void event(void)
{
	event_send(port_a);
}

static void yield(void)
{
	hc_sched_op(SCHEDOP_yield, NULL);
}

static void stack(void)
{
	extern char trap_stack[STACK_SIZE];

	hc_stack_switch(FLAT_KERNEL_SS, (unsigned long)trap_stack + STACK_SIZE);
}

static void fpu(void)
{
	HC1(__HYPERVISOR_fpu_taskswitch, 1);
	HC1(__HYPERVISOR_fpu_taskswitch, 0);
}

static void read_cr0(void)
{
	unsigned long v;

	__asm__ volatile("mov %%cr0, %0" : "=r"(v));
}

static void ring_bell(evtchn_port_t port, void *arg)
{
	(void)port, (void)arg;
	rang++;
}

static uint64_t measure(void (*fn)(void))
{
	uint64_t start;

	fn();
	start = rdtsc();
	for (int i = 0; i < N; i++)
		fn();
	return rdtsc() - start;
}

static const struct {
	const char *name;
	void (*fn)(void);
} benches[] = {
	{ "null hypercall", null_call },
	{ "multicall of 8 null calls", null_multicall },
	{ "stack_switch", stack },
	{ "fpu_taskswitch on and off", fpu },
	{ "iret to the kernel", iret_self },
	{ "trap (ud2) to the kernel", trap },
	{ "page fault to the kernel", page_fault },
	{ "mov from cr0, emulated", read_cr0 },
	{ "update_va_mapping on and off", map_unmap },
	{ "mmu_update of one entry", pte_update },
	{ "mmu_update of 32 entries", pte_update32 },
	{ "pin and unpin of a level 1 table", pin_unpin },
	{ "new base pointer", new_base },
	{ "flush of the TLB", flush },
	{ "event to oneself, round trip", event },
	{ "yield", yield },
};

void bench(void)
{
	unsigned long loops = N;
	struct user_result r;
	uint64_t base, t;

	page = page_alloc();
	readonly_page();
	mm_map(kernel_root, SPARE_VA, 0);
	port_a = event_alloc_unbound(DOMID_SELF);
	port_b = event_bind_interdomain(DOMID_SELF, port_a);
	event_handler(port_b, ring_bell, NULL);
	base = measure(nothing);
	for (size_t i = 0; i < ARRAY_SIZE(benches); i++) {
		t = measure(benches[i].fn);
		t = t > base ? t - base : 0;
		print("bench: %-34s %8llu.%llu counts\n", benches[i].name,
		      (unsigned long long)t / N, (unsigned long long)t * 10 / N % 10);
	}
	user_open();
	user_run(user_loop, 1, &r);
	t = rdtsc();
	user_run(user_loop, 1, &r);
	base = rdtsc() - t;
	t = rdtsc();
	user_run(user_loop, loops + 1, &r);
	t = rdtsc() - t - base;
	print("bench: %-34s %8llu.%llu counts\n", "system call from user mode and back",
	      (unsigned long long)t / loops, (unsigned long long)t * 10 / loops % 10);
	user_close();
	print("bench: done\n");
}
