/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory before there is a heap. A handful of ranges, cut from the top so that what lies low stays
 * in one piece for guests. */
#include <torc/boot_mem.h>
#include <torc/lib.h>

#define NR_RANGES 160

static struct {
	maddr_t start, end;
} range[NR_RANGES];
static unsigned int nr_ranges;
static maddr_t limit = GB(4ul); /* what the boot's own tables map */

void boot_mem_lift_limit(void)
{
	limit = ~0ull;
}

void boot_mem_add(maddr_t start, maddr_t end)
{
	start = ROUND_UP(start, PAGE_SIZE);
	end = ROUND_DOWN(end, PAGE_SIZE);
	if (start >= end)
		return;
	if (nr_ranges == NR_RANGES)
		panic("memory map: more than %u pieces of RAM", NR_RANGES);
	range[nr_ranges].start = start;
	range[nr_ranges++].end = end;
}

void boot_mem_reserve(maddr_t start, maddr_t end)
{
	unsigned int i, n = nr_ranges;
	maddr_t s, e;

	start = ROUND_DOWN(start, PAGE_SIZE);
	end = ROUND_UP(end, PAGE_SIZE);
	for (i = 0; i < n; i++) {
		s = range[i].start;
		e = range[i].end;
		if (end <= s || start >= e)
			continue;
		range[i].end = MAX(s, start);
		if (start <= s) {
			range[i].start = MIN(e, end);
			range[i].end = e;
		} else if (end < e) {
			boot_mem_add(end, e);
		}
	}
}

maddr_t boot_mem_alloc(uint64_t size, uint64_t align)
{
	unsigned int i, best = NR_RANGES;
	maddr_t at, top = 0;

	for (i = 0; i < nr_ranges; i++) {
		maddr_t end = MIN(range[i].end, limit);

		if (range[i].start >= end || end - range[i].start < size)
			continue;
		at = ROUND_DOWN(end - size, align);
		if (at >= range[i].start && at >= top) {
			top = at;
			best = i;
		}
	}
	if (best == NR_RANGES)
		panic("no %lu KiB of contiguous RAM for the hypervisor's tables: the machine needs more memory",
		      (unsigned long)(size >> 10));
	boot_mem_reserve(top, top + size);
	return top;
}

void boot_mem_each(void (*fn)(maddr_t start, maddr_t end))
{
	unsigned int i;

	for (i = 0; i < nr_ranges; i++)
		if (range[i].start < range[i].end)
			fn(range[i].start, range[i].end);
}
