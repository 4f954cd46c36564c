/* SPDX-License-Identifier: BSD-2-Clause */
/* Log-dirty: which frames of a domain were written since they were last asked for. Not offered yet: enabling it is refused. */
#include <torc/guestmem.h>
#include "mmu.h"

int dirty_enable(struct domain *d)
{
	(void)d;
	return -XEN_EOPNOTSUPP;
}

int dirty_disable(struct domain *d)
{
	(void)d;
	return 0;
}

void dirty_mark(struct domain *d, mfn_t m)
{
	(void)d;
	(void)m;
}

void dirty_table_changed(struct domain *d, struct frame *f, enum frame_type t, unsigned int slot)
{
	(void)d;
	(void)f;
	(void)t;
	(void)slot;
}

bool dirty_fault(struct vcpu *v, unsigned long va)
{
	(void)v;
	(void)va;
	return false;
}

mfn_t dirty_root(struct vcpu *v, mfn_t root)
{
	(void)v;
	return root;
}

long dirty_read(struct domain *d, bool clear, gaddr_t bitmap, uint64_t pages, struct xen_domctl_shadow_op_stats *stats)
{
	(void)d;
	(void)clear;
	(void)bitmap;
	(void)pages;
	(void)stats;
	return -XEN_EINVAL;		/* it is not on */
}
