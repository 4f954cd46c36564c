/* SPDX-License-Identifier: BSD-2-Clause */
/* The handover: what handover.pml says, step by step. Change that first. */
#include "migration/handover.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char *const state_names[HANDOVER_STATES] = {
	"OWNER", "SUSPENDED", "HANDED", "GONE", "NONE", "PREPARED", "RUNNING",
};
static const char *const message_names[HANDOVER_MESSAGES] = {
	"FINAL", "READY", "GO", "ACK", "ABORT", "ASK", "LOST", "DONE",
};

const char *handover_state_name(enum handover_state s)
{
	return s < HANDOVER_STATES ? state_names[s] : "?";
}

const char *handover_message_name(enum handover_message m)
{
	return m < HANDOVER_MESSAGES ? message_names[m] : "?";
}

static bool is_source(const struct handover *h)
{
	return h->record.state <= HANDOVER_GONE;
}

/* Every call that can fail goes through here: after the first that does, no other is made. */
static int did(struct handover *h, int rc)
{
	if (rc)
		h->failed = rc;
	return rc;
}

static int enter(struct handover *h, enum handover_state s)
{
	enum handover_state before = h->record.state;
	char text[128];
	int rc;

	h->record.state = s;
	rc = did(h, h->calls.save(h->calls.arg, &h->record));
	if (rc)
		snprintf(text, sizeof(text), "%.63s: %s cannot be written down: %s",
			 h->record.guest, state_names[s], strerror(-rc));
	else
		snprintf(text, sizeof(text), "%.63s: %s, was %s", h->record.guest, state_names[s],
			 state_names[before]);
	h->calls.log(h->calls.arg, text);
	return rc;
}

static void say(struct handover *h, enum handover_message m)
{
	h->calls.say(h->calls.arg, m);
}

static bool has_image(const struct handover *h)
{
	return h->calls.has_image(h->calls.arg);
}

static bool runs(const struct handover *h)
{
	return h->calls.runs(h->calls.arg);
}

static int run(struct handover *h)
{
	return runs(h) ? 0 : did(h, h->calls.run(h->calls.arg));
}

static int destroy(struct handover *h)
{
	return did(h, h->calls.destroy(h->calls.arg));
}

int handover_begin(struct handover *h, const struct handover_calls *calls,
		   const uint8_t id[HANDOVER_ID_SIZE], const char *guest, const char *peer,
		   bool source)
{
	memset(h, 0, sizeof(*h));
	h->calls = *calls;
	memcpy(h->record.id, id, HANDOVER_ID_SIZE);
	snprintf(h->record.guest, sizeof(h->record.guest), "%s", guest);
	snprintf(h->record.peer, sizeof(h->record.peer), "%s", peer);
	h->record.state = source ? HANDOVER_OWNER : HANDOVER_NONE;
	return enter(h, h->record.state);
}

/* --- the source */

/* Back to running. The record first: a crash in between is mended by the next start. */
static int take_back(struct handover *h)
{
	int rc;

	h->record.aborted = true;
	rc = enter(h, HANDOVER_OWNER);
	return rc || !has_image(h) ? rc : run(h);
}

int handover_suspend(struct handover *h)
{
	int rc;

	if (h->failed || h->record.state != HANDOVER_OWNER || h->record.aborted || !runs(h))
		return h->failed ? h->failed : -EBUSY;
	rc = did(h, h->calls.stop(h->calls.arg));
	return rc ? rc : enter(h, HANDOVER_SUSPENDED);
}

int handover_final(struct handover *h)
{
	if (h->failed || h->record.state != HANDOVER_SUSPENDED || h->final_sent || !has_image(h))
		return h->failed ? h->failed : -EBUSY;
	h->final_sent = true;
	say(h, HANDOVER_FINAL);
	return 0;
}

int handover_abort(struct handover *h)
{
	int rc;

	if (h->failed)
		return h->failed;
	if (!(h->record.state == HANDOVER_SUSPENDED && has_image(h)) &&
	    h->record.state != HANDOVER_OWNER)
		return -EBUSY;
	if (h->record.state == HANDOVER_OWNER && h->record.aborted)
		return 0;
	rc = take_back(h);
	if (!rc)
		say(h, HANDOVER_ABORT);
	return rc;
}

static int lost(struct handover *h)
{
	if (h->record.state != HANDOVER_HANDED && h->record.state != HANDOVER_SUSPENDED)
		return 0;
	if (has_image(h))
		return take_back(h);
	h->record.died = true;
	return enter(h, HANDOVER_GONE);
}

/* It can still stay if its backends do not come to an end. */
static int hand_over(struct handover *h)
{
	int rc = h->calls.drain(h->calls.arg);

	if (!rc)
		return enter(h, HANDOVER_HANDED);
	rc = take_back(h);
	if (!rc)
		say(h, HANDOVER_ABORT);
	return rc;
}

static int source_hear(struct handover *h, enum handover_message m)
{
	enum handover_state was;
	int rc = 0;

	switch (m) {
	case HANDOVER_READY:
		if (h->record.state == HANDOVER_SUSPENDED)
			rc = hand_over(h);
		else if (h->record.state == HANDOVER_OWNER && h->record.aborted)
			say(h, HANDOVER_ABORT);
		if (!rc && h->record.state == HANDOVER_HANDED)
			say(h, HANDOVER_GO);
		return rc;
	case HANDOVER_ACK:
		if (h->record.state != HANDOVER_HANDED && h->record.state != HANDOVER_GONE)
			return 0;
		was = h->record.state;
		rc = was == HANDOVER_HANDED ? enter(h, HANDOVER_GONE) : 0;
		/* first, so that the target need not say it again and again while ours is ended */
		if (!rc)
			say(h, HANDOVER_DONE);
		return rc || was == HANDOVER_GONE ? rc : destroy(h);
	case HANDOVER_LOST: return lost(h);
	default: return 0;
	}
}

/* --- the target */

/* Ours by the record. A host that died since took a running guest along: that is its end, and not
 * the source's to mend. */
static int confirm(struct handover *h)
{
	int rc = has_image(h) ? did(h, h->calls.release(h->calls.arg)) : 0;

	if (!rc)
		say(h, HANDOVER_ACK);
	return rc;
}

static int forget_image(struct handover *h)
{
	int rc = h->record.state == HANDOVER_NONE ? 0 : enter(h, HANDOVER_NONE);

	return rc ? rc : destroy(h);
}

/*
 * It begins before the record says so, held back: whatever dies before the record is on the disk,
 * nothing that the guest did has left this host, and the source may go on from its own copy. After
 * it nobody else may.
 */
static int begin_here(struct handover *h)
{
	int rc;

	if (!has_image(h)) {
		rc = forget_image(h);
		if (!rc)
			say(h, HANDOVER_LOST);
		return rc;
	}
	rc = run(h);
	rc = rc ? rc : enter(h, HANDOVER_RUNNING);
	return rc ? rc : confirm(h);
}

static int target_hear(struct handover *h, enum handover_message m)
{
	enum handover_state s = h->record.state;
	int rc;

	switch (m) {
	case HANDOVER_FINAL:
		if (s != HANDOVER_NONE || !has_image(h))
			return 0;
		rc = enter(h, HANDOVER_PREPARED);
		if (!rc)
			say(h, HANDOVER_READY);
		return rc;
	case HANDOVER_GO:
	case HANDOVER_ASK:
		if (s == HANDOVER_RUNNING)
			return confirm(h);
		if (s == HANDOVER_PREPARED && m == HANDOVER_GO)
			return begin_here(h);
		say(h, s == HANDOVER_NONE ? HANDOVER_LOST : HANDOVER_READY);
		return 0;
	case HANDOVER_ABORT:
		if (s == HANDOVER_RUNNING)
			return 0;
		rc = forget_image(h);
		h->done = !rc;
		return rc;
	case HANDOVER_DONE: h->done = s == HANDOVER_RUNNING; return 0;
	default: return 0;
	}
}

/* --- both */

int handover_hear(struct handover *h, enum handover_message m)
{
	if (h->failed)
		return h->failed;
	return is_source(h) ? source_hear(h, m) : target_hear(h, m);
}

int handover_tick(struct handover *h)
{
	if (h->failed)
		return h->failed;
	switch (h->record.state) {
	case HANDOVER_HANDED: say(h, HANDOVER_GO); return 0;
	case HANDOVER_SUSPENDED:
		if (!has_image(h))
			say(h, HANDOVER_ASK);
		return 0;
	case HANDOVER_PREPARED: say(h, HANDOVER_READY); return 0;
	case HANDOVER_RUNNING:
		if (!h->done)
			say(h, HANDOVER_ACK);
		return 0;
	default: return 0;
	}
}

enum handover_message handover_answer_unknown(enum handover_message m)
{
	switch (m) {
	case HANDOVER_READY: return HANDOVER_ABORT;
	case HANDOVER_ACK: return HANDOVER_DONE;
	case HANDOVER_GO:
	case HANDOVER_ASK: return HANDOVER_LOST;
	default: return HANDOVER_MESSAGES;
	}
}

int handover_recover(struct handover *h, const struct handover_calls *calls,
		     const struct handover_record *r)
{
	struct handover_record record = *r; /* may be h's own */
	int rc;

	memset(h, 0, sizeof(*h));
	h->calls = *calls;
	h->record = record;
	h->final_sent =
		true; /* whether it was, nobody knows: this engine cannot send an image any more */
	switch (h->record.state) {
	case HANDOVER_OWNER:
		return h->record.aborted && (runs(h) || !has_image(h)) ? 0 : take_back(h);
	case HANDOVER_SUSPENDED:
		if (!has_image(h))
			return handover_tick(h);
		rc = take_back(h);
		if (!rc)
			say(h, HANDOVER_ABORT);
		return rc;
	case HANDOVER_GONE: return destroy(h);
	case HANDOVER_NONE: return destroy(h);
	case HANDOVER_PREPARED: return has_image(h) ? handover_tick(h) : forget_image(h);
	case HANDOVER_RUNNING: return confirm(h);
	default: return handover_tick(h);
	}
}

bool handover_over(const struct handover *h)
{
	return h->record.state == HANDOVER_GONE || h->record.state == HANDOVER_RUNNING ||
	       (h->record.state == HANDOVER_OWNER && h->record.aborted);
}

void handover_explain(const struct handover_record *r, char *text, size_t size)
{
	static const char *const what[HANDOVER_STATES] = {
		[HANDOVER_OWNER] = "it is this host's; nothing is to be done",
		[HANDOVER_SUSPENDED] =
			"it is this host's and stands still; it goes on here unless the other host has all of it",
		[HANDOVER_HANDED] =
			"it was handed to the other host, which has not answered yet: let the two hosts reach each "
			"other, and do not start it here",
		[HANDOVER_GONE] = "the other host runs it",
		[HANDOVER_NONE] = "it has not arrived; it is the other host's",
		[HANDOVER_PREPARED] =
			"it has arrived and waits for the other host's word: let the two hosts reach each "
			"other, and do not start it here",
		[HANDOVER_RUNNING] = "it is this host's and runs",
	};

	snprintf(text, size, "%s (other host: %s): %s: %s", r->guest, r->peer,
		 handover_state_name(r->state),
		 r->died ? "its memory was on a host that went down; start it from its config file" :
			   what[r->state]);
}
