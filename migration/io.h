/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bytes in order, to and from somewhere: a file, a socket, a TLS channel. What a domain's image is
 * written to and read from. Every call is whole or fails: there are no short reads or writes to
 * handle.
 */
#ifndef TORC_MIGRATION_IO_H
#define TORC_MIGRATION_IO_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

struct mig_io;

struct mig_io_ops {
	/* Fill buf with exactly len bytes. 0 or -errno; -ENODATA if the stream ends before the
	 * first byte, -EPIPE if after. */
	int (*read)(struct mig_io *io, void *buf, size_t len);
	/* Write all of it. The vector may be changed by the call. What is written may wait for
	 * flush. */
	int (*writev)(struct mig_io *io, struct iovec *v, int n);
	/* Everything written so far is on its way (a socket), or durable as the transport means it
	 * (a file: handed to the kernel). */
	int (*flush)(struct mig_io *io);
	/* May be NULL. The other side has taken everything; and how long a word takes there and
	 * back when nothing else is under way. */
	int (*settle)(struct mig_io *io, uint64_t *round_trip_ns);
	/* May be NULL. The same without waiting, of what was flushed: 1 or 0, or -errno. */
	int (*taken)(struct mig_io *io);
};

struct mig_io {
	const struct mig_io_ops *ops;
	void *priv;
	/*
	 * By CLOCK_MONOTONIC, in ns; 0: none. Calls that are not through by then return -ETIMEDOUT,
	 * and so does every call after it. The user of the stream moves it on as it makes progress.
	 */
	uint64_t deadline_ns;
	uint64_t bytes_in, bytes_out; /* kept by mig_read() and mig_writev(): of the payload, not of
					 the transport */
};

int mig_read(struct mig_io *io, void *buf, size_t len);
int mig_writev(struct mig_io *io, struct iovec *v, int n);
int mig_write(struct mig_io *io, const void *buf, size_t len);
int mig_flush(struct mig_io *io);
/* Flushes, too. Where nobody can tell, the round trip is 0. */
int mig_settle(struct mig_io *io, uint64_t *round_trip_ns);
/* Where nobody can tell, 1. */
int mig_taken(struct mig_io *io);

uint64_t mig_now_ns(void);

/* A file or a socket. in and out may be the same, or -1 where that way is not used; they stay the
 * caller's. */
struct mig_io_fd {
	struct mig_io io;
	int in, out;
};
void mig_io_fd(struct mig_io_fd *f, int in, int out);

#endif
