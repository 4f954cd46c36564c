/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Page faults that are no business of the guest's: a kernel's write to one of its live page tables,
 * which are mapped read-only, is done for it with all the checks of mmu_update(); a fault that the
 * tables no longer explain is forgotten.
 */
#include <torc/guestmem.h>
#include <torc/insn.h>
#include <torc/x86.h>
#include "mmu.h"

#define PF_P	1u
#define PF_W	2u
#define PF_RSVD 8u
#define TRIES	8

static int fetch(const struct cpu_user_regs *r, bool is_32bit, struct insn *i)
{
	unsigned long rip = is_32bit ? (uint32_t)r->rip : r->rip;
	unsigned int n = INSN_MAX, to_end = PAGE_SIZE - (rip & (PAGE_SIZE - 1));
	uint8_t bytes[INSN_MAX];

	/* Segments with a base are not looked up: then other bytes are read, and the address they
	 * name is not the fault's. */
	if (guest_read(bytes, GADDR(rip), n)) {
		n = MIN(n, to_end);
		if (guest_read(bytes, GADDR(rip), n))
			return -XEN_EFAULT;
	}
	return insn_decode(bytes, n, is_32bit ? 4 : 8, i);
}

/* Its bytes within the entry: false if the instruction is none that writes there. */
static bool new_entry(const struct insn *i, struct cpu_user_regs *r, unsigned int at, uint64_t old,
		      uint64_t *pte, bool *writes)
{
	unsigned int shift = at * 8;
	uint64_t mask = (i->width == 8 ? ~0ull : (1ull << i->width * 8) - 1) << shift, part;

	if (!insn_modify(i, r, (old & mask) >> shift, &part, writes))
		return false;
	*pte = (old & ~mask) | (part << shift & mask);
	return true;
}

static bool emulate_write(struct vcpu *v, struct cpu_user_regs *regs, unsigned long addr,
			  struct frame *f, enum frame_type t)
{
	const uint64_t *e = (uint64_t *)mfn_to_virt(frame_mfn(f)) +
			    (addr & (PAGE_SIZE - 1)) / sizeof(*e);
	struct mmu_who who = { v->domain, v->domain };
	struct domain *d = v->domain;
	struct cpu_user_regs after;
	unsigned int tries;
	uint64_t old, new;
	struct insn i;
	bool writes;
	int rc;

	if (fetch(regs, d->is_32bit, &i) || i.dst != ARG_MEM || i.width > 8 ||
	    (addr & 7) + i.width > 8)
		return false;
	if ((d->is_32bit ? (uint32_t)insn_offset(&i, regs) : insn_offset(&i, regs)) != addr)
		return false;
	for (tries = 0; tries < TRIES; tries++) {
		after = *regs;
		old = READ_ONCE(*e);
		if (!new_entry(&i, &after, addr & 7, old, &new, &writes))
			return false;
		rc = 0;
		if (writes && new != old) {
			rc = table_update(v, f, t, e - (uint64_t *)mfn_to_virt(frame_mfn(f)), new,
					  &who, &old, false);
			/* A 32-bit kernel that writes an entry's upper half first means to write
			 * the lower one next; until then the two halves do not belong together. */
			if (rc && rc != -XEN_EAGAIN && d->is_32bit && i.width == 4 && addr & 4 &&
			    new &PTE_P)
				rc = table_update(v, f, t, e - (uint64_t *)mfn_to_virt(frame_mfn(f)),
						  new & ~PTE_P, &who, &old, false);
		}
		if (!rc) {
			*regs = after;
			return true;
		}
		if (rc == -XEN_ERESTART)
			return true; /* the instruction again, later */
		if (rc != -XEN_EAGAIN)
			return false;
	}
	return true; /* somebody else writes it all the time: the instruction again */
}

static __attribute__((noinline)) bool fix_write(struct vcpu *v, struct cpu_user_regs *regs,
						unsigned long cr2)
{
	struct frame *f;
	enum frame_type t;
	struct walk w;
	bool done;

	if (!(v->domain->vm_assist >> VMASST_TYPE_writable_pagetables & 1))
		return false;
	walk(v, cr2, &w);
	if (!(w.l1e & PTE_P) || !mfn_valid(pte_mfn(w.l1e)))
		return false;
	if (w.rw) { /* allowed by now: the TLB had an old entry */
		tlb_flush_page_local(cr2);
		return true;
	}
	if (w.l1e & PTE_RW)
		return false;
	f = mfn_frame(pte_mfn(w.l1e));
	t = frame_type(f);
	if (t != FT_L1)
		return false;
	if (mmu_finish_put(v))
		return true; /* something waits for the CPU: the instruction again, later */
	if (!frame_get_more(f, v->domain, t))
		return false;
	done = emulate_write(v, regs, cr2, f, t);
	frame_put_typed(f);
	return done;
}

bool mmu_fix_fault(struct vcpu *v, struct cpu_user_regs *regs, unsigned long cr2)
{
	uint32_t code = regs->error_code;

	if (unlikely(v->domain->dirty)) {
		/* The last one may have left something to finish, and so may this one. */
		if (mmu_finish_put(v) || dirty_fault(v, cr2, code))
			return true;
	}
	if (likely((code & (PF_P | PF_W | PF_RSVD)) != (PF_P | PF_W)) || !guest_in_kernel(v, regs))
		return false;
	return fix_write(v, regs, cr2);
}
