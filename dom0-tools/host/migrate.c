/* SPDX-License-Identifier: BSD-2-Clause */
/* What only migration asks for: which pages were written, a processor's state beyond its context,
 * the TSC. */
#include "dom0-tools/host/priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int host_log_dirty(struct host *h, uint32_t domid, bool on, struct why *why)
{
	struct xen_domctl *d = domctl_new(h, XEN_DOMCTL_shadow_op, domid);

	d->u.shadow_op.op = on ? XEN_DOMCTL_SHADOW_OP_ENABLE_LOGDIRTY : XEN_DOMCTL_SHADOW_OP_OFF;
	return domctl_do(h, on ? "watch the memory of" : "stop watching the memory of", why);
}

int host_dirty_read(struct host *h, uint32_t domid, bool clear, uint8_t *bitmap, uint64_t pages,
		    uint64_t *count, struct why *why)
{
	size_t bytes = (pages + 63) / 64 * 8;
	uint8_t *buf = xencall_alloc_buffer(h->call, bytes);
	struct xen_domctl *d;
	int rc;

	if (!buf)
		return why_set(why, TE_NO_MEMORY, "no memory for a map of %llu pages",
			       (unsigned long long)pages);
	memset(buf, 0, bytes);
	d = domctl_new(h, XEN_DOMCTL_shadow_op, domid);
	d->u.shadow_op.op = clear ? XEN_DOMCTL_SHADOW_OP_CLEAN : XEN_DOMCTL_SHADOW_OP_PEEK;
	set_xen_guest_handle(d->u.shadow_op.dirty_bitmap, buf);
	d->u.shadow_op.pages = pages;
	rc = domctl_do(h, "ask for the written pages of", why);
	if (!rc && d->u.shadow_op.pages < pages)
		rc = why_hint(
			why,
			why_set(why, TE_UNSUPPORTED,
				"domain %u numbers its pages up to %llu, of which %llu are watched",
				domid, (unsigned long long)pages,
				(unsigned long long)d->u.shadow_op.pages),
			"they are four times what it may have: torc mem-max %u SIZE gives it more",
			domid);
	if (!rc)
		memcpy(bitmap, buf, bytes);
	*count = d->u.shadow_op.stats.dirty_count;
	xencall_free_buffer(h->call, buf);
	return rc;
}

int host_release(struct host *h, uint32_t domid, const uint64_t *mfns, size_t count, struct why *why)
{
	struct xen_memory_reservation *r = h->arg;
	xen_pfn_t *list = xencall_alloc_buffer(h->call, (count ? count : 1) * sizeof(*list));
	long done;

	if (!list)
		return why_set(why, TE_NO_MEMORY, "no memory for a list of frames");
	memcpy(list, mfns, count * sizeof(*list));
	memset(r, 0, sizeof(*r));
	set_xen_guest_handle(r->extent_start, list);
	r->nr_extents = count;
	r->domid = (domid_t)domid;
	done = xencall2L(h->call, __HYPERVISOR_memory_op, XENMEM_decrease_reservation, (uintptr_t)r);
	xencall_free_buffer(h->call, list);
	if (done < 0)
		return host_refused(why, errno, "cannot take memory from domain %u", domid);
	return (size_t)done == count ?
		       0 :
		       why_set(why, TE_HYPERVISOR, "domain %u gave back %ld of %zu frames", domid,
			       done, count);
}

int host_domain_resume(struct host *h, uint32_t domid, struct why *why)
{
	domctl_new(h, XEN_DOMCTL_resumedomain, domid);
	return domctl_do(h, "resume", why);
}

int host_tsc_get(struct host *h, uint32_t domid, struct host_tsc *t, struct why *why)
{
	struct xen_domctl *d = domctl_new(h, XEN_DOMCTL_gettscinfo, domid);
	int rc = domctl_do(h, "ask for the TSC of", why);

	*t = (struct host_tsc){ d->u.tsc_info.tsc_mode, d->u.tsc_info.gtsc_khz,
				d->u.tsc_info.elapsed_nsec, d->u.tsc_info.incarnation };
	return rc;
}

int host_tsc_set(struct host *h, uint32_t domid, const struct host_tsc *t, struct why *why)
{
	struct xen_domctl *d = domctl_new(h, XEN_DOMCTL_settscinfo, domid);

	d->u.tsc_info.tsc_mode = t->mode;
	d->u.tsc_info.gtsc_khz = t->khz;
	d->u.tsc_info.elapsed_nsec = t->nsec;
	d->u.tsc_info.incarnation = t->incarnation;
	return domctl_do(h, "set the TSC of", why);
}

int host_vcpu_get_extended(struct host *h, uint32_t domid, uint32_t vcpu, void *context,
			   size_t *size, struct why *why)
{
	struct xen_domctl *d = domctl_new(h, XEN_DOMCTL_get_ext_vcpucontext, domid);
	int rc;

	d->u.ext_vcpucontext.vcpu = vcpu;
	rc = domctl_do(h, "read more of a processor of", why);
	if (!rc && *size < sizeof(d->u.ext_vcpucontext))
		return why_set(why, TE_INTERNAL, "%zu bytes for an extended context", *size);
	if (!rc) {
		*size = sizeof(d->u.ext_vcpucontext);
		memcpy(context, &d->u.ext_vcpucontext, *size);
	}
	return rc;
}

int host_vcpu_set_extended(struct host *h, uint32_t domid, uint32_t vcpu, const void *context,
			   size_t size, struct why *why)
{
	struct xen_domctl *d = domctl_new(h, XEN_DOMCTL_set_ext_vcpucontext, domid);

	if (size > sizeof(d->u))
		return why_set(why, TE_STREAM, "an extended context of %zu bytes; %zu at most",
			       size, sizeof(d->u));
	memcpy(&d->u.ext_vcpucontext, context, size);
	d->u.ext_vcpucontext.vcpu = vcpu;
	return domctl_do(h, "set more of a processor of", why);
}

int host_vcpu_get_xsave(struct host *h, uint32_t domid, uint32_t vcpu, void **area, size_t *size,
			struct why *why)
{
	struct xen_domctl *d = domctl_new(h, XEN_DOMCTL_getvcpuextstate, domid);
	uint64_t mask;
	void *buf;
	int rc;

	*area = NULL;
	*size = 0;
	d->u.vcpuextstate.vcpu = vcpu;
	rc = domctl_do(h, "ask for the extended state of", why);
	if (rc || !d->u.vcpuextstate.size)
		return rc;
	*size = d->u.vcpuextstate.size;
	mask = d->u.vcpuextstate.xfeature_mask;
	buf = xencall_alloc_buffer(h->call, *size);
	*area = calloc(1, *size);
	d = domctl_new(h, XEN_DOMCTL_getvcpuextstate, domid);
	d->u.vcpuextstate.vcpu = vcpu;
	d->u.vcpuextstate.size = *size;
	d->u.vcpuextstate.xfeature_mask = mask;
	set_xen_guest_handle(d->u.vcpuextstate.buffer, buf);
	rc = buf && *area ? domctl_do(h, "read the extended state of", why) :
			    why_set(why, TE_NO_MEMORY, "no memory");
	if (!rc)
		memcpy(*area, buf, *size);
	xencall_free_buffer(h->call, buf);
	return rc;
}

int host_vcpu_set_xsave(struct host *h, uint32_t domid, uint32_t vcpu, const void *area,
			size_t size, struct why *why)
{
	void *buf = xencall_alloc_buffer(h->call, size);
	struct xen_domctl *d;
	int rc;

	if (!buf)
		return why_set(why, TE_NO_MEMORY, "no memory for an extended state of %zu bytes",
			       size);
	memcpy(buf, area, size);
	d = domctl_new(h, XEN_DOMCTL_setvcpuextstate, domid);
	d->u.vcpuextstate.vcpu = vcpu;
	d->u.vcpuextstate.size = size;
	set_xen_guest_handle(d->u.vcpuextstate.buffer, buf);
	rc = domctl_do(h, "set the extended state of", why);
	xencall_free_buffer(h->call, buf);
	return rc;
}

int host_pin_tables(struct host *h, uint32_t domid, const struct host_pin *pins, unsigned int count,
		    struct why *why)
{
	static const unsigned int cmds[] = { 0, MMUEXT_PIN_L1_TABLE, MMUEXT_PIN_L2_TABLE,
					     MMUEXT_PIN_L3_TABLE, MMUEXT_PIN_L4_TABLE };
	struct mmuext_op *op = h->arg;
	unsigned int *done = (unsigned int *)(op + HOST_PINS);
	const struct host_pin *bad;

	_Static_assert(HOST_PINS * sizeof(*op) + sizeof(*done) <= HOST_PAGE_SIZE,
		       "all of it in one page");
	if (count > HOST_PINS)
		return why_set(why, TE_INTERNAL, "%u page tables at once", count);
	memset(h->arg, 0, HOST_PAGE_SIZE);
	for (unsigned int i = 0; i < count; i++) {
		if (!pins[i].level || pins[i].level > 4)
			return why_set(why, TE_INTERNAL, "a page table of level %u", pins[i].level);
		op[i].cmd = cmds[pins[i].level];
		op[i].arg1.mfn = pins[i].mfn;
	}
	if (xencall4(h->call, __HYPERVISOR_mmuext_op, (uintptr_t)op, count, (uintptr_t)done,
		     domid) >= 0)
		return 0;
	bad = &pins[*done < count ? *done : count - 1];
	return host_refused(
		why, errno,
		"the hypervisor did not accept a page table of domain %u (level %u, frame %#llx)",
		domid, bad->level, (unsigned long long)bad->mfn);
}

int host_guest_features(struct host *h, uint32_t *words, uint32_t *count, struct why *why)
{
	struct xen_sysctl *s = sysctl_new(h, XEN_SYSCTL_get_cpu_featureset);
	uint32_t n = *count;
	int rc;

	s->u.cpu_featureset.index = XEN_SYSCTL_cpu_featureset_pv;
	s->u.cpu_featureset.nr_features = HOST_PAGE_SIZE / sizeof(*words);
	set_xen_guest_handle(s->u.cpu_featureset.features, h->arg);
	rc = sysctl_do(h, "ask for the processor's features", why);
	if (rc)
		return rc;
	*count = s->u.cpu_featureset.nr_features;
	if (*count > n)
		return why_set(why, TE_INTERNAL, "%u words of features", *count);
	memcpy(words, h->arg, *count * sizeof(*words));
	return 0;
}
