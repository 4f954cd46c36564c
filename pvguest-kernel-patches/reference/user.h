/* SPDX-License-Identifier: BSD-2-Clause */
/* User mode: an address space of its own, and small programs that run there (user-code.S). */
#ifndef USER_H
#define USER_H

#include "trap.h"

/* Entry points in the user page; each takes one argument. */
extern const char user_cs[];	/* exits with its code selector */
extern const char user_add[];	/* system call SYS_ADD, exits with its result */
extern const char user_add80[]; /* the same, by int $0x80 */
extern const char user_read[];	/* exits with the word at the argument */
extern const char user_write[]; /* writes there, exits with 0 */
extern const char user_cli[];
extern const char user_hlt[];
extern const char user_in[];
extern const char user_out[];
extern const char user_cr3[];
extern const char user_int82[]; /* PV32's hypercall instruction */
extern const char user_ud2[];
extern const char user_int3[];
extern const char user_divide[];
extern const char user_spin[]; /* until an event ends it */
extern const char user_loop[]; /* SYS_ADD as often as the argument says */

struct user_result {
	bool exited;
	unsigned long value; /* of exit */
	struct caught trap;  /* otherwise */
};

void user_open(void);
void user_run(const char *program, unsigned long arg, struct user_result *res);
void user_close(void);

/* user_run() ends with the first event that arrives in user mode; for user_spin. */
extern bool user_stop_on_event;
/* System calls so far. */
extern unsigned long user_calls;

#endif
