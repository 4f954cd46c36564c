/* SPDX-License-Identifier: BSD-2-Clause */
/* Start by multiboot, traps, and the ways back. */
	.section .text.start, "ax"
	.balign	4
	.long	0x1badb002, 0, -0x1badb002
	.globl	_start
_start:
	cli
	cld
	mov	$stack_end, %esp
	push	%ebx
	call	machine_init
	call	kernel_main

common:
	pusha
	push	%esp
	cld
	call	kernel_trap
	add	$4, %esp
	popa
	add	$8, %esp
	iret

	.globl	enter_user
enter_user:
	mov	4(%esp), %eax
	mov	8(%esp), %ecx
	push	$0x23
	push	%ecx
	pushf
	orl	$0x200, (%esp)
	push	$0x1b
	push	%eax
	iret

	.globl	load_tables
load_tables:				/* (gdt, idt) */
	mov	4(%esp), %eax
	lgdt	(%eax)
	mov	8(%esp), %eax
	lidt	(%eax)
	mov	$0x23, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	$0x10, %eax
	mov	%eax, %ss
	mov	$0x28, %eax
	ltr	%ax
	ljmp	$0x08, $1f
1:	ret

	.altmacro
.macro stub vec
stub_\vec:
	.if	!((0x60227d00 >> ((\vec) & 31)) & 1) || (\vec) > 31
	push	$0
	.endif
	push	$\vec
	jmp	common
	.pushsection .rodata
	.long	stub_\vec
	.popsection
.endm
	.pushsection .rodata
	.globl	stubs
stubs:
	.popsection
	.set	vec, 0
	.rept	33
	stub	%vec
	.set	vec, vec + 1
	.endr
	.globl	stub_128
	stub	128

	.bss
	.balign	16
	.skip	8192
	.globl	stack_end
stack_end:
	.section .note.GNU-stack, "", @progbits
