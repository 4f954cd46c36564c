/* SPDX-License-Identifier: BSD-2-Clause */
/* Hypercall numbers that are not offered. */
#include "check.h"

void test_numbers(void);

void test_numbers(void)
{
	static const unsigned int holes[] = { 11, 27, 38, 43, 44, 47, 50, 55, 56, 63, 64, 127 };

	for (size_t i = 0; i < ARRAY_SIZE(holes); i++)
		expect(hypercall_raw(holes[i], 0, 0, 0, 0, 0), -XEN_ENOSYS, "number %u", holes[i]);
	expect(hypercall_raw(128, 0, 0, 0, 0, 0), -XEN_ENOSYS, "number 128");
	expect(hypercall_raw(0x7fffffff, 0, 0, 0, 0, 0), -XEN_ENOSYS, "number 0x7fffffff");
	expect(hypercall_raw(~0ul, 0, 0, 0, 0, 0), -XEN_ENOSYS, "number ~0");
}
