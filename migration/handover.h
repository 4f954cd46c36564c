/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whose the guest is, at the end of a migration: the protocol of handover.pml, with its names.
 * Records are durable before what they allow is done; messages may be lost, come late or twice; an
 * engine that dies comes back with its record and handover_recover().
 *
 * Nothing here waits or knows of networks and domains. The caller passes in what it hears, calls
 * handover_tick() now and then, and does what the calls ask for.
 */
#ifndef TORC_MIGRATION_HANDOVER_H
#define TORC_MIGRATION_HANDOVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dom0-tools/common/why.h"
#include "migration/throttle.h"

#define HANDOVER_ID_SIZE 16

enum handover_state {
	HANDOVER_OWNER, /* source: the guest is ours and runs, or may be made to run at any time */
	HANDOVER_SUSPENDED, /* source: it is ours and stands still */
	HANDOVER_HANDED, /* source: it is the target's; taken back only if the target has lost it */
	HANDOVER_GONE,	 /* source: the target runs it */
	HANDOVER_NONE,	 /* target: nothing, or an incomplete image */
	HANDOVER_PREPARED, /* target: the image is complete; whose the guest is, the source knows.
			      It may run, held back */
	HANDOVER_RUNNING,  /* target: it is ours and runs; kept until the source has said that it is
			      GONE there */
	HANDOVER_STATES
};

enum handover_message {
	HANDOVER_FINAL, /* to the target: that was all of it */
	HANDOVER_READY, /* to the source: all of it is here */
	HANDOVER_GO,	/* it is yours */
	HANDOVER_ACK,	/* it runs here */
	HANDOVER_ABORT, /* it stays here */
	HANDOVER_ASK,	/* our host was down: what have you got? */
	HANDOVER_LOST,	/* nothing */
	HANDOVER_DONE,	/* to the target: it is GONE here, forget this migration */
	HANDOVER_MESSAGES
};

const char *handover_state_name(enum handover_state s);
const char *handover_message_name(enum handover_message m);

struct handover_record {
	uint8_t id[HANDOVER_ID_SIZE]; /* of this migration; the next of the same guest has another */
	char guest[64];
	char peer[64]; /* the other host, as it was paired */
	enum handover_state state;
	bool aborted; /* source: it never hands over any more */
	bool died;    /* source: the only copy was on a host that died */
	bool asked;   /* source: the guest was asked to suspend itself, and may still do it */
	struct throttle_caps caps; /* source: of a guest that is slowed down */
	/* Where the guest is here: a domain of a number and uuid, since one start of the host.
	 * Nothing of it outlives that. */
	uint32_t domid; /* 0: none yet */
	char uuid[40], boot[40];
};

/*
 * What is done to the world. 0, or -errno: then nothing more is done until handover_recover(), as
 * only the record on the disk and the domain itself tell what is.
 */
struct handover_calls {
	void *arg;
	int (*save)(void *arg, const struct handover_record *r); /* durable when it returns */
	int (*stop)(void *arg); /* source: have the guest stand still */
	/* source: its backends finish all that they have taken. A failure is no fault: the guest
	 * stays, and goes on */
	int (*drain)(void *arg);
	int (*run)(void *arg); /* source: let it run on. target: let it begin, with nothing of what
				  it does leaving the host */
	int (*release)(void *arg); /* target: what it does may leave now. Again after a start: no
				      error */
	int (*destroy)(void *arg); /* end the domain or what there is of an image; nothing there is
				      no error */
	bool (*runs)(void *arg);
	bool (*has_image)(void *arg); /* source: the guest's memory is here; target: all of it is */
	/* sent if it can be; repeating is done here */
	void (*say)(void *arg, enum handover_message m);
	void (*log)(void *arg, const char *text);
};

struct handover {
	struct handover_record record;
	struct handover_calls calls;
	bool final_sent;
	bool done; /* target: RUNNING, and the source knows, or NONE, as the source keeps the guest;
		      nothing more will be said */
	int failed; /* a call did: recover */
};

/* A migration begins: the first record. */
int handover_begin(struct handover *h, const struct handover_calls *calls,
		   const uint8_t id[HANDOVER_ID_SIZE], const char *guest, const char *peer,
		   bool source);
/* After a start: what follows from the record. On a handover that has not failed it ends a
 * migration that may be ended. */
int handover_recover(struct handover *h, const struct handover_calls *calls,
		     const struct handover_record *r);

/* Source: the last round begins; all of it has been sent; it is not to be after all. -EBUSY: not in
 * this state. */
int handover_suspend(struct handover *h);
int handover_final(struct handover *h);
int handover_abort(struct handover *h);

int handover_hear(struct handover *h, enum handover_message m);
int handover_tick(struct handover *h);
/* Nothing more will come of it, whatever is heard. */
bool handover_over(const struct handover *h);
/*
 * The answer of a host that has no record of the migration that it hears of, by what it hears. A
 * source removes its record only when it is OWNER or GONE, a target its own only when it is NONE or
 * has heard DONE. HANDOVER_MESSAGES: none.
 */
enum handover_message handover_answer_unknown(enum handover_message m);
/* Where things stand and what an administrator can do, in a sentence each. */
void handover_explain(const struct handover_record *r, char *text, size_t size);

/* --- the message on the wire: u8 kind | id */
#define HANDOVER_WIRE_SIZE (1 + HANDOVER_ID_SIZE)
void handover_write(uint8_t raw[HANDOVER_WIRE_SIZE], enum handover_message m, const uint8_t *id);
/* -EBADMSG: none, or of another migration */
int handover_read(const uint8_t *raw, size_t len, const uint8_t *id, enum handover_message *m);

/* --- the record on the disk: one file a migration */
int handover_save(const char *dir, const struct handover_record *r);
int handover_load(const char *file, struct handover_record *r, struct why *why);
int handover_remove(const char *dir, const uint8_t id[HANDOVER_ID_SIZE]);
/* Before any is saved: what is left of a daemon that was killed while it wrote one. */
void handover_tidy(const char *dir);
/* All that can be read, until fn says something else than 0, which is what is returned; or else
 * what is wrong with one that cannot be: that is not one less. */
int handover_each(const char *dir, int (*fn)(void *arg, const struct handover_record *r), void *arg,
		  struct why *why);

#endif
