/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A machine behind host.h with two domains: one that runs and is sent, and one that it becomes.
 * Frames are shared memory, so that a mapping sees what the guest writes; log-dirty notes what the
 * hypervisor would. A hook is called at every call, for the guest to get on.
 */
#ifndef TESTS_UNIT_FAKE_MACHINE_H
#define TESTS_UNIT_FAKE_MACHINE_H

#include "dom0-tools/host/host.h"

#define MACHINE_FRAMES 8192u
#define FROM	       1u /* the domains */
#define TO	       2u
#define SHARED(dom)    (dom) /* the frame of a domain's shared_info */
#define NOBODY	       0u

struct machine {
	uint8_t *memory;
	uint64_t m2p[MACHINE_FRAMES];
	uint8_t owner[MACHINE_FRAMES];
	uint8_t type[MACHINE_FRAMES]; /* level of a page table, with 8 if it is pinned */
	bool is_32bit, log_dirty, suspended;
	uint8_t *dirty; /* bits by pfn */
	uint64_t pages; /* of the guest's list */
	uint64_t context[3][1024];
	unsigned int contexts_set, mapped, pins;
	uint64_t grant[2];
	uint64_t max_pages; /* that the domain that it becomes may have */
	unsigned int vcpus, cap;
	uint64_t ran_ns;		 /* the guest, in all */
	void (*tick)(struct machine *m); /* the guest's chance to change something */
};

struct host *machine_new(bool is_32bit, uint64_t pages);
void machine_free(struct host *h);
struct machine *machine_of(struct host *h);
void *machine_frame(struct machine *m, uint64_t mfn);
uint64_t machine_alloc(struct machine *m, uint32_t dom, uint64_t pfn); /* a frame, at random */
void machine_dirty(struct machine *m, uint64_t pfn);

#endif
