/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A channel between two hosts that outlives its connections. What is sent is cut into records with
 * numbers; the sender keeps each until the other side has acknowledged it. When a connection
 * breaks, the next one begins with both sides saying which record they expect, and goes on from
 * there: nothing is lost, nothing comes twice.
 *
 * Records and greetings are those of wire.h: the first of a connection, in both directions, is a
 * HELLO. Whatever breaks these rules breaks the channel for good: -EBADMSG, and no connection mends
 * that.
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
#include "migration/lanes.h"
#include "migration/wire.h"

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
/* On the other: hello_hear() who it is, find or make the channel of that id, and let it have the
 * connection. */
int channel_answer(struct channel *c, struct hostlink *l, const struct hello *h,
		   uint64_t deadline_ns, struct why *why);

/* Called when the connection breaks under a call: get another one by dial or answer. Nonzero ends
 * the channel. */
typedef int channel_again(void *arg, struct channel *c, struct why *why);
void channel_on_loss(struct channel *c, channel_again *again, void *arg);

/*
 * Who is about to send bytes: beside the connection there is, and those after it, go as many lanes
 * as dial can make. Whatever comes of them, bytes flow. The first message after the bytes ends
 * them.
 */
void channel_lanes_out(struct channel *c, unsigned int count, lane_dial *dial, void *arg);
/* Who is about to receive them: lanes may join what is returned, from any thread, until the channel
 * is freed. NULL: no memory; then none may, and nothing else changes. */
struct lanes_in *channel_lanes_in(struct channel *c);
/* How many took pieces at the same time? */
unsigned int channel_lanes_seen(const struct channel *c);

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
