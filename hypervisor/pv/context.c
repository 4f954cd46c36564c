/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A vcpu's whole state, to and from the ABI's structure, in the domain's own width. Setting checks
 * first what can be refused, then takes the tables (which may be preempted: the caller comes again
 * with the same structure), then does what cannot fail.
 */
#include <torc/guestmem.h>
#include <torc/pv.h>
#include <torc/shared.h>
#include <torc/why.h>
#include <torc/x86.h>

#define CR0_GIVEN      0x80050033ul /* PG AM WP NE ET TS=0 MP PE, as a guest reads it */
#define FLAGS_GUEST    0x254dd5ul   /* as in bounce.c */
#define CR4_OSXMMEXCPT (1ul << 10)
#define CR4_GIVEN      (CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT)
#define CR4_GUESTS     (CR4_TSD | CR4_DE | CR4_OSXSAVE | CR4_FSGSBASE)
/* Some mean nothing to a 64-bit guest, or here, and are taken all the same: kernels of both widths
 * ask alike. */
#define ASSISTS_64                                                                           \
	(1ull << VMASST_TYPE_4gb_segments | 1ull << VMASST_TYPE_4gb_segments_notify |        \
	 1ull << VMASST_TYPE_pae_extended_cr3 | 1ull << VMASST_TYPE_writable_pagetables |    \
	 1ull << VMASST_TYPE_architectural_iopl | 1ull << VMASST_TYPE_runstate_update_flag | \
	 1ull << VMASST_TYPE_m2p_strict)
#define ASSISTS_32                                                                        \
	(1ull << VMASST_TYPE_4gb_segments | 1ull << VMASST_TYPE_4gb_segments_notify |     \
	 1ull << VMASST_TYPE_writable_pagetables | 1ull << VMASST_TYPE_pae_extended_cr3 | \
	 1ull << VMASST_TYPE_architectural_iopl | 1ull << VMASST_TYPE_runstate_update_flag)

uint64_t vm_assists_offered(const struct domain *d)
{
	return d->is_32bit ? ASSISTS_32 : ASSISTS_64;
}

#define refuse_context(v, ...) ((int)refuse(current, -XEN_EINVAL, __VA_ARGS__))

/* --- setting -------------------------------------------------------------- */

static bool canonical(unsigned long a)
{
	return (unsigned long)((long)(a << 16) >> 16) == a;
}

static int check64(const struct vcpu *v, const struct vcpu_guest_context *c)
{
	unsigned int i;

	if (!guest_range_ok(v, GADDR(c->user_regs.rip), 1))
		return refuse_context(v, "context of d%uv%u: rip %#lx is no address of a guest",
				      v->domain->id, v->id, c->user_regs.rip);
	if (!canonical(c->fs_base) || !canonical(c->gs_base_kernel) || !canonical(c->gs_base_user))
		return refuse_context(v, "context of d%uv%u: a segment base is not canonical",
				      v->domain->id, v->id);
	if (!canonical(c->event_callback_eip) || !canonical(c->failsafe_callback_eip) ||
	    !canonical(c->syscall_callback_eip))
		return refuse_context(v, "context of d%uv%u: a callback is not canonical",
				      v->domain->id, v->id);
	for (i = 0; i < 256; i++)
		if (!canonical(c->trap_ctxt[i].address))
			return refuse_context(v, "context of d%uv%u: handler %u is not canonical",
					      v->domain->id, v->id, i);
	if (c->gdt_ents > FIRST_RESERVED_GDT_ENTRY)
		return refuse_context(v, "context of d%uv%u: GDT of %lu entries", v->domain->id,
				      v->id, c->gdt_ents);
	if (c->ldt_ents > 8192)
		return refuse_context(v, "context of d%uv%u: LDT of %lu entries", v->domain->id,
				      v->id, c->ldt_ents);
	return 0;
}

static int check32(const struct vcpu *v, const struct vcpu_guest_context_x86_32 *c)
{
	if (c->gdt_ents > FIRST_RESERVED_GDT_ENTRY)
		return refuse_context(v, "context of d%uv%u: GDT of %u entries", v->domain->id,
				      v->id, c->gdt_ents);
	if (c->ldt_ents > 8192)
		return refuse_context(v, "context of d%uv%u: LDT of %u entries", v->domain->id,
				      v->id, c->ldt_ents);
	return 0;
}

/* A failure leaves those that were taken before, but the vcpu in the mode that its registers are
 * of: a process must not find itself with its kernel's rights. */
static int take_tables(struct vcpu *v, const mfn_t *gdt, unsigned int gdt_ents,
		       unsigned long ldt_base, unsigned int ldt_ents, mfn_t root, mfn_t user_root,
		       bool kernel_mode)
{
	bool was = v->kernel_mode;
	int rc;

	if (!kernel_mode && !v->domain->is_32bit && mfn_eq(user_root, MFN_NONE))
		return refuse_context(v, "context of d%uv%u: in user mode without a user page table",
				      v->domain->id, v->id);
	rc = segment_set_gdt(v, gdt, gdt_ents);
	if (!rc)
		rc = segment_set_ldt(v, ldt_base, ldt_ents);
	if (rc)
		return rc;
	v->kernel_mode = true;
	rc = mmu_new_root(v, root);
	if (!rc && !v->domain->is_32bit)
		rc = mmu_new_user_root(v, user_root);
	v->kernel_mode = rc ? was : kernel_mode;
	mmu_root_changed(v);
	return rc;
}

static uint16_t data_selector(const struct domain *d, uint16_t sel)
{
	return sel & ~3u ? guest_fixup_selector(d, sel) : sel;
}

static void set_trap(struct vcpu *v, unsigned int i, uint8_t flags, uint16_t cs,
		     unsigned long address)
{
	v->traps[i] = (struct trap_info){ .vector = (uint8_t)i,
					  .flags = flags,
					  .cs = guest_fixup_selector(v->domain, cs),
					  .address = address };
}

static void set_common(struct vcpu *v, unsigned long flags, const void *fpu, uint64_t assist)
{
	struct domain *d = v->domain;

	v->regs.rflags = (v->regs.rflags & FLAGS_GUEST) | EFLAGS_IF | 2;
	v->regs.error_code = v->regs.entry_vector = 0;
	v->regs.saved_upcall_mask = 0;
	v->event_cb.mask_events = true;
	v->failsafe_cb.mask_events = flags & VGCF_failsafe_disables_events;
	v->syscall_cb.mask_events = flags & VGCF_syscall_disables_events;
	if (flags & VGCF_i387_valid)
		fpu_set_fx(v->fpu, fpu);
	else
		fpu_reset(v->fpu);
	v->in_nmi = false;
	if (v->id == 0)
		d->vm_assist = assist & vm_assists_offered(d);
	v->initialised = true;
	atomic_set(&v->down, !(flags & VGCF_online));
}

/* A 32-bit kernel's stack is ring 1's, or no return to it would ever work. */
void stack_set(struct vcpu *v, unsigned long ss, unsigned long sp)
{
	fast_int80_forget();
	v->kernel_ss = (ss & 0xfffc) | (v->domain->is_32bit ? 1 : 3);
	v->kernel_sp = sp;
}

static void set_debugregs(struct vcpu *v, const unsigned long dr[8])
{
	static const uint8_t order[] = { 0, 1, 2, 3, 6, 7 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(order); i++)
		if (debugreg_set(v, order[i], dr[order[i]]))
			debugreg_set(v, order[i], 0); /* a breakpoint out of reach is none */
}

static int set64(struct vcpu *v, const struct vcpu_guest_context *c)
{
	struct domain *d = v->domain;
	mfn_t gdt[FIRST_RESERVED_GDT_PAGE], user = MFN_NONE;
	unsigned int i;
	int rc = check64(v, c);

	if (rc)
		return rc;
	for (i = 0; i < ARRAY_SIZE(gdt); i++)
		gdt[i] = MFN(c->gdt_frames[i]);
	if (c->ctrlreg[1])
		user = MFN(xen_cr3_to_pfn(c->ctrlreg[1]));
	rc = take_tables(v, gdt, (unsigned int)c->gdt_ents, c->ldt_base, (unsigned int)c->ldt_ents,
			 MFN(xen_cr3_to_pfn(c->ctrlreg[3])), user, c->flags & VGCF_in_kernel);
	if (rc)
		return rc;
	v->regs = c->user_regs;
	v->regs.cs = guest_fixup_selector(d, v->regs.cs);
	v->regs.ss = guest_fixup_selector(d, v->regs.ss);
	v->ds = data_selector(d, c->user_regs.ds);
	v->es = data_selector(d, c->user_regs.es);
	v->fs = data_selector(d, c->user_regs.fs);
	v->gs = data_selector(d, c->user_regs.gs);
	v->iopl = c->user_regs.rflags >> 12 & 3;
	for (i = 0; i < 256; i++)
		set_trap(v, i, c->trap_ctxt[i].flags, c->trap_ctxt[i].cs, c->trap_ctxt[i].address);
	stack_set(v, c->kernel_ss, c->kernel_sp);
	v->ctrlreg[0] = CR0_GIVEN | (c->ctrlreg[0] & CR0_TS);
	v->ctrlreg[4] = CR4_GIVEN | (c->ctrlreg[4] & CR4_GUESTS);
	set_debugregs(v, c->debugreg);
	v->event_cb.eip = c->event_callback_eip;
	v->failsafe_cb.eip = c->failsafe_callback_eip;
	v->syscall_cb.eip = c->syscall_callback_eip;
	v->fs_base = c->fs_base;
	v->gs_base_kernel = c->gs_base_kernel;
	v->gs_base_user = c->gs_base_user;
	set_common(v, c->flags, &c->fpu_ctxt, c->vm_assist);
	return 0;
}

static int set32(struct vcpu *v, const struct vcpu_guest_context_x86_32 *c)
{
	const struct cpu_user_regs_x86_32 *u = &c->user_regs;
	mfn_t gdt[FIRST_RESERVED_GDT_PAGE];
	struct domain *d = v->domain;
	unsigned long dr[8];
	unsigned int i;
	int rc = check32(v, c);

	if (rc)
		return rc;
	for (i = 0; i < ARRAY_SIZE(gdt); i++)
		gdt[i] = MFN(c->gdt_frames[i]);
	rc = take_tables(v, gdt, c->gdt_ents, c->ldt_base, c->ldt_ents,
			 MFN(xen_cr3_to_pfn_x86_32(c->ctrlreg[3])), MFN_NONE,
			 (guest_fixup_selector(d, u->cs) & 3) == 1);
	if (rc)
		return rc;
	memset(&v->regs, 0, sizeof(v->regs));
	v->regs.rbx = u->ebx;
	v->regs.rcx = u->ecx;
	v->regs.rdx = u->edx;
	v->regs.rsi = u->esi;
	v->regs.rdi = u->edi;
	v->regs.rbp = u->ebp;
	v->regs.rax = u->eax;
	v->regs.rip = u->eip;
	v->regs.cs = guest_fixup_selector(d, u->cs);
	v->regs.rflags = u->eflags;
	v->regs.rsp = u->esp;
	v->regs.ss = guest_fixup_selector(d, u->ss);
	v->ds = data_selector(d, u->ds);
	v->es = data_selector(d, u->es);
	v->fs = data_selector(d, u->fs);
	v->gs = data_selector(d, u->gs);
	v->iopl = u->eflags >> 12 & 3;
	for (i = 0; i < 256; i++)
		set_trap(v, i, c->trap_ctxt[i].flags, c->trap_ctxt[i].cs, c->trap_ctxt[i].address);
	stack_set(v, c->kernel_ss, c->kernel_sp);
	v->ctrlreg[0] = CR0_GIVEN | (c->ctrlreg[0] & CR0_TS);
	v->ctrlreg[4] = CR4_GIVEN | (c->ctrlreg[4] & CR4_GUESTS);
	for (i = 0; i < 8; i++)
		dr[i] = c->debugreg[i];
	set_debugregs(v, dr);
	v->event_cb.cs = guest_fixup_selector(d, (uint16_t)c->event_callback_cs);
	v->event_cb.eip = c->event_callback_eip;
	v->failsafe_cb.cs = guest_fixup_selector(d, (uint16_t)c->failsafe_callback_cs);
	v->failsafe_cb.eip = c->failsafe_callback_eip;
	v->fs_base = v->gs_base_kernel = v->gs_base_user = 0;
	set_common(v, c->flags, &c->fpu_ctxt, c->vm_assist);
	return 0;
}

int vcpu_context_set(struct vcpu *v, const union vcpu_context *c)
{
	int rc;

	ASSERT(v != current);
	if (v->domain->state >= DOM_DYING)
		return -XEN_EINVAL;
	rc = v->domain->is_32bit ? set32(v, &c->c32) : set64(v, &c->c64);
	if (!rc)
		pv_vcpu_time_update(v);
	return rc;
}

/* --- reading -------------------------------------------------------------- */

static uint64_t flags_seen(const struct vcpu *v)
{
	return (v->regs.rflags & ~(uint64_t)EFLAGS_IOPL) | (uint64_t)v->iopl << 12;
}

static unsigned long context_flags(const struct vcpu *v)
{
	return VGCF_i387_valid | (guest_in_kernel(v, &v->regs) ? VGCF_in_kernel : 0) |
	       (v->down ? 0 : VGCF_online) |
	       (v->failsafe_cb.mask_events ? VGCF_failsafe_disables_events : 0) |
	       (v->syscall_cb.mask_events ? VGCF_syscall_disables_events : 0);
}

static void get64(const struct vcpu *v, struct vcpu_guest_context *c)
{
	unsigned int i;

	fpu_get_fx(v->fpu, &c->fpu_ctxt);
	c->flags = context_flags(v);
	c->user_regs = v->regs;
	c->user_regs.rflags = flags_seen(v);
	c->user_regs.ds = v->ds;
	c->user_regs.es = v->es;
	c->user_regs.fs = v->fs;
	c->user_regs.gs = v->gs;
	c->user_regs.error_code = c->user_regs.entry_vector = 0;
	memcpy(c->trap_ctxt, v->traps, sizeof(c->trap_ctxt));
	c->ldt_base = v->ldt_base;
	c->ldt_ents = v->ldt_entries;
	for (i = 0; i * 512 < v->gdt_entries; i++)
		c->gdt_frames[i] = v->gdt[i].n;
	c->gdt_ents = v->gdt_entries;
	c->kernel_ss = v->kernel_ss;
	c->kernel_sp = v->kernel_sp;
	c->ctrlreg[0] = v->ctrlreg[0];
	c->ctrlreg[1] = mfn_eq(v->user_root, MFN_NONE) ? 0 : xen_pfn_to_cr3(v->user_root.n);
	c->ctrlreg[2] = v->ctrlreg[2];
	c->ctrlreg[3] = mfn_eq(v->root, MFN_NONE) ? 0 : xen_pfn_to_cr3(v->root.n);
	c->ctrlreg[4] = v->ctrlreg[4];
	memcpy(c->debugreg, v->debugreg, sizeof(c->debugreg));
	c->event_callback_eip = v->event_cb.eip;
	c->failsafe_callback_eip = v->failsafe_cb.eip;
	c->syscall_callback_eip = v->syscall_cb.eip;
	c->vm_assist = v->domain->vm_assist;
	c->fs_base = v->fs_base;
	c->gs_base_kernel = v->gs_base_kernel;
	c->gs_base_user = v->gs_base_user;
}

static void get32(const struct vcpu *v, struct vcpu_guest_context_x86_32 *c)
{
	struct cpu_user_regs_x86_32 *u = &c->user_regs;
	unsigned int i;

	fpu_get_fx(v->fpu, &c->fpu_ctxt);
	c->flags = (uint32_t)context_flags(v);
	u->ebx = v->regs.ebx;
	u->ecx = v->regs.ecx;
	u->edx = v->regs.edx;
	u->esi = v->regs.esi;
	u->edi = v->regs.edi;
	u->ebp = v->regs.ebp;
	u->eax = v->regs.eax;
	u->eip = v->regs.eip;
	u->cs = v->regs.cs;
	u->eflags = (uint32_t)flags_seen(v);
	u->esp = v->regs.esp;
	u->ss = v->regs.ss;
	u->ds = v->ds;
	u->es = v->es;
	u->fs = v->fs;
	u->gs = v->gs;
	for (i = 0; i < 256; i++) {
		c->trap_ctxt[i].vector = v->traps[i].vector;
		c->trap_ctxt[i].flags = v->traps[i].flags;
		c->trap_ctxt[i].cs = v->traps[i].cs;
		c->trap_ctxt[i].address = (uint32_t)v->traps[i].address;
	}
	c->ldt_base = (uint32_t)v->ldt_base;
	c->ldt_ents = v->ldt_entries;
	for (i = 0; i * 512 < v->gdt_entries; i++)
		c->gdt_frames[i] = (uint32_t)v->gdt[i].n;
	c->gdt_ents = v->gdt_entries;
	c->kernel_ss = v->kernel_ss;
	c->kernel_sp = (uint32_t)v->kernel_sp;
	c->ctrlreg[0] = (uint32_t)v->ctrlreg[0];
	c->ctrlreg[2] = (uint32_t)v->ctrlreg[2];
	c->ctrlreg[3] = mfn_eq(v->root, MFN_NONE) ? 0 : xen_pfn_to_cr3_x86_32(v->root.n);
	c->ctrlreg[4] = (uint32_t)v->ctrlreg[4];
	for (i = 0; i < 8; i++)
		c->debugreg[i] = (uint32_t)v->debugreg[i];
	c->event_callback_cs = v->event_cb.cs;
	c->event_callback_eip = (uint32_t)v->event_cb.eip;
	c->failsafe_callback_cs = v->failsafe_cb.cs;
	c->failsafe_callback_eip = (uint32_t)v->failsafe_cb.eip;
	c->vm_assist = (uint32_t)v->domain->vm_assist;
}

/* v is paused or never ran. Unused parts of the structure are zero: nothing of ours leaks. */
void vcpu_context_get(struct vcpu *v, union vcpu_context *c)
{
	memset(c, 0, sizeof(*c));
	if (v->domain->is_32bit)
		get32(v, &c->c32);
	else
		get64(v, &c->c64);
}

/* As it was created: down, without context. The vcpu is paused. */
int vcpu_reset(struct vcpu *v)
{
	ASSERT(v != current);
	v->down = true;
	v->initialised = false;
	vcpu_unblock(v);
	segment_drop(v);
	mmu_drop_roots(v);
	memset(v->traps, 0, sizeof(v->traps));
	memset(&v->regs, 0, sizeof(v->regs));
	v->event_cb.eip = v->failsafe_cb.eip = v->syscall_cb.eip = v->syscall32_cb.eip =
		v->sysenter_cb.eip = 0;
	fpu_reset(v->fpu);
	return 0;
}
