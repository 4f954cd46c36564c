/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Privileged instructions that a guest may use as if it were privileged: input and output, MSRs,
 * control registers, CPUID. The instruction is fetched once from the guest's memory, decoded,
 * checked, and done; whatever is not on the list goes back to the guest as the exception that it
 * was. Nothing here gives a guest more than a hypercall would.
 */
#include <torc/console.h>
#include <torc/cpuid.h>
#include <torc/insn.h>
#include <torc/io.h>
#include <torc/pv.h>
#include <torc/shared.h>
#include <torc/x86.h>

#define REP_BATCH    1024 /* iterations of a string instruction before it looks for other work */
#define CR0_FIXED    0x80050033ul /* PG AM WP NE ET MP PE: so runs every paravirtual guest */
#define FLAT_CS_PV32 0xe019 /* FLAT_RING1_CS of xen-x86_32.h, which a 64-bit build cannot include */
#define CR4_OWNED    (CR4_TSD | CR4_DE) /* what a guest may find changed after it wrote it */

/* --- segments ------------------------------------------------------------- */

struct segment {
	unsigned long base;
	bool code64;
};

/* A selector's segment as the guest has defined it; the tables are in this CPU's window. False:
 * unusable. */
static bool segment_find(const struct domain *d, uint16_t sel, struct segment *s)
{
	unsigned long at = CPU_WINDOW(this_cpu()) + (sel & 4 ? WINDOW_LDT : WINDOW_GDT) +
			   (sel & 0xfff8);
	uint64_t desc;

	*s = (struct segment){ 0 };
	if (sel == (d->is_32bit ? FLAT_CS_PV32 : FLAT_RING3_CS64)) {
		s->code64 = !d->is_32bit;
		return true;
	}
	if (sel < 4 || copy_may_fault(&desc, (void *)at, sizeof(desc)))
		return false;
	if (!(desc >> 47 & 1) || !(desc >> 44 & 1)) /* present, and a code or data segment */
		return false;
	s->base = (desc >> 16 & 0xffffff) | (desc >> 56) << 24;
	s->code64 = (desc >> 43 & 1) && (desc >> 53 & 1) && !d->is_32bit;
	return true;
}

/* Linear address of the instruction's memory operand; reg_off: its offset. */
static bool linear(struct vcpu *v, const struct insn *i, const struct cpu_user_regs *r,
		   unsigned long off, unsigned long *out)
{
	struct segment s = { 0 };
	uint16_t sel;

	if (i->mode == 8) {
		*out = off + (i->seg == SEG_FS ? rdmsr(MSR_FS_BASE) :
			      i->seg == SEG_GS ? rdmsr(MSR_GS_BASE) :
						 0);
		return true;
	}
	switch (i->seg) {
	case SEG_CS: sel = r->cs; break;
	case SEG_SS: sel = r->ss; break;
	case SEG_ES: __asm__("mov %%es, %0" : "=r"(sel)); break;
	case SEG_FS: __asm__("mov %%fs, %0" : "=r"(sel)); break;
	case SEG_GS: __asm__("mov %%gs, %0" : "=r"(sel)); break;
	default: __asm__("mov %%ds, %0" : "=r"(sel)); break;
	}
	if (!segment_find(v->domain, sel, &s))
		return false;
	*out = (uint32_t)(s.base + off);
	return true;
}

/* Copies the instruction; how many bytes could be had. */
static unsigned int fetch(unsigned long at, uint8_t *buf)
{
	unsigned int n = INSN_MAX;

	if (!guest_read(buf, GADDR(at), n))
		return n;
	n = (unsigned int)MIN(PAGE_SIZE - (at & ~PAGE_MASK), (unsigned long)INSN_MAX - 1);
	return n && !guest_read(buf, GADDR(at), n) ? n : 0;
}

/* --- the instructions ----------------------------------------------------- */

static unsigned int port_of(const struct insn *i, const struct cpu_user_regs *r)
{
	if (i->op == INSN_IN && i->src == ARG_IMM)
		return (unsigned int)(i->imm & 0xff);
	if (i->op == INSN_OUT && i->dst == ARG_IMM)
		return (unsigned int)(i->imm & 0xff);
	return (uint16_t)r->rdx;
}

static bool port_io(struct vcpu *v, const struct insn *i, struct cpu_user_regs *r)
{
	unsigned int port = port_of(i, r);

	if (port + i->width > 0x10000 || !io_guest_may(v, r, port, i->width))
		return false;
	if (i->op == INSN_IN)
		insn_reg_set(r, 0, i->width, true, io_port_read(v, port, i->width));
	else
		io_port_write(v, port, i->width, (uint32_t)insn_reg_get(r, 0, i->width, true));
	return true;
}

/* AGAIN: rip stays, and the processor will come back. */
enum step { STEP_REFUSED, STEP_DONE, STEP_AGAIN, STEP_FAULT };

/*
 * INS and OUTS. From the guest's kernel alone: its processes must not reach through the hypervisor
 * what their page tables keep from them. AGAIN: the registers say how far it got.
 */
static enum step string_io(struct vcpu *v, const struct insn *i, struct cpu_user_regs *r)
{
	unsigned int port = (uint16_t)r->rdx, reg = i->op == INSN_INS ? 7 : 6, aw = i->addr_width;
	int64_t delta = r->rflags & EFLAGS_DF ? -(int64_t)i->width : i->width;
	bool rep = i->rep || i->repne;

	if (!guest_in_kernel(v, r) || port + i->width > 0x10000 ||
	    !io_guest_may(v, r, port, i->width))
		return STEP_REFUSED;
	for (unsigned int n = 0; !rep || insn_reg_get(r, 1, aw, true); n++) {
		uint64_t off = insn_reg_get(r, reg, aw, true);
		unsigned long at;
		uint32_t val = 0;

		if (n == REP_BATCH)
			return STEP_AGAIN;
		if (!linear(v, i, r, off, &at))
			return STEP_REFUSED;
		if (i->op == INSN_INS) {
			/* the page first: a device's byte read is a byte gone */
			if (guest_read(&val, GADDR(at), i->width))
				goto fault;
			val = io_port_read(v, port, i->width);
			if (guest_write(GADDR(at), &val, i->width))
				goto fault;
		} else {
			if (guest_read(&val, GADDR(at), i->width))
				goto fault;
			io_port_write(v, port, i->width, val);
		}
		insn_reg_set(r, reg, aw, true, off + delta);
		if (!rep)
			break;
		insn_reg_set(r, 1, aw, true, insn_reg_get(r, 1, aw, true) - 1);
		continue;
fault:
		guest_inject_page_fault(v, r, at, i->op == INSN_INS ? 2 : 0);
		return STEP_FAULT;
	}
	return STEP_DONE;
}

static unsigned long root_as_cr3(const struct vcpu *v)
{
	/* 32-bit: the ABI's own packing, since frame numbers may need more than the 20 bits of a
	 * 32-bit cr3 */
	if (v->domain->is_32bit)
		return (uint32_t)(v->root.n << 12 | v->root.n >> 20);
	return v->root.n << PAGE_SHIFT;
}

static bool read_cr(struct vcpu *v, const struct insn *i, struct cpu_user_regs *r)
{
	unsigned long val;

	switch (i->imm) {
	case 0: val = CR0_FIXED | (v->ctrlreg[0] & CR0_TS); break;
	case 2: val = v->ctrlreg[2]; break;
	case 3: val = root_as_cr3(v); break;
	case 4: val = v->ctrlreg[4] | (cpu_features.xsave ? CR4_OSXSAVE : 0); break;
	default: return false;
	}
	insn_reg_set(r, i->dst_reg, i->width, true, val);
	return true;
}

static void set_task_switched(struct vcpu *v, bool on)
{
	if (on) {
		v->ctrlreg[0] |= CR0_TS;
		write_cr0(read_cr0() | CR0_TS);
	} else {
		v->ctrlreg[0] &= ~CR0_TS;
		__asm__ volatile("clts");
	}
}

static bool write_cr(struct vcpu *v, const struct insn *i, const struct cpu_user_regs *r)
{
	unsigned long val = insn_reg_get(r, i->src_reg, i->width, true);

	switch (i->imm) {
	case 0:
		if ((val ^ CR0_FIXED) & ~CR0_TS) {
			log_guest(v->domain->id, LOG_DEBUG,
				  "v%u: cr0 is %#lx but for TS; %#lx refused", v->id, CR0_FIXED,
				  val);
			return false;
		}
		set_task_switched(v, val & CR0_TS);
		return true;
	case 2:
		v->ctrlreg[2] = val;
		vcpu_set_cr2(v, val);
		return true;
	case 4:
		/* The others are the hypervisor's. */
		v->ctrlreg[4] = (v->ctrlreg[4] & ~CR4_OWNED) | (val & CR4_OWNED);
		pv_load_cr4(v);
		return true;
	}
	return false;
}

/* mov to cr3. A tree that was never used before takes long to look at, and may be gone on with when
 * the processor comes back. */
static enum step write_root_cr(struct vcpu *v, const struct insn *i, const struct cpu_user_regs *r)
{
	unsigned long val = insn_reg_get(r, i->src_reg, i->width, true);
	int rc;

	if (!guest_in_kernel(v, r))
		return STEP_REFUSED;
	rc = mmu_new_root(v, MFN(v->domain->is_32bit ? (uint32_t)val >> 12 | (val & 0xfff) << 20 :
						       val >> PAGE_SHIFT));
	return !rc ? STEP_DONE : rc == -XEN_ERESTART ? STEP_AGAIN : STEP_REFUSED;
}

static bool read_dr(struct vcpu *v, const struct insn *i, struct cpu_user_regs *r)
{
	if (i->imm > 7 || i->imm == 4 || i->imm == 5)
		return false;
	insn_reg_set(r, i->dst_reg, i->width, true, v->debugreg[i->imm]);
	return true;
}

static bool set_xcr(struct vcpu *v, const struct cpu_user_regs *r)
{
	uint64_t val = (uint32_t)r->rdx * (1ull << 32) + (uint32_t)r->rax;

	/* x87 is not optional; AVX wants SSE; AVX-512's three come together, with AVX. */
	if ((uint32_t)r->rcx || !(val & 1) || val & ~cpuid_states(v->domain, VIEW_GUEST) ||
	    (val & 4 && !(val & 2)) || (val & 0xe0 && ((val & 0xe0) != 0xe0 || !(val & 4))))
		return false;
	/* The processor's own stays: all state is switched, always, so a guest that uses less loses
	 * nothing. */
	v->xcr0 = val;
	return true;
}

static void set_regs(struct cpu_user_regs *r, const uint32_t c[4])
{
	r->rax = c[0];
	r->rbx = c[1];
	r->rcx = c[2];
	r->rdx = c[3];
}

static bool rdmsr_into(struct vcpu *v, struct cpu_user_regs *r)
{
	uint64_t val;

	if (!guest_rdmsr(v, (uint32_t)r->rcx, &val))
		return false;
	r->rax = (uint32_t)val;
	r->rdx = val >> 32;
	return true;
}

/* What only the guest's kernel may do. */
static bool kernel_insn(struct vcpu *v, const struct insn *i, struct cpu_user_regs *r)
{
	switch (i->op) {
	case INSN_CLI:
	case INSN_STI:
		/* Real interrupts are never the guest's to switch; events have their own mask.
		 * Nothing happens, as on the reference. */
		return v->iopl >= 1;
	case INSN_CLTS: set_task_switched(v, false); return true;
	case INSN_RDMSR: return rdmsr_into(v, r);
	case INSN_WRMSR:
		return guest_wrmsr(v, (uint32_t)r->rcx,
				   (uint32_t)r->rdx * (1ull << 32) + (uint32_t)r->rax);
	case INSN_MOV_FROM_CR: return read_cr(v, i, r);
	case INSN_MOV_TO_CR: return write_cr(v, i, r);
	case INSN_MOV_FROM_DR: return read_dr(v, i, r);
	case INSN_MOV_TO_DR:
		return debugreg_set(v, (unsigned int)i->imm,
				    insn_reg_get(r, i->src_reg, i->width, true)) == 0;
	case INSN_WBINVD: /* INVD would throw away what others wrote */
		if (v->domain->io_mem_all)
			cache_flush_local();
		return true;
	case INSN_XSETBV: return set_xcr(v, r);
	default: return false;
	}
}

static enum step emulate(struct vcpu *v, const struct insn *i, struct cpu_user_regs *r)
{
	uint32_t c[4];
	uint64_t t;

	switch (i->op) {
	case INSN_IN:
	case INSN_OUT: return port_io(v, i, r) ? STEP_DONE : STEP_REFUSED;
	case INSN_INS:
	case INSN_OUTS: return string_io(v, i, r);
	case INSN_CPUID:
		guest_cpuid(v, (uint32_t)r->rax, (uint32_t)r->rcx, c);
		set_regs(r, c);
		return STEP_DONE;
	case INSN_RDTSC: /* traps where the guest's kernel keeps it from its processes */
		if (v->ctrlreg[4] & CR4_TSD && !guest_in_kernel(v, r))
			return STEP_REFUSED;
		t = rdtsc();
		r->rax = (uint32_t)t;
		r->rdx = t >> 32;
		return STEP_DONE;
	case INSN_MOV_TO_CR:
		if (i->imm == 3)
			return write_root_cr(v, i, r);
		__attribute__((fallthrough));
	default: return guest_in_kernel(v, r) && kernel_insn(v, i, r) ? STEP_DONE : STEP_REFUSED;
	}
}

static void finish(struct vcpu *v, const struct insn *i, struct cpu_user_regs *r)
{
	bool trace = r->rflags & EFLAGS_TF;

	insn_skip(i, r);
	if (trace) {
		v->debugreg[6] |= 0x4000; /* BS */
		guest_inject(v, r, 1, -1);
	}
}

bool emulate_privileged(struct vcpu *v, struct cpu_user_regs *r)
{
	uint8_t bytes[INSN_MAX];
	struct segment cs;
	struct insn i;
	unsigned int n;

	/* An error code names a selector or a gate: no privileged instruction has one. */
	if (r->error_code || !segment_find(v->domain, r->cs, &cs))
		return false;
	n = fetch(cs.code64 ? r->rip : (uint32_t)(cs.base + r->rip), bytes);
	if (insn_decode(bytes, n, cs.code64 ? 8 : 4, &i))
		return false;
	switch (emulate(v, &i, r)) {
	case STEP_DONE: finish(v, &i, r); return true;
	case STEP_AGAIN:
	case STEP_FAULT: return true;
	default: return false;
	}
}

/* ud2; "xen"; cpuid: how a guest asks for CPUID as its hypervisor wants it seen, where the
 * processor cannot be made to trap it. */
bool emulate_forced(struct vcpu *v, struct cpu_user_regs *r)
{
	static const uint8_t prefix[] = { 0x0f, 0x0b, 'x', 'e', 'n' }, insn[] = { 0x0f, 0xa2 };
	uint8_t bytes[sizeof(prefix) + sizeof(insn)];
	struct insn skip = { .length = sizeof(bytes) };
	struct segment cs;
	uint32_t c[4];

	if (!segment_find(v->domain, r->cs, &cs) ||
	    guest_read(bytes, GADDR(cs.code64 ? r->rip : (uint32_t)(cs.base + r->rip)),
		       sizeof(bytes)) ||
	    memcmp(bytes, prefix, sizeof(prefix)) ||
	    memcmp(bytes + sizeof(prefix), insn, sizeof(insn)))
		return false;
	guest_cpuid(v, (uint32_t)r->rax, (uint32_t)r->rcx, c);
	set_regs(r, c);
	skip.mode = cs.code64 ? 8 : 4;
	finish(v, &skip, r);
	return true;
}
