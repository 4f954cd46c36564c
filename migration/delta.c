/* SPDX-License-Identifier: BSD-2-Clause */
/* See delta.h. */
#include "migration/delta.h"

#include <endian.h>
#include <string.h>

#define UNIT  8u
#define UNITS (DELTA_PAGE / UNIT)
/* of a run. It is shorter than a unit, so that two runs cost less than the unit between them. */
#define HEAD 4u

/* --- making */

static bool same(const uint8_t *was, const uint8_t *is, unsigned int unit)
{
	return memcmp(was + (size_t)unit * UNIT, is + (size_t)unit * UNIT, UNIT) == 0;
}

static void put16(uint8_t *at, unsigned int v)
{
	uint16_t le = htole16((uint16_t)v);

	memcpy(at, &le, sizeof(le));
}

size_t delta_make(const void *was, const void *is, uint8_t *out, size_t room)
{
	const uint8_t *a = was, *b = is;
	unsigned int done = 0, first, end;
	size_t len = 0;

	for (;; done = end) {
		for (first = done; first < UNITS && same(a, b, first);)
			first++;
		if (first == UNITS)
			return len;
		for (end = first + 1; end < UNITS && !same(a, b, end);)
			end++;
		if (len + HEAD + (size_t)(end - first) * UNIT > room)
			return DELTA_DEAR;
		put16(out + len, first - done);
		put16(out + len + 2, end - first);
		memcpy(out + len + HEAD, b + (size_t)first * UNIT, (size_t)(end - first) * UNIT);
		len += HEAD + (size_t)(end - first) * UNIT;
	}
}

/* --- applying */

struct run {
	unsigned int skip, count;
};

static struct run run_at(const uint8_t *at)
{
	uint16_t v[2];

	memcpy(v, at, sizeof(v));
	return (struct run){ le16toh(v[0]), le16toh(v[1]) };
}

/* Runs that have something, do not touch each other and stay within the page, and an exact end. */
static bool is_sound(const uint8_t *delta, size_t len)
{
	unsigned int unit = 0;

	for (size_t at = 0; at < len;) {
		struct run r;

		if (len - at < HEAD)
			return false;
		r = run_at(delta + at);
		if (!r.count || (at && !r.skip) || r.skip + r.count > UNITS - unit ||
		    (size_t)r.count * UNIT > len - at - HEAD)
			return false;
		unit += r.skip + r.count;
		at += HEAD + (size_t)r.count * UNIT;
	}
	return true;
}

bool delta_apply(void *page, const uint8_t *delta, size_t len)
{
	uint8_t *to = page;

	if (!is_sound(delta, len))
		return false;
	for (size_t at = 0; at < len;) {
		struct run r = run_at(delta + at);

		to += (size_t)r.skip * UNIT;
		memcpy(to, delta + at + HEAD, (size_t)r.count * UNIT);
		to += (size_t)r.count * UNIT;
		at += HEAD + (size_t)r.count * UNIT;
	}
	return true;
}
