/* SPDX-License-Identifier: BSD-2-Clause */
/* hypervisor/lib/print.c against the host's own printf. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include <torc/print.h>

#pragma GCC diagnostic ignored "-Wformat"
#pragma GCC diagnostic ignored "-Wformat-truncation"
#pragma GCC diagnostic ignored "-Wformat-overflow"

#define SAME(...)                                                      \
	do {                                                           \
		char ours[64], theirs[64];                             \
		int n = format(ours, sizeof(ours), __VA_ARGS__);       \
		int m = snprintf(theirs, sizeof(theirs), __VA_ARGS__); \
		assert_string_equal(ours, theirs);                     \
		assert_int_equal(n, m);                                \
	} while (0)

static void numbers(void **state)
{
	(void)state;
	SAME("%d %i %u", -5, 17, 4000000000u);
	SAME("%ld %lu %lx", INT64_MIN, UINT64_MAX, 0xdeadbeefcafeul);
	SAME("%hhu %hhd %hx", 300, 200, 0x12345);
	SAME("%zu %td %lld", (size_t)77, (ptrdiff_t)-77, -1ll);
	SAME("%x %X %#x %#X %o", 0xabcu, 0xabcu, 0xabcu, 0xabcu, 8u);
	SAME("%#x", 0u);
}

static void widths(void **state)
{
	(void)state;
	SAME("[%5d][%-5d][%05d][%+d][% d]", 42, 42, 42, 42, 42);
	SAME("[%5d][%05d]", -42, -42);
	SAME("[%8.3d][%-8.3d][%.0d]", 7, 7, 0);
	SAME("[%#10x][%#010x][%-#10x]", 0xbeef, 0xbeef, 0xbeef);
	SAME("[%*d][%-*d][%.*s]", 6, 1, 6, 2, 2, "abcdef");
	SAME("[%016lx]", 0x1234ul);
}

static void strings(void **state)
{
	(void)state;
	SAME("[%s][%10s][%-10s][%.3s]", "abc", "abc", "abc", "abcdef");
	SAME("%c%c%%", 'x', 'y');
	SAME("%p", (void *)0x1000);
}

static void a_short_buffer_is_terminated(void **state)
{
	char buf[6] = "zzzzz";

	(void)state;
	assert_int_equal(format(buf, 4, "%s", "abcdef"), 6);
	assert_string_equal(buf, "abc");
	assert_int_equal(buf[4], 'z');
	assert_int_equal(format(buf, 0, "%d", 123), 3);
	assert_int_equal(buf[0], 'a');
}

static void what_is_unfinished_or_unknown_is_no_harm(void **state)
{
	char buf[32];

	(void)state;
	format(buf, sizeof(buf), "100%");
	assert_string_equal(buf, "100");
	format(buf, sizeof(buf), "%q");
	assert_string_equal(buf, "%q");
	format(buf, sizeof(buf), "%s", NULL);
	assert_string_equal(buf, "(null)");
}

static const char *one_symbol(unsigned long addr, unsigned long *offset)
{
	*offset = addr & 0xff;
	return addr < 0x1000 ? "frame_get" : NULL;
}

static void symbols(void **state)
{
	char buf[64];

	(void)state;
	print_symbol = one_symbol;
	format(buf, sizeof(buf), "%pS|%pS|%pS", (void *)0x112, (void *)0x100, (void *)0x2000);
	assert_string_equal(buf, "frame_get+0x12|frame_get+0|0x2000");
	print_symbol = NULL;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers),
		cmocka_unit_test(widths),
		cmocka_unit_test(strings),
		cmocka_unit_test(a_short_buffer_is_terminated),
		cmocka_unit_test(what_is_unfinished_or_unknown_is_no_harm),
		cmocka_unit_test(symbols),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
