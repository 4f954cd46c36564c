/* SPDX-License-Identifier: BSD-2-Clause */
/* A hypervisor behind host.h for tests: frames in memory, and a note of what was asked of it. */
#ifndef TESTS_UNIT_FAKE_HOST_H
#define TESTS_UNIT_FAKE_HOST_H

#include "dom0-tools/host/host.h"

#define FAKE_FRAMES 65536u /* machine frames there are */
#define FAKE_SHARED 77u	   /* the frame of shared_info */

struct fake_host {
	uint8_t *frame[FAKE_FRAMES];  /* contents, made when first mapped */
	uint64_t pfn_of[FAKE_FRAMES]; /* what populate was told */
	bool given[FAKE_FRAMES];
	unsigned int mapped; /* pages mapped now */
	unsigned int next_frame;
	bool no_runs; /* refuse anything but single pages */
	bool zeroed;  /* frames come with zeros in them, and it says so */
	bool was_mapped[FAKE_FRAMES];
	uint64_t budget; /* frames left */
	uint64_t pinned;
	unsigned int pinned_level;
	unsigned int mapped_at_pin; /* must be 0 */
	uint64_t hypercall_page;
	uint8_t context[8192];
	size_t context_size;
	bool is_32bit;
	uint32_t vcpus; /* that domain_info tells */
	uint32_t ports;
	uint32_t grant_ref[4], grant_to[4];
	uint64_t grant_mfn[4];
	size_t grants;
};

struct host *fake_host_new(void);
struct fake_host *fake_host_of(struct host *h);
void fake_host_free(struct host *h);
/* Contents of a machine frame, or NULL if it was never touched. */
const uint8_t *fake_frame(struct host *h, uint64_t mfn);

#endif
