/* SPDX-License-Identifier: BSD-2-Clause */
/* Inner to the emulator of privileged instructions: ports, MSRs, and what rights they hang on. pv.h
 * has what others use. */
#ifndef TORC_IO_H
#define TORC_IO_H

#include <torc/domain.h>
#include <torc/guestmem.h>

#define NR_PIRQS 1024

/* pv/io.c: does the guest itself (IOPL, bitmap) let this code use n ports from port on? */
bool io_guest_may(struct vcpu *v, const struct cpu_user_regs *r, unsigned int port, unsigned int n);
/* Width 1, 2 or 4; the rights are looked at inside. */
uint32_t io_port_read(struct vcpu *v, unsigned int port, unsigned int width);
void io_port_write(struct vcpu *v, unsigned int port, unsigned int width, uint32_t val);

/* pv/msr.c: as the guest sees them; false: #GP. */
bool guest_rdmsr(struct vcpu *v, uint32_t msr, uint64_t *val);
bool guest_wrmsr(struct vcpu *v, uint32_t msr, uint64_t val);

#endif
