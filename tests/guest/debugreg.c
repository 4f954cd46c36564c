/* SPDX-License-Identifier: BSD-2-Clause */
/* set_debugreg, get_debugreg. */
#include "check.h"

void test_debugreg(void);

static unsigned long watched;

void test_debugreg(void)
{
	unsigned long va = (unsigned long)&watched;

	expect(hc_set_debugreg(0, va), 0, "set 0 to an own address");
	expect_true((unsigned long)hc_get_debugreg(0) == va, "get 0");
#ifdef __x86_64__ /* no 32-bit address is the hypervisor's own memory */
	expect(hc_set_debugreg(1, (unsigned long)hypervisor_address), -XEN_EPERM,
	       "set 1 to the hypervisor's address");
	expect(hc_get_debugreg(1), 0, "get 1");
#endif
	expect(hc_set_debugreg(7, 0x2703), -XEN_EPERM, "set 7 with general detection");
	expect(hc_set_debugreg(7, 0x10401 | 2ull << 16), 0, "set 7 with an I/O breakpoint");
	expect(hc_set_debugreg(7, 0xd0401), 0, "set 7 to watch writes at 0");
	expect_trap(touch_write, &watched, 1, -1, "a write there");
	expect(hc_set_debugreg(7, 0), 0, "set 7 to 0");
	expect_trap(touch_write, &watched, -1, 0, "a write there");
	expect(hc_set_debugreg(0, 0), 0, "set 0 to 0");
	expect(hc_set_debugreg(8, 0), -XEN_ENODEV, "set 8");
	expect(hc_get_debugreg(8), -XEN_ENODEV, "get 8");
	expect(hc_set_debugreg(~0u, 0), -XEN_ENODEV, "set ~0");
	expect(hc_get_debugreg(~0u), -XEN_ENODEV, "get ~0");
	expect(hc_set_debugreg(6, 0), 0, "set 6");
}
