/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Network disks by libnbd: qcow2, Ceph, shared storage come through nbdkit and qemu-nbd, which do
 * that well. libnbd is driven without threads: its socket and our event loop meet in an epoll
 * descriptor, which is what the caller polls.
 */
#include "drivers/backend/blk/disk.h"

#include <errno.h>
#include <libnbd.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "dom0-tools/common/alive.h"

#define CONNECT_MS    6000 /* who attaches it gives up a little later, and is to be told why */
#define GOODBYE_TURNS 10   /* of at most so long */
#define GOODBYE_MS    100

struct nbd_disk {
	struct disk disk;
	struct nbd_handle *h;
	bool flushes; /* asked at the start: of a connection that was lost libnbd says no */
};

static struct nbd_disk *nbd_disk(struct disk *d)
{
	return (struct nbd_disk *)d;
}

static int finished(void *arg, int *error)
{
	struct disk_io *io = arg;

	io->done(io, *error ? -*error : 0);
	return 1; /* retire the command */
}

/* What libnbd waits for may change with every call into it. */
static void rearm(struct nbd_disk *n)
{
	unsigned int dir = nbd_aio_get_direction(n->h);
	struct epoll_event ev = { 0 };
	int fd = nbd_aio_get_fd(n->h);

	if (dir & LIBNBD_AIO_DIRECTION_READ)
		ev.events |= EPOLLIN;
	if (dir & LIBNBD_AIO_DIRECTION_WRITE)
		ev.events |= EPOLLOUT;
	if (fd >= 0 && epoll_ctl(n->disk.event_fd, EPOLL_CTL_MOD, fd, &ev) && errno == ENOENT)
		epoll_ctl(n->disk.event_fd, EPOLL_CTL_ADD, fd, &ev);
}

static int queue(struct nbd_disk *n, struct disk_io *io)
{
	nbd_completion_callback cb = { .callback = finished, .user_data = io };

	switch (io->op) {
	case DISK_READ:
		return nbd_aio_pread(n->h, io->buf, io->len, io->offset, cb, 0) < 0 ? -1 : 0;
	case DISK_WRITE:
		return nbd_aio_pwrite(n->h, io->buf, io->len, io->offset, cb, 0) < 0 ? -1 : 0;
	case DISK_FLUSH:
		if (!n->flushes) {
			io->done(io, 0); /* the server has nothing volatile */
			return 0;
		}
		return nbd_aio_flush(n->h, cb, 0) < 0 ? -1 : 0;
	default: return nbd_aio_trim(n->h, io->len, io->offset, cb, 0) < 0 ? -1 : 0;
	}
}

static int nbd_submit(struct disk *d, struct disk_io **io, unsigned int n)
{
	struct nbd_disk *nd = nbd_disk(d);
	unsigned int i;

	for (i = 0; i < n; i++) {
		if (queue(nd, io[i])) {
			int e = nbd_get_errno();

			io[i]->done(io[i], e ? -e : -EIO);
		}
	}
	rearm(nd);
	return 0;
}

static void nbd_complete(struct disk *d)
{
	struct nbd_disk *n = nbd_disk(d);

	nbd_poll(n->h, 0);
	rearm(n);
}

/* All was answered. A server that hangs need not hold up who would have another image served in its
 * place. */
static void say_goodbye(struct nbd_handle *h)
{
	int turns;

	if (nbd_aio_is_ready(h) != 1 || nbd_aio_disconnect(h, 0))
		return;
	for (turns = 0;
	     turns < GOODBYE_TURNS && nbd_aio_is_closed(h) != 1 && nbd_aio_is_dead(h) != 1; turns++)
		if (nbd_poll(h, GOODBYE_MS) < 0)
			return;
}

static void nbd_disk_close(struct disk *d)
{
	struct nbd_disk *n = nbd_disk(d);

	say_goodbye(n->h);
	nbd_close(n->h);
	close(d->event_fd);
	free(n);
}

static int nbd_resize(struct disk *d)
{
	(void)d;
	return 0; /* an NBD export's size is fixed for a connection */
}

static const struct disk_ops nbd_ops = { .submit = nbd_submit,
					 .complete = nbd_complete,
					 .close = nbd_disk_close,
					 .resize = nbd_resize };

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* A server that was asked and whose machine is gone answers nothing, and nobody but the kernel can
 * tell: the guest would wait for ever, and its domain could not go. */
static const struct alive server = { 60, 10, 6, 0 };

/* A server that takes the connection and says nothing must not hold us: who waits for it hears
 * nothing of the toolstack, which takes the disk away meanwhile and cannot have its number again. */
static int connect_in_time(struct nbd_handle *h, const char *uri, struct why *why)
{
	int64_t left, until = now_ms() + CONNECT_MS;
	int rc = nbd_aio_connect_uri(h, uri);

	while (rc >= 0 && nbd_aio_is_connecting(h) == 1) {
		left = until - now_ms();
		if (left <= 0)
			return why_set(why, TE_FILE,
				       "disk %s: its server does not answer within %d s", uri,
				       CONNECT_MS / 1000);
		rc = nbd_poll(h, (int)left);
	}
	if (rc >= 0 && nbd_aio_is_ready(h) == 1) {
		alive_watch(nbd_aio_get_fd(h), &server);
		return 0;
	}
	return why_set(why, TE_FILE, "disk %s: %s", uri,
		       nbd_get_error() ? nbd_get_error() : "the server has hung up");
}

int disk_open_nbd(struct disk **out, const char *uri, bool read_only, struct why *why)
{
	struct nbd_disk *n = calloc(1, sizeof(*n));
	int64_t size, block;
	int rc;

	if (!n)
		return why_set(why, TE_NO_MEMORY, "no memory for disk %s", uri);
	n->disk.ops = &nbd_ops;
	n->disk.block = 512;
	n->disk.physical_block = 4096;
	n->disk.event_fd = epoll_create1(EPOLL_CLOEXEC);
	n->h = nbd_create();
	if (n->disk.event_fd < 0 || !n->h) {
		rc = why_set(why, TE_NO_MEMORY, "disk %s: no NBD handle", uri);
		goto out;
	}
	rc = connect_in_time(n->h, uri, why);
	if (rc)
		goto out;
	size = nbd_get_size(n->h);
	if (size < 0) {
		rc = why_set(why, TE_FILE, "disk %s: %s", uri, nbd_get_error());
		goto out;
	}
	block = nbd_get_block_size(n->h, LIBNBD_SIZE_MINIMUM);
	if (block > n->disk.block)
		n->disk.block = (uint32_t)block;
	if (block > 4096) {
		rc = why_set(
			why, TE_FILE,
			"disk %s: its server takes no less than %lld bytes at a time; a guest's page has 4096",
			uri, (long long)block);
		goto out;
	}
	n->disk.size = (uint64_t)size / n->disk.block * n->disk.block;
	n->disk.read_only = read_only;
	if (!read_only && nbd_is_read_only(n->h) == 1) {
		rc = why_set(why, TE_FILE,
			     "disk %s is exported read-only; the guest's configuration says w", uri);
		goto out;
	}
	n->disk.can_discard = !read_only && nbd_can_trim(n->h) == 1;
	n->flushes = nbd_can_flush(n->h) == 1;
	rearm(n);
	*out = &n->disk;
	return 0;

out:
	if (n->h)
		nbd_close(n->h);
	if (n->disk.event_fd >= 0)
		close(n->disk.event_fd);
	free(n);
	return rc;
}
