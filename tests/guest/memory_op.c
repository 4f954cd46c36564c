/* SPDX-License-Identifier: BSD-2-Clause */
/* memory_op: what a domain has, gives back and asks for again. */
#include "check.h"

void test_memory_op(void);

static xen_pfn_t extent;

static long reserve(unsigned int cmd, unsigned long n, unsigned int order, domid_t dom)
{
	struct xen_memory_reservation r = { .nr_extents = n, .extent_order = order, .domid = dom };

	set_xen_guest_handle(r.extent_start, &extent);
	return hc_memory_op(cmd, &r);
}

static long decrease_at(void *p)
{
	return hc_memory_op(XENMEM_decrease_reservation, p);
}

static long decrease_list_at(void *p)
{
	struct xen_memory_reservation r = { .nr_extents = 1, .domid = DOMID_SELF };

	set_xen_guest_handle(r.extent_start, p);
	return hc_memory_op(XENMEM_decrease_reservation, &r);
}

static long populate_at(void *p)
{
	return hc_memory_op(XENMEM_populate_physmap, p);
}

static long reservation_at(void *p)
{
	return hc_memory_op(XENMEM_current_reservation, p);
}

static long mapping_at(void *p)
{
	return hc_memory_op(XENMEM_machphys_mapping, p);
}

static long mfn_list_at(void *p)
{
	return hc_memory_op(XENMEM_machphys_mfn_list, p);
}

static long exchange_at(void *p)
{
	return hc_memory_op(XENMEM_exchange, p);
}

static long memory_map_at(void *p)
{
	return hc_memory_op(XENMEM_memory_map, p);
}

static void questions(void)
{
	domid_t self = DOMID_SELF, dom0 = 0, nobody = 0x7abc;
	struct xen_machphys_mapping m;
	uint32_t entry[5] = { 0, 0, 16 << 20, 0, 1 };
	struct xen_foreign_memory_map map = { .domid = DOMID_SELF, .map.nr_entries = 1 };
	long have = hc_memory_op(XENMEM_current_reservation, &self);

	expect_true(have > 0 && have <= (long)start_info.nr_pages + 64,
		    "current_reservation is what was given");
	expect_true(hc_memory_op(XENMEM_maximum_reservation, &self) >= have,
		    "maximum_reservation is not below it");
	expect(hc_memory_op(XENMEM_current_reservation, &dom0), -XEN_EPERM,
	       "current_reservation of dom0");
	expect(hc_memory_op(XENMEM_current_reservation, &nobody), -XEN_ESRCH,
	       "current_reservation of nobody");
	expect_bad_pointers(reservation_at, -XEN_EFAULT, "current_reservation");
	expect_true(hc_memory_op(XENMEM_maximum_ram_page, NULL) > have,
		    "maximum_ram_page is beyond");
	expect(mapping_at(&m), 0, "machphys_mapping");
	expect_true(m.v_start <= (unsigned long)machine_to_phys_mapping && m.v_end > m.v_start &&
			    m.max_mfn > 0,
		    "it covers the table");
	expect_bad_output(mapping_at, -XEN_EFAULT, "machphys_mapping");
	expect_bad_pointers(mfn_list_at, -XEN_EFAULT, "machphys_mfn_list");
	/* Not every builder gives a map; without one the answer would be another. One entry: 16 MiB
	 * of memory from 0 on. */
	set_xen_guest_handle(map.map.buffer, entry);
	hc_memory_op(XENMEM_set_memory_map, &map);
	expect_bad_pointers(memory_map_at, -XEN_EFAULT, "memory_map");
}

static void give_and_take(void)
{
	void *page = page_alloc();
	unsigned long pfn = virt_to_pfn(page), mfn = virt_to_mfn(page);
	unsigned long va = (unsigned long)page;

	extent = mfn;
	expect(reserve(XENMEM_decrease_reservation, 1, 0, DOMID_SELF), 1,
	       "decrease_reservation of a page that is mapped");
	/* It is ours as long as the mapping is. */
	expect_trap(touch_write, page, -1, 0, "the mapping lives on");
	expect(hc_update_va_mapping(va, 0, UVMF_INVLPG), 0, "(the mapping's end)");
	extent = mfn;
	expect(reserve(XENMEM_decrease_reservation, 1, 0, DOMID_SELF), 0,
	       "decrease_reservation of it again");
	expect(hc_update_va_mapping(va, pte_frame(mfn, PTE_KERNEL), UVMF_INVLPG), -XEN_EBUSY,
	       "its mapping again");
	extent = foreign_frame();
	expect(reserve(XENMEM_decrease_reservation, 1, 0, DOMID_SELF), 0,
	       "decrease_reservation of another domain's");
	extent = 0xfffffff;
	expect(reserve(XENMEM_decrease_reservation, 1, 0, DOMID_SELF), 0,
	       "decrease_reservation of a frame that does not exist");
	extent = virt_to_mfn(kernel_root);
	extent = pfn;
	expect(reserve(XENMEM_populate_physmap, 1, 0, DOMID_SELF), 1,
	       "populate_physmap of its place");
	mfn = extent;
	expect_true(machine_to_phys_mapping[mfn] == pfn, "the machine-to-physical table knows");
	expect(hc_update_va_mapping(va, pte_frame(mfn, PTE_KERNEL), UVMF_INVLPG), 0,
	       "the new page's mapping");
	((unsigned long *)start_info.mfn_list)[pfn] = mfn;
	expect(((unsigned int *)page)[5], 0, "a word of the new page");
	page_free(page);
}

static void refusals(void)
{
	struct xen_add_to_physmap atp = { .domid = DOMID_SELF, .space = XENMAPSPACE_shared_info };
	struct xen_foreign_memory_map fmap = { .domid = DOMID_SELF };

	extent = 1;
	expect(reserve(XENMEM_increase_reservation, 1, 0, 0), 0, "increase_reservation for dom0");
	expect(reserve(XENMEM_increase_reservation, 1, 0, 0x7abc), 0,
	       "increase_reservation for nobody");
	expect(reserve(XENMEM_increase_reservation, 1, 50, DOMID_SELF), 0,
	       "increase_reservation of order 50");
	expect(reserve(XENMEM_populate_physmap, 1, 50, DOMID_SELF), 0,
	       "populate_physmap of order 50");
	expect(reserve(XENMEM_populate_physmap, 0, 0, DOMID_SELF), 0, "populate_physmap of nothing");
	expect(reserve(XENMEM_populate_physmap, ~0ul, 0, DOMID_SELF), 0,
	       "populate_physmap of ~0 extents");
	expect_bad_pointers(decrease_at, 0, "decrease_reservation");
	expect_bad_pointers(decrease_list_at, 0, "decrease_reservation with its list");
	expect_bad_pointers(populate_at, 0, "populate_physmap");
	expect_bad_pointers(exchange_at, -XEN_EFAULT, "exchange");
	expect(hc_memory_op(XENMEM_add_to_physmap, &atp), -XEN_EACCES, "add_to_physmap");
	expect(hc_memory_op(XENMEM_set_memory_map, &fmap), 0, "set_memory_map of no entries");
	fmap.domid = 0;
	expect(hc_memory_op(XENMEM_set_memory_map, &fmap), -XEN_EPERM, "set_memory_map of dom0");
	expect(hc_memory_op(15, &atp), -XEN_EACCES, "remove_from_physmap");
	expect(hc_memory_op(8, NULL), -XEN_ENOSYS, "command 8");
	expect(hc_memory_op(63, NULL), -XEN_ENOSYS, "command 63");
}

void test_memory_op(void)
{
	questions();
	give_and_take();
	refusals();
}
