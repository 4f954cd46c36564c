/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A wire that keeps what is written to it, for whoever reads afterwards, and made-up time: what the
 * engine decides hangs on it. A look at the clock takes some, a byte on the wire takes some, and
 * who sleeps wakes on time. The linker leads both calls here (--wrap).
 */
#ifndef TESTS_UNIT_FAKE_WIRE_H
#define TESTS_UNIT_FAKE_WIRE_H

#include "migration/io.h"
#include "tests/unit/fake_machine.h"

#define WIRE_MAX (512u << 20)

struct wire {
	struct machine *m; /* whose guest gets on while something is written */
	uint8_t *bytes;
	size_t len, at;	    /* written, and read */
	unsigned int asked; /* whether all has been taken */
	uint64_t hold_ns;   /* that each piece of a guest that stands still takes */
};

extern struct wire wire;
extern const struct mig_io_ops wire_ops;

void wire_new(struct machine *m);
void wire_free(void);

#endif
