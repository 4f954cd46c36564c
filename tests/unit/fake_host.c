/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The fake hypervisor. Machine frames are handed out backwards and with a stride, so that a
 * builder that takes a pseudo-physical frame for a machine frame is found out.
 */
#include "tests/unit/fake_host.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

struct host {
	struct fake_host f;
	uint8_t *arena; /* all frames, reserved but not touched */
};

struct host *fake_host_new(void)
{
	struct host *h = calloc(1, sizeof(*h));

	h->arena = mmap(NULL, (size_t)FAKE_FRAMES << HOST_PAGE_SHIFT, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (h->arena == MAP_FAILED)
		abort();
	h->f.budget = FAKE_FRAMES;
	h->f.next_frame = 1024;
	return h;
}

struct fake_host *fake_host_of(struct host *h)
{
	return &h->f;
}

void fake_host_free(struct host *h)
{
	munmap(h->arena, (size_t)FAKE_FRAMES << HOST_PAGE_SHIFT);
	free(h);
}

const uint8_t *fake_frame(struct host *h, uint64_t mfn)
{
	return mfn < FAKE_FRAMES ? h->arena + (mfn << HOST_PAGE_SHIFT) : NULL;
}

int host_populate(struct host *h, uint32_t domid, unsigned int order, uint64_t *frames,
		  size_t count, size_t *done, struct why *why)
{
	uint64_t run = 1ull << order;

	(void)domid;
	*done = 0;
	for (size_t i = 0; i < count; i++) {
		uint64_t base = (h->f.next_frame + run - 1) & ~(run - 1);

		if ((order && h->f.no_runs) || h->f.budget < run || base + run > FAKE_FRAMES)
			return why_set(why, TE_NO_MEMORY, "no more frames");
		for (uint64_t j = 0; j < run; j++) {
			h->f.pfn_of[base + j] = frames[i] + j;
			h->f.given[base + j] = true;
			memset(h->arena + ((base + j) << HOST_PAGE_SHIFT), h->f.zeroed ? 0 : 0xa5,
			       HOST_PAGE_SIZE);
		}
		frames[i] = base;
		h->f.next_frame = (unsigned int)(base + run + (order ? 0 : 1));
		h->f.budget -= run;
		++*done;
	}
	return 0;
}

bool host_gives_zeros(struct host *h)
{
	return h->f.zeroed;
}

/* One stretch per mapping: frames are copied in and out, as they need not be neighbours here. */
struct mapping {
	struct mapping *next;
	uint8_t *at;
	uint64_t *mfns;
	size_t count;
	bool writable;
};
static struct mapping *mappings;

void *host_map(struct host *h, uint32_t domid, bool writable, const uint64_t *mfns, size_t count,
	       struct why *why)
{
	struct mapping *m = calloc(1, sizeof(*m));

	(void)domid;
	m->at = aligned_alloc(HOST_PAGE_SIZE, count * HOST_PAGE_SIZE);
	m->mfns = malloc(count * sizeof(*mfns));
	m->count = count;
	m->writable = writable;
	memcpy(m->mfns, mfns, count * sizeof(*mfns));
	for (size_t i = 0; i < count; i++) {
		if (mfns[i] >= FAKE_FRAMES || (!h->f.given[mfns[i]] && mfns[i] != FAKE_SHARED)) {
			why_set(why, TE_HYPERVISOR, "frame %#llx is not the domain's",
				(unsigned long long)mfns[i]);
			free(m->at);
			free(m->mfns);
			free(m);
			return NULL;
		}
		memcpy(m->at + i * HOST_PAGE_SIZE, h->arena + (mfns[i] << HOST_PAGE_SHIFT),
		       HOST_PAGE_SIZE);
	}
	for (size_t i = 0; i < count; i++)
		h->f.was_mapped[mfns[i]] = true;
	m->next = mappings;
	mappings = m;
	h->f.mapped += (unsigned int)count;
	return m->at;
}

void host_unmap(struct host *h, void *at, size_t count)
{
	for (struct mapping **p = &mappings; *p; p = &(*p)->next) {
		struct mapping *m = *p;

		if (m->at != at)
			continue;
		if (m->count != count)
			abort();
		for (size_t i = 0; i < count && m->writable; i++)
			memcpy(h->arena + (m->mfns[i] << HOST_PAGE_SHIFT),
			       m->at + i * HOST_PAGE_SIZE, HOST_PAGE_SIZE);
		*p = m->next;
		h->f.mapped -= (unsigned int)count;
		free(m->at);
		free(m->mfns);
		free(m);
		return;
	}
	abort();
}

int host_domain_info(struct host *h, uint32_t domid, struct domain_info *info, struct why *why)
{
	(void)why;
	*info = (struct domain_info){ .domid = domid,
				      .shared_info_frame = FAKE_SHARED,
				      .vcpus_max = h->f.vcpus };
	return 0;
}

int host_event_alloc(struct host *h, uint32_t domid, uint32_t remote, uint32_t *port,
		     struct why *why)
{
	(void)domid, (void)remote, (void)why;
	*port = ++h->f.ports;
	return 0;
}

int host_grant_seed(struct host *h, uint32_t domid, const uint32_t *refs, const uint32_t *to,
		    const uint64_t *mfns, size_t count, struct why *why)
{
	(void)domid, (void)why;
	for (size_t i = 0; i < count && i < 4; i++) {
		h->f.grant_ref[i] = refs[i];
		h->f.grant_to[i] = to[i];
		h->f.grant_mfn[i] = mfns[i];
	}
	h->f.grants = count;
	return 0;
}

int host_domain_hypercall_page(struct host *h, uint32_t domid, uint64_t mfn, struct why *why)
{
	(void)domid, (void)why;
	h->f.hypercall_page = mfn;
	return 0;
}

int host_pin_root(struct host *h, uint32_t domid, unsigned int level, uint64_t mfn, struct why *why)
{
	(void)domid, (void)why;
	h->f.pinned = mfn;
	h->f.pinned_level = level;
	h->f.mapped_at_pin = h->f.mapped;
	return 0;
}

int host_vcpu_set_context(struct host *h, uint32_t domid, uint32_t vcpu, const void *context,
			  size_t size, struct why *why)
{
	(void)domid, (void)vcpu, (void)why;
	memcpy(h->f.context, context, size);
	h->f.context_size = size;
	return 0;
}

int host_info(struct host *h, struct host_info *info, struct why *why)
{
	(void)h, (void)why;
	*info = (struct host_info){ .version_major = 4,
				    .version_minor = 17,
				    .version_extra = ".fake" };
	return 0;
}

int host_domain_is_32bit(struct host *h, uint32_t domid, bool *yes, struct why *why)
{
	(void)domid, (void)why;
	*yes = h->f.is_32bit;
	return 0;
}

int host_vcpu_get_context(struct host *h, uint32_t domid, uint32_t vcpu, void *context, size_t size,
			  struct why *why)
{
	(void)domid, (void)why;
	if (vcpu)
		return why_set(why, TE_HYPERVISOR, "vCPU %u was never started", vcpu);
	memcpy(context, h->f.context, size);
	return 0;
}

int host_vcpu_info(struct host *h, uint32_t domid, uint32_t vcpu, struct vcpu_info_row *row,
		   struct why *why)
{
	(void)h, (void)domid, (void)why;
	*row = (struct vcpu_info_row){ .vcpu = vcpu, .online = vcpu == 0 };
	return 0;
}

int host_m2p_map(struct host *h, const uint64_t **table, size_t *entries, struct why *why)
{
	(void)why;
	*table = h->f.pfn_of;
	*entries = FAKE_FRAMES;
	return 0;
}

void host_m2p_unmap(struct host *h, const uint64_t *table, size_t entries)
{
	(void)h, (void)table, (void)entries;
}

int host_frame_types(struct host *h, uint32_t domid, uint64_t *frames, size_t count, struct why *why)
{
	(void)domid, (void)why;
	for (size_t i = 0; i < count; i++)
		frames[i] = h->f.given[frames[i]] ? 0 : HOST_NOT_ITS;
	return 0;
}
