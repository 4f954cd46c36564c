/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rounds. The first sends all of the guest's memory while it runs, each further one what was
 * written during the one before, and the last, when the guest stands still, the rest. After each it
 * is decided whether the next is the last.
 */
#include "migration/sender.h"
#include "migration/throttle.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DOWNTIME_NS	 50000000ull
#define MAX_ROUNDS	 30u
#define THROTTLED_ROUNDS 12u /* more of them, at most, with a guest that is slowed down */
#define CHASE_NS	 10000000000ull
#define LOOK_NS		 500000
#define CHASE_LOTS	 4u  /* go at once; it is looked at between them, too */
#define CHASE_PAGES	 16u /* fewer are always written, by the question itself */
/* for the rest of a guest that stands still: so many times what its pages took while it ran, and
 * this */
#define REST_TIMES 4u
#define REST_NS	   60000000000ull
#define HOPELESS   3u /* so many rounds without any prospect, where no time is set, are enough */
/* words that cross during a pause: that all is there, that all was sent and is written down, that
 * it is the other side's: five ways */
#define WAYS 5u
/* what a page table costs the other side at the end, in times of what it cost here, as long as
 * nobody knows */
#define TABLE_THERE 4u

struct rounds {
	struct sender *s;
	uint8_t *map; /* what was written, as the hypervisor says it */
	struct round_measure *measured;
	unsigned int count, max, hopeless;
	unsigned int from; /* the first that was measured since the guest has the speed that it has */
	struct throttle throttle;
	/* what it takes to ask for the map, and to read the state: the least of the rounds, as the
	 * guest, which has the processor now and then, has not in the pause */
	uint64_t ask_ns, state_ns;
	uint64_t round_trip_ns; /* of a word between the two sides */
	uint64_t ran_ns;	/* processor time that the guest had when it was last looked at */
};

enum next { NEXT_ROUND, NEXT_LAST, NEXT_GIVE_UP, NEXT_SLOWER };

/* Pages that came or went: the guest has written its list there, so the list's own pages are due. */
static void note_changes(struct sender *s)
{
	uint64_t per = HOST_PAGE_SIZE / (s->list.is_32bit ? 4 : 8);

	for (size_t i = 0; i < s->list.frames; i++) {
		uint64_t end = (i + 1) * per < s->list.pages ? (i + 1) * per : s->list.pages;

		if (!page_is(s->due, s->list.frame_pfns[i]))
			continue;
		for (uint64_t pfn = i * per; pfn < end; pfn++)
			if ((guest_list_mfn(&s->list, pfn) == UINT64_MAX) !=
			    (s->sent[pfn] == SENT_NOT))
				page_set(s->due, pfn);
	}
}

/* The list may have moved to other frames: the other side has to know where it is, and it is read
 * anew here. */
static int follow_list(struct sender *s, bool last, struct why *why)
{
	bool moved;
	int rc = guest_list_follow(&s->list, &moved, last, why);

	if (rc || !moved)
		return rc;
	for (size_t i = 0; i < s->list.frames; i++)
		page_set(s->due, s->list.frame_pfns[i]);
	return send_list(s, why);
}

static uint64_t least(uint64_t before, uint64_t now)
{
	return before && before < now ? before : now;
}

/* What was written since the last time is due, with what could not be sent then. */
static int ask(struct rounds *r, bool last, struct why *why)
{
	struct sender *s = r->s;
	uint64_t start = mig_now_ns(), word, count;
	int rc = host_dirty_read(s->h, s->domid, true, r->map, s->list.pages, &count, why);

	if (rc)
		return rc;
	for (size_t i = 0; i < pages_words(s); i++) {
		memcpy(&word, r->map + i * sizeof(word), sizeof(word));
		s->due[i] |= word | s->again[i];
		s->again[i] = 0;
	}
	if (s->list.pages % 64)
		s->due[s->list.pages / 64] &= (1ull << s->list.pages % 64) - 1;
	rc = follow_list(s, last, why);
	if (!rc)
		note_changes(s);
	r->ask_ns = least(r->ask_ns, mig_now_ns() - start);
	return rc;
}

static enum next limit_reached(const struct rounds *r)
{
	switch (r->s->o->on_deadline) {
	case MIG_FORCE: return NEXT_LAST;
	case MIG_THROTTLE:
		if (r->count >= r->max + THROTTLED_ROUNDS ||
		    (r->throttle.percent == THROTTLE_LEAST && r->count > r->from))
			return NEXT_GIVE_UP;
		return NEXT_SLOWER;
	default: return NEXT_GIVE_UP;
	}
}

/* The part of the pause that its pages do not explain. On the other side all tables are checked
 * when all is there. */
static uint64_t fixed(const struct rounds *r)
{
	const struct sender *s = r->s;
	uint64_t table_ns = s->o->table_ns;

	if (!s->io->ops->settle) /* a file */
		return r->ask_ns + r->state_ns;
	if (!table_ns && s->tables)
		table_ns = TABLE_THERE * (s->tables_ns / s->tables);
	return r->ask_ns + r->state_ns + s->out->tables * table_ns +
	       (s->o->other_ns ? s->o->other_ns : r->round_trip_ns * WAYS / 2);
}

/* More rounds reach neither what is asked for nor anything much better than now. */
static bool is_hopeless(const struct prediction *p)
{
	return p->verdict != VERDICT_CONVERGES && p->pause_ns >= p->now_ns / 10 * 9;
}

/* What a page with contents takes at least, if there is a cap: as many bytes as in the last round. */
static uint64_t capped_page_ns(const struct rounds *r)
{
	const struct round_measure *m = &r->measured[r->count - 1];

	if (!r->s->o->max_bytes_per_s || !m->pages)
		return 0;
	return (uint64_t)((double)m->bytes * 1e9 / (double)m->pages /
			  (double)r->s->o->max_bytes_per_s);
}

static enum next decide(struct rounds *r)
{
	const struct mig_send_opts *o = r->s->o;
	struct mig_progress *p = &r->s->progress;
	uint64_t downtime = o->downtime_ns ? o->downtime_ns : DOWNTIME_NS,
		 elapsed = mig_now_ns() - r->s->started_ns;
	struct predict_limits l = { .downtime_ns = downtime,
				    .fixed_ns = fixed(r),
				    .extra_pages = r->s->o->extra_pages,
				    .last_page_ns = o->last_page_ns,
				    .of_page_ns = o->of_page_ns,
				    .known = o->known,
				    .least_page_ns = capped_page_ns(r),
				    .left_pages = r->s->o->left_pages,
				    .left_of = r->s->o->left_of,
				    .left_ns = !o->deadline_ns		? 0 :
					       o->deadline_ns > elapsed ? o->deadline_ns - elapsed :
									  1 };
	const struct round_measure *m = &r->measured[r->count - 1];

	p->prediction = predict(r->measured + r->from, r->count - r->from, &l);
	p->dirty_pages_per_s =
		m->took_ns ? (uint64_t)((double)m->dirtied * 1e9 / (double)m->took_ns) : 0;
	p->bytes_per_s = m->took_ns ? (uint64_t)((double)m->bytes * 1e9 / (double)m->took_ns) : 0;
	r->s->out->predicted_pause_ns = p->prediction.now_ns;
	r->s->out->predicted_fixed_ns = l.fixed_ns;
	r->s->out->decided_pages = m->dirtied;
	r->s->out->page_ns = predict_page_ns(r->measured + r->from, r->count - r->from);
	if (p->prediction.now_ns <= downtime)
		return NEXT_LAST;
	r->hopeless = is_hopeless(&p->prediction) ? r->hopeless + 1 : 0;
	if (r->throttle.percent)
		return p->prediction.verdict == VERDICT_CONVERGES &&
				       r->count < r->max + THROTTLED_ROUNDS ?
			       NEXT_ROUND :
			       limit_reached(r);
	if (o->deadline_ns ? elapsed >= o->deadline_ns : r->hopeless >= HOPELESS)
		return limit_reached(r);
	/* it would be forced at the deadline, and what exceeds the pause asked for is no page's */
	if (o->on_deadline == MIG_FORCE && r->hopeless >= HOPELESS && l.fixed_ns >= downtime)
		return NEXT_LAST;
	return r->count < r->max ? NEXT_ROUND : limit_reached(r);
}

/* To the speed that the prediction says would do; if it did not, or there is none, to half of what
 * it has now. */
static int slow_down(struct rounds *r, struct why *why)
{
	unsigned int now = r->throttle.percent ? r->throttle.percent : 100,
		     would_do = r->s->progress.prediction.throttle_percent;

	r->from = r->count;
	return throttle_to(&r->throttle, r->s->h, r->s->domid,
			   would_do < 100 ? now * would_do / 100 : now / 2, why);
}

static int give_up(const struct rounds *r, struct why *why)
{
	const struct mig_progress *p = &r->s->progress;
	uint64_t asked = r->s->o->downtime_ns ? r->s->o->downtime_ns : DOWNTIME_NS;

	return why_hint(
		why,
		why_set(why, TE_TIMEOUT,
			"domain %u writes too fast: after %u rounds it would stand still for %llu ms, and %llu ms were asked for "
			"(it writes %llu MiB/s, %llu MiB/s are sent)",
			r->s->domid, r->count, (unsigned long long)p->prediction.now_ns / 1000000,
			(unsigned long long)asked / 1000000,
			(unsigned long long)p->dirty_pages_per_s >> 8,
			(unsigned long long)p->bytes_per_s >> 20),
		"allow a longer pause, more time, or have it forced at the deadline; the guest runs on here");
}

/* One round through which the guest runs. */
static int one_round(struct rounds *r, enum next *next, struct why *why)
{
	struct sender *s = r->s;
	struct round_measure *m = &r->measured[r->count];
	uint64_t start = mig_now_ns(), bytes = s->io->bytes_out, pages = s->out->pages,
		 saved = s->out->delta_saved;
	int rc;

	s->progress.round = ++r->count;
	s->progress.pages_sent = 0;
	s->progress.pages_all = pages_count(s->due, s->list.pages);
	rc = pages_send(s, false, why);
	/* what waits on the way would be waited for in the pause */
	if (!rc)
		rc = sender_io_failed(why, mig_settle(s->io, &r->round_trip_ns));
	*m = (struct round_measure){ .pages = s->out->pages - pages,
				     .bytes = s->io->bytes_out - bytes,
				     .took_ns = mig_now_ns() - start,
				     .saved = s->out->delta_saved - saved };
	/* the word that measured the way waited for nothing */
	if (r->round_trip_ns < m->took_ns)
		m->took_ns -= r->round_trip_ns;
	if (!rc)
		rc = ask(r, false, why);
	if (rc)
		return rc;
	r->state_ns = least(r->state_ns, rehearse_state(s));
	if (r->count == 1)
		s->out->tables = s->tables;
	m->dirtied = pages_count(s->due, s->list.pages);
	*next = decide(r);
	if (*next == NEXT_GIVE_UP)
		return give_up(r, why);
	rc = *next == NEXT_SLOWER ? slow_down(r, why) : 0;
	return rc ? rc : sender_progress(s, why);
}

/* All that the guest has. */
static void all_due(struct sender *s)
{
	for (uint64_t pfn = 0; pfn < s->list.pages; pfn++)
		if (guest_list_mfn(&s->list, pfn) != UINT64_MAX)
			page_set(s->due, pfn);
}

static int run_live(struct rounds *r, struct why *why)
{
	struct sender *s = r->s;
	enum next next = NEXT_ROUND;
	/* somebody who died may have left it on */
	int rc = host_log_dirty(s->h, s->domid, false, why);

	if (!rc)
		rc = host_log_dirty(s->h, s->domid, true, why);
	if (!rc)
		all_due(s);
	while (!rc && next != NEXT_LAST)
		rc = one_round(r, &next, why);
	return rc;
}

/*
 * The pause counts from the last look at a guest that ran, and from what its processors did after
 * that: who looks may have waited for a processor that the guest had. It stood still no earlier, as
 * so many vCPUs at most ran at a time.
 */
static int still_runs(struct rounds *r, bool *it_does, struct why *why)
{
	struct sender *s = r->s;
	uint64_t *seen = &s->out->seen_running_ns, before = mig_now_ns(), now;
	struct domain_info info;
	uint32_t abreast;
	int rc = host_domain_info(s->h, s->domid, &info, why);

	*it_does = !rc && !info.shutdown && !info.dying;
	if (rc)
		return rc;
	now = mig_now_ns();
	abreast = info.vcpus_max < s->cpus ? info.vcpus_max : s->cpus;
	if (*it_does)
		*seen = before;
	else if (*seen && abreast && info.cpu_time_ns > r->ran_ns)
		*seen += (info.cpu_time_ns - r->ran_ns) / abreast;
	if (*seen > now)
		*seen = now;
	r->ran_ns = info.cpu_time_ns;
	return 0;
}

/* Until the other side has what went, or it stands still: it is looked at all the time, since what
 * is waited for here takes as long as much of the pause. */
static int until_taken(struct rounds *r, uint64_t until, bool *runs, struct why *why)
{
	const struct timespec nap = { .tv_nsec = LOOK_NS };
	int rc = still_runs(r, runs, why), taken = 0;

	while (!rc && *runs && mig_now_ns() < until) {
		taken = mig_taken(r->s->io);
		if (taken)
			break;
		nanosleep(&nap, NULL);
		rc = still_runs(r, runs, why);
	}
	return taken < 0 ? sender_io_failed(why, taken) : rc;
}

static int send_lots(struct rounds *r, uint64_t *pfn, bool *runs, struct why *why)
{
	struct sender *s = r->s;
	int rc = 0;

	for (unsigned int i = 0; !rc && *runs && i < CHASE_LOTS && *pfn < s->list.pages; i++) {
		rc = pages_send_few(s, pfn, why);
		rc = rc ? rc : still_runs(r, runs, why);
	}
	return rc ? rc : sender_io_failed(why, mig_flush(s->io));
}

/* What it writes on its way goes at once, few pages at a time, and no more than the other side has
 * taken: until it stands still, or takes too long for that. */
static int chase(struct rounds *r, struct why *why)
{
	struct sender *s = r->s;
	uint64_t until = mig_now_ns() + CHASE_NS, before = s->out->pages, pfn = s->list.pages, n;
	bool runs;
	int rc = still_runs(r, &runs, why);

	while (!rc && runs && mig_now_ns() < until) {
		if (pfn >= s->list.pages) {
			rc = ask(r, false, why);
			n = rc ? 0 : pages_count(s->due, s->list.pages);
			if (n > CHASE_PAGES)
				pfn = 0;
			else
				nanosleep(&(struct timespec){ .tv_nsec = LOOK_NS }, NULL);
		} else {
			rc = send_lots(r, &pfn, &runs, why);
			rc = rc ? rc : until_taken(r, until, &runs, why);
		}
		if (!rc && runs)
			rc = still_runs(r, &runs, why);
	}
	s->out->chased_pages = s->out->pages - before;
	return rc;
}

/* A guest that was asked will suspend itself, whatever happens here meanwhile: only when it has can
 * it be told to go on. */
static int suspend(struct rounds *r, struct why *why)
{
	struct sender *s = r->s;
	int chased = 0, rc;

	if (s->calls->suspend_ask) {
		rc = s->calls->suspend_ask(s->calls->arg, why);
		if (rc)
			return rc;
		chased = chase(r, why);
	}
	rc = s->calls->suspend(s->calls->arg, chased ? &(struct why){ 0 } : why);
	if (!rc)
		s->suspended_ns = mig_now_ns();
	return chased ? chased : rc;
}

/* What goes on a little, again and again, is no stream that has stopped; but the guest does not
 * stand still for as long as the other side likes. */
static void bound_rest(struct sender *s)
{
	double pages = (double)pages_count(s->due, s->list.pages) * s->out->page_ns;

	s->rest_until_ns = s->suspended_ns + REST_NS + (uint64_t)(REST_TIMES * pages);
}

int rounds_send(struct sender *s, struct why *why)
{
	struct rounds r = { .s = s,
			    .max = s->o->max_rounds ? s->o->max_rounds : MAX_ROUNDS,
			    .throttle = { .note = s->calls->throttled, .arg = s->calls->arg } };
	int rc = 0;

	if (!s->o->live) {
		all_due(s);
	} else {
		r.map = calloc(pages_words(s), 8);
		r.measured = calloc(r.max + THROTTLED_ROUNDS, sizeof(*r.measured));
		rc = r.map && r.measured ?
			     run_live(&r, why) :
			     why_set(why, TE_NO_MEMORY, "no memory for a map of what is written");
		if (!rc)
			rc = suspend(&r, why);
		if (throttle_end(&r.throttle, s->h, s->domid, rc ? &(struct why){ 0 } : why) && !rc)
			rc = -EIO;
		s->out->mark_ns = mig_now_ns();
		if (!rc)
			rc = ask(&r, true, why);
		bound_rest(s);
		mig_part_end(&s->out->parts, PART_MAP, &s->out->mark_ns);
	}
	s->progress.round = s->out->rounds = r.count + 1;
	s->progress.last = true;
	s->progress.pages_sent = 0;
	s->progress.pages_all = pages_count(s->due, s->list.pages);
	if (!rc)
		rc = pages_send(s, true, why);
	mig_part_end(&s->out->parts, PART_PAGES, &s->out->mark_ns);
	free(r.measured);
	free(r.map);
	return rc;
}
