/* SPDX-License-Identifier: BSD-2-Clause */
/* x86/trap.c: what a guest makes happen in the hypervisor itself leaves nothing for the next guest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include <torc/console.h>
#include <torc/hooks.h>
#include <torc/irq.h>
#include <torc/work.h>
#include <torc/x86.h>
#include <torc/x86_priv.h>

void trap_own_ist(struct cpu_user_regs *r);

const char iret_to_guest[1], idle_look[1], idle_halt[1];
static struct cpu_info real, copy;
static unsigned long dr6;
static unsigned int nmis;

struct cpu_info *cpu_info(void)
{
	return &copy;
}
struct cpu_info *cpu_info_of(unsigned int cpu)
{
	assert_int_equal(cpu, 0);
	return &real;
}
unsigned int this_cpu(void)
{
	return 0;
}
unsigned long read_dr6(void)
{
	return dr6;
}
void write_dr6(unsigned long v)
{
	dr6 = v;
}
void hook_nmi(struct cpu_user_regs *r)
{
	(void)r;
	nmis++;
}
bool smp_is_stopping(void)
{
	return false;
}

/* --- the rest needs these, and none is reached --- */

void panic(const char *fmt, ...)
{
	(void)fmt;
	abort();
}
void panic_stop_here(void)
{
	abort();
}
void enter_guest(void)
{
	abort();
}
void console_bust(void)
{
}
void log_err(const char *fmt, ...)
{
	(void)fmt;
}
void log_warn(const char *fmt, ...)
{
	(void)fmt;
}
void show_backtrace(const unsigned long *sp, const unsigned long *fp)
{
	(void)sp, (void)fp;
}
void apic_eoi(void)
{
}
void cpu_calls_run(void)
{
}
void tlb_requests_run(void)
{
}
void work_raise(enum work w)
{
	(void)w;
}
bool rdmsr_safe(uint32_t m, uint64_t *v)
{
	(void)m, (void)v;
	return false;
}
bool exception_fixup(struct cpu_user_regs *r)
{
	(void)r;
	return false;
}
void hook_guest_exception(struct cpu_user_regs *r, unsigned long cr2)
{
	(void)r, (void)cr2;
}
void hook_irq(unsigned int vector)
{
	(void)vector;
}
bool hook_own_page_fault(struct cpu_user_regs *r, unsigned long cr2)
{
	(void)r, (void)cr2;
	return false;
}
void hook_return_fault(struct cpu_user_regs *r, unsigned int vector, unsigned int code)
{
	(void)r, (void)vector, (void)code;
}

/* --- tests ---------------------------------------------------------------- */

/* A watched address that we wrote to, or a step that was pending as a system call began: the status
 * stays in the processor until somebody clears it. */
static void a_debug_trap_of_ours_leaves_no_status(void **s)
{
	struct cpu_user_regs r = { .entry_vector = 1, .rflags = EFLAGS_TF | 2 };

	(void)s;
	dr6 = DR6_QUIET | 0x4001;
	trap_own_ist(&r);
	assert_int_equal(dr6, DR6_QUIET);
	assert_int_equal(r.rflags, 2);
}

static void an_nmi_does_not_touch_it(void **s)
{
	struct cpu_user_regs r = { .entry_vector = 2, .rip = (unsigned long)idle_halt };

	(void)s;
	dr6 = DR6_QUIET | 1;
	trap_own_ist(&r);
	assert_int_equal(dr6, DR6_QUIET | 1);
	assert_int_equal(nmis, 1);
	assert_int_equal(r.rip, (unsigned long)idle_look);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_debug_trap_of_ours_leaves_no_status),
		cmocka_unit_test(an_nmi_does_not_touch_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
