/* SPDX-License-Identifier: BSD-2-Clause */
/* Block requests: layouts of both widths, and checks (request.h). */
#include "drivers/backend/blk/request.h"

#include <errno.h>
#include <string.h>

/*
 * Where things lie. 64-bit integers are aligned to 8 bytes in a 64-bit guest and to 4 in a 32-bit
 * one; the public headers describe whichever the compiler is for, so the other one is a table. The
 * 64-bit column is checked against them below.
 */
struct layout {
	uint8_t id, sector, segments, discard_sectors; /* plain and discard requests */
	uint8_t ind_id, ind_sector, ind_grefs;	       /* indirect */
	uint8_t size;				       /* of a slot */
	uint8_t rsp_op, rsp_status, rsp_size;
};
static const struct layout layouts[BLK_ABI_COUNT] = {
	[BLK_ABI_64] = { 8, 16, 24, 24, 8, 16, 28, 112, 8, 10, 16 },
	[BLK_ABI_32] = { 4, 12, 20, 20, 4, 12, 24, 108, 8, 10, 12 },
};

_Static_assert(offsetof(struct blkif_request, id) == 8 &&
		       offsetof(struct blkif_request, sector_number) == 16 &&
		       offsetof(struct blkif_request, seg) == 24 &&
		       sizeof(union blkif_sring_entry) == 112 &&
		       offsetof(struct blkif_request_discard, nr_sectors) == 24 &&
		       offsetof(struct blkif_request_indirect, id) == 8 &&
		       offsetof(struct blkif_request_indirect, sector_number) == 16 &&
		       offsetof(struct blkif_request_indirect, indirect_grefs) == 28 &&
		       offsetof(struct blkif_response, operation) == 8 &&
		       offsetof(struct blkif_response, status) == 10 &&
		       sizeof(struct blkif_response) == 16,
	       "the 64-bit layout is the public headers'");
_Static_assert(sizeof(union blkif_sring_entry) <= BLK_SLOT_MAX, "a slot fits its copy");

uint32_t blk_slot_size(enum blk_abi abi)
{
	return layouts[abi].size;
}

uint32_t blk_response_size(enum blk_abi abi)
{
	return layouts[abi].rsp_size;
}

static uint64_t get64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static void segment_get(struct blk_segment *s, const uint8_t *p)
{
	struct blkif_request_segment abi;

	memcpy(&abi, p, sizeof(abi));
	s->gref = abi.gref;
	s->first = abi.first_sect;
	s->last = abi.last_sect;
}

static int decode_indirect(const uint8_t *p, const struct layout *l, struct blk_request *rq,
			   struct why *why)
{
	uint16_t nr;

	rq->id = get64(p + l->ind_id);
	rq->op = rq->reply_op = p[1]; /* Linux checks that the answer names the operation within */
	memcpy(&nr, p + 2, sizeof(nr));
	rq->sector = get64(p + l->ind_sector);
	if (rq->op != BLKIF_OP_READ && rq->op != BLKIF_OP_WRITE)
		return why_set(why, TE_DEVICE,
			       "indirect request for operation %u; only read (0) and write (1) may be",
			       rq->op);
	if (nr == 0 || nr > BLK_MAX_SEGMENTS)
		return why_set(why, TE_DEVICE,
			       "indirect request with %u segments; 1 to %u are offered", nr,
			       BLK_MAX_SEGMENTS);
	rq->nr_segments = nr;
	rq->nr_indirect = (uint16_t)((nr + BLK_SEGS_PER_PAGE - 1) / BLK_SEGS_PER_PAGE);
	memcpy(rq->indirect, p + l->ind_grefs, rq->nr_indirect * sizeof(rq->indirect[0]));
	return 0;
}

int request_decode(const void *slot, enum blk_abi abi, struct blk_request *rq, struct why *why)
{
	const struct layout *l = &layouts[abi];
	const uint8_t *p = slot;
	unsigned int i;

	rq->op = rq->reply_op = p[0];
	rq->nr_segments = rq->nr_indirect = 0;
	rq->flag = 0;
	rq->nr_sectors = 0;
	if (rq->op == BLKIF_OP_INDIRECT)
		return decode_indirect(p, l, rq, why);
	rq->id = get64(p + l->id);
	rq->sector = get64(p + l->sector);
	if (rq->op == BLKIF_OP_DISCARD) {
		rq->flag = p[1];
		rq->nr_sectors = get64(p + l->discard_sectors);
		return 0;
	}
	if (p[1] > BLKIF_MAX_SEGMENTS_PER_REQUEST)
		return why_set(why, TE_DEVICE, "request with %u segments; a slot holds %u", p[1],
			       BLKIF_MAX_SEGMENTS_PER_REQUEST);
	rq->nr_segments = p[1];
	for (i = 0; i < rq->nr_segments; i++)
		segment_get(&rq->segment[i],
			    p + l->segments + i * sizeof(struct blkif_request_segment));
	return 0;
}

void request_add_indirect(struct blk_request *rq, unsigned int i, const void *page)
{
	unsigned int first = i * (unsigned int)BLK_SEGS_PER_PAGE, n;

	for (n = 0; n < BLK_SEGS_PER_PAGE && first + n < rq->nr_segments; n++)
		segment_get(&rq->segment[first + n],
			    (const uint8_t *)page + n * sizeof(struct blkif_request_segment));
}

static int check_range(const struct blk_request *rq, const struct blk_limits *l, struct why *why)
{
	uint32_t unit = l->block / BLK_SECTOR;

	if (rq->sector > l->sectors || rq->nr_sectors > l->sectors - rq->sector)
		return why_set(why, TE_DEVICE, "sectors %llu+%llu lie beyond the disk's %llu",
			       (unsigned long long)rq->sector, (unsigned long long)rq->nr_sectors,
			       (unsigned long long)l->sectors);
	if (rq->sector % unit || rq->nr_sectors % unit)
		return why_set(why, TE_DEVICE,
			       "sectors %llu+%llu are not aligned to the disk's block of %u bytes",
			       (unsigned long long)rq->sector, (unsigned long long)rq->nr_sectors,
			       l->block);
	return 0;
}

static int check_segments(struct blk_request *rq, struct why *why)
{
	const struct blk_segment *s;
	unsigned int i;

	rq->nr_sectors = 0;
	for (i = 0; i < rq->nr_segments; i++) {
		s = &rq->segment[i];
		if (s->first > s->last || s->last >= 4096 / BLK_SECTOR)
			return why_set(why, TE_DEVICE,
				       "segment %u covers sectors %u to %u of a frame that has 8",
				       i, s->first, s->last);
		rq->nr_sectors += (uint64_t)(s->last - s->first) + 1;
	}
	return 0;
}

int request_check(struct blk_request *rq, const struct blk_limits *l, struct why *why)
{
	int rc;

	switch (rq->op) {
	case BLKIF_OP_FLUSH_DISKCACHE:
		if (rq->nr_segments == 0) {
			rq->nr_sectors = 0;
			return 0;
		}
		__attribute__((fallthrough)); /* a flush may carry data, written after it */
	case BLKIF_OP_WRITE:
	case BLKIF_OP_WRITE_BARRIER:
		if (l->read_only)
			return why_set(why, TE_NO_RIGHTS, "write to a read-only disk");
		break;
	case BLKIF_OP_READ: break;
	case BLKIF_OP_DISCARD:
		if (!l->discard) {
			why_set(why, TE_UNSUPPORTED, "discard was not offered");
			return -EOPNOTSUPP;
		}
		if (l->read_only)
			return why_set(why, TE_NO_RIGHTS, "discard on a read-only disk");
		if (rq->flag & BLKIF_DISCARD_SECURE) { /* freeing the blocks would not erase them */
			why_set(why, TE_UNSUPPORTED, "a secure discard was not offered");
			return -EOPNOTSUPP;
		}
		return check_range(rq, l, why);
	default:
		why_set(why, TE_UNSUPPORTED, "operation %u is not known", rq->op);
		return -EOPNOTSUPP;
	}
	if (rq->nr_segments == 0 && rq->op != BLKIF_OP_WRITE_BARRIER)
		return why_set(why, TE_DEVICE, "a read or write of no segments");
	rc = check_segments(rq, why);
	return rc ? rc : check_range(rq, l, why);
}

size_t response_encode(void *out, enum blk_abi abi, const struct blk_request *rq, int16_t status)
{
	const struct layout *l = &layouts[abi];
	uint8_t *p = out;

	memset(p, 0, l->rsp_size);
	memcpy(p, &rq->id, sizeof(rq->id));
	p[l->rsp_op] = rq->reply_op;
	memcpy(p + l->rsp_status, &status, sizeof(status));
	return l->rsp_size;
}
