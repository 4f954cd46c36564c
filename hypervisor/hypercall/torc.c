/* SPDX-License-Identifier: BSD-2-Clause */
/* torc_op: what only Torc tells, to the control domain's tools. */
#include <torc/boot.h>
#include <torc/heap.h>
#include <torc/hypercall.h>
#include <torc/pv.h>
#include <torc/torc-op.h>
#include <torc/x86.h>

#define WHY_MAX 32

extern const char image_start[], image_end[];

_Static_assert(TORC_OP_NUMBER == __HYPERVISOR_arch_7, "the table's row");
_Static_assert(sizeof(struct torc_why_entry) == 120, "the same for every compiler");

static long why(struct vcpu *v, struct torc_op_why *w)
{
	struct why_entry *list;
	struct torc_why_entry e;
	struct domain *d;
	unsigned int n;
	long rc = 0;

	d = domain_get_for(v, (domid_t)MIN(w->domid, 0xffffu));
	if (!d)
		return refuse(v, -XEN_ESRCH, "why: no domain %u", w->domid);
	list = zalloc(WHY_MAX * sizeof(*list));
	n = list ? why_read(d, list, MIN(w->nr, (uint32_t)WHY_MAX)) : 0;
	domain_put(&d);
	if (!list)
		return -XEN_ENOMEM;
	for (unsigned int i = 0; i < n && !rc; i++) {
		memset(&e, 0, sizeof(e));
		e.when_ns = (uint64_t)list[i].when;
		e.err = list[i].err;
		e.vcpu = list[i].vcpu;
		e.hypercall = list[i].nr;
		str_copy(e.text, list[i].text, sizeof(e.text));
		rc = guest_put(GADDR(w->entries + i * sizeof(e)), &e);
	}
	zfree(list);
	w->nr = n;
	return rc;
}

static long about_domain(struct vcpu *v, struct torc_op_domain *a)
{
	struct domain *d = domain_get_for(v, (domid_t)MIN(a->domid, 0xffffu));

	if (!d)
		return refuse(v, -XEN_ESRCH, "no domain %u", a->domid);
	a->width = d->is_32bit ? 32 : 64;
	a->created_ns = (uint64_t)d->created_at;
	a->held_pages = d->state == DOM_DYING || d->state == DOM_DEAD ? domain_held_frames(d) : 0;
	a->own_pages = d->nr_own_pages;
	a->now_ns = (uint64_t)clock_now();
	domain_put(&d);
	return 0;
}

static long about_host(struct torc_op_host *h)
{
	struct domain *d;

	*h = (struct torc_op_host){
		.image_bytes = (uint64_t)(image_end - image_start),
		.heap_pages = heap_total_frames(),
		.free_pages = heap_free_frames(),
		.now_ns = (uint64_t)clock_now(),
	};
	for (unsigned int i = 0; i < boot_info.nr_map; i++)
		if (boot_info.map[i].type == 1)
			h->ram_pages += boot_info.map[i].size >> PAGE_SHIFT;
	for (d = domain_first(); d; d = domain_next(d)) {
		h->domains++;
		h->domains_32bit += d->is_32bit;
	}
	return 0;
}

static long pass(struct vcpu *v, const struct torc_op_debug *a)
{
	struct domain *d = domain_get_for(v, (domid_t)MIN(a->domid, 0xffffu));
	struct vcpu *t;
	long rc;

	if (!d)
		return refuse(v, -XEN_ESRCH, "no domain %u", a->domid);
	t = a->vcpu < d->max_vcpus ? d->vcpus[index_nospec(a->vcpu, d->max_vcpus)] : NULL;
	rc = t && d != v->domain ? debug_pass(t, a->vector) : -XEN_EINVAL;
	if (rc)
		refuse(v, rc,
		       "debugging: vector %u for d%uv%u, which is not being debugged, or neither a step (1) nor a breakpoint (3)",
		       a->vector, d->id, a->vcpu);
	domain_put(&d);
	return rc;
}

HC(hc_torc_op)
{
	struct torc_op op;
	long rc;

	(void)a2, (void)a3, (void)a4, (void)a5;
	if (!v->domain->privileged) /* to guests it is no call at all, as on any other hypervisor */
		return refuse(v, -XEN_ENOSYS, "hypercall %u is not offered", TORC_OP_NUMBER);
	if (guest_get(&op, GADDR(a1)))
		return -XEN_EFAULT;
	if (op.version != TORC_OP_VERSION)
		return refuse(v, -XEN_EACCES, "torc_op of version %u; offered is %u", op.version,
			      TORC_OP_VERSION);
	switch (op.cmd) {
	case TORC_OP_WHY: rc = why(v, &op.u.why); break;
	case TORC_OP_DOMAIN: rc = about_domain(v, &op.u.domain); break;
	case TORC_OP_HOST: rc = about_host(&op.u.host); break;
	case TORC_OP_FEATURES:
		op.u.features = TORC_FEATURE_ZEROED;
		rc = 0;
		break;
	case TORC_OP_DEBUG_PASS: rc = pass(v, &op.u.debug); break;
	default: return refuse(v, -XEN_ENOSYS, "torc_op %u is not known", op.cmd);
	}
	if (!rc && guest_put(GADDR(a1), &op))
		return -XEN_EFAULT;
	return rc;
}
