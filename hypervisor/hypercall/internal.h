/* SPDX-License-Identifier: BSD-2-Clause */
/* Between the files of hypercall/: dispatch for multicall.c, and the 32-bit forms of structures
 * that hold pointers or longs (width32.c). */
#ifndef TORC_HYPERCALL_INTERNAL_H
#define TORC_HYPERCALL_INTERNAL_H

#include <torc/hypercall.h>

long hypercall_dispatch(struct vcpu *v, unsigned long nr, const unsigned long a[5]);

/*
 * The public headers have 32-bit forms of what lies in shared memory (foreign/x86_32.h), not of
 * hypercall arguments: a 32-bit guest's longs and pointers are 4 bytes, its 64-bit numbers are
 * aligned to 4. These read and write them, by the domain's width.
 */
int read_sched_poll(struct vcpu *v, gaddr_t a, struct sched_poll *out, gaddr_t *ports);
int read_callback(struct vcpu *v, gaddr_t a, struct callback_register *out, unsigned long *cs);
int read_trap_info(struct vcpu *v, gaddr_t a, struct trap_info *out);
int read_multicall(struct vcpu *v, gaddr_t a, struct multicall_entry *out);
int write_multicall_result(struct vcpu *v, gaddr_t a, unsigned long result);
int write_multicall_arg(struct vcpu *v, gaddr_t a, unsigned int n, unsigned long value);
int write_runstate(struct vcpu *v, gaddr_t a, const struct vcpu_runstate_info *r);
int read_gnttab_copy(struct vcpu *v, gaddr_t a, struct gnttab_copy *out);
int write_gnttab_copy_status(struct vcpu *v, gaddr_t a, int16_t status);
int write_gnttab_transfer_status(struct vcpu *v, gaddr_t a, int16_t status);
int read_gnttab_setup(struct vcpu *v, gaddr_t a, struct gnttab_setup_table *out, gaddr_t *list);
int write_gnttab_setup_status(struct vcpu *v, gaddr_t a, int16_t status);
/* the nth of a list of xen_pfn_t */
int write_pfn(struct vcpu *v, gaddr_t list, unsigned int n, mfn_t m);
/* a long or pointer of the guest's */
int read_pointer(struct vcpu *v, gaddr_t a, unsigned long *out);
unsigned int sizeof_trap_info(const struct vcpu *v);
unsigned int sizeof_multicall(const struct vcpu *v);
unsigned int sizeof_gnttab_copy(const struct vcpu *v);
unsigned int sizeof_gnttab_transfer(const struct vcpu *v);

#endif
