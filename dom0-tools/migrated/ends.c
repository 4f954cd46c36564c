/* SPDX-License-Identifier: BSD-2-Clause */
/* The handover's calls, on a real guest. */
#include "dom0-tools/migrated/migrated.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "dom0-tools/cli/burst.h"
#include "dom0-tools/common/paths.h"

#define DRAIN_NS (10 * SECOND)

/* What a host has in memory is gone with its next start; this tells one start from another. */
static void this_boot(char boot[40])
{
	char *text;

	boot[0] = 0;
	if (path_read_file("/proc/sys/kernel/random/boot_id", 64, &text, NULL))
		return;
	text[strcspn(text, "\n")] = 0;
	snprintf(boot, 40, "%.39s", text);
	free(text);
}

static void tell(struct ends *e, const char *text)
{
	struct json_object *o = json_object_new_object();

	syslog(LOG_INFO, "%s (%s)", text, e->h.record.peer);
	fact_str(o, "state", handover_state_name(e->h.record.state));
	viewer_tell(e->viewer, "state", o);
}

static void tell_untold(struct ends *e)
{
	if (e->untold[0])
		tell(e, e->untold);
	e->untold[0] = 0;
}

int ends_open(struct ends *e, struct migrated *m, bool source)
{
	static const struct subcommand me = { .name = "migrated", .args = "" };
	int rc;

	e->m = m;
	e->source = source;
	e->cli = (struct cli){ .cmd = &me, .json = true, .why = &e->why };
	this_boot(e->boot);
	rc = cli_host(&e->cli);
	return rc ? rc : cli_store(&e->cli);
}

void ends_close(struct ends *e)
{
	tell_untold(e);
	host_close(&e->cli.host);
	burst_close(&e->cli.burst);
	if (e->cli.store)
		store_close(&e->cli.store);
	e->cli.store = NULL;
}

void ends_from_record(struct ends *e, const struct handover_record *r)
{
	e->source = r->state <= HANDOVER_GONE;
	e->domid = r->domid;
	snprintf(e->name, sizeof(e->name), "%s", r->guest);
	snprintf(e->uuid, sizeof(e->uuid), "%s", r->uuid);
	/* e->boot stays this one's: has_image() compares */
}

/* The very domain, and not another that got its number since. */
static bool find(struct ends *e, struct domain_info *info)
{
	struct why ignored = { 0 };
	uint8_t uuid[16];

	return e->domid && config_uuid_parse(e->uuid, uuid) == 0 &&
	       host_domain_info(e->cli.host, e->domid, info, &ignored) == 0 && !info->dying &&
	       memcmp(info->uuid, uuid, sizeof(uuid)) == 0;
}

static bool has_image(void *arg)
{
	struct ends *e = arg;
	struct domain_info info;

	return (!e->h.record.boot[0] || strcmp(e->h.record.boot, e->boot) == 0) && find(e, &info);
}

/* One that followed the question before it was waited for is still this engine's to stop. */
static bool runs(void *arg)
{
	struct ends *e = arg;
	struct domain_info info;
	bool stopping = e->asked && e->h.record.state == HANDOVER_OWNER && !e->h.record.aborted;

	return find(e, &info) && !info.paused &&
	       (!info.shutdown || (stopping && info.reason == SHUT_SUSPEND));
}

/* A state of the disk's copy is of this start of the host from then on only if the guest is here. */
static int save(void *arg, const struct handover_record *r)
{
	struct ends *e = arg;
	struct handover_record copy = *r;
	uint64_t mark = mig_now_ns();
	int rc;

	if (!copy.boot[0])
		snprintf(copy.boot, sizeof(copy.boot), "%s", e->boot);
	copy.domid = e->domid;
	snprintf(copy.uuid, sizeof(copy.uuid), "%s", e->uuid);
	e->h.record = copy;
	rc = handover_save(e->m->records, &copy);
	if (copy.state == HANDOVER_HANDED)
		mig_part_end(&e->parts, PART_HANDED, &mark);
	else if (copy.state == HANDOVER_PREPARED)
		mig_part_end(&e->parts, PART_READY, &mark);
	return rc;
}

static int failed(struct ends *e, const char *what, int rc)
{
	if (rc)
		syslog(LOG_ERR, "%s: %s: %s%s%s", e->name, what, e->why.text,
		       e->why.hint[0] ? "; " : "", e->why.hint);
	return rc;
}

int ends_ask_suspend(struct ends *e)
{
	int rc;

	/* for whoever takes over from us: the guest may follow when we are gone */
	e->h.record.asked = true;
	rc = save(e, &e->h.record);
	if (rc)
		return why_set(&e->why, TE_FILE, "%s: no record can be written: %s", e->m->records,
			       strerror(-rc));
	e->asked = true;
	e->asked_ns = mig_now_ns();
	return guest_suspend_ask(&e->cli, e->domid, &e->why);
}

/* That it has its own back need not be on the disk: that is seen. */
int ends_note_caps(struct ends *e, const struct throttle_caps *caps, struct why *why)
{
	int rc;

	e->h.record.caps = *caps;
	rc = caps->now ? save(e, &e->h.record) : 0;
	return rc ? why_set(why, TE_FILE, "%s: no record can be written: %s", e->m->records,
			    strerror(-rc)) :
		    0;
}

void ends_speed_up(struct ends *e)
{
	struct throttle_caps *caps = &e->h.record.caps;

	if (!caps->now || !has_image(e))
		return;
	if (throttle_give_back(caps, e->cli.host, e->domid, &e->why))
		syslog(LOG_ERR,
		       "%s: it stays slowed down, as it was for its migration: %s; torc sched -c %u %s gives it its time back",
		       e->name, e->why.text, caps->before, e->name);
	else
		*caps = (struct throttle_caps){ 0 };
}

int ends_stop(struct ends *e)
{
	int rc = e->asked ? 0 : ends_ask_suspend(e);

	rc = rc ? rc : guest_suspend_wait(&e->cli, e->domid, &e->why);
	if (!e->stopped_ns)
		e->stopped_ns = mig_now_ns();
	return failed(e, "it does not suspend", rc);
}

static int stop(void *arg)
{
	return ends_stop(arg);
}

static int drain(void *arg)
{
	struct ends *e = arg;
	uint64_t mark = mig_now_ns();
	int rc = e->drained ? 0 : drain_disks(&e->cli, e->domid, mark + DRAIN_NS);

	mig_part_end(&e->parts, PART_DRAIN, &mark);
	return failed(e, "its disks do not come to rest", rc);
}

/* Ahead of its turn: a guest that stands still asks for nothing more. A failure is drain()'s. */
void ends_drain(struct ends *e)
{
	struct why why = { 0 };
	struct cli c = e->cli;

	c.why = &why;
	e->drained = drain_disks(&c, e->domid, mig_now_ns() + DRAIN_NS / 10) == 0;
}

/* Who sets a guest going may wait for the processor that it has from then on. Since when it runs is
 * told by what its first vCPU, the one that suspended it, has had of one. */
static uint64_t runs_since_ns(struct ends *e, uint64_t unpaused_ns)
{
	struct why ignored = { 0 };
	struct vcpu_info_row v;
	int rc = host_vcpu_info(e->cli.host, e->domid, 0, &v, &ignored);
	uint64_t now = mig_now_ns();

	if (rc)
		return now;
	return v.cpu_time_ns < now - unpaused_ns ? now - v.cpu_time_ns : unpaused_ns;
}

/* On the target. */
static int begin(struct ends *e, const struct domain_info *info)
{
	uint64_t now = mig_now_ns();
	int rc = info->paused ? host_domain_unpause(e->cli.host, e->domid, &e->why) : 0;

	if (!e->parts.ns[PART_RUN] && e->go_ns && !rc)
		e->parts.ns[PART_RUN] = runs_since_ns(e, now) - e->go_ns;
	urgent(e, false);
	return failed(e, "it cannot begin", rc);
}

static int run(void *arg)
{
	struct ends *e = arg;
	struct domain_info info;
	struct why ignored = { 0 };

	if (!find(e, &info))
		return -ESRCH;
	if (!e->source)
		return begin(e, &info);
	/* one that stopped for another reason is the supervisor's */
	guest_suspend_cancel(&e->cli, e->domid);
	host_log_dirty(e->cli.host, e->domid, false, &ignored); /* of a daemon that was killed */
	urgent(e, false);
	if (!info.shutdown || info.reason != SHUT_SUSPEND)
		return 0;
	e->h.record.asked = false; /* it has followed */
	return failed(e, "it cannot go on", mig_resume(e->cli.host, e->domid, &e->why));
}

static int release(void *arg)
{
	struct ends *e = arg;
	uint64_t start = mig_now_ns();
	int rc;

	if (e->figures.released_ns) /* the source has said GO more than once meanwhile */
		return 0;
	rc = guest_release(&e->cli, e->name, e->domid);
	if (!rc)
		e->figures.released_ns = mig_now_ns() - start;
	starter_guest_came(e->name);
	return failed(e, "its devices", rc);
}

static int destroy(void *arg)
{
	struct ends *e = arg;
	struct domain_info info;
	char reason[128];
	int rc;

	urgent(e, false);
	if (!find(e, &info) || (e->h.record.boot[0] && strcmp(e->h.record.boot, e->boot) != 0))
		return 0;
	snprintf(reason, sizeof(reason), e->source ? "migrated to %s" : "did not arrive from %s",
		 e->h.record.peer);
	rc = guest_destroy(&e->cli, e->domid, reason);
	if (!rc && e->source)
		supervisor_forget(e->name);
	return failed(e, "it cannot be ended", rc);
}

/* --- figures: what is repeated counts the first time */

static size_t tell_figures(void *arg, enum handover_message message, char *text, size_t room)
{
	struct ends *e = arg;

	if (message != HANDOVER_ACK || !e->go_ns)
		return 0;
	if (!e->figures.answered_ns) {
		e->figures.parts = e->parts;
		e->figures.answered_ns = mig_now_ns() - e->go_ns;
	}
	return mig_target_figures_write(&e->figures, text, room);
}

static void heard_figures(void *arg, enum handover_message message, const char *text, size_t len)
{
	struct ends *e = arg;

	if (message == HANDOVER_GO && !e->source && !e->go_ns) {
		e->go_ns = mig_now_ns();
	} else if (message == HANDOVER_ACK && e->source && !e->ack_ns) {
		e->ack_ns = mig_now_ns();
		mig_target_figures_read(&e->figures, text, len);
	}
}

/* The word and the answer take the same time on their ways, as far as anybody can tell. */
uint64_t ends_ran_ns(const struct ends *e)
{
	const struct mig_target_figures *f = &e->figures;
	uint64_t away = e->ack_ns - e->go_ns;

	if (!e->go_ns || !e->ack_ns || !f->answered_ns || f->answered_ns > away ||
	    f->parts.ns[PART_RUN] > f->answered_ns)
		return e->ack_ns;
	return e->go_ns + (away - f->answered_ns) / 2 + f->parts.ns[PART_RUN];
}

static struct deal_notes notes(struct ends *e)
{
	return (struct deal_notes){ e, tell_figures, heard_figures };
}

static void say(void *arg, enum handover_message message)
{
	struct ends *e = arg;
	struct deal_notes n = notes(e);

	if (message == HANDOVER_GO && !e->go_ns)
		e->go_ns = mig_now_ns();
	if (e->c)
		deal_say(e->c, &e->h, message, &n);
	tell_untold(e);
}

/* While it stands still on both, the other host is told first, and then the log and who looks on:
 * those are processes that may want the same processor. */
static void note(void *arg, const char *text)
{
	struct ends *e = arg;
	enum handover_state s = e->h.record.state;

	tell_untold(e);
	if (s == HANDOVER_PREPARED || s == HANDOVER_HANDED)
		snprintf(e->untold, sizeof(e->untold), "%s", text);
	else
		tell(e, text);
}

void ends_calls(struct ends *e, struct handover_calls *calls)
{
	*calls = (struct handover_calls){ e,	   save, stop,	    drain, run, release,
					  destroy, runs, has_image, say,   note };
}

bool ends_forget(struct ends *e)
{
	const struct handover *h = &e->h;
	enum handover_state s = h->record.state;

	if (h->failed ||
	    !(s == HANDOVER_GONE || s == HANDOVER_NONE ||
	      (s == HANDOVER_OWNER && h->record.aborted) || (s == HANDOVER_RUNNING && h->done)))
		return false;
	return handover_remove(e->m->records, h->record.id) == 0;
}

int ends_deal(struct ends *e, uint64_t patience_ns, uint64_t deadline_ns)
{
	uint64_t give_up = mig_now_ns() + patience_ns, now;
	struct deal_notes n = notes(e);
	int rc;

	do {
		now = mig_now_ns();
		rc = deal(e->c, &e->h, &n, TICK_NS, give_up > now ? give_up - now : 0,
			  now + TICK_NS);
	} while (rc == -ETIMEDOUT && !job_hurried(e->m, e->job) && mig_now_ns() < deadline_ns);
	return rc;
}
