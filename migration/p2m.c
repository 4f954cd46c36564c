/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest's own list of its frames. There are two forms: a tree of three levels, or a list that
 * is contiguous in the guest's addresses and found through its page tables. All of it is the
 * guest's to write, so every frame number is held against what the hypervisor says is the guest's,
 * by the mapping call, and every index against a length.
 */
#include "migration/guest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#ifndef __XEN_TOOLS__
#define __XEN_TOOLS__ 1
#endif
#include <xen/xen.h>
#include <xen/foreign/x86_32.h>

#define PRESENT 1ull
#define ADDRESS 0x000ffffffffff000ull
#define NONE	UINT64_MAX

static size_t word(const struct guest_list *g)
{
	return g->is_32bit ? 4 : 8;
}

static uint64_t entry_at(const void *at, size_t i, size_t width)
{
	uint32_t w32;
	uint64_t w64;

	if (width == 4) {
		memcpy(&w32, (const uint8_t *)at + i * 4, 4);
		return w32;
	}
	memcpy(&w64, (const uint8_t *)at + i * 8, 8);
	return w64;
}

struct anchors {
	uint64_t max_pfn, tree, cr3, vaddr;
};

static void drop(struct guest_list *g, struct guest_kept *k)
{
	host_unmap(g->h, (void *)(uintptr_t)k->at, 1);
	k->at = NULL;
}

/* A frame of the guest's, read-only, until another takes its place or drop(). */
static int keep(struct guest_list *g, struct guest_kept *k, uint64_t mfn, struct why *why)
{
	if (k->at && k->mfn == mfn)
		return 0;
	drop(g, k);
	k->mfn = mfn;
	k->at = host_map(g->h, g->domid, false, &mfn, 1, why);
	return k->at ? 0 : -EIO;
}

static int read_anchors(struct guest_list *g, struct anchors *a, struct why *why)
{
	int rc = keep(g, &g->shared, g->shared_frame, why);
	const struct shared_info_x86_32 *s32 = g->shared.at;
	const struct shared_info *s64 = g->shared.at;

	if (rc)
		return rc;
	if (g->is_32bit)
		*a = (struct anchors){ s32->arch.max_pfn, s32->arch.pfn_to_mfn_frame_list_list,
				       s32->arch.p2m_cr3 ? xen_cr3_to_pfn_x86_32(s32->arch.p2m_cr3) :
							   0,
				       s32->arch.p2m_vaddr };
	else
		*a = (struct anchors){ s64->arch.max_pfn, s64->arch.pfn_to_mfn_frame_list_list,
				       s64->arch.p2m_cr3 ? xen_cr3_to_pfn(s64->arch.p2m_cr3) : 0,
				       s64->arch.p2m_vaddr };
	return 0;
}

/* One word of one of the guest's frames. */
static int peek(struct guest_list *g, struct guest_kept *k, uint64_t mfn, size_t i, size_t width,
		uint64_t *value, struct why *why)
{
	int rc = keep(g, k, mfn, why);

	if (!rc)
		*value = entry_at(k->at, i, width);
	return rc;
}

static int by_tables(struct guest_list *g, const struct anchors *a, uint64_t *frames,
		     struct why *why)
{
	int top = g->is_32bit ? 3 : 4, rc = 0;

	for (size_t n = 0; !rc && n < g->frames; n++) {
		uint64_t va = (a->vaddr & ~(uint64_t)(HOST_PAGE_SIZE - 1)) + n * HOST_PAGE_SIZE,
			 mfn = a->cr3, e = 0;

		for (int level = top; !rc && level >= 1; level--) {
			rc = peek(g, &g->tables[level], mfn,
				  va >> (12 + 9 * (level - 1)) &
					  (level == 3 && g->is_32bit ? 3 : 511),
				  8, &e, why);
			if (!rc && !(e & PRESENT))
				rc = why_set(why, TE_STATE,
					     "domain %u's list of its frames has no page at %#llx",
					     g->domid, (unsigned long long)va);
			mfn = (e & ADDRESS) >> 12;
		}
		frames[n] = mfn;
	}
	return rc;
}

static int by_tree(struct guest_list *g, const struct anchors *a, uint64_t *frames, struct why *why)
{
	size_t per = HOST_PAGE_SIZE / word(g);
	uint64_t mfn = 0;
	int rc = 0;

	for (size_t n = 0; !rc && n < g->frames; n++) {
		if (n / per >= per)
			rc = why_set(why, TE_STATE, "domain %u says that it has %llu pages",
				     g->domid, (unsigned long long)g->pages);
		if (!rc)
			rc = peek(g, &g->tables[2], a->tree, n / per, word(g), &mfn, why);
		if (!rc)
			rc = peek(g, &g->tables[1], mfn, n % per, word(g), &frames[n], why);
	}
	return rc;
}

/* Where the list is now: a malloced array of its frames. */
static int find_frames(struct guest_list *g, uint64_t **frames, struct why *why)
{
	uint64_t invalid = g->is_32bit ? UINT32_MAX : UINT64_MAX;
	struct anchors a;
	int rc = read_anchors(g, &a, why);

	*frames = NULL;
	if (rc)
		return rc;
	if (!a.max_pfn || a.max_pfn > GUEST_MAX_PAGES || (!a.cr3 && (!a.tree || a.tree == invalid)))
		return why_hint(why,
				why_set(why, TE_STATE,
					"domain %u has not said where its list of its frames is",
					g->domid),
				"its kernel is still starting, or cannot be saved");
	if (g->pages && g->pages != a.max_pfn)
		return why_set(
			why, TE_UNSUPPORTED,
			"domain %u's list of its frames went from %llu to %llu entries while it was sent",
			g->domid, (unsigned long long)g->pages, (unsigned long long)a.max_pfn);
	g->pages = a.max_pfn;
	g->frames = (size_t)((a.max_pfn * word(g) + HOST_PAGE_SIZE - 1) / HOST_PAGE_SIZE);
	*frames = calloc(g->frames, sizeof(**frames));
	if (!*frames)
		return why_set(why, TE_NO_MEMORY, "no memory for a list of %zu frames", g->frames);
	rc = a.cr3 ? by_tables(g, &a, *frames, why) : by_tree(g, &a, *frames, why);
	if (rc) {
		free(*frames);
		*frames = NULL;
	}
	return rc;
}

/* The list that is in these frames; they are the list's from now on. After a failure it is as
 * before. */
static int use_frames(struct guest_list *g, uint64_t *frames, struct why *why)
{
	struct guest_list next = *g;
	int rc;

	next.list = host_map(g->h, g->domid, false, frames, g->frames, why);
	if (!next.list)
		return -EIO;
	next.frame_pfns = calloc(g->frames, sizeof(*next.frame_pfns));
	rc = next.frame_pfns ?
		     0 :
		     why_set(why, TE_NO_MEMORY, "no memory for a list of %zu frames", g->frames);
	for (size_t i = 0; !rc && i < g->frames; i++) {
		next.frame_pfns[i] = guest_list_pfn(&next, frames[i]);
		if (next.frame_pfns[i] == NONE)
			rc = why_set(
				why, TE_STATE,
				"domain %u's list of its frames lies in a frame that it does not list (%#llx)",
				g->domid, (unsigned long long)frames[i]);
	}
	if (rc) {
		host_unmap(g->h, next.list, g->frames);
		free(next.frame_pfns);
		return rc;
	}
	if (g->list)
		host_unmap(g->h, g->list, g->frames);
	free(g->frame_pfns);
	free(g->list_mfns);
	*g = next;
	g->list_mfns = frames;
	return 0;
}

int guest_list_open(struct guest_list *g, struct host *h, uint32_t domid, struct why *why)
{
	struct domain_info info;
	uint64_t *frames = NULL;
	int rc;

	*g = (struct guest_list){ .h = h, .domid = domid };
	rc = host_domain_info(h, domid, &info, why);
	if (!rc)
		rc = host_domain_is_32bit(h, domid, &g->is_32bit, why);
	if (rc)
		return rc;
	g->shared_frame = info.shared_info_frame;
	rc = host_m2p_map(h, &g->m2p, &g->m2p_entries, why);
	if (!rc)
		rc = find_frames(g, &frames, why);
	if (!rc)
		rc = use_frames(g, frames, why);
	if (rc) {
		free(frames);
		guest_list_close(g);
	}
	return rc;
}

int guest_list_follow(struct guest_list *g, bool *moved, bool strict, struct why *why)
{
	uint64_t *frames;
	int rc = find_frames(g, &frames, why);

	*moved = false;
	if (!rc) {
		*moved = memcmp(frames, g->list_mfns, g->frames * sizeof(*frames)) != 0;
		rc = *moved ? use_frames(g, frames, why) : 0;
		if (rc || !*moved)
			free(frames);
	}
	/* it is read while it changes: the next time is soon enough, but for the last */
	if (rc && !strict && why->error != TE_UNSUPPORTED && why->error != TE_NO_MEMORY)
		rc = 0;
	*moved &= !rc;
	return rc;
}

void guest_list_close(struct guest_list *g)
{
	drop(g, &g->shared);
	for (int i = 0; i < GUEST_LEVELS; i++)
		drop(g, &g->tables[i]);
	if (g->list)
		host_unmap(g->h, g->list, g->frames);
	if (g->m2p)
		host_m2p_unmap(g->h, g->m2p, g->m2p_entries);
	free(g->frame_pfns);
	free(g->list_mfns);
	g->list = NULL;
	g->m2p = NULL;
	g->frame_pfns = NULL;
	g->list_mfns = NULL;
}

uint64_t guest_list_mfn(const struct guest_list *g, uint64_t pfn)
{
	uint64_t mfn = pfn < g->pages ? entry_at(g->list, pfn, word(g)) : NONE;

	/* with either of the two highest bits it is no frame of the guest's: none, a foreign one,
	 * or a hole */
	return mfn >> (word(g) * 8 - 2) || mfn >= g->m2p_entries ? NONE : mfn;
}

uint64_t guest_list_pfn(void *arg, uint64_t mfn)
{
	struct guest_list *g = arg;
	uint64_t pfn = mfn < g->m2p_entries ? ((const volatile uint64_t *)g->m2p)[mfn] : NONE;

	return pfn < g->pages && guest_list_mfn(g, pfn) == mfn ? pfn : NONE;
}
