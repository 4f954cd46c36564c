/* SPDX-License-Identifier: BSD-2-Clause */
/* The handover over a channel: hears, repeats itself, and ends when there is nothing more to say. */
#ifndef TORC_MIGRATION_DEAL_H
#define TORC_MIGRATION_DEAL_H

#include <stdint.h>

#include "migration/channel.h"
#include "migration/handover.h"

/* What goes along with a message: figures, that nothing depends on. Either call may be NULL. */
#define DEAL_NOTES 1024
struct deal_notes {
	void *arg;
	size_t (*tell)(void *arg, enum handover_message m, char *text, size_t room);
	/* before the handover hears it */
	void (*heard)(void *arg, enum handover_message m, const char *text, size_t len);
};

/* For handover_calls.say: what cannot be sent is repeated later. notes, here and below: or NULL. */
void deal_say(struct channel *c, const struct handover *h, enum handover_message m,
	      const struct deal_notes *notes);

/*
 * Until the source is through (GONE, or OWNER again) or the target runs it and the source knows or
 * has gone away. A source still SUSPENDED after patience_ns takes the guest back. 0; -ETIMEDOUT at
 * the deadline, with the record saying where things stand; -ENOTCONN and -EBADMSG of the channel;
 * what a call of the handover failed with.
 */
int deal(struct channel *c, struct handover *h, const struct deal_notes *notes, uint64_t tick_ns,
	 uint64_t patience_ns, uint64_t deadline_ns);

/*
 * A source hangs up after its last word: not before the other side has, as what that has not read
 * yet would go with the connection, or until the deadline.
 */
void deal_part(struct channel *c, uint64_t deadline_ns);

#endif
