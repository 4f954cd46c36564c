/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where everything of a new guest goes. The order and the rules are those of "Start-of-day
 * memory layout" in xen/xen.h: kernel, ramdisk, p2m list, start_info, store ring, console
 * ring, page tables, stack; half a MiB of padding at least; an end on 4 MiB. The kernel's
 * notes move the ramdisk and the list out of the initial mapping.
 */
#include "dom0-tools/builder/builder.h"

#include <string.h>

#define PADDING	  (512ull << 10)
#define END_ALIGN (4ull << 20)

static uint64_t pages_of(uint64_t bytes)
{
	return (bytes + HOST_PAGE_SIZE - 1) >> HOST_PAGE_SHIFT;
}

static uint64_t round_up(uint64_t v, uint64_t to)
{
	return (v + to - 1) / to * to;
}

static struct range take(uint64_t *next, uint64_t pages)
{
	struct range r = { *next, pages };

	*next += pages;
	return r;
}

/* How many tables of each level up to `top` it takes to map [start, end). */
static uint64_t table_set_count(struct table_set *t, unsigned int top, bool is_64, uint64_t start,
				uint64_t end)
{
	uint64_t sum = 0;

	*t = (struct table_set){ .start = start, .end = end };
	for (unsigned int level = 1; level <= top; level++) {
		unsigned int shift = HOST_PAGE_SHIFT + 9 * level;

		t->count[level] = ((end - 1) >> shift) - (start >> shift) + 1;
		/*
		 * PAE: the fourth level-2 table holds the hypervisor's part and has to exist;
		 * having all four keeps the count independent of where the kernel is.
		 */
		if (!is_64 && level == 2)
			t->count[level] = 4;
		sum += t->count[level];
	}
	return sum;
}

/* Highest level first, as pt_base is the root and the first frame. */
static void table_set_place(struct table_set *t, unsigned int top, uint64_t pfn)
{
	for (unsigned int level = top; level >= 1; level--) {
		t->pfn[level] = pfn;
		pfn += t->count[level];
	}
}

static int place_list(struct layout *at, const struct image *im, uint64_t bytes, uint64_t *next,
		      struct why *why)
{
	uint64_t end = im->init_p2m + round_up(bytes, HOST_PAGE_SIZE);
	unsigned int top_shift = HOST_PAGE_SHIFT + 27; /* one entry of the root */

	if (end > 1ull << 47 && (im->init_p2m < HYPERVISOR_END_64 || end < im->init_p2m))
		return why_set(why, TE_KERNEL,
			       "%s: INIT_P2M %#llx is outside what a 64-bit guest can have",
			       im->name, (unsigned long long)im->init_p2m);
	if (!((end - 1) >> top_shift < at->v_start >> top_shift ||
	      im->init_p2m >> top_shift > (at->v_end - 1) >> top_shift))
		return why_set(why, TE_KERNEL,
			       "%s: INIT_P2M %#llx lies beside the initial mapping at %#llx",
			       im->name, (unsigned long long)im->init_p2m,
			       (unsigned long long)at->v_start);
	at->list_tables = take(next, table_set_count(&at->list, 3, true, im->init_p2m, end));
	table_set_place(&at->list, 3, at->list_tables.pfn);
	at->p2m = take(next, pages_of(bytes));
	at->p2m_vaddr = im->init_p2m;
	return 0;
}

int layout_decide(struct layout *at, const struct image *im, uint64_t nr_pages,
		  uint64_t ramdisk_size, struct why *why)
{
	unsigned int top = im->is_64 ? 4 : 3;
	uint64_t p2m_bytes = nr_pages * (im->is_64 ? 8 : 4);
	uint64_t next, tables = 0, count, end;
	int rc;

	memset(at, 0, sizeof(*at));
	at->v_start = im->virt_base;
	if (im->virt_start < im->virt_base)
		return why_set(why, TE_KERNEL, "%s: a segment lies below VIRT_BASE %#llx", im->name,
			       (unsigned long long)im->virt_base);
	at->kernel.pfn = (im->virt_start - im->virt_base) >> HOST_PAGE_SHIFT;
	at->kernel.count = pages_of(im->virt_end - im->virt_base) - at->kernel.pfn;
	next = at->kernel.pfn + at->kernel.count;

	if (ramdisk_size && !im->mod_start_pfn)
		at->ramdisk = take(&next, pages_of(ramdisk_size));
	if (!im->has_init_p2m) {
		at->p2m = take(&next, pages_of(p2m_bytes));
		at->p2m_vaddr = layout_vaddr(at, at->p2m.pfn);
	}
	at->start_info = take(&next, 1).pfn;
	at->store = take(&next, 1).pfn;
	at->console = take(&next, 1).pfn;

	/* The tables have to map themselves: more tables, a later end, maybe more tables. */
	do {
		count = tables;
		end = round_up(layout_vaddr(at, next + count + 1) + PADDING, END_ALIGN);
		if (end <= at->v_start || (!im->is_64 && end > GUEST32_TOP))
			return why_set(
				why, TE_KERNEL,
				"%s: kernel and ramdisk do not fit the address space above %#llx",
				im->name, (unsigned long long)at->v_start);
		tables = table_set_count(&at->boot, top, im->is_64, at->v_start, end);
	} while (tables != count);
	at->tables = take(&next, tables);
	table_set_place(&at->boot, top, at->tables.pfn);
	at->stack = take(&next, 1).pfn;
	at->v_end = end;
	at->used = (end - at->v_start) >> HOST_PAGE_SHIFT;

	next = at->used;
	if (ramdisk_size && im->mod_start_pfn)
		at->ramdisk = take(&next, pages_of(ramdisk_size));
	if (im->has_init_p2m) {
		rc = place_list(at, im, p2m_bytes, &next, why);
		if (rc)
			return rc;
	}
	at->used = next;
	if (at->used > nr_pages)
		return why_hint(
			why,
			why_set(why, TE_CONFIG_VALUE,
				"memory: %llu MiB are too few: %s%s and its tables alone need %llu MiB",
				(unsigned long long)nr_pages >> 8, im->name,
				ramdisk_size ? ", the ramdisk" : "",
				(unsigned long long)(at->used + 255) >> 8),
			"raise memory=; the guest needs room to run in besides");
	return 0;
}
