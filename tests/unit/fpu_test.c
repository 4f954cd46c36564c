/* SPDX-License-Identifier: BSD-2-Clause */
/* x86/fpu.c: what is left of the one before, and which images are taken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "hypervisor/x86/fpu.c"

struct cpu_features cpu_features;

unsigned int this_cpu(void)
{
	return 0;
}
void *page_alloc(unsigned int order)
{
	return aligned_alloc(PAGE_SIZE, PAGE_SIZE << order);
}
void page_free(void *p, unsigned int order)
{
	(void)order;
	free(p);
}

/* The lower half of where the last x87 instruction was, and the exceptions. */
static uint32_t last_instruction(uint16_t *fsw)
{
	uint32_t env[7];

	__asm__ volatile("fnstenv %0" : "=m"(env));
	*fsw = (uint16_t)env[1];
	return env[3];
}

/* All eight places are taken, and an exception that nobody masks is pending. */
static void where_the_one_before_was_is_forgotten(void **state)
{
	static const uint16_t unmasked = 0x0340;
	uint32_t before, after;
	uint16_t fsw;

	(void)state;
	__asm__ volatile("fninit\n\tfldz\n\tfld1\n\tfld1\n\tfld1\n\tfld1\n\tfld1\n\tfld1\n\tfld1\n\t"
			 "fldcw %0\n\tfdiv %%st(7), %%st" ::"m"(unmasked));
	before = last_instruction(&fsw);
	assert_true(before);
	assert_true(fsw & 0x4); /* a division by zero */
	pointers_forget();
	after = last_instruction(&fsw);
	assert_true(after != before);
	assert_int_equal(fsw & 0xff, 0); /* no exception, of its own either */
	__asm__ volatile("fninit");
}

static void images_that_would_fault_are_refused(void **state)
{
	static struct fpu_state f;

	(void)state;
	cpu_features.xsave = true;
	cpu_features.xcr0_all = 7;
	cpu_features.xsave_size = sizeof(f) + 256;
	memset(&f, 0, sizeof(f));
	f.mxcsr = MXCSR_DEFAULT;
	assert_true(fpu_check(&f, sizeof(f)));
	assert_true(fpu_check(&f, 512));
	assert_false(fpu_check(&f, 511));
	assert_false(fpu_check(&f, sizeof(f) + 257));
	f.mxcsr = 1u << 16;
	assert_false(fpu_check(&f, sizeof(f)));
	f.mxcsr = MXCSR_DEFAULT;
	f.xstate_bv = 8;
	assert_false(fpu_check(&f, sizeof(f)));
	f.xstate_bv = 7;
	assert_true(fpu_check(&f, sizeof(f)));
	f.xcomp_bv = 1ull << 63;
	assert_false(fpu_check(&f, sizeof(f)));
	f.xcomp_bv = 0;
	f.reserved1[5] = 1;
	assert_false(fpu_check(&f, sizeof(f)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(where_the_one_before_was_is_forgotten),
		cmocka_unit_test(images_that_would_fault_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
