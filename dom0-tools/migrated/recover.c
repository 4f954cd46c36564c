/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What earlier migrations left open: of a daemon that was killed, of a host that went down, of a
 * link that was cut at the wrong moment. What the record allows is done at once; what the other
 * host has to say is asked for, again and again.
 */
#include "dom0-tools/migrated/migrated.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>

#define TALK_NS	     (10 * SECOND)
#define REACH_NS     (5 * SECOND)
#define TAKE_OVER_NS (20 * SECOND)
/* a guest may still follow a request to suspend that it was sent before we were killed: one that
 * has taken it, and one that was about to */
#define TAKEN_S 60
#define ABOUT_S 3

struct left {
	struct migrated *m;
	struct handover_record record;
};

/* Its own doors, the record, and what follows from it here. */
static int take_up(struct ends *e, struct migrated *m, struct job *job,
		   const struct handover_record *r)
{
	struct handover_calls calls;
	int rc = ends_open(e, m, r->state <= HANDOVER_GONE);

	if (rc) {
		syslog(LOG_ERR, "%s: %s", r->guest, e->why.text);
		return rc;
	}
	e->job = job;
	ends_from_record(e, r);
	ends_calls(e, &calls);
	e->h.record = *r;
	ends_speed_up(e);
	return handover_recover(&e->h, &calls, &e->h.record);
}

/* Once it has followed it goes on, and nothing more is to be waited for. */
static void late_suspend(struct ends *e)
{
	const struct timespec nap = { .tv_nsec = 200000000 };
	uint64_t until = mig_now_ns();

	if (e->h.record.asked)
		until += (guest_suspend_cancel(&e->cli, e->domid) ? ABOUT_S : TAKEN_S) * SECOND;
	while (e->h.record.state == HANDOVER_OWNER && e->h.calls.has_image(e) &&
	       !job_hurried(e->m, e->job) && mig_now_ns() < until) {
		if (!e->h.calls.runs(e)) {
			e->h.calls.run(e);
			break;
		}
		nanosleep(&nap, NULL);
	}
}

/* true: it was reached. */
static bool ask_other(struct ends *e, const struct handover_record *r)
{
	struct json_object *o = json_object_new_object();
	char id[2 * HANDOVER_ID_SIZE + 1];
	struct pin peer = { .name = "" };
	int rc = pin_get(e->m->pins, r->peer, &peer, &e->why);

	rc = rc ? rc : talk_dial(e->m, &peer, NULL, &e->c, mig_now_ns() + REACH_NS, &e->why);
	if (rc) {
		json_object_put(o);
		return false;
	}
	talk_id_write(r->id, id);
	fact_num(o, "torc_migrate", 1);
	fact_str(o, "what", "handover");
	fact_str(o, "id", id);
	rc = talk_say(e->c, o, &e->why);
	if (!rc && e->h.record.state == HANDOVER_OWNER)
		e->h.calls.say(e, HANDOVER_ABORT);
	if (!rc)
		rc = handover_tick(&e->h);
	if (!rc)
		rc = ends_deal(e, 0, mig_now_ns() + TALK_NS);
	/* that it may forget us, or need not wait for us */
	if (e->h.record.state == HANDOVER_GONE || e->h.record.state == HANDOVER_OWNER)
		deal_part(e->c, mig_now_ns() + SECOND);
	channel_free(&e->c);
	return rc == 0;
}

/* What the other host waits for never comes, and it need not wait: so it is told, as long as it
 * does. */
static void tell_other(struct ends *e, const struct handover_record *r)
{
	const struct timespec nap = { .tv_sec = 1 };
	uint64_t until = mig_now_ns() + RETURN_NS;

	while (!ask_other(e, r) && mig_now_ns() < until && !job_hurried(e->m, e->job))
		nanosleep(&nap, NULL);
}

static void *take_up_left(void *arg)
{
	struct left *l = arg;
	struct job *job = job_begin(l->m, l->record.id, 0);
	struct ends e = { .source = false };
	struct migrated *m = l->m;
	bool was_aborted = l->record.state == HANDOVER_OWNER && l->record.aborted, tell, forgotten;
	int rc;

	if (job) {
		rc = take_up(&e, m, job, &l->record);
		tell = !rc && e.h.record.state == HANDOVER_OWNER && !was_aborted;
		if (tell)
			late_suspend(&e);
		forgotten = !rc && ends_forget(&e);
		if (tell) {
			tell_other(&e, &l->record);
		} else if (!rc && !forgotten && !job_hurried(m, job)) {
			(void)ask_other(&e, &l->record);
			ends_forget(&e);
		}
		ends_close(&e);
		job_end(m, job);
	}
	free(l);
	job_thread_done(m);
	return NULL;
}

static int begin_left(void *arg, const struct handover_record *r)
{
	struct migrated *m = arg;
	struct left *l = NULL;
	struct job *j;

	pthread_mutex_lock(&m->lock);
	for (j = m->jobs; j && memcmp(j->id, r->id, sizeof(j->id)) != 0; j = j->next)
		;
	pthread_mutex_unlock(&m->lock);
	if (!j)
		l = malloc(sizeof(*l));
	if (!l)
		return 0;
	l->m = m;
	l->record = *r;
	if (job_thread(m, take_up_left, l))
		free(l);
	return 0;
}

void recover_all(struct migrated *m)
{
	struct why why = { 0 };

	if (handover_each(m->records, begin_left, m, &why))
		syslog(LOG_ERR, "%s; %s", why.text, why.hint);
}

/* --- the other host asks */

struct wanted {
	const uint8_t *id;
	struct handover_record *found;
	bool any;
};

static int is_wanted(void *arg, const struct handover_record *r)
{
	struct wanted *w = arg;

	if (memcmp(r->id, w->id, sizeof(r->id)) == 0) {
		*w->found = *r;
		w->any = true;
	}
	return 0;
}

/* Nothing is known of it here, and why that is so does not matter. */
static void answer_unknown(struct channel *c, const uint8_t *id)
{
	uint64_t until = mig_now_ns() + TALK_NS;
	uint8_t raw[HANDOVER_WIRE_SIZE];
	enum handover_message m;
	size_t len;

	while (mig_now_ns() < until && channel_hear(c, raw, sizeof(raw), &len, until) == 0 &&
	       handover_read(raw, len, id, &m) == 0) {
		m = handover_answer_unknown(m);
		if (m == HANDOVER_MESSAGES)
			continue;
		handover_write(raw, m, id);
		(void)channel_say(c, raw, sizeof(raw), mig_now_ns() + SECOND);
	}
}

/* A host may be known by two names, of which a record has one: its certificate says that it is it. */
static bool is_host(struct migrated *m, const char *name, const struct pin *peer)
{
	struct pin p = { .name = "" };
	struct why ignored;

	return strcmp(name, peer->name) == 0 ||
	       (pin_get(m->pins, name, &p, &ignored) == 0 &&
		memcmp(p.fingerprint, peer->fingerprint, sizeof(p.fingerprint)) == 0);
}

void recover_heard(struct migrated *m, struct channel *c, const struct pin *peer,
		   struct json_object *request)
{
	struct handover_record record;
	struct ends e = { .c = c };
	uint8_t id[HANDOVER_ID_SIZE];
	struct wanted w = { id, &record, false };
	struct why why = { 0 };
	struct job *job;

	if (talk_id_read(talk_text(request, "id"), id))
		return;
	job = job_begin(m, id, TAKE_OVER_NS);
	if (!job)
		return; /* it asks again */
	/* a record that cannot be read is not one that is not there */
	if (handover_each(m->records, is_wanted, &w, &why) && !w.any) {
		syslog(LOG_ERR, "%s; %s", why.text, why.hint);
	} else if (!w.any) {
		answer_unknown(c, id);
	} else if (!is_host(m, record.peer, peer)) {
		syslog(LOG_WARNING, "%s asks about \"%s\", which is between %s and this host",
		       peer->name, record.guest, record.peer);
	} else {
		if (take_up(&e, m, job, &record) == 0)
			(void)ends_deal(&e, 0, mig_now_ns() + TALK_NS);
		(void)channel_settle(c, mig_now_ns() + SECOND);
		ends_forget(&e);
		ends_close(&e);
	}
	job_end(m, job);
}
