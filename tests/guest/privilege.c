/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the guest kernel's ring does not allow: sensitive instructions, the hypervisor's memory, its
 * selectors. Some instructions are emulated by the ABI's custom (reads of control registers, cpuid,
 * ...): those are checked for that.
 */
#include "check.h"
#include "user.h"

void test_privilege(void);

#define INSN(name, ...)                        \
	static void name(void *p)              \
	{                                      \
		(void)p;                       \
		__asm__ volatile(__VA_ARGS__); \
	}

#ifdef __x86_64__
#define AX	    "rax"
#define KERNEL_RING 3
#else
#define AX	    "eax"
#define KERNEL_RING 1
#endif

static char table_register[16];

INSN(do_cli, "cli")
INSN(do_sti, "sti")
INSN(do_hlt, "hlt")
INSN(do_lidt, "lidt %0" : : "m"(table_register))
INSN(do_lgdt, "lgdt %0" : : "m"(table_register))
INSN(do_lldt, "lldt %w0" : : "r"(0))
INSN(do_ltr, "ltr %w0" : : "r"(0))
INSN(do_in, "in $0x80, %%al" : : : "eax")
INSN(do_in_pic, "in $0x21, %%al" : : : "eax")
INSN(do_out, "out %%al, $0x80" : : "a"(0))
INSN(do_ins, "insb" : : "d"(0x80), "D"(table_register))
INSN(do_invd, "invd")
INSN(do_wbinvd, "wbinvd")
INSN(do_clts, "clts")
INSN(do_lmsw, "lmsw %w0" : : "r"(0x1))
INSN(do_invlpg, "invlpg (%0)" : : "r"(table_register))
INSN(do_read_cr0, "mov %%cr0, %%" AX : : : AX)
INSN(do_read_cr2, "mov %%cr2, %%" AX : : : AX)
INSN(do_read_cr3, "mov %%cr3, %%" AX : : : AX)
INSN(do_read_cr4, "mov %%cr4, %%" AX : : : AX)
INSN(do_write_cr0, "mov %0, %%cr0" : : "r"(0ul))
INSN(do_write_cr3, "mov %0, %%cr3" : : "r"(0ul))
INSN(do_write_cr3_own, "mov %0, %%cr3" : : "r"(xen_pfn_to_cr3(virt_to_mfn(kernel_root))))
INSN(do_write_cr4, "mov %0, %%cr4" : : "r"(0ul))
INSN(do_read_dr7, "mov %%dr7, %%" AX : : : AX)
INSN(do_write_dr7, "mov %0, %%dr7" : : "r"(0x400ul))
INSN(do_rdmsr_efer, "rdmsr" : : "c"(0xc0000080) : "eax", "edx")
INSN(do_rdmsr_unknown, "rdmsr" : : "c"(0x4ffff) : "eax", "edx")
INSN(do_wrmsr_efer, "wrmsr" : : "c"(0xc0000080), "a"(0), "d"(0))
INSN(do_wrmsr_lstar, "wrmsr" : : "c"(0xc0000082), "a"(0), "d"(0))
INSN(do_wrmsr_sysenter_eip, "wrmsr" : : "c"(0x176), "a"(0), "d"(0))
INSN(do_ud2, "ud2")
INSN(do_rdtsc, "rdtsc" : : : "eax", "edx")
INSN(do_smsw, "smsw %%ax" : : : "eax")
INSN(do_sidt, "sidt %0" : "=m"(table_register))
INSN(do_sgdt, "sgdt %0" : "=m"(table_register))
INSN(do_str, "str %%ax" : : : "eax")
#ifdef __x86_64__
INSN(do_swapgs, "swapgs")
INSN(do_sysret, "sysretq" : : "c"(0) : "r11")
#else
INSN(do_sysexit, "sysexit" : : "c"(0), "d"(0))
#endif

static void load_ds(void *selector)
{
	__asm__ volatile("mov %0, %%es" : : "r"(selector));
}

static void load_ss(void *selector)
{
	unsigned long old;

	__asm__ volatile("mov %%ss, %0; mov %1, %%ss; mov %0, %%ss" : "=&r"(old) : "r"(selector));
}

static void far_jump(void *selector)
{
	struct {
		uint32_t offset;
		uint16_t selector;
	} __attribute__((packed)) to = { 0x1000, (uint16_t)(unsigned long)selector };

	__asm__ volatile("ljmpl *%0" : : "m"(to));
}

static void jump_to(void *p)
{
	__asm__ volatile("call *%0" : : "r"(p) : "memory");
}

/* Access rights as LAR shows them to this ring, 0 if it may not know. */
static uint32_t rights(uint16_t selector)
{
	uint32_t ar = 0;

	__asm__ volatile("lar %k1, %0; jz 1f; xor %0, %0; 1:"
			 : "=&r"(ar)
			 : "r"((uint32_t)selector)
			 : "cc");
	return ar;
}

/* No selector of the whole table may lead to a code segment that is more privileged, or, on PV32,
 * 64 bits wide. */
static void scan_selectors(void)
{
	unsigned int privileged = 0, wide = 0, system = 0;

	for (unsigned int i = 0; i < 8192; i++) {
		uint32_t ar = rights(i << 3 | KERNEL_RING);

		if (!ar)
			continue;
		if ((ar >> 13 & 3) < KERNEL_RING)
			privileged++;
		if (!(ar & 1u << 12))
			system++;
		else if ((ar & 1u << 11) && (ar & 1u << 21))
			wide++;
	}
	expect(privileged, 0, "selectors of the GDT that name a segment below this ring");
	expect(system, 0, "system descriptors (gates, TSS, LDT) of the GDT in this ring's reach");
	if (KERNEL_RING == 1)
		expect(wide, 0, "64-bit code segments of the GDT in this ring's reach");
}

static void instructions(void)
{
	/* refused */
	expect_trap(do_hlt, NULL, 13, 0, "hlt");
	expect_trap(do_lidt, NULL, 13, 0, "lidt");
	expect_trap(do_lgdt, NULL, 13, 0, "lgdt");
	expect_trap(do_lldt, NULL, 13, 0, "lldt");
	expect_trap(do_ltr, NULL, 13, 0, "ltr");
	expect_trap(do_in, NULL, 13, 0, "in from port 0x80");
	expect_trap(do_in_pic, NULL, 13, 0, "in from port 0x21");
	expect_trap(do_out, NULL, 13, 0, "out to port 0x80");
	expect_trap(do_ins, NULL, 13, 0, "ins from port 0x80");
	expect_trap(do_invd, NULL, 13, 0, "invd");
	expect_trap(do_write_cr0, NULL, 13, 0, "mov to cr0 of 0");
	expect_trap(do_write_cr3, NULL, 13, 0, "mov to cr3 of 0");
	expect_trap(do_invlpg, NULL, 13, 0, "invlpg");
	expect_trap(do_lmsw, NULL, 13, 0, "lmsw");
	expect_trap(do_cli, NULL, 13, 0, "cli");
	expect_trap(do_sti, NULL, 13, 0, "sti");
	expect_trap(do_rdmsr_unknown, NULL, 13, 0, "rdmsr of a register that does not exist");
	expect_trap(do_wrmsr_lstar, NULL, 13, 0, "wrmsr to LSTAR");
	expect_trap(do_wrmsr_efer, NULL, 13, 0, "wrmsr to EFER");
	expect_trap(do_wrmsr_sysenter_eip, NULL, 13, 0, "wrmsr to SYSENTER_EIP");
#ifdef __x86_64__
	expect_trap(do_swapgs, NULL, 13, 0, "swapgs");
	expect_trap(do_sysret, NULL, 13, 0, "sysretq");
#else
	expect_trap(do_sysexit, NULL, 13, 0, "sysexit");
#endif
	expect_trap(do_ud2, NULL, 6, 0, "ud2");
	/* emulated */
	expect_trap(do_wbinvd, NULL, -1, 0, "wbinvd");
	expect_trap(do_clts, NULL, -1, 0, "clts");
	expect_trap(do_read_cr0, NULL, -1, 0, "mov from cr0");
	expect_trap(do_read_cr2, NULL, -1, 0, "mov from cr2");
	expect_trap(do_read_cr3, NULL, -1, 0, "mov from cr3");
	expect_trap(do_read_cr4, NULL, -1, 0, "mov from cr4");
	expect_trap(do_write_cr3_own, NULL, -1, 0, "mov to cr3 of the root in use");
	expect_trap(do_write_cr4, NULL, -1, 0, "mov to cr4 of 0, which is not heeded");
	expect_trap(do_read_dr7, NULL, -1, 0, "mov from dr7");
	expect_trap(do_write_dr7, NULL, -1, 0, "mov to dr7 of 0x400");
	expect_trap(do_rdmsr_efer, NULL, -1, 0, "rdmsr of EFER");
	/* unprivileged: the hole in the processor that the classical theorem stumbles over */
	expect_trap(do_rdtsc, NULL, -1, 0, "rdtsc");
	expect_trap(do_smsw, NULL, -1, 0, "smsw");
	expect_trap(do_sidt, NULL, -1, 0, "sidt");
	expect_trap(do_sgdt, NULL, -1, 0, "sgdt");
	expect_trap(do_str, NULL, -1, 0, "str");
}

static void memory(void)
{
	unsigned long *m2p = (unsigned long *)machine_to_phys_mapping;

	expect_trap(touch_read, &m2p[virt_to_mfn(readonly_page())], -1, 0,
		    "a read of the machine-to-physical table");
	expect_trap(touch_write, &m2p[virt_to_mfn(readonly_page())], 14, -1, "a write to it");
	expect_true(m2p[virt_to_mfn(readonly_page())] == virt_to_pfn(readonly_page()),
		    "it is as it was");
	expect_trap(touch_read, hypervisor_address, 14, -1, "a read of the hypervisor's memory");
	expect_trap(touch_write, hypervisor_address, 14, -1, "a write to the hypervisor's memory");
	expect_trap(jump_to, hypervisor_address, 14, -1, "a jump into the hypervisor's memory");
	expect_trap(touch_read, UNMAPPED, 14, 0, "a read of nothing");
	expect_trap(touch_write, readonly_page(), 14, 3, "a write to a read-only page");
	expect_trap(touch_write, kernel_root, 14, 3, "a plain write to the root table");
#ifdef __x86_64__
	expect_trap(touch_read, (void *)0x8000000000000000, 13, 0,
		    "a read of an address that is not canonical");
#endif
}

static void selectors(void)
{
	unsigned int cs;

	__asm__("mov %%cs, %0" : "=r"(cs));
	expect(cs & 3, KERNEL_RING, "the kernel's ring");
	/* The hypervisor's own descriptors lie in the reserved part of the GDT too: 0xe008 and on. */
	expect_trap(load_ds, (void *)0xe008, 13, 0xe008, "load of the selector 0xe008 into es");
	expect_trap(load_ds, (void *)0xe010, 13, 0xe010, "load of the selector 0xe010 into es");
	expect_trap(load_ss, (void *)0xe010, 13, 0xe010, "load of the selector 0xe010 into ss");
	expect_trap(far_jump, (void *)0xe008, 13, 0xe008, "far jump to the selector 0xe008");
	expect_trap(load_ds, (void *)0xfff8, 13, 0xfff8, "load of the selector 0xfff8 into es");
	expect_trap(load_ds, NULL, -1, 0, "load of a null selector into es");
	expect_trap(load_ds, (void *)(unsigned long)FLAT_KERNEL_DS, -1, 0,
		    "load of FLAT_KERNEL_DS into es");
	scan_selectors();
}

static void user_refused(const char *program, unsigned long arg, int vector, const char *what)
{
	struct user_result r;

	user_run(program, arg, &r);
	if (!expect_true(!r.exited && r.trap.vector == vector, "user: %s ends in %s", what,
			 trap_name(vector)))
		print("# it %s: %lx\n", r.exited ? "went through" : caught_text(&r.trap), r.value);
}

static void user_mode(void)
{
	static unsigned long secret = 42;
	struct user_result r;

	user_open();
	user_run(user_cs, 0, &r);
	expect(r.value & 3, 3, "the user's ring");
	user_run(user_add, 1, &r);
	expect(r.value, 2, "a system call");
	user_run(user_add80, 1, &r);
	expect(r.value, 2, "a system call by int $0x80");
	user_refused(user_read, (unsigned long)&secret, 14, "a read of the kernel's data");
	user_refused(user_write, (unsigned long)&secret, 14, "a write to the kernel's data");
	user_refused(user_read, (unsigned long)machine_to_phys_mapping, 14,
		     "a read of the machine-to-physical table");
	user_refused(user_read, (unsigned long)hypervisor_address, 14,
		     "a read of the hypervisor's memory");
	user_refused(user_write, USER_TEXT, 14, "a write to its own code");
	user_refused(user_cli, 0, 13, "cli");
	user_refused(user_hlt, 0, 13, "hlt");
	user_refused(user_in, 0, 13, "in");
	user_refused(user_out, 0, 13, "out");
	user_refused(user_cr3, 0, 13, "mov from cr3");
	user_refused(user_ud2, 0, 6, "ud2");
	user_refused(user_int3, 0, 3, "int3");
	user_refused(user_divide, 0, 0, "a division by zero");
#ifndef __x86_64__
	user_refused(user_int82, 0, 13, "the hypercall instruction");
#endif
	user_close();
}

void test_privilege(void)
{
	selectors();
	instructions();
	memory();
	user_mode();
}
