/* SPDX-License-Identifier: BSD-2-Clause */
/* Hypercalls: the only reader of their arguments. Below this layer there are only checked values. */
#ifndef TORC_HYPERCALL_H
#define TORC_HYPERCALL_H

#include <torc/domain.h>
#include <torc/guestmem.h>
#include <torc/why.h>

/* Arguments as in the guest's registers (zero-extended for 32-bit guests). The result goes to its
 * rax/eax. */
typedef long hypercall_fn(struct vcpu *v, unsigned long a1, unsigned long a2, unsigned long a3,
			  unsigned long a4, unsigned long a5);
#define HC(name)                                                                        \
	long name(struct vcpu *v, unsigned long a1, unsigned long a2, unsigned long a3, \
		  unsigned long a4, unsigned long a5)

enum hc_who { ANY, CTRL };

/* From pv/trap.c's hook_guest_call: reads registers, which differ by the guest's width, dispatches,
 * writes the result back. */
void hypercall_entry(struct vcpu *v, struct cpu_user_regs *regs);
void hypercall_entry_32(struct vcpu *v, struct cpu_user_regs *regs);
/* The page of stubs (ABI: 32 bytes each). */
void hypercall_page_fill(const struct domain *d, void *page);

/* Long work stops and goes on when the guest comes back by itself: the call is made again with arg
 * n (0 based) changed to value. May be called for several arguments; all return -XEN_ERESTART,
 * which the handler returns. */
long hypercall_restart(struct vcpu *v, unsigned int n, unsigned long value);

/* hypercalls.tbl declares all handlers: */
#define HYPERCALL(nr, fn64, fn32, args, who, text) hypercall_fn fn64, fn32;
#include <hypercalls.tbl>
#undef HYPERCALL

#endif
