/* SPDX-License-Identifier: BSD-2-Clause */
/* Frames and small objects. Buddy allocator over all RAM; per-CPU caches of single frames; small
 * objects from slabs on top. */
#ifndef TORC_HEAP_H
#define TORC_HEAP_H

#include <torc/frame.h>

void heap_add(maddr_t start, maddr_t end); /* at boot: RAM that is free */
void heap_reset(void);			   /* forgets everything: tests start anew */
/* 2^order frames, aligned to that; NULL: none left. below: physical bits of the highest address
 * allowed (0: any). Not zeroed. */
struct frame *frames_alloc(unsigned int order, unsigned int below_bits);
void frames_free(struct frame *f, unsigned int order);
uint64_t heap_free_frames(void);
uint64_t heap_total_frames(void);
uint64_t heap_free_frames_below(unsigned int bits);
void heap_scrub(struct frame *f, unsigned int order);	   /* zero */
void heap_scrub_used(struct frame *f, unsigned int order); /* only those that a domain had: before
							      they go to a guest */

/* The hypervisor's own: direct-mapped, zeroed. Whole frames, and objects up to a frame. */
void *page_alloc(unsigned int order);
void *page_alloc_below(unsigned int bits); /* one, of an address of so many bits */
void page_free(void *p, unsigned int order);
void *zalloc(size_t size); /* NULL: out of memory. size up to 4 MiB (frames above a frame's size) */
void zfree(void *p);	   /* NULL is fine */

#endif
