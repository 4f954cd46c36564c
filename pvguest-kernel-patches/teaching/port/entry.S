/* SPDX-License-Identifier: BSD-2-Clause */
/* Start by the domain builder, traps, and the ways back. */
#include <xen/xen.h>
#include <xen/elfnote.h>
	.macro note type, what:vararg
	.section .note.Xen, "a", @note
	.balign	4
	.long	4, 2f - 1f, \type
	.asciz	"Xen"
1:	\what
2:	.balign	4
	.endm
	note	XEN_ELFNOTE_XEN_VERSION, .asciz "xen-3.0"
	note	XEN_ELFNOTE_LOADER, .asciz "generic"
	note	XEN_ELFNOTE_GUEST_OS, .asciz "teaching"
	note	XEN_ELFNOTE_PAE_MODE, .asciz "yes"
	note	XEN_ELFNOTE_VIRT_BASE, .long 0
	note	XEN_ELFNOTE_PADDR_OFFSET, .long 0
	note	XEN_ELFNOTE_ENTRY, .long _start
	note	XEN_ELFNOTE_HYPERCALL_PAGE, .long hypercall_page

	.section .text.start, "ax"
	.globl	_start
_start:
	cld
	mov	$stack_end, %esp
	push	%esi
	call	machine_init
	call	kernel_main

	.balign	4096
	.globl	hypercall_page
hypercall_page:
	.skip	4096

common:
	pusha
	movw	$0, 46(%esp)			/* the saved mask above cs */
	push	%esp
	cld
	call	kernel_trap
	add	$4, %esp
	popa
	add	$8, %esp
	jmp	hypercall_page + __HYPERVISOR_iret * 32

	.globl	enter_user
enter_user:
	mov	4(%esp), %eax
	mov	8(%esp), %ecx
	push	$FLAT_USER_SS
	push	%ecx
	push	$0x202
	push	$FLAT_USER_CS
	push	%eax
	mov	$FLAT_USER_DS, %eax
	mov	%eax, %ds
	mov	%eax, %es
	jmp	hypercall_page + __HYPERVISOR_iret * 32

	.globl	failsafe
failsafe:
	ud2

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
