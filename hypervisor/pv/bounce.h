/* SPDX-License-Identifier: BSD-2-Clause */
/* Frames on a guest kernel's stack (bounce.c), for trap.c, callback.c and switch.c. */
#ifndef TORC_PV_BOUNCE_H
#define TORC_PV_BOUNCE_H

#include <torc/domain.h>

struct bounce {
	unsigned long eip; /* where the guest goes on */
	uint16_t cs;	   /* 32-bit guests; 64-bit ones run at the flat selector */
	bool mask_events;
	bool has_code;
	uint32_t code;
};
/* Builds the frame and points regs at the handler. False: the stack was no good and the guest has
 * crashed. */
bool bounce_guest(struct vcpu *v, struct cpu_user_regs *regs, const struct bounce *b);
/* The failsafe callback: as above with ds, es, fs, gs as they were to be. */
bool bounce_failsafe(struct vcpu *v, struct cpu_user_regs *regs, const uint16_t sel[4]);

/* A 32-bit guest's int $0x80 went by its trap table's entry: the next ones may go there without us. */
void bounce_learn_int80(const struct vcpu *v, const struct trap_info *t);

#endif
