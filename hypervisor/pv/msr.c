/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Model-specific registers as a paravirtual guest sees them: few. Bases of fs and gs are the
 * vcpu's, what describes the processor reads as it is or as CPUID promised, what would change it is
 * ignored where every kernel writes it in passing, and all else is #GP.
 */
#include <torc/console.h>
#include <torc/hypercall.h>
#include <torc/io.h>
#include <torc/pv.h>
#include <torc/x86.h>

#define MSR_TSC		  0x10
#define MSR_APIC_BASE	  0x1b
#define MSR_UCODE_REV	  0x8b
#define MSR_MTRR_CAP	  0xfe
#define MSR_MCG_CAP	  0x179 /* machine checks: no banks */
#define MSR_MCG_STATUS	  0x17a
#define MSR_MISC_ENABLE	  0x1a0
#define MSR_MTRR_FIRST	  0x200
#define MSR_MTRR_LAST	  0x26f
#define MSR_PAT		  0x277
#define MSR_MTRR_DEF_TYPE 0x2ff
#define MSR_AMD_SYSCFG	  0xc0010010
#define MSR_AMD_HWCR	  0xc0010015
#define MSR_AMD_TOP_MEM	  0xc001001a
#define MSR_AMD_TOP_MEM2  0xc001001d
#define MSR_AMD_MMIO_CONF 0xc0010058
#define MSR_AMD_TSEG	  0xc0010112
#define MSR_AMD_DE_CFG	  0xc0011029

#define MSR_XEN_HYPERCALL 0x40000000

#define APIC_BASE_BSP	  0x100ull
#define APIC_BASE_ENABLE  0x800ull
#define PAT_ABI		  0x0000050100070406ull /* what the ABI promises for entries 0..7 */
#define EFER_SCE	  0x001ull
#define EFER_LME	  0x100ull
#define EFER_LMA	  0x400ull
#define EFER_NX		  0x800ull
#define HWCR_TSC_FREQ_SEL (1ull << 24)
#define DE_CFG_LFENCE	  (1ull << 1)
/* MISC_ENABLE bits: performance monitoring and MONITOR are not there, branch and event sampling
 * unavailable */
#define MISC_ENABLE_OFF (1ull << 7 | 1ull << 18)
#define MISC_ENABLE_ON	(1ull << 11 | 1ull << 12)

static uint64_t efer_seen(const struct domain *d)
{
	uint64_t efer = rdmsr(MSR_EFER);

	return efer & (d->is_32bit ? EFER_NX : EFER_SCE | EFER_LME | EFER_LMA | EFER_NX);
}

/* The control domain drives the machine's memory types and looks at where memory ends. */
static bool control_may_read(uint32_t msr)
{
	return msr == MSR_MTRR_CAP || (msr >= MSR_MTRR_FIRST && msr <= MSR_MTRR_LAST) ||
	       msr == MSR_MTRR_DEF_TYPE || msr == MSR_AMD_SYSCFG ||
	       (msr >= MSR_AMD_TOP_MEM && msr <= MSR_AMD_TOP_MEM2) || msr == MSR_AMD_MMIO_CONF ||
	       msr == MSR_AMD_TSEG;
}

bool guest_rdmsr(struct vcpu *v, uint32_t msr, uint64_t *val)
{
	const struct domain *d = v->domain;

	switch (msr) {
	case MSR_FS_BASE:
		if (d->is_32bit)
			break;
		*val = rdmsr(MSR_FS_BASE);
		return true;
	case MSR_GS_BASE:
		if (d->is_32bit)
			break;
		*val = rdmsr(MSR_GS_BASE);
		return true;
	case MSR_KERNEL_GS_BASE:
		if (d->is_32bit)
			break;
		*val = rdmsr(MSR_KERNEL_GS_BASE);
		return true;
	case MSR_EFER: *val = efer_seen(d); return true;
	case MSR_TSC: *val = rdtsc(); return true;
	case MSR_APIC_BASE:
		*val = 0xfee00000ull | APIC_BASE_ENABLE | (v->id ? 0 : APIC_BASE_BSP);
		return true;
	case MSR_PAT: *val = PAT_ABI; return true;
	case MSR_MCG_CAP:
	case MSR_MCG_STATUS: *val = 0; return true;
	case MSR_UCODE_REV:
		if (!rdmsr_safe(msr, val))
			*val = 0;
		return true;
	case MSR_MISC_ENABLE:
		if (!cpu_features.intel || !rdmsr_safe(msr, val))
			break;
		*val = (*val & ~MISC_ENABLE_OFF) | MISC_ENABLE_ON;
		return true;
	case MSR_AMD_HWCR:
		if (!cpu_features.amd)
			break;
		*val = HWCR_TSC_FREQ_SEL;
		return true;
	case MSR_AMD_DE_CFG:
		if (!cpu_features.amd)
			break;
		*val = DE_CFG_LFENCE;
		return true;
	default:
		if (d->privileged && control_may_read(msr) && rdmsr_safe(msr, val))
			return true;
		break;
	}
	log_guest(d->id, LOG_DEBUG, "v%u: read of MSR %#x refused", v->id, msr);
	return false;
}

/* The ABI's way to ask for a hypercall page: frame and page number (only 0) in one. */
static bool hypercall_page(struct domain *d, uint64_t val)
{
	void *page;

	if (val & ~PAGE_MASK)
		return false;
	page = guest_frame_map(d, MFN(val >> PAGE_SHIFT), true);
	if (!page)
		return false;
	hypercall_page_fill(d, page);
	dirty_mark(d, MFN(val >> PAGE_SHIFT));
	guest_frame_unmap(page, true);
	return true;
}

static bool canonical(uint64_t a)
{
	return (int64_t)(a << 16) >> 16 == (int64_t)a;
}

bool guest_wrmsr(struct vcpu *v, uint32_t msr, uint64_t val)
{
	const struct domain *d = v->domain;
	uint64_t old;

	switch (msr) {
	case MSR_FS_BASE:
	case MSR_GS_BASE:
	case MSR_KERNEL_GS_BASE:
		if (d->is_32bit || !canonical(val))
			break;
		if (msr == MSR_FS_BASE)
			return !segment_set_base(v, SEGBASE_FS, val);
		/* In the kernel, the active base is the kernel's. */
		return !segment_set_base(v, msr == MSR_GS_BASE ? SEGBASE_GS_KERNEL : SEGBASE_GS_USER,
					 val);
	case MSR_XEN_HYPERCALL:
		if (hypercall_page(v->domain, val))
			return true;
		break;
	case MSR_TSC:
	case MSR_APIC_BASE: return true;
	case MSR_EFER:
		if (val == efer_seen(d))
			return true;
		break;
	case MSR_PAT:
		if (val == PAT_ABI)
			return true;
		break;
	case MSR_MCG_STATUS:
	case MSR_UCODE_REV:
		if (!val) /* how its number is asked for */
			return true;
		break;
	case MSR_MISC_ENABLE:
	case MSR_AMD_HWCR:
	case MSR_AMD_DE_CFG:
		if (guest_rdmsr(v, msr, &old) && old == val)
			return true;
		break;
	}
	log_guest(d->id, LOG_DEBUG, "v%u: write of %#lx to MSR %#x refused", v->id,
		  (unsigned long)val, msr);
	return false;
}
