/* SPDX-License-Identifier: BSD-2-Clause */
/* set_gdt, update_descriptor, set_segment_base, in both widths. */
#include <torc/hypercall.h>
#include <torc/pv.h>

#define GDT_PAGES  14
#define PAGE_DESCS 512

static long set_gdt(struct vcpu *v, gaddr_t list, unsigned int entries, unsigned int width)
{
	unsigned int i, pages = entries / PAGE_DESCS + !!(entries % PAGE_DESCS);
	mfn_t frames[GDT_PAGES];
	uint64_t n;

	if (pages > GDT_PAGES)
		return refuse(v, -XEN_EINVAL, "GDT of %u entries; at most %u", entries,
			      GDT_PAGES * PAGE_DESCS);
	for (i = 0; i < pages; i++) {
		n = 0;
		if (guest_read(&n, GADDR(list.n + i * width), width))
			return refuse(v, -XEN_EFAULT, "GDT frame list at %#lx is not readable",
				      list.n);
		frames[i] = MFN(n);
	}
	return segment_set_gdt(v, frames, entries);
}

HC(hc_set_gdt)
{
	(void)a3, (void)a4, (void)a5;
	return set_gdt(v, GADDR(a1), a2, 8);
}

HC(hc_set_gdt_32)
{
	(void)a3, (void)a4, (void)a5;
	return set_gdt(v, GADDR(a1), a2, 4);
}

HC(hc_update_descriptor)
{
	(void)a3, (void)a4, (void)a5;
	return segment_update_descriptor(v, a1, a2);
}

HC(hc_update_descriptor_32)
{
	(void)a5;
	return segment_update_descriptor(v, a2 << 32 | (uint32_t)a1, a4 << 32 | (uint32_t)a3);
}

HC(hc_set_segment_base)
{
	(void)a3, (void)a4, (void)a5;
	return segment_set_base(v, a1, a2);
}
