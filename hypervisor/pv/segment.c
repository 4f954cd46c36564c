/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Descriptor tables. A page of descriptors is a typed frame (FT_SEGDESC): every descriptor in it
 * was checked when it got that type, no guest can write it, and update_descriptor() checks each
 * change. The GDT's pages are mapped into the window of the CPU that runs the vcpu; the LDT's when
 * the processor first looks there and faults.
 *
 * The window's mappings are read-only: every code and data descriptor is given its accessed bit
 * beforehand, so the processor has nothing to write.
 */
#include <torc/guestmem.h>
#include <torc/why.h>
#include <torc/x86.h>
#include "mmu.h"

#define DESC_S	       (1ull << 44) /* code or data, not a system descriptor */
#define DESC_P	       (1ull << 47)
#define DESC_DPL_SHIFT 45
#define DESC_DPL       (3ull << DESC_DPL_SHIFT)
#define DESC_TYPE      (15ull << 40)
#define DESC_ACCESSED  (1ull << 40)
#define DESC_CODE      (1ull << 43)
#define DESC_L	       (1ull << 53)
#define DESC_D	       (1ull << 54)

#define GDT_PAGES  14 /* FIRST_RESERVED_GDT_PAGE */
#define WINDOW_PTE (PTE_P | PTE_A | PTE_D | PTE_NX)
#define PAGE_DESCS 512

/* What this CPU's window shows now, so that a switch touches only what differs. */
static struct {
	uint8_t gdt_pages;
	uint16_t ldt_pages;
} shown[MAX_CPUS];

bool segment_check(const struct domain *d, uint64_t *desc)
{
	uint64_t x = *desc, ring = d->is_32bit ? 1 : 3;

	/* Never followed: loading it faults. */
	if (!(x & DESC_P))
		return true;
	/* Of the system descriptors a guest could use gates alone, and those lead the processor
	 * into ring 0. Type 0 is none. */
	if (!(x & DESC_S))
		return !(x & DESC_TYPE);
	if ((x & DESC_CODE) && (x & DESC_L)) {
		/* In a 64-bit segment a ring-1 guest would see beyond its 4 GiB. L with D is
		 * reserved. */
		if (d->is_32bit || x & DESC_D)
			return false;
	}
	if ((x & DESC_DPL) >> DESC_DPL_SHIFT < ring)
		x = (x & ~DESC_DPL) | ring << DESC_DPL_SHIFT;
	*desc = x | DESC_ACCESSED;
	return true;
}

/* --- the window ----------------------------------------------------------- */

static uint64_t gdt_pte(const struct vcpu *v, unsigned int page)
{
	bool used = page * PAGE_DESCS < v->gdt_entries;

	return pte_make(used ? v->gdt[page] : zero_page, WINDOW_PTE);
}

static unsigned int gdt_pages(unsigned int entries)
{
	return (entries + PAGE_DESCS - 1) / PAGE_DESCS;
}

static void load_gdt(struct vcpu *v)
{
	unsigned int cpu = this_cpu(), i, n = gdt_pages(v->gdt_entries);

	for (i = 0; i < MAX(n, shown[cpu].gdt_pages); i++)
		window_map(cpu, i, gdt_pte(v, i));
	shown[cpu].gdt_pages = n;
}

static void load_ldt(struct vcpu *v)
{
	unsigned int cpu = this_cpu(), i;
	uint16_t change = shown[cpu].ldt_pages | v->ldt_mapped;

	for (i = 0; change; i++, change >>= 1)
		if (change & 1)
			window_map(cpu, WINDOW_LDT / PAGE_SIZE + i,
				   v->ldt_mapped >> i & 1 ? pte_make(v->ldt_frame[i], WINDOW_PTE) :
							    0);
	shown[cpu].ldt_pages = v->ldt_mapped;
	desc_load_ldt(v->ldt_entries);
}

void segment_load(struct vcpu *v)
{
	load_gdt(v);
	load_ldt(v);
}

/* --- the vcpu's tables ---------------------------------------------------- */

static void gdt_put(const mfn_t *frames, unsigned int pages)
{
	unsigned int i;

	for (i = 0; i < pages; i++)
		frame_put_typed(mfn_frame(frames[i]));
}

int segment_set_gdt(struct vcpu *v, const mfn_t *frames, unsigned int entries)
{
	unsigned int i, n = gdt_pages(entries), old_n = gdt_pages(v->gdt_entries);
	mfn_t old[GDT_PAGES];
	int rc;

	if (entries > GDT_PAGES * PAGE_DESCS)
		return refuse(v, -XEN_EINVAL, "GDT of %u entries; %u are the guest's", entries,
			      GDT_PAGES * PAGE_DESCS);
	for (i = 0; i < n; i++) {
		rc = mfn_valid(frames[i]) ?
			     frame_get_typed(mfn_frame(frames[i]), v->domain, FT_SEGDESC) :
			     -XEN_EINVAL;
		if (rc) {
			gdt_put(frames, i);
			return refuse(
				v, -XEN_EINVAL,
				"GDT frame %#lx: not d%u's, mapped writable, or with a bad descriptor",
				frames[i].n, v->domain->id);
		}
	}
	memcpy(old, v->gdt, sizeof(old));
	for (i = 0; i < n; i++)
		v->gdt[i] = frames[i];
	v->gdt_entries = entries;
	if (v == current)
		load_gdt(v);
	gdt_put(old, old_n);
	return 0;
}

static void ldt_drop(struct vcpu *v)
{
	uint16_t was = v->ldt_mapped;
	unsigned int i;

	v->ldt_mapped = 0;
	if (v == current)
		load_ldt(v);
	for (i = 0; was; i++, was >>= 1)
		if (was & 1)
			frame_put_typed(mfn_frame(v->ldt_frame[i]));
}

int segment_set_ldt(struct vcpu *v, unsigned long base, unsigned int entries)
{
	bool hole = v->domain->is_32bit && base + entries * 8ul > M2P32_BASE;

	if (entries > 8192 || base & (PAGE_SIZE - 1) ||
	    (entries && (hole || !guest_range_ok(v, GADDR(base), entries * 8ul))))
		return refuse(v, -XEN_EINVAL,
			      "LDT at %#lx of %u entries: at most 8192, on a page's start", base,
			      entries);
	v->ldt_base = entries ? base : 0;
	v->ldt_entries = entries;
	ldt_drop(v);
	return 0;
}

void segment_drop(struct vcpu *v)
{
	segment_set_gdt(v, NULL, 0);
	v->ldt_base = 0;
	v->ldt_entries = 0;
	ldt_drop(v);
}

/* The processor looked at a page of the LDT that is not in the window: the page that the guest maps
 * there now, if it will do. */
bool segment_ldt_fault(struct vcpu *v, unsigned long offset)
{
	unsigned int page = offset >> PAGE_SHIFT;
	struct walk w;
	mfn_t m;

	ASSERT(irqs_are_on()); /* a change of type may flush other CPUs */
	if (page >= 16 || offset / 8 >= v->ldt_entries || v->ldt_mapped >> page & 1)
		return false;
	walk(v, v->ldt_base + page * PAGE_SIZE, &w);
	m = pte_mfn(w.l1e);
	if (!(w.l1e & PTE_P) || !mfn_valid(m))
		return false;
	if (frame_get_typed(mfn_frame(m), v->domain, FT_SEGDESC)) {
		refuse(v, -XEN_EINVAL,
		       "LDT page %u: frame %#lx is mapped writable, or has a bad descriptor", page,
		       m.n);
		return false;
	}
	v->ldt_frame[page] = m;
	v->ldt_mapped |= 1u << page;
	if (v == current)
		load_ldt(v);
	return true;
}

long segment_update_descriptor(struct vcpu *v, uint64_t maddr, uint64_t desc)
{
	mfn_t m = MFN(maddr >> PAGE_SHIFT);
	struct frame *f = mfn_frame(m);
	bool is_desc;

	if (maddr & 7 || !mfn_valid(m))
		return refuse(v, -XEN_EINVAL, "descriptor at %#lx: no memory, or not aligned",
			      maddr);
	if (!segment_check(v->domain, &desc))
		return refuse(
			v, -XEN_EINVAL,
			"descriptor %#lx: a gate, a system or a 64-bit segment that a guest may not have",
			desc);
	is_desc = frame_get_more(f, v->domain, FT_SEGDESC);
	/* A table not yet in use is plain memory. */
	if (!is_desc && frame_get_typed(f, v->domain, FT_WRITABLE))
		return refuse(v, -XEN_EINVAL,
			      "descriptor at %#lx: frame is not d%u's, or a page table", maddr,
			      v->domain->id);
	WRITE_ONCE(*(uint64_t *)maddr_to_virt(maddr), desc);
	frame_put_typed(f);
	dirty_mark(v->domain, m);
	return 0;
}
