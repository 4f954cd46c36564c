/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PV32: start, traps, system calls, and the ways back. The kernel runs in ring 1.
 *
 * The hypervisor enters with this on the kernel's stack, lowest address first:
 *
 *	[error code] eip cs eflags [esp ss]
 *
 * esp and ss only if the trap came from ring 3; the upper half of cs holds the saved upcall mask. A
 * failsafe frame has ds es fs gs in front of eip. The macros below turn each into struct cpu_user_regs.
 */
#include <xen/xen.h>
#include "layout.h"

	.section .text.start, "ax"
	.globl	_start
_start:
	cld
	mov	$boot_stack + STACK_SIZE, %esp
	xor	%ebp, %ebp
	push	%esi				/* struct start_info */
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
	push	%ebx
	push	%esi
	push	%edi
	mov	16(%esp), %eax
	mov	20(%esp), %ebx
	mov	24(%esp), %ecx
	mov	28(%esp), %edx
	mov	32(%esp), %esi
	mov	36(%esp), %edi
	int	$0x82
	pop	%edi
	pop	%esi
	pop	%ebx
	ret

.macro trap vec, code=0
	.ifeq	\code
	push	$0
	.endif
	movw	$\vec, 2(%esp)			/* entry_vector, over the error code's upper half */
	jmp	trap_common
.endm

trap_common:
	push	%eax
	push	%ebp
	push	%edi
	push	%esi
	push	%edx
	push	%ecx
	push	%ebx
	/* Ring 3 may come with any data selectors. They are not kept: it gets flat ones back. */
	mov	$FLAT_KERNEL_DS, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%esp, %eax
	push	%eax
	cld
	call	trap_handler
	add	$4, %esp
	movw	$0, 38(%esp)			/* the saved upcall mask is not part of cs; eflags.IF has it */
	testb	$2, 36(%esp)			/* cs: ring 3, not 1? */
	jz	1f
	mov	$FLAT_USER_DS, %eax
	mov	%eax, %ds
	mov	%eax, %es
1:	pop	%ebx
	pop	%ecx
	pop	%edx
	pop	%esi
	pop	%edi
	pop	%ebp
	pop	%eax
	add	$4, %esp			/* the error code */
	/* The hypercall page pushes eax in front of the frame, as HYPERVISOR_iret wants it. */
	jmp	hypercall_page + __HYPERVISOR_iret * 32

/* enter_user(eip, esp, arg): leave for user mode; back only through a trap. */
	.globl	enter_user
enter_user:
	mov	4(%esp), %eax
	mov	8(%esp), %ecx
	mov	12(%esp), %edi
	push	$FLAT_USER_SS
	push	%ecx
	push	$0x202				/* events on */
	push	$FLAT_USER_CS
	push	%eax
	mov	$FLAT_USER_DS, %eax
	mov	%eax, %ds
	mov	%eax, %es
	xor	%eax, %eax
	xor	%ebx, %ebx
	xor	%ecx, %ecx
	xor	%edx, %edx
	xor	%esi, %esi
	xor	%ebp, %ebp
	jmp	hypercall_page + __HYPERVISOR_iret * 32

/* iret_to(frame): resume a frame of 3 or 5 words as it is, for tests of the call itself. */
	.globl	iret_to
iret_to:
	mov	4(%esp), %esp
	jmp	hypercall_page + __HYPERVISOR_iret * 32

	.globl	trap_event, trap_failsafe
trap_event:
	trap	VEC_EVENT
trap_failsafe:
	add	$16, %esp			/* ds es fs gs as they were */
	trap	VEC_FAILSAFE

#define CODES	0x60227d00			/* vectors 8 10-14 17 21 29 30 push an error code */
	.altmacro
.macro stub vec
trap_stub_\vec:
	trap	\vec, ((CODES>>\vec)&1)
	.pushsection .rodata
	.long	trap_stub_\vec
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
	mov	4(%esp), %ecx
	mov	(%esp), %eax
	mov	%eax, 0(%ecx)
	lea	4(%esp), %eax
	mov	%eax, 4(%ecx)
	mov	%ebx, 8(%ecx)
	mov	%ebp, 12(%ecx)
	mov	%esi, 16(%ecx)
	mov	%edi, 20(%ecx)
	xor	%eax, %eax
	ret
context_load:
	mov	4(%esp), %ecx
	mov	8(%esp), %eax
	mov	8(%ecx), %ebx
	mov	12(%ecx), %ebp
	mov	16(%ecx), %esi
	mov	20(%ecx), %edi
	mov	4(%ecx), %esp
	jmp	*0(%ecx)

	.bss
	.balign	4096
	.globl	boot_stack, trap_stack
boot_stack:
	.skip	STACK_SIZE
trap_stack:
	.skip	STACK_SIZE
	.section .note.GNU-stack, "", @progbits
