/* SPDX-License-Identifier: BSD-2-Clause */
/* Segment bases that a 64-bit kernel sets by hypercall. It runs with its own gs base, and its
 * process's waits for swapgs. */
#include <torc/pv.h>
#include <torc/why.h>
#include <torc/x86.h>

static bool canonical(unsigned long a)
{
	return (long)(a << 16) >> 16 == (long)a;
}

/* The user's gs by selector: its base comes from the descriptor, by loading it for a moment. False:
 * the processor refused. */
static bool gs_base_by_selector(uint16_t sel, uint64_t *base)
{
	uint64_t kernel = rdmsr(MSR_GS_BASE);
	bool ok = true;

	__asm__ volatile("1: mov %1, %%gs\n\tjmp 3f\n2: movb $0, %0\n3:\n\t" EX_TABLE("1b", "2b")
			 : "+m"(ok)
			 : "r"((uint32_t)sel)
			 : "memory");
	if (!ok)
		__asm__ volatile("mov %0, %%gs" ::"r"(0));
	/* A null selector leaves the base alone on some processors. */
	*base = sel & ~3u && ok ? rdmsr(MSR_GS_BASE) : 0;
	wrmsr(MSR_GS_BASE, kernel);
	return ok;
}

long segment_set_base(struct vcpu *v, unsigned int which, unsigned long base)
{
	uint64_t b;

	ASSERT(v == current && v->kernel_mode);
	if (which != SEGBASE_GS_USER_SEL && !canonical(base))
		return refuse(v, -XEN_EINVAL, "segment base %#lx is not canonical", base);
	switch (which) {
	case SEGBASE_FS: wrmsr(MSR_FS_BASE, base); return 0;
	case SEGBASE_GS_USER: wrmsr(MSR_KERNEL_GS_BASE, base); return 0;
	case SEGBASE_GS_KERNEL: wrmsr(MSR_GS_BASE, base); return 0;
	case SEGBASE_GS_USER_SEL:
		/* One that cannot be loaded counts as null, like everywhere a guest's selector
		 * turns bad. */
		gs_base_by_selector(guest_fixup_selector(v->domain, base), &b);
		wrmsr(MSR_KERNEL_GS_BASE, b);
		return 0;
	default: return refuse(v, -XEN_EINVAL, "segment base %u: 0 to 3 are known", which);
	}
}
