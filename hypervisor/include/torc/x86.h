/* SPDX-License-Identifier: BSD-2-Clause */
/* Hardware: what x86/ offers to the layers above. None of it knows a domain. */
#ifndef TORC_X86_H
#define TORC_X86_H

#include <torc/cpu.h>

/* --- registers and instructions ------------------------------------------- */
#define CR0_TS	     (1ul << 3)
#define CR4_VME	     (1ul << 0)
#define CR4_TSD	     (1ul << 2)
#define CR4_DE	     (1ul << 3)
#define CR4_PAE	     (1ul << 5)
#define CR4_PGE	     (1ul << 7)
#define CR4_OSFXSR   (1ul << 9)
#define CR4_UMIP     (1ul << 11)
#define CR4_FSGSBASE (1ul << 16)
#define CR4_PCIDE    (1ul << 17)
#define CR4_OSXSAVE  (1ul << 18)
#define CR4_SMEP     (1ul << 20)
#define CR4_SMAP     (1ul << 21)
#define EFLAGS_CF    0x1u
#define EFLAGS_TF    0x100u
#define EFLAGS_IF    0x200u
#define EFLAGS_DF    0x400u
#define EFLAGS_IOPL  0x3000u
#define EFLAGS_NT    0x4000u
#define EFLAGS_RF    0x10000u
#define EFLAGS_VM    0x20000u
#define EFLAGS_AC    0x40000u
#define EFLAGS_VIF   0x80000u
#define EFLAGS_VIP   0x100000u

/* --- debug status: what made the processor stop, until somebody clears it  */
#define DR6_QUIET   0xffff0ff0ul /* nothing did */
#define DR6_WATCHED 0xful	 /* a bit a breakpoint */
#define DR6_REASONS 0xe00ful	 /* and task switch, step, access to the registers themselves */
#define DR7_ACTIVE  0xfful	 /* two bits a breakpoint: it is on */
#ifdef TORC_HOST_BUILD		 /* tests bring their own */
unsigned long read_dr6(void);
void write_dr6(unsigned long v);
#else
static inline unsigned long read_dr6(void)
{
	unsigned long v;

	__asm__ volatile("mov %%dr6, %0" : "=r"(v));
	return v;
}
static inline void write_dr6(unsigned long v)
{
	__asm__ volatile("mov %0, %%dr6" ::"r"(v));
}
#endif

#define MSR_EFER	   0xc0000080
#define MSR_STAR	   0xc0000081
#define MSR_LSTAR	   0xc0000082
#define MSR_CSTAR	   0xc0000083
#define MSR_SFMASK	   0xc0000084
#define MSR_FS_BASE	   0xc0000100
#define MSR_GS_BASE	   0xc0000101
#define MSR_KERNEL_GS_BASE 0xc0000102
#define MSR_TSC_AUX	   0xc0000103

static inline uint64_t rdmsr(uint32_t m)
{
	uint32_t lo, hi;

	__asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(m));
	return (uint64_t)hi << 32 | lo;
}
static inline void wrmsr(uint32_t m, uint64_t v)
{
	__asm__ volatile("wrmsr" ::"c"(m), "a"((uint32_t)v), "d"((uint32_t)(v >> 32)) : "memory");
}
bool rdmsr_safe(uint32_t m, uint64_t *v); /* false: it faulted */
bool wrmsr_safe(uint32_t m, uint64_t v);
static inline uint64_t rdtsc(void)
{
	uint32_t lo, hi;

	__asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi));
	return (uint64_t)hi << 32 | lo;
}
static inline void cpuid(uint32_t leaf, uint32_t sub, uint32_t r[4])
{
	__asm__ volatile("cpuid"
			 : "=a"(r[0]), "=b"(r[1]), "=c"(r[2]), "=d"(r[3])
			 : "a"(leaf), "c"(sub));
}
#define CR_ACCESSORS(n)                                                  \
	static inline unsigned long read_cr##n(void)                     \
	{                                                                \
		unsigned long v;                                         \
		__asm__ volatile("mov %%cr" #n ", %0" : "=r"(v));        \
		return v;                                                \
	}                                                                \
	static inline void write_cr##n(unsigned long v)                  \
	{                                                                \
		__asm__ volatile("mov %0, %%cr" #n ::"r"(v) : "memory"); \
	}
CR_ACCESSORS(0)
CR_ACCESSORS(2)
CR_ACCESSORS(3)
CR_ACCESSORS(4)
static inline void outb(uint16_t p, uint8_t v)
{
	__asm__ volatile("outb %0, %1" ::"a"(v), "Nd"(p));
}
static inline void outw(uint16_t p, uint16_t v)
{
	__asm__ volatile("outw %0, %1" ::"a"(v), "Nd"(p));
}
static inline void outl(uint16_t p, uint32_t v)
{
	__asm__ volatile("outl %0, %1" ::"a"(v), "Nd"(p));
}
static inline uint8_t inb(uint16_t p)
{
	uint8_t v;
	__asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(p));
	return v;
}
static inline uint16_t inw(uint16_t p)
{
	uint16_t v;
	__asm__ volatile("inw %1, %0" : "=a"(v) : "Nd"(p));
	return v;
}
static inline uint32_t inl(uint16_t p)
{
	uint32_t v;
	__asm__ volatile("inl %1, %0" : "=a"(v) : "Nd"(p));
	return v;
}

/* In inline assembly: if the instruction at label from faults, execution goes on at label to. */
#define EX_TABLE(from, to) \
	".pushsection __ex_table, \"a\"\n\t.long " from " - ., " to " - .\n\t.popsection\n\t"

/* --- page-table entries --------------------------------------------------- */
#define PTE_P	  0x001ull
#define PTE_RW	  0x002ull
#define PTE_US	  0x004ull
#define PTE_PWT	  0x008ull
#define PTE_PCD	  0x010ull
#define PTE_A	  0x020ull
#define PTE_D	  0x040ull
#define PTE_PSE	  0x080ull
#define PTE_PAT	  0x080ull
#define PTE_G	  0x100ull
#define PTE_AVAIL 0xe00ull
#define PTE_NX	  (1ull << 63)
#define PTE_ADDR  0x000ffffffffff000ull
static inline mfn_t pte_mfn(uint64_t e)
{
	return MFN((e & PTE_ADDR) >> PAGE_SHIFT);
}
static inline uint64_t pte_make(mfn_t m, uint64_t flags)
{
	return m.n << PAGE_SHIFT | flags;
}

/* The direct map: every byte of RAM, always mapped, read-write, no-execute. */
#ifdef TORC_HOST_BUILD
extern char *host_ram; /* tests: an arena standing for machine memory from frame 0 */
#define maddr_to_virt(ma) ((void *)(host_ram + (ma)))
#define virt_to_maddr(v)  ((maddr_t)((char *)(v)-host_ram))
#else
#define maddr_to_virt(ma) ((void *)(DIRECTMAP_BASE + (ma)))
maddr_t image_to_maddr(const void *v); /* of Torc's own text and data */
static inline maddr_t virt_to_maddr(const void *v)
{
	unsigned long a = (unsigned long)v;

	return a >= DIRECTMAP_BASE ? a - DIRECTMAP_BASE : image_to_maddr(v);
}
#endif
static inline void *mfn_to_virt(mfn_t m)
{
	return maddr_to_virt(m.n << PAGE_SHIFT);
}
static inline mfn_t virt_to_mfn(const void *v)
{
	return MFN(virt_to_maddr(v) >> PAGE_SHIFT);
}

/* x86/paging.c: the hypervisor's own mappings, the same in every root (slots 256..271 of all are
 * copies). */
void hyp_slots_fill(uint64_t *root, bool guest_32bit); /* writes slots 256..271 of a fresh root;
							  32-bit roots lack the m2p slot */
extern mfn_t idle_root; /* a root with the hypervisor's slots alone */
/* fixed map, for good; PTE_PCD|PTE_PWT for registers */
void *map_device(maddr_t ma, size_t size, uint64_t cache_flags);
/* page of a CPU's window; caller flushes (or is that CPU: done) */
void window_map(unsigned int cpu, unsigned int page, uint64_t pte);
extern mfn_t zero_page;		    /* all zero, for unused GDT pages */
extern mfn_t gdt_page[MAX_CPUS][2]; /* this CPU's page 14: [0] for 64-bit guests, [1] for 32-bit
				       ones */
extern uint64_t *m2p;	/* writable view of the machine-to-phys table, max_mfn entries */
extern uint32_t *m2p32; /* writable view of the 32-bit one: entries for the first 4 Mi frames at
			   most; NULL until ... */
int m2p32_make(void);	/* ... the first 32-bit guest needs it. 0 or -XEN_ENOMEM */
extern uint64_t m2p32_l2e[8]; /* the 2 MiB entries a 32-bit guest's top L2 gets at M2P32_BASE
				 (read-only, user) */

/* x86/tlb.c. Cost is a reload for this CPU, an interrupt and a wait for each other; never call with
 * a lock of RANK_SCHED or above. */
void tlb_flush_local(void);
void tlb_flush_page_local(unsigned long va);
void tlb_flush_cpus(cpumask_t cpus); /* everything but global hypervisor entries; this CPU too if in
					the mask */
void tlb_flush_page_cpus(cpumask_t cpus, unsigned long va);
/* Stamps, so that a flush that already happened is not done again: every flush of a CPU raises its
 * stamp. */
uint32_t tlb_stamp_now(void); /* to keep with a frame when its last mapping may remain in TLBs */
/* Frames' stamps wrap, so they are compared by their age. One that is older than they reach seems
 * younger than it is, which costs a needless flush. */
static inline uint32_t tlb_stamp_later(uint32_t a, uint32_t b)
{
	uint32_t now = tlb_stamp_now();

	return now - a < now - b ? a : b;
}
/* The last moment, by a clock that does not wrap, at which a stamp could have been taken. */
static inline uint64_t tlb_stamp_moment(uint64_t now, uint32_t stamp)
{
	return now - ((uint32_t)now - stamp);
}
cpumask_t tlb_not_flushed_since(cpumask_t cpus, uint32_t stamp);
void write_root(mfn_t root);  /* cr3; counts as a flush */
void cache_flush_local(void); /* wbinvd */

/* x86/smp.c */
void smp_boot(void (*cpu_main)(void)); /* starts every CPU that ACPI names, up to options' limit;
					  each ends in cpu_main */
/* an interrupt that does nothing: it will look at its pending work */
void cpu_kick(unsigned int cpu);
/* runs fn there with interrupts off, waits */
void cpu_call(cpumask_t cpus, void (*fn)(void *), void *arg);
extern uint32_t cpu_apic_id[MAX_CPUS], cpu_acpi_id[MAX_CPUS];

/* x86/apic.c, x86/clock.c */
void apic_eoi(void);
ns_t clock_now(void); /* system time: since boot, monotonic on and across CPUs */
extern uint64_t tsc_khz;
struct clock_scale {
	uint64_t tsc_base;
	ns_t ns_base;
	uint32_t mul;
	int8_t shift;
};					     /* pvclock's terms */
void clock_scale_get(struct clock_scale *s); /* this CPU's, consistent */
void clock_alarm(ns_t deadline);  /* this CPU's one timer; 0 disarms; past: fires at once. Raises
				     WORK_TIMER */
int64_t clock_wall_at_boot(void); /* Unix nanoseconds at system time 0, from the RTC */
void clock_set_wall_at_boot(int64_t ns);
void machine_reboot(void) __noreturn;
void machine_halt(void) __noreturn;
void machine_after_crash(void) __noreturn; /* reboots in five seconds, or halts as noreboot asks */
void machine_poweroff(uint32_t pm1a_cnt, uint32_t pm1b_cnt, uint16_t val_a, uint16_t val_b);

/* x86/fpu.c: eager save and restore. A fresh area is the processor's reset state. */
struct fpu_state *fpu_alloc(void);
void fpu_free(struct fpu_state *);
void fpu_reset(struct fpu_state *f);
void fpu_save(struct fpu_state *);
/* from a guest or stream: bits were checked by fpu_check() */
void fpu_load(const struct fpu_state *);
bool fpu_check(const void *area, uint32_t size);
void fpu_set_fx(struct fpu_state *f, const void *fxsave512); /* vcpu_guest_context's legacy area */
void fpu_get_fx(const struct fpu_state *f, void *fxsave512);

/* x86/desc.c: this CPU's LDT register, for a table of n entries in the window (0: none). */
void desc_load_ldt(unsigned int nr_entries);
void desc_set_width(bool guest_32bit); /* maps the right page 14 and flushes it */
void desc_set_io(bool allowed); /* whether the I/O bitmap (all ports but the reserved ones) applies,
				   or none */

/* x86/access.c: reads and writes that may fault; bytes NOT copied, 0 is success. Addresses are the
 * caller's to have checked. */
size_t copy_may_fault(void *dst, const void *src, size_t n);
/* Most are a word or a few, or a half more, as requests, table entries, results are: in line, for
 * domain/guestmem.c. */
static inline bool copy_is_words(size_t n)
{
	return !(n & 3) && n - 4 <= 124;
}
#ifdef TORC_HOST_BUILD
#define copy_words_may_fault copy_may_fault
#else
/* A few words, not none, the last first: then the count is the index, and what is left of it after
 * a fault. */
static inline size_t copy_whole_words(void *dst, const void *src, size_t n)
{
	unsigned long word;

	/* clang-format off */
	__asm__ volatile ("1: mov -8(%3,%0), %1\n2: mov %1, -8(%2,%0)\n\tsub $8, %0\n\tjnz 1b\n3:\n\t"
			  EX_TABLE("1b", "3b") EX_TABLE("2b", "3b")
			  : "+r" (n), "=&r" (word) : "r" (dst), "r" (src) : "memory");
	/* clang-format on */
	return n;
}
/* The half of a word at the end. */
static inline size_t copy_half(void *dst, const void *src, size_t n)
{
	uint32_t half;

	/* clang-format off */
	__asm__ volatile ("1: movl -4(%3,%0), %1\n2: movl %1, -4(%2,%0)\n\tsub $4, %0\n3:\n\t"
			  EX_TABLE("1b", "3b") EX_TABLE("2b", "3b")
			  : "+r" (n), "=&r" (half) : "r" (dst), "r" (src) : "memory");
	/* clang-format on */
	return n;
}
static inline size_t copy_words_may_fault(void *dst, const void *src, size_t n)
{
	if (n & 4) {
		n = copy_half(dst, src, n);
		if (!n || unlikely(n & 4))
			return n;
	}
	return copy_whole_words(dst, src, n);
}
#endif
bool read_may_fault(void *dst, const void *src, size_t n); /* n of 1, 2, 4, 8: a single access */
bool cmpxchg_may_fault(volatile uint64_t *p, uint64_t *old, uint64_t new);

/* x86/trap.c */
void show_regs(const struct cpu_user_regs *r);	    /* to the console, guest's or ours */
void show_own_stack(const struct cpu_user_regs *r); /* symbolized */

#endif
