/* SPDX-License-Identifier: BSD-2-Clause */
/* The end: why, where, and then stop or start anew as asked (noreboot). */
#include <torc/x86.h>
#include <torc/x86_priv.h>
#include <torc/console.h>

#define REBOOT_AFTER_US (5u * 1000 * 1000)
#define MAX_TRACE	40

extern const char text_start[], text_end[];
bool panic_noreboot;
static unsigned int panicking;

static bool show_caller(unsigned long addr)
{
	if (addr < (unsigned long)text_start || addr >= (unsigned long)text_end)
		return false;
	log_err("  %016lx %pS", addr, (void *)addr);
	return true;
}

#ifndef NDEBUG
/* Debug builds keep frame pointers: a chain of (caller's frame, return address). Frames of traps
 * break it: what comes below is shown by the trap's own registers. */
static void walk(const unsigned long *sp, const unsigned long *fp, const unsigned long *end)
{
	unsigned int n;

	for (n = 0; n < MAX_TRACE && fp >= sp && fp + 1 < end && !((unsigned long)fp & 7); n++) {
		if (!show_caller(fp[1]))
			break;
		sp = fp + 1;
		fp = (const unsigned long *)fp[0];
	}
}
#else
/* Is the instruction before addr a call? rel32, or through a register or memory with each length of
 * its operand. */
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

/* No frame pointers: all on the stack that may be a return address. Some names may be left over
 * from earlier calls. */
static void walk(const unsigned long *sp, const unsigned long *fp, const unsigned long *end)
{
	unsigned int n;

	(void)fp;
	for (n = 0; n < MAX_TRACE && sp < end; sp++)
		if (after_call(*sp))
			n += show_caller(*sp);
}
#endif

void show_backtrace(const unsigned long *sp, const unsigned long *fp)
{
	unsigned long top = CPU_WINDOW(this_cpu()) + WINDOW_STACK + STACK_SIZE -
			    sizeof(struct cpu_info);

	if ((unsigned long)sp >= top || (unsigned long)sp < top - STACK_SIZE ||
	    (unsigned long)sp & 7) {
		top = ((unsigned long)sp | (PAGE_SIZE - 1)) +
		      1; /* an IST stack, or the boot's: to the end of the page */
		if ((unsigned long)sp < IMAGE_BASE || (unsigned long)sp & 7) {
			log_err("  the stack pointer is wild: no backtrace");
			return;
		}
	}
	walk(sp, fp, (const unsigned long *)top);
}

void panic_stop_here(void)
{
	for (;;) {
		irq_off();
		__asm__ volatile("hlt");
	}
}

void machine_after_crash(void)
{
	irq_off();
	smp_stop_others();
	if (panic_noreboot) {
		log_err("halted, as noreboot asks");
		panic_stop_here();
	}
	log_err("rebooting in five seconds (noreboot on the command line halts instead)");
	delay_us(REBOOT_AFTER_US);
	machine_reboot();
}

void panic(const char *fmt, ...)
{
	const unsigned long *fp;
	char text[256];
	va_list ap;

	irq_off();
	if (atomic_add(&panicking, 1) > 1 && panicking > 3)
		panic_stop_here(); /* again and again on the way down */
	console_bust();
	va_start(ap, fmt);
	vformat(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_err("----------------------------------------------------------------");
	log_err("panic on CPU %u: %s", this_cpu(), text);
	fp = __builtin_frame_address(0);
	show_backtrace(fp, fp);
	machine_after_crash();
}
