/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the end of a migration costs this host, as it was the last times: nobody can measure that
 * before it happens. Only predictions depend on it, so that a file that is lost or damaged is none.
 */
#include "dom0-tools/migrated/migrated.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "dom0-tools/common/paths.h"

#define MOST	    COSTS_MOST_NS /* and of pages, too */
#define MOST_GUESTS 64u
#define MOST_FILE   16384u
#define ROOM	    (PATH_MAX + 8)

struct guest_cost {
	char uuid[40];
	uint64_t extra_pages, left_pages, left_of, last_page_ns, of_page_ns, leave_ns,
		latest_leave_ns;
};

struct table {
	struct costs host;
	struct guest_cost guests[MOST_GUESTS]; /* the latest first */
	unsigned int count;
};

static void file_of(const struct migrated *m, char file[ROOM])
{
	snprintf(file, ROOM, "%s/costs", m->records);
}

static void take_line(struct table *t, const char *line)
{
	struct guest_cost g = { .leave_ns = 0 };
	struct costs k = { 0 };

	if (sscanf(line,
		   "host table %" SCNu64 " arrive %" SCNu64 " leave %" SCNu64 " page %" SCNu64
		   " of %" SCNu64 " extra %" SCNu64 " left %" SCNu64 " of %" SCNu64,
		   &k.table_ns, &k.arrive_ns, &k.leave_ns, &k.last_page_ns, &k.of_page_ns,
		   &k.extra_pages, &k.left_pages, &k.left_of) == 8) {
		if (k.table_ns < MOST && k.arrive_ns < MOST && k.leave_ns < MOST &&
		    k.last_page_ns < MOST && k.of_page_ns < MOST && k.extra_pages < MOST &&
		    k.left_pages < MOST && k.left_of < MOST)
			t->host = k;
	} else if (t->count < MOST_GUESTS &&
		   sscanf(line,
			  "guest %39s page %" SCNu64 " of %" SCNu64 " extra %" SCNu64
			  " left %" SCNu64 " of %" SCNu64 " leave %" SCNu64 " %" SCNu64,
			  g.uuid, &g.last_page_ns, &g.of_page_ns, &g.extra_pages, &g.left_pages,
			  &g.left_of, &g.leave_ns, &g.latest_leave_ns) == 8 &&
		   g.last_page_ns < MOST && g.of_page_ns < MOST && g.extra_pages < MOST &&
		   g.left_pages < MOST && g.left_of < MOST && g.leave_ns < MOST) {
		t->guests[t->count++] = g;
	}
}

static void read_all(const struct migrated *m, struct table *t)
{
	char file[ROOM], *text, *line, *rest;

	memset(t, 0, sizeof(*t));
	file_of(m, file);
	if (path_read_file(file, MOST_FILE, &text, NULL))
		return;
	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		take_line(t, line);
	free(text);
}

static void write_all(const struct migrated *m, const struct table *t)
{
	char file[ROOM], text[MOST_FILE];
	const struct costs *k = &t->host;
	int n = snprintf(text, sizeof(text),
			 "host table %" PRIu64 " arrive %" PRIu64 " leave %" PRIu64 " page %" PRIu64
			 " of %" PRIu64 " extra %" PRIu64 " left %" PRIu64 " of %" PRIu64 "\n",
			 k->table_ns, k->arrive_ns, k->leave_ns, k->last_page_ns, k->of_page_ns,
			 k->extra_pages, k->left_pages, k->left_of);

	for (unsigned int i = 0; i < t->count; i++) {
		const struct guest_cost *g = &t->guests[i];

		n += snprintf(text + n, sizeof(text) - (size_t)n,
			      "guest %s page %" PRIu64 " of %" PRIu64 " extra %" PRIu64
			      " left %" PRIu64 " of %" PRIu64 " leave %" PRIu64 " %" PRIu64 "\n",
			      g->uuid, g->last_page_ns, g->of_page_ns, g->extra_pages,
			      g->left_pages, g->left_of, g->leave_ns, g->latest_leave_ns);
	}
	file_of(m, file);
	(void)path_write_file(file, text, (size_t)n);
}

void costs_load(const struct migrated *m, const char *uuid, struct costs *k)
{
	struct table t;

	read_all(m, &t);
	*k = t.host;
	for (unsigned int i = 0; uuid && i < t.count; i++) {
		const struct guest_cost *g = &t.guests[i];

		if (strcmp(g->uuid, uuid) != 0)
			continue;
		k->extra_pages = g->extra_pages;
		k->left_pages = g->left_pages;
		k->left_of = g->left_of;
		if (g->last_page_ns && g->of_page_ns) {
			k->last_page_ns = g->last_page_ns;
			k->of_page_ns = g->of_page_ns;
		}
		if (g->leave_ns)
			k->leave_ns = g->leave_ns;
		k->of_guest = true;
	}
}

/*
 * A mean of which the latest is a third. One that was much more than ever was held up by something
 * else, most likely: it counts for no more than twice of what was; and one that was much less shows
 * that those before were. None becomes more than is believed when it is read: the whole line would
 * be lost.
 */
static void blend(uint64_t *old, uint64_t new)
{
	if (!new)
		return;
	if (!*old || new < *old / 3)
		*old = new;
	else
		*old = (*old * 2 + (new < *old * 2 ? new : *old * 2)) / 3;
	if (*old >= MOST)
		*old = MOST - 1;
}

/*
 * Times of a host are what they always are, or else something came between, now and then: the mean
 * of many is more than most of them. So less than two thirds of what was is believed at once, and
 * half as much again only if the one before, which is kept in *before, was so, too; all else moves
 * it a little. (Replayed on 206 moves this was right for 148 where blend() was for 135.)
 */
static void settle(uint64_t *old, uint64_t new, uint64_t *before)
{
	uint64_t was = *before, high = *old * 3 / 2, most = *old * 5 / 4;

	if (!new)
		return;
	*before = new;
	if (!*old || new < *old * 2 / 3)
		*old = new;
	else if (was > high && new > high)
		*old = was < new ? was : new;
	else
		*old = (*old * 3 + (new < most ? new : most)) / 4;
	if (*old >= MOST)
		*old = MOST - 1;
}

static void learn_guest(struct table *t, const char *uuid, const struct costs *seen)
{
	struct guest_cost g = { .uuid = "" };
	unsigned int at;

	for (at = 0; at < t->count && strcmp(t->guests[at].uuid, uuid) != 0; at++)
		;
	if (at < t->count)
		g = t->guests[at];
	else if (t->count < MOST_GUESTS)
		t->count++;
	else
		at--;
	memmove(t->guests + 1, t->guests, at * sizeof(g));
	snprintf(g.uuid, sizeof(g.uuid), "%s", uuid);
	blend(&g.extra_pages, seen->extra_pages);
	blend(&g.left_pages, seen->left_pages);
	blend(&g.left_of, seen->left_of);
	blend(&g.last_page_ns, seen->last_page_ns);
	blend(&g.of_page_ns, seen->of_page_ns);
	settle(&g.leave_ns, seen->leave_ns, &g.latest_leave_ns);
	t->guests[0] = g;
}

void costs_learn(struct migrated *m, const char *uuid, const struct costs *seen)
{
	struct table t;

	pthread_mutex_lock(&m->lock);
	read_all(m, &t);
	settle(&t.host.table_ns, seen->table_ns, &m->latest.table_ns);
	settle(&t.host.arrive_ns, seen->arrive_ns, &m->latest.arrive_ns);
	settle(&t.host.leave_ns, seen->leave_ns, &m->latest.leave_ns);
	blend(&t.host.last_page_ns, seen->last_page_ns);
	blend(&t.host.of_page_ns, seen->of_page_ns);
	blend(&t.host.extra_pages, seen->extra_pages);
	blend(&t.host.left_pages, seen->left_pages);
	blend(&t.host.left_of, seen->left_of);
	if (uuid && *uuid)
		learn_guest(&t, uuid, seen);
	write_all(m, &t);
	pthread_mutex_unlock(&m->lock);
}
