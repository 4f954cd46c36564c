/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The conformance guest: every hypercall, with good, bad and hostile arguments. "only=SECTION" runs
 * one section, "bench" the microbenchmarks instead, "lost" the end of a kernel that loses its stack.
 */
#include "bench.h"
#include "check.h"
#include "guest.h"
#include "timer.h"

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

/* An event comes while the stack is nowhere: there is no place to tell the kernel. */
static void lose_stack(void)
{
	print("# the stack goes\n");
	hc_set_timer_op(now() + 20 * MS);
#ifdef __x86_64__
	__asm__ volatile("mov %0, %%rsp; 1: pause; jmp 1b" : : "r"(16l));
#else
	__asm__ volatile("mov %0, %%esp; 1: pause; jmp 1b" : : "r"(16l));
#endif
}

void guest_main(void)
{
	unsigned int free;

	if (option("lost"))
		lose_stack();
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
