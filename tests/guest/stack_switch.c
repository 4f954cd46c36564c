/* SPDX-License-Identifier: BSD-2-Clause */
/* stack_switch: where the kernel's stack is when user mode is left. */
#include "check.h"
#include "user.h"

void test_stack_switch(void);

extern char trap_stack[STACK_SIZE];

void test_stack_switch(void)
{
	unsigned long top = (unsigned long)trap_stack + STACK_SIZE;
	struct user_result r;

	expect(hc_stack_switch(FLAT_KERNEL_SS, top - 64), 0, "another place");
	user_open();
	user_run(user_add, 1, &r);
	expect(r.value, 2, "a system call there");
	expect(hc_stack_switch(FLAT_KERNEL_SS & ~3, top), 0, "a selector that asks for ring 0");
	user_run(user_add, 1, &r);
	expect(r.value, 2, "a system call then");
	user_close();
	expect(hc_stack_switch(FLAT_KERNEL_SS, top), 0, "the usual place");
}
