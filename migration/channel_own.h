/* SPDX-License-Identifier: BSD-2-Clause */
/* What a channel is made of: for channel.c and records.c alone. */
#ifndef TORC_MIGRATION_CHANNEL_OWN_H
#define TORC_MIGRATION_CHANNEL_OWN_H

#include "migration/channel.h"
#include "migration/pack.h"

struct channel {
	uint8_t id[CHANNEL_ID_SIZE];
	struct hostlink *link;
	uint32_t connection;
	bool has_peer;
	uint8_t peer[FINGERPRINT_SIZE];
	channel_again *again;
	void *again_arg;
	/* out: records from acked on are kept */
	uint64_t next_out, acked;
	struct kept *first, **end;
	size_t kept_bytes;
	unsigned int lanes, lanes_most; /* to be dialled with each connection; were up at once */
	lane_dial *dial;
	void *dial_arg;
	struct lanes_out *lanes_out;
	/* in */
	uint64_t expected;
	size_t unanswered; /* bytes since our last ACK */
	/* bytes: gathered until full, and received but not read */
	uint8_t *gather, *got, *packed;
	struct pack pack;
	size_t gathered, got_len, got_at;
	struct mig_io io;
	bool interrupted; /* a message came while we were sending: it lies in got, stashed bytes */
	size_t stashed;
	/* a record that came over the connection before others that are still on lanes */
	struct lanes_in *lanes_in;
	bool has_early;
	struct record_head early_head;
	uint8_t *early;
	int broken; /* for good, with trouble saying why */
	struct why trouble;
};

/* The connection, and all that stands beside it. */
void channel_drop(struct channel *c);
/* Ends it for good; trouble says why. -EBADMSG. */
int channel_broken(struct channel *c);
/* The other side has those below that number, which is at most next_out. */
void channel_forget_until(struct channel *c, uint64_t number);

#endif
