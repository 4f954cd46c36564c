/* SPDX-License-Identifier: BSD-2-Clause */
/* The live handover: both sides of it. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <utlist.h>

#include "xenbus/store/domain.h"
#include "xenbus/store/door.h"
#include "xenbus/store/journal.h"
#include "xenbus/store/sock.h"
#include "xenbus/store/takeover.h"

#define BATCH	   128 /* descriptors in a message */
#define TIMEOUT_MS 10000

struct greeting { /* comes with the state, listener, lock and event channel descriptors */
	char magic[8];
	uint32_t clients;
	uint32_t has_events;
	uint32_t death_port; /* bound already, and only once: the descriptor takes it along */
};
#define MAGIC "TorcTO2"

int takeover_offer(struct conn *c)
{
	if (domain_of(c))
		return refuse(c, -EINVAL, "a successor asks on the socket, not through a ring");
	if (c->sv->successor)
		return refuse(c, -EBUSY, "another successor has asked already");
	c->sv->successor = c;
	return 0;
}

static int send_fds(int sock, const void *p, size_t len, const int *fds, unsigned nr)
{
	char control[CMSG_SPACE(BATCH * sizeof(int))] = { 0 };
	struct iovec iov = { (void *)p, len };
	struct msghdr m = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = control,
			    .msg_controllen = CMSG_SPACE(nr * sizeof(int)) };
	struct cmsghdr *cm = CMSG_FIRSTHDR(&m);
	struct pollfd pfd = { .fd = sock, .events = POLLOUT };

	cm->cmsg_level = SOL_SOCKET;
	cm->cmsg_type = SCM_RIGHTS;
	cm->cmsg_len = CMSG_LEN(nr * sizeof(int));
	memcpy(CMSG_DATA(cm), fds, nr * sizeof(int));
	while (sendmsg(sock, &m, MSG_NOSIGNAL) < 0) {
		if (errno != EAGAIN || poll(&pfd, 1, TIMEOUT_MS) != 1)
			return -errno;
	}
	return 0;
}

static int recv_fds(int sock, void *p, size_t len, int *fds, unsigned *nr)
{
	char control[CMSG_SPACE(BATCH * sizeof(int))];
	struct iovec iov = { p, len };
	struct msghdr m = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = control,
			    .msg_controllen = sizeof(control) };
	struct cmsghdr *cm;
	ssize_t n = recvmsg(sock, &m, MSG_CMSG_CLOEXEC);

	if (n < 0)
		return -errno;
	cm = CMSG_FIRSTHDR(&m);
	if ((size_t)n != len || !cm || cm->cmsg_type != SCM_RIGHTS || (m.msg_flags & MSG_CTRUNC))
		return -EPROTO;
	*nr = (cm->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	memcpy(fds, CMSG_DATA(cm), *nr * sizeof(int));
	return 0;
}

static void emit(void *arg, enum record type, const struct bytes *payload)
{
	put_u32(arg, type);
	put_data(arg, bytes_at(payload), bytes_len(payload));
}

static int state_file(struct server *sv)
{
	struct bytes all = { 0 };
	int fd = memfd_create("torc-stored", MFD_CLOEXEC);
	size_t done = 0;
	ssize_t n;

	if (fd < 0)
		return -errno;
	records_dump(sv, true, emit, &all);
	while (done < bytes_len(&all)) {
		n = write(fd, bytes_at(&all) + done, bytes_len(&all) - done);
		if (n < 0) {
			close(fd);
			fd = -errno;
			break;
		}
		done += n;
	}
	bytes_free(&all);
	return fd;
}

static int send_clients(struct server *sv, int sock)
{
	int fds[BATCH], rc = 0;
	uint32_t n = 0;
	struct conn *c;

	DL_FOREACH (sv->conns, c) {
		if (domain_of(c) || c->closing || c == sv->successor)
			continue;
		fds[n++] = sock_fd(c);
		if (n == BATCH) {
			rc = send_fds(sock, &n, sizeof(n), fds, n);
			n = 0;
		}
		if (rc)
			return rc;
	}
	return n ? send_fds(sock, &n, sizeof(n), fds, n) : 0;
}

bool takeover_give(struct server *sv, int listen_fd, int lock_fd)
{
	struct conn *s = sv->successor, *c;
	int sock = sock_fd(s), rc, fds[4] = { 0, listen_fd, lock_fd };
	struct pollfd p = { .fd = sock, .events = POLLIN };
	struct greeting g = { .magic = MAGIC,
			      .has_events = sv->door != NULL,
			      .death_port = sv->death_port };
	char ready = 0;

	if (bytes_len(&s->out) || sv->dirty)
		return false; /* not yet: its answer first */
	DL_FOREACH (sv->conns, c)
		g.clients += !domain_of(c) && !c->closing && c != s;
	rc = fds[0] = state_file(sv);
	if (rc >= 0) {
		if (sv->door)
			fds[3] = door_event_fd(sv->door);
		rc = send_fds(sock, &g, sizeof(g), fds, 3 + (sv->door != NULL));
		if (!rc)
			rc = send_clients(sv, sock);
		close(fds[0]);
	}
	if (!rc && poll(&p, 1, TIMEOUT_MS) == 1 && read(sock, &ready, 1) == 1 && ready == 'R') {
		log_info("handed over to process %d", s->pid);
		return true;
	}
	log_warn("the successor (process %d) did not take over%s%s; going on", s->pid,
		 rc ? ": " : "", rc ? strerror(-rc) : "");
	sv->successor = NULL;
	conn_close(s);
	return false;
}

static int ask(const char *path)
{
	static const char command[] = "takeover";
	struct xsd_sockmsg h = { .type = XS_CONTROL, .req_id = 1, .len = sizeof(command) };
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	char rq[sizeof(h) + sizeof(command)], answer[sizeof(h) + 3];
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), rc = 0;

	if (fd < 0)
		return -errno;
	memcpy(rq, &h, sizeof(h));
	memcpy(rq + sizeof(h), command, sizeof(command));
	strncpy(addr.sun_path, path, sizeof(addr.sun_path) - 1);
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) ||
	    send(fd, rq, sizeof(rq), MSG_NOSIGNAL) != (ssize_t)sizeof(rq))
		rc = -errno;
	else if (recv(fd, answer, sizeof(answer), MSG_WAITALL) != (ssize_t)sizeof(answer) ||
		 memcmp(answer + sizeof(h), "OK", 3))
		rc = -EBUSY;
	if (!rc)
		return fd;
	close(fd);
	return rc;
}

struct client_fds {
	struct ev_loop *loop;
	int *fds;
	uint32_t nr;
};

static struct conn *adopt(struct loader *l, uint32_t index, unsigned domid)
{
	struct client_fds *f = l->arg;

	return domid == PRIVILEGED_DOMID && index < f->nr ?
		       sock_adopt(l->sv, f->loop, f->fds[index]) :
		       NULL;
}

static int load(struct server *sv, int state, struct client_fds *f)
{
	struct loader l = { .sv = sv, .socket = adopt, .arg = f };
	struct stat st;
	struct cut all;
	char *map;
	int rc = 0;

	if (fstat(state, &st))
		return -errno;
	map = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, state, 0);
	if (map == MAP_FAILED)
		return -errno;
	all = (struct cut){ .p = map, .end = map + st.st_size };
	while (!rc && all.p < all.end) {
		enum record type = cut_u32(&all);
		size_t len;
		struct cut in = { .p = cut_data(&all, &len) };

		in.end = in.p + len;
		rc = all.bad ? -EPROTO : records_load(&l, type, &in);
		if (rc)
			log_warn("handover: the record at byte %zu (type %d) cannot be read",
				 (size_t)(in.p - map), type);
	}
	munmap(map, st.st_size);
	return rc;
}

int takeover_ask(struct server *sv, struct ev_loop *loop, const char *path, struct heritage *h)
{
	int fds[BATCH], rc, sock = ask(path);
	struct client_fds f = { .loop = loop };
	struct greeting g;
	uint32_t n;
	unsigned nr;

	if (sock < 0)
		return sock;
	rc = recv_fds(sock, &g, sizeof(g), fds, &nr);
	if (!rc && (memcmp(g.magic, MAGIC, sizeof(g.magic)) || nr != 3 + (g.has_events != 0)))
		rc = -EPROTO;
	if (rc) {
		close(sock);
		return rc;
	}
	*h = (struct heritage){ .listen_fd = fds[1],
				.lock_fd = fds[2],
				.event_fd = g.has_events ? fds[3] : -1,
				.sock = sock };
	sv->death_port = g.death_port;
	f.fds = mem_alloc((g.clients + BATCH) * sizeof(int));
	while (!rc && f.nr < g.clients) {
		rc = recv_fds(sock, &n, sizeof(n), f.fds + f.nr, &nr);
		if (!rc)
			f.nr += nr;
	}
	if (!rc)
		rc = load(sv, fds[0], &f);
	close(fds[0]);
	free(f.fds);
	return rc;
}

int takeover_done(struct heritage *h)
{
	int rc = send(h->sock, "R", 1, MSG_NOSIGNAL) == 1 ? 0 : -errno;
	char c;

	/* the end of its stream says that the predecessor has let go */
	while (!rc && recv(h->sock, &c, 1, 0) < 0 && errno == EINTR)
		;
	close(h->sock);
	return rc;
}
