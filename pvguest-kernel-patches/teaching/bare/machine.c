/* SPDX-License-Identifier: BSD-2-Clause */
/* The PC: serial port, descriptor tables, interrupt controller, timer, page tables. */
#include "../kernel.h"

#define COM1 0x3f8

static void outb(uint16_t port, uint8_t v)
{
	__asm__ volatile("outb %0, %1" : : "a"(v), "Nd"(port));
}

static uint8_t inb(uint16_t port)
{
	uint8_t v;

	__asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}

void machine_put(char c)
{
	while (!(inb(COM1 + 5) & 0x20))
		;
	outb(COM1, (uint8_t)c);
}

struct pointer {
	uint16_t limit;
	uint32_t base;
} __attribute__((packed));
void load_tables(struct pointer *gdt, struct pointer *idt);

static uint32_t tss[26];
static uint64_t gdt[] = {
	0, 0x00cf9b000000ffff, 0x00cf93000000ffff, 0x00cffb000000ffff, 0x00cff3000000ffff, 0
};
static uint64_t idt[129];
extern uint32_t stubs[];
extern char stub_128[], stack_end[];

static void gate(unsigned int vec, uint32_t to, uint32_t dpl)
{
	idt[vec] = (to & 0xffff) | 0x080000u |
		   (uint64_t)(0x8e00 | dpl << 13 | (to & 0xffff0000)) << 32;
}

static void tables_init(void)
{
	struct pointer g = { sizeof(gdt) - 1, (uint32_t)gdt },
		       i = { sizeof(idt) - 1, (uint32_t)idt };
	uint32_t at = (uint32_t)tss;

	for (unsigned int v = 0; v <= VEC_TIMER; v++)
		gate(v, stubs[v], 0);
	gate(VEC_SYSCALL, (uint32_t)stub_128, 3);
	tss[1] = (uint32_t)stack_end;
	tss[2] = 0x10;
	gdt[5] = (sizeof(tss) - 1) | (uint64_t)(at & 0xffffff) << 16 | 0x89ull << 40 |
		 (uint64_t)(at >> 24) << 56;
	load_tables(&g, &i);
}

static uint32_t directory[1024] __attribute__((aligned(PAGE))),
	table[1024] __attribute__((aligned(PAGE)));

static void paging_init(void)
{
	for (uint32_t i = 0; i < 1024; i++)
		table[i] = i * PAGE | 3;
	directory[0] = (uint32_t)table | 7;
	__asm__ volatile("mov %0, %%cr3" : : "r"(directory));
	__asm__ volatile("mov %%cr0, %%eax; or $0x80010000, %%eax; mov %%eax, %%cr0"
			 :
			 :
			 : "eax", "memory");
}

void machine_user(void *page)
{
	table[(uint32_t)page / PAGE] |= 4;
	__asm__ volatile("invlpg (%0)" : : "r"(page) : "memory");
}

static void timer_init(void)
{
	static const uint8_t words[][2] = { { 0x20, 0x11 }, { 0xa0, 0x11 }, { 0x21, VEC_TIMER },
					    { 0xa1, 0x28 }, { 0x21, 4 },    { 0xa1, 2 },
					    { 0x21, 1 },    { 0xa1, 1 },    { 0x21, 0xfe },
					    { 0xa1, 0xff }, { 0x43, 0x34 }, { 0x40, 0x9c },
					    { 0x40, 0x2e } };

	for (unsigned int i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		outb(words[i][0], words[i][1]);
}

void machine_init(void *boot)
{
	(void)boot;
	tables_init();
	paging_init();
	timer_init();
}

void machine_interrupt(struct frame *f)
{
	(void)f;
	outb(0x20, 0x20);
	kernel_tick();
}

void machine_idle(void)
{
	__asm__ volatile("sti; hlt; cli" : : : "memory");
}

uint32_t machine_fault_address(void)
{
	uint32_t v;

	__asm__("mov %%cr2, %0" : "=r"(v));
	return v;
}

void machine_off(void)
{
	outb(0xf4, 0); /* QEMU's isa-debug-exit */
	for (;;)
		__asm__ volatile("cli; hlt");
}
