/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files and block devices by libaio, with O_DIRECT where the file system has it: then nothing is
 * cached twice and a write that completed is on the device. Where it has not (tmpfs), the page
 * cache serves, and a flush is what makes writes durable.
 */
#include "drivers/backend/blk/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <libaio.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define QUEUE_DEPTH 1024
#define BATCH	    64u

struct aio_disk {
	struct disk disk;
	int fd;
	bool is_device;
	uint32_t file_block;
	io_context_t ctx;
	bool reaped;	   /* completions were taken, and event_fd was not read since */
	struct iocb *free; /* linked through data */
	struct iocb iocbs[QUEUE_DEPTH];
};

static struct aio_disk *aio_disk(struct disk *d)
{
	return (struct aio_disk *)d; /* the first member */
}

/* Synchronous by nature: the kernel has no asynchronous form of either. */
static int discard(struct aio_disk *a, const struct disk_io *io)
{
	uint64_t range[2] = { io->offset, io->len };

	if (a->is_device)
		return ioctl(a->fd, BLKDISCARD, range) ? -errno : 0;
	return fallocate(a->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)io->offset,
			 (off_t)io->len) ?
		       -errno :
		       0;
}

static void iocb_put(struct aio_disk *a, struct iocb *cb)
{
	cb->data = a->free;
	a->free = cb;
}

static struct iocb *iocb_for(struct aio_disk *a, struct disk_io *io)
{
	struct iocb *cb = a->free;

	if (!cb)
		return NULL;
	a->free = cb->data;
	switch (io->op) {
	case DISK_READ: io_prep_pread(cb, a->fd, io->buf, io->len, (long long)io->offset); break;
	case DISK_WRITE: io_prep_pwrite(cb, a->fd, io->buf, io->len, (long long)io->offset); break;
	default: io_prep_fdsync(cb, a->fd); break;
	}
	io_set_eventfd(cb, a->disk.event_fd);
	cb->data = io;
	return cb;
}

static void submit_all(struct aio_disk *a, struct iocb **cb, unsigned int n)
{
	struct disk_io *io;
	unsigned int at = 0;
	int rc;

	while (at < n) {
		rc = io_submit(a->ctx, n - at, cb + at);
		if (rc > 0) {
			at += (unsigned int)rc;
			continue;
		}
		/* The first one is refused: it is answered, the rest go on. */
		io = cb[at]->data;
		iocb_put(a, cb[at++]);
		io->done(io, rc ? rc : -EIO);
	}
}

static int aio_submit(struct disk *d, struct disk_io **io, unsigned int n)
{
	struct aio_disk *a = aio_disk(d);
	struct iocb *cb[BATCH];
	unsigned int i, k = 0;

	for (i = 0; i < n; i++) {
		if (io[i]->op == DISK_DISCARD) {
			io[i]->done(io[i], discard(a, io[i]));
			continue;
		}
		cb[k] = iocb_for(a, io[i]);
		if (!cb[k]) {
			io[i]->done(io[i], -EAGAIN);
			continue;
		}
		if (++k == BATCH) {
			submit_all(a, cb, k);
			k = 0;
		}
	}
	submit_all(a, cb, k);
	return 0;
}

/*
 * The kernel puts completions into a ring that it maps into the process, and lets the process take
 * them from there without a call: the head is ours, the tail the kernel's. The layout is part of
 * its interface as long as magic and features say so.
 */
struct aio_ring {
	unsigned int id, nr, head, tail, magic, compat_features, incompat_features, header_length;
	struct io_event event[];
};
#define AIO_RING_MAGIC 0xa10a10a1u

static struct aio_ring *ring_of(const struct aio_disk *a)
{
	struct aio_ring *r = (struct aio_ring *)a->ctx;

	return r->magic == AIO_RING_MAGIC && !r->incompat_features ? r : NULL;
}

static bool aio_ready(struct disk *d)
{
	struct aio_ring *r = ring_of(aio_disk(d));

	return r && r->head != __atomic_load_n(&r->tail, __ATOMIC_ACQUIRE);
}

static int take_completed(struct aio_disk *a, struct io_event *ev)
{
	struct timespec now = { 0, 0 };
	struct aio_ring *r = ring_of(a);
	unsigned int head, tail;
	int n = 0;

	if (!r)
		return io_getevents(a->ctx, 0, BATCH, ev, &now);
	tail = __atomic_load_n(&r->tail, __ATOMIC_ACQUIRE);
	for (head = r->head; head != tail && n < (int)BATCH; head = (head + 1) % r->nr)
		ev[n++] = r->event[head];
	__atomic_store_n(&r->head, head, __ATOMIC_RELEASE);
	return n;
}

static void aio_reap(struct disk *d)
{
	struct aio_disk *a = aio_disk(d);
	struct io_event ev[BATCH];
	struct disk_io *io;
	int i, n;

	a->reaped = true;
	while ((n = take_completed(a, ev)) > 0) {
		for (i = 0; i < n; i++) {
			long res = (long)ev[i].res;

			io = ev[i].data;
			iocb_put(a, ev[i].obj);
			if (res >= 0 && io->op <= DISK_WRITE && (uint64_t)res != io->len)
				res = -EIO; /* cut short: the image ends early or is full */
			io->done(io, res < 0 ? (int)res : 0);
		}
		if (n < (int)BATCH)
			break;
	}
}

static void aio_complete(struct disk *d)
{
	uint64_t count;

	if (read(d->event_fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
		return;
	aio_reap(d);
	aio_disk(d)->reaped = false;
}

/* The descriptor would be readable for what was taken already. What completes after the last look
 * and before this one is found by the next look at the ring. */
static void aio_rest(struct disk *d)
{
	uint64_t count;

	if (aio_disk(d)->reaped && read(d->event_fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
		return;
	aio_disk(d)->reaped = false;
}

static void aio_close(struct disk *d)
{
	struct aio_disk *a = aio_disk(d);

	io_destroy(a->ctx);
	close(d->event_fd);
	close(a->fd);
	free(a);
}

/* What direct I/O on a file must be aligned to: its filesystem's disk may have sectors of 4 KiB. */
static uint32_t file_block(int fd)
{
	uint32_t block = 512;
#ifdef STATX_DIOALIGN
	struct statx x;

	if (fcntl(fd, F_GETFL) & O_DIRECT &&
	    statx(fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &x) == 0 && x.stx_mask & STATX_DIOALIGN &&
	    x.stx_dio_offset_align > block && x.stx_dio_offset_align <= 4096)
		block = x.stx_dio_offset_align;
#else
	(void)fd;
#endif
	return block;
}

static int measure(struct aio_disk *a, struct why *why)
{
	uint32_t block = 512, physical = 512;
	struct stat st;

	if (fstat(a->fd, &st))
		return why_set(why, TE_FILE, "disk: fstat: %m");
	a->is_device = S_ISBLK(st.st_mode);
	if (a->is_device) {
		if (ioctl(a->fd, BLKGETSIZE64, &a->disk.size))
			return why_set(why, TE_FILE, "disk: size of the device: %m");
		ioctl(a->fd, BLKSSZGET, &block);
		ioctl(a->fd, BLKPBSZGET, &physical);
	} else if (S_ISREG(st.st_mode)) {
		block = physical = a->file_block;
		a->disk.size = (uint64_t)st.st_size / block * block;
	} else {
		return why_set(why, TE_FILE, "disk: neither a file nor a block device");
	}
	a->disk.block = block;
	a->disk.physical_block = physical;
	return 0;
}

/* A file has if its filesystem can punch holes, which the first request tells; a device says so
 * itself. */
static bool has_discard(const struct aio_disk *a)
{
	unsigned long long most = 0;
	struct stat st;
	char path[80];
	FILE *f;

	if (!a->is_device || fstat(a->fd, &st))
		return !a->is_device;
	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/queue/discard_max_bytes",
		 major(st.st_rdev), minor(st.st_rdev));
	f = fopen(path, "re");
	if (!f) { /* a partition: its disk has the queue */
		snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/../queue/discard_max_bytes",
			 major(st.st_rdev), minor(st.st_rdev));
		f = fopen(path, "re");
	}
	if (f) {
		if (fscanf(f, "%llu", &most) != 1)
			most = 0;
		fclose(f);
	}
	return most != 0;
}

static int aio_resize(struct disk *d)
{
	uint64_t old = d->size;
	struct why why;

	return measure(aio_disk(d), &why) == 0 && d->size != old;
}

static const struct disk_ops aio_ops = { .submit = aio_submit,
					 .complete = aio_complete,
					 .ready = aio_ready,
					 .reap = aio_reap,
					 .rest = aio_rest,
					 .close = aio_close,
					 .resize = aio_resize };

int disk_open_aio(struct disk **out, const char *path, bool read_only, struct why *why)
{
	struct aio_disk *a = calloc(1, sizeof(*a));
	int rc, flags = (read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC;

	if (!a)
		return why_set(why, TE_NO_MEMORY, "no memory for disk %s", path);
	a->disk.ops = &aio_ops;
	a->disk.read_only = read_only;
	a->fd = open(path, flags | O_DIRECT);
	if (a->fd < 0 && errno == EINVAL)
		a->fd = open(path, flags);
	if (a->fd < 0) {
		rc = why_set(why, TE_FILE, "disk %s cannot be opened %s: %s", path,
			     read_only ? "for reading" : "for reading and writing", strerror(errno));
		goto out_free;
	}
	a->file_block = file_block(a->fd);
	rc = measure(a, why);
	if (rc) {
		why_prefix(why, rc, "%s: ", path);
		goto out_fd;
	}
	a->disk.can_discard = !read_only && has_discard(a);
	a->disk.event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (a->disk.event_fd < 0) {
		rc = why_set(why, TE_NO_MEMORY, "disk %s: eventfd: %m", path);
		goto out_fd;
	}
	rc = io_setup(QUEUE_DEPTH, &a->ctx);
	if (rc) {
		why_set(why, TE_NO_MEMORY, "disk %s: io_setup of %d: %s (fs.aio-max-nr?)", path,
			QUEUE_DEPTH, strerror(-rc));
		goto out_event;
	}
	for (unsigned int i = 0; i < QUEUE_DEPTH; i++)
		iocb_put(a, &a->iocbs[i]);
	*out = &a->disk;
	return 0;

out_event:
	close(a->disk.event_fd);
out_fd:
	close(a->fd);
out_free:
	free(a);
	return rc;
}
