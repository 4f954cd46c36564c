/* SPDX-License-Identifier: BSD-2-Clause */
/* A guest goes, because torc migrate asked. */
#include "dom0-tools/migrated/migrated.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>

#define REACH_NS  (10 * SECOND)
#define ANSWER_NS (60 * SECOND) /* checks open disks, also over a network */
#define BUILD_NS  (60 * SECOND) /* from the end of the image until the target has the guest ready */
#define DEAL_NS	  (120 * SECOND) /* then it is recover.c's */
#define PART_NS	  (3 * SECOND)	 /* for the other host to hear the last word, and hang up */
/* how long a broken connection is mended while the guest stands still, and when it may not go on
 * here */
#define MEND_STOPPED_NS (15 * SECOND)
#define MEND_HANDED_NS	(5 * SECOND)
#define LANE_NS		(3 * SECOND) /* to come up: an end of the connection waits for it */
#define TELL_NS		(SECOND / 4)
#define MOST_PAGES	(1ull << 32)

struct departure {
	struct ends e;
	struct job *job;
	struct pin peer;
	struct mig_io *io;
	struct mig_send_opts opts;
	struct mig_outcome outcome;
	uint64_t started_ns, told_ns, ended_ns;
	unsigned int round_told;
	int64_t lanes; /* -1: as many as suit both hosts */
	bool check_only;
	bool lost; /* the connection, for good: what there is still to say is said by recover.c, or
		      needs not be said */
};

static int again(void *arg, struct channel *c, struct why *why)
{
	struct departure *d = arg;
	enum handover_state s = d->e.h.record.state;
	bool stands = d->e.stopped_ns;
	uint64_t until = mig_now_ns() + (s != HANDOVER_OWNER && s != HANDOVER_SUSPENDED ?
						 MEND_HANDED_NS :
					 stands ? MEND_STOPPED_NS :
						  MEND_NS);
	const struct timespec nap = { .tv_nsec = 200000000 };
	struct hostlink *l;
	int rc = -ENOTCONN;

	if (d->lost)
		return rc;
	syslog(LOG_WARNING, "%s: the connection to %s broke", d->e.name, d->peer.name);
	/* while it stands still nothing waits for a thread that looks up a name */
	if (stands)
		channel_lanes_out(c, 0, NULL, NULL);
	do {
		rc = talk_link(d->e.m, &d->peer, &l, mig_now_ns() + 5 * SECOND, why);
		rc = rc ? rc : channel_dial(c, l, mig_now_ns() + 5 * SECOND, why);
		if (!rc)
			syslog(LOG_INFO, "%s: connected to %s again", d->e.name, d->peer.name);
		if (!rc)
			return 0;
		if (rc == -EBADMSG || (s != HANDOVER_HANDED && viewer_gone(d->e.viewer)))
			break;
		nanosleep(&nap, NULL);
	} while (mig_now_ns() < until && !job_hurried(d->e.m, d->job));
	d->lost = true;
	return rc;
}

/* In a thread of the channel's. Without it the others have more to do. */
static int dial_lane(void *arg, const struct hello *h, struct hostlink **l)
{
	const struct departure *d = arg;
	uint64_t deadline = mig_now_ns() + LANE_NS;
	struct why why = { 0 };
	int rc = talk_link(d->e.m, &d->peer, l, deadline, &why);

	if (!rc) {
		rc = lane_greet(*l, h, deadline, &why);
		if (rc)
			hostlink_close(l);
	}
	if (rc)
		syslog(LOG_WARNING, "%s: no lane %u: %s", d->e.name, h->lane, why.text);
	return rc;
}

static int suspend_ask(void *arg, struct why *why)
{
	struct departure *d = arg;
	int rc;

	urgent(&d->e, true);
	rc = ends_ask_suspend(&d->e);
	if (rc)
		*why = d->e.why;
	return rc;
}

static int throttled(void *arg, const struct throttle_caps *caps, struct why *why)
{
	return ends_note_caps(&((struct departure *)arg)->e, caps, why);
}

static int suspend(void *arg, struct why *why)
{
	struct departure *d = arg;
	int rc = ends_stop(&d->e);
	uint64_t mark;

	if (rc) {
		*why = d->e.why;
		return rc;
	}
	/* it may have stopped right after it was seen to run */
	if (d->outcome.seen_running_ns)
		d->e.stopped_ns = d->outcome.seen_running_ns;
	mark = d->e.stopped_ns;
	mig_part_end(&d->e.parts, PART_STOPPED, &mark);
	return 0;
}

/* That it stands still has to be written down before the target is told that it has all. */
static int sent(void *arg, struct why *why)
{
	struct departure *d = arg;
	int rc = handover_suspend(&d->e.h);

	if (rc)
		*why = d->e.why;
	if (rc && !why->error)
		why_set(why, TE_STATE, "%s cannot be suspended: %s", d->e.name, strerror(-rc));
	return rc;
}

static int resume(void *arg, struct why *why)
{
	struct departure *d = arg;
	int rc = handover_abort(&d->e.h);

	return rc ? why_set(why, TE_STATE, "%s", d->e.why.error ? d->e.why.text : strerror(-rc)) : 0;
}

static void seconds(struct json_object *o, const char *key, uint64_t ns)
{
	json_object_object_add(o, key, json_object_new_double((double)ns / 1e9));
}

static int progress(void *arg, const struct mig_progress *p)
{
	struct departure *d = arg;
	struct json_object *o;

	d->io->deadline_ns = mig_now_ns() + STALL_NS;
	if (viewer_gone(d->e.viewer) || job_hurried(d->e.m, d->job))
		return -ECANCELED;
	if (p->round == d->round_told && mig_now_ns() < d->told_ns + TELL_NS)
		return 0;
	d->told_ns = mig_now_ns();
	d->round_told = p->round;
	o = json_object_new_object();
	fact_num(o, "round", p->round);
	fact_bool(o, "last", p->last);
	fact_num(o, "pages_sent", (int64_t)p->pages_sent);
	fact_num(o, "pages_all", (int64_t)p->pages_all);
	fact_num(o, "bytes", (int64_t)p->bytes);
	fact_num(o, "dirty_pages_per_s", (int64_t)p->dirty_pages_per_s);
	fact_num(o, "bytes_per_s", (int64_t)p->bytes_per_s);
	seconds(o, "predicted_pause_seconds", p->prediction.pause_ns);
	seconds(o, "elapsed_seconds", p->elapsed_ns);
	viewer_tell(d->e.viewer, "progress", o);
	return 0;
}

/* --- before anything is sent */

static int find_guest(struct departure *d, const char *who, struct json_object **record)
{
	struct cli *c = &d->e.cli;
	struct domain_info info;
	char *name = NULL;
	int rc = cli_find_domain(c, who, &d->e.domid);

	if (!rc && d->e.domid == 0)
		return why_set(c->why, TE_STATE, "domain 0 is the host itself: it does not move");
	rc = rc ? rc : host_domain_info(c->host, d->e.domid, &info, c->why);
	rc = rc ? rc : cli_domain_name(c, d->e.domid, &name);
	if (rc)
		return rc;
	snprintf(d->e.name, sizeof(d->e.name), "%s", name);
	free(name);
	config_uuid_format(d->e.uuid, info.uuid);
	if (info.paused)
		return why_hint(c->why,
				why_set(c->why, TE_STATE,
					"\"%s\" is paused: it cannot suspend itself", d->e.name),
				"torc unpause");
	if (info.shutdown || info.dying)
		return why_set(c->why, TE_STATE, "\"%s\" does not run", d->e.name);
	*record = record_load(d->e.name);
	if (!*record || !json_object_object_get(*record, "config_text"))
		return why_set(c->why, TE_FILE,
			       "there is no record of the config of \"%s\": torc create keeps one",
			       d->e.name);
	return 0;
}

static uint64_t figure(struct json_object *answer, const char *key, uint64_t most)
{
	int64_t n = json_object_get_int64(json_object_object_get(answer, key));

	return n > 0 && n < (int64_t)most ? (uint64_t)n : 0;
}

/* What both hosts take for the end of it, as far as they know; and what may be sent. */
static void expect(struct departure *d, struct json_object *answer)
{
	struct costs own, theirs = {
		.table_ns = figure(answer, "table_ns", COSTS_MOST_NS),
		.arrive_ns = figure(answer, "arrive_ns", COSTS_MOST_NS),
		.left_pages = figure(answer, "left_pages", MOST_PAGES),
		.left_of = figure(answer, "left_of", MOST_PAGES),
		.extra_pages = figure(answer, "extra_pages", MOST_PAGES),
		.last_page_ns = figure(answer, "last_page_ns", COSTS_MOST_NS),
		.of_page_ns = figure(answer, "of_page_ns", COSTS_MOST_NS),
		.leave_ns = figure(answer, "leave_ns", COSTS_MOST_NS),
	};

	costs_load(d->e.m, d->e.uuid, &own);
	forecast(&d->opts, &own, &theirs);
	/* one of an earlier version does not know them, and does not say so */
	d->opts.deltas = json_object_get_boolean(json_object_object_get(answer, "deltas"));
	if (!json_object_object_get(answer, "lanes"))
		d->lanes = 0;
	else if (d->lanes < 0)
		d->lanes = (int64_t)figure(answer, "lanes", talk_lanes() + 1);
}

static int ask(struct departure *d, struct json_object *record)
{
	struct json_object *request = json_object_new_object(), *facts, *answer, *refused;
	char id[2 * HANDOVER_ID_SIZE + 1];
	struct cli *c = &d->e.cli;
	int rc = 0;

	talk_id_write(channel_id(d->e.c), id);
	facts = checks_facts(c, d->e.domid, d->e.name, record);
	fact_num(request, "torc_migrate", 1);
	fact_str(request, "what", d->check_only ? "check" : "move");
	fact_str(request, "id", id);
	json_object_object_add(request, "facts", facts);
	if (!facts) {
		json_object_put(request);
		return -EIO;
	}
	rc = talk_say(d->e.c, request, c->why);
	d->io->deadline_ns = mig_now_ns() + STALL_NS;
	rc = rc ? rc : image_write_front(c, d->io, d->e.name);
	if (!rc && mig_flush(d->io))
		rc = why_set(c->why, TE_CHANNEL, "%s cannot be told what is to come", d->peer.name);
	rc = rc ? rc : talk_hear(d->e.c, &answer, mig_now_ns() + ANSWER_NS, c->why);
	if (rc)
		return why_prefix(c->why, rc, "%s: ", d->peer.name);
	refused = json_object_object_get(answer, "refused");
	if (!json_object_get_boolean(json_object_object_get(answer, "ok"))) {
		size_t n = refused && json_object_is_type(refused, json_type_array) ?
				   json_object_array_length(refused) :
				   0;

		for (size_t i = n; i-- > 0;) { /* the first stays the one that is told at the end */
			struct json_object *o =
				json_object_object_get(json_object_array_get_idx(refused, i),
						       "text") ?
					json_object_array_get_idx(refused, i) :
					NULL;

			if (!o)
				continue;
			talk_reason_read(o, c->why);
			why_prefix(c->why, 0, "%s: ", d->peer.name);
			viewer_tell(d->e.viewer, "refused", talk_reason(c->why));
		}
		if (!c->why->error)
			why_set(c->why, TE_CHANNEL, "%s: no reason given", d->peer.name);
		rc = -EPERM;
	} else {
		viewer_tell(d->e.viewer, "checked", NULL);
		expect(d, answer);
	}
	json_object_put(answer);
	return rc;
}

/* --- the move */

static int send(struct departure *d)
{
	const struct mig_calls calls = {
		.arg = d,
		.suspend_ask = suspend_ask,
		.suspend = suspend,
		.sent = sent,
		.throttled = throttled,
		.resume = resume,
		.progress = progress,
	};
	struct json_object *reason;
	struct why ignored = { 0 };
	struct cli *c = &d->e.cli;
	int rc = mig_send(c->host, d->e.domid, &d->opts, d->io, &calls, &d->outcome, c->why);

	if (!rc) {
		rc = handover_final(&d->e.h);
		/* while the other host makes a guest of it */
		if (!rc)
			ends_drain(&d->e);
		return rc ? why_set(c->why, TE_STATE, "%s cannot be handed over: %s", d->e.name,
				    strerror(-rc)) :
			    0;
	}
	if (channel_interrupted(d->e.c) &&
	    talk_hear(d->e.c, &reason, mig_now_ns() + SECOND, &ignored) == 0) {
		talk_reason_read(reason, c->why);
		why_prefix(c->why, 0, "%s: ", d->peer.name);
		json_object_put(reason);
	} else if (viewer_gone(d->e.viewer)) {
		why_set(c->why, TE_STATE, "given up, as torc migrate was ended");
	} else if (*channel_trouble(d->e.c)) {
		why_hint(c->why, rc, "%.300s", channel_trouble(d->e.c));
	}
	(void)handover_abort(&d->e.h);
	return rc;
}

static int come_to_an_end(struct departure *d)
{
	struct cli *c = &d->e.cli;
	char text[512];
	int rc = ends_deal(&d->e, BUILD_NS, mig_now_ns() + DEAL_NS);

	d->ended_ns = mig_now_ns();
	if (rc && d->e.h.record.state == HANDOVER_SUSPENDED)
		(void)handover_abort(&d->e.h);
	if (d->e.h.record.state == HANDOVER_GONE && !d->e.h.record.died)
		return 0;
	if (d->e.h.record.state == HANDOVER_OWNER)
		return why_hint(c->why,
				why_set(c->why, TE_CHANNEL,
					"%s did not take \"%s\": it runs on here", d->peer.name,
					d->e.name),
				"the log of torc-migrated there may tell why");
	handover_explain(&d->e.h.record, text, sizeof(text));
	return why_set(c->why, TE_TIMEOUT, "%s", text);
}

/* Of two that want to move the same guest, one finds the other's record; and a save that begins
 * just now finds it, or is found. */
static int begin(struct departure *d)
{
	static pthread_mutex_t one = PTHREAD_MUTEX_INITIALIZER;
	const struct handover_record *r = &d->e.h.record;
	struct handover_calls calls;
	int rc;

	ends_calls(&d->e, &calls);
	pthread_mutex_lock(&one);
	rc = guest_migrates(d->e.uuid, &d->e.why);
	if (!rc) {
		rc = handover_begin(&d->e.h, &calls, channel_id(d->e.c), d->e.name, d->peer.name,
				    true);
		if (rc)
			rc = why_set(&d->e.why, TE_FILE, "%s: no record can be written: %s",
				     d->e.m->records, strerror(-rc));
		/* the guest is not even asked: there is nothing to take back but the record */
		if (!rc && (rc = saving_none(d->e.domid, &d->e.why)))
			(void)handover_remove(d->e.m->records, r->id);
	}
	pthread_mutex_unlock(&one);
	return rc;
}

static int move(struct departure *d)
{
	int rc = begin(d);

	if (rc)
		return rc;
	channel_on_loss(d->e.c, again, d);
	channel_lanes_out(d->e.c, (unsigned int)d->lanes, dial_lane, d);
	rc = send(d);
	rc = rc ? rc : come_to_an_end(d);
	if (ends_forget(&d->e))
		deal_part(d->e.c, mig_now_ns() + PART_NS);
	return rc;
}

/* Each part by the host that it was spent on; what none of them explains is the wire's. */
static void parts_of_pause(struct departure *d, uint64_t pause_ns, struct mig_parts *all)
{
	uint64_t sum;

	*all = d->e.parts;
	for (enum mig_part p = 0; p < PARTS; p++)
		all->ns[p] += mig_part_is_targets(p) ? d->e.figures.parts.ns[p] :
						       d->outcome.parts.ns[p];
	sum = mig_parts_sum(all);
	all->ns[PART_WIRE] = pause_ns > sum ? pause_ns - sum : 0;
}

static struct json_object *tell_parts(const struct mig_parts *all, char *text, size_t room)
{
	struct json_object *o = json_object_new_object();
	size_t at = 0;

	for (enum mig_part p = 0; p < PARTS; p++) {
		seconds(o, mig_part_name(p), all->ns[p]);
		if (at < room)
			at += (size_t)snprintf(text + at, room - at, "%s%s %.1f", p ? ", " : "",
					       mig_part_name(p), (double)all->ns[p] / 1e6);
	}
	return o;
}

/* For the next prediction. */
static void learn(const struct departure *d, const struct mig_parts *all)
{
	struct costs seen;

	forecast_departed(&seen, &d->outcome, all);
	costs_learn(d->e.m, d->e.uuid, &seen);
}

/* The host's record of the guest keeps it: torc why tells what became of it. */
static void remember(const struct departure *d, const char *text)
{
	struct json_object *record = record_load(d->e.name);
	struct why ignored = { 0 };

	if (!record)
		return;
	record_event(record, "moved", text);
	record_save(d->e.name, record, &ignored);
	json_object_put(record);
}

static void tell_figures(struct departure *d, struct json_object *o)
{
	uint64_t ran = ends_ran_ns(&d->e), pause = (ran ? ran : d->ended_ns) - d->e.stopped_ns;
	char text[512] = "", parts[384] = "", lanes[32] = "";
	struct mig_parts all;

	parts_of_pause(d, pause, &all);
	if (d->opts.live)
		learn(d, &all);

	fact_str(o, "guest", d->e.name);
	fact_str(o, "host", d->peer.name);
	seconds(o, "total_seconds", d->ended_ns - d->started_ns);
	seconds(o, "pause_seconds", pause);
	seconds(o, "predicted_pause_seconds", d->outcome.predicted_pause_ns);
	json_object_object_add(o, "pause_parts", tell_parts(&all, parts, sizeof(parts)));
	seconds(o, "suspend_seconds", d->e.stopped_ns - d->e.asked_ns);
	seconds(o, "release_seconds", d->e.figures.released_ns);
	fact_num(o, "bytes", (int64_t)d->outcome.bytes);
	fact_num(o, "pages", (int64_t)d->outcome.pages);
	fact_num(o, "delta_pages", (int64_t)d->outcome.delta_pages);
	fact_num(o, "delta_saved_bytes", (int64_t)d->outcome.delta_saved);
	fact_num(o, "last_round_pages", (int64_t)d->outcome.last_round_pages);
	fact_num(o, "decided_pages", (int64_t)d->outcome.decided_pages);
	fact_num(o, "chased_pages", (int64_t)d->outcome.chased_pages);
	seconds(o, "page_seconds", (uint64_t)d->outcome.page_ns);
	seconds(o, "predicted_fixed_seconds", d->outcome.predicted_fixed_ns);
	fact_num(o, "rounds", d->outcome.rounds);
	fact_num(o, "lanes", channel_lanes_seen(d->e.c));
	if (channel_lanes_seen(d->e.c))
		snprintf(lanes, sizeof(lanes), " over %u lanes", channel_lanes_seen(d->e.c));
	snprintf(text, sizeof(text),
		 "to %s: %llu ms in all, a pause of %llu ms (predicted %llu; ms: %s), %llu bytes%s, %llu less by deltas of %llu pages",
		 d->peer.name, (unsigned long long)(d->ended_ns - d->started_ns) / 1000000,
		 (unsigned long long)pause / 1000000,
		 (unsigned long long)d->outcome.predicted_pause_ns / 1000000, parts,
		 (unsigned long long)d->outcome.bytes, lanes,
		 (unsigned long long)d->outcome.delta_saved,
		 (unsigned long long)d->outcome.delta_pages);
	syslog(LOG_INFO, "%s went %s", d->e.name, text);
	remember(d, text);
}

static void tell_end(struct departure *d, int rc)
{
	struct json_object *o;

	if (rc) {
		syslog(LOG_WARNING, "%s to %s: %s", d->e.name, d->peer.name, d->e.why.text);
		viewer_tell(d->e.viewer, "error", talk_reason(&d->e.why));
		return;
	}
	o = json_object_new_object();
	fact_bool(o, "checked_only", d->check_only);
	if (!d->check_only)
		tell_figures(d, o);
	viewer_tell(d->e.viewer, "done", o);
}

static void read_options(struct departure *d, struct json_object *request)
{
	const char *what = talk_text(request, "what"), *on = talk_text(request, "on_deadline");
	struct json_object *lanes = json_object_object_get(request, "lanes");

	d->check_only = what && strcmp(what, "check") == 0;
	d->opts.live = json_object_get_boolean(json_object_object_get(request, "live"));
	d->opts.downtime_ns =
		(uint64_t)json_object_get_int64(json_object_object_get(request, "downtime_ns"));
	d->opts.deadline_ns =
		(uint64_t)json_object_get_int64(json_object_object_get(request, "deadline_ns"));
	d->opts.max_bytes_per_s =
		(uint64_t)json_object_get_int64(json_object_object_get(request, "max_bytes_per_s"));
	d->lanes = lanes ? json_object_get_int64(lanes) : -1;
	if (d->lanes > (int64_t)LANES_MOST)
		d->lanes = LANES_MOST;
	d->opts.on_deadline = on && strcmp(on, "force") == 0	? MIG_FORCE :
			      on && strcmp(on, "throttle") == 0 ? MIG_THROTTLE :
								  MIG_ABORT;
}

void depart(struct migrated *m, struct viewer *v, struct json_object *request)
{
	const char *who = talk_text(request, "guest"), *host = talk_text(request, "host");
	struct departure d = { .e = { .viewer = v }, .started_ns = mig_now_ns() };
	struct json_object *record = NULL;
	int rc = ends_open(&d.e, m, true);

	read_options(&d, request);
	if (!rc && (!who || !host))
		rc = why_set(&d.e.why, TE_USAGE, "a guest and a host are to be named");
	rc = rc ? rc : pin_get(m->pins, host, &d.peer, &d.e.why);
	rc = rc ? rc : find_guest(&d, who, &record);
	rc = rc ? rc : guest_migrates(d.e.uuid, &d.e.why);
	rc = rc ? rc : talk_dial(m, &d.peer, NULL, &d.e.c, mig_now_ns() + REACH_NS, &d.e.why);
	if (!rc) {
		d.io = channel_io(d.e.c);
		d.e.job = d.job = job_begin(m, channel_id(d.e.c), 0);
		rc = d.job ? 0 : why_set(&d.e.why, TE_NO_MEMORY, "no memory");
	}
	rc = rc ? rc : ask(&d, record);
	if (!rc && !d.check_only)
		rc = move(&d);
	tell_end(&d, rc);
	channel_free(&d.e.c);
	job_end(m, d.job);
	json_object_put(record);
	ends_close(&d.e);
}
