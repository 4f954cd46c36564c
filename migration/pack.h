/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Compression where it pays: a piece of the stream is packed if that takes less time than sending
 * what it saves. Both are measured as it goes; where it does not pay, it is tried again now and
 * then.
 */
#ifndef TORC_MIGRATION_PACK_H
#define TORC_MIGRATION_PACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PACK_HEAD 4u /* u32: bytes before packing */

struct pack {
	double pack_ns, send_ns; /* of a byte that goes in, and of one that goes out */
	double ratio;		 /* out to in */
	unsigned int plain;	 /* pieces since the last one that was packed */
};

/* Is it to be tried with the next piece of so many bytes? */
bool pack_worth(struct pack *p, size_t len);
/* Into out, which holds len bytes: what it became, head and all, or 0 if that is not less. */
size_t pack_do(struct pack *p, const void *in, size_t len, void *out);
/* So many bytes went out in so long. */
void pack_sent(struct pack *p, size_t len, uint64_t took_ns);

/* Of a hostile peer: at most most bytes into out. false: it is damaged. */
bool pack_undo(const void *in, size_t len, void *out, size_t most, size_t *out_len);

#endif
