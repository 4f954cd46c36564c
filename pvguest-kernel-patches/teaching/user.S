/* SPDX-License-Identifier: BSD-2-Clause */
/* The task: writes a line by system calls, waits for ten more ticks, ends. */
	.section .text.user, "ax"
	.balign	4096
	.globl	user_code
user_code:
	mov	$text - user_code, %esi
	call	1f
1:	pop	%edi
	sub	$1b - user_code, %edi
	add	%edi, %esi
2:	movzbl	(%esi), %ebx
	test	%ebx, %ebx
	jz	3f
	mov	$1, %eax
	int	$0x80
	inc	%esi
	jmp	2b
3:	mov	$2, %eax
	int	$0x80
	lea	10(%eax), %edi
4:	mov	$2, %eax
	int	$0x80
	cmp	%edi, %eax
	jb	4b
	mov	$3, %eax
	mov	$0x600d, %ebx
	int	$0x80
text:	.asciz	"a task in user mode\n"
	.balign	4096
	.section .note.GNU-stack, "", @progbits
