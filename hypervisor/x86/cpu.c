/* SPDX-License-Identifier: BSD-2-Clause */
/* What the processor can do, and its control registers as the hypervisor wants them, on each CPU. */
#include <torc/x86.h>
#include <torc/x86_priv.h>
#include <torc/console.h>

#define MSR_ARCH_CAPS	0x10a
#define MSR_PAT		0x277
#define MSR_MISC_ENABLE 0x1a0
#define CR4_BASE_WANTED (CR4_PAE | CR4_PGE | CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_MCE | CR4_DE)
#define CR4_OSXMMEXCPT	(1ul << 10)
#define CR4_MCE		(1ul << 6)
#define ARCH_RDCL_NO	1ull
#define EFER_SCE	1ull
#define EFER_LME	(1ull << 8)
#define EFER_NX		(1ull << 11)

/* The cache attributes an entry's PWT, PCD and PAT bits choose: the ABI's, which guests read from
 * the register. */
#define PAT_VALUE 0x050100070406ull

struct cpu_features cpu_features;
unsigned int nr_cpus = 1;
cpumask_t cpus_online = 1;
uint32_t cpu_apic_id[MAX_CPUS], cpu_acpi_id[MAX_CPUS];

static bool has(uint32_t reg, unsigned int bit)
{
	return reg >> bit & 1;
}

void cpu_find_features(void)
{
	struct cpu_features *f = &cpu_features;
	uint32_t r[4], max, ext_max;

	cpuid(0, 0, r);
	max = r[0];
	f->intel = r[1] == 0x756e6547;			   /* Genu */
	f->amd = r[1] == 0x68747541 || r[1] == 0x6f677948; /* Auth, Hygo */
	cpuid(0x80000000, 0, r);
	ext_max = r[0];

	cpuid(1, 0, r);
	f->pcid = has(r[2], 17);
	f->x2apic = has(r[2], 21);
	f->tsc_deadline = has(r[2], 24);
	f->xsave = has(r[2], 26);
	f->sysenter = has(r[3], 11) && !f->amd; /* AMD's has none in long mode */
	if (max >= 7) {
		cpuid(7, 0, r);
		f->fsgsbase = has(r[1], 0);
		f->smep = has(r[1], 7);
		f->invpcid = has(r[1], 10);
		f->umip = has(r[2], 2);
		f->arch_caps = has(r[3], 29);
	}
	if (max >= 6) {
		cpuid(6, 0, r);
		f->apic_arat = has(r[0], 2);
	}
	cpuid(0x80000001, 0, r);
	f->syscall = has(r[3], 11);
	f->nx = has(r[3], 20);
	f->pages_1g = has(r[3], 26);
	f->rdtscp = has(r[3], 27);
	f->phys_bits = 36;
	if (ext_max >= 0x80000007) {
		cpuid(0x80000007, 0, r);
		f->tsc_invariant = has(r[3], 8);
	}
	if (ext_max >= 0x80000008) {
		cpuid(0x80000008, 0, r);
		f->phys_bits = MIN(r[0] & 0xff, 52u);
	}
	f->cr4_base = CR4_BASE_WANTED;
	if (f->xsave)
		f->cr4_base |= CR4_OSXSAVE;
	if (f->umip)
		f->cr4_base |= CR4_UMIP;
	if (f->fsgsbase)
		f->cr4_base |= CR4_FSGSBASE;
}

void cpu_forbid_xsave(void)
{
	cpu_features.xsave = false;
	cpu_features.cr4_base &= ~CR4_OSXSAVE;
}

/* This CPU's control registers. Its window, GDT and IDT come with desc_init_cpu(). */
void cpu_init(void)
{
	struct cpu_features *f = &cpu_features;

	write_cr0(0x80050033); /* PG AM WP NE ET MP PE: caches on, no EM, no TS */
	write_cr4(f->cr4_base | (f->smep ? CR4_SMEP : 0));
	wrmsr(MSR_EFER, EFER_SCE | EFER_LME | 1ull << 10 | (f->nx ? EFER_NX : 0));
	wrmsr(MSR_PAT, PAT_VALUE);
	fpu_init_cpu();
}

bool rdmsr_safe(uint32_t m, uint64_t *v)
{
	uint32_t lo = 0, hi = 0;
	int failed = 1;

	__asm__ volatile("1: rdmsr\n\txor %0, %0\n2:\n\t" EX_TABLE("1b", "2b")
			 : "+r"(failed), "+a"(lo), "+d"(hi)
			 : "c"(m));
	*v = (uint64_t)hi << 32 | lo;
	return !failed;
}

bool wrmsr_safe(uint32_t m, uint64_t v)
{
	int failed = 1;

	__asm__ volatile("1: wrmsr\n\txor %0, %0\n2:\n\t" EX_TABLE("1b", "2b")
			 : "+r"(failed)
			 : "c"(m), "a"((uint32_t)v), "d"((uint32_t)(v >> 32))
			 : "memory");
	return !failed;
}

/* Meltdown and L1TF: a guest's tables lead to the hypervisor's memory, and hold whatever the guest
 * likes in entries that are not present. (docs/decisions/0019-processors-that-leak.md) */
static bool leaks(void)
{
	uint64_t caps;

	if (!cpu_features.intel)
		return false;
	return !cpu_features.arch_caps || !rdmsr_safe(MSR_ARCH_CAPS, &caps) ||
	       !(caps & ARCH_RDCL_NO);
}

void cpu_report(void)
{
	const struct cpu_features *f = &cpu_features;
	uint32_t r[12];
	char name[49];
	unsigned int i;

	for (i = 0; i < 3; i++)
		cpuid(0x80000002 + i, 0, r + i * 4);
	memcpy(name, r, 48);
	name[48] = '\0';
	for (i = 0; name[i] == ' '; i++)
		;
	log_info("CPU: %s; %u-bit addresses%s%s%s%s%s%s%s", name + i, f->phys_bits,
		 f->nx ? ", nx" : "", f->smep ? ", smep" : "", f->xsave ? ", xsave" : "",
		 f->x2apic ? ", x2apic" : "", f->tsc_deadline ? ", tsc-deadline" : "",
		 f->tsc_invariant ? ", invariant tsc" : "", f->pages_1g ? ", 1 GiB pages" : "");
	if (!f->nx)
		log_warn("CPU: no execute-disable: data is executable");
	if (leaks())
		log_warn("CPU: may show guests all memory (Meltdown, L1TF; not RDCL_NO): "
			 "run none that you do not trust");
}
