/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory of other domains: giving frames, mapping them here, pinning page tables. */
#include "dom0-tools/host/priv.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

_Static_assert(sizeof(xen_pfn_t) == sizeof(uint64_t), "frame numbers are passed as they are");

int host_populate(struct host *h, uint32_t domid, unsigned int order, uint64_t *frames,
		  size_t count, size_t *done, struct why *why)
{
	struct xen_memory_reservation *r = h->arg;
	size_t batch = HOST_PAGE_SIZE / sizeof(xen_pfn_t);
	xen_pfn_t *list;
	int rc = 0;

	*done = 0;
	list = xencall_alloc_buffer_pages(h->call, 1);
	if (!list)
		return why_set(why, TE_NO_MEMORY, "no memory for a list of frames");
	while (*done < count) {
		size_t n = count - *done < batch ? count - *done : batch;
		long got;

		memcpy(list, frames + *done, n * sizeof(*list));
		memset(r, 0, sizeof(*r));
		set_xen_guest_handle(r->extent_start, list);
		r->nr_extents = n;
		r->extent_order = order;
		r->domid = (domid_t)domid;
		got = xencall2L(h->call, __HYPERVISOR_memory_op, XENMEM_populate_physmap,
				(uintptr_t)r);
		if (got < 0) {
			rc = host_refused(why, errno, "cannot give memory to domain %u", domid);
			break;
		}
		if ((size_t)got > n)
			got = (long)n;
		memcpy(frames + *done, list, (size_t)got * sizeof(*list));
		*done += (size_t)got;
		if ((size_t)got < n) {
			rc = why_set(
				why, TE_NO_MEMORY,
				"cannot give memory to domain %u: %zu of %zu runs of %lu KiB found",
				domid, *done, count, (4ul << order));
			break;
		}
	}
	xencall_free_buffer_pages(h->call, list, 1);
	return rc;
}

int host_domain_memory_map(struct host *h, uint32_t domid, uint64_t kib, struct why *why)
{
	/* One entry as firmware has it, without padding: start, size, type. */
	struct {
		uint64_t start, size;
		uint32_t type;
	} __attribute__((packed)) ram = { 0, kib << 10, 1 };
	struct xen_foreign_memory_map *m = h->arg;
	void *entry = m + 1; /* the same page: the hypervisor can reach it */

	memset(m, 0, sizeof(*m));
	memcpy(entry, &ram, sizeof(ram));
	m->domid = (domid_t)domid;
	m->map.nr_entries = 1;
	set_xen_guest_handle(m->map.buffer, entry);
	if (xencall2(h->call, __HYPERVISOR_memory_op, XENMEM_set_memory_map, (uintptr_t)m) >= 0)
		return 0;
	return host_refused(why, errno, "cannot give domain %u its memory map of %llu KiB", domid,
			    (unsigned long long)kib);
}

void *host_map(struct host *h, uint32_t domid, bool writable, const uint64_t *mfns, size_t count,
	       struct why *why)
{
	void *at = xenforeignmemory_map(h->mem, domid, PROT_READ | (writable ? PROT_WRITE : 0),
					count, mfns, NULL);

	if (!at)
		host_refused(why, errno, "cannot map %zu frames of domain %u from %#llx on", count,
			     domid, (unsigned long long)mfns[0]);
	return at;
}

void host_unmap(struct host *h, void *at, size_t count)
{
	if (at)
		xenforeignmemory_unmap(h->mem, at, count);
}

int host_pin_root(struct host *h, uint32_t domid, unsigned int level, uint64_t mfn, struct why *why)
{
	struct mmuext_op *op = h->arg;

	memset(op, 0, sizeof(*op));
	op->cmd = level == 4 ? MMUEXT_PIN_L4_TABLE : MMUEXT_PIN_L3_TABLE;
	op->arg1.mfn = mfn;
	if (xencall4(h->call, __HYPERVISOR_mmuext_op, (uintptr_t)op, 1, 0, domid) >= 0)
		return 0;
	return host_refused(why, errno,
			    "the hypervisor did not accept the page tables of domain %u (root %#llx)",
			    domid, (unsigned long long)mfn);
}
