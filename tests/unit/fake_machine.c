/* SPDX-License-Identifier: BSD-2-Clause */
/* See fake_machine.h. */
#include "tests/unit/fake_machine.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct host {
	struct machine m;
	int fd;
};

struct host *machine_new(bool is_32bit, uint64_t pages)
{
	struct host *h = calloc(1, sizeof(*h));
	struct machine *m = &h->m;

	h->fd = memfd_create("machine", 0);
	if (h->fd < 0 || ftruncate(h->fd, (off_t)MACHINE_FRAMES * HOST_PAGE_SIZE) < 0)
		abort();
	m->memory = mmap(NULL, (size_t)MACHINE_FRAMES * HOST_PAGE_SIZE, PROT_READ | PROT_WRITE,
			 MAP_SHARED, h->fd, 0);
	if (m->memory == MAP_FAILED)
		abort();
	memset(m->m2p, 0xff, sizeof(m->m2p));
	m->owner[SHARED(FROM)] = FROM;
	m->owner[SHARED(TO)] = TO;
	m->owner[0] = 3;
	m->is_32bit = is_32bit;
	m->pages = m->max_pages = pages;
	m->vcpus = 1;
	m->dirty = calloc((pages + 63) / 64, 8);
	return h;
}

void machine_free(struct host *h)
{
	munmap(h->m.memory, (size_t)MACHINE_FRAMES * HOST_PAGE_SIZE);
	close(h->fd);
	free(h->m.dirty);
	free(h);
}

struct machine *machine_of(struct host *h)
{
	return &h->m;
}

void *machine_frame(struct machine *m, uint64_t mfn)
{
	return mfn < MACHINE_FRAMES ? m->memory + mfn * HOST_PAGE_SIZE : NULL;
}

uint64_t machine_alloc(struct machine *m, uint32_t dom, uint64_t pfn)
{
	unsigned int mfn = (unsigned int)rand() % MACHINE_FRAMES;

	while (m->owner[mfn] != NOBODY)
		mfn = (mfn + 1) % MACHINE_FRAMES;
	m->owner[mfn] = (uint8_t)dom;
	m->type[mfn] = 0;
	m->m2p[mfn] = pfn;
	memset(machine_frame(m, mfn), 0, HOST_PAGE_SIZE);
	return mfn;
}

void machine_dirty(struct machine *m, uint64_t pfn)
{
	if (m->log_dirty && pfn < m->pages)
		m->dirty[pfn / 8] |= (uint8_t)(1 << pfn % 8);
}

static void tick(struct host *h)
{
	if (h->m.tick && !h->m.suspended)
		h->m.tick(&h->m);
}

int host_domain_info(struct host *h, uint32_t domid, struct domain_info *info, struct why *why)
{
	(void)why;
	tick(h);
	*info = (struct domain_info){ .domid = domid,
				      .shared_info_frame = SHARED(domid),
				      .vcpus_max = h->m.vcpus,
				      .cpu_time_ns = h->m.ran_ns,
				      .shutdown = domid == FROM && h->m.suspended };
	return 0;
}

int host_domain_is_32bit(struct host *h, uint32_t domid, bool *yes, struct why *why)
{
	(void)domid, (void)why;
	*yes = h->m.is_32bit;
	return 0;
}

int host_info(struct host *h, struct host_info *info, struct why *why)
{
	(void)h, (void)why;
	*info = (struct host_info){ .version_major = 4, .version_minor = 17, .cpus = 1 };
	return 0;
}

void *host_map(struct host *h, uint32_t domid, bool writable, const uint64_t *mfns, size_t count,
	       struct why *why)
{
	uint8_t *at;

	tick(h);
	for (size_t i = 0; i < count; i++)
		if (mfns[i] >= MACHINE_FRAMES || h->m.owner[mfns[i]] != domid) {
			why_set(why, TE_HYPERVISOR, "frame %#llx is not the domain's",
				(unsigned long long)mfns[i]);
			return NULL;
		}
	at = mmap(NULL, count * HOST_PAGE_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (size_t i = 0; i < count; i++)
		if (mmap(at + i * HOST_PAGE_SIZE, HOST_PAGE_SIZE,
			 PROT_READ | (writable ? PROT_WRITE : 0), MAP_SHARED | MAP_FIXED, h->fd,
			 (off_t)(mfns[i] * HOST_PAGE_SIZE)) == MAP_FAILED)
			abort();
	h->m.mapped += (unsigned int)count;
	tick(h);
	return at;
}

void host_unmap(struct host *h, void *at, size_t count)
{
	if (!at)
		return;
	if (munmap(at, count * HOST_PAGE_SIZE) < 0)
		abort();
	h->m.mapped -= (unsigned int)count;
}

int host_m2p_map(struct host *h, const uint64_t **table, size_t *entries, struct why *why)
{
	(void)why;
	*table = h->m.m2p;
	*entries = MACHINE_FRAMES;
	return 0;
}

void host_m2p_unmap(struct host *h, const uint64_t *table, size_t entries)
{
	(void)h, (void)table, (void)entries;
}

int host_frame_types(struct host *h, uint32_t domid, uint64_t *frames, size_t count, struct why *why)
{
	(void)why;
	tick(h);
	for (size_t i = 0; i < count; i++)
		frames[i] = frames[i] < MACHINE_FRAMES && h->m.owner[frames[i]] == domid ?
				    (uint64_t)h->m.type[frames[i]] << 28 :
				    HOST_NOT_ITS;
	tick(h);
	return 0;
}

int host_log_dirty(struct host *h, uint32_t domid, bool on, struct why *why)
{
	(void)domid, (void)why;
	h->m.log_dirty = on;
	memset(h->m.dirty, 0, (h->m.pages + 63) / 64 * 8);
	return 0;
}

int host_dirty_read(struct host *h, uint32_t domid, bool clear, uint8_t *bitmap, uint64_t pages,
		    uint64_t *count, struct why *why)
{
	(void)domid;
	tick(h);
	if (!h->m.log_dirty)
		return why_set(why, TE_HYPERVISOR, "log-dirty is off");
	memcpy(bitmap, h->m.dirty, (pages + 63) / 64 * 8);
	if (clear)
		memset(h->m.dirty, 0, (pages + 63) / 64 * 8);
	*count = 0;
	return 0;
}

int host_populate(struct host *h, uint32_t domid, unsigned int order, uint64_t *frames,
		  size_t count, size_t *done, struct why *why)
{
	unsigned int owned = 0;

	for (unsigned int i = 0; i < MACHINE_FRAMES; i++)
		owned += h->m.owner[i] == domid;
	*done = 0;
	if (order || owned - 1 + count > h->m.max_pages)
		return why_set(why, TE_NO_MEMORY, "the domain may not have more");
	for (; *done < count; ++*done)
		frames[*done] = machine_alloc(&h->m, domid, frames[*done]);
	return 0;
}

int host_release(struct host *h, uint32_t domid, const uint64_t *mfns, size_t count, struct why *why)
{
	for (size_t i = 0; i < count; i++) {
		if (mfns[i] >= MACHINE_FRAMES || h->m.owner[mfns[i]] != domid)
			return why_set(why, TE_HYPERVISOR, "frame %#llx is not the domain's",
				       (unsigned long long)mfns[i]);
		h->m.owner[mfns[i]] = NOBODY;
		h->m.m2p[mfns[i]] = ~0ull;
	}
	return 0;
}

int host_pin_tables(struct host *h, uint32_t domid, const struct host_pin *pins, unsigned int count,
		    struct why *why)
{
	for (unsigned int i = 0; i < count; i++) {
		if (!pins[i].level || pins[i].level > 4 || pins[i].mfn >= MACHINE_FRAMES ||
		    h->m.owner[pins[i].mfn] != domid)
			return why_set(why, TE_HYPERVISOR, "no table");
		h->m.type[pins[i].mfn] = (uint8_t)(pins[i].level | 8);
		h->m.pins++;
	}
	return 0;
}

int host_grant_seed(struct host *h, uint32_t domid, const uint32_t *refs, const uint32_t *to,
		    const uint64_t *mfns, size_t count, struct why *why)
{
	(void)domid, (void)to, (void)why;
	for (size_t i = 0; i < count; i++)
		h->m.grant[refs[i]] = mfns[i];
	return 0;
}

int host_vcpu_info(struct host *h, uint32_t domid, uint32_t vcpu, struct vcpu_info_row *row,
		   struct why *why)
{
	(void)h, (void)domid, (void)why;
	*row = (struct vcpu_info_row){ .vcpu = vcpu, .online = vcpu == 0 };
	return 0;
}

int host_vcpu_get_context(struct host *h, uint32_t domid, uint32_t vcpu, void *context, size_t size,
			  struct why *why)
{
	(void)vcpu, (void)why;
	memcpy(context, h->m.context[domid], size);
	return 0;
}

int host_vcpu_set_context(struct host *h, uint32_t domid, uint32_t vcpu, const void *context,
			  size_t size, struct why *why)
{
	(void)vcpu, (void)why;
	memcpy(h->m.context[domid], context, size);
	h->m.contexts_set++;
	return 0;
}

int host_vcpu_get_extended(struct host *h, uint32_t domid, uint32_t vcpu, void *context,
			   size_t *size, struct why *why)
{
	(void)h, (void)domid, (void)vcpu, (void)why;
	memset(context, 7, *size = 64);
	return 0;
}

int host_vcpu_set_extended(struct host *h, uint32_t domid, uint32_t vcpu, const void *context,
			   size_t size, struct why *why)
{
	(void)h, (void)domid, (void)vcpu, (void)context;
	return size <= 128 ? 0 : why_set(why, TE_HYPERVISOR, "too long");
}

int host_vcpu_get_xsave(struct host *h, uint32_t domid, uint32_t vcpu, void **area, size_t *size,
			struct why *why)
{
	(void)h, (void)domid, (void)vcpu, (void)why;
	*area = NULL;
	*size = 0;
	return 0;
}

int host_vcpu_set_xsave(struct host *h, uint32_t domid, uint32_t vcpu, const void *area,
			size_t size, struct why *why)
{
	(void)h, (void)domid, (void)vcpu, (void)area, (void)size, (void)why;
	return 0;
}

int host_domain_sched_get(struct host *h, uint32_t domid, unsigned int *weight, unsigned int *cap,
			  struct why *why)
{
	(void)domid, (void)why;
	*weight = 256;
	*cap = h->m.cap;
	return 0;
}

int host_domain_sched_set(struct host *h, uint32_t domid, unsigned int weight, unsigned int cap,
			  struct why *why)
{
	(void)domid, (void)why, (void)weight;
	h->m.cap = cap;
	return 0;
}

int host_tsc_get(struct host *h, uint32_t domid, struct host_tsc *t, struct why *why)
{
	(void)h, (void)domid, (void)why;
	*t = (struct host_tsc){ 0, 1000000, 5, 1 };
	return 0;
}

int host_tsc_set(struct host *h, uint32_t domid, const struct host_tsc *t, struct why *why)
{
	(void)h, (void)domid, (void)t, (void)why;
	return 0;
}

int host_domain_resume(struct host *h, uint32_t domid, struct why *why)
{
	(void)domid, (void)why;
	h->m.suspended = false;
	return 0;
}
