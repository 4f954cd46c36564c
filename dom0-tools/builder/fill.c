/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Writing into a new guest's memory, some MiB mapped at a time. Pages that are to hold zeros are
 * not touched where the hypervisor gives such: of a small guest's memory, most is a kernel's bss.
 */
#include "dom0-tools/builder/builder.h"

#include <errno.h>
#include <string.h>

#define CHUNK 1024u /* pages mapped at once */
#define GAP   8ull  /* pages */

static uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Copy what a segment has in [start, start + size) to `to`, whose first byte is at start. */
static int copy_segment(const struct image *im, const struct image_segment *s, uint64_t start,
			uint64_t size, uint8_t *to)
{
	uint64_t from = s->vaddr > start ? s->vaddr : start;
	uint64_t end = min_u64(s->vaddr + s->filesz, start + size);

	return from < end ? image_read(im, s->offset + (from - s->vaddr), to + (from - start),
				       end - from) :
			    0;
}

/* The lowest address from `at` on that a segment's file bytes cover, and where those end. */
static bool next_bytes(const struct image *im, uint64_t at, uint64_t limit, uint64_t *start,
		       uint64_t *end)
{
	*start = *end = limit;
	for (unsigned int i = 0; i < im->nr_segments; i++) {
		const struct image_segment *s = &im->segments[i];
		uint64_t from = s->vaddr > at ? s->vaddr : at;

		if (s->vaddr + s->filesz > at && from < *start) {
			*start = from;
			*end = min_u64(s->vaddr + s->filesz, limit);
		}
	}
	return *start < limit;
}

/* All of the kernel's image in these pages: bytes of the file, zeros between. */
static int fill_pages(const struct build *b, struct host *h, uint32_t domid, uint64_t pfn,
		      uint64_t n, struct why *why)
{
	const struct image *im = &b->image;
	uint64_t size = n << HOST_PAGE_SHIFT, vaddr = layout_vaddr(&b->at, pfn), cursor = vaddr,
		 start, end;
	uint8_t *to = host_map(h, domid, true, b->p2m + pfn, n, why);
	int rc = 0;

	if (!to)
		return -EIO;
	while (next_bytes(im, cursor, vaddr + size, &start, &end)) {
		memset(to + (cursor - vaddr), 0, start - cursor);
		cursor = end;
	}
	memset(to + (cursor - vaddr), 0, vaddr + size - cursor);
	for (unsigned int i = 0; !rc && i < im->nr_segments; i++)
		rc = copy_segment(im, &im->segments[i], vaddr, size, to);
	host_unmap(h, to, n);
	return rc ? why_set(why, TE_FILE, "kernel %s changed while it was being read", im->name) : 0;
}

/* The next pages that the file has bytes for, over gaps that cost less than another mapping. */
static bool next_pages(const struct build *b, uint64_t *pfn, uint64_t limit, uint64_t *count)
{
	uint64_t top = layout_vaddr(&b->at, limit), start, end, from, upto;

	if (!next_bytes(&b->image, layout_vaddr(&b->at, *pfn), top, &start, &end))
		return false;
	from = start & ~(HOST_PAGE_SIZE - 1ull);
	do {
		upto = (end + HOST_PAGE_SIZE - 1) & ~(HOST_PAGE_SIZE - 1ull);
	} while (next_bytes(&b->image, end, top, &start, &end) &&
		 start <= upto + (GAP << HOST_PAGE_SHIFT));
	*pfn += (from - layout_vaddr(&b->at, *pfn)) >> HOST_PAGE_SHIFT;
	*count = (upto - from) >> HOST_PAGE_SHIFT;
	return true;
}

int fill_kernel(struct build *b, struct host *h, uint32_t domid, struct why *why)
{
	uint64_t pfn = b->at.kernel.pfn, limit = pfn + b->at.kernel.count,
		 count = b->at.kernel.count;
	int rc = 0;

	while (!rc && pfn < limit && (!b->zeroed || next_pages(b, &pfn, limit, &count))) {
		uint64_t n = min_u64(count, CHUNK);

		rc = fill_pages(b, h, domid, pfn, n, why);
		build_moved(b, n << HOST_PAGE_SHIFT);
		pfn += n;
		count -= n;
	}
	return rc;
}

int fill_bytes(struct build *b, struct host *h, uint32_t domid, struct range to, const void *data,
	       size_t size, struct why *why)
{
	const uint8_t *from = data;

	if (b->zeroed)
		to.count = min_u64(to.count, (size + HOST_PAGE_SIZE - 1) >> HOST_PAGE_SHIFT);
	while (to.count) {
		uint64_t n = min_u64(to.count, CHUNK), room = n << HOST_PAGE_SHIFT;
		uint64_t bytes = min_u64(room, size);
		uint8_t *at = host_map(h, domid, true, b->p2m + to.pfn, n, why);

		if (!at)
			return -EIO;
		if (bytes)
			memcpy(at, from, bytes);
		memset(at + bytes, 0, room - bytes);
		host_unmap(h, at, n);
		build_moved(b, bytes);
		from += bytes;
		size -= bytes;
		to.pfn += n;
		to.count -= n;
	}
	return 0;
}
