/* SPDX-License-Identifier: BSD-2-Clause */
/* Offsets and constants of C for assembly. Compiled to text, from which the build makes
 * asm-offsets.h. */
#include <torc/hooks.h>
#include <torc/irq.h>

#define DEFINE(name, value) __asm__ volatile("\n==> " #name " %0" ::"i"((long)(value)))
#define REG(name, field)    DEFINE(REG_##name, offsetof(struct cpu_user_regs, field))

void asm_offsets(void);
void asm_offsets(void)
{
	REG(r15, r15);
	REG(r14, r14);
	REG(r13, r13);
	REG(r12, r12);
	REG(rbp, rbp);
	REG(rbx, rbx);
	REG(r11, r11);
	REG(r10, r10);
	REG(r9, r9);
	REG(r8, r8);
	REG(rax, rax);
	REG(rcx, rcx);
	REG(rdx, rdx);
	REG(rsi, rsi);
	REG(rdi, rdi);
	REG(error_code, error_code);
	REG(entry_vector, entry_vector);
	REG(rip, rip);
	REG(cs, cs);
	REG(rflags, rflags);
	REG(rsp, rsp);
	REG(ss, ss);
	REG(es, es);
	DEFINE(SIZEOF_cpu_info, sizeof(struct cpu_info));
	DEFINE(INFO_work_pending, offsetof(struct cpu_info, work_pending));
	DEFINE(INFO_regs, offsetof(struct cpu_info, guest_regs));
	DEFINE(INFO_int80_eip, offsetof(struct cpu_info, int80.eip));
	DEFINE(INFO_int80_esp, offsetof(struct cpu_info, int80.esp));
	DEFINE(INFO_int80_cs, offsetof(struct cpu_info, int80.cs));
	DEFINE(INFO_int80_ss, offsetof(struct cpu_info, int80.ss));
	DEFINE(INFO_int80_masks, offsetof(struct cpu_info, int80.masks));
	DEFINE(INFO_int80_mask, offsetof(struct cpu_info, int80.mask));
	DEFINE(ASM_ENTRY_SYSCALL, ENTRY_SYSCALL);
	DEFINE(ASM_ENTRY_SYSCALL32, ENTRY_SYSCALL32);
	DEFINE(ASM_ENTRY_SYSENTER, ENTRY_SYSENTER);
}
