/* SPDX-License-Identifier: BSD-2-Clause */
/* The end: why, where, and then stop or start anew as asked (noreboot). */
#include <torc/x86.h>
#include <torc/x86_priv.h>
#include <torc/console.h>

#define REBOOT_AFTER_US	(5u * 1000 * 1000)
#define MAX_TRACE	40

extern const char text_start[], text_end[];
bool panic_noreboot;
static unsigned int panicking;

/* Is the instruction before addr a call? rel32, or through a register or memory with each length of its operand. */
static bool after_call(unsigned long addr)
{
	const uint8_t *p = (const uint8_t *)addr;
	static const uint8_t lengths[] = { 2, 3, 4, 6, 7 };
	unsigned int i;

	if (addr < (unsigned long)text_start + 8 || addr >= (unsigned long)text_end)
		return false;
	if (p[-5] == 0xe8)
		return true;
	for (i = 0; i < ARRAY_SIZE(lengths); i++)
		if (p[-lengths[i]] == 0xff && (p[1 - lengths[i]] >> 3 & 7) == 2)
			return true;
	return false;
}

/* What on the stack is a return address. No frame pointers are kept for this, so some names may be left over from earlier calls. */
void show_backtrace(const unsigned long *sp)
{
	const unsigned long *end = (const unsigned long *)(((unsigned long)sp | (STACK_SIZE - 1)) + 1 - sizeof(struct cpu_info));
	unsigned int shown = 0;
	unsigned long value;

	if ((unsigned long)sp < HYP_START || (unsigned long)sp & 7) {
		log_err("  the stack pointer is wild: no backtrace");
		return;
	}
	for (; sp < end && shown < MAX_TRACE; sp++) {
		if (!read_may_fault(&value, sp, sizeof(value)))
			break;
		if (after_call(value)) {
			log_err("  %016lx %pS", value, (void *)value);
			shown++;
		}
	}
}

void panic_stop_here(void)
{
	for (;;) {
		irq_off();
		__asm__ volatile ("hlt");
	}
}

void panic(const char *fmt, ...)
{
	char text[256];
	va_list ap;

	irq_off();
	if (atomic_add(&panicking, 1) > 1 && panicking > 3)
		panic_stop_here();		/* again and again on the way down */
	console_bust();
	va_start(ap, fmt);
	vformat(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_err("----------------------------------------------------------------");
	log_err("panic on CPU %u: %s", this_cpu(), text);
	show_backtrace((const unsigned long *)__builtin_frame_address(0));
	smp_stop_others();
	if (panic_noreboot) {
		log_err("halted, as noreboot asks");
		panic_stop_here();
	}
	log_err("rebooting in five seconds (noreboot on the command line halts instead)");
	delay_us(REBOOT_AFTER_US);
	machine_reboot();
}
