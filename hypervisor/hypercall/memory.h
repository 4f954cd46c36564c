/* SPDX-License-Identifier: BSD-2-Clause */
/* memory_op, between its files: reservations (memory.c), descriptions of memory (memory_info.c). */
#ifndef TORC_HYPERCALL_MEMORY_H
#define TORC_HYPERCALL_MEMORY_H

#include <torc/hypercall.h>

/* Lists of frame numbers are of the caller's word. */
static inline unsigned int word_size(const struct vcpu *v)
{
	return v->domain->is_32bit ? 4 : 8;
}

static inline int word_read(const struct vcpu *v, gaddr_t list, uint64_t i, uint64_t *out)
{
	*out = 0;
	return guest_read(out, GADDR(list.n + i * word_size(v)), word_size(v));
}

static inline int word_write(const struct vcpu *v, gaddr_t list, uint64_t i, uint64_t n)
{
	return guest_write(GADDR(list.n + i * word_size(v)), &n, word_size(v));
}

/* The domain that the caller names: itself, or any for the control domain. */
int memory_domain_get(struct vcpu *v, domid_t id, struct domain **out);

/* memory_info.c: the commands that give and take nothing. */
long memory_info(struct vcpu *v, unsigned int cmd, gaddr_t arg);

#endif
