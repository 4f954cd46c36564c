/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a connection between two hosts carries, numbers big-endian: records,
 *
 *   u32 length of the body | u8 type | 3 bytes zero | u64 number | body
 *
 * of which the first in each direction is a greeting: a HELLO on the connection that a channel
 * stands on, a LANE on one that goes beside it. DATA, PACKED and MESSAGE are numbered through, over
 * all of them; ACK carries the number expected next.
 */
#ifndef TORC_MIGRATION_WIRE_H
#define TORC_MIGRATION_WIRE_H

#include <stddef.h>
#include <stdint.h>

#include "migration/link.h"

#define CHANNEL_VERSION	     2
#define CHANNEL_ID_SIZE	     16
#define CHANNEL_HEAD_SIZE    16
#define CHANNEL_MOST_DATA    (256u << 10)
#define CHANNEL_MOST_MESSAGE (64u << 10)
#define CHANNEL_WINDOW	     (4u << 20) /* bytes kept for the other side at most */

/* Who has begun a record has this long to go on with it */
#define RECORD_STALL_NS 5000000000ull

enum record_type {
	RECORD_HELLO = 1,
	RECORD_DATA,	/* a piece of the byte stream */
	RECORD_MESSAGE, /* whole */
	RECORD_ACK,
	RECORD_PACKED, /* DATA: u32 its length before | an LZ4 block */
	RECORD_LANE,
	RECORD_TYPES
};

struct record_head {
	uint32_t len;
	uint8_t type;
	uint64_t number;
};

/* Pure: 0, or -EBADMSG with why. */
int record_head_read(const uint8_t raw[CHANNEL_HEAD_SIZE], struct record_head *h, struct why *why);
void record_head_write(uint8_t raw[CHANNEL_HEAD_SIZE], uint32_t len, uint8_t type, uint64_t number);

/* More of a record that has begun. One whose rest does not come is a connection that broke, -EPIPE:
 * both sides would wait for each other where what went over it was damaged. */
int record_rest(struct hostlink *l, void *buf, size_t len);

/* How a connection begins. connection counts them, from 1: one that was there before is a replay. */
struct hello {
	uint32_t version;
	uint32_t connection;
	uint8_t id[CHANNEL_ID_SIZE];
	uint64_t expected; /* the record's number; not of a lane */
	unsigned int lane; /* from 1, of one that goes beside that connection; 0: that one itself */
};
#define HELLO_SIZE 32
int hello_read(const uint8_t *raw, size_t len, struct hello *h, struct why *why);

/* An error of the link. */
int hello_say(struct hostlink *l, const struct hello *h, uint64_t deadline_ns);
/* Who is it, and what for? -EBADMSG, -EIO or -ETIMEDOUT with why. */
int hello_hear(struct hostlink *l, struct hello *h, uint64_t deadline_ns, struct why *why);

#endif
