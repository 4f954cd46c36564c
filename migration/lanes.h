/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lanes: further connections beside the one that a channel stands on, each with a thread of its
 * own, over which pieces of the image go side by side. Packing, encrypting and the network's part
 * of sending are then spread over as many processors; the channel's own thread reads the guest on
 * one side and puts the pieces in order on the other.
 *
 * A lane goes one way, from who sends the image, and carries DATA and PACKED alone, with numbers
 * that rise; which lane a piece takes is nobody's business, as it has the channel's number. All
 * else, and pieces that are too small to be worth it, goes over the channel's own connection. Lanes
 * belong to one connection of the channel: one that breaks takes it along, and the next one begins
 * without any of these. An empty piece ends a lane in good order.
 */
#ifndef TORC_MIGRATION_LANES_H
#define TORC_MIGRATION_LANES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "migration/wire.h"

#define LANES_MOST 8u
#define LANES_TRIES                                                                              \
	8u /* connections of a channel that have them: a network that breaks these does not like \
	      them */
#define LANES_LEAST (32u << 10) /* bytes of a piece that takes one */

/* A record that was sent, or is to be, until the other side has it. The channel holds it that long,
 * a lane while it sends it. */
struct kept {
	struct kept *next;   /* the channel's */
	struct kept *queued; /* the lanes' */
	atomic_uint holders;
	size_t len; /* of raw: head and body */
	uint8_t raw[];
};
void kept_put(struct kept *k);

/* --- who sends */

struct lanes_out;

/*
 * Called in the lane's thread: make a connection, and have the other side take it for the lane that
 * hello names (lane_greet()). 0, or the lane is not there and the others go without it. Must come
 * to an end within seconds: lanes_out_end() waits for it.
 */
typedef int lane_dial(void *arg, const struct hello *h, struct hostlink **l);
int lane_greet(struct hostlink *l, const struct hello *h, uint64_t deadline_ns, struct why *why);

/* beside: the connection that is cut when one of them fails, so that whoever waits there learns of
 * it; it must outlive them. NULL: no memory. h says id and connection. */
struct lanes_out *lanes_out_begin(const struct hello *h, unsigned int count, lane_dial *dial,
				  void *arg, struct hostlink *beside);
/* How many take pieces now? */
unsigned int lanes_out_up(struct lanes_out *o);
/* k is to be sent, by whichever lane is free. -EBADMSG: more is waiting than the channel keeps,
 * since the other side has acknowledged what it cannot have. */
int lanes_out_push(struct lanes_out *o, struct kept *k);
/* There is nothing more to come: what was pushed is sent, then they end by themselves. */
void lanes_out_retire(struct lanes_out *o);
/* At once, whatever is under way. May be NULL. */
void lanes_out_end(struct lanes_out **o);

/* --- who receives */

struct lanes_in;

struct lanes_in *lanes_in_new(const uint8_t id[CHANNEL_ID_SIZE]); /* NULL: no memory */
void lanes_in_free(struct lanes_in **i);

/* The connection that they go beside from now on, and the certificate behind it (NULL: none). What
 * there was before is cut, what came over it and was not taken is forgotten. connection 0: none. */
void lanes_in_open(struct lanes_in *i, uint32_t connection, const uint8_t *peer);
/* From any thread: one more, which has greeted with h. Owns the link, also if it is refused:
 * -EBADMSG. */
int lanes_in_join(struct lanes_in *i, struct hostlink *l, const struct hello *h, struct why *why);

/*
 * The piece of that number: 1 if it is there; *body, which holds CHANNEL_MOST_DATA, is exchanged
 * for it, and *wire is what it took. 0: not yet. -EPIPE: a lane broke; -EBADMSG with why: the other
 * side broke the rules.
 */
int lanes_in_take(struct lanes_in *i, uint64_t number, uint8_t **body, size_t *len, size_t *wire,
		  struct why *why);
bool lanes_in_has(struct lanes_in *i, uint64_t number);
/* Can there be more of them: pieces that wait or may come, or a failure to be told? */
bool lanes_in_more(struct lanes_in *i);
/* To poll: readable when something has changed since lanes_in_take() said "not yet". */
int lanes_in_event(const struct lanes_in *i);

#endif
