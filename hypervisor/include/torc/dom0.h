/* SPDX-License-Identifier: BSD-2-Clause */
/* Inner to boot/dom0.c and boot/dom0_pt.c: the control domain while it is being built. */
#ifndef TORC_DOM0_H
#define TORC_DOM0_H

#include <torc/domain.h>
#include <torc/elf.h>
#include <torc/x86.h>

/* A run of pseudo-physical frames from which page tables are taken, one by one. */
struct table_pool {
	unsigned long pfn, end;
};

struct dom0_build {
	struct domain *d;
	struct pv_kernel kernel;
	const void *module; /* NULL: none */
	unsigned long module_size;

	unsigned long nr_pages;
	uint64_t *p2m; /* lies in the domain's own frames, from pfn p2m_pfn on */
	unsigned long p2m_pfn, p2m_pages;

	/* The initial region: virtual v_start is pseudo-physical frame 0. Addresses 0: not in the
	 * region. */
	unsigned long v_start, v_end;
	unsigned long module_va, p2m_va, start_info_va, tables_va, stack_va;
	unsigned long nr_tables; /* of the region, at tables_va */
	unsigned long module_pfn;
	unsigned long p2m_tables_pfn, nr_p2m_tables; /* for a p2m that is mapped elsewhere */
	unsigned long first_free_pfn;		     /* above all that has a use */
};

static inline void *dom0_page(const struct dom0_build *b, unsigned long pfn)
{
	ASSERT(pfn < b->nr_pages);
	return mfn_to_virt(MFN(b->p2m[pfn]));
}
static inline unsigned long dom0_pfn(const struct dom0_build *b, unsigned long va)
{
	ASSERT(va >= b->v_start && va < b->v_end);
	return (va - b->v_start) >> PAGE_SHIFT;
}

/* Page tables (all levels, the root too) that map n pages from va on, in an address space of their
 * own. */
unsigned long dom0_tables_needed(unsigned long va, unsigned long n);
/* Writes the initial page tables; the root is the first page at tables_va. */
void dom0_tables_build(struct dom0_build *b);

#endif
