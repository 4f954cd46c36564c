/* SPDX-License-Identifier: BSD-2-Clause */
/* update_descriptor: one descriptor in a page that is, or is not, a descriptor table. */
#include "check.h"

void test_update_descriptor(void);

void test_update_descriptor(void)
{
	uint64_t *page = page_alloc();
	uint64_t ma = virt_to_maddr(page) + 5 * 8, flat3 = 0x00cff3000000ffff;
	xen_pfn_t frame = virt_to_mfn(page);

	expect(hc_update_descriptor(ma, flat3), 0, "a data segment into a page that is no table");
	expect_true(page[5] == flat3, "it is there");
	page[5] = 0;
	page_protect(page, false);
	expect(hc_set_gdt(&frame, 512), 0, "(the page becomes the GDT)");
	expect(hc_update_descriptor(ma, flat3), 0, "a data segment of DPL 3");
	expect_true(page[5] == flat3, "it is there");
	expect(hc_update_descriptor(ma, 0), 0, "a null descriptor");
	expect(hc_update_descriptor(ma, flat3 & ~(1ull << 47)), 0, "one that is not present");
	hc_update_descriptor(ma, 0x00cf93000000ffff);
	expect_true(page[5] == 0 || !(page[5] >> 47 & 1) || (page[5] >> 45 & 3) != 0,
		    "a data segment of DPL 0 is refused, or made ours");
	hc_update_descriptor(ma, 0);
	hc_update_descriptor(ma, 0x00af9b000000ffff);
	expect_true(page[5] == 0 || (page[5] >> 45 & 3) != 0,
		    "a 64-bit code segment of DPL 0 is refused, or made ours");
	hc_update_descriptor(ma, 0);
#ifndef __x86_64__
	expect(hc_update_descriptor(ma, 0x00afbb000000ffff), -XEN_EINVAL,
	       "a 64-bit code segment of DPL 1");
	expect(hc_update_descriptor(ma, 0x00affb000000ffff), -XEN_EINVAL,
	       "a 64-bit code segment of DPL 3");
#endif
	expect(hc_update_descriptor(ma, 0x0000ee000008e008), -XEN_EINVAL, "an interrupt gate");
	expect(hc_update_descriptor(ma, 0x0000890000000067), -XEN_EINVAL, "a TSS");
	expect(hc_update_descriptor(ma, 0x0000820000000067), -XEN_EINVAL, "an LDT");
	expect(hc_update_descriptor(ma, 0x0000e5000008e008), -XEN_EINVAL, "a task gate");
	expect_true(page[5] == 0, "the entry is as it was");
	expect(hc_update_descriptor(ma + 4, flat3), -XEN_EINVAL, "an address inside a descriptor");
	expect(hc_update_descriptor((uint64_t)foreign_frame() * PAGE_SIZE, flat3), -XEN_EINVAL,
	       "a frame of another domain");
	expect(hc_update_descriptor(0xffffffffff000, flat3), -XEN_EINVAL,
	       "a frame that does not exist");
	expect(hc_update_descriptor(virt_to_maddr(kernel_root), flat3), -XEN_EINVAL,
	       "the root table");
	expect(hc_set_gdt(&frame, 0), 0, "(no GDT)");
	page_protect(page, true);
	page_free(page);
}
