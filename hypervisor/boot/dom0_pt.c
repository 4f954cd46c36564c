/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The control domain's first page tables: its initial region one to one from frame 0, its list of
 * frames where the kernel wants it. They are written as a guest would write them and become page
 * tables by the same validation that every guest's go through.
 */
#include <torc/dom0.h>
#include <torc/x86.h>

#define TABLE_FLAGS (PTE_P | PTE_RW | PTE_US | PTE_A)
#define LEAF_FLAGS  (PTE_P | PTE_RW | PTE_US | PTE_A | PTE_D)

/* Entries of a table of this level (2..4) that n pages from va on take: tables of the level below. */
static unsigned long spans(unsigned long va, unsigned long n, unsigned int level)
{
	unsigned int shift = PAGE_SHIFT + 9 * (level - 1);
	unsigned long last = va + (n << PAGE_SHIFT) - 1;

	return (last >> shift) - (va >> shift) + 1;
}

unsigned long dom0_tables_needed(unsigned long va, unsigned long n)
{
	return 1 + spans(va, n, 4) + spans(va, n, 3) + spans(va, n, 2);
}

static uint64_t *entry_at(uint64_t *table, unsigned long va, unsigned int level)
{
	return &table[va >> (PAGE_SHIFT + 9 * (level - 1)) & 511];
}

static uint64_t *table_new(struct dom0_build *b, struct table_pool *pool, mfn_t *m)
{
	void *p;

	BUG_ON(pool->pfn >= pool->end); /* dom0_tables_needed() counted them */
	p = dom0_page(b, pool->pfn);
	*m = MFN(b->p2m[pool->pfn++]);
	memset(p, 0, PAGE_SIZE);
	return p;
}

static void map(struct dom0_build *b, struct table_pool *pool, uint64_t *root, unsigned long va,
		mfn_t m, uint64_t flags)
{
	uint64_t *table = root, *e;

	for (unsigned int level = 4; level > 1; level--) {
		e = entry_at(table, va, level);
		if (*e & PTE_P) {
			table = mfn_to_virt(pte_mfn(*e));
		} else {
			mfn_t t;

			table = table_new(b, pool, &t);
			*e = pte_make(t, TABLE_FLAGS);
		}
	}
	*entry_at(table, va, 1) = pte_make(m, flags);
}

void dom0_tables_build(struct dom0_build *b)
{
	unsigned long first = dom0_pfn(b, b->tables_va);
	struct table_pool region = { first, first + b->nr_tables };
	struct table_pool p2m = { b->p2m_tables_pfn, b->p2m_tables_pfn + b->nr_p2m_tables };
	uint64_t *root;
	mfn_t m;

	root = table_new(b, &region, &m);
	for (unsigned long va = b->v_start; va < b->v_end; va += PAGE_SIZE) {
		unsigned long pfn = dom0_pfn(b, va);
		bool table = pfn >= first && pfn < first + b->nr_tables;

		map(b, &region, root, va, MFN(b->p2m[pfn]),
		    table ? LEAF_FLAGS & ~PTE_RW : LEAF_FLAGS);
	}
	if (b->p2m_va) /* within the region: mapped already */
		return;
	for (unsigned long i = 0; i < b->p2m_pages; i++)
		map(b, &p2m, root, b->kernel.init_p2m + (i << PAGE_SHIFT),
		    MFN(b->p2m[b->p2m_pfn + i]), LEAF_FLAGS);
}
