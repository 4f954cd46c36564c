/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which frames are the guest's, and what the guest calls them. The hypervisor knows both, so a
 * guest that crashed before it could say where its own list is, or whose list is damaged, is dumped
 * all the same.
 */
#include "dom0-tools/dump/dump.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NO_PFN (1ull << 52) /* from here on: shared, invalid, or none */

static int by_pfn(const void *a, const void *b)
{
	const struct dump_page *x = a, *y = b;

	if (x->pfn != y->pfn)
		return x->pfn < y->pfn ? -1 : 1;
	return x->mfn < y->mfn ? -1 : x->mfn > y->mfn;
}

static int add(struct dump *d, size_t *room, uint64_t pfn, uint64_t mfn, struct why *why)
{
	if (pfn >= NO_PFN) {
		d->left_out++;
		return 0;
	}
	if (d->nr_pages == *room) {
		struct dump_page *grown = realloc(d->pages, *room * 2 * sizeof(*grown));

		if (!grown)
			return why_set(why, TE_NO_MEMORY, "no memory for a list of %zu pages",
				       *room * 2);
		d->pages = grown;
		*room *= 2;
	}
	d->pages[d->nr_pages++] = (struct dump_page){ pfn, mfn };
	return 0;
}

/* One page for each number: a guest may have given two frames the same. */
static void drop_twins(struct dump *d)
{
	size_t n = 0;

	for (size_t i = 0; i < d->nr_pages; i++)
		if (n && d->pages[n - 1].pfn == d->pages[i].pfn)
			d->left_out++;
		else
			d->pages[n++] = d->pages[i];
	d->nr_pages = n;
}

static int index_by_mfn(const void *a, const void *b, void *arg)
{
	const struct dump_page *pages = arg;
	uint64_t x = pages[*(const uint32_t *)a].mfn, y = pages[*(const uint32_t *)b].mfn;

	return x < y ? -1 : x > y;
}

static int sort(struct dump *d, struct why *why)
{
	qsort(d->pages, d->nr_pages, sizeof(*d->pages), by_pfn);
	drop_twins(d);
	d->by_mfn = malloc((d->nr_pages + 1) * sizeof(*d->by_mfn));
	if (!d->by_mfn || d->nr_pages > UINT32_MAX)
		return why_set(why, TE_NO_MEMORY, "no memory for a list of %zu pages", d->nr_pages);
	for (size_t i = 0; i < d->nr_pages; i++)
		d->by_mfn[i] = (uint32_t)i;
	qsort_r(d->by_mfn, d->nr_pages, sizeof(*d->by_mfn), index_by_mfn, d->pages);
	return 0;
}

int dump_find_pages(struct dump *d, struct why *why)
{
	uint64_t batch[HOST_FRAMES_BATCH];
	size_t entries = 0, room = d->info.pages + 64;
	const uint64_t *m2p = NULL;
	int rc;

	d->pages = malloc(room * sizeof(*d->pages));
	if (!d->pages)
		return why_set(why, TE_NO_MEMORY, "no memory for a list of %zu pages", room);
	rc = host_m2p_map(d->h, &m2p, &entries, why);
	for (uint64_t first = 0; !rc && first < entries; first += HOST_FRAMES_BATCH) {
		size_t n = entries - first < HOST_FRAMES_BATCH ? entries - first : HOST_FRAMES_BATCH;

		for (size_t i = 0; i < n; i++)
			batch[i] = first + i;
		rc = host_frame_types(d->h, d->domid, batch, n, why);
		for (size_t i = 0; !rc && i < n; i++)
			if (batch[i] != HOST_NOT_ITS)
				rc = add(d, &room, m2p[first + i], first + i, why);
	}
	host_m2p_unmap(d->h, m2p, entries);
	return rc ? rc : sort(d, why);
}

uint64_t dump_page_of_mfn(const struct dump *d, uint64_t mfn)
{
	size_t low = 0, high = d->nr_pages;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		uint64_t have = d->pages[d->by_mfn[mid]].mfn;

		if (have == mfn)
			return d->by_mfn[mid];
		if (have < mfn)
			low = mid + 1;
		else
			high = mid;
	}
	return DUMP_NO_PAGE;
}
