/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The engine: a domain's memory and state from one host to another, or to and from a file. It knows
 * nothing of who the guest belongs to: it stops at the point where that is to be decided, and the
 * handover decides.
 *
 * The sender runs the rounds, has the guest suspended, sends the last of it and the state, and
 * waits for the receiver to say that it has all of it. mig_send() then returns 0 with the guest
 * suspended here, and the domain on the other side complete, paused and never run. From there on
 * either
 *
 *   - the handover goes through: the caller destroys the domain here, the other side unpauses its
 *     own; or
 *   - it does not: the other side destroys what it has, and mig_resume() lets the guest go on here.
 *
 * If mig_send() fails the guest runs on here, as if nothing had been: only if that fails too is
 * mig_outcome.guest_stuck set, with the reason.
 */
#ifndef TORC_MIGRATION_ENGINE_H
#define TORC_MIGRATION_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include "dom0-tools/common/why.h"
#include "migration/io.h"
#include "migration/parts.h"
#include "migration/predict.h"

struct host;
struct throttle_caps; /* throttle.h */

#define MIG_ACKNOWLEDGED \
	"TORC-ALL" /* 8 bytes back to the sender when the receiver has built the domain */

enum mig_on_deadline {
	MIG_ABORT,    /* the guest stays */
	MIG_FORCE,    /* the last round now, however long it takes */
	MIG_THROTTLE, /* the guest gets less processor time until the pause fits */
};

struct mig_send_opts {
	bool live; /* rounds while it runs; false: suspend first, then send once */
	/* for live alone, to max_rounds: */
	uint64_t downtime_ns; /* the pause that is asked for; 0: 50 ms */
	uint64_t deadline_ns; /* for the rounds, from the start; 0: until it is plain that more
				 rounds do not help */
	enum mig_on_deadline on_deadline; /* then, or after max_rounds */
	uint64_t max_bytes_per_s;	  /* 0: no cap */
	unsigned int max_rounds;	  /* 0: 30 */
	bool acknowledge; /* the receiver answers over the same io when it has all (not for a file) */
	bool deltas; /* it takes pages as what differs from what went before (never for a file) */
	/* For the prediction alone, from earlier times; 0: nobody knows. What the other side takes
	 * at the end for each page table; all else that the pause holds beside the pages; what the
	 * guest writes by suspending itself, and what a page takes then (see predict.h) */
	uint64_t table_ns, other_ns, extra_pages;
	uint64_t last_page_ns, of_page_ns;
	bool known; /* these are this very guest's */
	uint64_t left_pages, left_of;
};

struct mig_progress {
	unsigned int round; /* from 1; the last one has last set */
	bool last;	    /* also on the receiving side, from the guest's last state on */
	uint64_t pages_sent, pages_all; /* of this round */
	uint64_t bytes;			/* so far, all rounds */
	struct prediction prediction;	/* after the first round; see predict.h */
	uint64_t dirty_pages_per_s, bytes_per_s;
	uint64_t elapsed_ns;
};

/*
 * What the engine asks of its caller, on both sides. arg is the first argument of each. All may be
 * NULL but suspend on the sending side.
 */
struct mig_calls {
	void *arg;
	/* Have the guest suspend itself and return when it is suspended (0), or say why it did not. */
	int (*suspend)(void *arg, struct why *why);
	/* The guest will not go after all: have it run on. Called only after suspend returned 0. */
	int (*resume)(void *arg, struct why *why);
	/* Now and then; nonzero: stop, the migration was given up by the user (-ECANCELED). */
	int (*progress)(void *arg, const struct mig_progress *p);
	/*
	 * Live alone: ask the guest to suspend itself, and return. While it gets there, which makes
	 * it write much, what it writes is sent, so that the pause is short. suspend() is called
	 * after that in any case, and then waits for what was asked for.
	 */
	int (*suspend_ask)(void *arg, struct why *why);
	/*
	 * All of it is on its way, and the other side is at work on it: what has to be done before
	 * its answer counts is not waited for here. Nonzero: as if it could not have been sent.
	 */
	int (*sent)(void *arg, struct why *why);
	/* MIG_THROTTLE: the guest is about to get these caps, or has its own back (now is 0). To be
	 * kept, for whoever comes after a sender that is killed, until then. */
	int (*throttled)(void *arg, const struct throttle_caps *caps, struct why *why);
};

struct mig_outcome {
	unsigned int rounds;
	uint64_t total_ns;	     /* of mig_send() or mig_receive() */
	uint64_t pause_ns;	     /* since the guest stood still, until mig_send() returned */
	uint64_t predicted_pause_ns; /* before the last round; 0: not live */
	uint64_t bytes, pages, zero_pages, last_round_pages;
	/* of pages: that went as what differs, or not at all, as nothing did; and the bytes that
	 * this made less */
	uint64_t delta_pages, delta_saved;
	uint64_t decided_pages;	  /* that were due when the last round was decided on */
	uint64_t chased_pages;	  /* sent between the question and the guest's standing still */
	uint64_t seen_running_ns; /* by mig_now_ns(): the last look at it, if it was chased; 0: not */
	uint64_t predicted_fixed_ns; /* of the predicted pause: all but the pages */
	double page_ns;		     /* what a page took until then */
	uint64_t tables;	/* of the guest's: those that the first round met, or that came */
	struct mig_parts parts; /* of the pause: this side's, as far as the engine goes */
	uint64_t mark_ns;	/* when the last of them ended */
	bool guest_stuck;
};

int mig_send(struct host *h, uint32_t domid, const struct mig_send_opts *o, struct mig_io *io,
	     const struct mig_calls *calls, struct mig_outcome *out, struct why *why);

/* The handover did not go through: the suspended guest goes on here, and is told that it was not
 * moved. */
int mig_resume(struct host *h, uint32_t domid, struct why *why);

/*
 * Into a domain that the caller has created: with its size (address size as the sender's, which
 * mig_receive_begin() finds in the stream), vCPUs, memory limit and no memory yet. It stays paused.
 */
struct mig_receive_opts {
	uint32_t domid;
	/* allocated for it, to the store's and the console's domain */
	uint32_t store_port, console_port;
	uint32_t store_domid, console_domid;
	uint64_t max_pages; /* a sender that has more pages is refused */
	bool acknowledge;   /* as the sender's */
	bool deltas;
};
struct mig_received {
	/* machine frames: for XS_INTRODUCE and the console's nodes */
	uint64_t store_frame, console_frame;
	bool is_32bit;
	struct mig_outcome figures;
};

/*
 * The width must be set before a domain has memory, and stands at the head of the stream: this reads
 * headers and the static data, no more. Then mig_receive() goes on from there with the same object.
 */
struct mig_receiver;
struct mig_head {
	bool is_32bit;
	unsigned int version; /* of the stream */
	uint32_t xen_major, xen_minor;
};
int mig_receive_begin(struct mig_receiver **r, struct mig_io *io, struct mig_head *head,
		      struct why *why);
int mig_receive(struct mig_receiver *r, struct host *h, const struct mig_receive_opts *o,
		const struct mig_calls *calls, struct mig_received *got, struct why *why);
void mig_receive_end(struct mig_receiver **r);

#endif
