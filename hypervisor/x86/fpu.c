/* SPDX-License-Identifier: BSD-2-Clause */
/* Floating-point and vector state, saved and restored on every switch: XSAVE where there is one,
 * FXSAVE else. */
#include <torc/x86.h>
#include <torc/x86_priv.h>
#include <torc/heap.h>

#define XSTATE_X87    1ull
#define XSTATE_SSE    2ull
#define XSTATE_HEADER 512
#define XCR0_OFFERED \
	0x2e7ull /* x87 SSE AVX, AVX-512's three, PKRU: what can be saved in the standard form */
#define MXCSR_DEFAULT 0x1f80
#define FCW_DEFAULT   0x037f
/* CPUID 0x80000008, ebx */
#define RESTORES_POINTERS 0x4u

struct fpu_state { /* the processor's layout: 512 bytes of FXSAVE, then the header, then the rest */
	uint16_t fcw, fsw;
	uint8_t ftw, reserved0;
	uint16_t fop;
	uint64_t fip, fdp;
	uint32_t mxcsr, mxcsr_mask;
	uint8_t regs[480];
	uint64_t xstate_bv, xcomp_bv, reserved1[6];
} __aligned(64);
_Static_assert(offsetof(struct fpu_state, xstate_bv) == XSTATE_HEADER, "the processor's layout");

static uint32_t mxcsr_mask = 0xffbf;
static bool keeps_pointers; /* see pointers_forget() */

static void clear_ts(void)
{
	__asm__ volatile("clts");
}

static void xsetbv(uint64_t v)
{
	__asm__ volatile("xsetbv" ::"c"(0), "a"((uint32_t)v), "d"((uint32_t)(v >> 32)));
}

/*
 * AMD's processors without a bit that says else take up where the last x87 instruction and its
 * operand were only along with a pending exception: a guest would find another's there. After this
 * it finds ours. What else it does to the state is about to be replaced.
 */
static void pointers_forget(void)
{
	static const int32_t zero;

	__asm__ volatile("fnclex\n\tffree %%st(7)\n\tfildl %0" ::"m"(zero));
}

static void pointers_ask(void)
{
	uint32_t r[4];

	cpuid(0x80000000, 0, r);
	if (r[0] >= 0x80000008)
		cpuid(0x80000008, 0, r);
	else
		r[1] = 0;
	keeps_pointers = cpu_features.amd && !(r[1] & RESTORES_POINTERS);
}

void fpu_init_cpu(void)
{
	struct cpu_features *f = &cpu_features;
	static struct fpu_state probe;
	uint32_t r[4];

	clear_ts();
	if (!f->xsave) {
		f->xcr0_all = XSTATE_X87 | XSTATE_SSE;
		f->xsave_size = 512;
	} else if (!f->xcr0_all) { /* the first CPU decides for all */
		cpuid(13, 0, r);
		f->xcr0_all = (r[0] | (uint64_t)r[3] << 32) & XCR0_OFFERED;
		xsetbv(f->xcr0_all);
		cpuid(13, 0, r);
		f->xsave_size = r[1];
		cpuid(13, 1, r);
		f->xsaveopt = r[0] & 1;
	} else {
		xsetbv(f->xcr0_all);
	}
	__asm__ volatile("fninit");
	if (!this_cpu()) {
		pointers_ask();
		__asm__ volatile("fxsave64 %0" : "=m"(probe));
		if (probe.mxcsr_mask)
			mxcsr_mask = probe.mxcsr_mask;
	}
}

struct fpu_state *fpu_alloc(void)
{
	unsigned int order = 0;
	struct fpu_state *f;

	while ((PAGE_SIZE << order) < cpu_features.xsave_size)
		order++;
	f = page_alloc(order);
	if (f)
		fpu_reset(f);
	return f;
}

void fpu_free(struct fpu_state *f)
{
	unsigned int order = 0;

	while ((PAGE_SIZE << order) < cpu_features.xsave_size)
		order++;
	if (f)
		page_free(f, order);
}

void fpu_reset(struct fpu_state *f)
{
	memset(f, 0, cpu_features.xsave_size);
	f->fcw = FCW_DEFAULT;
	f->mxcsr = MXCSR_DEFAULT;
	if (cpu_features.xsave)
		f->xstate_bv = XSTATE_X87 | XSTATE_SSE;
}

void fpu_save(struct fpu_state *f)
{
	clear_ts();
	if (cpu_features.xsave)
		__asm__ volatile("xsave64 %0" : "+m"(*f) : "a"(~0u), "d"(~0u) : "memory");
	else
		__asm__ volatile("fxsave64 %0" : "+m"(*f)::"memory");
}

void fpu_load(const struct fpu_state *f)
{
	clear_ts();
	if (keeps_pointers)
		pointers_forget();
	if (cpu_features.xsave)
		__asm__ volatile("xrstor64 %0" ::"m"(*f), "a"(~0u), "d"(~0u) : "memory");
	else
		__asm__ volatile("fxrstor64 %0" ::"m"(*f) : "memory");
}

/* An image from outside, of size bytes: would loading it fault, or set what no guest may have? */
bool fpu_check(const void *area, uint32_t size)
{
	const struct fpu_state *f = area;
	unsigned int i;

	if (size < 512 || f->mxcsr & ~mxcsr_mask)
		return false;
	if (size == 512)
		return true;
	if (!cpu_features.xsave || size < sizeof(*f) || size > cpu_features.xsave_size)
		return false;
	if (f->xstate_bv & ~cpu_features.xcr0_all || f->xcomp_bv)
		return false;
	for (i = 0; i < ARRAY_SIZE(f->reserved1); i++)
		if (f->reserved1[i])
			return false;
	return true;
}

void fpu_set_fx(struct fpu_state *f, const void *fxsave512)
{
	fpu_reset(f);
	memcpy(f, fxsave512, 512);
	f->mxcsr &= mxcsr_mask; /* reserved bits would fault when loaded */
}

void fpu_get_fx(const struct fpu_state *f, void *fxsave512)
{
	memcpy(fxsave512, f, 512);
}
