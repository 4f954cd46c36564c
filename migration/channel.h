/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A channel between two hosts that outlives its connections. What is sent is cut into records with
 * numbers; the sender keeps each until the other side has acknowledged it. When a connection
 * breaks, the next one begins with both sides saying which record they expect, and goes on from
 * there: nothing is lost, nothing comes twice.
 *
 * A record on the wire, numbers big-endian:
 *
 *   u32 length of the body | u8 type | 3 bytes zero | u64 number | body
 *
 * The first of a connection, in both directions, is a HELLO. DATA, PACKED and MESSAGE are numbered
 * through and acknowledged; ACK carries the number expected next and is not. Whatever breaks these
 * rules breaks the channel for good: -EBADMSG, and no connection mends that.
 *
 * One side at a time may send more than what a socket holds (the image); the other answers. It may
 * say one message meanwhile, to have that stopped: then the bytes fail with -ECANCELED, and the
 * sender hears why.
 */
#ifndef TORC_MIGRATION_CHANNEL_H
#define TORC_MIGRATION_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "migration/io.h"
#include "migration/link.h"

#define CHANNEL_VERSION	     2
#define CHANNEL_ID_SIZE	     16
#define CHANNEL_HEAD_SIZE    16
#define CHANNEL_MOST_DATA    (256u << 10)
#define CHANNEL_MOST_MESSAGE (64u << 10)
#define CHANNEL_WINDOW	     (4u << 20) /* bytes kept for the other side at most */

enum record_type {
	RECORD_HELLO = 1,
	RECORD_DATA,	/* a piece of the byte stream */
	RECORD_MESSAGE, /* whole */
	RECORD_ACK,
	RECORD_PACKED, /* DATA: u32 its length before | an LZ4 block */
	RECORD_TYPES
};

struct record_head {
	uint32_t len;
	uint8_t type;
	uint64_t number;
};

/* Pure: 0, or -EBADMSG with why. */
int record_head_read(const uint8_t raw[CHANNEL_HEAD_SIZE], struct record_head *h, struct why *why);

/* How a connection begins. connection counts them, from 1: one that was there before is a replay. */
struct hello {
	uint32_t version;
	uint32_t connection;
	uint8_t id[CHANNEL_ID_SIZE];
	uint64_t expected;
};
#define HELLO_SIZE 32
int hello_read(const uint8_t *raw, size_t len, struct hello *h, struct why *why);

struct channel;

/* id NULL: a new one, which the other side learns from the HELLO. */
int channel_new(struct channel **c, const uint8_t *id, struct why *why);
void channel_free(struct channel **c);
const uint8_t *channel_id(const struct channel *c);

/*
 * A connection for the channel, which owns it from then on, also if this fails. On the side that
 * dials:
 */
int channel_dial(struct channel *c, struct hostlink *l, uint64_t deadline_ns, struct why *why);
/* On the other: read who it is, find or make the channel of that id, and let it have the
 * connection. */
int channel_greet(struct hostlink *l, struct hello *h, uint64_t deadline_ns, struct why *why);
int channel_answer(struct channel *c, struct hostlink *l, const struct hello *h,
		   uint64_t deadline_ns, struct why *why);

/* Called when the connection breaks under a call: get another one by dial or answer. Nonzero ends
 * the channel. */
typedef int channel_again(void *arg, struct channel *c, struct why *why);
void channel_on_loss(struct channel *c, channel_again *again, void *arg);

/* The certificate behind the channel, NULL on a given transport. Later connections must show the
 * same. */
const uint8_t *channel_peer(const struct channel *c);

/*
 * Messages, in order with the bytes. -ENOTCONN: broken and not mended; -EBADMSG; -EMSGSIZE;
 * -ETIMEDOUT, after which one may hear again: the connection is given up only if the other side
 * stops in the middle of a record.
 */
int channel_say(struct channel *c, const void *body, size_t len, uint64_t deadline_ns);
int channel_hear(struct channel *c, void *body, size_t most, size_t *len, uint64_t deadline_ns);

/* Has the other side said something while we were sending bytes? channel_hear() has it. */
bool channel_interrupted(const struct channel *c);
/* Instead of reading on: say why not, and drop what comes until the other side says something or
 * goes. */
int channel_refuse(struct channel *c, const void *body, size_t len, uint64_t deadline_ns);

/* All that was sent has been acknowledged. */
int channel_settle(struct channel *c, uint64_t deadline_ns);
/* Has it, by what it has said until now? 1 or 0, or an error. What waits to be sent does not count. */
int channel_taken(struct channel *c);

/* The bytes, for the engine. Flush sends; it does not wait for the acknowledgement. */
struct mig_io *channel_io(struct channel *c);

/* What went wrong for good, for the log; "" if nothing. */
const char *channel_trouble(const struct channel *c);
uint64_t channel_unacked(const struct channel *c);

#endif
