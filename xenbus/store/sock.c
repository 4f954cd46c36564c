/* SPDX-License-Identifier: BSD-2-Clause */
/* Clients on the UNIX socket. Who may connect is the control domain's root, and may everything. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <utlist.h>

#include "xenbus/store/journal.h"
#include "xenbus/store/sock.h"

#define CHUNK	65536
#define BACKLOG 1024

struct sock {
	ev_io in, out;
	struct ev_loop *loop;
	struct conn *conn;
};

int sock_listen(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd, rc;

	if (strlen(path) >= sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	strcpy(addr.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	unlink(path);
	umask(0177);
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) || listen(fd, BACKLOG)) {
		rc = -errno;
		close(fd);
		return rc;
	}
	umask(077);
	return fd;
}

/* Whole messages at p, done one by one; what remains. */
static size_t process(struct conn *c, const char *p, size_t len)
{
	struct xsd_sockmsg h;

	while (len >= sizeof(h) && conn_ready(c)) {
		memcpy(&h, p, sizeof(h));
		if (h.len > XENSTORE_PAYLOAD_MAX) {
			log_warn("%s announced a request of %u bytes, limit %d: closed",
				 conn_name(c), h.len, XENSTORE_PAYLOAD_MAX);
			conn_close(c);
			return 0;
		}
		if (len < sizeof(h) + h.len || conn_message(c, p, sizeof(h) + h.len) == PARKED)
			break;
		p += sizeof(h) + h.len;
		len -= sizeof(h) + h.len;
	}
	return c->closing ? 0 : len;
}

static void on_input(struct ev_loop *loop, ev_io *io, int revents)
{
	static char chunk[CHUNK];
	struct sock *s = io->data;
	struct conn *c = s->conn;
	size_t rest;
	ssize_t n;

	(void)revents;
	if (!conn_ready(c)) { /* its output goes first */
		ev_io_stop(loop, io);
		return;
	}
	n = recv(io->fd, chunk, sizeof(chunk), 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		conn_close(c);
		return;
	}
	if (!bytes_len(&c->in)) {
		rest = process(c, chunk, n);
		bytes_add(&c->in, chunk + n - rest, rest);
	} else {
		bytes_add(&c->in, chunk, n);
		rest = process(c, bytes_at(&c->in), bytes_len(&c->in));
		bytes_drop(&c->in, bytes_len(&c->in) - rest);
	}
	if (!c->closing && !conn_ready(c))
		ev_io_stop(loop, io);
}

static void sock_resume(struct conn *c)
{
	struct sock *s = c->io;
	size_t rest;

	if (c->closing || ev_is_active(&s->in))
		return;
	if (bytes_len(&c->in)) {
		rest = process(c, bytes_at(&c->in), bytes_len(&c->in));
		if (c->closing)
			return;
		bytes_drop(&c->in, bytes_len(&c->in) - rest);
	}
	if (conn_ready(c))
		ev_io_start(s->loop, &s->in);
}

static void sock_flush(struct conn *c)
{
	struct sock *s = c->io;
	ssize_t n;

	while (bytes_len(&c->out)) {
		n = send(s->in.fd, bytes_at(&c->out), bytes_len(&c->out), MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			ev_io_start(s->loop, &s->out);
			return;
		}
		if (n < 0) {
			conn_close(c);
			return;
		}
		bytes_drop(&c->out, n);
	}
	ev_io_stop(s->loop, &s->out);
	if (!ev_is_active(&s->in))
		conn_mark(c); /* there may be requests that waited */
}

static void on_room(struct ev_loop *loop, ev_io *io, int revents)
{
	struct sock *s = io->data;

	(void)loop;
	(void)revents;
	conn_mark(s->conn);
}

static void sock_close(struct conn *c)
{
	struct sock *s = c->io;

	ev_io_stop(s->loop, &s->in);
	ev_io_stop(s->loop, &s->out);
	close(s->in.fd);
	free(s);
	c->io = NULL;
	DL_APPEND2(c->sv->dead, c, w_prev, w_next);
}

const struct transport sock_transport = {
	.kind = "socket",
	.flush = sock_flush,
	.resume = sock_resume,
	.close = sock_close,
};

int sock_fd(const struct conn *c)
{
	const struct sock *s = c->io;

	return s->in.fd;
}

struct conn *sock_adopt(struct server *sv, struct ev_loop *loop, int fd)
{
	struct ucred peer = { 0 };
	socklen_t len = sizeof(peer);
	struct sock *s = mem_alloc(sizeof(*s));

	s->loop = loop;
	s->conn = conn_new(sv, &sock_transport, s, PRIVILEGED_DOMID);
	if (!getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len))
		s->conn->pid = peer.pid;
	ev_io_init(&s->in, on_input, fd, EV_READ);
	ev_io_init(&s->out, on_room, fd, EV_WRITE);
	s->in.data = s->out.data = s;
	ev_io_start(loop, &s->in);
	return s->conn;
}

static void on_pause_over(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct listener *l = t->data;

	(void)revents;
	ev_io_start(loop, &l->io);
}

static void on_client(struct ev_loop *loop, ev_io *io, int revents)
{
	struct listener *l = io->data;
	int fd;

	(void)revents;
	fd = accept4(io->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd >= 0) {
		sock_adopt(l->sv, loop, fd);
	} else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM) {
		log_warn("no more clients for now: %s. Raise the limit of open files",
			 strerror(errno));
		ev_io_stop(loop, io);
		ev_timer_set(&l->pause, 0.1, 0.);
		ev_timer_start(loop, &l->pause);
	}
}

void sock_serve(struct listener *l, struct server *sv, struct ev_loop *loop, int fd)
{
	l->sv = sv;
	l->loop = loop;
	ev_io_init(&l->io, on_client, fd, EV_READ);
	ev_timer_init(&l->pause, on_pause_over, 0.1, 0.);
	l->io.data = l->pause.data = l;
	ev_io_start(loop, &l->io);
}
