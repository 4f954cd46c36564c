/* SPDX-License-Identifier: BSD-2-Clause */
/* Transports: the common part, and files and sockets. */
#include "migration/io.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <time.h>
#include <unistd.h>

uint64_t mig_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

int mig_read(struct mig_io *io, void *buf, size_t len)
{
	int rc = len ? io->ops->read(io, buf, len) : 0;

	if (!rc)
		io->bytes_in += len;
	return rc;
}

int mig_writev(struct mig_io *io, struct iovec *v, int n)
{
	size_t len = 0;
	int rc;

	for (int i = 0; i < n; i++)
		len += v[i].iov_len;
	rc = io->ops->writev(io, v, n);
	if (!rc)
		io->bytes_out += len;
	return rc;
}

int mig_write(struct mig_io *io, const void *buf, size_t len)
{
	struct iovec v = { (void *)(uintptr_t)buf, len };

	return mig_writev(io, &v, 1);
}

int mig_flush(struct mig_io *io)
{
	return io->ops->flush ? io->ops->flush(io) : 0;
}

int mig_settle(struct mig_io *io, uint64_t *round_trip_ns)
{
	int rc = mig_flush(io);

	*round_trip_ns = 0;
	return rc || !io->ops->settle ? rc : io->ops->settle(io, round_trip_ns);
}

int mig_taken(struct mig_io *io)
{
	return io->ops->taken ? io->ops->taken(io) : 1;
}

/* Until the descriptor is ready, or the deadline. Regular files are always ready. */
static int wait_ready(const struct mig_io *io, int fd, short events)
{
	struct pollfd p = { .fd = fd, .events = events };

	for (;;) {
		uint64_t now = mig_now_ns(),
			 left = io->deadline_ns > now ? (io->deadline_ns - now + 999999) / 1000000 :
							0;
		int n = poll(&p, 1, !io->deadline_ns ? -1 : left > INT_MAX ? INT_MAX : (int)left);

		if (n > 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return -errno;
		if (!n && mig_now_ns() >= io->deadline_ns)
			return -ETIMEDOUT;
	}
}

static int fd_read(struct mig_io *io, void *buf, size_t len)
{
	struct mig_io_fd *f = io->priv;
	size_t got = 0;

	while (got < len) {
		int rc = wait_ready(io, f->in, POLLIN);
		ssize_t n = rc ? 0 : read(f->in, (char *)buf + got, len - got);

		if (rc)
			return rc;
		if (n > 0)
			got += (size_t)n;
		else if (!n)
			return got ? -EPIPE : -ENODATA;
		else if (errno != EINTR && errno != EAGAIN)
			return -errno;
	}
	return 0;
}

static int fd_writev(struct mig_io *io, struct iovec *v, int n)
{
	struct mig_io_fd *f = io->priv;

	while (n) {
		int rc = wait_ready(io, f->out, POLLOUT);
		ssize_t done = rc ? 0 : writev(f->out, v, n < IOV_MAX ? n : IOV_MAX);

		if (rc)
			return rc;
		if (done < 0 && errno != EINTR && errno != EAGAIN)
			return -errno;
		for (; n && done >= 0 && (size_t)done >= v->iov_len; v++, n--)
			done -= (ssize_t)v->iov_len;
		if (n && done > 0) {
			v->iov_base = (char *)v->iov_base + done;
			v->iov_len -= (size_t)done;
		}
	}
	return 0;
}

void mig_io_fd(struct mig_io_fd *f, int in, int out)
{
	static const struct mig_io_ops ops = { .read = fd_read, .writev = fd_writev };

	*f = (struct mig_io_fd){ .io = { .ops = &ops, .priv = f }, .in = in, .out = out };
}
