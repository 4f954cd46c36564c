/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * By turns a host listens for a while and dials once. It never does both: while it dials nobody
 * listens, so that the two cannot reach each other crosswise. The turns are of random length, so
 * that they do not keep step.
 */
#include "migration/meet.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "migration/io.h"

#define DIAL_MS 2000

static int dial(const struct addrinfo *a)
{
	int fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, a->ai_protocol),
	    e = 0;
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	socklen_t len = sizeof(e);

	if (fd < 0)
		return -errno;
	if (!connect(fd, a->ai_addr, a->ai_addrlen))
		return fd;
	if (errno == EINPROGRESS && poll(&p, 1, DIAL_MS) == 1 &&
	    !getsockopt(fd, SOL_SOCKET, SO_ERROR, &e, &len) && !e)
		return fd;
	close(fd);
	return -ECONNREFUSED;
}

/* A name may stand for several, of which one is reached. */
static int dial_any(const struct addrinfo *all)
{
	int fd = -ECONNREFUSED;

	for (const struct addrinfo *a = all; a && fd < 0; a = a->ai_next)
		fd = dial(a);
	return fd;
}

static int listen_for(const struct addrinfo *a, int ms)
{
	int one = 1, fd = -1,
	    l = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);
	struct pollfd p = { .fd = l, .events = POLLIN };
	int rc = -ETIMEDOUT;

	if (l < 0)
		return -errno;
	setsockopt(l, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(l, a->ai_addr, a->ai_addrlen) || listen(l, 1))
		rc = -errno;
	else if (poll(&p, 1, ms) == 1 && (fd = accept4(l, NULL, NULL, SOCK_CLOEXEC)) >= 0)
		rc = fd;
	close(l);
	return rc;
}

/* "HOST", "HOST:PORT" or "[v6 address]:PORT"; v6 addresses have more than one colon. Its port, if
 * that is given and wanted. */
static int resolve(const char *address, uint16_t port, bool wanted, struct addrinfo **all,
		   struct why *why)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	const char *colon = strrchr(address, ':'), *end = address + strlen(address);
	char host[128], service[8];
	int rc;

	snprintf(service, sizeof(service), "%u", port);
	if (colon && (strchr(address, ':') == colon || (*address == '[' && colon[-1] == ']'))) {
		if (wanted)
			snprintf(service, sizeof(service), "%s", colon + 1);
		end = colon;
	}
	if (*address == '[' && end > address + 1 && end[-1] == ']') {
		address++;
		end--;
	}
	snprintf(host, sizeof(host), "%.*s", (int)(end - address), address);
	rc = getaddrinfo(host, service, &hints, all);
	return rc ? why_set(why, TE_CHANNEL, "%s: %s", address, gai_strerror(rc)) : 0;
}

static void wait_ms(long ms)
{
	const struct timespec nap = { .tv_nsec = ms * 1000000 };

	nanosleep(&nap, NULL);
}

int meet(const char *address, uint16_t port, uint64_t deadline_ns, int *fd, bool *dialled,
	 struct why *why)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE }, *peer, *own;
	bool taken = false;
	unsigned char r = 0;
	char service[8];
	int rc;

	rc = resolve(address, port, false, &peer, why);
	if (rc)
		return rc;
	snprintf(service, sizeof(service), "%u", port);
	hints.ai_family = peer->ai_family;
	rc = getaddrinfo(NULL, service, &hints, &own);
	if (rc) {
		freeaddrinfo(peer);
		return why_set(why, TE_CHANNEL, "port %s: %s", service, gai_strerror(rc));
	}
	do {
		*dialled = true;
		rc = dial_any(peer);
		if (rc < 0) {
			*dialled = false;
			if (getrandom(&r, 1, GRND_NONBLOCK) != 1)
				r = getpid();
			rc = listen_for(own, 700 + r * 4);
		}
		/* another pairing of this host listens there by turns, too; dialling may be enough */
		taken = rc == -EADDRINUSE;
		if (taken) {
			wait_ms(100 + r);
			rc = -ETIMEDOUT;
		}
	} while (rc == -ETIMEDOUT && mig_now_ns() < deadline_ns);
	freeaddrinfo(peer);
	freeaddrinfo(own);
	if (taken)
		rc = -EADDRINUSE;
	if (rc >= 0) {
		*fd = rc;
		return 0;
	}
	if (rc != -ETIMEDOUT)
		return why_set(why, TE_CHANNEL, "port %s: %s", service, strerror(-rc));
	rc = why_set(why, TE_TIMEOUT, "%s has not been heard of", address);
	return why_hint(why, rc,
			"run the same command there at the same time, and let TCP port %s through",
			service);
}

static bool shown(const struct sockaddr *a, socklen_t len, char who[MEET_WHO])
{
	return getnameinfo(a, len, who, MEET_WHO, NULL, 0, NI_NUMERICHOST) == 0;
}

bool meet_is_from(const char *address, int fd, char who[MEET_WHO])
{
	struct sockaddr_storage from;
	socklen_t len = sizeof(from);
	struct addrinfo *all;
	char one[MEET_WHO];
	struct why ignored;
	bool is = false;

	strcpy(who, "?");
	if (getpeername(fd, (struct sockaddr *)&from, &len) ||
	    !shown((struct sockaddr *)&from, len, who) || resolve(address, 0, false, &all, &ignored))
		return false;
	for (const struct addrinfo *a = all; a && !is; a = a->ai_next)
		is = shown(a->ai_addr, a->ai_addrlen, one) && strcmp(one, who) == 0;
	freeaddrinfo(all);
	return is;
}

static int dial_path(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd, rc;

	if (strlen(path) >= sizeof(a.sun_path))
		return -ENAMETOOLONG;
	strcpy(a.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || !connect(fd, (struct sockaddr *)&a, sizeof(a)))
		return fd < 0 ? -errno : fd;
	rc = -errno;
	close(fd);
	return rc;
}

static int reach_path(const char *path, uint64_t deadline_ns, int *fd, struct why *why)
{
	int rc;

	while ((*fd = dial_path(path)) < 0 && mig_now_ns() < deadline_ns)
		wait_ms(200);
	if (*fd >= 0)
		return 0;
	rc = why_set(why, TE_CHANNEL, "the socket %s: %s", path, strerror(-*fd));
	return why_hint(why, rc, "is there what passes connections on from it (ssh -L)?");
}

int meet_reach(const char *address, uint16_t port, uint64_t deadline_ns, int *fd, struct why *why)
{
	const size_t unix_len = strlen(MEET_UNIX);
	struct addrinfo *all;
	int rc;

	if (strncmp(address, MEET_UNIX, unix_len) == 0)
		return reach_path(address + unix_len, deadline_ns, fd, why);
	rc = resolve(address, port, true, &all, why);
	if (rc)
		return rc;
	while ((*fd = dial_any(all)) < 0 && mig_now_ns() < deadline_ns)
		wait_ms(200);
	freeaddrinfo(all);
	if (*fd >= 0)
		return 0;
	rc = why_set(why, TE_CHANNEL, "%s, port %u, does not answer", address, port);
	return why_hint(why, rc, "is torc-migrated running there, and the port let through?");
}
