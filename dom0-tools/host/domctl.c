/* SPDX-License-Identifier: BSD-2-Clause */
/* Domains: creating, looking at, changing and ending them. */
#include "dom0-tools/host/priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int host_domain_create(struct host *h, const struct domain_create *c, uint32_t *domid,
		       struct why *why)
{
	struct xen_domctl *d = domctl_new(h, XEN_DOMCTL_createdomain, *domid);
	int rc;

	memcpy(d->u.createdomain.handle, c->uuid, sizeof(d->u.createdomain.handle));
	d->u.createdomain.max_vcpus = c->max_vcpus;
	d->u.createdomain.max_evtchn_port = c->max_evtchn_port;
	d->u.createdomain.max_grant_frames = c->max_grant_frames;
	d->u.createdomain.max_maptrack_frames = c->max_maptrack_frames;
	d->u.createdomain.grant_opts = XEN_DOMCTL_GRANT_version(c->grant_v2 ? 2u : 1u);
	d->u.createdomain.cpupool_id = c->cpupool;
	rc = domctl_do(h, "create", why);
	if (rc)
		return rc;
	*domid = h->domctl->domain;
	return 0;
}

/* The hypervisor works in slices and answers ERESTART/EAGAIN meanwhile; libxencall passes that on. */
int host_domain_destroy(struct host *h, uint32_t domid, struct why *why)
{
	const struct timespec nap = { .tv_nsec = 1000000 };

	for (;;) {
		domctl_new(h, XEN_DOMCTL_destroydomain, domid);
		if (xencall1(h->call, __HYPERVISOR_domctl, (uintptr_t)h->domctl) >= 0)
			return 0;
		if (errno != EAGAIN && errno != ERESTART)
			return host_refused(why, errno, "cannot destroy domain %u", domid);
		nanosleep(&nap, NULL);
	}
}

int host_domain_pause(struct host *h, uint32_t domid, struct why *why)
{
	domctl_new(h, XEN_DOMCTL_pausedomain, domid);
	return domctl_do(h, "pause", why);
}

int host_domain_unpause(struct host *h, uint32_t domid, struct why *why)
{
	domctl_new(h, XEN_DOMCTL_unpausedomain, domid);
	return domctl_do(h, "unpause", why);
}

static void info_from(struct domain_info *to, const struct xen_domctl_getdomaininfo *from)
{
	*to = (struct domain_info){
		.domid = from->domain,
		.dying = from->flags & XEN_DOMINF_dying,
		.hvm = from->flags & XEN_DOMINF_hvm_guest,
		.shutdown = from->flags & XEN_DOMINF_shutdown,
		.paused = from->flags & XEN_DOMINF_paused,
		.blocked = from->flags & XEN_DOMINF_blocked,
		.running = from->flags & XEN_DOMINF_running,
		.debugged = from->flags & XEN_DOMINF_debugged,
		.reason = from->flags >> XEN_DOMINF_shutdownshift & XEN_DOMINF_shutdownmask,
		.pages = from->tot_pages,
		.max_pages = from->max_pages,
		.outstanding_pages = from->outstanding_pages,
		.shared_info_frame = from->shared_info_frame,
		.cpu_time_ns = from->cpu_time,
		.vcpus_online = from->nr_online_vcpus,
		.vcpus_max = from->max_vcpu_id == XEN_INVALID_MAX_VCPU_ID ? 0 :
									    from->max_vcpu_id + 1,
		.cpupool = from->cpupool,
	};
	memcpy(to->uuid, from->handle, sizeof(to->uuid));
}

int host_domain_info(struct host *h, uint32_t domid, struct domain_info *info, struct why *why)
{
	int rc;

	domctl_new(h, XEN_DOMCTL_getdomaininfo, domid);
	rc = domctl_do(h, "ask about", why);
	if (rc)
		return rc;
	/* the call answers for the next domain above if there is none with this number */
	if (h->domctl->domain != domid)
		return why_set(why, TE_NO_DOMAIN, "there is no domain %u", domid);
	info_from(info, &h->domctl->u.getdomaininfo);
	return 0;
}

#define LIST_BATCH 64

int host_domain_list(struct host *h, struct domain_info **list, size_t *count, struct why *why)
{
	struct xen_domctl_getdomaininfo *buf;
	uint32_t next = 0;
	size_t n = 0;
	int rc = 0;

	*list = NULL;
	*count = 0;
	buf = xencall_alloc_buffer(h->call, LIST_BATCH * sizeof(*buf));
	if (!buf)
		return why_set(why, TE_NO_MEMORY, "no memory for the list of domains");
	for (;;) {
		struct xen_sysctl *s = sysctl_new(h, XEN_SYSCTL_getdomaininfolist);
		struct domain_info *grown;
		uint32_t got;

		s->u.getdomaininfolist.first_domain = (domid_t)next;
		s->u.getdomaininfolist.max_domains = LIST_BATCH;
		set_xen_guest_handle(s->u.getdomaininfolist.buffer, buf);
		rc = sysctl_do(h, "list the domains", why);
		if (rc)
			break;
		got = s->u.getdomaininfolist.num_domains;
		if (got > LIST_BATCH)
			got = LIST_BATCH;
		if (got == 0)
			break;
		grown = realloc(*list, (n + got) * sizeof(*grown));
		if (!grown) {
			rc = why_set(why, TE_NO_MEMORY, "no memory for the list of domains");
			break;
		}
		*list = grown;
		for (uint32_t i = 0; i < got; i++)
			info_from(&grown[n++], &buf[i]);
		next = buf[got - 1].domain + 1u;
		if (got < LIST_BATCH || next >= HOST_FIRST_RESERVED)
			break;
	}
	xencall_free_buffer(h->call, buf);
	if (rc) {
		free(*list);
		*list = NULL;
		return rc;
	}
	*count = n;
	return 0;
}

int host_domain_max_mem(struct host *h, uint32_t domid, uint64_t kib, struct why *why)
{
	domctl_new(h, XEN_DOMCTL_max_mem, domid)->u.max_mem.max_memkb = kib;
	return domctl_do(h, "set the memory limit of", why);
}

int host_domain_max_vcpus(struct host *h, uint32_t domid, uint32_t count, struct why *why)
{
	domctl_new(h, XEN_DOMCTL_max_vcpus, domid)->u.max_vcpus.max = count;
	return domctl_do(h, "give virtual processors to", why);
}

int host_domain_address_size(struct host *h, uint32_t domid, unsigned int bits, struct why *why)
{
	int rc;

	domctl_new(h, XEN_DOMCTL_set_address_size, domid)->u.address_size.size = bits;
	rc = domctl_do(h, bits == 32 ? "make 32-bit" : "make 64-bit", why);
	if (rc && bits == 32 && (why->error == TE_HYPERVISOR || why->error == TE_NOT_OFFERED))
		return why_hint(
			why,
			why_set(why, TE_NOT_OFFERED, "this hypervisor runs no 32-bit PV guests"),
			"Torc does; stock Xen as Debian builds it does not (see xen_caps in torc info)");
	return rc;
}

int host_domain_is_32bit(struct host *h, uint32_t domid, bool *yes, struct why *why)
{
	struct xen_domctl *d = domctl_new(h, XEN_DOMCTL_get_address_size, domid);
	int rc = domctl_do(h, "ask the width of", why);

	*yes = !rc && d->u.address_size.size == 32;
	return rc;
}

int host_domain_set_uuid(struct host *h, uint32_t domid, const uint8_t uuid[16], struct why *why)
{
	struct xen_domctl *d = domctl_new(h, XEN_DOMCTL_setdomainhandle, domid);

	memcpy(d->u.setdomainhandle.handle, uuid, sizeof(d->u.setdomainhandle.handle));
	return domctl_do(h, "set the uuid of", why);
}

int host_domain_hypercall_page(struct host *h, uint32_t domid, uint64_t mfn, struct why *why)
{
	domctl_new(h, XEN_DOMCTL_hypercall_init, domid)->u.hypercall_init.gmfn = mfn;
	return domctl_do(h, "write the hypercall page of", why);
}

int host_domain_time_offset(struct host *h, uint32_t domid, int64_t seconds, struct why *why)
{
	domctl_new(h, XEN_DOMCTL_settimeoffset, domid)->u.settimeoffset.time_offset_seconds =
		seconds;
	return domctl_do(h, "set the clock of", why);
}

int host_domain_trigger(struct host *h, uint32_t domid, uint32_t trigger, uint32_t vcpu,
			struct why *why)
{
	struct xen_domctl *d = domctl_new(h, XEN_DOMCTL_sendtrigger, domid);

	d->u.sendtrigger.trigger = trigger;
	d->u.sendtrigger.vcpu = vcpu;
	return domctl_do(h, "send a trigger to", why);
}

static int scheduler_id(struct host *h, uint32_t *id, struct why *why)
{
	struct xen_sysctl *s = sysctl_new(h, XEN_SYSCTL_sched_id);
	int rc = sysctl_do(h, "ask for the scheduler", why);

	*id = s->u.sched_id.sched_id;
	return rc;
}

static int sched_op(struct host *h, uint32_t domid, uint32_t cmd, unsigned int *weight,
		    unsigned int *cap, struct why *why)
{
	struct xen_domctl *d;
	uint32_t id;
	int rc;

	rc = scheduler_id(h, &id, why);
	if (rc)
		return rc;
	d = domctl_new(h, XEN_DOMCTL_scheduler_op, domid);
	d->u.scheduler_op.sched_id = id;
	d->u.scheduler_op.cmd = cmd;
	/* credit and credit2 keep the same two numbers, in the same places */
	if (id == XEN_SCHEDULER_CREDIT || id == XEN_SCHEDULER_CREDIT2) {
		d->u.scheduler_op.u.credit2.weight = (uint16_t)*weight;
		d->u.scheduler_op.u.credit2.cap = (uint16_t)*cap;
	} else {
		return why_set(why, TE_UNSUPPORTED,
			       "the scheduler (number %u) has no weights and caps", id);
	}
	rc = domctl_do(h, "schedule", why);
	*weight = d->u.scheduler_op.u.credit2.weight;
	*cap = d->u.scheduler_op.u.credit2.cap;
	return rc;
}

int host_domain_sched_get(struct host *h, uint32_t domid, unsigned int *weight, unsigned int *cap,
			  struct why *why)
{
	*weight = *cap = 0;
	return sched_op(h, domid, XEN_DOMCTL_SCHEDOP_getinfo, weight, cap, why);
}

int host_domain_sched_set(struct host *h, uint32_t domid, unsigned int weight, unsigned int cap,
			  struct why *why)
{
	unsigned int w, c;
	int rc = host_domain_sched_get(h, domid, &w, &c, why);

	if (rc)
		return rc;
	if (weight != 0xffff)
		w = weight;
	if (cap != 0xffff)
		c = cap;
	return sched_op(h, domid, XEN_DOMCTL_SCHEDOP_putinfo, &w, &c, why);
}
