/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The privileged half of a context switch: selectors, segment bases, descriptor tables, debug
 * registers, TS, the root. Interrupts are off, but for pv_switch_done(). The general registers and
 * the FPU are domain/sched.c's.
 *
 * Selectors are loaded through the vcpu's own tables, so a load may fault: the guest may have
 * changed the descriptor since. Then the register gets null, and the guest hears of it through its
 * failsafe callback, which finds what it should have been.
 */
#include <torc/guestmem.h>
#include <torc/hooks.h>
#include <torc/pv.h>
#include <torc/x86.h>
#include "bounce.h"

#define DR7_QUIET 0x400ul

/* clang-format off */
#define LOAD_SELECTOR(reg, sel, ok) do {							\
	uint16_t s_ = (sel);									\
												\
	__asm__ volatile ("1: mov %1, %%" #reg "\n\tjmp 3f\n2:\n\tmovb $0, %0\n\txor %1, %1\n\tmov %1, %%" #reg "\n3:\n\t"	\
			  EX_TABLE("1b", "2b") : "+m" (ok), "+r" (s_) :: "memory");		\
} while (0)
/* clang-format on */
#define READ_SELECTOR(reg, var) __asm__ volatile("mov %%" #reg ", %0" : "=r"(var))
#define WRITE_DR(n, val)	__asm__ volatile("mov %0, %%dr" #n ::"r"(val))
#define READ_DR(n, var)		__asm__ volatile("mov %%dr" #n ", %0" : "=r"(var))

void pv_switch_from(struct vcpu *v)
{
	READ_SELECTOR(ds, v->ds);
	READ_SELECTOR(es, v->es);
	READ_SELECTOR(fs, v->fs);
	READ_SELECTOR(gs, v->gs);
	if (!v->domain->is_32bit) {
		v->fs_base = rdmsr(MSR_FS_BASE);
		if (v->kernel_mode) {
			v->gs_base_kernel = rdmsr(MSR_GS_BASE);
			v->gs_base_user = rdmsr(MSR_KERNEL_GS_BASE);
		} else {
			v->gs_base_user = rdmsr(MSR_GS_BASE);
			v->gs_base_kernel = rdmsr(MSR_KERNEL_GS_BASE);
		}
	}
	if (unlikely(v->debugreg[7] & DR7_ACTIVE))
		WRITE_DR(7, DR7_QUIET);
	if (v->ctrlreg[0] & CR0_TS)
		__asm__ volatile("clts");
	pv_time_switch_from(v);
}

static void load_selectors(struct vcpu *v)
{
	uint16_t sel[4] = { v->ds, v->es, v->fs, v->gs };
	uint8_t ok = 1;

	LOAD_SELECTOR(ds, sel[0], ok);
	LOAD_SELECTOR(es, sel[1], ok);
	LOAD_SELECTOR(fs, sel[2], ok);
	LOAD_SELECTOR(gs, sel[3], ok);
	if (!v->domain->is_32bit) {
		wrmsr(MSR_FS_BASE, v->fs_base);
		wrmsr(MSR_GS_BASE, v->kernel_mode ? v->gs_base_kernel : v->gs_base_user);
		wrmsr(MSR_KERNEL_GS_BASE, v->kernel_mode ? v->gs_base_user : v->gs_base_kernel);
	}
	if (unlikely(!ok))
		bounce_failsafe(v, guest_regs(), sel);
}

/* The debug registers as the guest has set them, if any breakpoint is on; pv_switch_from() takes
 * care that none is otherwise. */
void pv_load_debugregs(struct vcpu *v)
{
	if (!(v->debugreg[7] & DR7_ACTIVE)) {
		WRITE_DR(7, DR7_QUIET);
		return;
	}
	WRITE_DR(0, v->debugreg[0]);
	WRITE_DR(1, v->debugreg[1]);
	WRITE_DR(2, v->debugreg[2]);
	WRITE_DR(3, v->debugreg[3]);
	WRITE_DR(7, v->debugreg[7]);
}

/* The bits of it that are the guest's; v is current, or about to be. */
void pv_load_cr4(const struct vcpu *v)
{
	const unsigned long guests = CR4_TSD | CR4_DE;
	unsigned long now = read_cr4(), want = (now & ~guests) | (v->ctrlreg[4] & guests);

	if (unlikely(now != want))
		write_cr4(want);
}

void pv_switch_to(struct vcpu *v)
{
	fast_int80_forget();
	segment_load(v);
	desc_set_width(v->domain->is_32bit);
	pv_load_cr4(v);
	write_root(v->cr3);
	if (unlikely(v->debugreg[7] & DR7_ACTIVE))
		pv_load_debugregs(v);
	if (v->ctrlreg[0] & CR0_TS)
		write_cr0(read_cr0() | CR0_TS);
}

/* The rest looks at the guest's memory and tables. What it meets there may have to be checked or
 * copied first, or end the guest: all that takes locks whose holders may be waiting for this CPU to
 * flush its TLB. */
void pv_switch_done(struct vcpu *v)
{
	load_selectors(v);
	pv_time_switch_to(v);
	if (v->runstate_area)
		pv_runstate_update(v);
}

/* Runs fn with the guest kernel's tables in use: what is registered by virtual address is mapped
 * there only. */
void pv_in_kernel_root(struct vcpu *v, void (*fn)(struct vcpu *v))
{
	bool user = !v->domain->is_32bit && !v->kernel_mode;

	if (user) {
		v->kernel_mode = true;
		mmu_root_changed(v);
	}
	fn(v);
	if (user) {
		v->kernel_mode = false;
		mmu_root_changed(v);
	}
}

static void runstate_write(struct vcpu *v)
{
	bool flag = v->domain->vm_assist >> VMASST_TYPE_runstate_update_flag & 1,
	     narrow = v->domain->is_32bit;
	/* the 32-bit layout has no hole behind state: 64-bit numbers are aligned to 4 there */
	unsigned int at = narrow ? 4 : 8, len = at + 8 + sizeof(v->runstate.time);
	struct vcpu_runstate_info r = v->runstate;
	uint64_t entry = r.state_entry_time;
	uint8_t buf[sizeof(r)];
	gaddr_t area = GADDR(v->runstate_area);

	if (flag) { /* readers wait while the bit is set */
		entry |= XEN_RUNSTATE_UPDATE;
		if (guest_write(GADDR(area.n + at), &entry, sizeof(entry)))
			return;
		wmb();
	}
	memset(buf, 0, sizeof(buf));
	memcpy(buf, &r.state, 4);
	memcpy(buf + at, &entry, 8);
	memcpy(buf + at + 8, r.time, sizeof(r.time));
	if (guest_write(area, buf, len))
		return;
	if (flag) {
		entry &= ~XEN_RUNSTATE_UPDATE;
		wmb();
		if (guest_write(GADDR(area.n + at), &entry, sizeof(entry)))
			return;
	}
}

/* v is current. A place that cannot be written is the guest's loss. */
void pv_runstate_update(struct vcpu *v)
{
	pv_in_kernel_root(v, runstate_write);
}

/* --- debug registers ------------------------------------------------------ */

#define DR7_MAY                                                                              \
	0xffff03fful /* local and global enables, LE, GE, conditions; bit 13 (GD) is not for \
			guests */
#define DR7_GD (1ul << 13)

/* Sets debug register n of v, the current vcpu or one that does not run. */
int debugreg_set(struct vcpu *v, unsigned int n, unsigned long val)
{
	unsigned int i;

	switch (n) {
	case 0 ... 3:
		if ((val && !guest_range_ok(v, GADDR(val), 1)) ||
		    (v->domain->is_32bit && val >= v->domain->hv_start_low))
			return -XEN_EPERM;
		v->debugreg[n] = val;
		break;
	case 4:
	case 6: v->debugreg[6] = DR6_QUIET | (val & DR6_REASONS); break;
	case 5:
	case 7:
		if (val >> 32)
			return -XEN_EINVAL;
		if (val & DR7_GD)
			return -XEN_EPERM;
		for (i = 16; i < 32; i += 4) /* breakpoints on ports would watch the hypervisor's */
			if ((val >> i & 3) == 2)
				return -XEN_EPERM;
		v->debugreg[7] = (val & DR7_MAY) | DR7_QUIET;
		break;
	default: return -XEN_EINVAL;
	}
	if (v == current && (v->debugreg[7] & DR7_ACTIVE || n == 5 || n == 7))
		pv_load_debugregs(v);
	return 0;
}
