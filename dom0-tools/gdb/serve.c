/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The connection. However it ends, by the peer's word, its death, or a signal to us, the guest is
 * left as it was; only after SIGKILL that is journal.c's.
 */
#include "dom0-tools/gdb/gdb.h"

#include <errno.h>
#include <limits.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dom0-tools/common/alive.h"

#define LOOK_MS	       20  /* without the hypervisor's alarm */
#define LOOK_SELDOM_MS 250 /* with it: a guest that ends raises none */
#define GOODBYE_MS     1000

int gdb_listen(const char *where, int *fd, struct why *why)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *list = NULL;
	const char *port = strrchr(where, ':');
	char host[256];
	size_t n = port ? (size_t)(port - where) : 0;
	int rc, one = 1;

	if (!port || !port[1] || n >= sizeof(host))
		return why_set(why, TE_USAGE, "\"%s\" is no [ADDRESS]:PORT", where);
	memcpy(host, where, n);
	host[n] = 0;
	if (n > 2 && host[0] == '[' && host[n - 1] == ']') { /* of version 6 */
		memmove(host, host + 1, n - 2);
		host[n - 2] = 0;
	}
	if (!n) /* this machine's own, without asking anybody what that is called */
		hints.ai_family = AF_INET;
	rc = getaddrinfo(n ? host : NULL, port + 1, &hints, &list);
	if (rc)
		return why_set(why, TE_USAGE, "%s: %s", where, gai_strerror(rc));
	*fd = socket(list->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (*fd < 0 || setsockopt(*fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
	    bind(*fd, list->ai_addr, list->ai_addrlen) < 0 || listen(*fd, 1) < 0) {
		rc = why_set(why, TE_STATE, "cannot listen at %s: %s", where, strerror(errno));
		if (*fd >= 0)
			close(*fd);
	}
	freeaddrinfo(list);
	return rc;
}

/* What the peer takes now: one that takes nothing must not keep us from a signal, and so the guest
 * from going on. False: it is gone. */
static bool flush(struct stub *s, int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	size_t done = 0;
	bool there = true;

	while (there && done < s->out_len && poll(&p, 1, 0) > 0) {
		size_t left = s->out_len - done;
		ssize_t n = send(fd, s->out + done, left, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && errno == ENOTSOCK) /* a pipe that is ready has room for so much */
			n = write(fd, s->out + done, left < PIPE_BUF ? left : PIPE_BUF);
		if (n > 0)
			done += (size_t)n;
		else
			there = n < 0 && (errno == EINTR || errno == EAGAIN);
	}
	s->out_len -= done;
	if (done)
		memmove(s->out, s->out + done, s->out_len);
	return there;
}

/* The answer to its last wish, if it still wants it. */
static void say_goodbye(struct stub *s, int fd, int signals)
{
	struct pollfd p[2] = { { .fd = fd, .events = POLLOUT },
			       { .fd = signals, .events = POLLIN } };

	while (s->out_len && flush(s, fd) && s->out_len)
		if (poll(p, 2, GOODBYE_MS) <= 0 || p[1].revents)
			break;
}

static void converse(struct stub *s, const struct gdb_serve *how, struct host_alarm *alarm,
		     int signals)
{
	struct pollfd p[] = { { .fd = how->in, .events = POLLIN },
			      { .fd = signals, .events = POLLIN },
			      { .fd = host_alarm_fd(alarm), .events = POLLIN },
			      { .events = POLLOUT } };
	uint8_t data[4096];

	while (!s->over) {
		ssize_t n;

		p[3].fd = s->out_len ? how->out : -1;
		if (poll(p, sizeof(p) / sizeof(p[0]),
			 !s->t->running ? -1 :
			 alarm		? LOOK_SELDOM_MS :
					  LOOK_MS) < 0 &&
		    errno != EINTR)
			break;
		if (p[1].revents)
			break;
		if (p[2].revents)
			host_alarm_clear(alarm);
		if (p[0].revents) {
			n = read(how->in, data, sizeof(data));
			if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN))
				break;
			if (n > 0)
				stub_input(s, data, (size_t)n);
		}
		if (!s->over)
			stub_poll(s);
		if (!flush(s, how->out))
			break;
	}
}

/* A debugger that thinks says nothing, for hours; one whose machine is gone would have the guest
 * stand still for ever. */
static const struct alive debugger = { 30, 10, 9, 120000 };

static int wait_for_peer(int listen, int signals, int *peer, struct why *why)
{
	struct pollfd p[2] = { { .fd = listen, .events = POLLIN },
			       { .fd = signals, .events = POLLIN } };

	for (;;) {
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			return why_set(why, TE_INTERNAL, "poll: %s", strerror(errno));
		if (p[1].revents)
			return why_set(why, TE_STATE, "ended before a debugger came");
		if (!p[0].revents)
			continue;
		*peer = accept4(listen, NULL, NULL, SOCK_CLOEXEC);
		if (*peer >= 0) {
			alive_watch(*peer, &debugger);
			return 0;
		}
	}
}

int gdb_serve(struct host *h, uint32_t domid, const struct gdb_serve *how, struct why *why)
{
	struct gdb_serve to = *how;
	struct host_alarm *alarm = NULL;
	struct stub *s = calloc(1, sizeof(*s));
	struct target t;
	int signals, rc = 0;
	sigset_t set;

	if (!s)
		return why_set(why, TE_NO_MEMORY, "no memory");
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signals = signalfd(-1, &set, SFD_CLOEXEC);
	if (how->listen >= 0) {
		rc = wait_for_peer(how->listen, signals, &to.in, why);
		to.out = to.in;
	}
	if (!rc)
		rc = target_attach(&t, h, domid, why);
	if (!rc) {
		alarm = host_alarm_open(h);
		if (stub_init(s, &t))
			rc = why_set(why, TE_NO_MEMORY, "no memory");
		else
			converse(s, &to, alarm, signals);
		target_detach(&t);
		say_goodbye(s, to.out, signals);
		host_alarm_close(alarm);
		stub_free(s);
	}
	if (how->listen >= 0 && to.in >= 0 && to.in != how->in)
		close(to.in);
	close(signals);
	free(s);
	return rc;
}
