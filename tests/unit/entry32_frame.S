/* SPDX-License-Identifier: BSD-2-Clause */
/* Around xen/entry32.S: what it takes from Linux, and the ways in and out of its upcall. */
#define SYM_CODE_START(name)	.globl name; name:
#define SYM_CODE_END(name)
#define _ASM_EXTABLE(from, to)
#define USER_SEGMENT_RPL_MASK	2
#define MASK_entry_stack	(~0xfff)
#define SIZEOF_entry_stack	0x1000
#define TSS_entry2task_stack	0
#define TSS_sp1			0
#define TSS_sp2			4
#define XEN_vcpu_info_pending	0
#define XEN_vcpu_info_mask	1
#define __HYPERVISOR_iret	23
#define __USER_DS		0
#define __KERNEL_PERCPU		0

	.text
	.globl	_start
_start:	call	out_start

	.globl	upcall_on
upcall_on:				/* (frame, &eax) */
	mov	4(%esp), %ecx
	mov	8(%esp), %edx
	push	%ebp
	push	%edx
	mov	%esp, %ebp
	mov	(%edx), %eax
	mov	%ecx, %esp
	jmp	xen_asm_exc_xen_hypervisor_callback
handle_exception:
	mov	%esp, %ecx
	mov	%ebp, %esp
	pop	%edx
	pop	%ebp
	mov	%eax, (%edx)
	mov	%ecx, %eax
	ret

xen_pv_evtchn_do_upcall:
iret_error:
.Lasm_iret_error:
	ud2

#include "entry32.S"

	.globl	lab_unmasked, lab_direct, lab_end
	.set	lab_unmasked, .Lxen_unmasked
	.set	lab_direct, .Lxen_iret_direct
	.set	lab_end, .Lxen_unmasked_end
	.section .note.GNU-stack, "", @progbits
