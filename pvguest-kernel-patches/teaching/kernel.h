/* SPDX-License-Identifier: BSD-2-Clause */
/* The teaching kernel: what its one portable file and a machine want of each other. */
#ifndef TEACHING_KERNEL_H
#define TEACHING_KERNEL_H

#include <stdint.h>

#define PAGE 4096

/* As entry.S leaves it on the stack. */
struct frame {
	uint32_t edi, esi, ebp, unused, ebx, edx, ecx, eax;
	uint32_t vector, error;
	uint32_t eip, cs, eflags, esp, ss; /* the last two from user mode only */
};

#define VEC_TIMER   0x20
#define VEC_SYSCALL 0x80

/* kernel.c */
void kernel_main(void);
void kernel_trap(struct frame *f);
void kernel_tick(void);

/* machine.c */
void machine_init(void *boot);
void machine_put(char c);
void machine_user(void *page); /* user mode may read and write this page */
void machine_idle(void);       /* until the next interrupt; then interrupts are masked */
void machine_interrupt(struct frame *f);
void machine_off(void) __attribute__((noreturn));
uint32_t machine_fault_address(void);

/* entry.S */
void enter_user(void *entry, void *stack) __attribute__((noreturn));

#endif
