/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Descriptor tables: each CPU's GDT page (in two versions, for 64-bit and for 32-bit guests), TSS
 * and stacks in its window, and the IDT, which all share.
 */
#include <torc/x86.h>
#include <torc/x86_priv.h>
#include <torc/hooks.h>
#include <torc/heap.h>

#define GDT_RESERVED_BASE    \
	(GDT_RESERVED_PAGE * \
	 PAGE_SIZE) /* byte offset of our page, which selectors count from 0xe000 */
#define TSS_IO_BITMAP	 104
#define TSS_LIMIT	 (TSS_IO_BITMAP + 65536 / 8)
#define NO_IO_BITMAP	 0xffff
#define MSR_SYSENTER_CS	 0x174
#define MSR_SYSENTER_ESP 0x175
#define MSR_SYSENTER_EIP 0x176

struct tss {
	uint32_t reserved0;
	uint64_t rsp[3], reserved1, ist[7], reserved2;
	uint16_t reserved3, io_bitmap;
} __packed;
_Static_assert(sizeof(struct tss) == TSS_IO_BITMAP, "the processor's TSS");

struct gate {
	uint16_t offset0, selector;
	uint8_t ist, type;
	uint16_t offset1;
	uint32_t offset2, reserved;
};
struct table_pointer {
	uint16_t limit;
	uint64_t base;
} __packed;

enum { IST_DB = 1, IST_NMI, IST_DF, IST_MC };

_Static_assert((STACK_SIZE - sizeof(struct cpu_info) + offsetof(struct cpu_info, guest_regs.es)) %
			       16 ==
		       0,
	       "the processor aligns rsp0 to 16");

extern const char trap_stubs[], stub_page[], stub_syscall32[], stub_sysenter[];
extern char boot_stack[];
void stack_move(unsigned long delta);

mfn_t gdt_page[MAX_CPUS][2], zero_page;
static struct gate idt[256] __aligned(4096);
static uint64_t first_gdt[512] __aligned(4096); /* the first CPU's page for 64-bit guests */
static uint8_t zeroes[PAGE_SIZE] __aligned(4096);
static uint8_t io_reserved[65536 / 8 / 8 * 8]; /* bit a port no guest gets */
static uint8_t width_is_32[MAX_CPUS];

static void fill_gdt_page(uint64_t *page, bool guest_32bit, unsigned int cpu)
{
	unsigned long tss = CPU_WINDOW(cpu) + WINDOW_TSS, ldt = CPU_WINDOW(cpu) + WINDOW_LDT;
	uint64_t *e = page; /* entry 0 is selector 0xe000 */

	memset(page, 0, PAGE_SIZE);
	e[(HYP_CS & 0xfff) / 8] = 0x00af9b000000ffff;
	e[(HYP_DS & 0xfff) / 8] = 0x00cf93000000ffff;
	if (guest_32bit) {
		e[0x018 / 8] = 0x00cfbb000000ffff; /* FLAT_RING1_CS */
		e[0x020 / 8] = 0x00cfb3000000ffff; /* FLAT_RING1_DS */
		e[0x028 / 8] = 0x00cffb000000ffff; /* FLAT_RING3_CS */
		e[0x030 / 8] = 0x00cff3000000ffff; /* FLAT_RING3_DS */
	} else {
		e[0x020 / 8] = 0x00cffb000000ffff; /* FLAT_RING3_CS32 */
		e[0x028 / 8] = 0x00cff3000000ffff; /* FLAT_RING3_DS */
		e[0x030 / 8] = 0x00affb000000ffff; /* FLAT_RING3_CS64 */
	}
	e[(HYP_TSS & 0xfff) / 8] = (TSS_LIMIT & 0xffff) | (tss & 0xffffff) << 16 | 0x89ull << 40 |
				   (tss >> 24 & 0xff) << 56;
	e[(HYP_TSS & 0xfff) / 8 + 1] = tss >> 32;
	e[(HYP_LDT & 0xfff) / 8] = 0xffff | (ldt & 0xffffff) << 16 | 0x82ull << 40 |
				   (ldt >> 24 & 0xff) << 56;
	e[(HYP_LDT & 0xfff) / 8 + 1] = ldt >> 32;
}

static void load_gdt(unsigned long base)
{
	struct table_pointer p = { GDT_RESERVED_BASE + PAGE_SIZE - 1, base };
	unsigned long cs = HYP_CS;

	__asm__ volatile(
		"lgdt %0\n\tpush %1\n\tlea 1f(%%rip), %%rax\n\tpush %%rax\n\tlretq\n1:" ::"m"(p),
		"r"(cs)
		: "rax", "memory");
	__asm__ volatile("mov %0, %%ss" ::"r"(HYP_DS));
}

static void load_idt(void)
{
	struct table_pointer p = { sizeof(idt) - 1, (unsigned long)idt };

	__asm__ volatile("lidt %0" ::"m"(p));
}

static void set_gate(unsigned int v, unsigned int dpl, unsigned int ist)
{
	unsigned long to = (unsigned long)trap_stubs + v * 16;

	idt[v] = (struct gate){ .offset0 = (uint16_t)to,
				.selector = HYP_CS,
				.ist = (uint8_t)ist,
				.type = (uint8_t)(0x8e | dpl << 5),
				.offset1 = (uint16_t)(to >> 16),
				.offset2 = (uint32_t)(to >> 32) };
}

void desc_init_early(void)
{
	unsigned int v;

	fill_gdt_page(first_gdt, false, 0);
	load_gdt((unsigned long)first_gdt - GDT_RESERVED_BASE);
	/* Only these may be called by guests: breakpoint, overflow, Linux' old system call, and a
	 * 32-bit kernel's (ring 1) hypercall. */
	for (v = 0; v < 256; v++)
		set_gate(v, v == 3 || v == 4 || v == 0x80 ? 3 : v == 0x82 ? 1 : 0, 0);
	load_idt();
	zero_page = virt_to_mfn(zeroes);
}

static void map_pages(unsigned int cpu, unsigned long at, void *page, unsigned int n, uint64_t flags)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		window_map(cpu, (unsigned int)(at / PAGE_SIZE) + i,
			   pte_make(MFN(virt_to_mfn(page).n + i), flags));
}

void desc_make_window(unsigned int cpu)
{
	const uint64_t rw = PTE_P | PTE_RW | PTE_A | PTE_D | PTE_NX, ro = PTE_P | PTE_A | PTE_NX;
	char *stack = cpu ? page_alloc(3) : boot_stack, *ist[4], *tss = page_alloc(2);
	uint64_t *gdt64 = cpu ? page_alloc(0) : first_gdt, *gdt32 = page_alloc(0);
	static const unsigned int ist_at[4] = { WINDOW_DB_STACK, WINDOW_NMI_STACK, WINDOW_DF_STACK,
						WINDOW_MC_STACK };
	struct cpu_info *info, *copy;
	unsigned int i;
	struct tss *t;

	for (i = 0; i < 4; i++)
		ist[i] = page_alloc(0);
	if (!stack || !tss || !gdt64 || !gdt32 || !ist[0] || !ist[1] || !ist[2] || !ist[3])
		panic("no memory for CPU %u's stacks", cpu);

	fill_gdt_page(gdt64, false, cpu);
	fill_gdt_page(gdt32, true, cpu);
	gdt_page[cpu][0] = virt_to_mfn(gdt64);
	gdt_page[cpu][1] = virt_to_mfn(gdt32);
	for (i = 0; i < 16; i++)
		window_map(cpu, WINDOW_GDT / PAGE_SIZE + i, pte_make(zero_page, ro));
	/* Writable: the processor sets accessed and busy bits. No guest can reach it. */
	window_map(cpu, WINDOW_GDT / PAGE_SIZE + GDT_RESERVED_PAGE, pte_make(gdt_page[cpu][0], rw));
	window_map(cpu, WINDOW_STUB / PAGE_SIZE, pte_make(virt_to_mfn(stub_page), PTE_P | PTE_A));
	for (i = 0; i < 4; i++)
		map_pages(cpu, ist_at[i], ist[i], 1, rw | PTE_G);
	map_pages(cpu, WINDOW_TSS, tss, 3, rw | PTE_G);
	map_pages(cpu, WINDOW_STACK, stack, STACK_SIZE / PAGE_SIZE, rw | PTE_G);

	info = (struct cpu_info *)(stack + STACK_SIZE - sizeof(*info));
	copy = (struct cpu_info *)(ist[3] + PAGE_SIZE - sizeof(*copy));
	info->cpu = copy->cpu = cpu;

	t = (struct tss *)tss;
	t->rsp[0] = (unsigned long)&cpu_info_of(cpu)->guest_regs.es;
	t->ist[IST_DB - 1] = CPU_WINDOW(cpu) + WINDOW_DB_STACK + PAGE_SIZE;
	t->ist[IST_NMI - 1] = CPU_WINDOW(cpu) + WINDOW_NMI_STACK + PAGE_SIZE;
	t->ist[IST_DF - 1] = CPU_WINDOW(cpu) + WINDOW_DF_STACK + PAGE_SIZE;
	t->ist[IST_MC - 1] = CPU_WINDOW(cpu) + WINDOW_MC_STACK +
			     ROUND_DOWN(PAGE_SIZE - sizeof(*copy), 16);
	t->io_bitmap = NO_IO_BITMAP;
	memcpy(tss + TSS_IO_BITMAP, io_reserved, sizeof(io_reserved));
	tss[TSS_LIMIT] = (char)0xff; /* the processor reads one byte on */
}

/* On its CPU. */
void desc_init_cpu(unsigned int cpu)
{
	unsigned long window = CPU_WINDOW(cpu), stubs = window + WINDOW_STUB;

	load_gdt(window + WINDOW_GDT);
	load_idt();
	__asm__ volatile("ltr %w0" ::"r"(HYP_TSS));
	__asm__ volatile("lldt %w0" ::"r"(0));
	if (!cpu) { /* stacks of their own, now that there are any; the table is every CPU's */
		set_gate(1, 0, IST_DB);
		set_gate(2, 0, IST_NMI);
		set_gate(8, 0, IST_DF);
		set_gate(18, 0, IST_MC);
	}
	/* sysret to 64-bit code adds 16 and 8: FLAT_RING3_CS64, SS; system calls come in on HYP_CS,
	 * HYP_DS. */
	wrmsr(MSR_STAR, (uint64_t)FLAT_RING3_CS32 << 48 | (uint64_t)HYP_CS << 32);
	wrmsr(MSR_LSTAR, stubs);
	wrmsr(MSR_CSTAR, stubs + (unsigned long)(stub_syscall32 - stub_page));
	wrmsr(MSR_SFMASK, EFLAGS_TF | EFLAGS_IF | EFLAGS_DF | EFLAGS_IOPL | EFLAGS_NT | EFLAGS_RF |
				  EFLAGS_AC | EFLAGS_VM);
	if (cpu_features.sysenter) {
		wrmsr(MSR_SYSENTER_CS, HYP_CS);
		wrmsr(MSR_SYSENTER_ESP, (unsigned long)&cpu_info_of(cpu)->guest_regs.es);
		wrmsr(MSR_SYSENTER_EIP, stubs + (unsigned long)(stub_sysenter - stub_page));
	}
}

void desc_move_stack(void)
{
	stack_move(CPU_WINDOW(0) + WINDOW_STACK - (unsigned long)boot_stack);
}

void desc_load_ldt(unsigned int nr_entries)
{
	uint64_t *e;
	unsigned int i;

	if (!nr_entries) {
		__asm__ volatile("lldt %w0" ::"r"(0));
		return;
	}
	for (i = 0; i < 2;
	     i++) { /* both versions of the page, so that desc_set_width() need not care */
		e = (uint64_t *)mfn_to_virt(gdt_page[this_cpu()][i]) + (HYP_LDT & 0xfff) / 8;
		*e = (*e & ~0x000f00000000ffffull) | (nr_entries * 8 - 1);
	}
	__asm__ volatile("lldt %w0" ::"r"(HYP_LDT) : "memory");
}

/* A 32-bit guest's kernel is in ring 1, a supervisor to the processor: while one is current,
 * supervisors may run user pages. */
void desc_set_width(bool guest_32bit)
{
	unsigned int cpu = this_cpu();

	if (width_is_32[cpu] == guest_32bit)
		return;
	width_is_32[cpu] = guest_32bit;
	window_map(cpu, WINDOW_GDT / PAGE_SIZE + GDT_RESERVED_PAGE,
		   pte_make(gdt_page[cpu][guest_32bit], PTE_P | PTE_RW | PTE_A | PTE_D | PTE_NX));
	if (cpu_features.smep)
		write_cr4(guest_32bit ? read_cr4() & ~CR4_SMEP : read_cr4() | CR4_SMEP);
}

void desc_reserve_ports(unsigned int first, unsigned int n)
{
	for (; n && first < 65536; n--, first++)
		io_reserved[first / 8] |= (uint8_t)(1 << first % 8);
}

void desc_set_io(bool allowed)
{
	struct tss *t = (struct tss *)(CPU_WINDOW(this_cpu()) + WINDOW_TSS);

	t->io_bitmap = allowed ? TSS_IO_BITMAP : NO_IO_BITMAP;
}
