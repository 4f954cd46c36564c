/* SPDX-License-Identifier: BSD-2-Clause */
/* Watches: set, remove, fire. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "xenbus/store/conn.h"
#include "xenbus/store/journal.h"
#include "xenbus/store/path.h"
#include "xenbus/store/watch.h"

struct spot { /* a path that somebody watches */
	UT_hash_handle hh;
	struct watch *watches;
	size_t len;
	char path[];
};

struct watch {
	struct watch *prev, *next;     /* of the spot */
	struct watch *c_prev, *c_next; /* of the connection */
	struct conn *conn;
	struct spot *spot;
	uint64_t seq;
	size_t prefix; /* a relative watch: what its events leave out in front */
	char token[];
};

static size_t watch_memory(const struct watch *w)
{
	return sizeof(*w) + w->spot->len + strlen(w->token) + 64;
}

static struct spot *spot_find(struct server *sv, const char *path, size_t len)
{
	struct spot *s;

	HASH_FIND(hh, sv->spots, path, len, s);
	return s;
}

static struct watch *watch_find(struct conn *c, const struct path *p, const char *token)
{
	struct spot *s = spot_find(c->sv, p->text, p->len);
	struct watch *w;

	if (s)
		DL_FOREACH (s->watches, w)
			if (w->conn == c && !strcmp(w->token, token))
				return w;
	return NULL;
}

int watch_add(struct conn *c, const struct path *p, const char *token)
{
	struct server *sv = c->sv;
	struct spot *s;
	struct watch *w;
	int rc;

	if (watch_find(c, p, token))
		return refuse(c, -EEXIST, "a watch on %.100s with token %.60s is set already",
			      p->text, token);
	if ((rc = quota_check(c, QUOTA_WATCHES, c->account->watches + 1)) ||
	    (rc = quota_check(c, QUOTA_MEMORY,
			      c->account->memory + sizeof(*w) + p->len + strlen(token) + 64)))
		return rc;
	s = spot_find(sv, p->text, p->len);
	if (!s) {
		s = mem_alloc(sizeof(*s) + p->len + 1);
		s->len = p->len;
		memcpy(s->path, p->text, p->len);
		HASH_ADD_KEYPTR(hh, sv->spots, s->path, s->len, s);
	}
	w = mem_alloc(sizeof(*w) + strlen(token) + 1);
	strcpy(w->token, token);
	w->conn = c;
	w->spot = s;
	w->seq = sv->next_watch++;
	w->prefix = p->prefix;
	DL_APPEND(s->watches, w);
	DL_APPEND2(c->watches, w, c_prev, c_next);
	c->account->watches++;
	c->account->memory += watch_memory(w);
	journal_watch(c, p->text + p->prefix, token);
	return 0;
}

static void watch_free(struct watch *w)
{
	struct conn *c = w->conn;
	struct spot *s = w->spot;

	c->account->watches--;
	c->account->memory -= watch_memory(w);
	DL_DELETE2(c->watches, w, c_prev, c_next);
	DL_DELETE(s->watches, w);
	free(w);
	if (s->watches)
		return;
	HASH_DEL(c->sv->spots, s);
	free(s);
}

int watch_remove(struct conn *c, const struct path *p, const char *token)
{
	struct watch *w = watch_find(c, p, token);

	if (!w)
		return refuse(c, -ENOENT, "no watch on %.100s with token %.60s", p->text, token);
	watch_free(w);
	journal_unwatch(c, p->text + p->prefix, token);
	return 0;
}

void watch_remove_all(struct conn *c)
{
	while (c->watches)
		watch_free(c->watches);
}

static void send_event(struct conn *c, const char *path, size_t len, const char *token)
{
	size_t token_len = strlen(token) + 1;
	struct xsd_sockmsg h = { .type = XS_WATCH_EVENT, .len = len + 1 + token_len };
	char text[XENSTORE_ABS_PATH_MAX + 1];

	if (h.len > XENSTORE_PAYLOAD_MAX)
		return; /* cannot be said: the token leaves no room for this path */
	memcpy(text, path, len);
	text[len] = '\0';
	c->nr_events++;
	c->sv->stats.events++;
	conn_send(c, &h, text, len + 1, token, token_len);
}

void watch_first_event(struct conn *c, const struct path *p, const char *token)
{
	send_event(c, p->text + p->prefix, p->len - p->prefix, token);
}

void watch_each(const struct conn *c,
		void (*fn)(const char *path, const char *token, bool relative, void *arg), void *arg)
{
	char path[XENSTORE_ABS_PATH_MAX + 1];
	const struct watch *w;

	DL_FOREACH2(c->watches, w, c_next)
	{
		memcpy(path, w->spot->path, w->spot->len);
		path[w->spot->len] = '\0';
		fn(path + w->prefix, w->token, w->prefix, arg);
	}
}

unsigned watch_count(const struct conn *c)
{
	const struct watch *w;
	unsigned n = 0;

	DL_FOREACH2(c->watches, w, c_next)
	n++;
	return n;
}

void changes_add(struct changes *cs, const char *path, bool exact, struct perms *before,
		 struct perms *after, struct perms *parent)
{
	size_t len = strlen(path);
	struct change *ch;

	HASH_FIND(hh, cs->all, path, len, ch);
	if (ch) { /* keeps its place, and what it was before the step */
		ch->exact &= exact;
		if (ch->after)
			perms_put(ch->after);
		ch->after = after ? perms_share(after) : NULL;
		return;
	}
	ch = mem_alloc(sizeof(*ch) + len + 1);
	memcpy(ch->path, path, len);
	ch->exact = exact;
	ch->before = before ? perms_share(before) : NULL;
	ch->after = after ? perms_share(after) : NULL;
	ch->parent = parent ? perms_share(parent) : NULL;
	HASH_ADD_KEYPTR(hh, cs->all, ch->path, len, ch);
}

static bool may_read(const struct conn *c, const struct perms *p)
{
	return p && (perms_of(p, c->domid, c->target) & STORE_READ);
}

static bool may_hear(const struct conn *c, const struct change *ch)
{
	return c->privileged || may_read(c, ch->before) || may_read(c, ch->after) ||
	       may_read(c, ch->parent);
}

/*
 * Watches that a change concerns, gathered so that each connection hears in the order of its
 * watches.
 */
struct matches {
	struct watch **list;
	size_t nr, room;
};

static void match_spot(struct server *sv, const char *path, size_t len, struct matches *m)
{
	struct spot *s = spot_find(sv, path, len);
	struct watch *w;

	if (!s)
		return;
	DL_FOREACH (s->watches, w) {
		if (m->nr == m->room) {
			m->room = m->room ? 2 * m->room : 32;
			m->list = mem_grow(m->list, m->room * sizeof(*m->list));
		}
		m->list[m->nr++] = w;
	}
}

static int by_seq(const void *a, const void *b)
{
	uint64_t x = (*(struct watch *const *)a)->seq, y = (*(struct watch *const *)b)->seq;

	return x < y ? -1 : x > y;
}

static void fire(struct server *sv, const struct change *ch, struct matches *m)
{
	size_t len = strlen(ch->path), i;

	m->nr = 0;
	match_spot(sv, ch->path, len, m);
	if (!ch->exact && ch->path[0] == '/' && len > 1) {
		for (i = len; i-- > 1;)
			if (ch->path[i] == '/')
				match_spot(sv, ch->path, i, m);
		match_spot(sv, "/", 1, m);
	}
	if (m->nr > 1)
		qsort(m->list, m->nr, sizeof(*m->list), by_seq);
	for (i = 0; i < m->nr; i++) {
		const struct watch *w = m->list[i];

		if (!w->conn->closing && may_hear(w->conn, ch))
			send_event(w->conn, ch->path + w->prefix, len - w->prefix, w->token);
	}
}

void changes_fire(struct server *sv, struct changes *cs)
{
	struct matches m = { 0 };
	struct change *ch, *tmp;

	HASH_ITER (hh, cs->all, ch, tmp) {
		if (ch->before || ch->after) /* else made and removed within the step */
			fire(sv, ch, &m);
		HASH_DEL(cs->all, ch);
		if (ch->before)
			perms_put(ch->before);
		if (ch->after)
			perms_put(ch->after);
		if (ch->parent)
			perms_put(ch->parent);
		free(ch);
	}
	free(m.list);
}

void watch_fire_special(struct server *sv, enum special which)
{
	struct changes cs = { 0 };

	changes_add(&cs, special_names[which], true, sv->special[which], NULL, NULL);
	changes_fire(sv, &cs);
}
