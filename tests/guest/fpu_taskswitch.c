/* SPDX-License-Identifier: BSD-2-Clause */
/* fpu_taskswitch: the trap on the first use of the FPU. */
#include "check.h"

void test_fpu_taskswitch(void);

static void use_fpu(void *p)
{
	(void)p;
	__asm__ volatile("fninit");
}

void test_fpu_taskswitch(void)
{
	expect(HC1(__HYPERVISOR_fpu_taskswitch, 1), 0, "set");
	expect_trap(use_fpu, NULL, 7, 0, "the FPU's use");
	expect(HC1(__HYPERVISOR_fpu_taskswitch, 0), 0, "clear");
	expect_trap(use_fpu, NULL, -1, 0, "the FPU's use");
	expect(HC1(__HYPERVISOR_fpu_taskswitch, 99), 0, "set by any number");
	expect_trap(use_fpu, NULL, 7, 0, "the FPU's use");
	HC1(__HYPERVISOR_fpu_taskswitch, 0);
}
