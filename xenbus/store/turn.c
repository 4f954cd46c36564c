/* SPDX-License-Identifier: BSD-2-Clause */
/* Turns: a queue per path on which transactions met. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <utlist.h>

#include "xenbus/store/turn.h"

#define TURN_SECONDS 0.05 /* a turn lasts no longer while others wait */
#define HARD_LOSSES  3	  /* after so many in a row, others' changes wait too */

struct turn {
	UT_hash_handle hh;
	struct conn *holder;
	struct conn *waiting;
	double until;
	size_t len;
	char path[];
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static void wait_for(struct conn *c, struct turn *t, bool wants)
{
	c->waits = t;
	c->wants_turn = wants;
	c->parked = true;
	DL_APPEND2(t->waiting, c, w_prev, w_next);
}

static void stop_waiting(struct conn *c)
{
	DL_DELETE2(c->waits->waiting, c, w_prev, w_next);
	c->waits = NULL;
	c->parked = false;
	conn_mark(c);
}

/*
 * The holder is done, or his time is up: wake up to the next who wants the turn, and give it to
 * him.
 */
static void next_holder(struct server *sv, struct turn *t)
{
	struct conn *c;

	if (t->holder)
		t->holder->turn = NULL;
	t->holder = NULL;
	while (!t->holder && (c = t->waiting)) {
		stop_waiting(c);
		if (!c->wants_turn)
			continue;
		t->holder = c;
		c->turn = t;
		t->until = now() + TURN_SECONDS;
	}
	if (t->holder)
		return;
	HASH_DEL(sv->turns, t);
	free(t);
}

/* The control domain does not wait for a guest. */
static bool outranks(const struct conn *c, const struct conn *holder)
{
	return c->privileged && !holder->privileged;
}

bool turn_take(struct conn *c)
{
	struct server *sv = c->sv;
	struct turn *t;
	size_t len;

	if (!c->losses || !c->lost_on || c->turn)
		return true;
	len = strlen(c->lost_on);
	HASH_FIND(hh, sv->turns, c->lost_on, len, t);
	if (t && outranks(c, t->holder))
		return true;
	if (t) {
		wait_for(c, t, true);
		return false;
	}
	t = mem_alloc(sizeof(*t) + len + 1);
	memcpy(t->path, c->lost_on, len);
	t->len = len;
	t->holder = c;
	t->until = now() + TURN_SECONDS;
	c->turn = t;
	HASH_ADD_KEYPTR(hh, sv->turns, t->path, t->len, t);
	return true;
}

bool turn_blocks(struct conn *c, const char *path, size_t len)
{
	struct turn *t;

	if (!c->sv->turns)
		return false;
	HASH_FIND(hh, c->sv->turns, path, len, t);
	if (!t || t->holder == c || t->holder->losses < HARD_LOSSES || outranks(c, t->holder) ||
	    now() > t->until)
		return false;
	wait_for(c, t, false);
	return true;
}

void turn_lost(struct conn *c, const char *path)
{
	c->losses++;
	free(c->lost_on);
	c->lost_on = path ? mem_dup(path, strlen(path)) : NULL;
}

void turn_won(struct conn *c)
{
	c->losses = 0;
	free(c->lost_on);
	c->lost_on = NULL;
}

void turn_pass(struct conn *c)
{
	if (c->turn)
		next_holder(c->sv, c->turn);
}

void turn_leave(struct conn *c)
{
	if (c->waits)
		stop_waiting(c);
	turn_pass(c);
	turn_won(c);
}

double turn_check(struct server *sv)
{
	double t0 = now(), soonest = 0;
	struct turn *t, *tmp;

	HASH_ITER (hh, sv->turns, t, tmp) {
		if (!t->waiting)
			continue;
		if (t->until <= t0) {
			next_holder(sv, t);
			soonest = TURN_SECONDS; /* whether it is still there or not: look again */
		} else if (!soonest || t->until - t0 < soonest) {
			soonest = t->until - t0;
		}
	}
	return soonest;
}
