/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/fake_wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct wire wire;
static uint64_t clock_ns;

uint64_t __wrap_mig_now_ns(void);
int __wrap_nanosleep(const struct timespec *t, struct timespec *left);

uint64_t __wrap_mig_now_ns(void)
{
	return clock_ns += 1000;
}

int __wrap_nanosleep(const struct timespec *t, struct timespec *left)
{
	(void)left;
	clock_ns += (uint64_t)t->tv_sec * 1000000000 + (uint64_t)t->tv_nsec;
	return 0;
}

static void tick(void)
{
	if (wire.m->tick && !wire.m->suspended)
		wire.m->tick(wire.m);
}

/* The guest gets on before what is written is read, too. */
static int wire_writev(struct mig_io *io, struct iovec *v, int n)
{
	tick();
	if (wire.m->suspended)
		clock_ns += wire.hold_ns;
	if (io->deadline_ns && clock_ns >= io->deadline_ns)
		return -ETIMEDOUT;
	for (int i = 0; i < n; i++) {
		if (wire.len + v[i].iov_len > WIRE_MAX)
			return -ENOSPC;
		if (v[i].iov_len)
			memcpy(wire.bytes + wire.len, v[i].iov_base, v[i].iov_len);
		wire.len += v[i].iov_len;
		clock_ns += v[i].iov_len * 5; /* 200 MB a second */
	}
	tick();
	return 0;
}

static int wire_read(struct mig_io *io, void *buf, size_t len)
{
	(void)io;
	if (wire.at + len > wire.len)
		return -EPIPE;
	memcpy(buf, wire.bytes + wire.at, len);
	wire.at += len;
	return 0;
}

/* The other side takes its time, and the guest gets on meanwhile. */
static int wire_taken(struct mig_io *io)
{
	(void)io;
	tick();
	return ++wire.asked % 3 == 0;
}

const struct mig_io_ops wire_ops = { .read = wire_read, .writev = wire_writev, .taken = wire_taken };

void wire_new(struct machine *m)
{
	wire = (struct wire){ .m = m, .bytes = malloc(WIRE_MAX) };
}

void wire_free(void)
{
	free(wire.bytes);
}
