/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Block requests as a frontend lays them into the ring, in the layouts of both widths, to one form
 * of ours; and the checks that need nothing but the request and the disk's facts. Pure: fuzzed by
 * itself. ABI: <xen/io/blkif.h>.
 */
#ifndef BLK_REQUEST_H
#define BLK_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <xen/xen.h>
#include <xen/io/blkif.h>

#include "dom0-tools/common/why.h"

#define BLK_SECTOR	  512u /* the protocol's unit whatever the disk's block is */
#define BLK_MAX_SEGMENTS  256u /* feature-max-indirect-segments: 1 MiB a request */
#define BLK_SEGS_PER_PAGE (4096u / sizeof(struct blkif_request_segment))
#define BLK_SLOT_MAX	  128u

enum blk_abi { BLK_ABI_64, BLK_ABI_32, BLK_ABI_COUNT };

struct blk_segment {
	uint32_t gref;
	uint8_t first, last; /* sectors within the frame, inclusive */
};

struct blk_request {
	uint64_t id;
	uint8_t reply_op; /* what the response names */
	uint8_t op;	  /* BLKIF_OP_*; of an indirect request, the one within */
	uint8_t flag;	  /* discard: BLKIF_DISCARD_* */
	uint16_t nr_segments;
	uint16_t nr_indirect; /* frames that hold the segments, still to be read; 0: segments are
				 here */
	uint64_t sector;
	uint64_t nr_sectors; /* of all segments together, or of a discard; set by request_check() */
	uint32_t indirect[BLKIF_MAX_INDIRECT_PAGES_PER_REQUEST];
	struct blk_segment segment[BLK_MAX_SEGMENTS];
};

struct blk_limits {
	uint64_t sectors; /* of the disk */
	uint32_t block;	  /* bytes: the disk's logical block; requests are aligned to it */
	bool read_only, discard;
};

uint32_t blk_slot_size(enum blk_abi abi);
uint32_t blk_response_size(enum blk_abi abi);
/* From a copied slot. 0, or -errno with why: the request has an id to answer by in any case. */
int request_decode(const void *slot, enum blk_abi abi, struct blk_request *rq, struct why *why);
/* The i-th frame of indirect segments, already copied. */
void request_add_indirect(struct blk_request *rq, unsigned int i, const void *page);
/* Everything but the grants. 0, or -errno: answered with an error; -EOPNOTSUPP: with that. */
int request_check(struct blk_request *rq, const struct blk_limits *l, struct why *why);
/* Writes the response in the frontend's layout; returns its length. */
size_t response_encode(void *out, enum blk_abi abi, const struct blk_request *rq, int16_t status);

#endif
