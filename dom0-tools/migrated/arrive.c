/* SPDX-License-Identifier: BSD-2-Clause */
/* A guest comes. Nothing of it is on the disk or in the hypervisor before this host has said that
 * it lacks nothing. */
#include "dom0-tools/migrated/migrated.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

/* a source whose connection broke is waited for RETURN_NS; whether it knows of a guest that runs
 * here is asked for sooner, by recover.c */
#define KNOWS_NS (6 * SECOND)
#define DEAL_NS	 (60 * SECOND) /* then it is recover.c's */

struct arrival {
	struct ends e;
	struct job *job;
	struct mig_io *io;
	struct json_object *facts;
	bool lost; /* it has not come back */
};

static int again(void *arg, struct channel *c, struct why *why)
{
	struct arrival *a = arg;
	uint64_t patience = a->e.h.record.state == HANDOVER_RUNNING ? KNOWS_NS : RETURN_NS;
	int rc = -ENOTCONN;

	if (!a->lost)
		rc = job_reconnect(a->e.m, a->job, c, mig_now_ns() + patience, why);
	a->lost = rc != 0;
	return rc;
}

/* The host's part of the guest's record: what it needs of every processor from now on. */
static void begun(void *arg)
{
	struct arrival *a = arg;
	struct json_object *record = record_load(a->e.name), *need;
	struct why ignored = { 0 };
	char text[96];

	if (!record)
		return;
	if (json_object_object_get_ex(a->facts, "cpu_features", &need))
		json_object_object_add(record, "cpu_features", json_object_get(need));
	snprintf(text, sizeof(text), "from %s", a->e.h.record.peer);
	record_event(record, "arriving", text);
	record_save(a->e.name, record, &ignored);
	json_object_put(record);
}

/* From here on the record says which domain is to be ended if nothing comes of it. */
static int made(void *arg, uint32_t domid, struct why *why)
{
	struct arrival *a = arg;
	int rc;

	a->e.domid = domid;
	rc = a->e.h.calls.save(&a->e, &a->e.h.record);
	if (rc)
		return why_set(why, TE_FILE, "%s: no record can be written: %s", a->e.m->records,
			       strerror(-rc));
	return 0;
}

static int progress(void *arg, const struct mig_progress *p)
{
	struct arrival *a = arg;

	if (p->last)
		urgent(&a->e, true);
	a->io->deadline_ns = mig_now_ns() + STALL_NS;
	return job_hurried(a->e.m, a->job) ? -ECANCELED : 0;
}

static int receive(struct arrival *a, struct json_object *record)
{
	struct image_in in = { .record = record,
			       .from = a->e.h.record.peer,
			       .paused = true,
			       .deltas = true,
			       .hold = true,
			       .made = made,
			       .begun = begun,
			       .progress = progress,
			       .arg = a };
	uint32_t domid;
	int rc;

	a->io->deadline_ns = mig_now_ns() + STALL_NS;
	rc = image_receive(&a->e.cli, a->io, &in, &domid);
	if (rc)
		return rc;
	a->e.tables = in.figures.tables;
	for (enum mig_part p = 0; p < PARTS; p++)
		a->e.parts.ns[p] += in.figures.parts.ns[p];
	mig_part_end(&a->e.parts, PART_NODES, &in.figures.mark_ns);
	return 0;
}

/* The source hears why, and need not wait for an end that does not come. */
static void refuse(struct channel *c, const struct why *why)
{
	struct json_object *o = talk_reason(why);
	const char *text = json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN);

	channel_on_loss(c, NULL, NULL);
	(void)channel_refuse(c, text, strlen(text), mig_now_ns() + 10 * SECOND);
	json_object_put(o);
}

static void learn(struct ends *e)
{
	struct costs seen;

	forecast_arrived(&seen, &e->parts, e->tables);
	costs_learn(e->m, NULL, &seen);
}

static void move(struct arrival *a, struct channel *c, const struct pin *peer, const uint8_t *id,
		 struct json_object *facts, struct json_object *record)
{
	struct handover_calls calls;
	int rc;

	snprintf(a->e.name, sizeof(a->e.name), "%s", talk_text(facts, "guest"));
	snprintf(a->e.uuid, sizeof(a->e.uuid), "%s", talk_text(facts, "uuid"));
	a->facts = facts;
	ends_calls(&a->e, &calls);
	rc = handover_begin(&a->e.h, &calls, id, a->e.name, peer->name, false);
	if (rc) {
		why_set(a->e.cli.why, TE_FILE, "%s: no record can be written: %s", a->e.m->records,
			strerror(-rc));
	} else {
		a->e.c = c;
		a->e.job = a->job;
		channel_on_loss(c, again, a);
		rc = receive(a, record);
		if (rc)
			refuse(c, &a->e.why);
		rc = rc ? rc : ends_deal(&a->e, 0, mig_now_ns() + DEAL_NS);
	}
	if (a->e.h.record.state == HANDOVER_RUNNING)
		learn(&a->e);
	if (a->e.h.record.state == HANDOVER_NONE) {
		syslog(LOG_WARNING, "%s did not come from %s: %s", a->e.name, peer->name,
		       a->e.why.error ? a->e.why.text : "the other host has kept it or is gone");
		calls.destroy(&a->e);
	}
	ends_forget(&a->e);
	channel_on_loss(c, NULL, NULL);
}

void arrive(struct migrated *m, struct channel **c, const struct pin *peer,
	    struct json_object *request)
{
	struct json_object *facts = json_object_object_get(request, "facts"), *record = NULL,
			   *refused, *answer;
	struct arrival a = { .io = channel_io(*c) };
	const char *what = talk_text(request, "what");
	uint8_t id[HANDOVER_ID_SIZE];
	struct costs costs;
	bool ok = false;
	int rc = ends_open(&a.e, m, false);

	a.io->deadline_ns = mig_now_ns() + STALL_NS;
	if (!rc)
		rc = image_read_front(&a.e.cli, a.io, &record);
	if (!rc && (!facts || !json_object_is_type(facts, json_type_object) ||
		    talk_id_read(talk_text(request, "id"), id) ||
		    memcmp(id, channel_id(*c), sizeof(id)) != 0))
		rc = why_set(&a.e.why, TE_CHANNEL, "the request lacks what it is about");
	if (rc) {
		refused = json_object_new_array();
		json_object_array_add(refused, talk_reason(&a.e.why));
	} else {
		refused = checks_run(&a.e.cli, facts, record);
	}
	ok = json_object_array_length(refused) == 0;
	if (ok && strcmp(what, "move") == 0) {
		a.job = job_begin(m, id, 0);
		if (!a.job) {
			why_set(&a.e.why, TE_STATE, "this migration is under way already");
			json_object_array_add(refused, talk_reason(&a.e.why));
			ok = false;
		} else { /* they may come as soon as the answer is heard */
			job_take_lanes(m, a.job, channel_lanes_in(*c));
		}
	}
	answer = json_object_new_object();
	fact_bool(answer, "ok", ok);
	fact_bool(answer, "deltas", true);
	fact_num(answer, "lanes", talk_lanes());
	costs_load(m, talk_text(facts, "uuid"), &costs);
	fact_num(answer, "table_ns", (int64_t)costs.table_ns);
	fact_num(answer, "arrive_ns", (int64_t)costs.arrive_ns);
	if (costs.of_guest) {
		fact_num(answer, "left_pages", (int64_t)costs.left_pages);
		fact_num(answer, "left_of", (int64_t)costs.left_of);
		fact_num(answer, "extra_pages", (int64_t)costs.extra_pages);
		fact_num(answer, "last_page_ns", (int64_t)costs.last_page_ns);
		fact_num(answer, "of_page_ns", (int64_t)costs.of_page_ns);
		fact_num(answer, "leave_ns", (int64_t)costs.leave_ns);
	}
	json_object_object_add(answer, "refused", refused);
	rc = talk_say(*c, answer, &a.e.why);
	if (!rc && a.job)
		move(&a, *c, peer, id, facts, record);
	else
		(void)channel_settle(*c, mig_now_ns() + 5 * SECOND);
	job_end(m, a.job);
	json_object_put(record);
	ends_close(&a.e);
}
