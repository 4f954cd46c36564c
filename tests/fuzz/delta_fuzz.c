/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Any bytes as what differs in a page: applied within it, or refused with the page as it was. And
 * what is made of two pages, which differ where the input says, leads from the one to the other.
 */
#include <stdlib.h>
#include <string.h>

#include "migration/delta.h"

static void check(bool good)
{
	if (!good)
		abort();
}

/* In memory of its own, so that a byte outside is found. */
static void applied(const uint8_t *data, size_t size)
{
	uint8_t *page = malloc(DELTA_PAGE), *was = malloc(DELTA_PAGE), *out;
	size_t len;

	for (unsigned int i = 0; i < DELTA_PAGE; i++)
		was[i] = (uint8_t)(i * 7 + (i >> 8));
	memcpy(page, was, DELTA_PAGE);
	if (!delta_apply(page, data, size)) {
		check(memcmp(page, was, DELTA_PAGE) == 0);
	} else {
		/* made anew it leaves out what was written as it was, and is no longer */
		out = malloc(size);
		len = delta_make(was, page, out, size);
		check(len != DELTA_DEAR && len <= size && delta_apply(was, out, len) &&
		      memcmp(page, was, DELTA_PAGE) == 0);
		free(out);
	}
	free(page);
	free(was);
}

static void made(const uint8_t *data, size_t size)
{
	uint8_t was[DELTA_PAGE] = { 0 }, is[DELTA_PAGE] = { 0 }, *out = malloc(DELTA_MOST);
	size_t len;

	for (; size >= 3; data += 3, size -= 3)
		is[(data[0] | data[1] << 8) % DELTA_PAGE] = data[2];
	len = delta_make(was, is, out, DELTA_MOST);
	check(len == DELTA_DEAR || (len <= DELTA_MOST && delta_apply(was, out, len) &&
				    memcmp(was, is, sizeof(is)) == 0));
	free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	applied(data, size);
	made(data, size);
	return 0;
}
