/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * torc-migrated: takes guests from paired hosts, and sends its own there when torc migrate asks.
 * One thread a migration, each with its own doors to the hypervisor and the store. Whose a guest is
 * stands in the records on the disk alone, so that a daemon that was killed goes on from them when
 * it is started again.
 */
#ifndef TORC_MIGRATED_MIGRATED_H
#define TORC_MIGRATED_MIGRATED_H

#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "dom0-tools/cli/guest.h"
#include "dom0-tools/cli/image.h"
#include "dom0-tools/migrated/forecast.h"
#include "migration/deal.h"
#include "migration/pair.h"

#define MOST_THREADS   64
#define MOST_STRANGERS 32 /* of these, for who comes by the network: the others are ours */
#define TICK_NS	       200000000ull
#define SECOND	       1000000000ull
/* A connection that broke is made anew for so long while the guest runs; the target waits for that,
 * and only a stream that does not go on for longer than both has stopped. */
#define MEND_NS	  (120 * SECOND)
#define RETURN_NS (MEND_NS + 10 * SECOND)
#define STALL_NS  (MEND_NS + 60 * SECOND)

struct migrated {
	char pins[PATH_MAX], records[PATH_MAX];
	char own[PATH_MAX]; /* where this host's key and certificate are */
	uint16_t port;
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t changed;
	struct job *jobs;
	unsigned int threads, strangers;
	struct costs latest; /* that were learnt: costs.c */
};

/* --- jobs.c: who works on which migration. One at a time: the record is theirs. */
struct job {
	struct job *next;
	uint8_t id[HANDOVER_ID_SIZE];
	bool hurry;	       /* somebody else wants it */
	struct hostlink *link; /* another connection for its channel has come, which began with
				  hello */
	struct hello hello;
	struct lanes_in *lanes; /* of its channel, for those that come; NULL: it takes none */
};
/* patience_ns: how long one who has it is asked to let go of it. NULL: he does not. */
struct job *job_begin(struct migrated *m, const uint8_t *id, uint64_t patience_ns);
void job_end(struct migrated *m, struct job *j);
bool job_hurried(struct migrated *m, struct job *j);
void job_take_lanes(struct migrated *m, struct job *j, struct lanes_in *lanes);
/* A connection of a channel that a job has: the job's from then on. false: nobody has it. */
bool job_deliver(struct migrated *m, struct hostlink *l, const struct hello *h);
/* Wait for one, and go on with it. */
int job_reconnect(struct migrated *m, struct job *j, struct channel *c, uint64_t deadline_ns,
		  struct why *why);
/* A detached thread, if there are not too many. fn owns arg, also if none is begun. */
int job_thread(struct migrated *m, void *(*fn)(void *arg), void *arg);
void job_thread_done(struct migrated *m);
/* Is there a thread for one more who comes by the network? To be taken back by the other. */
bool job_stranger(struct migrated *m);
void job_stranger_done(struct migrated *m);

/* --- talk.c: hosts, and JSON over a channel */
/* A connection with the key that is this host's now: one made anew is not waited with until the
 * daemon is. Owns the descriptor. */
int talk_tls(struct migrated *m, int fd, struct hostlink_tls *how, struct hostlink **l,
	     struct why *why);
int talk_link(struct migrated *m, const struct pin *peer, struct hostlink **l, uint64_t deadline_ns,
	      struct why *why);
/* How many lanes suit this host, if nobody says how many: one for each processor, up to four. */
unsigned int talk_lanes(void);
int talk_dial(struct migrated *m, const struct pin *peer, const uint8_t *id, struct channel **c,
	      uint64_t deadline_ns, struct why *why);
int talk_say(struct channel *c, struct json_object *o, struct why *why); /* o is consumed */
int talk_hear(struct channel *c, struct json_object **o, uint64_t deadline_ns, struct why *why);
const char *talk_text(struct json_object *o, const char *key); /* or NULL */
void talk_id_write(const uint8_t *id, char text[2 * HANDOVER_ID_SIZE + 1]);
int talk_id_read(const char *text, uint8_t *id);
/* An error as {"code", "text", "hint"}, and back. */
struct json_object *talk_reason(const struct why *why);
void talk_reason_read(struct json_object *o, struct why *why);

/* --- viewer.c: the command that asked */
struct viewer {
	int fd; /* -1: nobody looks */
};
/* consumed; NULL: none */
void viewer_tell(struct viewer *v, const char *event, struct json_object *facts);
bool viewer_gone(const struct viewer *v);
void viewer_serve(struct migrated *m, int fd); /* in a thread of its own */

/* --- ends.c: the guest on this host, as the handover moves it */
struct ends {
	struct migrated *m;
	struct cli cli;
	struct why why;
	struct channel *c; /* NULL: what is said is said to nobody */
	struct job *job;
	struct handover h;
	bool source;
	uint32_t domid;
	char name[64], uuid[40], boot[40];
	bool asked;		       /* source: to suspend itself */
	uint64_t asked_ns, stopped_ns; /* when; since when it stands still */
	bool urgent;		       /* whoever works on it */
	bool drained;		       /* its disks are at rest, since it stands still */
	/* the word that it is the target's: said here, or heard; and its answer */
	uint64_t go_ns, ack_ns;
	struct mig_parts parts;		   /* of the pause, as far as it was spent here */
	uint64_t tables;		   /* target: of the guest's */
	struct mig_target_figures figures; /* target: to be told; source: as told */
	struct viewer *viewer;
	char untold[128]; /* of the handover, to the log and the viewer; empty: nothing */
};
int ends_open(struct ends *e, struct migrated *m, bool source);
void ends_close(struct ends *e);
void ends_drain(struct ends *e);
/* Source: ahead of the handover's stop, which then waits for it alone; and ahead of that, until it
 * stands still. */
int ends_ask_suspend(struct ends *e);
int ends_stop(struct ends *e);
/* Source: written down, for whoever takes over from us. */
int ends_note_caps(struct ends *e, const struct throttle_caps *caps, struct why *why);
/* Source: a guest that a daemon which was killed had slowed down has its time back. */
void ends_speed_up(struct ends *e);
void ends_calls(struct ends *e, struct handover_calls *calls);
/* Where the record says that the guest is. */
void ends_from_record(struct ends *e, const struct handover_record *r);
/* The record is removed as soon as nobody needs it any more. true: it was. */
bool ends_forget(struct ends *e);
/*
 * The handover's talk until there is nothing more to say, somebody else wants to go on, or the
 * deadline. What is then open is recover.c's.
 */
int ends_deal(struct ends *e, uint64_t patience_ns, uint64_t deadline_ns);
/* Source: when the guest ran on the target, by this host's clock; 0: that was not told. */
uint64_t ends_ran_ns(const struct ends *e);

/* --- urgent.c: its thread goes before others. At the daemon's start it asks to be allowed to. */
void urgent_allow(void);
void urgent(struct ends *e, bool on);

/* --- costs.c: what the end of migrations took here, for predictions */
void costs_load(const struct migrated *m, const char *uuid, struct costs *k); /* uuid: or NULL */
/* uuid: or NULL. What is 0 in seen was not seen. */
void costs_learn(struct migrated *m, const char *uuid, const struct costs *seen);

/* --- drain.c: the backends of a suspended guest have done all that they took */
int drain_disks(struct cli *c, uint32_t domid, uint64_t deadline_ns);

/* --- checks.c */
/* of the guest, for the other host */
struct json_object *checks_facts(struct cli *c, uint32_t domid, const char *name,
				 struct json_object *record);
/* What this host lacks for it: an array of reasons, empty if nothing. */
struct json_object *checks_run(struct cli *c, struct json_object *facts, struct json_object *record);
/* Features that the guest needs from now on: what it needed, and this host's. */
struct json_object *checks_features(struct cli *c, struct json_object *record);

/* --- the two directions, and what is left of earlier ones */
void depart(struct migrated *m, struct viewer *v, struct json_object *request);
void arrive(struct migrated *m, struct channel **c, const struct pin *peer,
	    struct json_object *request);
void recover_all(struct migrated *m);
void recover_heard(struct migrated *m, struct channel *c, const struct pin *peer,
		   struct json_object *request);
void serve(struct migrated *m, int fd); /* a connection of another host, in a thread of its own */

/* --- warm.c: what the kernel does once, before a guest would wait for it */
void warm_mappings(void);

/* --- starter.c: somebody acts on guests that came, when they stop */
void starter_open(void); /* before sandbox_enter() */
void starter_guest_came(const char *name);

int sandbox_enter(void);

#endif
