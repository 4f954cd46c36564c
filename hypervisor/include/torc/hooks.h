/* SPDX-License-Identifier: BSD-2-Clause */
/* The only calls from x86/ up: defined by the layers above, bound at link time. All run on this
 * CPU's stack. */
#ifndef TORC_HOOKS_H
#define TORC_HOOKS_H

#include <torc/cpu.h>

/* An exception in guest mode, with interrupts on. regs == guest_regs(). cr2 is the fault's address
 * for vector 14. (pv/trap.c) int 0x80 from a guest comes here too (vector 0x80), and all other
 * software interrupts as #GP with their gate's error code. */
void hook_guest_exception(struct cpu_user_regs *regs, unsigned long cr2);
/* A #PF in the hypervisor itself without fixup: a lazily filled LDT page, say. True if it is
 * mended. (pv/trap.c) */
bool hook_own_page_fault(struct cpu_user_regs *regs, unsigned long cr2);
/* syscall or int $0x82 of a guest, interrupts on. x86 has filled guest_regs; entry_vector tells
 * which: 0x100 syscall from 64-bit code, 0x101 syscall from compatibility code, 0x102 sysenter,
 * 0x82 int. (pv/trap.c decides: hypercall or bounce) */
void hook_guest_call(struct cpu_user_regs *regs);
#define ENTRY_SYSCALL	0x100
#define ENTRY_SYSCALL32 0x101
#define ENTRY_SYSENTER	0x102
/* A device interrupt (vector 0x30..0xef), interrupts off, not yet acknowledged at the local APIC.
 * (hypercall-free: core/irq.c) */
void hook_irq(unsigned int vector);
/* On the way out to a guest, interrupts off: do pending work, deliver events. False: look again
 * (work was done with interrupts on). (domain/sched.c) */
bool hook_before_return(struct cpu_user_regs *regs);
/* In the idle loop, interrupts on: do pending work; does not return if a vcpu was chosen.
 * (domain/sched.c) */
void hook_idle(void);
/* iret to the guest faulted (bad selector, non-canonical rip...): regs is what it was to return to.
 * (pv/trap.c: failsafe callback) */
void hook_return_fault(struct cpu_user_regs *regs, unsigned int vector, unsigned int error_code);
/* An NMI that came while a guest or the hypervisor ran; regs of whoever it was. */
void hook_nmi(struct cpu_user_regs *regs);

#endif
