/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A guest behind host.h that runs and can be debugged, for tests of the stub. Its processors know
 * five instructions, of a byte each: nop, int3, hlt (which stands still), ud2's first byte (which
 * crashes the domain), and everything else, which is a nop too. They run when the stub looks
 * whether something happened.
 */
#ifndef TESTS_UNIT_FAKE_DEBUG_H
#define TESTS_UNIT_FAKE_DEBUG_H

#include "dom0-tools/host/host.h"

#define FAKE_DOMAIN 5u
#define FAKE_VCPUS  3u	/* the last was never started */
#define FAKE_PAGES  32u /* frames 0 to 31; it owns 1 to 23, tables are 1 to 7 */
#define FAKE_OWNED  24u
#define FAKE_CODE   0x401000u /* frame 8 */
#define FAKE_ALIAS  0x402000u /* frame 8 as well */
#define FAKE_DATA   0x403000u /* frame 9; nothing behind it */
#define FAKE_USER   0x405000u /* 64 bits: frame 10, in the user's tables alone */
#define OP_NOP	    0x90
#define OP_INT3	    0xcc
#define OP_HLT	    0xf4
#define OP_CRASH    0x0f

struct fake_guest {
	uint8_t pages[FAKE_PAGES][HOST_PAGE_SIZE];
	uint8_t context[FAKE_VCPUS][8192];
	bool is_32bit, gone, shut_down, debugged, debug_paused;
	unsigned int reason, pauses, mapped;
	bool held[FAKE_VCPUS];
	unsigned int event[FAKE_VCPUS];	    /* vector */
	unsigned int passed[FAKE_VCPUS][4]; /* how often, by vector */
	unsigned int executed[FAKE_VCPUS];
	bool no_rights; /* every call is refused */
	uint8_t uuid;
};

struct host *fake_guest_new(bool is_32bit);
struct fake_guest *fake_guest_of(struct host *h);
void fake_guest_free(struct host *h);
bool fake_guest_runs(const struct fake_guest *g);
uint64_t fake_ip(const struct fake_guest *g, unsigned int vcpu);
uint64_t fake_flags(const struct fake_guest *g, unsigned int vcpu);
void fake_set(struct fake_guest *g, unsigned int vcpu, uint64_t ip, uint64_t flags);
/* Of a group of tests: journals go to a directory of its own. */
int fake_run_dir(void **state);
int fake_run_dir_end(void **state);

#endif
