/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The first entries of a new domain's grant table, so that the console and store daemons map
 * what they are given instead of what they can reach.
 */
#include "dom0-tools/host/priv.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include <xen/grant_table.h>

static void seed(volatile grant_entry_v1_t *table, const uint32_t *refs, const uint32_t *to,
		 const uint64_t *mfns, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		table[refs[i]].domid = (domid_t)to[i];
		table[refs[i]].frame = (uint32_t)mfns[i];
		table[refs[i]].flags = GTF_permit_access; /* last: it makes the entry valid */
	}
}

/* The old way, for a hypervisor without XENMEM_acquire_resource: ask for the frame, map it. */
static int seed_by_frame(struct host *h, uint32_t domid, const uint32_t *refs, const uint32_t *to,
			 const uint64_t *mfns, size_t count, struct why *why)
{
	struct gnttab_setup_table *s = h->arg;
	xen_pfn_t *frame = (xen_pfn_t *)((char *)h->arg + HOST_PAGE_SIZE / 2);
	uint64_t mfn;
	void *at;

	memset(s, 0, sizeof(*s));
	s->dom = (domid_t)domid;
	s->nr_frames = 1;
	set_xen_guest_handle(s->frame_list, frame);
	if (xencall3(h->call, __HYPERVISOR_grant_table_op, GNTTABOP_setup_table, (uintptr_t)s, 1) <
	    0)
		return host_refused(why, errno, "cannot find the grant table of domain %u", domid);
	if (s->status != GNTST_okay)
		return why_set(why, TE_HYPERVISOR,
			       "cannot find the grant table of domain %u: status %d", domid,
			       s->status);
	mfn = *frame;
	at = host_map(h, domid, true, &mfn, 1, why);
	if (!at)
		return -EIO;
	seed(at, refs, to, mfns, count);
	host_unmap(h, at, 1);
	return 0;
}

int host_grant_seed(struct host *h, uint32_t domid, const uint32_t *refs, const uint32_t *to,
		    const uint64_t *mfns, size_t count, struct why *why)
{
	xenforeignmemory_resource_handle *res;
	void *at = NULL;

	for (size_t i = 0; i < count; i++)
		if (mfns[i] > UINT32_MAX)
			return why_set(why, TE_INTERNAL,
				       "frame %#llx does not fit a grant entry of version 1",
				       (unsigned long long)mfns[i]);
	res = xenforeignmemory_map_resource(h->mem, (domid_t)domid, XENMEM_resource_grant_table,
					    XENMEM_resource_grant_table_id_shared, 0, 1, &at,
					    PROT_READ | PROT_WRITE, 0);
	if (!res)
		return seed_by_frame(h, domid, refs, to, mfns, count, why);
	seed(at, refs, to, mfns, count);
	xenforeignmemory_unmap_resource(h->mem, res);
	return 0;
}
