/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How a guest kernel is entered and left: frames that the hypervisor builds on its stack, and the
 * iret hypercall that takes them off. From the top down (ABI):
 *
 *   64-bit   ss rsp rflags cs rip [code] [gs fs es ds] r11 rcx
 *            On the current stack, or on kernel_sp when the guest was in user mode; aligned to 16
 *            before. cs says where it came from: RPL 0 for the kernel, though it runs in ring 3;
 *            above it, at byte 4, is the saved upcall mask.
 *   32-bit   [ss esp] eflags cs eip [code] [gs fs es ds]
 *            ss and esp only from ring 3, on kernel_ss:kernel_sp then. The saved mask is at byte 2
 *            of cs. Stack segments are flat.
 *
 * IF in the pushed flags is the saved upcall mask, inverted; the real one is always set. These two
 * paths and the system-call bounce are the hottest of all, hence the stores by hand: each may
 * fault, with one landing for all of them.
 */
#include <torc/guestmem.h>
#include <torc/pv.h>
#include <torc/shared.h>
#include <torc/x86.h>
#include "bounce.h"

#define PUT64(off, val, fault)                                                            \
	__asm__ goto("1: movq %1, %c2(%0)\n\t" EX_TABLE("1b", "%l[" #fault "]")::"r"(at), \
		     "r"((uint64_t)(val)), "i"(off)                                       \
		     : "memory"                                                           \
		     : fault)
#define PUT32(off, val, fault)                                                            \
	__asm__ goto("1: movl %1, %c2(%0)\n\t" EX_TABLE("1b", "%l[" #fault "]")::"r"(at), \
		     "r"((uint32_t)(val)), "i"(off)                                       \
		     : "memory"                                                           \
		     : fault)
#define MAX_FRAME32 40u
#define GET64(var, off, fault)                                                  \
	__asm__ goto("1: movq %c2(%1), %0\n\t" EX_TABLE("1b", "%l[" #fault "]") \
		     : "=r"(var)                                                \
		     : "r"(at), "i"(off)                                        \
		     : "memory"                                                 \
		     : fault)

/* What a handler must not inherit; a 64-bit kernel runs in ring 3, where AC would check its
 * alignment. */
#define FLAGS_CLEARED (EFLAGS_TF | EFLAGS_NT | EFLAGS_RF | EFLAGS_VM | EFLAGS_AC)
/* What a guest may choose: arithmetic flags, TF, DF, NT, RF, AC, ID. */
#define FLAGS_GUEST 0x254dd5ul

static uint64_t pushed_flags(const struct vcpu *v, const struct cpu_user_regs *r, bool masked)
{
	uint64_t f = (r->rflags & ~(uint64_t)(EFLAGS_IF | EFLAGS_IOPL)) | (masked ? 0 : EFLAGS_IF);

	if (unlikely(v->iopl) && (v->domain->vm_assist >> VMASST_TYPE_architectural_iopl & 1))
		f |= (uint64_t)v->iopl << 12;
	return f;
}

static bool stack_ok64(unsigned long sp) /* outside the hypervisor's; what is not canonical faults */
{
	return sp < HYP_START - PAGE_SIZE || sp >= HYP_END + PAGE_SIZE;
}

bool guest_in_kernel(const struct vcpu *v, const struct cpu_user_regs *r)
{
	return v->domain->is_32bit ? (r->cs & 3) == 1 : v->kernel_mode;
}

void guest_mode_set(struct vcpu *v, bool kernel)
{
	if (v->kernel_mode == kernel || v->domain->is_32bit)
		return;
	v->kernel_mode = kernel;
	__asm__ volatile("swapgs"); /* the kernel's gs base and the user's, whichever is in use */
	mmu_root_changed(v);
}

static bool crash_stack(struct vcpu *v, unsigned long sp)
{
	domain_crash(v->domain, "d%uv%u: the kernel stack at %#lx cannot take a frame",
		     v->domain->id, v->id, sp);
	return false;
}

static bool bounce64(struct vcpu *v, struct cpu_user_regs *r, const struct bounce *b,
		     const uint16_t *sel)
{
	bool kernel = v->kernel_mode;
	uint8_t *mask = vcpu_upcall_mask(v), saved = READ_ONCE(*mask);
	unsigned long sp = (kernel ? r->rsp : v->kernel_sp) & ~15ul, at;

	if (unlikely(!stack_ok64(sp)))
		return crash_stack(v, sp);
	guest_mode_set(v, true);
	at = sp - 5 * 8;
	PUT64(0, r->rip, fault);
	PUT64(8, (r->cs & (kernel ? 0xfffcu : 0xffffu)) | (uint64_t)saved << 32, fault);
	PUT64(16, pushed_flags(v, r, saved), fault);
	PUT64(24, r->rsp, fault);
	PUT64(32, r->ss, fault);
	if (b->has_code) {
		at -= 8;
		PUT64(0, b->code, fault);
	}
	if (unlikely(sel != NULL)) {
		at -= 32;
		PUT64(0, sel[0], fault);
		PUT64(8, sel[1], fault);
		PUT64(16, sel[2], fault);
		PUT64(24, sel[3], fault);
	}
	at -= 16;
	PUT64(0, r->rcx, fault);
	PUT64(8, r->r11, fault);
	if (b->mask_events)
		WRITE_ONCE(*mask, 1);
	r->rip = b->eip;
	r->cs = FLAT_KERNEL_CS64;
	r->rflags = (r->rflags & ~(uint64_t)FLAGS_CLEARED) | EFLAGS_IF;
	r->rsp = at;
	r->ss = FLAT_KERNEL_SS64;
	r->rcx = r->rip; /* on the stack for the handler: free to be what sysret wants */
	r->r11 = r->rflags;
	return true;
fault:
	return crash_stack(v, at);
}

static bool bounce32(struct vcpu *v, struct cpu_user_regs *r, const struct bounce *b,
		     const uint16_t *sel)
{
	bool kernel = (r->cs & 3) == 1;
	uint8_t *mask = vcpu_upcall_mask(v), saved = READ_ONCE(*mask);
	uint32_t sp = kernel ? (uint32_t)r->rsp : (uint32_t)v->kernel_sp;
	unsigned long at = sp;

	/* A frame around the end of the address space would be written beyond it, where nothing is
	 * the guest's. */
	if (unlikely(sp < MAX_FRAME32))
		return crash_stack(v, sp);
	if (!kernel) {
		at -= 8;
		PUT32(0, r->rsp, fault);
		PUT32(4, r->ss, fault);
	}
	at -= 12;
	PUT32(0, r->rip, fault);
	PUT32(4, r->cs | (uint32_t)saved << 16, fault);
	PUT32(8, pushed_flags(v, r, saved), fault);
	if (b->has_code) {
		at -= 4;
		PUT32(0, b->code, fault);
	}
	if (unlikely(sel != NULL)) {
		at -= 16;
		PUT32(0, sel[0], fault);
		PUT32(4, sel[1], fault);
		PUT32(8, sel[2], fault);
		PUT32(12, sel[3], fault);
	}
	if (b->mask_events)
		WRITE_ONCE(*mask, 1);
	v->kernel_mode = true;
	r->r11 = 0; /* see iret32() */
	r->rip = (uint32_t)b->eip;
	r->cs = b->cs;
	r->rflags = (r->rflags & ~(uint64_t)FLAGS_CLEARED) | EFLAGS_IF;
	r->rsp = at;
	if (!kernel)
		r->ss = v->kernel_ss;
	return true;
fault:
	return crash_stack(v, at);
}

/*
 * What int $0x80 from user mode just went through will be gone through the next time: entry.S does
 * it by itself from now on. See x86/entry.S for what it does not know, an I/O privilege level to
 * push among it.
 */
void bounce_learn_int80(const struct vcpu *v, const struct trap_info *t)
{
	struct fast_int80 *f = &cpu_info()->int80;

	if (!v->domain->is_32bit ||
	    (v->iopl && v->domain->vm_assist >> VMASST_TYPE_architectural_iopl & 1))
		return;
	f->masks = TI_GET_IF(t) != 0;
	f->esp = (uint32_t)v->kernel_sp;
	f->cs = t->cs;
	f->ss = v->kernel_ss;
	f->mask = vcpu_upcall_mask(v);
	f->eip = (uint32_t)t->address;
}

bool bounce_guest(struct vcpu *v, struct cpu_user_regs *regs, const struct bounce *b)
{
	if (unlikely(!b->eip)) {
		domain_crash(v->domain,
			     "d%uv%u: nowhere to go at %#lx: the kernel registered no entry for this",
			     v->domain->id, v->id, regs->rip);
		return false;
	}
	return v->domain->is_32bit ? bounce32(v, regs, b, NULL) : bounce64(v, regs, b, NULL);
}

bool bounce_failsafe(struct vcpu *v, struct cpu_user_regs *regs, const uint16_t sel[4])
{
	struct bounce b = { .eip = v->failsafe_cb.eip,
			    .cs = v->failsafe_cb.cs,
			    .mask_events = v->failsafe_cb.mask_events };

	if (!b.eip) {
		domain_crash(v->domain, "d%uv%u: bad return to %#x:%#lx and no failsafe callback",
			     v->domain->id, v->id, regs->cs, regs->rip);
		return false;
	}
	return v->domain->is_32bit ? bounce32(v, regs, &b, sel) : bounce64(v, regs, &b, sel);
}

/* --- the iret hypercall --------------------------------------------------- */

static void flags_restore(struct vcpu *v, struct cpu_user_regs *r, uint64_t flags)
{
	if (v->domain->vm_assist >> VMASST_TYPE_architectural_iopl & 1) {
		v->iopl = flags >> 12 & 3;
		fast_int80_forget(); /* which pushes none */
	}
	r->rflags = (flags & FLAGS_GUEST) | EFLAGS_IF | 2;
	v->in_nmi = false;
	WRITE_ONCE(*vcpu_upcall_mask(v), !(flags & EFLAGS_IF));
}

static long iret64(struct vcpu *v, struct cpu_user_regs *r)
{
	unsigned long at = r->rsp;
	uint64_t rax, r11, rcx, how, rip, cs, flags, rsp, ss;

	if (unlikely(!stack_ok64(at)))
		goto fault;
	GET64(rax, 0, fault);
	GET64(r11, 8, fault);
	GET64(rcx, 16, fault);
	GET64(how, 24, fault);
	GET64(rip, 32, fault);
	GET64(cs, 40, fault);
	GET64(flags, 48, fault);
	GET64(rsp, 56, fault);
	GET64(ss, 64, fault);
	if ((cs & 3) == 3) {
		if (unlikely(mfn_eq(v->user_root, MFN_NONE))) {
			domain_crash(v->domain,
				     "d%uv%u: iret to user mode at %#lx without a user page table",
				     v->domain->id, v->id, rip);
			return 0;
		}
		guest_mode_set(v, false);
	}
	r->rip = rip;
	r->cs = (uint16_t)cs | 3;
	flags_restore(v, r, flags);
	r->rsp = rsp;
	r->ss = (uint16_t)ss | 3;
	if (how & VGCF_in_syscall) {
		r->rcx = rip;
		r->r11 = r->rflags;
	} else {
		r->rcx = rcx;
		r->r11 = r11;
	}
	/* The guest's number, not an answer of ours: it does not ask for the call again. */
	if (unlikely((long)rax == -XEN_ERESTART)) {
		r->rax = rax;
		r->rip += 2;
	}
	return (long)rax;
fault:
	domain_crash(v->domain, "d%uv%u: no iret frame at %#lx", v->domain->id, v->id, at);
	return 0;
}

static long iret32(struct vcpu *v, struct cpu_user_regs *r)
{
	uint32_t esp = (uint32_t)r->rsp, f[4], to[2]; /* eax eip cs eflags; esp ss */

	if (guest_read(f, GADDR(esp), sizeof(f)))
		goto fault;
	if (f[3] & EFLAGS_VM) {
		domain_crash(v->domain,
			     "d%uv%u: iret to virtual 8086 mode, which 64-bit processors have not",
			     v->domain->id, v->id);
		return 0;
	}
	if (f[2] & 2) { /* to user mode */
		if (guest_read(to, GADDR(esp + 16), sizeof(to)))
			goto fault;
		r->rsp = to[0];
		r->ss = (uint16_t)to[1];
		v->kernel_mode = false;
	} else {
		r->rsp = (uint32_t)(esp + 16);
	}
	/* The way out takes sysret where r11 is the flags, and sysret looks at no descriptor: a
	 * selector that is flat data to a 32-bit guest would become 64-bit code. 32-bit code cannot
	 * set r11, but a syscall instruction or entry.S may have. */
	r->r11 = 0;
	r->rip = f[1];
	r->cs = guest_fixup_selector(v->domain, (uint16_t)f[2]);
	flags_restore(v, r, f[3]);
	return f[0];
fault:
	domain_crash(v->domain, "d%uv%u: no iret frame at %#x", v->domain->id, v->id, esp);
	return 0;
}

long trap_iret(struct vcpu *v)
{
	return v->domain->is_32bit ? iret32(v, guest_regs()) : iret64(v, guest_regs());
}
