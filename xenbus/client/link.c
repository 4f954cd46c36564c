/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The client's link to the store.
 *
 * Answers and events share one stream. An event that arrives while an answer is awaited goes to a
 * queue, and the descriptor that callers poll is an epoll set of the stream and of an eventfd that
 * is raised while the queue holds something: whoever polls it never misses an event that has
 * already been read.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <utlist.h>
#include <xen/io/xs_wire.h>

#include "xenbus/client/errors.h"
#include "xenbus/client/link.h"

#define RECONNECT_MS   10000 /* how long a restarting store is waited for */
#define RECONNECT_STEP 20
#define RETRY_MS       200 /* between attempts of one who waits for events on the descriptor */

struct event {
	struct store_event ev; /* first: what is handed out is the block, for free() to take */
	struct event *prev, *next;
	char text[];
};

struct set_watch {
	struct set_watch *prev, *next;
	char *token;
	char path[];
};

int link_why(struct store *s, int err, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(s->why, sizeof(s->why), fmt, ap);
	va_end(ap);
	if (err && n >= 0 && (size_t)n < sizeof(s->why))
		snprintf(s->why + n, sizeof(s->why) - n, ": %s", strerror(abs(err)));
	return -abs(err);
}

static int connect_to(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd, rc;

	if (!strncmp(path, "/dev/", 5)) {
		fd = open(path, O_RDWR | O_CLOEXEC);
		return fd < 0 ? -errno : fd;
	}
	if (strlen(path) >= sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	strcpy(addr.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr))) {
		rc = -errno;
		close(fd);
		return rc;
	}
	return fd;
}

static int link_attach(struct store *s)
{
	static const struct itimerspec never; /* also takes back that it went off */
	struct epoll_event ev = { .events = EPOLLIN };
	int fd = connect_to(s->path);

	if (fd < 0)
		return fd;
	s->fd = ev.data.fd = fd;
	s->epoch++;
	timerfd_settime(s->retry_fd, 0, &never, NULL);
	if (epoll_ctl(s->poll_fd, EPOLL_CTL_ADD, fd, &ev)) {
		fd = -errno;
		close(s->fd);
		s->fd = -1;
		return fd;
	}
	return 0;
}

/*
 * The descriptor that the caller waits on polls readable again a little later: who sleeps in an
 * event loop looks after the connection then, by asking for events.
 */
static void link_detach(struct store *s)
{
	static const struct itimerspec later = { .it_value.tv_nsec = RETRY_MS * 1000000L };

	if (s->fd >= 0)
		close(s->fd); /* also leaves the epoll set: nobody else holds it */
	s->fd = -1;
	if (s->watches)
		timerfd_settime(s->retry_fd, 0, &later, NULL);
}

int link_open(struct store *s)
{
	struct epoll_event ev = { .events = EPOLLIN };
	int rc;

	s->fd = -1;
	s->pending_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	s->retry_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	s->poll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (s->pending_fd < 0 || s->retry_fd < 0 || s->poll_fd < 0 ||
	    epoll_ctl(s->poll_fd, EPOLL_CTL_ADD, s->pending_fd, &ev) ||
	    epoll_ctl(s->poll_fd, EPOLL_CTL_ADD, s->retry_fd, &ev))
		rc = link_why(s, errno, "store: no descriptor to wait on");
	else if ((rc = link_attach(s)))
		link_why(s, rc, "store: cannot connect to %s", s->path);
	return rc;
}

void link_close(struct store *s)
{
	struct set_watch *w, *wtmp;
	struct event *e, *etmp;

	link_detach(s);
	if (s->pending_fd >= 0)
		close(s->pending_fd);
	if (s->retry_fd >= 0)
		close(s->retry_fd);
	if (s->poll_fd >= 0)
		close(s->poll_fd);
	DL_FOREACH_SAFE (s->events, e, etmp) {
		DL_DELETE(s->events, e);
		free(e);
	}
	DL_FOREACH_SAFE (s->watches, w, wtmp) {
		DL_DELETE(s->watches, w);
		free(w);
	}
}

int link_keep_watch(struct store *s, const char *path, const char *token)
{
	size_t n = strlen(path) + 1;
	struct set_watch *w = malloc(sizeof(*w) + n + strlen(token) + 1);

	if (!w)
		return -ENOMEM;
	memcpy(w->path, path, n);
	w->token = w->path + n;
	strcpy(w->token, token);
	DL_APPEND(s->watches, w);
	return 0;
}

void link_drop_watch(struct store *s, const char *path, const char *token)
{
	struct set_watch *w, *tmp;

	DL_FOREACH_SAFE (s->watches, w, tmp) {
		if (!strcmp(w->path, path) && !strcmp(w->token, token)) {
			DL_DELETE(s->watches, w);
			free(w);
			return;
		}
	}
}

static int read_all(int fd, void *buf, size_t len)
{
	char *p = buf;
	ssize_t n;

	while (len) {
		n = read(fd, p, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -ECONNRESET;
		p += n;
		len -= n;
	}
	return 0;
}

static int write_all(int fd, const char *p, size_t len)
{
	ssize_t n;

	while (len) {
		n = send(fd, p, len, MSG_NOSIGNAL);
		if (n < 0 && errno == ENOTSOCK) /* /dev/xen/xenbus */
			n = write(fd, p, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -ECONNRESET;
		p += n;
		len -= n;
	}
	return 0;
}

/* body: path NUL token NUL */
static void queue_event(struct store *s, const struct answer *body)
{
	static const uint64_t one = 1;
	const char *nul = memchr(body->data, 0, body->len);
	struct event *e;

	if (!nul)
		return; /* not an event by the protocol: nothing to tell */
	e = malloc(sizeof(*e) + body->len + 1);
	if (!e)
		abort(); /* an event must not get lost */
	memcpy(e->text, body->data, body->len + 1);
	e->ev.path = e->text;
	e->ev.token = e->text + (nul - body->data) + 1;
	if (!s->events && write(s->pending_fd, &one, sizeof(one)) < 0)
		abort(); /* an eventfd at 0 takes a 1 */
	DL_APPEND(s->events, e);
}

/* One message off the stream; an event is queued and *type says so. */
static int receive(struct store *s, struct xsd_sockmsg *h, struct answer *a)
{
	int rc = read_all(s->fd, h, sizeof(*h));

	if (rc)
		return rc;
	if (h->len > XENSTORE_PAYLOAD_MAX)
		return -EPROTO;
	a->data = malloc(h->len + 1);
	if (!a->data)
		return -ENOMEM;
	a->len = h->len;
	rc = read_all(s->fd, a->data, h->len);
	if (rc) {
		free(a->data);
		a->data = NULL;
		return rc;
	}
	a->data[h->len] = '\0';
	if (h->type == XS_WATCH_EVENT) {
		queue_event(s, a);
		free(a->data);
		a->data = NULL;
	}
	return 0;
}

static int exchange(struct store *s, const char *rq, size_t len, struct answer *a)
{
	const struct xsd_sockmsg *sent = (const struct xsd_sockmsg *)rq;
	struct xsd_sockmsg h;
	int rc;

	a->data = NULL;
	if (s->fd < 0)
		return -ECONNRESET;
	rc = write_all(s->fd, rq, len);
	while (!rc) {
		rc = receive(s, &h, a);
		if (rc || h.type == XS_WATCH_EVENT)
			continue;
		if (h.req_id != sent->req_id || (h.type != sent->type && h.type != XS_ERROR))
			rc = -EPROTO;
		else if (h.type == XS_ERROR)
			rc = -xs_error_value(a->data, a->len);
		else
			return 0;
		free(a->data);
		a->data = NULL;
		if (rc != -EPROTO)
			return rc;
	}
	link_detach(s); /* out of step: nothing after this can be trusted */
	return rc == -ENOMEM ? rc : -ECONNRESET;
}

static int reset_watches(struct store *s)
{
	struct set_watch *w;
	int rc = 0;

	s->resetting = true;
	DL_FOREACH (s->watches, w) {
		struct iovec parts[2] = { { w->path, strlen(w->path) + 1 },
					  { w->token, strlen(w->token) + 1 } };
		struct answer a;

		rc = link_call(s, XS_WATCH, 0, parts, 2, &a, false);
		free(a.data);
		if (rc)
			break;
	}
	s->resetting = false;
	return rc;
}

static int try_again(struct store *s)
{
	int rc = link_attach(s);

	if (!rc)
		rc = reset_watches(s);
	if (rc)
		link_detach(s);
	return rc;
}

/* -ECONNRESET, whatever keeps it away: a socket that is not there (ENOENT) would else be taken for
 * a node that is not there. */
static int reconnect(struct store *s)
{
	static const struct timespec step = { .tv_nsec = RECONNECT_STEP * 1000000L };
	int waited, rc = -ECONNRESET;

	for (waited = 0; waited < RECONNECT_MS; waited += RECONNECT_STEP) {
		rc = try_again(s);
		if (!rc)
			return 0;
		nanosleep(&step, NULL);
	}
	link_why(s, rc, "store: %s went away and is not back after %d s", s->path,
		 RECONNECT_MS / 1000);
	return -ECONNRESET;
}

int link_call(struct store *s, uint32_t type, store_txn_t t, const struct iovec *parts, unsigned nr,
	      struct answer *answer, bool retry)
{
	struct xsd_sockmsg h = { .type = type, .tx_id = t };
	char rq[sizeof(h) + XENSTORE_PAYLOAD_MAX];
	size_t len = sizeof(h);
	unsigned i;
	int rc;

	answer->data = NULL;
	answer->len = 0;
	for (i = 0; i < nr; i++) {
		if (parts[i].iov_len > sizeof(rq) - len)
			return link_why(s, E2BIG, "store: the request is over %d bytes",
					XENSTORE_PAYLOAD_MAX);
		memcpy(rq + len, parts[i].iov_base, parts[i].iov_len);
		len += parts[i].iov_len;
	}
	h.len = len - sizeof(h);
	do {
		h.req_id = s->next_id++;
		memcpy(rq, &h, sizeof(h));
		rc = exchange(s, rq, len, answer);
		if (rc != -ECONNRESET)
			return rc;
		if (!retry || s->resetting)
			return link_why(s, rc, "store: the connection to %s was lost", s->path);
		rc = reconnect(s);
	} while (!rc);
	return rc;
}

int link_event(struct store *s, struct store_event **event, int timeout_ms)
{
	struct xsd_sockmsg h;
	struct answer a;
	struct pollfd p;
	struct event *e;
	uint64_t n;
	int rc;

	while (!s->events) {
		/* who does not want to wait has other things to do while the store is away */
		if (s->fd < 0 && timeout_ms == 0 && try_again(s))
			return -EAGAIN;
		if (s->fd < 0 && (rc = reconnect(s)))
			return rc;
		if (s->events)
			break; /* the reconnection brought some */
		p = (struct pollfd){ .fd = s->fd, .events = POLLIN };
		rc = poll(&p, 1, timeout_ms);
		if (rc == 0)
			return -EAGAIN;
		if (rc < 0)
			return errno == EINTR ? -EAGAIN :
						link_why(s, errno, "store: waiting for events");
		rc = receive(s, &h, &a);
		if (!rc && h.type != XS_WATCH_EVENT) {
			free(a.data); /* an answer nobody asked for */
			rc = -EPROTO;
		}
		if (rc)
			link_detach(s);
	}
	e = s->events;
	DL_DELETE(s->events, e);
	if (!s->events && read(s->pending_fd, &n, sizeof(n)) < 0)
		abort(); /* it was raised when the queue began */
	*event = &e->ev;
	return 0;
}
