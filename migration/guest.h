/* SPDX-License-Identifier: BSD-2-Clause */
/* Inside the engine: a guest's list of its frames, and the places of its structures that hold frame
 * numbers. */
#ifndef TORC_MIGRATION_GUEST_H
#define TORC_MIGRATION_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dom0-tools/host/host.h"

#define GUEST_MAX_PAGES (1ull << 28) /* 1 TiB: more is a damaged number */

#define GUEST_LEVELS 5 /* of tables above the list, from 1 */

/* A frame that stays mapped as long as it is asked for. */
struct guest_kept {
	uint64_t mfn;
	const void *at; /* NULL: none */
};

struct guest_list {
	struct host *h;
	uint32_t domid;
	bool is_32bit;
	uint64_t shared_frame;
	uint64_t pages;	      /* length of the list */
	size_t frames;	      /* that it lies in */
	uint64_t *frame_pfns; /* where those are, in the guest's numbers */
	uint64_t *list_mfns;  /* and in the machine's */
	uint8_t *list;	      /* mapped, read-only; NULL: not open */
	struct guest_kept shared,
		tables[GUEST_LEVELS]; /* where it is found: looked at each round */
	const uint64_t *m2p;
	size_t m2p_entries;
};

/* Find it by what the guest says in its shared_info. */
int guest_list_open(struct guest_list *g, struct host *h, uint32_t domid, struct why *why);
void guest_list_close(struct guest_list *g);
/* While the guest runs: whether the list has moved to other frames, and if so it is read there. Not
 * strict: a list that is just changing has not moved yet. It may not grow. */
int guest_list_follow(struct guest_list *g, bool *moved, bool strict, struct why *why);
/* The machine frame of a page, or UINT64_MAX. Two answers may differ while the guest runs. */
uint64_t guest_list_mfn(const struct guest_list *g, uint64_t pfn);
/* A table_map_fn: a frame's pfn, if guest and hypervisor agree that it is the guest's. */
uint64_t guest_list_pfn(void *g, uint64_t mfn);

/* --- context.c: the structures, in the guest's width */
size_t context_size(bool is_32bit);
/* Frame numbers of a context by map; false: one is not the guest's. vcpu 0's third argument of
 * suspend is start_info. */
bool context_translate(void *context, bool is_32bit, bool first,
		       uint64_t (*map)(void *arg, uint64_t frame), void *arg);
uint64_t context_start_info(const void *context, bool is_32bit);
/* What suspend returns to the guest: 0 it is elsewhere, 1 it stayed. */
void context_set_suspend_result(void *context, bool is_32bit, unsigned int result);
struct start_facts {
	uint64_t nr_pages, shared_frame, store_pfn, console_pfn, store_frame, console_frame;
	uint32_t store_port, console_port;
};
/* Where the image's start_info says that its store and console pages are. */
void start_info_read(const void *page, bool is_32bit, struct start_facts *f);
void start_info_write(void *page, bool is_32bit, const struct start_facts *f);
/* The image's shared_info into a new domain's: no event pending, none unmasked, no list of frames
 * yet. */
void shared_info_restore(void *to, const void *image, bool is_32bit);

#endif
