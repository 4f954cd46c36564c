/* SPDX-License-Identifier: BSD-2-Clause */
/* Fixed addresses of the reference kernel, for C, assembly and the linker script. */
#ifndef LAYOUT_H
#define LAYOUT_H

/*
 * The kernel sits at the top in both widths, users at the bottom. PV64: the last 2 GiB, so that the
 * code model "kernel" reaches everything. PV32: from 3 GiB up to the hypervisor's hole at
 * 0xF5800000.
 */
#ifdef __x86_64__
#define VIRT_BASE 0xffffffff80000000
#define WORD	  .quad
#else
#define VIRT_BASE 0xc0000000
#define WORD	  .long
#endif

#define USER_TEXT 0x00400000 /* one page of user code, read-only */
#define USER_DATA 0x00500000 /* one page of data; the stack starts at its end */

/* A page of kernel address space outside the linear map, for mappings that come and go. */
#ifdef __x86_64__
#define SPARE_VA 0x8000700000
#else
#define SPARE_VA 0xf0000000
#endif

#define PAGE_SIZE  4096
#define STACK_SIZE 16384

/* Pseudo-vectors behind the processor's 256, so that every entry ends in trap_handler(). */
#define VEC_SYSCALL   0x80
#define VEC_EVENT     0x100
#define VEC_FAILSAFE  0x101
#define VEC_SYSCALL64 0x102

/* What user code asks of its kernel (user32.S, user64.S, user.c). */
#define SYS_EXIT 1 /* leave, with a value */
#define SYS_ADD	 2 /* value + 1, to show that arguments and results travel */

#endif
