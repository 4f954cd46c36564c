/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The door's both ends. Requests are a letter, with the descriptor of a socket beside it where one
 * is to be connected: the kernel lets whoever holds a socket connect it, and the store's is root's
 * alone. A store that was restarted is found again in this way by the store's client as it is,
 * because the linker leads the client's connect() here (--wrap).
 */
#include "dom0-tools/consoled/door.h"

#include <errno.h>
#include <seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "dom0-tools/common/drop.h"
#include "dom0-tools/common/log.h"
#include "dom0-tools/common/sandbox.h"

enum { ASK_STORE = 's', ASK_ALIVE = 'a', ASK_TIDY = 't' };

struct answer {
	int32_t rc;
	uint8_t alive[DOOR_ALIVE_BYTES]; /* of ASK_ALIVE */
};

static int ours = -1; /* the daemon's end; -1 as long as it is root itself */
static struct sockaddr_un store_at = { .sun_family = AF_UNIX };

int __real_connect(int fd, const struct sockaddr *a, socklen_t len);
int __wrap_connect(int fd, const struct sockaddr *a, socklen_t len);

/* --- the door's end */

static const int allowed[] = {
	SCMP_SYS(recvmsg),	   SCMP_SYS(sendto),	     SCMP_SYS(connect),
	SCMP_SYS(close),	   SCMP_SYS(ioctl),	     SCMP_SYS(unlink),
	SCMP_SYS(unlinkat),	   SCMP_SYS(mmap),	     SCMP_SYS(munmap),
	SCMP_SYS(mremap),	   SCMP_SYS(madvise),	     SCMP_SYS(brk),
	SCMP_SYS(futex),	   SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn),
	SCMP_SYS(restart_syscall), SCMP_SYS(exit),	     SCMP_SYS(exit_group),
};

static int look(struct host *h, struct answer *a)
{
	struct domain_info *list;
	struct why why;
	size_t n;

	if (host_domain_list(h, &list, &n, &why))
		return -EIO;
	memset(a->alive, 0, sizeof(a->alive));
	for (size_t i = 0; i < n; i++)
		if (!list[i].dying && list[i].domid < HOST_FIRST_RESERVED)
			a->alive[list[i].domid / 8] |= (uint8_t)(1u << list[i].domid % 8);
	free(list);
	return 0;
}

/* One request; *passed: the descriptor beside it, or -1. False when the daemon is gone. */
static bool next(int fd, char *what, int *passed)
{
	char space[CMSG_SPACE(sizeof(int))] __attribute__((aligned(sizeof(size_t))));
	struct iovec v = { .iov_base = what, .iov_len = 1 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };
	struct cmsghdr *c;
	ssize_t n;

	*passed = -1;
	do {
		m.msg_control = space;
		m.msg_controllen = sizeof(space);
		n = recvmsg(fd, &m, MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	c = n > 0 ? CMSG_FIRSTHDR(&m) : NULL;
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
	    c->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(passed, CMSG_DATA(c), sizeof(int));
	return n > 0;
}

static void serve(int fd, struct host *h, const char *const leave[2])
{
	struct answer a;
	int passed;
	char what;

	while (next(fd, &what, &passed)) {
		a.rc = -EINVAL;
		if (what == ASK_STORE && passed >= 0)
			a.rc = __real_connect(passed, (struct sockaddr *)&store_at,
					      sizeof(store_at)) ?
				       -errno :
				       0;
		else if (what == ASK_ALIVE)
			a.rc = look(h, &a);
		else if (what == ASK_TIDY)
			a.rc = (leave[0] && unlink(leave[0])) || (leave[1] && unlink(leave[1])) ?
				       -errno :
				       0;
		if (passed >= 0)
			close(passed);
		if (send(fd, &a, what == ASK_ALIVE ? sizeof(a) : offsetof(struct answer, alive),
			 MSG_NOSIGNAL) < 0)
			return;
	}
}

static void door(int fd, const char *const leave[2])
{
	struct host *h;
	struct why why;
	int rc = 0;

	/* it ends when the daemon does, whose last wish it still hears */
	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	prctl(PR_SET_NAME, "torc-consoled:d", 0, 0, 0);
	if (host_open(&h, &why))
		rc = -EIO;
	if (!rc)
		rc = drop_capabilities();
	if (!rc)
		rc = sandbox_allow(allowed, sizeof(allowed) / sizeof(allowed[0]));
	if (send(fd, &rc, sizeof(rc), MSG_NOSIGNAL) == sizeof(rc) && !rc)
		serve(fd, h, leave);
	_exit(rc != 0);
}

/* --- the daemon's end */

int door_start(const char *store, const char *const leave[2])
{
	int ends[2], rc = -EIO;
	pid_t p;

	if (strlen(store) >= sizeof(store_at.sun_path))
		return -ENAMETOOLONG;
	strcpy(store_at.sun_path, store);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
		return -errno;
	p = fork();
	if (p < 0) {
		rc = -errno;
		close(ends[0]);
		close(ends[1]);
		return rc;
	}
	if (!p) {
		close(ends[0]);
		door(ends[1], leave);
	}
	close(ends[1]);
	if (recv(ends[0], &rc, sizeof(rc), 0) != sizeof(rc) || rc) {
		close(ends[0]);
		return rc ? rc : -EIO;
	}
	ours = ends[0];
	return 0;
}

int door_fd(void)
{
	return ours;
}

/* Without its door the daemon can go on to serve, but neither let go of a guest nor find a store
 * that was restarted: better another daemon. */
static void ask(char what, int fd, struct answer *a)
{
	char space[CMSG_SPACE(sizeof(int))] __attribute__((aligned(sizeof(size_t)))) = { 0 };
	struct iovec v = { .iov_base = &what, .iov_len = 1 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };
	ssize_t n;

	if (fd >= 0) {
		struct cmsghdr *c;

		m.msg_control = space;
		m.msg_controllen = sizeof(space);
		c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd, sizeof(int));
	}
	n = sendmsg(ours, &m, MSG_NOSIGNAL);
	while (n > 0) {
		n = recv(ours, a, sizeof(*a), 0);
		if (n > 0)
			return;
		if (n < 0 && errno == EINTR)
			n = 1;
	}
	log_say(LOG_ERR, NULL, "its process of root's is gone: the end, to be started again");
	exit(1);
}

int door_alive(uint8_t alive[DOOR_ALIVE_BYTES])
{
	struct answer a;

	ask(ASK_ALIVE, -1, &a);
	if (!a.rc)
		memcpy(alive, a.alive, sizeof(a.alive));
	return a.rc;
}

void door_tidy(void)
{
	struct answer a;

	ask(ASK_TIDY, -1, &a);
}

int __wrap_connect(int fd, const struct sockaddr *a, socklen_t len)
{
	struct answer got;

	if (ours < 0 || a->sa_family != AF_UNIX ||
	    strncmp(((const struct sockaddr_un *)a)->sun_path, store_at.sun_path,
		    sizeof(store_at.sun_path)) != 0)
		return __real_connect(fd, a, len);
	ask(ASK_STORE, fd, &got);
	errno = -got.rc;
	return got.rc ? -1 : 0;
}
