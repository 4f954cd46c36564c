/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * CPUID for guests: the processor's own answers, with features taken out that a paravirtual guest
 * cannot have, and the hypervisor's leaves. The lists name what is offered: a feature that nobody
 * here has thought about is not. Much of CPUID cannot be made to trap, so this is what a
 * cooperating guest sees; whatever must not be used is refused where it is used, too.
 */
#include <xen/arch-x86/cpufeatureset.h>
#include <xen/arch-x86/cpuid.h>
#include <torc/cpuid.h>
#include <torc/heap.h>
#include <torc/pv.h>
#include <torc/x86.h>

enum { A, B, C, D };

#define BIT(name)    (1u << (XEN_X86_FEATURE_##name % 32))
#define BASIC_MAX    0xdu
#define EXTENDED_MAX 0x80000008u
#define EXTENDED     0x80000000u
/* those bits of leaf 1 that AMD repeats in leaf 0x80000001 */
#define AMD_COMMON 0x0183f3ffu

#define AVX512                                                                             \
	(BIT(AVX512F) | BIT(AVX512DQ) | BIT(AVX512_IFMA) | BIT(AVX512PF) | BIT(AVX512ER) | \
	 BIT(AVX512CD) | BIT(AVX512BW) | BIT(AVX512VL))
#define AVX512_C                                                                        \
	(BIT(AVX512_VBMI) | BIT(AVX512_VBMI2) | BIT(AVX512_VNNI) | BIT(AVX512_BITALG) | \
	 BIT(AVX512_VPOPCNTDQ))

/* Left out although the processor could: what needs MSRs that are not switched (RDTSCP, IBRS and
 * kin, thermal), superpages and global pages (PSE, PGE), address-space identifiers, virtualization.
 * Machine checks are offered, and have no banks. */
static const uint32_t offered[NR_CPUID_WORDS] = {
	[CW_1D] = BIT(FPU) | BIT(DE) | BIT(TSC) | BIT(MSR) | BIT(PAE) | BIT(MCE) | BIT(CX8) |
		  BIT(APIC) | BIT(MCA) | BIT(SEP) | BIT(CMOV) | BIT(PAT) | BIT(CLFLUSH) | BIT(MMX) |
		  BIT(FXSR) | BIT(SSE) | BIT(SSE2) | BIT(SS),
	[CW_1C] = BIT(SSE3) | BIT(PCLMULQDQ) | BIT(SSSE3) | BIT(FMA) | BIT(CX16) | BIT(SSE4_1) |
		  BIT(SSE4_2) | BIT(MOVBE) | BIT(POPCNT) | BIT(AESNI) | BIT(XSAVE) | BIT(AVX) |
		  BIT(F16C) | BIT(RDRAND),
	[CW_E1D] = BIT(SYSCALL) | BIT(NX) | BIT(MMXEXT) | BIT(FFXSR) | BIT(LM) | BIT(3DNOWEXT) |
		   BIT(3DNOW),
	[CW_E1C] = BIT(LAHF_LM) | BIT(ABM) | BIT(SSE4A) | BIT(MISALIGNSSE) | BIT(3DNOWPREFETCH) |
		   BIT(XOP) | BIT(FMA4) | BIT(TBM),
	[CW_DA1] = BIT(XSAVEOPT) | BIT(XSAVEC) | BIT(XGETBV1),
	[CW_7B0] = BIT(BMI1) | BIT(AVX2) | BIT(BMI2) | BIT(ERMS) | BIT(RDSEED) | BIT(ADX) |
		   BIT(CLFLUSHOPT) | BIT(CLWB) | BIT(SHA) | AVX512,
	[CW_7C0] = BIT(PREFETCHWT1) | BIT(GFNI) | BIT(VAES) | BIT(VPCLMULQDQ) | BIT(CLDEMOTE) |
		   AVX512_C,
	[CW_E7D] = 0,
	[CW_E8B] = BIT(CLZERO) | BIT(RSTR_FP_ERR_PTRS),
	[CW_7D0] = BIT(AVX512_4VNNIW) | BIT(AVX512_4FMAPS) | BIT(FSRM) | BIT(MD_CLEAR) |
		   BIT(SERIALIZE),
	[CW_7A1] = BIT(AVX_VNNI) | BIT(AVX512_BF16) | BIT(FZRM) | BIT(FSRS) | BIT(FSRCS),
};

/* What goes away with XSAVE, and with AVX-512's state. */
static const uint32_t needs_xsave[NR_CPUID_WORDS] = {
	[CW_1C] = BIT(XSAVE) | BIT(AVX) | BIT(FMA) | BIT(F16C),
	[CW_E1C] = BIT(XOP) | BIT(FMA4),
	[CW_DA1] = ~0u,
	[CW_7B0] = BIT(AVX2),
	[CW_7C0] = BIT(VAES) | BIT(VPCLMULQDQ),
	[CW_7A1] = BIT(AVX_VNNI),
};
static const uint32_t needs_avx512[NR_CPUID_WORDS] = {
	[CW_7B0] = AVX512,
	[CW_7C0] = AVX512_C,
	[CW_7D0] = BIT(AVX512_4VNNIW) | BIT(AVX512_4FMAPS),
	[CW_7A1] = BIT(AVX512_BF16),
};
#define XCR0_LEGACY	  0x03ull
#define XSAVE_LEGACY_SIZE 576
#define XCR0_AVX	  0x04ull
#define XCR0_AVX512	  0xe0ull

static const struct {
	uint32_t leaf, sub;
	uint8_t reg;
} word_at[NR_CPUID_WORDS] = {
	[CW_1D] = { 1, 0, D },		 [CW_1C] = { 1, 0, C },
	[CW_E1D] = { 0x80000001, 0, D }, [CW_E1C] = { 0x80000001, 0, C },
	[CW_DA1] = { 0xd, 1, A },	 [CW_7B0] = { 7, 0, B },
	[CW_7C0] = { 7, 0, C },		 [CW_E7D] = { 0x80000007, 0, D },
	[CW_E8B] = { 0x80000008, 0, B }, [CW_7D0] = { 7, 0, D },
	[CW_7A1] = { 7, 1, A },
};

static uint32_t host_max(uint32_t base)
{
	uint32_t r[4];

	cpuid(base, 0, r);
	return r[A] >= base && r[A] < base + 0x10000 ? r[A] : base;
}

static uint32_t host_word(enum cpuid_word w)
{
	uint32_t leaf = word_at[w].leaf, r[4];

	if (leaf > host_max(leaf & EXTENDED))
		return 0;
	if (leaf == 7 && word_at[w].sub) {
		cpuid(7, 0, r);
		if (r[A] < word_at[w].sub)
			return 0;
	}
	cpuid(leaf, word_at[w].sub, r);
	return r[word_at[w].reg];
}

static uint32_t word(const struct domain *d, enum cpuid_view view, enum cpuid_word w)
{
	bool control = view == VIEW_HOST || (d && d->privileged);
	uint32_t v = host_word(w);

	if (view == VIEW_RAW)
		return v;
	/* The control domain manages the machine, and does not migrate; but it takes counters that
	 * run evenly for counters that agree. */
	v &= offered[w] | (control && w == CW_1D ? BIT(MTRR) : 0) |
	     (control && w == CW_E7D && cpu_features.tsc_invariant ? BIT(ITSC) : 0);
	if (!cpu_features.xsave || !(cpu_features.xcr0_all & XCR0_AVX))
		v &= ~needs_xsave[w];
	if (!cpu_features.xsave || (cpu_features.xcr0_all & XCR0_AVX512) != XCR0_AVX512)
		v &= ~needs_avx512[w];
	if (d && d->is_32bit) {
		if (w == CW_E1D)
			v &= ~(BIT(LM) | (cpu_features.amd ? 0 : BIT(SYSCALL)));
		if (w == CW_E1C)
			v &= ~BIT(LAHF_LM);
		if (w == CW_1C)
			v &= ~BIT(CX16);
	}
	if (d && d->cpuid)
		v &= d->cpuid->word[w];
	if (w == CW_1C)
		v |= BIT(HYPERVISOR);
	return v;
}

/* A word with the copies AMD keeps of another. */
static uint32_t extended_1d(const struct domain *d, enum cpuid_view view)
{
	return word(d, view, CW_E1D) | (cpu_features.amd ? word(d, view, CW_1D) & AMD_COMMON : 0);
}

/* The states that go with the features that are offered: a kernel saves no others, and checks the
 * sizes. */
uint64_t cpuid_states(const struct domain *d, enum cpuid_view view)
{
	uint64_t states = XCR0_LEGACY;

	if (!(word(d, view, CW_1C) & BIT(XSAVE)))
		return 0;
	if (word(d, view, CW_1C) & BIT(AVX))
		states |= XCR0_AVX;
	if (word(d, view, CW_7B0) & BIT(AVX512F))
		states |= XCR0_AVX512;
	return states & cpu_features.xcr0_all;
}

/* Of the standard form: up to the end of the last state. */
static uint32_t states_size(uint64_t states)
{
	uint32_t size = XSAVE_LEGACY_SIZE, r[4];

	for (unsigned int i = 2; i < 63; i++) {
		if (!(states >> i & 1))
			continue;
		cpuid(0xd, i, r);
		size = MAX(size, r[A] + r[B]);
	}
	return size;
}

static void xsave_leaf(const struct domain *d, enum cpuid_view view, uint64_t xcr0, uint32_t sub,
		       uint32_t r[4])
{
	uint64_t states = cpuid_states(d, view);

	if (!(word(d, view, CW_1C) & BIT(XSAVE))) {
		memset(r, 0, 16);
		return;
	}
	if (sub == 0) {
		r[A] = (uint32_t)states;
		r[D] = states >> 32;
		r[B] = states_size(states & xcr0);
		r[C] = states_size(states);
	} else if (sub == 1) {
		r[A] = word(d, view, CW_DA1);
		r[C] = r[D] = 0; /* no supervisor states */
	} else if (sub > 62 || !(states >> sub & 1)) {
		memset(r, 0, 16);
	}
}

static void hypervisor_leaf(uint32_t leaf, uint32_t sub, uint32_t r[4])
{
	memset(r, 0, 16);
	switch (leaf - XEN_CPUID_FIRST_LEAF) {
	case 0:
		r[A] = XEN_CPUID_LEAF(XEN_CPUID_MAX_NUM_LEAVES);
		r[B] = XEN_CPUID_SIGNATURE_EBX;
		r[C] = XEN_CPUID_SIGNATURE_ECX;
		r[D] = XEN_CPUID_SIGNATURE_EDX;
		break;
	case 1: r[A] = 4u << 16 | 17; break;
	case 2:
		r[A] = 1; /* one hypercall page, by this MSR */
		r[B] = XEN_CPUID_FIRST_LEAF;
		r[C] = XEN_CPUID_FEAT1_MMU_PT_UPDATE_PRESERVE_AD;
		break;
	case 3:
		if (sub == 0) {
			r[A] = cpu_features.tsc_invariant ? 2 : 0;
			r[C] = (uint32_t)tsc_khz;
		} else if (sub == 2) {
			r[A] = (uint32_t)tsc_khz;
		}
		break;
	case 5:
		if (sub == 0)
			r[B] = cpu_features.phys_bits & XEN_CPUID_MACHINE_ADDRESS_WIDTH_MASK;
		break;
	}
}

void cpuid_leaf(const struct domain *d, enum cpuid_view view, unsigned int vcpu, unsigned long cr4,
		uint64_t xcr0, uint32_t leaf, uint32_t sub, uint32_t r[4])
{
	if (view == VIEW_GUEST && leaf >> 16 == 0x4000) {
		hypervisor_leaf(leaf, sub, r);
		return;
	}
	if (leaf > MIN(host_max(leaf & EXTENDED), leaf & EXTENDED ? EXTENDED_MAX : BASIC_MAX)) {
		memset(r, 0, 16);
		return;
	}
	cpuid(leaf, sub, r);
	if (view == VIEW_RAW)
		return;
	switch (leaf) {
	case 0: r[A] = MIN(r[A], BASIC_MAX); break;
	case 1:
		r[B] = (r[B] & 0xff00) | (vcpu * 2 & 0xff) << 24;
		r[C] = word(d, view, CW_1C);
		if (cr4 & CR4_OSXSAVE && r[C] & BIT(XSAVE))
			r[C] |= BIT(OSXSAVE);
		r[D] = word(d, view, CW_1D);
		break;
	case 2: break;
	case 4:
		r[A] &= 0x3fff; /* each vcpu by itself: it may run anywhere */
		break;
	case 7:
		if (sub == 0) {
			r[A] = MIN(r[A], 1u);
			r[B] = word(d, view, CW_7B0);
			r[C] = word(d, view, CW_7C0);
			r[D] = word(d, view, CW_7D0);
		} else {
			r[A] = sub == 1 ? word(d, view, CW_7A1) : 0;
			r[B] = r[C] = r[D] = 0;
		}
		break;
	case 0xd: xsave_leaf(d, view, xcr0, sub, r); break;
	case EXTENDED: r[A] = MIN(r[A], EXTENDED_MAX); break;
	case 0x80000001:
		r[C] = word(d, view, CW_E1C);
		r[D] = extended_1d(d, view);
		break;
	case 0x80000002 ... 0x80000006: break;
	case 0x80000007:
		r[A] = r[B] = r[C] = 0;
		r[D] = word(d, view, CW_E7D);
		break;
	case 0x80000008:
		r[A] &= 0xffff;
		r[B] = word(d, view, CW_E8B);
		r[C] = r[D] = 0;
		break;
	default: /* monitor, thermal, counters, topology */ memset(r, 0, 16); break;
	}
}

void guest_cpuid(const struct vcpu *v, uint32_t leaf, uint32_t sub, uint32_t r[4])
{
	/* CR4.OSXSAVE is always on where there is XSAVE, and kernels take it from here whether they
	 * may use it. */
	cpuid_leaf(v->domain, VIEW_GUEST, v->id, cpu_features.xsave ? CR4_OSXSAVE : 0, v->xcr0,
		   leaf, sub, r);
}

/* --- for tools ------------------------------------------------------------ */

static unsigned int sub_leaves(uint32_t leaf)
{
	switch (leaf) {
	case 4: return 4;
	case 7: return 2;
	case 0xb: return 2;
	case 0xd: return 63;
	default: return 0; /* has none */
	}
}

unsigned int cpuid_leaves(const struct domain *d, enum cpuid_view view, xen_cpuid_leaf_t *out,
			  unsigned int max)
{
	static const uint32_t bases[] = { 0, EXTENDED };
	unsigned int n = 0;

	for (unsigned int b = 0; b < ARRAY_SIZE(bases); b++) {
		uint32_t last = MIN(host_max(bases[b]), bases[b] ? EXTENDED_MAX : BASIC_MAX);

		for (uint32_t leaf = bases[b]; leaf <= last; leaf++) {
			unsigned int subs = sub_leaves(leaf);

			for (uint32_t sub = 0; sub < MAX(subs, 1u); sub++) {
				uint32_t r[4];

				/* empty ones too: tools take the number of leaves for the room that
				 * a policy needs */
				cpuid_leaf(d, view, 0, 0, XCR0_LEGACY, leaf, sub, r);
				if (n < max)
					out[n] = (xen_cpuid_leaf_t){
						leaf, subs ? sub : XEN_CPUID_NO_SUBLEAF,
						r[A], r[B],
						r[C], r[D]
					};
				n++;
			}
		}
	}
	for (uint32_t leaf = XEN_CPUID_FIRST_LEAF; leaf <= XEN_CPUID_FIRST_LEAF + 0x100;
	     leaf += 0x100) {
		/* how many leaves a hypervisor has: no limit set, by either name */
		if (n < max)
			out[n] = (xen_cpuid_leaf_t){ .leaf = leaf, .subleaf = XEN_CPUID_NO_SUBLEAF };
		n++;
	}
	return n;
}

void cpuid_featureset(enum cpuid_view view, uint32_t out[FEATURESET_WORDS])
{
	memset(out, 0, FEATURESET_WORDS * sizeof(*out));
	for (unsigned int w = 0; w < NR_CPUID_WORDS; w++)
		out[w] = word(NULL, view, w);
}

int cpuid_policy_set(struct domain *d, const xen_cpuid_leaf_t *l)
{
	const uint32_t r[4] = { l->a, l->b, l->c, l->d };
	uint32_t sub = l->subleaf == XEN_CPUID_NO_SUBLEAF ? 0 : l->subleaf;

	if (!d->cpuid) {
		d->cpuid = zalloc(sizeof(*d->cpuid));
		if (!d->cpuid)
			return -XEN_ENOMEM;
		memset(d->cpuid->word, 0xff, sizeof(d->cpuid->word));
	}
	for (unsigned int w = 0; w < NR_CPUID_WORDS; w++)
		if (word_at[w].leaf == l->leaf && word_at[w].sub == sub)
			d->cpuid->word[w] = r[word_at[w].reg];
	return 0;
}
