/* SPDX-License-Identifier: BSD-2-Clause */
/* Where entry.S leads to: exceptions and interrupts, of guests and of the hypervisor itself. */
#include <torc/hooks.h>
#include <torc/irq.h>
#include <torc/work.h>
#include <torc/console.h>
#include <torc/x86_priv.h>

void trap_guest(struct cpu_user_regs *r);
void trap_own(struct cpu_user_regs *r);
void trap_own_ist(struct cpu_user_regs *r);
extern const char iret_to_guest[], idle_look[], idle_halt[];

enum { TRAP_DB = 1, TRAP_NMI, TRAP_DF = 8, TRAP_PF = 14, TRAP_MC = 18 };

static const char *const names[] = {
	"divide error",
	"debug",
	"NMI",
	"breakpoint",
	"overflow",
	"bound",
	"invalid opcode",
	"no FPU",
	"double fault",
	"9",
	"invalid TSS",
	"segment not present",
	"stack fault",
	"general protection",
	"page fault",
	"15",
	"FPU error",
	"alignment",
	"machine check",
	"SIMD error",
};

static const char *name_of(unsigned int vector)
{
	return vector < ARRAY_SIZE(names) ? names[vector] : "interrupt";
}

void interrupt(unsigned int vector)
{
	if (vector >= VECTOR_FIRST_DEVICE && vector <= VECTOR_LAST_DEVICE) {
		hook_irq(vector);
		return;
	}
	switch (vector) {
	case VECTOR_TIMER:
		apic_eoi();
		work_raise(WORK_TIMER);
		break;
	case VECTOR_KICK: /* to have come is all: pending work is looked at on the way out */
		apic_eoi();
		break;
	case VECTOR_CALL:
		apic_eoi();
		cpu_calls_run();
		break;
	case VECTOR_TLB:
		apic_eoi();
		tlb_requests_run();
		break;
	case VECTOR_ERROR:
		apic_eoi();
		log_warn("CPU %u: the local APIC reports an error", this_cpu());
		break;
	default: break; /* spurious, or the PIC's: no acknowledgement */
	}
}

static void machine_check(struct cpu_user_regs *r)
{
	uint64_t banks = 0, status;
	unsigned int i;

	rdmsr_safe(0x179, &banks);
	for (i = 0; i < (banks & 0xff); i++)
		if (rdmsr_safe(0x401 + i * 4, &status) && status >> 63)
			log_err("machine check: bank %u says %#lx", i, (unsigned long)status);
	show_regs(r);
	panic("machine check on CPU %u", this_cpu());
}

static void nmi(struct cpu_user_regs *r)
{
	if (smp_is_stopping())
		panic_stop_here();
	hook_nmi(r);
}

/* NMIs are blocked from one to the next iret. The way back to the guest may be sysret, or lead into
 * the idle loop, so there is one here: from us to us. */
static void nmi_over(void)
{
	unsigned long sp, t;

	__asm__ volatile("mov %%rsp, %0\n\tmov %%ss, %k1\n\tpush %1\n\tpush %0\n\tpushfq\n\t"
			 "mov %%cs, %k1\n\tpush %1\n\tlea 1f(%%rip), %1\n\tpush %1\n\tiretq\n1:"
			 : "=&r"(sp), "=&r"(t)::"cc", "memory");
}

/* From a guest; regs are guest_regs(). Interrupts are off. */
void trap_guest(struct cpu_user_regs *r)
{
	unsigned int v = r->entry_vector;
	unsigned long cr2;

	if (v >= 32 && v != 0x80) {
		interrupt(v);
		return;
	}
	if (v == TRAP_NMI) {
		nmi(r);
		nmi_over();
		return;
	}
	if (v == TRAP_MC)
		machine_check(r);
	cr2 = v == TRAP_PF ? read_cr2() : 0;
	irq_on();
	hook_guest_exception(r, cr2);
}

static void __noreturn die(struct cpu_user_regs *r, unsigned long cr2)
{
	console_bust();
	log_err("CPU %u: %s (%u), error code %#x, address %#lx in the hypervisor", this_cpu(),
		name_of(r->entry_vector), r->entry_vector, r->error_code, cr2);
	show_regs(r);
	show_own_stack(r);
	panic("%s at %pS", name_of(r->entry_vector), (void *)r->rip);
}

/* The iret to the guest faulted: the registers of this frame are the guest's, what it was to return
 * to is in guest_regs still. */
static void __noreturn return_fault(struct cpu_user_regs *r, unsigned long cr2)
{
	/* they overlap: the frame lies right below the iret's */
	struct cpu_user_regs *g = guest_regs(), mine = *r;

	memcpy(g, &mine, offsetof(struct cpu_user_regs, error_code));
	g->error_code = 0;
	g->entry_vector = 0;
	irq_on();
	/* Not before: what is done about it may wait for other CPUs, and they for this one. */
	if (mine.entry_vector != TRAP_PF || !hook_own_page_fault(&mine, cr2))
		hook_return_fault(g, mine.entry_vector, mine.error_code);
	enter_guest();
}

/* From the hypervisor, on its stack. */
void trap_own(struct cpu_user_regs *r)
{
	unsigned int v = r->entry_vector;
	unsigned long cr2;

	if (v >= 32) {
		interrupt(v);
		return;
	}
	cr2 = v == TRAP_PF ? read_cr2() : 0;
	if (r->rip == (unsigned long)iret_to_guest)
		return_fault(r, cr2);
	/* With interrupts off it is entry.S alone that touches a guest's memory, and goes on in C
	 * where that fails. */
	if (v == TRAP_PF && r->rflags & EFLAGS_IF) {
		irq_on();
		if (hook_own_page_fault(r, cr2))
			goto out;
	}
	if (!exception_fixup(r))
		die(r, cr2);
out:
	irq_off();
}

/* From the hypervisor, on a stack of its own. cpu_info() is a copy there: make it a good one. */
void trap_own_ist(struct cpu_user_regs *r)
{
	struct cpu_info *copy = cpu_info(), *real = cpu_info_of(copy->cpu);

	copy->vcpu = real->vcpu;
	copy->percpu = real->percpu;
	switch (r->entry_vector) {
	case TRAP_DB:
		/* A guest's doing: a step or a watched address, as a system call began or while we
		 * read its memory. Nobody is told, now or with the next one. */
		write_dr6(DR6_QUIET);
		r->rflags &= ~(unsigned long)EFLAGS_TF;
		break;
	case TRAP_NMI:
		nmi(r);
		/* Right before hlt, which would now sleep through an interrupt that sti held back */
		if (r->rip == (unsigned long)idle_halt)
			r->rip = (unsigned long)idle_look;
		break;
	case TRAP_MC: machine_check(r); break;
	default: die(r, read_cr2());
	}
}

void show_regs(const struct cpu_user_regs *r)
{
	log_err("rip %04x:%016lx  rflags %08lx  rsp %04x:%016lx", r->cs, r->rip, r->rflags, r->ss,
		r->rsp);
	log_err("rax %016lx  rbx %016lx  rcx %016lx  rdx %016lx", r->rax, r->rbx, r->rcx, r->rdx);
	log_err("rsi %016lx  rdi %016lx  rbp %016lx  r8  %016lx", r->rsi, r->rdi, r->rbp, r->r8);
	log_err("r9  %016lx  r10 %016lx  r11 %016lx  r12 %016lx", r->r9, r->r10, r->r11, r->r12);
	log_err("r13 %016lx  r14 %016lx  r15 %016lx", r->r13, r->r14, r->r15);
	log_err("cr0 %08lx  cr2 %016lx  cr3 %012lx  cr4 %08lx  vector %#x error %#x", read_cr0(),
		read_cr2(), read_cr3(), read_cr4(), r->entry_vector, r->error_code);
}

void show_own_stack(const struct cpu_user_regs *r)
{
	log_err("  %016lx %pS", r->rip, (void *)r->rip);
	show_backtrace((const unsigned long *)r->rsp, (const unsigned long *)r->rbp);
}
