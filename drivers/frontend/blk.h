/* SPDX-License-Identifier: BSD-2-Clause */
/* The block frontend. */
#ifndef FRONTEND_BLK_H
#define FRONTEND_BLK_H

#include "device.h"

#include <xen/io/blkif.h>

#define BLK_SECTOR   512 /* the protocol's unit, whatever the disk's own sector is */
#define BLK_INFLIGHT 16	 /* requests at a time: each has 11 pages of grants */

struct blk_request { /* one in the ring */
	bool used;
	unsigned int pages;
	grant_ref_t grants[BLKIF_MAX_SEGMENTS_PER_REQUEST];
};

struct blk {
	struct device dev;
	blkif_front_ring_t ring;
	void *page; /* of the ring */
	grant_ref_t grant;
	evtchn_port_t port;
	uint64_t sectors;
	unsigned int sector_size; /* the disk's */
	bool readonly, can_flush, broken;
	unsigned int inflight;
	int error; /* the first of the requests under way */
	struct blk_request requests[BLK_INFLIGHT];
};

/* Device number id, from device_find("vbd", n). 0 or a negative error. */
int blk_open(struct blk *b, unsigned long id);
/*
 * n pages at a page-aligned address, from a sector on. Waits until all is done. -XEN_EROFS,
 * -XEN_EINVAL (past the end), -XEN_EIO (the backend says so, breaks the protocol, or does not
 * answer for a minute; the disk is broken then, and pages that the backend has mapped may still
 * change until blk_close(), which the log tells).
 */
int blk_read(struct blk *b, uint64_t sector, void *pages, unsigned int n);
int blk_write(struct blk *b, uint64_t sector, const void *pages, unsigned int n);
/* What was written is on the disk when this returns 0. */
int blk_flush(struct blk *b);
void blk_close(struct blk *b);
/*
 * After a resume, once the store is there again (os.h). Calls wait for their requests, so none was
 * under way. 0, or a negative error, and then the disk is gone: if it shrank, too.
 */
int blk_resume(struct blk *b);

#endif
