/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ways in and the way out. Every entry builds a struct cpu_user_regs; from a guest it is cpu_info()->guest_regs, since TSS.rsp0 points
 * at its es:
 *
 *	high	ss rsp rflags cs rip	the processor (or the system-call stub)
 *		vector:32 | code:32	processor and stub
 *	low	rdi ... r15		save_regs
 *
 * es, ds, fs, gs above are the context switch's business.
 */
#include <torc/layout.h>
#include "asm-offsets.h"

#define IST_VECTORS	0x00040106		/* #DB 1, NMI 2, #DF 8, #MC 18 */
#define TRAPS_WITH_CODE	0x60227d00		/* 8 10-14 17 21 29 30 */
#define TRAP_STUB_SIZE	16
#define FLAT_CS64	0xe033			/* what system calls come from and go back to (ABI) */
#define FLAT_CS32	0xe023
#define FLAT_SS		0xe02b

.macro save_regs
	cld
	push	%rdi
	push	%rsi
	push	%rdx
	push	%rcx
	push	%rax
	push	%r8
	push	%r9
	push	%r10
	push	%r11
	push	%rbx
	push	%rbp
	push	%r12
	push	%r13
	push	%r14
	push	%r15
.endm

.macro load_regs
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbp
	pop	%rbx
	pop	%r11
	pop	%r10
	pop	%r9
	pop	%r8
	pop	%rax
	pop	%rcx
	pop	%rdx
	pop	%rsi
	pop	%rdi
.endm

	.section .text.entry, "ax"

.macro trap_stub vec
1:	.if \vec == 0x80
	jmp	int80
	.else
	.if \vec >= 32
	push	$0
	.elseif !((TRAPS_WITH_CODE >> \vec) & 1)
	push	$0
	.endif
	movl	$\vec, 4(%rsp)
	.if \vec == 0x82
	jmp	guest_call
	.elseif \vec >= 32
	jmp	trap_common
	.elseif (IST_VECTORS >> \vec) & 1
	jmp	trap_ist
	.else
	jmp	trap_common
	.endif
	.endif
	.org	1b + TRAP_STUB_SIZE, 0xcc
.endm

	.balign	TRAP_STUB_SIZE
	.globl	trap_stubs
trap_stubs:					/* the IDT's entry n: trap_stubs + n * TRAP_STUB_SIZE */
	.set	vec, 0
	.rept	256
	trap_stub vec
	.set	vec, vec + 1
	.endr

/*
 * A system call of a 32-bit guest. Long mode has no gate from ring 3 into ring 1, so this is between them each time, and does the least
 * that can be done: the frame that the processor would push goes on the guest kernel's stack, and ours becomes the way there. No register
 * but r8 to r11 is used, which 32-bit code has not. Interrupts stay off, so nothing can have come up that the way out would look for; an
 * event is signalled to a CPU in user mode by an interrupt. Where anything is unusual, or the stack cannot be written, C does it all.
 */
#define IN_INFO(x)	(INFO_##x - INFO_regs - REG_rip)	/* from rsp at entry */
#define FLAGS_CLEARED	0x74100				/* AC VM RF NT TF: bounce.c's */

.macro to_kernel_stack reg, offset
2:	movl	\reg, \offset(%r8)
	.pushsection __ex_table, "a"
	.long	2b - ., int80_long - .
	.popsection
.endm

	.balign	16
int80:
	cmpl	$0, IN_INFO(int80_eip)(%rsp)		/* only ever set while a 32-bit vcpu is current */
	je	int80_long
	testb	$2, 8(%rsp)				/* cs: ring 3? */
	jz	int80_long
	mov	IN_INFO(int80_mask)(%rsp), %r9
	cmpb	$0, (%r9)
	jne	int80_long
	mov	IN_INFO(int80_esp)(%rsp), %r8d
	sub	$5 * 4, %r8d
	jb	int80_long				/* a frame around the end of the address space */
	mov	(%rsp), %r9
	mov	8(%rsp), %r10
	mov	16(%rsp), %r11
	to_kernel_stack %r9d, 0
	to_kernel_stack %r10d, 4
	to_kernel_stack %r11d, 8
	mov	24(%rsp), %r9
	mov	32(%rsp), %r10
	to_kernel_stack %r9d, 12
	to_kernel_stack %r10d, 16
	mov	IN_INFO(int80_mask)(%rsp), %r9
	mov	IN_INFO(int80_masks)(%rsp), %r10d
	mov	%r10b, (%r9)
	and	$~FLAGS_CLEARED, %r11d
	mov	IN_INFO(int80_eip)(%rsp), %r9d
	movzwl	IN_INFO(int80_cs)(%rsp), %r10d
	mov	%r11, 16(%rsp)
	mov	%r8, 24(%rsp)
	mov	%r9, (%rsp)
	mov	%r10, 8(%rsp)
	movzwl	IN_INFO(int80_ss)(%rsp), %r11d
	mov	%r11, 32(%rsp)
	jmp	iret_to_guest
int80_long:
	push	$0
	movl	$0x80, 4(%rsp)
	jmp	trap_common

trap_common:
	save_regs
	mov	%rsp, %rdi
	testb	$3, REG_cs(%rsp)
	jz	trap_from_own
	call	trap_guest
return_to_guest:
	cli
1:	mov	%rsp, %rdi
	call	hook_before_return
	test	%al, %al
	jz	1b

	/* sysret where it does exactly what iret would: it takes rip from rcx and rflags from r11, and only the flat selectors. */
	mov	REG_rcx(%rsp), %rcx
	cmp	%rcx, REG_rip(%rsp)
	jne	2f
	mov	REG_r11(%rsp), %r11
	cmp	%r11, REG_rflags(%rsp)
	jne	2f
	cmpw	$FLAT_CS64, REG_cs(%rsp)
	jne	2f
	cmpw	$FLAT_SS, REG_ss(%rsp)
	jne	2f
	test	$0x10100, %r11d			/* RF, TF: sysret would lose or trap on them */
	jnz	2f
	mov	%rcx, %rax			/* a non-canonical rip would fault in ring 0 on the guest's stack */
	shl	$16, %rax
	sar	$16, %rax
	cmp	%rcx, %rax
	jne	2f
	load_regs
	mov	REG_rsp - REG_error_code(%rsp), %rsp
	sysretq

2:	load_regs
	add	$8, %rsp
	.globl	iret_to_guest
iret_to_guest:					/* may fault, by the guest's doing: x86/trap.c looks for this address */
	iretq

trap_from_own:
	call	trap_own
	load_regs
	add	$8, %rsp
	iretq

/* System calls and int $0x82: a guest calls. Interrupts on, the guest's registers are saved. */
	.globl	guest_call
guest_call:
	save_regs
	mov	%rsp, %rdi
	sti
	call	hook_guest_call
	jmp	return_to_guest

/*
 * On a stack of its own: #DB, which a guest can make happen on the first instruction of a system call (mov ss), NMI and #MC, which come at
 * any time, and #DF. From a guest, all but #DF go on as usual on the CPU's stack. From the hypervisor they stay here.
 */
trap_ist:
	testb	$3, 16(%rsp)			/* below cs: rip, code and vector */
	jz	1f
	push	%rax
	push	%rcx
	/* now: rcx rax code rip cs rflags rsp ss; the CPU's stack is at a fixed distance from this page */
	mov	%rsp, %rax
	and	$~((1 << CPU_WINDOW_SHIFT) - 1), %rax
	add	$(WINDOW_STACK + STACK_SIZE - SIZEOF_cpu_info + INFO_regs + REG_error_code), %rax
	mov	16(%rsp), %rcx
	mov	%rcx, (%rax)
	mov	24(%rsp), %rcx
	mov	%rcx, 8(%rax)
	mov	32(%rsp), %rcx
	mov	%rcx, 16(%rax)
	mov	40(%rsp), %rcx
	mov	%rcx, 24(%rax)
	mov	48(%rsp), %rcx
	mov	%rcx, 32(%rax)
	mov	56(%rsp), %rcx
	mov	%rcx, 40(%rax)
	mov	(%rsp), %rcx
	xchg	%rax, 8(%rsp)
	mov	8(%rsp), %rsp
	jmp	trap_common
1:	save_regs
	mov	%rsp, %rdi
	call	trap_own_ist
	load_regs
	add	$8, %rsp
	iretq

/* In one step: interrupts may be on, and one that came in the middle would be put on top of struct cpu_info. */
.macro stack_reset
	mov	%rsp, %rax
	or	$(STACK_SIZE - 1), %rax
	add	$(1 - SIZEOF_cpu_info + INFO_regs), %rax
	mov	%rax, %rsp
.endm

/* void enter_guest(void): the stack is reset, what is in guest_regs runs. */
	.globl	enter_guest
enter_guest:
	stack_reset
	jmp	return_to_guest

/* void enter_idle(void) */
	.globl	enter_idle, idle_look, idle_halt
enter_idle:
	stack_reset
idle_look:
	sti
	call	hook_idle
	cli
	cmpl	$0, INFO_work_pending - INFO_regs(%rsp)
	jne	idle_look
	sti					/* takes effect after hlt: no interrupt is slept through */
idle_halt:					/* but for an NMI's in between: x86/trap.c looks for this address */
	hlt
	jmp	idle_look

/* void stack_move(unsigned long delta): go on on the same stack at another address. */
	.globl	stack_move
stack_move:
	add	%rdi, %rsp
	ret

/*
 * The system-call stubs: one page, mapped in every CPU's window, so that what it needs of this CPU is at fixed distances from rip. The
 * guest's stack pointer is still in rsp at the start; flags were masked (SFMASK).
 */
#define INFO	(stub_page + WINDOW_STACK - WINDOW_STUB + STACK_SIZE - SIZEOF_cpu_info + INFO_regs)

	.section .stub, "ax"
	.globl	stub_page, stub_syscall32, stub_sysenter
	.balign	4096
stub_page:					/* LSTAR */
	mov	%rsp, INFO + REG_rsp(%rip)
	lea	INFO + REG_rsp(%rip), %rsp
	movq	$FLAT_SS, 8(%rsp)
	push	%r11
	push	$FLAT_CS64
	push	%rcx
	push	$0
	movl	$ASM_ENTRY_SYSCALL, 4(%rsp)
	jmp	*1f(%rip)
	.balign	8
1:	.quad	guest_call

	.balign	16
stub_syscall32:					/* CSTAR: system calls from compatibility code */
	mov	%rsp, INFO + REG_rsp(%rip)
	lea	INFO + REG_rsp(%rip), %rsp
	movq	$FLAT_SS, 8(%rsp)
	push	%r11
	push	$FLAT_CS32
	push	%rcx
	push	$0
	movl	$ASM_ENTRY_SYSCALL32, 4(%rsp)
	jmp	*1b(%rip)

	.balign	16
stub_sysenter:					/* rsp is rsp0 already; neither the guest's stack nor its rip are known */
	push	$FLAT_SS
	push	$0
	pushfq
	orl	$0x200, (%rsp)
	push	$2				/* what gates do by themselves: NT would make iret fault, TF stops each step */
	popfq
	push	$3
	push	$0
	push	$0
	movl	$ASM_ENTRY_SYSENTER, 4(%rsp)
	jmp	*1b(%rip)
	.balign 4096, 0xcc
