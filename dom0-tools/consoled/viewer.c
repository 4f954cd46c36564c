/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Viewers, each on a connection of its own. Output waits for a slow one in a buffer; when that
 * is full the viewer misses some, and is told so. Nobody else ever waits.
 */
#include "dom0-tools/consoled/consoled.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "dom0-tools/consoled/protocol.h"

#define PENDING_SIZE 262144u
#define MAX_VIEWERS  64u

#define LEAVING_NS    50000000
#define LEAVING_TRIES 10

struct viewer {
	struct viewer *next;
	struct daemon *daemon;
	struct console *console; /* NULL until it has asked for one */
	int fd;
	bool read_only;
	ev_io in, out;
	char *pending; /* PENDING_SIZE bytes */
	size_t nr_pending;
	size_t missed;
};

static unsigned int nr_viewers;

static void viewer_free(struct viewer *v)
{
	struct viewer **at;

	ev_io_stop(v->daemon->loop, &v->in);
	ev_io_stop(v->daemon->loop, &v->out);
	if (v->console) {
		for (at = &v->console->viewers; *at != v; at = &(*at)->next)
			;
		*at = v->next;
	}
	close(v->fd);
	free(v->pending);
	free(v);
	nr_viewers--;
}

static void note_missed(struct viewer *v)
{
	char text[80];
	int n;

	/* not as soon as there is room for a crumb: it would see crumbs and notes by turns */
	if (!v->missed || v->nr_pending > PENDING_SIZE / 2)
		return;
	n = snprintf(text, sizeof(text), "\r\n[%zu bytes missed]\r\n", v->missed);
	memcpy(v->pending + v->nr_pending, text, (size_t)n);
	v->nr_pending += (size_t)n;
	v->missed = 0;
}

static void queue(struct viewer *v, const char *text, size_t n)
{
	size_t room;

	note_missed(v);
	room = PENDING_SIZE - v->nr_pending;
	if (v->missed || n > room) {
		v->missed += n;
		return;
	}
	memcpy(v->pending + v->nr_pending, text, n);
	v->nr_pending += n;
	ev_io_start(v->daemon->loop, &v->out);
}

static void on_writable(struct ev_loop *loop, ev_io *w, int revents)
{
	struct viewer *v = w->data;
	ssize_t n;

	(void)revents;
	n = send(v->fd, v->pending, v->nr_pending, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		viewer_free(v);
		return;
	}
	if (n > 0) {
		v->nr_pending -= (size_t)n;
		memmove(v->pending, v->pending + n, v->nr_pending);
		note_missed(v);
	}
	if (!v->nr_pending)
		ev_io_stop(loop, w);
}

static void refuse(struct viewer *v, const char *reason)
{
	char line[160];
	int n = snprintf(line, sizeof(line), "%s\n", reason);

	if (send(v->fd, line, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		log_say(LOG_DEBUG, NULL, "a viewer left before it could be refused");
	viewer_free(v);
}

static void attach(struct viewer *v, const struct consoled_request *rq)
{
	struct console *c;
	char ok = CONSOLED_OK;

	if (rq->magic != CONSOLED_MAGIC) {
		refuse(v, "not a request of torc console");
		return;
	}
	console_scan(v->daemon); /* it may have been created this instant */
	c = console_find(v->daemon, rq->domid);
	if (!c) {
		refuse(v, "no console of this domain (it is gone, or has none)");
		return;
	}
	v->console = c;
	v->read_only = rq->flags & CONSOLED_READ_ONLY;
	v->next = c->viewers;
	c->viewers = v;
	queue(v, &ok, 1);
	if (rq->flags & CONSOLED_REPLAY) {
		size_t n = c->history_at < HISTORY_SIZE ? c->history_at : HISTORY_SIZE;
		size_t at = (c->history_at - n) % HISTORY_SIZE;
		size_t first = HISTORY_SIZE - at < n ? HISTORY_SIZE - at : n;

		queue(v, c->history + at, first);
		queue(v, c->history, n - first);
	}
}

static void on_readable(struct ev_loop *loop, ev_io *w, int revents)
{
	struct viewer *v = w->data;
	struct consoled_request rq;
	char buf[512];
	ssize_t n;

	(void)revents;
	if (!v->console) {
		n = recv(v->fd, &rq, sizeof(rq), MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n == (ssize_t)sizeof(rq))
			attach(v, &rq);
		else /* the request is one small write: pieces of it are nobody we know */
			viewer_free(v);
		return;
	}
	if (!v->read_only && !console_wants_keys(v->console)) {
		ev_io_stop(loop, w); /* until the guest reads: viewer_resume() */
		return;
	}
	n = recv(v->fd, buf, sizeof(buf), MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0)
		viewer_free(v);
	else if (!v->read_only)
		console_keys(v->console, buf, (size_t)n);
}

/*
 * Nothing is read of a viewer whose guest takes no keys, its end neither: it may have left long
 * ago. Silent guests, one of which has left its keys for hours, must not use up the places of all.
 */
static void sweep(struct daemon *d)
{
	for (struct console *c = d->consoles; c; c = c->next)
		for (struct viewer *v = c->viewers, *next; v; v = next) {
			struct pollfd p = { .fd = v->fd }; /* a hangup is told unasked */

			next = v->next;
			if (poll(&p, 1, 0) > 0 && p.revents & POLLHUP)
				viewer_free(v);
		}
}

/* It has not asked for anything yet: room for a line is there. */
static void turn_away(int fd)
{
	char line[80];
	int n = snprintf(line, sizeof(line), "%u viewers are connected, and no more may be\n",
			 nr_viewers);

	log_say(LOG_WARNING, NULL, "a viewer was turned away: %u are connected", nr_viewers);
	if (send(fd, line, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		log_say(LOG_DEBUG, NULL, "a viewer left before it could be turned away");
	close(fd);
}

static void on_connect(struct ev_loop *loop, ev_io *w, int revents)
{
	struct daemon *d = w->data;
	struct viewer *v;
	int fd;

	(void)revents;
	fd = accept4(w->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return;
	if (nr_viewers == MAX_VIEWERS)
		sweep(d);
	v = nr_viewers < MAX_VIEWERS ? calloc(1, sizeof(*v)) : NULL;
	if (v)
		v->pending = malloc(PENDING_SIZE);
	if (!v || !v->pending) {
		free(v);
		turn_away(fd);
		return;
	}
	nr_viewers++;
	v->daemon = d;
	v->fd = fd;
	ev_io_init(&v->in, on_readable, fd, EV_READ);
	ev_io_init(&v->out, on_writable, fd, EV_WRITE);
	v->in.data = v->out.data = v;
	ev_io_start(loop, &v->in);
}

/* A daemon that lives answers; one that was killed has left the name alone. */
static bool is_served(const struct sockaddr_un *a)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool yes = fd >= 0 &&
		   (connect(fd, (const struct sockaddr *)a, sizeof(*a)) == 0 || errno == EAGAIN);

	if (fd >= 0)
		close(fd);
	return yes;
}

int viewer_listen(struct daemon *d, const char *path)
{
	static ev_io io;
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	mode_t old;
	int fd, rc;

	if (strlen(path) >= sizeof(a.sun_path))
		return -ENAMETOOLONG;
	strcpy(a.sun_path, path);
	/* one that was told to end a moment ago may still be at it */
	for (int tries = 0; is_served(&a); tries++) {
		if (tries == LEAVING_TRIES)
			return -EADDRINUSE;
		nanosleep(&(struct timespec){ .tv_nsec = LEAVING_NS }, NULL);
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	unlink(path);
	old = umask(0177); /* consoles are root's */
	rc = bind(fd, (struct sockaddr *)&a, sizeof(a)) || listen(fd, 64) ? -errno : 0;
	umask(old);
	if (rc) {
		close(fd);
		return rc;
	}
	ev_io_init(&io, on_connect, fd, EV_READ);
	io.data = d;
	ev_io_start(d->loop, &io);
	return 0;
}

void viewer_show(struct console *c, const char *text, size_t n)
{
	for (struct viewer *v = c->viewers; v; v = v->next)
		queue(v, text, n);
}

void viewer_resume(struct console *c)
{
	for (struct viewer *v = c->viewers; v; v = v->next)
		ev_io_start(c->daemon->loop, &v->in);
}

/* What is still queued is sent as far as it goes without waiting. */
void viewer_end_all(struct console *c)
{
	while (c->viewers) {
		struct viewer *v = c->viewers;

		if (v->nr_pending &&
		    send(v->fd, v->pending, v->nr_pending, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
			log_say(LOG_DEBUG, ABOUT(c), "a viewer of %s missed the end", c->name);
		viewer_free(v);
	}
}
