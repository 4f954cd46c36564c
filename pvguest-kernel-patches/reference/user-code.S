/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * User programs, a few instructions each, copied to USER_TEXT. The argument comes in rdi or edi; system calls
 * take their number in rax or eax, an argument in rdi or edi, and answer in rax or eax.
 */
#include "layout.h"

#ifdef __x86_64__
#define AX	%rax
#define CX	%rcx
#define DI	%rdi
#define BX	%rbx
#define CALL	syscall
#else
#define AX	%eax
#define CX	%ecx
#define DI	%edi
#define BX	%ebx
#define CALL	int $VEC_SYSCALL
#endif

.macro program name
	.balign	16
	.globl	\name
\name:
.endm

	.section .text.user, "ax"
	.balign	PAGE_SIZE
	.globl	user_page
user_page:

	program	user_cs
	mov	%cs, %eax
	mov	AX, DI
exit:
	mov	$SYS_EXIT, %eax
	CALL
	ud2

	program	user_add
	mov	$SYS_ADD, %eax
	CALL
	mov	AX, DI
	jmp	exit

	program	user_add80
	mov	$SYS_ADD, %eax
	int	$VEC_SYSCALL
	mov	AX, DI
	jmp	exit

	program	user_read
	mov	(DI), DI
	jmp	exit

	program	user_write
	mov	AX, (DI)
	xor	DI, DI
	jmp	exit

	program	user_cli
	cli
	jmp	exit
	program	user_hlt
	hlt
	jmp	exit
	program	user_in
	in	$0x80, %al
	jmp	exit
	program	user_out
	out	%al, $0x80
	jmp	exit
	program	user_cr3
	mov	%cr3, AX
	jmp	exit
	program	user_int82
	int	$0x82
	jmp	exit
	program	user_ud2
	ud2
	jmp	exit
	program	user_int3
	int3
	jmp	exit
	program	user_divide
	xor	%ecx, %ecx
	mov	$1, %eax
	cltd
	div	%ecx
	jmp	exit
	program	user_spin
1:	pause
	jmp	1b

	program	user_loop
	mov	DI, BX
1:	mov	$SYS_ADD, %eax
	CALL
	dec	BX
	jnz	1b
	xor	DI, DI
	jmp	exit

	.section .note.GNU-stack, "", @progbits
