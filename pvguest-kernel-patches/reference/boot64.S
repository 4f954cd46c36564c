/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PV64: start, traps, system calls, and the ways back.
 *
 * The hypervisor enters the kernel in ring 3 with this on the kernel's stack, lowest address first:
 *
 *	rcx r11 [error code] rip cs rflags rsp ss
 *
 * rcx and r11 ride along because a system call's entry destroys them. A failsafe frame has ds es fs gs
 * between r11 and rip. The macros below turn each into struct cpu_user_regs as far as ss.
 */
#include <xen/xen.h>
#include "layout.h"

	.section .text.start, "ax"
	.globl	_start
_start:
	cld
	lea	boot_stack + STACK_SIZE(%rip), %rsp
	xor	%ebp, %ebp
	mov	%rsi, %rdi			/* struct start_info */
	call	kernel_main
	ud2

	.text
	.balign	4096
	.globl	hypercall_page			/* filled in by the domain builder: 32 bytes a call */
hypercall_page:
	.skip	4096

/* long hypercall_raw(nr, a1..a5): by the instruction itself, for numbers that the page has no room for. */
	.globl	hypercall_raw
hypercall_raw:
	mov	%rdi, %rax
	mov	%rsi, %rdi
	mov	%rdx, %rsi
	mov	%rcx, %rdx
	mov	%r8, %r10
	mov	%r9, %r8
	syscall
	ret

.macro trap vec, code=0
	pop	%rcx
	pop	%r11
	.ifeq	\code
	push	$0
	.endif
	movl	$\vec, 4(%rsp)			/* entry_vector, over the error code's upper half */
	jmp	trap_common
.endm

trap_common:
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
	mov	%rsp, %rdi
	cld
	call	trap_handler
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
	add	$8, %rsp			/* the error code */
	/*
	 * HYPERVISOR_iret wants rax r11 rcx flags in front of the frame; the hypercall page pushes the
	 * first three. Flags 0: restore rcx and r11 too, there is no hurry here.
	 */
iret_frame:
	push	$0
	jmp	hypercall_page + __HYPERVISOR_iret * 32

/* enter_user(rip, rsp, arg): leave for user mode; back only through a trap. */
	.globl	enter_user
enter_user:
	push	$FLAT_USER_SS64
	push	%rsi
	push	$0x202				/* events on */
	push	$FLAT_USER_CS64
	push	%rdi
	mov	%rdx, %rdi
	xor	%eax, %eax
	xor	%ebx, %ebx
	xor	%ecx, %ecx
	xor	%edx, %edx
	xor	%esi, %esi
	xor	%ebp, %ebp
	jmp	iret_frame

/* iret_to(frame): resume a frame of 5 words as it is, for tests of the call itself. */
	.globl	iret_to
iret_to:
	mov	%rdi, %rsp
	jmp	iret_frame

	.globl	trap_event, trap_failsafe, trap_syscall64
trap_event:
	trap	VEC_EVENT
trap_failsafe:
	pop	%rcx
	pop	%r11
	add	$32, %rsp			/* ds es fs gs as they were: all flat here */
	push	$0
	movl	$VEC_FAILSAFE, 4(%rsp)
	jmp	trap_common
trap_syscall64:
	trap	VEC_SYSCALL64

#define CODES	0x60227d00			/* vectors 8 10-14 17 21 29 30 push an error code */
	.altmacro
.macro stub vec
trap_stub_\vec:
	trap	\vec, ((CODES>>\vec)&1)
	.pushsection .rodata
	.quad	trap_stub_\vec
	.popsection
.endm
	.pushsection .rodata
	.balign	8
	.globl	trap_stubs
trap_stubs:
	.popsection
	.set	vec, 0
	.rept	32
	stub	%vec
	.set	vec, vec + 1
	.endr
	.globl	trap_int80
trap_int80:
	trap	VEC_SYSCALL

/* int context_save(struct context *): 0 now, the other's value when context_load() comes back here. */
	.globl	context_save, context_load
context_save:
	mov	(%rsp), %rax
	mov	%rax, 0(%rdi)
	lea	8(%rsp), %rax
	mov	%rax, 8(%rdi)
	mov	%rbx, 16(%rdi)
	mov	%rbp, 24(%rdi)
	mov	%r12, 32(%rdi)
	mov	%r13, 40(%rdi)
	mov	%r14, 48(%rdi)
	mov	%r15, 56(%rdi)
	xor	%eax, %eax
	ret
context_load:
	mov	%esi, %eax
	mov	16(%rdi), %rbx
	mov	24(%rdi), %rbp
	mov	32(%rdi), %r12
	mov	40(%rdi), %r13
	mov	48(%rdi), %r14
	mov	56(%rdi), %r15
	mov	8(%rdi), %rsp
	jmp	*0(%rdi)

	.bss
	.balign	4096
	.globl	boot_stack, trap_stack
boot_stack:
	.skip	STACK_SIZE
trap_stack:
	.skip	STACK_SIZE
	.section .note.GNU-stack, "", @progbits
