/* SPDX-License-Identifier: BSD-2-Clause */
/* Page tables to an image and back: what is the guest's keeps its flags, what is the hypervisor's
 * stays out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "migration/tables.h"

#define FLAGS 0x8000000000000067ull /* no-execute, and the low ones of a mapping */

/* The guest has machine frames 1000 to 1999, which are its pages 0 to 999. */
static uint64_t pfn_of(void *arg, uint64_t mfn)
{
	(void)arg;
	return mfn >= 1000 && mfn < 2000 ? mfn - 1000 : TABLE_NONE;
}

/* On the other machine they are 5000 and on. */
static uint64_t mfn_of(void *arg, uint64_t pfn)
{
	(void)arg;
	return pfn < 1000 ? pfn + 5000 : TABLE_NONE;
}

static uint64_t from[TABLE_ENTRIES], to[TABLE_ENTRIES];
static unsigned int bad;

static void there_and_here(void **state)
{
	(void)state;
	memset(from, 0, sizeof(from));
	from[3] = 1007ull << 12 | FLAGS;
	from[4] = 0xabcdef000ull; /* not present: the guest's own words, as swap entries are */
	from[511] = 1999ull << 12 | 1;
	assert_true(table_to_image(to, from, 1, false, false, pfn_of, NULL, &bad));
	assert_true(to[3] == (7ull << 12 | FLAGS));
	assert_true(to[4] == from[4]);
	assert_true(table_from_image(to, mfn_of, NULL, &bad));
	assert_true(to[3] == (5007ull << 12 | FLAGS));
	assert_true(to[4] == from[4]);
	assert_true(to[511] == (5999ull << 12 | 1));
}

static void frames_of_others(void **state)
{
	(void)state;
	memset(from, 0, sizeof(from));
	from[9] = 77ull << 12 | 1;
	assert_false(table_to_image(to, from, 1, false, false, pfn_of, NULL, &bad));
	assert_int_equal(bad, 9);
	assert_true(to[9] == 0);
	memset(to, 0, sizeof(to));
	to[12] = 1000ull << 12 | 1;
	assert_false(table_from_image(to, mfn_of, NULL, &bad));
	assert_int_equal(bad, 12);
}

static void hypervisors_slots(void **state)
{
	(void)state;
	memset(from, 0, sizeof(from));
	from[256] = from[271] = 77ull << 12 | 1;
	from[272] = 1000ull << 12 | 1;
	assert_true(table_to_image(to, from, 4, false, false, pfn_of, NULL, &bad));
	assert_true(to[256] == 0 && to[271] == 0 && to[272] == 1);
	assert_false(table_to_image(to, from, 3, false, false, pfn_of, NULL, &bad));
	memset(from, 0, sizeof(from));
	from[0x1ac] = 77ull << 12 | 1;	 /* the last table of level 2: the hypervisor's */
	from[0x1ad] = 1001ull << 12 | 1; /* another one: its own */
	assert_true(table_to_image(to, from, 2, true, false, pfn_of, NULL, &bad));
	assert_true(to[0x1ac] == 0 && to[0x1ad] == (1ull << 12 | 1));
	/* or the guest's own, not listed yet */
	assert_false(table_to_image(to, from, 2, true, true, pfn_of, NULL, &bad));
	from[0x1ac] |= 0x80;
	assert_true(table_to_image(to, from, 2, true, true, pfn_of, NULL, &bad));
	from[0x1ab] = 77ull << 12 | 1;
	assert_false(table_to_image(to, from, 2, true, false, pfn_of, NULL, &bad));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_and_here),
		cmocka_unit_test(frames_of_others),
		cmocka_unit_test(hypervisors_slots),
	};

	return cmocka_run_group_tests_name("tables", tests, NULL, NULL);
}
