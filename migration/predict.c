/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Each round sends what the round before let the guest write. With s(t) the pages written in t, and
 * c the time a page takes on the wire, the next round takes t' = c * s(t). A guest that keeps
 * writing the same pages has s(t) level off at its working set; one that always writes others has
 * s(t) grow with t. What was seen of s is a few points, so it is taken as straight between them:
 * beyond the longest round it goes on as it rose last, below the shortest one from zero.
 */
#include "migration/predict.h"

#include <stdbool.h>

#define MAX_AHEAD  30u
#define FEW	   64u /* pages */
#define MOST_NS	   (1ull << 62)
#define PAGE_BYTES 4104.0 /* with the word that tells which */
#define AS_IT_WAS  2.0	  /* times, up or down */
#define SETTLED(now, before) \
	((now)*20 > (before)*19) /* it falls by less than a twentieth a round */

struct curve {
	const struct round_measure *r;
	unsigned int n;
	double page_ns;
};

/* Pages written in t ns, by the rounds next to it in length. */
static double dirtied_in(const struct curve *c, double t)
{
	double t0 = 0, s0 = 0, t1 = 0, s1 = 0;
	bool above = false;

	/* the latest round of about a length says most: later ones take the place of earlier */
	for (unsigned int i = 0; i < c->n; i++) {
		double ti = (double)c->r[i].took_ns, si = (double)c->r[i].dirtied;

		if (ti <= t && ti >= t0) {
			t0 = ti;
			s0 = si;
		}
		if (ti > t && (!above || ti <= t1)) {
			t1 = ti;
			s1 = si;
			above = true;
		}
	}
	if (above)
		return t1 > t0 ? s0 + (s1 - s0) * (t - t0) / (t1 - t0) : s1;
	return t0 > 0 ? s0 * t / t0 : 0;
}

/* With `pages` due, those of the last round. What goes while the guest comes to rest is about as
 * much as it was: with twice as many due as then nearly all is through, and what is beyond that
 * waits. */
static double left_of(const struct predict_limits *l, double pages)
{
	double all = pages + (double)l->extra_pages, left = (double)l->left_pages,
	       beyond = pages - 2 * (double)l->left_of;

	if (!l->left_pages)
		return all;
	left += beyond > 0 ? beyond : 0;
	return left < all || pages <= (double)l->left_of ? left : all;
}

/* Nobody has the processor beside the last round, so that a page takes then what it took the last
 * times, however much the guest left of it to the rounds before. These count where they are much
 * faster or slower than they were, as on another wire. */
static double last_page_ns(const struct curve *c, const struct predict_limits *l)
{
	double ns = (double)l->last_page_ns, speed;

	if (!l->last_page_ns || !l->of_page_ns)
		return c->page_ns;
	speed = c->page_ns / (double)l->of_page_ns;
	if (!l->known) /* others' may have had deltas, or nothing that packs */
		ns *= speed;
	else if (speed > AS_IT_WAS)
		ns *= speed / AS_IT_WAS;
	else if (speed < 1 / AS_IT_WAS)
		ns *= speed * AS_IT_WAS;
	return ns > (double)l->least_page_ns ? ns : (double)l->least_page_ns;
}

static uint64_t pause_of(const struct curve *c, const struct predict_limits *l, double pages)
{
	double ns = left_of(l, pages) * last_page_ns(c, l);

	/* what earlier times left is of a file: beyond 64 bits it would become anything, and 0 */
	return l->fixed_ns + (ns < (double)MOST_NS ? (uint64_t)ns : MOST_NS);
}

/* Follow the rounds that would come. */
static struct prediction follow(const struct curve *c, const struct predict_limits *l, double speed)
{
	struct prediction p = { .verdict = VERDICT_NEVER, .throttle_percent = 100 };
	double pages = (double)c->r[c->n - 1].dirtied, first = pages, spent = 0;
	uint64_t best = pause_of(c, l, pages);

	p.pause_ns = p.now_ns = best;
	for (unsigned int i = 0; i <= MAX_AHEAD; i++) {
		uint64_t pause = pause_of(c, l, pages);
		double took = pages * c->page_ns, next;

		if (pause < best)
			best = pause;
		if (pause <= l->downtime_ns) {
			p.verdict = VERDICT_CONVERGES;
			p.pause_ns = pause;
			p.rounds_left = i;
			return p;
		}
		spent += took;
		if (l->left_ns && spent > (double)l->left_ns)
			break;
		next = dirtied_in(c, took * speed); /* a guest at half speed writes in t what it did
						       in t / 2 */
		if (SETTLED(next, pages)) {
			p.rounds_left = i;
			break;
		}
		pages = next;
	}
	p.pause_ns = best;
	p.verdict = best < pause_of(c, l, first) ? VERDICT_NEEDS_MORE : VERDICT_NEVER;
	return p;
}

/* A round of few pages is mostly waiting. One with many of zeros, as the first, says of its bytes
 * what a page costs that has some; one that went as what differs from before is one of these, at
 * what it costs then. */
double predict_page_ns(const struct round_measure *rounds, unsigned int count)
{
	double ns = 0, full;

	for (unsigned int i = 0; i < count; i++) {
		if (!rounds[i].pages || (rounds[i].pages < FEW && ns > 0))
			continue;
		full = (double)(rounds[i].bytes + rounds[i].saved) / PAGE_BYTES;
		if (full < 1 || full > (double)rounds[i].pages)
			full = (double)rounds[i].pages;
		ns = (double)rounds[i].took_ns / full;
	}
	return ns;
}

struct prediction predict(const struct round_measure *rounds, unsigned int count,
			  const struct predict_limits *l)
{
	struct curve c = { .r = rounds, .n = count };
	const struct round_measure *last = &rounds[count - 1];
	struct prediction p, slow;

	c.page_ns = predict_page_ns(rounds, count);
	if (!last->dirtied) {
		uint64_t pause = pause_of(&c, l, 0);

		return (struct prediction){ pause <= l->downtime_ns ? VERDICT_CONVERGES :
								      VERDICT_NEVER,
					    0, pause, pause, 100 };
	}
	p = follow(&c, l, 1.0);
	if (p.verdict == VERDICT_CONVERGES || l->fixed_ns >= l->downtime_ns)
		return p;
	for (unsigned int percent = 90; percent >= 10; percent -= 10) {
		slow = follow(&c, l, percent / 100.0);
		if (slow.verdict == VERDICT_CONVERGES) {
			p.verdict = VERDICT_NEEDS_MORE;
			p.throttle_percent = percent;
			break;
		}
	}
	return p;
}
