/* SPDX-License-Identifier: BSD-2-Clause */
/* What differs between two pages, what a damaged delta does, and what is kept of pages that were
 * sent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "migration/delta.h"
#include "migration/sent_cache.h"

static uint8_t was[DELTA_PAGE], is[DELTA_PAGE], delta[DELTA_PAGE + 64];

static void pages_new(void)
{
	for (unsigned int i = 0; i < DELTA_PAGE; i++)
		was[i] = (uint8_t)rand();
	memcpy(is, was, DELTA_PAGE);
}

/* Made with just the room that it takes, it leads from the one to the other; with less it is none. */
static size_t made(void)
{
	size_t len = delta_make(was, is, delta, sizeof(delta));
	uint8_t *exact, *page = malloc(DELTA_PAGE);

	assert_true(len <= sizeof(delta));
	exact = malloc(len + 1);
	assert_int_equal(delta_make(was, is, exact, len), len);
	if (len)
		assert_true(delta_make(was, is, exact, len - 1) == DELTA_DEAR);
	assert_int_equal(delta_make(was, is, exact, len), len);
	assert_memory_equal(exact, delta, len);
	memcpy(page, was, DELTA_PAGE);
	assert_true(delta_apply(page, exact, len));
	assert_memory_equal(page, is, DELTA_PAGE);
	free(page);
	free(exact);
	return len;
}

static void known_pages(void **state)
{
	(void)state;
	srand(1);
	pages_new();
	assert_int_equal(made(), 0);
	is[0] ^= 1; /* a run of one, at either end and in the middle */
	assert_int_equal(made(), 12);
	is[DELTA_PAGE - 1] ^= 1;
	assert_int_equal(made(), 24);
	is[2047] ^= 1;
	is[2048] ^= 1; /* two neighbours are one run */
	assert_int_equal(made(), 24 + 20);
	assert_memory_equal(delta, "\0\0\1\0", 4);
	assert_memory_equal(delta + 12, "\xfe\0\2\0", 4);
	for (unsigned int i = 0; i < DELTA_PAGE; i++)
		is[i] = (uint8_t)~was[i];
	assert_int_equal(made(), DELTA_PAGE + 4);
	assert_true(delta_make(was, is, delta, DELTA_MOST) == DELTA_DEAR);
	/* every second unit: the most runs there are */
	for (unsigned int i = 0; i < DELTA_PAGE; i++)
		is[i] = i / 8 % 2 ? was[i] : (uint8_t)~was[i];
	assert_int_equal(made(), 256 * 12);
}

static void random_pages(void **state)
{
	(void)state;
	for (unsigned int seed = 0; seed < 2000; seed++) {
		srand(seed);
		pages_new();
		for (unsigned int n = (unsigned int)rand() % 40; n; n--) {
			unsigned int at = (unsigned int)rand() % DELTA_PAGE,
				     len = 1 + (unsigned int)rand() % (seed % 3 ? 16 : 400);

			for (; len && at < DELTA_PAGE; len--, at++)
				is[at] = (uint8_t)rand();
		}
		made();
	}
}

/* Of which this much is there, in memory of just that size; refused, the page is as it was. */
static void is_refused(const void *bytes, size_t len)
{
	uint8_t *exact = malloc(len ? len : 1), *page = malloc(DELTA_PAGE);

	memcpy(exact, bytes, len);
	memcpy(page, was, DELTA_PAGE);
	assert_false(delta_apply(page, exact, len));
	assert_memory_equal(page, was, DELTA_PAGE);
	free(page);
	free(exact);
}

#define RUN(skip, count) (skip) & 255, (skip) >> 8, (count)&255, (count) >> 8

static void damaged(void **state)
{
	static const uint8_t nothing[4] = { RUN(3, 0) }, outside[12] = { RUN(512, 1) },
			     far[12] = { RUN(65535, 1) }, beyond[8192] = { RUN(511, 2) },
			     huge[8192] = { RUN(0, 65535) },
			     touching[24] = { RUN(1, 1), [12] = RUN(0, 1) },
			     past[24] = { RUN(511, 1), [12] = RUN(1, 1) },
			     half[24] = { RUN(300, 1), [12] = RUN(1, 0) };
	uint8_t more[25];
	size_t len;

	(void)state;
	srand(3);
	pages_new();
	is_refused(nothing, sizeof(nothing));
	is_refused(outside, sizeof(outside));
	is_refused(far, sizeof(far));
	is_refused(beyond, sizeof(beyond));
	is_refused(huge, sizeof(huge));
	is_refused(touching, sizeof(touching));
	is_refused(past, sizeof(past));
	is_refused(half, sizeof(half)); /* its first run is good, and not done either */
	is[8] ^= 1;
	is[800] ^= 1;
	len = made();
	assert_int_equal(len, 24);
	memcpy(more, delta, len);
	more[24] = 0;
	is_refused(more, 25);
	for (size_t cut = 1; cut < len; cut++)
		if (cut != 12) /* where the first run ends */
			is_refused(more, cut);
}

/* --- what is kept */

static void kept(void **state)
{
	struct sent_cache *c = sent_cache_new(1000);
	uint8_t *a, *b;

	(void)state;
	assert_non_null(c);
	assert_null(sent_cache_find(c, 7, 1));
	sent_cache_drop(c, 7);
	a = sent_cache_take(c, 7, 1);
	b = sent_cache_take(c, 999, 1);
	assert_true(a && b && a != b);
	memset(a, 1, DELTA_PAGE);
	memset(b, 2, DELTA_PAGE);
	assert_ptr_equal(sent_cache_find(c, 7, 2), a);
	assert_ptr_equal(sent_cache_find(c, 999, 2), b);
	assert_int_equal(a[DELTA_PAGE - 1], 1);
	sent_cache_drop(c, 7);
	assert_null(sent_cache_find(c, 7, 2));
	sent_cache_drop(c, 7);
	assert_ptr_equal(sent_cache_find(c, 999, 2), b);
	sent_cache_free(c);
}

/* With more pages than places those that are there stay as long as they are sent; then others get
 * their places. */
static void bounded(void **state)
{
	const unsigned int places = 128, pages = places * SENT_CACHE_PART;
	struct sent_cache *c = sent_cache_new(pages);
	unsigned int taken = 0, found = 0;

	(void)state;
	for (unsigned int pfn = 0; pfn < pages; pfn++)
		taken += sent_cache_take(c, pfn, 2) != NULL;
	assert_int_equal(taken, places);
	for (unsigned int round = 3; round < 6; round++)
		for (unsigned int pfn = 0; pfn < pages; pfn++)
			if (sent_cache_find(c, pfn, round))
				found++;
			else
				assert_null(sent_cache_take(c, pfn, round));
	assert_int_equal(found, 3 * places);
	assert_null(sent_cache_take(c, 900, 6)); /* they were sent in round 5 */
	for (unsigned int pfn = 500; pfn < 500 + places; pfn++)
		assert_non_null(sent_cache_take(c, pfn, 7));
	for (unsigned int pfn = 0; pfn < pages; pfn++)
		assert_int_equal(sent_cache_find(c, pfn, 7) != NULL,
				 pfn >= 500 && pfn < 500 + places);
	sent_cache_drop(c, 510); /* a place that is free is found, wherever it is */
	for (taken = 0; taken < places && !sent_cache_take(c, 3, 7); taken++)
		;
	assert_non_null(sent_cache_find(c, 3, 7));
	sent_cache_free(c);
}

/* Who has none finds nothing. */
static void none(void **state)
{
	(void)state;
	assert_null(sent_cache_new(SENT_CACHE_PART - 1));
	assert_null(sent_cache_find(NULL, 5, 1));
	assert_null(sent_cache_take(NULL, 5, 1));
	sent_cache_drop(NULL, 5);
	sent_cache_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_pages), cmocka_unit_test(random_pages),
		cmocka_unit_test(damaged),     cmocka_unit_test(kept),
		cmocka_unit_test(bounded),     cmocka_unit_test(none),
	};

	return cmocka_run_group_tests_name("delta", tests, NULL, NULL);
}
