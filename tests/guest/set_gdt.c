/* SPDX-License-Identifier: BSD-2-Clause */
/* set_gdt: frames of descriptors, checked when they are loaded. */
#include "check.h"

void test_set_gdt(void);

#define FLAT_DPL3      0x00cff3000000ffffull /* data, base 0, 4 GiB */
#define FLAT_DPL0      0x00cf93000000ffffull
#define CODE64_DPL0    0x00af9b000000ffffull
#define CODE64_DPL1    0x00afbb000000ffffull
#define CALL_GATE      0x0000ec000008e008ull /* to the hypervisor's code selector, DPL 3 */
#define INTERRUPT_GATE 0x0000ee000008e008ull
#define TSS	       0x0000890000000067ull
#define LDT	       0x0000820000000067ull

static uint64_t *table;
static xen_pfn_t frames[16];

static long set(unsigned int entries)
{
	return hc_set_gdt(frames, entries);
}

static long frames_at(void *p)
{
	return hc_set_gdt(p, 512);
}

static void load_es(void *selector)
{
	__asm__ volatile("mov %0, %%es" : : "r"(selector));
}

static long with(uint64_t descriptor)
{
	long rc;

	page_protect(table, true);
	table[5] = descriptor;
	page_protect(table, false);
	rc = set(512);
	return rc;
}

/* What a descriptor, if it is taken, has become: the ring it is for. */
static void not_privileged(uint64_t descriptor, const char *what)
{
	long rc = with(descriptor);
	unsigned int dpl = table[5] >> 45 & 3;

	expect_true(rc || dpl, "%s is refused, or made ours", what);
	set(0);
}

void test_set_gdt(void)
{
	table = page_alloc();
	frames[0] = virt_to_mfn(table);
	expect_bad_pointers(frames_at, -XEN_EFAULT, "frames");
	expect(set(14 * 512 + 1), -XEN_EINVAL, "more entries than the reserved ones leave");
	expect(set(~0u), -XEN_EINVAL, "~0 entries");
	expect(set(512), -XEN_EINVAL, "a page that is mapped writable");
	page_protect(table, false);
	expect(set(512), 0, "an empty page");
	expect(page_protect(table, true), -XEN_EBUSY, "a writable mapping of it then");
	expect(set(0), 0, "none");
	expect(page_protect(table, true), 0, "a writable mapping afterwards");
	expect(with(FLAT_DPL3), 0, "a data segment of DPL 3");
	expect_trap(load_es, (void *)0x2b, -1, 0, "its load");
	expect_trap(load_es, (void *)0x33, 13, 0x30, "the load of an empty one");
	expect_trap(load_es, (void *)(unsigned long)FLAT_KERNEL_DS, -1, 0, "(the usual segment)");
	expect(set(0), 0, "none again");
	expect_trap(load_es, (void *)0x2b, 13, 0x28, "its load then");

	not_privileged(FLAT_DPL0, "a data segment of DPL 0");
	not_privileged(CODE64_DPL0, "a 64-bit code segment of DPL 0");
#ifndef __x86_64__
	expect(with(CODE64_DPL1), -XEN_EINVAL, "a 64-bit code segment of DPL 1");
	expect(with(CODE64_DPL1 | 3ull << 45), -XEN_EINVAL, "a 64-bit code segment of DPL 3");
#endif
	expect(with(INTERRUPT_GATE), -XEN_EINVAL, "an interrupt gate");
	expect(with(TSS), -XEN_EINVAL, "a TSS");
	expect(with(LDT), -XEN_EINVAL, "an LDT");
	page_protect(table, true);
	table[5] = 0;
	page_protect(table, false);
	frames[1] = foreign_frame();
	expect(set(1024), -XEN_EINVAL, "a second frame that is another domain's");
	frames[1] = 0xfffffff;
	expect(set(1024), -XEN_EINVAL, "a second frame that does not exist");
	frames[1] = virt_to_mfn(kernel_root);
	expect(set(1024), -XEN_EINVAL, "a second frame that is the root table");
	expect(set(0), 0, "none at last");
	expect(page_protect(table, true), 0, "(the page is back)");
	memset(table, 0, PAGE_SIZE);
	page_free(table);
}
