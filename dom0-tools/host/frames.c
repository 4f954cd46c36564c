/* SPDX-License-Identifier: BSD-2-Clause */
/* Frames of the machine: whose they are, and which of its guest's frames each is. */
#include "dom0-tools/host/priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define PIECE_PAGES   512u /* the table comes in pieces of 2 MiB */
#define PIECE_SIZE    ((size_t)PIECE_PAGES * HOST_PAGE_SIZE)
#define PIECE_ENTRIES (PIECE_SIZE / sizeof(uint64_t))

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

/* The pieces that there are, each run of them by one call, over memory that reads 0. */
static int map_pieces(struct host *h, char *table, const xen_pfn_t *first, unsigned int count,
		      struct why *why)
{
	xen_pfn_t *all = calloc(count, PIECE_PAGES * sizeof(*all));
	unsigned int from, to;
	int rc = 0;

	if (!all)
		return why_set(why, TE_NO_MEMORY, "no memory for a list of frames");
	for (from = 0; from < count && !rc; from = to) {
		for (to = from; to < count && first[to]; to++)
			for (size_t i = 0; i < PIECE_PAGES; i++)
				all[(to - from) * PIECE_PAGES + i] = first[to] + i;
		if (to == from) /* ABI: a hole in the machine's addresses */
			to++;
		else if (!xenforeignmemory_map2(h->mem, DOMID_XEN, table + from * PIECE_SIZE,
						PROT_READ, MAP_FIXED, (to - from) * PIECE_PAGES,
						all, NULL))
			rc = host_refused(why, errno, "cannot map the table of machine frames");
	}
	free(all);
	return rc;
}

int host_m2p_map(struct host *h, const uint64_t **table, size_t *entries, struct why *why)
{
	long last = xencall2L(h->call, __HYPERVISOR_memory_op, XENMEM_maximum_ram_page, 0);
	unsigned int count;
	xen_pfn_t *first;
	void *at;
	int rc;

	if (last <= 0)
		return host_refused(why, errno, "cannot ask how many frames the machine has");
	count = (unsigned int)((size_t)last / PIECE_ENTRIES + 1);
	first = calloc(count, sizeof(*first));
	at = mmap(NULL, count * PIECE_SIZE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
		  -1, 0);
	rc = first && at != MAP_FAILED ?
		     pieces(h, first, count, why) :
		     why_set(why, TE_NO_MEMORY, "no memory for a list of frames");
	if (!rc)
		rc = map_pieces(h, at, first, count, why);
	free(first);
	if (rc) {
		if (at != MAP_FAILED)
			munmap(at, count * PIECE_SIZE);
		return rc;
	}
	*table = at;
	*entries = (size_t)last + 1;
	return 0;
}

void host_m2p_unmap(struct host *h, const uint64_t *table, size_t entries)
{
	size_t count = (entries + PIECE_ENTRIES - 1) / PIECE_ENTRIES;

	(void)h;
	if (table)
		munmap((void *)(uintptr_t)table, count * PIECE_SIZE);
}
