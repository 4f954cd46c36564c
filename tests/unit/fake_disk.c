/* SPDX-License-Identifier: BSD-2-Clause */
/* A disk in memory (fake_disk.h). */
#include "tests/unit/fake_disk.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

static int submit(struct disk *disk, struct disk_io **io, unsigned int n)
{
	struct fake_disk *d = (struct fake_disk *)disk;
	unsigned int i;

	for (i = 0; i < n; i++) {
		if (d->queued == FAKE_DISK_QUEUE)
			io[i]->done(io[i], -EAGAIN);
		else
			d->queue[d->queued++] = io[i];
	}
	return 0;
}

static int perform(struct fake_disk *d, struct disk_io *io)
{
	if (d->fail)
		return d->fail;
	if (io->op == DISK_FLUSH) {
		d->flushes++;
		return 0;
	}
	if (io->offset > FAKE_DISK_BYTES || io->len > FAKE_DISK_BYTES - io->offset)
		__builtin_trap(); /* the backend let a request through that lies beyond the disk */
	switch (io->op) {
	case DISK_READ: memcpy(io->buf, d->data + io->offset, io->len); break;
	case DISK_WRITE: memcpy(d->data + io->offset, io->buf, io->len); break;
	default:
		d->discards++;
		memset(d->data + io->offset, 0, io->len);
		break;
	}
	return 0;
}

static void complete(struct disk *disk)
{
	struct fake_disk *d = (struct fake_disk *)disk;
	struct disk_io *now[FAKE_DISK_QUEUE];
	unsigned int i, n = d->queued;

	if (d->hold)
		return;
	memcpy(now, d->queue, n * sizeof(now[0]));
	d->queued = 0;
	for (i = 0; i < n; i++) {
		struct disk_io *io = now[d->backwards ? n - 1 - i : i];

		io->done(io, perform(d, io));
	}
}

static bool ready(struct disk *disk)
{
	const struct fake_disk *d = (const struct fake_disk *)disk;

	return d->fast && d->queued && !d->hold;
}

static void close_disk(struct disk *disk)
{
	(void)disk;
}

static int resize(struct disk *disk)
{
	(void)disk;
	return 0;
}

static const struct disk_ops ops = { .submit = submit,
				     .complete = complete,
				     .ready = ready,
				     .reap = complete,
				     .close = close_disk,
				     .resize = resize };

void fake_disk_init(struct fake_disk *d)
{
	memset(d, 0, sizeof(*d));
	d->disk = (struct disk){ .ops = &ops,
				 .size = FAKE_DISK_BYTES,
				 .block = 512,
				 .physical_block = 4096,
				 .can_discard = true };
	d->disk.event_fd = eventfd(1, EFD_NONBLOCK); /* always readable */
}

void fake_disk_free(struct fake_disk *d)
{
	close(d->disk.event_fd);
}
