/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From the loader's 32-bit mode to boot_main() in C. Nothing is allocated: page tables, stack and GDT lie in the image. The first
 * 4 GiB appear three times: where they are, in the direct map, and (the image's 16 MiB of them) at IMAGE_BASE, all writable and
 * executable until x86/paging.c makes the final tables.
 */
#include <torc/layout.h>
#include "asm-offsets.h"

#define PHYS(sym)	(sym - IMAGE_BASE)

#define MB1_MAGIC	0x1badb002
#define MB1_FLAGS	0x00000003		/* modules page-aligned, memory information */
#define MB2_MAGIC	0xe85250d6

#define PTE_RW_P	0x003
#define PTE_2M		0x083			/* present, writable, large */

	.section .boot.header, "ax"
	.balign 4
	.long	MB1_MAGIC, MB1_FLAGS, -(MB1_MAGIC + MB1_FLAGS)

	.balign 8
mb2_start:
	.long	MB2_MAGIC, 0, mb2_end - mb2_start, -(MB2_MAGIC + (mb2_end - mb2_start)) & 0xffffffff
	.short	1, 0				/* information wanted: */
	.long	16
	.long	4, 6				/* basic memory, memory map */
	.short	6, 0				/* modules page-aligned */
	.long	8
	.short	0, 0				/* end */
	.long	8
mb2_end:

	.section .boot.text, "ax"
	.code32
	.globl	boot_entry
boot_entry:
	cli
	cld
	mov	%eax, %ebp			/* the loader's magic */
	mov	%ebx, %esi			/* its information */
	mov	$PHYS(boot_stack_top), %esp

	mov	$0x80000000, %eax		/* a processor with long mode? */
	cpuid
	cmp	$0x80000001, %eax
	jb	no_long_mode
	mov	$0x80000001, %eax
	cpuid
	bt	$29, %edx
	jnc	no_long_mode
	mov	%edx, %edi

	/* 4 GiB in 2 MiB pages */
	mov	$PHYS(boot_l2), %ebx
	mov	$PTE_2M, %eax
	mov	$2048, %ecx
1:	mov	%eax, (%ebx)
	add	$0x200000, %eax
	add	$8, %ebx
	loop	1b
	mov	$PHYS(boot_l3), %ebx
	mov	$PHYS(boot_l2) + PTE_RW_P, %eax
	mov	$4, %ecx
1:	mov	%eax, (%ebx)
	add	$0x1000, %eax
	add	$8, %ebx
	loop	1b

	/* the image: its own L2, so that splitting it later changes no other map */
	mov	$PHYS(image_l2), %ebx
	mov	$PTE_2M, %eax
	mov	$8, %ecx
1:	mov	%eax, (%ebx)
	add	$0x200000, %eax
	add	$8, %ebx
	loop	1b
	movl	$PHYS(image_l2) + PTE_RW_P, PHYS(image_l3) + ((IMAGE_BASE >> 30) & 511) * 8

	movl	$PHYS(boot_l3) + PTE_RW_P, PHYS(boot_l4)
	movl	$PHYS(boot_l3) + PTE_RW_P, PHYS(boot_l4) + ((DIRECTMAP_BASE >> 39) & 511) * 8
	movl	$PHYS(image_l3) + PTE_RW_P, PHYS(boot_l4) + ((IMAGE_BASE >> 39) & 511) * 8

	mov	$PHYS(boot_l4), %eax
	mov	%eax, %cr3
	mov	$0x20, %eax			/* PAE */
	mov	%eax, %cr4
	mov	$0xc0000080, %ecx		/* EFER: long mode, system calls, no-execute if there is any */
	rdmsr
	or	$0x101, %eax
	bt	$20, %edi
	jnc	1f
	or	$0x800, %eax
1:	wrmsr
	mov	$0x80010033, %eax		/* PG WP NE ET MP PE */
	mov	%eax, %cr0
	lgdt	PHYS(boot_gdt_ptr)
	ljmp	$8, $PHYS(1f)

	.code64
1:	movabs	$2f, %rax			/* up */
	jmp	*%rax
2:	lea	boot_stack_top(%rip), %rsp
	xor	%eax, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %fs
	mov	%eax, %gs
	mov	%eax, %ss
	mov	%ebp, %edi
	mov	%esi, %esi
	sub	$SIZEOF_cpu_info, %rsp		/* struct cpu_info, at the stack's end as always */
	xor	%ebp, %ebp
	call	boot_main
	ud2

	.code32
no_long_mode:
	mov	$PHYS(no_long_mode_text), %esi
	mov	$0xb8000, %edi
1:	lodsb
	test	%al, %al
	jz	3f
	mov	%al, %bl
	stosb
	mov	$0x4f, %al
	stosb
	mov	$0x3fd, %dx
2:	in	%dx, %al
	test	$0x20, %al
	jz	2b
	mov	$0x3f8, %dx
	mov	%bl, %al
	out	%al, %dx
	jmp	1b
3:	hlt
	jmp	3b
no_long_mode_text:
	.asciz	"Torc needs a 64-bit processor (long mode), which this machine does not offer. Halted.\r\n"

	.balign 8
boot_gdt:
	.quad	0
	.quad	0x00af9b000000ffff		/* 0x08: 64-bit code */
boot_gdt_ptr:
	.short	. - boot_gdt - 1
	.long	PHYS(boot_gdt)

	.section .bss.pages, "aw", @nobits
	.balign	STACK_SIZE
	.globl	boot_stack
boot_stack:	.space	STACK_SIZE		/* stays as the first CPU's, see x86/desc.c */
boot_stack_top:
	.globl	boot_l4
boot_l4:	.space	4096
boot_l3:	.space	4096
boot_l2:	.space	4096 * 4
image_l3:	.space	4096
image_l2:	.space	4096
