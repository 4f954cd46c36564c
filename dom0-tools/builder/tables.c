/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A new guest's first page tables, both widths: PAE's three levels and long mode's four differ
 * in the number of levels and in flags only.
 */
#include "dom0-tools/builder/builder.h"

static bool within(const struct range *r, uint64_t pfn)
{
	return pfn >= r->pfn && pfn - r->pfn < r->count;
}

struct filler {
	const struct build *b;
	const struct pv_kind *kind;
	uint64_t (*pages)[512];
};

/* The table page of a frame in `tables` or `list_tables`. */
static uint64_t *table_at(const struct filler *f, uint64_t pfn)
{
	const struct layout *at = &f->b->at;

	if (within(&at->tables, pfn))
		return f->pages[pfn - at->tables.pfn];
	return f->pages[at->tables.count + pfn - at->list_tables.pfn];
}

static uint64_t entry(const struct filler *f, uint64_t pfn, uint64_t flags)
{
	return f->b->p2m[pfn] << HOST_PAGE_SHIFT | flags;
}

static uint64_t index_of(uint64_t vaddr, unsigned int level)
{
	return vaddr >> (HOST_PAGE_SHIFT + 9 * (level - 1)) & 511;
}

/* Frame of the set's table of a level that covers vaddr. */
static uint64_t table_pfn(const struct table_set *t, unsigned int level, uint64_t vaddr)
{
	unsigned int shift = HOST_PAGE_SHIFT + 9 * level;

	return t->pfn[level] + (vaddr >> shift) - (t->start >> shift);
}

/* Connect each table of the set to the one above it, up to the level below `top`. */
static void connect(const struct filler *f, const struct table_set *t, unsigned int top)
{
	for (unsigned int level = 1; level < top; level++) {
		unsigned int shift = HOST_PAGE_SHIFT + 9 * level;
		uint64_t first = t->start >> shift << shift;

		for (uint64_t i = 0; i < t->count[level]; i++) {
			uint64_t vaddr = first + (i << shift);
			uint64_t *above = table_at(f, table_pfn(t, level + 1, vaddr));

			above[index_of(vaddr, level + 1)] =
				entry(f, t->pfn[level] + i, f->kind->table[level + 1]);
		}
	}
}

static void map(const struct filler *f, const struct table_set *t, uint64_t vaddr, uint64_t pfn,
		uint64_t pages)
{
	const struct layout *at = &f->b->at;

	for (uint64_t i = 0; i < pages; i++, vaddr += HOST_PAGE_SIZE, pfn++) {
		/* No frame is a table and writable at once, or the hypervisor takes neither. */
		bool table = within(&at->tables, pfn) || within(&at->list_tables, pfn);

		table_at(f, table_pfn(t, 1, vaddr))[index_of(vaddr, 1)] =
			entry(f, pfn, table ? f->kind->leaf_readonly : f->kind->leaf);
	}
}

/* PAE: level 2 has all four tables, also those below the mapping's start. */
static void connect_pae(const struct filler *f, const struct table_set *t)
{
	uint64_t *root = table_at(f, t->pfn[3]);

	for (unsigned int i = 0; i < 4; i++)
		root[i] = entry(f, t->pfn[2] + i, f->kind->table[3]);
	for (uint64_t i = 0; i < t->count[1]; i++) {
		uint64_t vaddr = (t->start >> 21 << 21) + (i << 21);

		table_at(f, t->pfn[2] + (vaddr >> 30))[index_of(vaddr, 2)] =
			entry(f, t->pfn[1] + i, f->kind->table[2]);
	}
}

void tables_fill(const struct build *b, uint64_t (*pages)[512])
{
	struct filler f = { b, pv_kind_of(&b->image), pages };
	const struct layout *at = &b->at;

	if (b->image.is_64)
		connect(&f, &at->boot, 4);
	else
		connect_pae(&f, &at->boot);
	map(&f, &at->boot, at->v_start, 0, (at->v_end - at->v_start) >> HOST_PAGE_SHIFT);

	if (!at->list_tables.count)
		return;
	connect(&f, &at->list, 3);
	for (uint64_t i = 0; i < at->list.count[3]; i++) {
		uint64_t vaddr = (at->list.start >> 39 << 39) + (i << 39);

		table_at(&f, at->boot.pfn[4])[index_of(vaddr, 4)] =
			entry(&f, at->list.pfn[3] + i, f.kind->table[4]);
	}
	map(&f, &at->list, at->list.start, at->p2m.pfn, at->p2m.count);
}
