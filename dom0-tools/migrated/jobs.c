/* SPDX-License-Identifier: BSD-2-Clause */
/* Who works on which migration. */
#include "dom0-tools/migrated/migrated.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>

static struct job *find(struct migrated *m, const uint8_t *id)
{
	struct job *j;

	for (j = m->jobs; j && memcmp(j->id, id, sizeof(j->id)) != 0; j = j->next)
		;
	return j;
}

/* The condition's clock is CLOCK_MONOTONIC, see main.c. */
static int wait_changed(struct migrated *m, uint64_t deadline_ns)
{
	struct timespec t = { (time_t)(deadline_ns / SECOND), (long)(deadline_ns % SECOND) };

	return pthread_cond_timedwait(&m->changed, &m->lock, &t);
}

struct job *job_begin(struct migrated *m, const uint8_t *id, uint64_t patience_ns)
{
	uint64_t until = mig_now_ns() + patience_ns;
	struct job *j = calloc(1, sizeof(*j)), *other;

	if (!j)
		return NULL;
	memcpy(j->id, id, sizeof(j->id));
	pthread_mutex_lock(&m->lock);
	while ((other = find(m, id))) {
		other->hurry = true;
		pthread_cond_broadcast(&m->changed);
		if (wait_changed(m, until) == ETIMEDOUT && mig_now_ns() >= until)
			break;
	}
	if (find(m, id)) {
		free(j);
		j = NULL;
	} else {
		j->next = m->jobs;
		m->jobs = j;
	}
	pthread_mutex_unlock(&m->lock);
	return j;
}

void job_end(struct migrated *m, struct job *j)
{
	struct job **at;

	if (!j)
		return;
	pthread_mutex_lock(&m->lock);
	for (at = &m->jobs; *at != j; at = &(*at)->next)
		;
	*at = j->next;
	pthread_cond_broadcast(&m->changed);
	pthread_mutex_unlock(&m->lock);
	hostlink_close(&j->link);
	free(j);
}

bool job_hurried(struct migrated *m, struct job *j)
{
	bool hurry;

	pthread_mutex_lock(&m->lock);
	hurry = j->hurry;
	pthread_mutex_unlock(&m->lock);
	return hurry;
}

void job_take_lanes(struct migrated *m, struct job *j, struct lanes_in *lanes)
{
	pthread_mutex_lock(&m->lock);
	j->lanes = lanes;
	pthread_mutex_unlock(&m->lock);
}

/* m->lock: the job, and so its lanes, does not end meanwhile. */
static void deliver_lane(struct job *j, struct hostlink *l, const struct hello *h)
{
	struct why why = { 0 };

	if (!j->lanes) {
		why_set(&why, TE_CHANNEL, "no lanes are asked for");
		hostlink_close(&l);
	} else {
		(void)lanes_in_join(j->lanes, l, h, &why);
	}
	if (why.error)
		syslog(LOG_WARNING, "a lane is refused: %s", why.text);
}

bool job_deliver(struct migrated *m, struct hostlink *l, const struct hello *h)
{
	struct hostlink *old = NULL;
	struct job *j;

	pthread_mutex_lock(&m->lock);
	j = find(m, h->id);
	if (j && h->lane) {
		deliver_lane(j, l, h);
	} else if (j) {
		old = j->link;
		j->link = l;
		j->hello = *h;
		pthread_cond_broadcast(&m->changed);
	}
	pthread_mutex_unlock(&m->lock);
	hostlink_close(&old);
	return j != NULL;
}

int job_reconnect(struct migrated *m, struct job *j, struct channel *c, uint64_t deadline_ns,
		  struct why *why)
{
	struct hostlink *l = NULL;
	struct hello h;
	int rc;

	for (;;) {
		pthread_mutex_lock(&m->lock);
		while (!j->link && !j->hurry && mig_now_ns() < deadline_ns)
			wait_changed(m, deadline_ns);
		if (!j->hurry) {
			l = j->link;
			h = j->hello;
			j->link = NULL;
		}
		pthread_mutex_unlock(&m->lock);
		if (!l)
			return why_set(why, TE_TIMEOUT, "the other host has not come back");
		rc = channel_answer(c, l, &h, mig_now_ns() + 10 * SECOND, why);
		if (!rc)
			return 0;
		l = NULL; /* a stranger, or lost again */
	}
}

int job_thread(struct migrated *m, void *(*fn)(void *arg), void *arg)
{
	pthread_attr_t attr;
	pthread_t t;
	int rc = EAGAIN;

	pthread_mutex_lock(&m->lock);
	if (m->threads < MOST_THREADS) {
		m->threads++;
		rc = 0;
	}
	pthread_mutex_unlock(&m->lock);
	if (rc)
		return -rc;
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	rc = pthread_create(&t, &attr, fn, arg);
	pthread_attr_destroy(&attr);
	if (rc)
		job_thread_done(m);
	return -rc;
}

void job_thread_done(struct migrated *m)
{
	pthread_mutex_lock(&m->lock);
	m->threads--;
	pthread_mutex_unlock(&m->lock);
}

bool job_stranger(struct migrated *m)
{
	bool room;

	pthread_mutex_lock(&m->lock);
	room = m->strangers < MOST_STRANGERS;
	m->strangers += room;
	pthread_mutex_unlock(&m->lock);
	return room;
}

void job_stranger_done(struct migrated *m)
{
	pthread_mutex_lock(&m->lock);
	m->strangers--;
	pthread_mutex_unlock(&m->lock);
}
