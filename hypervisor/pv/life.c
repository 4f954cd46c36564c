/* SPDX-License-Identifier: BSD-2-Clause */
/* What domains and vcpus have of pv/: made, taken apart, freed, in this order and its reverse. */
#include <torc/heap.h>
#include <torc/grant.h>
#include <torc/pv.h>
#include <torc/sched.h>
#include <torc/shared.h>
#include <torc/x86.h>

/* Where vcpu_info is once the domain is dying; nobody reads it. */
static struct vcpu_info no_info;

/* Where it is while the guest has registered none and shared_info has no room: at the end of its
 * page, for all such vcpus of the domain. A guest cannot start one of them. */
static struct vcpu_info *info_for_none(const struct domain *d)
{
	return (struct vcpu_info *)((char *)d->shared + PAGE_SIZE) - 1;
}
_Static_assert(sizeof(struct shared_info) + sizeof(struct vcpu_info) <= PAGE_SIZE, "the page's end");

int pv_domain_init(struct domain *d, const struct xen_domctl_createdomain *c)
{
	int rc;

	/* A 32-bit guest is told the address in a word of its own. Which width it is comes later. */
	d->shared = page_alloc_below(32);
	if (!d->shared)
		d->shared = page_alloc(0);
	if (!d->shared)
		return -XEN_ENOMEM;
	frame_share(mfn_frame(virt_to_mfn(d->shared)), d, true);
	rc = evtchn_init(d, c->max_evtchn_port);
	if (!rc)
		rc = grant_init(d, (unsigned int)c->max_grant_frames,
				(unsigned int)c->max_maptrack_frames,
				XEN_DOMCTL_GRANT_version(c->grant_opts));
	if (!rc)
		rc = io_init(d, d->privileged);
	if (!rc)
		rc = pirq_init(d);
	if (rc) {
		frame_unshare(mfn_frame(virt_to_mfn(d->shared)));
		pv_domain_free(d);
		return rc;
	}
	time_update_wallclock(d);
	return 0;
}

/* In pieces: what is not there is not taken apart. */
void pv_domain_free(struct domain *d)
{
	pirq_free(d);
	io_free(d);
	grant_free(d);
	evtchn_free(d);
	dirty_free(d);
}

int pv_vcpu_init(struct vcpu *v)
{
	struct domain *d = v->domain;

	/* 64 bytes each in both widths */
	v->info = v->id < XEN_LEGACY_MAX_VCPUS ? &d->shared->vcpu_info[v->id] : info_for_none(d);
	*vcpu_upcall_mask(v) = 1;
	v->debugreg[6] = DR6_QUIET;
	v->debugreg[7] = 0x400;
	v->kernel_mode = true;
	pv_time_init(v);
	return 0;
}

bool pv_vcpu_has_info(const struct vcpu *v)
{
	return v->info != info_for_none(v->domain);
}

void pv_vcpu_free(struct vcpu *v)
{
	pv_time_kill(v);
}

/* Moves vcpu_info to a place of the guest's own. Only once: what had been noted in the old place is
 * copied, and since somebody may still write there at this moment, the guest is told to look at
 * everything. */
int pv_register_info(struct vcpu *v, mfn_t m, unsigned int offset)
{
	struct vcpu_info *to;

	if (offset > PAGE_SIZE - sizeof(*to))
		return -XEN_ENXIO;
	if (!mfn_eq(v->info_mfn, MFN_NONE) || !mfn_valid(m) ||
	    frame_get_typed(mfn_frame(m), v->domain, FT_WRITABLE))
		return -XEN_EINVAL;
	to = (struct vcpu_info *)((char *)mfn_to_virt(m) + offset);
	if (pv_vcpu_has_info(v)) {
		memcpy(to, v->info, sizeof(*to));
	} else {
		memset(to, 0, sizeof(*to));
		((uint8_t *)to)[1] = 1;
	}
	fast_int80_forget();
	atomic_set(&v->info, to);
	v->info_mfn = m;
	evtchn_vcpu_info_moved(v);
	pv_vcpu_time_update(v);
	return 0;
}

static void nothing(void *arg)
{
	(void)arg;
}

static void info_drop(struct vcpu *v)
{
	mfn_t m = v->info_mfn;

	v->info = &no_info;
	v->info_mfn = MFN_NONE;
	if (!mfn_eq(m, MFN_NONE))
		frame_put_typed(mfn_frame(m));
}

/* No vcpu of d runs any more. Each step stands being done again. */
int pv_domain_kill(struct domain *d)
{
	struct shared_info *shared;
	struct vcpu *v;
	unsigned int i;
	int rc;

	evtchn_close_all(d);
	pirq_free(d);
	for (i = 0; i < d->max_vcpus; i++) {
		v = d->vcpus[i];
		if (!v)
			continue;
		pv_time_kill(v);
		segment_drop(v);
	}
	if (d->shared) {
		/* Raising a port takes no lock: let every CPU that does it right now finish before
		 * the memory goes. */
		for (i = 0; i < d->max_vcpus; i++)
			if (d->vcpus[i])
				atomic_set(&d->vcpus[i]->info, &no_info);
		cpu_call(cpus_online, nothing, NULL);
		for (i = 0; i < d->max_vcpus; i++)
			if (d->vcpus[i])
				info_drop(d->vcpus[i]);
	}
	grant_retire(d);
	rc = mmu_kill(d);
	if (rc)
		return rc;
	/* Not before its tables are gone: who granted a frame is told that it is free, and what is
	 * mapped writable can be no page table of his. */
	rc = grant_release_all(d);
	if (rc)
		return rc;
	spin_lock(&d->lock);
	shared = d->shared;
	WRITE_ONCE(d->shared, NULL);
	spin_unlock(&d->lock);
	if (shared)
		frame_unshare(mfn_frame(virt_to_mfn(shared)));
	return 0;
}
