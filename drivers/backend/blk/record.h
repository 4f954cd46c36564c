/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What outlives the daemon: the requests taken from the rings and not yet known to be answered, and
 * the counters, in a mapped file under /run. A daemon that is killed leaves it behind; the next one
 * answers exactly those requests, and the guest sees a slow disk.
 *
 * Order of writes, for a request: its slot and index, then state TAKEN, then the ring's consumer
 * moves. For an answer: the response's index, then state ANSWERED, then the shared producer moves,
 * then state FREE. So after a crash a TAKEN one was not answered, and an ANSWERED one was if the
 * shared producer is past its index.
 */
#ifndef BLK_RECORD_H
#define BLK_RECORD_H

#include <stdint.h>

#include "drivers/backend/blk/request.h"

#define BLK_MAX_QUEUES 4
#ifndef BLK_MAX_JOBS /* the fuzzer has fewer, and so none left at times */
#define BLK_MAX_JOBS 1024
#endif

enum record_state { RECORD_FREE, RECORD_TAKEN, RECORD_ANSWERED };

struct record {
	uint32_t state; /* enum record_state */
	uint32_t queue;
	uint32_t index; /* the request's, in its ring */
	uint32_t rsp_index;
	uint8_t slot[BLK_SLOT_MAX]; /* as the frontend wrote it */
};

struct record_file {
	char magic[8];	    /* "torcblk1" */
	uint32_t connected; /* the rings below are in use */
	/* what the frontend chose: a different choice is a different connection */
	uint32_t abi, queues, pages;
	uint32_t port[BLK_MAX_QUEUES], gref[BLK_MAX_QUEUES];
	uint32_t in_flight;
	uint64_t reads, writes, flushes, discards, read_sectors, written_sectors, errors, restarts;
	struct record record[BLK_MAX_JOBS];
};

/* For a file as bdev_state_open() gives it. Jobs are as they were left, if it is one of these. */
void record_init(struct record_file *f);
void record_reset(struct record_file *f); /* a new connection: nothing is in flight */

static inline void record_set(struct record *r, enum record_state s)
{
	__atomic_store_n(&r->state, s, __ATOMIC_RELEASE);
}

#endif
