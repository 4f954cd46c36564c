/* SPDX-License-Identifier: BSD-2-Clause */
/* Numbers on the wire of the channel: big-endian. */
#ifndef TORC_MIGRATION_BYTES_H
#define TORC_MIGRATION_BYTES_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

static inline uint32_t get_u32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return be32toh(v);
}

static inline uint64_t get_u64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return be64toh(v);
}

static inline void put_u32(uint8_t *p, uint32_t v)
{
	v = htobe32(v);
	memcpy(p, &v, sizeof(v));
}

static inline void put_u64(uint8_t *p, uint64_t v)
{
	v = htobe64(v);
	memcpy(p, &v, sizeof(v));
}

#endif
