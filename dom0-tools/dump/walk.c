/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What vCPU 0's page tables map, for gdb, which knows virtual addresses only. The tables are read
 * back from the dump: they are the guest's, so nothing in them is believed, and the work is
 * bounded.
 */
#include "dom0-tools/dump/dump.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <xen/xen.h>
#include <xen/foreign/x86_32.h>

#define PRESENT	      1u
#define FRAME(e)      ((e) >> HOST_PAGE_SHIFT & ((1ull << 40) - 1))
#define STRETCHES_MAX 60000u /* program headers are counted in 16 bits */

struct walk {
	struct dump *d;
	struct dump_stretch *list;
	size_t count, room;
	uint64_t tables_left; /* a table may be reached by many paths; this many visits */
	struct why *why;
};

static int add(struct walk *w, uint64_t va, uint64_t page)
{
	struct dump_stretch *last = w->count ? &w->list[w->count - 1] : NULL;

	if (last && last->va + (last->count << HOST_PAGE_SHIFT) == va &&
	    last->page + last->count == page) {
		last->count++;
		return 0;
	}
	if (w->count == STRETCHES_MAX)
		return 0;
	if (w->count == w->room) {
		size_t room = w->room ? w->room * 2 : 64;
		struct dump_stretch *grown = realloc(w->list, room * sizeof(*grown));

		if (!grown)
			return why_set(w->why, TE_NO_MEMORY, "no memory for a list of stretches");
		w->list = grown;
		w->room = room;
	}
	w->list[w->count++] = (struct dump_stretch){ va, page, 1 };
	return 0;
}

static uint64_t canonical(const struct dump *d, uint64_t va)
{
	return d->is_64 && va >> 47 & 1 ? va | ~((1ull << 48) - 1) : va;
}

static int walk(struct walk *w, unsigned int level, uint64_t page, uint64_t va)
{
	unsigned int entries = level == 3 && !w->d->is_64 ? 4 : 512;
	uint64_t table[512];
	int rc = 0;

	if (!w->tables_left)
		return 0;
	w->tables_left--;
	if (pread(w->d->fd, table, sizeof(table),
		  (off_t)(w->d->pages_at + (page << HOST_PAGE_SHIFT))) != sizeof(table))
		return 0; /* the end of the file may be a hole */
	for (unsigned int i = 0; !rc && i < entries; i++) {
		uint64_t at = va | (uint64_t)i << (HOST_PAGE_SHIFT + 9 * (level - 1)), next;

		if (!(table[i] & PRESENT))
			continue;
		next = dump_page_of_mfn(w->d, FRAME(table[i]));
		if (next == DUMP_NO_PAGE) /* the hypervisor's, or another guest's */
			continue;
		rc = level == 1 ? add(w, canonical(w->d, at), next) : walk(w, level - 1, next, at);
	}
	return rc;
}

int dump_walk(struct dump *d, struct dump_stretch **list, size_t *count, struct why *why)
{
	struct walk w = { .d = d, .tables_left = d->nr_pages * 4 + 1024, .why = why };
	uint64_t root;
	int rc = 0;

	if (d->is_64) {
		const struct vcpu_guest_context *c = d->contexts;

		root = xen_cr3_to_pfn(c->ctrlreg[3]);
	} else {
		const struct vcpu_guest_context_x86_32 *c = d->contexts;

		root = c->ctrlreg[3] >> 12 | (c->ctrlreg[3] & 0xfff) << 20;
	}
	root = dump_page_of_mfn(d, root);
	if (root != DUMP_NO_PAGE)
		rc = walk(&w, d->is_64 ? 4 : 3, root, 0);
	*list = w.list;
	*count = w.count;
	return rc;
}
