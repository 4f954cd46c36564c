/* SPDX-License-Identifier: BSD-2-Clause */
/* Virtual processors: their first state, where they run, and where they may. */
#include "dom0-tools/host/priv.h"

#include <errno.h>
#include <string.h>

static int context_op(struct host *h, uint32_t cmd, uint32_t domid, uint32_t vcpu, void *context,
		      size_t size, const char *what, struct why *why)
{
	struct xen_domctl *d;
	void *buf;
	int rc;

	/* the call copies a whole context of whichever width: never less than the larger one */
	if (size > 2 * HOST_PAGE_SIZE)
		return why_set(why, TE_INTERNAL, "a context of %zu bytes", size);
	buf = xencall_alloc_buffer_pages(h->call, 2);
	if (!buf)
		return why_set(why, TE_NO_MEMORY, "no memory for a processor context");
	memset(buf, 0, 2 * HOST_PAGE_SIZE);
	memcpy(buf, context, size);
	d = domctl_new(h, cmd, domid);
	d->u.vcpucontext.vcpu = vcpu;
	set_xen_guest_handle(d->u.vcpucontext.ctxt, (vcpu_guest_context_t *)buf);
	rc = domctl_do(h, what, why);
	if (!rc)
		memcpy(context, buf, size);
	xencall_free_buffer_pages(h->call, buf, 2);
	return rc;
}

int host_vcpu_set_context(struct host *h, uint32_t domid, uint32_t vcpu, const void *context,
			  size_t size, struct why *why)
{
	char copy[2 * HOST_PAGE_SIZE];

	if (size > sizeof(copy))
		return why_set(why, TE_INTERNAL, "a context of %zu bytes", size);
	memcpy(copy, context, size);
	return context_op(h, XEN_DOMCTL_setvcpucontext, domid, vcpu, copy, size,
			  "set the first processor state of", why);
}

int host_vcpu_get_context(struct host *h, uint32_t domid, uint32_t vcpu, void *context, size_t size,
			  struct why *why)
{
	return context_op(h, XEN_DOMCTL_getvcpucontext, domid, vcpu, context, size,
			  "read the processor state of", why);
}

int host_vcpu_info(struct host *h, uint32_t domid, uint32_t vcpu, struct vcpu_info_row *row,
		   struct why *why)
{
	struct xen_domctl *d = domctl_new(h, XEN_DOMCTL_getvcpuinfo, domid);
	int rc;

	d->u.getvcpuinfo.vcpu = vcpu;
	rc = domctl_do(h, "ask about a processor of", why);
	if (rc)
		return rc;
	*row = (struct vcpu_info_row){
		.vcpu = vcpu,
		.cpu = d->u.getvcpuinfo.cpu,
		.online = d->u.getvcpuinfo.online,
		.blocked = d->u.getvcpuinfo.blocked,
		.running = d->u.getvcpuinfo.running,
		.cpu_time_ns = d->u.getvcpuinfo.cpu_time,
	};
	return 0;
}

static int affinity_op(struct host *h, uint32_t cmd, uint32_t domid, uint32_t vcpu, bool soft,
		       uint8_t *cpus, size_t bytes, const char *what, struct why *why)
{
	struct xen_domctl *d = domctl_new(h, cmd, domid);
	struct xenctl_bitmap *map;
	int rc;

	if (bytes > HOST_PAGE_SIZE)
		return why_set(why, TE_INTERNAL, "an affinity of %zu bytes", bytes);
	d->u.vcpuaffinity.vcpu = vcpu;
	d->u.vcpuaffinity.flags = soft ? XEN_VCPUAFFINITY_SOFT : XEN_VCPUAFFINITY_HARD;
	map = soft ? &d->u.vcpuaffinity.cpumap_soft : &d->u.vcpuaffinity.cpumap_hard;
	memcpy(h->arg, cpus, bytes);
	set_xen_guest_handle(map->bitmap, (uint8_t *)h->arg);
	map->nr_bits = (uint32_t)bytes * 8;
	rc = domctl_do(h, what, why);
	if (!rc)
		memcpy(cpus, h->arg, bytes);
	return rc;
}

int host_vcpu_get_affinity(struct host *h, uint32_t domid, uint32_t vcpu, bool soft, uint8_t *cpus,
			   size_t bytes, struct why *why)
{
	return affinity_op(h, XEN_DOMCTL_getvcpuaffinity, domid, vcpu, soft, cpus, bytes,
			   "ask the processors of", why);
}

int host_vcpu_set_affinity(struct host *h, uint32_t domid, uint32_t vcpu, bool soft,
			   const uint8_t *cpus, size_t bytes, struct why *why)
{
	uint8_t copy[HOST_PAGE_SIZE];

	if (bytes > sizeof(copy))
		return why_set(why, TE_INTERNAL, "an affinity of %zu bytes", bytes);
	memcpy(copy, cpus, bytes);
	return affinity_op(h, XEN_DOMCTL_setvcpuaffinity, domid, vcpu, soft, copy, bytes,
			   "choose the processors of", why);
}
