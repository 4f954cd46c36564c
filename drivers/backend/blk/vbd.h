/* SPDX-License-Identifier: BSD-2-Clause */
/* A virtual disk: a connected frontend's rings on one side, a disk on the other, jobs in between.
 * One process has one. */
#ifndef BLK_VBD_H
#define BLK_VBD_H

#include "drivers/backend/blk/disk.h"
#include "drivers/backend/blk/grants.h"
#include "drivers/backend/blk/record.h"
#include "drivers/backend/blk/request.h"
#include "drivers/backend/common/peer.h"
#include "drivers/backend/common/ring.h"

#define BLK_MAX_RING_ORDER 4

struct vbd_queue {
	struct ring ring;
	void *mapped;
	int port;  /* ours; -1: none */
	bool tell; /* responses were put that the frontend wants to hear of */
};

struct job;

struct vbd {
	struct peer *peer;
	struct disk *disk;
	struct record_file *record;
	struct vbd_queue queue[BLK_MAX_QUEUES];
	unsigned int queues, pages;
	unsigned int first; /* the queue that is looked at first in the next round */
	enum blk_abi abi;
	bool connected, broken;
	bool more; /* there was no end of requests: call vbd_on_event() again without an event */
	struct why why; /* of what broke it, or of the last request refused */

	struct job *jobs, *free_jobs;
	struct job *answered; /* in the ring, but the frontend was not shown yet */
	struct grants grants;
	bool persistent; /* the frontend's grants are, and stay mapped */
	unsigned int in_flight;
	struct job *completed, **completed_tail;
	struct job *barrier; /* waits until it is alone; nothing is taken meanwhile */
	size_t buffer_bytes; /* held by jobs */
};

/* What the frontend chose, read from the store. */
struct vbd_choice {
	enum blk_abi abi;
	unsigned int queues, pages;
	bool persistent;
	uint32_t port[BLK_MAX_QUEUES];
	uint32_t gref[BLK_MAX_QUEUES][1 << BLK_MAX_RING_ORDER];
};

int vbd_init(struct vbd *b, struct peer *peer, struct disk *disk, struct record_file *record,
	     struct why *why);
void vbd_free(struct vbd *b);
/* Maps the rings and binds the channels; takes up what an earlier daemon left in flight. */
int vbd_connect(struct vbd *b, const struct vbd_choice *c, struct why *why);
/* Lets all in flight come back, then unmaps. Requests not yet taken stay in the ring. */
void vbd_disconnect(struct vbd *b);
/* Something may have happened: the frontend kicked, or the disk completed. After either, b->broken
 * says whether to go on. */
void vbd_on_event(struct vbd *b);
void vbd_on_disk(struct vbd *b);

#endif
