/* SPDX-License-Identifier: BSD-2-Clause */
/* set_trap_table: entries in, and what the hypervisor makes of hostile ones. */
#include "check.h"

void test_set_trap_table(void);

static long load(void *p)
{
	return hc_set_trap_table(p);
}

static void ud2(void *p)
{
	(void)p;
	__asm__ volatile("ud2");
}

extern const unsigned long trap_stubs[32];

void test_set_trap_table(void)
{
	static struct trap_info t[2];

	expect_bad_pointers(load, -XEN_EFAULT, "a table");
	expect(load(t), 0, "a table of no entries");
	expect_trap(ud2, NULL, 6, 0, "the old entries stay");
	t[0] = (struct trap_info){
		.vector = 6, .cs = FLAT_KERNEL_CS & ~3, .flags = 4, .address = trap_stubs[6]
	};
	expect(load(t), 0, "an entry whose selector asks for ring 0");
	expect_trap(ud2, NULL, 6, 0, "it was made ours");
#ifdef __x86_64__
	t[0].address = 0x8000000000000000;
	expect(load(t), -XEN_EINVAL, "an entry whose address is not canonical");
#endif
	trap_table_load();
	expect_trap(ud2, NULL, 6, 0, "the table is as before");
}
