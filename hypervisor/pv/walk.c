/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Walks of a guest's tables by software, through the direct map. Other vcpus may change the tables
 * meanwhile: what is read is memory in any case, so a walk cannot fault; what it found must be
 * referenced before it is acted on.
 */
#include <torc/guestmem.h>
#include <torc/x86.h>
#include "mmu.h"

void walk(const struct vcpu *v, unsigned long va, struct walk *w)
{
	const struct domain *d = v->domain;
	mfn_t table = d->is_32bit || v->kernel_mode ? v->root : v->user_root;
	unsigned int level = d->is_32bit ? 3 : 4, slot;
	const uint64_t *p;
	uint64_t e;

	*w = (struct walk){ .l1 = MFN_NONE, .rw = true };
	if (!guest_range_ok(v, GADDR(va), 1))
		return;
	for (;; level--) {
		if (!mfn_valid(table))
			return;
		p = mfn_to_virt(table);
		slot = va >> (PAGE_SHIFT + 9 * (level - 1)) & 511;
		if (level == 1) {
			w->l1 = table;
			w->slot = slot;
		}
		e = READ_ONCE(p[slot]);
		if (!(e & PTE_P))
			return;
		w->rw &= !!(e & PTE_RW);
		if (level == 1) {
			w->l1e = e;
			return;
		}
		if (e & PTE_PSE) /* the hypervisor's own: the 32-bit machine-to-phys table */
			return;
		table = pte_mfn(e);
	}
}

uint64_t guest_walk(struct vcpu *v, unsigned long va)
{
	struct walk w;

	walk(v, va, &w);
	return w.l1e;
}
