/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The conformance guest: every hypercall, with good, bad and hostile arguments. "only=SECTION" runs
 * one section, "bench" the microbenchmarks instead.
 */
#include "bench.h"
#include "check.h"
#include "guest.h"

#define GUEST_TEST(fn, name) void fn(void);
#include "tests.tbl"
#undef GUEST_TEST

static const struct {
	void (*fn)(void);
	const char *name;
} tests[] = {
#define GUEST_TEST(fn, name) { fn, name },
#include "tests.tbl"
#undef GUEST_TEST
};

static bool wanted(const char *name)
{
	const char *only = option("only");
	size_t n = strlen(name);

	return !only || (!strncmp(only, name, n) && (only[n] == ' ' || !only[n]));
}

void guest_main(void)
{
	unsigned int free;

	if (option("bench")) {
		bench();
		return;
	}
	print("# conformance, PV%u\n", (unsigned int)sizeof(long) * 8);
	readonly_page();
	mm_map(kernel_root, SPARE_VA, 0);
	for (size_t i = 0; i < ARRAY_SIZE(tests); i++) {
		if (!wanted(tests[i].name))
			continue;
		section(tests[i].name);
		free = pages_free();
		tests[i].fn();
		if (pages_free() != free)
			tap(false, "[%s] pages of the pool that did not come back", tests[i].name);
	}
	tap_plan();
}
