/* SPDX-License-Identifier: BSD-2-Clause */
/* mmu_update: page-table entries one by one, and every way to get a frame that one must not have. */
#include "check.h"

void test_mmu_update(void);

static long update(uint64_t ptr, uint64_t val)
{
	struct mmu_update u = { ptr, val };

	return hc_mmu_update(&u, 1, NULL, DOMID_SELF);
}

static long update_at(void *p)
{
	return hc_mmu_update(p, 1, NULL, DOMID_SELF);
}

static struct mmu_update nothing;

static long done_at(void *p)
{
	return hc_mmu_update(&nothing, 1, p, DOMID_SELF);
}

static void write_entry(void *p)
{
	*(volatile pte_t *)p = 0;
}

static void arguments(uint64_t entry, void *page)
{
	struct mmu_update u[3];
	unsigned int done;

	nothing = (struct mmu_update){ entry, pte_for(page, PTE_KERNEL) };
	expect_bad_pointers(update_at, -XEN_EFAULT, "a request");
	expect(hc_mmu_update(UNMAPPED, 0, NULL, DOMID_SELF), 0, "no requests");
	expect_bad_pointers(done_at, 0, "the count of requests done, which is lost");
	u[0] = u[2] = nothing;
	u[1] = (struct mmu_update){ entry, pte_frame(foreign_frame(), PTE_KERNEL) };
	done = 99;
	expect(hc_mmu_update(u, 3, &done, DOMID_SELF), -XEN_EBUSY, "three requests, the second bad");
	expect(done, 1, "requests done then");
	expect(hc_mmu_update(u, 1, NULL, 0), -XEN_EPERM, "on behalf of dom0");
	expect(hc_mmu_update(u, 1, NULL, DOMID_IO), 0, "for dom_io, and the frame is our memory");
	expect(hc_mmu_update(u, 1, NULL, DOMID_XEN), -XEN_EPERM, "for dom_xen");
	expect(hc_mmu_update(u, 1, NULL, 0x7abc), -XEN_ESRCH, "for a domain that is not there");
}

static void level1(uint64_t entry, void *page)
{
	unsigned long foreign = foreign_frame();
	void *table = page_alloc();

	expect(update(entry, pte_for(page, PTE_KERNEL)), 0, "an entry for an own page");
	*(volatile unsigned int *)SPARE_VA = 77;
	expect_true(*(volatile unsigned int *)page == 77, "it maps that page");
	expect(update(entry | MMU_PT_UPDATE_PRESERVE_AD, pte_for(page, PTE_P | PTE_RW)), 0,
	       "preserving A and D");
	expect_true((pte_read(kernel_root, SPARE_VA, 1) & (PTE_A | PTE_D)) == (PTE_A | PTE_D),
		    "they are preserved");
	expect(update(entry, pte_for(page, PTE_P | PTE_RW)), 0, "not preserving them");
	expect_true((pte_read(kernel_root, SPARE_VA, 1) & (PTE_A | PTE_D)) == 0, "they are gone");
	expect(update(entry | MMU_PT_UPDATE_NO_TRANSLATE, pte_for(page, PTE_KERNEL)), 0,
	       "not translating");
	expect(update(entry, pte_frame(foreign, PTE_KERNEL)), -XEN_EBUSY,
	       "a frame of another domain");
	expect(update(entry, pte_frame(foreign, PTE_KERNEL_RO)), -XEN_EBUSY,
	       "a frame of another domain, read-only");
	expect(update(entry, pte_frame(0xffffffffff, PTE_KERNEL)), -XEN_EINVAL,
	       "a frame that does not exist");
	expect(update(entry, pte_frame(0xfee00, PTE_KERNEL)), -XEN_EPERM, "the local APIC's frame");
	expect(update(entry, pte_for(kernel_root, PTE_KERNEL)), -XEN_EBUSY,
	       "the root table, writable");
	expect(update(entry, pte_for(kernel_root, PTE_KERNEL_RO)), 0, "the root table, read-only");
	expect(update(entry, pte_for(page, PTE_KERNEL | PTE_PSE)), -XEN_EINVAL,
	       "an entry with the PAT bit, for a guest without devices");
	expect(update(entry, pte_for(page, PTE_KERNEL) | 1ull << 55), 0,
	       "an entry with a high bit that software may use");
	expect(update(entry, pte_for(page, PTE_KERNEL) | 0x100), 0, "an entry with the global bit");
	expect(update(entry, pte_for(page, PTE_KERNEL) | 0xe00), 0,
	       "an entry with the bits that software may use");
	expect(update(entry, pte_for(page, PTE_KERNEL) | PTE_NX), 0, "an entry with NX");
	expect(update(entry, 0x123456789abcd000 & ~PTE_P), 0, "anything that is not present");
	expect(update(entry, 0), 0, "nothing");
	mmuext(MMUEXT_INVLPG_LOCAL, SPARE_VA, 0); /* mmu_update leaves flushing to the guest */
	expect_trap(touch_read, (void *)SPARE_VA, 14, 0, "it maps nothing now");

	expect(page_protect(table, false), 0, "(a page made read-only)");
	expect(mmuext(MMUEXT_PIN_L1_TABLE, virt_to_mfn(table), 0), 0, "(and pinned as a table)");
	expect(update(virt_to_maddr(table), pte_for(page, PTE_KERNEL)), 0,
	       "an entry of a table nobody uses");
	expect(update(virt_to_maddr(table) + 8, pte_for(table, PTE_KERNEL)), -XEN_EBUSY,
	       "a table that maps itself writable");
	expect(update(virt_to_maddr(table) + 8, pte_for(table, PTE_KERNEL_RO)), 0,
	       "a table that maps itself read-only");
	expect(update(virt_to_maddr(table) + 8, 0), 0, "that entry's end");
	expect(page_protect(table, true), -XEN_EBUSY, "a writable mapping of a pinned table");
	expect(mmuext(MMUEXT_UNPIN_TABLE, virt_to_mfn(table), 0), 0, "(unpinned)");
	expect(page_protect(table, true), 0, "a writable mapping of it afterwards");
	page_free(table);
}

static void upper_levels(void *page)
{
	uint64_t l2 = pte_maddr(kernel_root, SPARE_VA, 2), top = virt_to_maddr(kernel_root);
	pte_t flags = TOP_LEVEL == 3 ? PTE_P : PTE_USER;

	expect(update(l2 + 8, pte_for(page, PTE_USER)), -XEN_EINVAL,
	       "a writable page as a table of level 1");
	expect(update(l2 + 8, pte_for(page, PTE_USER | PTE_PSE)), -XEN_EINVAL, "a superpage");
	expect(update(l2 + 8, pte_frame(foreign_frame(), PTE_USER)), -XEN_EINVAL,
	       "another domain's frame as a table of level 1");
	expect(update(l2 + 8, pte_for(kernel_root, PTE_USER)), -XEN_EINVAL,
	       "the root as a table of level 1");
#ifdef __x86_64__
	expect(update(top + 256 * 8, 0), -XEN_EINVAL,
	       "an entry of the root that is the hypervisor's");
	expect(update(top + 271 * 8, pte_for(page, PTE_USER)), -XEN_EINVAL,
	       "the last entry that is the hypervisor's");
	expect(update(top + 272 * 8, 0), 0, "the first entry behind it");
#endif
	expect(update(top + 2 * 8, pte_for(page, flags)), -XEN_EINVAL,
	       "a writable page as a table of the level below the root's");
	expect(update(top + 2 * 8, pte_frame(foreign_frame(), flags)), -XEN_EINVAL,
	       "another domain's frame there");
#ifndef __x86_64__
	expect(update(top + 3 * 8, 0), -XEN_EINVAL,
	       "the fourth entry of the root, which may not be empty");
#endif
}

static void targets(uint64_t entry, void *page)
{
	uint64_t foreign = (uint64_t)foreign_frame() * PAGE_SIZE;

	expect(update(foreign, 0), -XEN_EINVAL, "an entry in a frame of another domain");
	expect(update(0xffffffffff000, 0), -XEN_EINVAL, "an entry in a frame that does not exist");
	expect(update(virt_to_maddr(page) + 16, 4711), 0, "a word of a page that is no table");
	expect(((volatile uint64_t *)page)[2], 4711, "it was written");
	(void)entry;
}

static void machphys(void *page)
{
	uint64_t ma = virt_to_maddr(page) | MMU_MACHPHYS_UPDATE;

	expect(update(ma, 12345), 0, "machine-to-physical: an own frame");
	expect(machine_to_phys_mapping[virt_to_mfn(page)], 12345, "it reads so");
	expect(update(ma, virt_to_pfn(page)), 0, "and back");
	expect(update((uint64_t)foreign_frame() * PAGE_SIZE | MMU_MACHPHYS_UPDATE, 1), -XEN_EINVAL,
	       "machine-to-physical: another domain's frame");
	expect(update(0xffffffffff000 | MMU_MACHPHYS_UPDATE, 1), -XEN_EINVAL,
	       "machine-to-physical: a frame that does not exist");
}

/* A plain write to a table faults, and the hypervisor does it for the guest. */
static void plain_writes(uint64_t entry, void *page)
{
	volatile pte_t *p = (pte_t *)((char *)mfn_to_virt(entry / PAGE_SIZE) + entry % PAGE_SIZE);

	hc_vm_assist(VMASST_CMD_enable, VMASST_TYPE_writable_pagetables);
	expect(update(entry, pte_for(page, PTE_KERNEL)), 0, "(an entry)");
	expect_trap(write_entry, (void *)p, -1, 0, "a plain write of 0 to an entry of level 1");
	expect(*p, 0, "the entry");
	hc_vm_assist(VMASST_CMD_disable, VMASST_TYPE_writable_pagetables);
	expect_trap(write_entry, (void *)p, 14, 3, "a plain write without that assistance");
}

void test_mmu_update(void)
{
	void *page = page_alloc();
	uint64_t entry;

	expect(mm_map(kernel_root, SPARE_VA, 0), 0, "tables for an address");
	entry = pte_maddr(kernel_root, SPARE_VA, 1);
	arguments(entry, page);
	level1(entry, page);
	upper_levels(page);
	targets(entry, page);
	machphys(page);
	plain_writes(entry, page);
	update(entry, 0);
	page_free(page);
}
