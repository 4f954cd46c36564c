/* SPDX-License-Identifier: BSD-2-Clause */
/* A kernel that prints, counts ticks, runs one task in user mode and serves its system calls. */
#include "kernel.h"

static volatile unsigned int ticks;
static uint8_t user_stack[PAGE] __attribute__((aligned(PAGE)));
extern char user_code[];

static void print(const char *s)
{
	for (; *s; s++)
		machine_put(*s);
}

static void print_hex(uint32_t v)
{
	for (int shift = 28; shift >= 0; shift -= 4)
		machine_put("0123456789abcdef"[v >> shift & 15]);
}

void kernel_tick(void)
{
	ticks++;
}

/* eax 1: write the character in ebx. eax 2: the ticks so far. eax 3: the end. */
static void system_call(struct frame *f)
{
	if (f->eax == 1) {
		machine_put((char)f->ebx);
	} else if (f->eax == 2) {
		f->eax = ticks;
	} else {
		print("the task ended with ");
		print_hex(f->ebx);
		print("\n");
		machine_off();
	}
}

void kernel_trap(struct frame *f)
{
	if (f->vector == VEC_TIMER) {
		machine_interrupt(f);
	} else if (f->vector == VEC_SYSCALL && (f->cs & 3) == 3) {
		system_call(f);
	} else {
		print("trap ");
		print_hex(f->vector);
		print(" error ");
		print_hex(f->error);
		print(" at ");
		print_hex(f->eip);
		print(" address ");
		print_hex(machine_fault_address());
		print("\n");
		machine_off();
	}
}

void kernel_main(void)
{
	uint16_t cs;

	__asm__("mov %%cs, %0" : "=r"(cs));
	print("hello from ring ");
	machine_put((char)('0' + (cs & 3)));
	print("\n");
	while (ticks < 5)
		machine_idle();
	print("the clock ticks\n");
	machine_user(user_code);
	machine_user(user_stack);
	enter_user(user_code, user_stack + PAGE);
}
