/* SPDX-License-Identifier: BSD-2-Clause */
/* update_va_mapping and its otherdomain form: one entry by its address. */
#include "check.h"

void test_update_va_mapping(void);

static long map(unsigned long va, pte_t e, unsigned long flags)
{
	return hc_update_va_mapping(va, e, flags);
}

void test_update_va_mapping(void)
{
	void *page = page_alloc();
	pte_t good = pte_for(page, PTE_KERNEL);
	unsigned long all = UVMF_INVLPG | UVMF_ALL;

	mm_map(kernel_root, SPARE_VA, 0);
	expect(map(SPARE_VA, good, UVMF_NONE), 0, "an own page, no flush");
	*(volatile unsigned int *)SPARE_VA = 5;
	expect_true(*(volatile unsigned int *)page == 5, "it is mapped");
	expect(map(SPARE_VA, good & ~PTE_RW, UVMF_INVLPG | UVMF_LOCAL), 0,
	       "read-only, flushing here");
	expect_trap(touch_write, (void *)SPARE_VA, 14, 3, "a write");
	expect(map(SPARE_VA, good, UVMF_TLB_FLUSH | UVMF_LOCAL), 0, "flushing all here");
	expect(map(SPARE_VA, good, all), 0, "flushing everywhere");
	expect(map(SPARE_VA, good, UVMF_TLB_FLUSH | UVMF_ALL), 0, "flushing all everywhere");
	expect(map(SPARE_VA, good, UVMF_INVLPG | 0x10), -XEN_EFAULT,
	       "flushing a set of processors at a bad address");
	expect(map(SPARE_VA, good, 3), 0, "a kind of flush that does not exist, which is none");
	expect(map(SPARE_VA, pte_frame(foreign_frame(), PTE_KERNEL), all), -XEN_EBUSY,
	       "a frame of another domain");
	expect(map(SPARE_VA, pte_for(kernel_root, PTE_KERNEL), all), -XEN_EBUSY,
	       "the root table, writable");
	expect(map(SPARE_VA, pte_for(kernel_root, PTE_KERNEL_RO), all), 0,
	       "the root table, read-only");
	expect(map(SPARE_VA, good | 1ull << 55, all), 0, "a high bit that software may use");
	expect(map(SPARE_VA, 0, all), 0, "nothing");
	expect_trap(touch_read, (void *)SPARE_VA, 14, 0, "a read");
	expect(map((unsigned long)machine_to_phys_mapping, good, all), -XEN_EINVAL,
	       "an address of the machine-to-physical table");
	expect(map((unsigned long)hypervisor_address, good, all), -XEN_EINVAL,
	       "an address of the hypervisor's");
	expect(map(0x20000000, good, all), -XEN_EINVAL, "an address without a table");
#ifdef __x86_64__
	expect(map(0x8000000000000000, good, all), -XEN_EINVAL, "an address that is not canonical");
#endif
	expect(map(SPARE_VA + 0x123, good, all), 0, "an address inside a page");
	expect_true((pte_read(kernel_root, SPARE_VA, 1) & PTE_FRAME) == (good & PTE_FRAME),
		    "means that page");
	map(SPARE_VA, 0, all);
	section("update_va_mapping_otherdomain");
	expect(hc_update_va_mapping_otherdomain(SPARE_VA, good, all, 0), -XEN_EPERM, "dom0's");
	expect(hc_update_va_mapping_otherdomain(SPARE_VA, good, all, 0x7abc), -XEN_ESRCH,
	       "a domain's that is not there");
	expect(hc_update_va_mapping_otherdomain(SPARE_VA, good, all, DOMID_XEN), -XEN_EPERM,
	       "dom_xen's");
	page_free(page);
}
