/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where other CPUs wake up: copied to a page below 1 MiB. From real mode straight to long mode, on the tables of the boot (where the page
 * is mapped at its own address), then up. x86/smp.c fills in what ends in _at and the values at the end.
 */
#include "asm-offsets.h"

	.section .rodata.trampoline, "a"
	.globl	trampoline, trampoline_end, trampoline_gdt_at, trampoline_jump_at
	.globl	trampoline_cr3, trampoline_efer, trampoline_stack, trampoline_entry, trampoline_root
	.code16
trampoline:
	cli
	cld
	mov	%cs, %ax
	mov	%ax, %ds
	lgdtl	trampoline_gdt - trampoline
	mov	$0x20, %eax			/* PAE */
	mov	%eax, %cr4
	movl	trampoline_cr3 - trampoline, %eax
	mov	%eax, %cr3
	mov	$0xc0000080, %ecx
	rdmsr
	movl	trampoline_efer - trampoline, %eax
	wrmsr
	mov	$0x80010033, %eax		/* PG WP NE ET MP PE */
	mov	%eax, %cr0
	ljmpl	*trampoline_jump - trampoline

	.code64
	.balign	8
trampoline_64:
	xor	%eax, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %fs
	mov	%eax, %gs
	mov	%eax, %ss
	mov	trampoline_stack(%rip), %rsp
	mov	trampoline_root(%rip), %rbx
	mov	trampoline_entry(%rip), %rax
	jmp	*%rax

	.balign	8
trampoline_descriptors:
	.quad	0
	.quad	0x00af9b000000ffff
trampoline_gdt:
	.short	. - trampoline_descriptors - 1
trampoline_gdt_at:
	.long	trampoline_descriptors - trampoline	/* plus the page's address */
trampoline_jump:
trampoline_jump_at:
	.long	trampoline_64 - trampoline		/* the same */
	.short	8
	.balign	8
trampoline_cr3:		.quad 0
trampoline_efer:	.quad 0
trampoline_stack:	.quad 0
trampoline_root:	.quad 0
trampoline_entry:	.quad 0
trampoline_end:

	.section .text.entry, "ax"
	.globl	smp_entry
smp_entry:					/* at the image's address, on the CPU's own stack */
	mov	%rbx, %cr3
	xor	%ebp, %ebp
	call	smp_main
	ud2
