/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What code needs of the processor it runs on: per-CPU data, who is current, interrupt flags, the
 * way back to a guest. There is one stack a CPU, none a vcpu: a hypercall runs to its end or
 * restarts; contexts are switched on the way out only.
 */
#ifndef TORC_CPU_H
#define TORC_CPU_H

#include <torc/abi.h>
#include <torc/layout.h>
#include <torc/lib.h>
#include <torc/atomic.h>

struct vcpu; /* domain.h; opaque to x86 */

/* At the end of each CPU's stack. TSS.rsp0 points at guest_regs.es, so that entries from a guest
 * fill guest_regs. */
/*
 * int $0x80 of a 32-bit guest's user mode: what entry.S needs to enter its kernel in ring 1 without
 * C. Learnt from such an entry by the long way (pv/trap.c), forgotten whenever something changes
 * that it stands for.
 */
struct fast_int80 {
	uint32_t eip; /* 0: the long way */
	uint32_t esp; /* the kernel's stack, and its selectors */
	uint16_t cs, ss;
	uint32_t masks;		/* whether events are masked in the handler */
	volatile uint8_t *mask; /* whether they are; if so by the long way too */
};

struct cpu_info {
	struct cpu_user_regs guest_regs; /* the current vcpu's, while it is not in the guest */
	unsigned int cpu;
	unsigned int work_pending; /* bits of enum work (work.h), looked at on every way out */
	struct vcpu *vcpu;	   /* who is current */
	struct percpu *percpu;
	struct fast_int80 int80;
};

#ifdef TORC_HOST_BUILD
struct cpu_info *cpu_info(void);
#else
static inline struct cpu_info *cpu_info(void)
{
	unsigned long sp;

	__asm__("mov %%rsp, %0"
		: "=r"(sp)); /* not volatile: the stack's top does not change under a function */
	return (struct cpu_info *)((sp | (STACK_SIZE - 1)) + 1 - sizeof(struct cpu_info));
}
#endif

/* Another CPU's (or one's own, also while on an IST stack, where cpu_info() is a copy). */
#ifdef TORC_HOST_BUILD
struct cpu_info *cpu_info_of(unsigned int cpu);
#else
static inline struct cpu_info *cpu_info_of(unsigned int cpu)
{
	return (struct cpu_info *)(CPU_WINDOW(cpu) + WINDOW_STACK + STACK_SIZE -
				   sizeof(struct cpu_info));
}
#endif

#ifdef TORC_HOST_BUILD /* tests bring their own */
unsigned int this_cpu(void);
struct vcpu *current_vcpu(void);
#else
static inline unsigned int this_cpu(void)
{
	return cpu_info()->cpu;
}
static inline struct vcpu *current_vcpu(void)
{
	return cpu_info()->vcpu;
}
#endif
#define current current_vcpu()
static inline struct cpu_user_regs *guest_regs(void)
{
	return &cpu_info()->guest_regs;
}
#ifdef TORC_HOST_BUILD
static inline void fast_int80_forget(void)
{
}
#else
static inline void fast_int80_forget(void)
{
	cpu_info()->int80.eip = 0;
}
#endif

extern unsigned int nr_cpus; /* brought up; CPUs are numbered from 0 without holes */
extern cpumask_t cpus_online;

/* Interrupts on this CPU. */
#ifdef TORC_HOST_BUILD /* a test's thread has none, but may want to know */
extern __attribute__((weak)) void fake_irqs(bool on);
extern __attribute__((weak)) void fake_irqs_saved(bool off);
static inline unsigned long irq_save(void)
{
	if (fake_irqs_saved)
		fake_irqs_saved(true);
	return 0;
}
static inline void irq_restore(unsigned long f)
{
	(void)f;
	if (fake_irqs_saved)
		fake_irqs_saved(false);
}
static inline void irq_off(void)
{
	if (fake_irqs)
		fake_irqs(false);
}
static inline void irq_on(void)
{
	if (fake_irqs)
		fake_irqs(true);
}
static inline bool irqs_are_on(void)
{
	return true;
}
#else
static inline unsigned long irq_save(void)
{
	unsigned long f;

	__asm__ volatile("pushfq; pop %0; cli" : "=rm"(f)::"memory");
	return f;
}
static inline void irq_restore(unsigned long f)
{
	if (f & 0x200)
		__asm__ volatile("sti" ::: "memory");
}
static inline void irq_off(void)
{
	__asm__ volatile("cli" ::: "memory");
}
static inline void irq_on(void)
{
	__asm__ volatile("sti" ::: "memory");
}
static inline bool irqs_are_on(void)
{
	unsigned long f;

	__asm__ volatile("pushfq; pop %0" : "=rm"(f)::"memory");
	return f & 0x200;
}
#endif

/* Processor features that matter here, found at boot. */
struct cpu_features {
	bool xsave, xsaveopt, fsgsbase, smep, arch_caps, pcid, invpcid, nx, pages_1g, syscall,
		sysenter, tsc_deadline, tsc_invariant, x2apic, apic_arat, rdtscp, umip, amd, intel;
	uint64_t xcr0_all;   /* every bit XCR0 may have */
	uint32_t xsave_size; /* of the save area with all of them; 512 without xsave */
	uint32_t phys_bits;
	uint64_t cr4_base; /* CR4 as the hypervisor runs, without what PV32 guests forbid */
};
extern struct cpu_features cpu_features;

/* Stack reset, then the way out: hook_before_return() until nothing is pending, then into current
 * with guest_regs. */
void enter_guest(void) __noreturn;
/* Stack reset, then the idle loop (halts with interrupts on; work is looked at after each
 * interrupt). */
void enter_idle(void) __noreturn;

/* The CPU's part of a context switch, called with interrupts off by sched (domain/sched.c). struct
 * cpu_state is in domain's vcpu. */
struct fpu_state; /* x86/fpu.c; vcpu holds a pointer, page-aligned, cpu_features.xsave_size bytes */

#endif
