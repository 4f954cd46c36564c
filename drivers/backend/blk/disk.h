/* SPDX-License-Identifier: BSD-2-Clause */
/* A disk image, whatever is behind it: reads, writes, flushes and discards, all asynchronous, told
 * of in batches. */
#ifndef BLK_DISK_H
#define BLK_DISK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "dom0-tools/common/why.h"

enum disk_op { DISK_READ, DISK_WRITE, DISK_FLUSH, DISK_DISCARD };

/* Owned by the caller from submission to done(), which is called from disk_complete() or, for what
 * ends at once, from disk_submit(). */
struct disk_io {
	enum disk_op op;
	uint64_t offset; /* bytes, aligned to the disk's block; so is len */
	uint64_t len;
	void *buf;				   /* page-aligned; NULL for flush and discard */
	void (*done)(struct disk_io *io, int err); /* 0 or -errno */
	void *backend;				   /* the disk's own */
};

struct disk;
struct disk_ops {
	int (*submit)(struct disk *d, struct disk_io **io, unsigned int n);
	void (*complete)(struct disk *d);
	/* Where event_fd is not the only one to tell (NULL otherwise): has something completed,
	 * cheap; the same as complete() without a look at event_fd; and that look, once, before it
	 * is waited for. */
	bool (*ready)(struct disk *d);
	void (*reap)(struct disk *d);
	void (*rest)(struct disk *d);
	void (*close)(struct disk *d);
	int (*resize)(struct disk *d); /* looks again at size; 1: it changed */
};
struct disk {
	const struct disk_ops *ops;
	uint64_t size;	/* bytes */
	uint32_t block; /* logical block, bytes */
	uint32_t physical_block;
	bool read_only, can_discard, secure_discard;
	int event_fd; /* readable: call disk_complete() */
};

/* params as in the store: "[aio:]PATH", "nbd:URI", "nbd+unix:...", "nbd://...". */
int disk_open(struct disk **d, const char *params, bool read_only, struct why *why);
int disk_open_aio(struct disk **d, const char *path, bool read_only, struct why *why);
int disk_open_nbd(struct disk **d, const char *uri, bool read_only, struct why *why);

/* One batch. Those that cannot be queued are done with an error; never fails as a whole. */
static inline void disk_submit(struct disk *d, struct disk_io **io, unsigned int n)
{
	d->ops->submit(d, io, n);
}
static inline void disk_complete(struct disk *d)
{
	d->ops->complete(d);
}
/* What completed already, if that is known without a call: true, and done() was called. */
static inline bool disk_reap(struct disk *d)
{
	if (!d->ops->ready || !d->ops->ready(d))
		return false;
	d->ops->reap(d);
	return true;
}
static inline bool disk_completed(struct disk *d)
{
	return d->ops->ready && d->ops->ready(d);
}
/* Before event_fd is waited for: ask disk_completed() once more afterwards. */
static inline void disk_rest(struct disk *d)
{
	if (d->ops->rest)
		d->ops->rest(d);
}
static inline void disk_close(struct disk *d)
{
	d->ops->close(d);
}

#endif
