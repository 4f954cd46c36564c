/* SPDX-License-Identifier: BSD-2-Clause */
/* Traps of both widths, and how tests catch those that they provoke. */
#ifndef TRAP_H
#define TRAP_H

#include "hypercall.h"

struct context { /* context_save(): ip, sp and what a function must preserve */
	unsigned long words[8];
};

int context_save(struct context *c) __attribute__((returns_twice));
void context_load(struct context *c, int val) __attribute__((noreturn));

void enter_user(unsigned long ip, unsigned long sp, unsigned long arg) __attribute__((noreturn));
void iret_to(void *frame) __attribute__((noreturn));

/* What was caught. */
struct caught {
	int vector; /* -1: nothing */
	unsigned int error;
	unsigned long ip, cr2;
	bool from_user;
};

void trap_init(void);
void trap_table_load(void); /* again, after a test has loaded another */

/*
 * Calls fn(arg); a trap in it ends it, and is told. Not nested. Events are still taken meanwhile.
 * Returns whether fn came to its end.
 */
bool trap_guard(void (*fn)(void *), void *arg, struct caught *out);

/* User code's traps and system calls go here while set (user.c). */
extern void (*trap_user)(struct cpu_user_regs *r);

/* "#PF" and the like. */
const char *trap_name(int vector);

/* "#GP(0)", "no trap": for transcripts. The buffer is static. */
const char *caught_text(const struct caught *c);

#endif
