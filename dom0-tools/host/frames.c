/* SPDX-License-Identifier: BSD-2-Clause */
/* Frames of the machine: whose they are, and which of its guest's frames each is. */
#include "dom0-tools/host/priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define PIECE_PAGES   512u /* the table comes in pieces of 2 MiB */
#define PIECE_ENTRIES (PIECE_PAGES * HOST_PAGE_SIZE / sizeof(uint64_t))

_Static_assert(HOST_NOT_ITS == XEN_DOMCTL_PFINFO_XTAB,
	       "the ABI's word for a frame that is not the domain's");

int host_frame_types(struct host *h, uint32_t domid, uint64_t *frames, size_t count, struct why *why)
{
	struct xen_domctl *d;
	xen_pfn_t *list;
	int rc;

	if (count > HOST_FRAMES_BATCH)
		return why_set(why, TE_INTERNAL, "the types of %zu frames at once", count);
	list = xencall_alloc_buffer(h->call, HOST_FRAMES_BATCH * sizeof(*list));
	if (!list)
		return why_set(why, TE_NO_MEMORY, "no memory for a list of frames");
	memcpy(list, frames, count * sizeof(*list));
	d = domctl_new(h, XEN_DOMCTL_getpageframeinfo3, domid);
	d->u.getpageframeinfo3.num = count;
	set_xen_guest_handle(d->u.getpageframeinfo3.array, list);
	rc = domctl_do(h, "ask for the kinds of frames of", why);
	if (!rc)
		memcpy(frames, list, count * sizeof(*list));
	xencall_free_buffer(h->call, list);
	return rc;
}

/* Where the pieces are, as machine frames. */
static int pieces(struct host *h, xen_pfn_t *first, unsigned int count, struct why *why)
{
	struct xen_machphys_mfn_list *m = h->arg;
	xen_pfn_t *list = xencall_alloc_buffer(h->call, count * sizeof(*list));
	int rc = 0;

	if (!list)
		return why_set(why, TE_NO_MEMORY, "no memory for a list of frames");
	memset(m, 0, sizeof(*m));
	m->max_extents = count;
	set_xen_guest_handle(m->extent_start, list);
	if (xencall2(h->call, __HYPERVISOR_memory_op, XENMEM_machphys_mfn_list, (uintptr_t)m) < 0)
		rc = host_refused(why, errno, "cannot find the table of machine frames");
	else if (m->nr_extents != count)
		rc = why_set(why, TE_HYPERVISOR, "the table of machine frames has %u pieces, not %u",
			     m->nr_extents, count);
	else
		memcpy(first, list, count * sizeof(*list));
	xencall_free_buffer(h->call, list);
	return rc;
}

int host_m2p_map(struct host *h, const uint64_t **table, size_t *entries, struct why *why)
{
	long max = xencall2L(h->call, __HYPERVISOR_memory_op, XENMEM_maximum_ram_page, 0);
	xen_pfn_t *first, *all;
	unsigned int count;
	int rc;

	if (max <= 0)
		return host_refused(why, errno, "cannot ask how many frames the machine has");
	count = (unsigned int)(((size_t)max + PIECE_ENTRIES - 1) / PIECE_ENTRIES);
	first = calloc(count, sizeof(*first));
	all = calloc(count, PIECE_PAGES * sizeof(*all));
	rc = first && all ? pieces(h, first, count, why) :
			    why_set(why, TE_NO_MEMORY, "no memory for a list of frames");
	if (!rc) {
		for (size_t i = 0; i < (size_t)count * PIECE_PAGES; i++)
			all[i] = first[i / PIECE_PAGES] + i % PIECE_PAGES;
		*table = xenforeignmemory_map(h->mem, DOMID_XEN, PROT_READ,
					      (size_t)count * PIECE_PAGES, all, NULL);
		if (!*table)
			rc = host_refused(why, errno, "cannot map the table of machine frames");
		*entries = (size_t)max;
	}
	free(all);
	free(first);
	return rc;
}

void host_m2p_unmap(struct host *h, const uint64_t *table, size_t entries)
{
	size_t count = (entries + PIECE_ENTRIES - 1) / PIECE_ENTRIES;

	if (table)
		xenforeignmemory_unmap(h->mem, (void *)(uintptr_t)table, count * PIECE_PAGES);
}
