/* SPDX-License-Identifier: BSD-2-Clause */
/* What happens in a guest: exceptions, software interrupts, system calls. Each is mended here,
 * emulated, or bounced to its kernel. */
#include <torc/console.h>
#include <torc/hooks.h>
#include <torc/hypercall.h>
#include <torc/pv.h>
#include <torc/shared.h>
#include <torc/x86.h>
#include "bounce.h"

#define VEC_DB	       1
#define VEC_NMI	       2
#define VEC_BP	       3
#define VEC_UD	       6
#define VEC_NM	       7
#define VEC_GP	       13
#define VEC_PF	       14
#define VECS_WITH_CODE 0x227d00u /* 8 10-14 17 21 */
#define PF_PRESENT     0x1u
#define PF_WRITE       0x2u
#define PF_USER	       0x4u
#define LDT_SIZE       0x10000ul

uint16_t guest_fixup_selector(const struct domain *d, uint16_t sel)
{
	if (!d->is_32bit)
		return sel | 3;
	return (sel & 3) == 0 ? sel | 1 : sel;
}

void guest_inject(struct vcpu *v, struct cpu_user_regs *regs, unsigned int vector, int error_code)
{
	const struct trap_info *t = &v->traps[vector & 0xff];
	struct bounce b = { .eip = t->address,
			    .cs = t->cs,
			    .mask_events = TI_GET_IF(t) != 0,
			    .has_code = error_code >= 0,
			    .code = (uint32_t)error_code };

	if (unlikely(!b.eip)) {
		domain_crash(
			v->domain,
			"d%uv%u: exception %u, code %#x, at %#x:%#lx, and the kernel has no handler for it",
			v->domain->id, v->id, vector, error_code < 0 ? 0 : error_code, regs->cs,
			regs->rip);
		return;
	}
	bounce_guest(v, regs, &b);
}

void guest_inject_page_fault(struct vcpu *v, struct cpu_user_regs *regs, unsigned long addr,
			     uint32_t error_code)
{
	v->ctrlreg[2] = addr;
	vcpu_set_cr2(v, addr);
	if (v->kernel_mode && !v->domain->is_32bit)
		error_code &= ~PF_USER; /* it runs in ring 3, but is no user to itself */
	if (unlikely(!v->traps[VEC_PF].address))
		domain_crash(
			v->domain,
			"d%uv%u: page fault at %#lx, code %#x, address %#lx, and the kernel has no handler for it",
			v->domain->id, v->id, regs->rip, error_code, addr);
	else
		guest_inject(v, regs, VEC_PF, (int)(error_code & 0xffff));
}

/* int n, or what came through its gate: is the guest's code allowed to? Level 0 nobody, 1 and 2 the
 * kernel, 3 all. */
static bool soft_int_allowed(const struct vcpu *v, const struct cpu_user_regs *r,
			     unsigned int vector)
{
	const struct trap_info *t = &v->traps[vector];

	return t->address && TI_GET_DPL(t) >= (guest_in_kernel(v, r) ? 1 : 3);
}

static bool in_ldt(unsigned long addr, unsigned long *off)
{
	*off = addr - (CPU_WINDOW(this_cpu()) + WINDOW_LDT);
	return *off < LDT_SIZE;
}

static __attribute__((noinline)) void other_page_fault(struct vcpu *v, struct cpu_user_regs *r,
						       unsigned long cr2)
{
	uint32_t code = r->error_code;
	unsigned long off;

	if (unlikely(in_ldt(cr2, &off)) &&
	    !(code & PF_USER)) { /* the processor itself looked there, for a selector */
		if (segment_ldt_fault(v, off))
			return;
		if (off < v->ldt_entries * 8ul) {
			guest_inject_page_fault(v, r, v->ldt_base + off, code & ~PF_PRESENT);
			return;
		}
	}
	if (mmu_fix_fault(v, r, cr2))
		return;
	guest_inject_page_fault(v, r, cr2, code);
}

/* Most are the guest's own business; mmu_fix_fault() has none with what this lets by. */
static inline void page_fault(struct vcpu *v, struct cpu_user_regs *r, unsigned long cr2)
{
	const uint32_t write = PF_PRESENT | PF_WRITE;
	unsigned long off;

	if (unlikely(in_ldt(cr2, &off) || v->domain->dirty || (r->error_code & write) == write))
		other_page_fault(v, r, cr2);
	else
		guest_inject_page_fault(v, r, cr2, r->error_code);
}

static void general_protection(struct vcpu *v, struct cpu_user_regs *r)
{
	unsigned int vector;

	if ((r->error_code & 7) == 2) { /* a gate that guests may not use: int n */
		vector = r->error_code >> 3;
		if (vector < 256 && soft_int_allowed(v, r, vector)) {
			r->rip += 2;
			guest_inject(v, r, vector, -1);
			return;
		}
	} else if (emulate_privileged(v, r)) {
		return;
	}
	guest_inject(v, r, VEC_GP, (int)(r->error_code & 0xffff));
}

static void debug_trap(struct vcpu *v, struct cpu_user_regs *r)
{
	unsigned long dr6 = read_dr6() & DR6_REASONS;

	write_dr6(DR6_QUIET);
	/* The processor may name breakpoints that are off: another guest's addresses are still
	 * there, as this one has none. */
	if (!(v->debugreg[7] & DR7_ACTIVE))
		dr6 &= ~DR6_WATCHED;
	v->debugreg[6] |= dr6;
	if (likely(!debug_event(v, VEC_DB)))
		guest_inject(v, r, VEC_DB, -1);
}

static __attribute__((noinline)) void other_exception(struct vcpu *v, struct cpu_user_regs *regs,
						      unsigned int vector)
{
	switch (vector) {
	case VEC_GP: general_protection(v, regs); break;
	case 0x80:
		if (soft_int_allowed(v, regs, vector)) {
			guest_inject(v, regs, vector, -1);
			bounce_learn_int80(v, &v->traps[vector]);
		} else {
			regs->rip -= 2;
			guest_inject(v, regs, VEC_GP, 0x80 << 3 | 2);
		}
		break;
	case VEC_UD:
		if (!emulate_forced(v, regs))
			guest_inject(v, regs, VEC_UD, -1);
		break;
	case VEC_NM:
		v->ctrlreg[0] &= ~CR0_TS; /* ABI: TS is clear in the handler */
		__asm__ volatile("clts");
		guest_inject(v, regs, VEC_NM, -1);
		break;
	case VEC_DB: debug_trap(v, regs); break;
	default:
		if (vector == VEC_BP && unlikely(debug_event(v, vector)))
			break;
		guest_inject(v, regs, vector,
			     vector < 32 && (VECS_WITH_CODE >> vector & 1) ?
				     (int)(regs->error_code & 0xffff) :
				     -1);
	}
}

/* By far the most are page faults. */
void hook_guest_exception(struct cpu_user_regs *regs, unsigned long cr2)
{
	unsigned int vector = regs->entry_vector & 0xff;

	if (likely(vector == VEC_PF))
		page_fault(current, regs, cr2);
	else
		other_exception(current, regs, vector);
}

bool hook_own_page_fault(struct cpu_user_regs *regs, unsigned long cr2)
{
	struct vcpu *v = current;
	unsigned long off;

	if (in_ldt(cr2, &off))
		return segment_ldt_fault(v, off);
	/* an access of ours to guest memory that its tables allow, and their copies for counting
	 * writes not yet */
	return v->domain->dirty && dirty_fault(v, cr2, regs->error_code);
}

/* --- calls ---------------------------------------------------------------- */

static void bounce_call(struct vcpu *v, struct cpu_user_regs *regs, const struct pv_callback *cb)
{
	struct bounce b = { .eip = cb->eip, .cs = cb->cs, .mask_events = cb->mask_events };

	bounce_guest(v, regs, &b);
}

static __attribute__((noinline)) void other_call(struct vcpu *v, struct cpu_user_regs *regs)
{
	switch (regs->entry_vector) {
	case ENTRY_SYSCALL: /* of a process: its kernel's own is a hypercall */
		if (likely(!v->domain->is_32bit)) {
			bounce_call(v, regs, &v->syscall_cb);
			break;
		}
		/* no 64-bit code in a 32-bit guest, so it is not reached */
		__attribute__((fallthrough));
	case ENTRY_SYSCALL32:
		if (v->syscall32_cb.eip && !guest_in_kernel(v, regs)) {
			bounce_call(v, regs, &v->syscall32_cb);
		} else {
			regs->rip -= 2;
			guest_inject(v, regs, VEC_UD, -1);
		}
		break;
	case ENTRY_SYSENTER:
		if (v->sysenter_cb.eip && !guest_in_kernel(v, regs))
			bounce_call(v, regs, &v->sysenter_cb);
		else
			guest_inject(v, regs, VEC_GP, 0);
		break;
	default: regs->rip -= 2; guest_inject(v, regs, VEC_GP, 0x82 << 3 | 2);
	}
}

/* 0x82: the gate's level lets ring 1 through, which only 32-bit kernels have. */
void hook_guest_call(struct cpu_user_regs *regs)
{
	struct vcpu *v = current;

	if (v->domain->is_32bit) {
		if (likely(regs->entry_vector == 0x82 && (regs->cs & 3) == 1)) {
			hypercall_entry_32(v, regs);
			return;
		}
	} else if (likely(v->kernel_mode && regs->entry_vector == ENTRY_SYSCALL)) {
		hypercall_entry(v, regs);
		return;
	}
	other_call(v, regs);
}

/* --- the way back --------------------------------------------------------- */

static void selectors_now(uint16_t sel[4])
{
	__asm__ volatile("mov %%ds, %0" : "=r"(sel[0]));
	__asm__ volatile("mov %%es, %0" : "=r"(sel[1]));
	__asm__ volatile("mov %%fs, %0" : "=r"(sel[2]));
	__asm__ volatile("mov %%gs, %0" : "=r"(sel[3]));
}

/* iret to what the guest asked for faulted. It is told as of any exception at the place it was to
 * go to; what it is told with must not fault again, or it never ends. */
void hook_return_fault(struct cpu_user_regs *regs, unsigned int vector, unsigned int error_code)
{
	struct vcpu *v = current;
	uint16_t sel[4];

	if (guest_in_kernel(v, regs) &&
	    (regs->rip == v->traps[vector & 0xff].address || regs->rip == v->failsafe_cb.eip)) {
		domain_crash(
			v->domain,
			"d%uv%u: cannot be returned to, not even to its handler at %#x:%#lx ss %#x (vector %u, code %#x)",
			v->domain->id, v->id, regs->cs, regs->rip, regs->ss, vector, error_code);
		return;
	}
	if (v->traps[vector & 0xff].address) {
		guest_inject(v, regs, vector, (int)(error_code & 0xffff));
		return;
	}
	selectors_now(sel);
	bounce_failsafe(v, regs, sel);
}

void hook_nmi(struct cpu_user_regs *regs)
{
	struct vcpu *v = dom0 && dom0->vcpus ? dom0->vcpus[0] : NULL;

	(void)regs;
	if (!v || !v->nmi_entry)
		return;
	atomic_or(&v->pending_traps, PENDING_NMI);
	if (v->running && v != current)
		cpu_kick(v->cpu); /* no more: an NMI takes no locks, so a sleeping one hears of it
				     when it wakes */
}

bool pv_events_pending(struct vcpu *v)
{
	return (atomic_read(vcpu_upcall_pending(v)) && !READ_ONCE(*vcpu_upcall_mask(v))) ||
	       (unlikely(v->pending_traps) && (v->pending_traps & ~PENDING_NMI || !v->in_nmi));
}

/* A debugger's doing comes before events: what it found to be the guest's own, and the instruction
 * that it wants to see done. */
static bool deliver_debug(struct vcpu *v, struct cpu_user_regs *regs)
{
	uint8_t which = v->pending_traps & PENDING_BP ? PENDING_BP : v->pending_traps & PENDING_DB;

	if (which) {
		atomic_and(&v->pending_traps, (uint8_t)~which);
		guest_inject(v, regs, which == PENDING_BP ? VEC_BP : VEC_DB, -1);
		return true;
	}
	if (regs->rflags & EFLAGS_TF)
		return true;
	atomic_and(&v->pending_traps, (uint8_t)~PENDING_STEP); /* it has led into the kernel: from
								  here on all is as usual */
	return false;
}

void pv_deliver_pending(struct vcpu *v, struct cpu_user_regs *regs)
{
	struct bounce nmi = { .eip = v->nmi_entry, .cs = v->traps[VEC_NMI].cs, .mask_events = true };
	struct bounce event = { .eip = v->event_cb.eip, .cs = v->event_cb.cs, .mask_events = true };

	if (unlikely(v->pending_traps & ~PENDING_NMI) && deliver_debug(v, regs))
		return;
	if (unlikely(v->pending_traps && !v->in_nmi)) {
		atomic_and(&v->pending_traps, (uint8_t)~PENDING_NMI);
		if (nmi.eip) {
			v->in_nmi = true;
			bounce_guest(v, regs, &nmi);
			return;
		}
	}
	if (atomic_read(vcpu_upcall_pending(v)) && !READ_ONCE(*vcpu_upcall_mask(v)))
		bounce_guest(v, regs, &event);
}

/*
 * An event became pending. Who sleeps wakes; who runs elsewhere is made to look, also while it
 * masks events: kernels unmask and then look without a barrier between, so the processor may look
 * first, and we would find the mask still set. Who runs here looks on the way out; the others look
 * when they are next chosen. The flag that says so was set with a full barrier.
 */
void pv_vcpu_kick(struct vcpu *v)
{
	if (atomic_read(&v->blocked)) {
		/* who polls with events masked wants its ports or its time, not this (evtchn.c
		 * wakes it for them) */
		if (!atomic_read(&v->polling) || pv_events_pending(v))
			vcpu_unblock(v);
	} else if (v != current && atomic_read(&v->running)) {
		cpu_kick(v->cpu);
	}
}
