/* SPDX-License-Identifier: BSD-2-Clause */
/* pv/trap.c: who is told at once that something came; what a guest reads of a trap of its debug
 * registers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <torc/hooks.h>
#include <torc/hypercall.h>
#include <torc/pv.h>
#include <torc/shared.h>
#include <torc/x86.h>
#include "hypervisor/pv/bounce.h"

struct domain *dom0;
static struct domain d;
static struct vcpu me = { .domain = &d }, other = { .domain = &d, .id = 1, .cpu = 3 };
static struct vcpu_info info[2];
static unsigned int kicked, woken;

unsigned int this_cpu(void)
{
	return 0;
}
struct vcpu *current_vcpu(void)
{
	return &me;
}
void cpu_kick(unsigned int cpu)
{
	assert_int_equal(cpu, 3);
	kicked++;
}
void vcpu_unblock(struct vcpu *v)
{
	v->blocked = false;
	woken++;
}

/* --- the rest of trap.c needs these, and none is reached --- */
bool bounce_guest(struct vcpu *v, struct cpu_user_regs *r, const struct bounce *b)
{
	(void)v, (void)r, (void)b;
	return true;
}
bool bounce_failsafe(struct vcpu *v, struct cpu_user_regs *r, const uint16_t sel[4])
{
	(void)v, (void)r, (void)sel;
	return true;
}
void bounce_learn_int80(const struct vcpu *v, const struct trap_info *t)
{
	(void)v, (void)t;
}
bool debug_event(struct vcpu *v, unsigned int vector)
{
	(void)v, (void)vector;
	return false;
}
bool dirty_fault(struct vcpu *v, unsigned long va, uint32_t code)
{
	(void)v, (void)va, (void)code;
	return false;
}
void domain_crash(struct domain *dom, const char *fmt, ...)
{
	(void)dom, (void)fmt;
}
bool emulate_forced(struct vcpu *v, struct cpu_user_regs *r)
{
	(void)v, (void)r;
	return false;
}
bool emulate_privileged(struct vcpu *v, struct cpu_user_regs *r)
{
	(void)v, (void)r;
	return false;
}
bool guest_in_kernel(const struct vcpu *v, const struct cpu_user_regs *r)
{
	(void)v, (void)r;
	return true;
}
void hypercall_entry(struct vcpu *v, struct cpu_user_regs *r)
{
	(void)v, (void)r;
}
void hypercall_entry_32(struct vcpu *v, struct cpu_user_regs *r)
{
	(void)v, (void)r;
}
bool mmu_fix_fault(struct vcpu *v, struct cpu_user_regs *r, unsigned long cr2)
{
	(void)v, (void)r, (void)cr2;
	return false;
}
bool segment_ldt_fault(struct vcpu *v, unsigned long off)
{
	(void)v, (void)off;
	return false;
}

static unsigned long dr6;

unsigned long read_dr6(void)
{
	return dr6;
}
void write_dr6(unsigned long v)
{
	dr6 = v;
}

static int set_up(void **state)
{
	(void)state;
	me.info = &info[0];
	other.info = &info[1];
	other.running = true;
	other.blocked = other.polling = false;
	other.pending_traps = 0;
	*vcpu_upcall_mask(&other) = 0;
	*vcpu_upcall_pending(&other) = 1;
	kicked = woken = 0;
	return 0;
}

static void who_runs_elsewhere_is_made_to_look(void **state)
{
	(void)state;
	pv_vcpu_kick(&other);
	assert_int_equal(kicked, 1);
	pv_vcpu_kick(&me);
	assert_int_equal(kicked, 1);
}

/* It may have unmasked them and looked, and the processor done that the other way round: what we
 * read of its mask says nothing yet. */
static void who_masks_events_is_made_to_look_too(void **state)
{
	(void)state;
	*vcpu_upcall_mask(&other) = 1;
	pv_vcpu_kick(&other);
	assert_int_equal(kicked, 1);
	other.pending_traps = PENDING_NMI;
	pv_vcpu_kick(&other);
	assert_int_equal(kicked, 2);
}

static void who_sleeps_wakes(void **state)
{
	(void)state;
	other.running = false;
	other.blocked = true;
	pv_vcpu_kick(&other);
	assert_int_equal(woken, 1);
	other.blocked = other.polling = true;
	*vcpu_upcall_mask(&other) = 1;
	pv_vcpu_kick(&other);
	assert_int_equal(woken, 1); /* polls, with events masked */
	other.pending_traps = PENDING_NMI;
	pv_vcpu_kick(&other);
	assert_int_equal(woken, 2);
	assert_int_equal(kicked, 0);
}

static unsigned long debug_status_after(unsigned long dr7, unsigned long found)
{
	struct cpu_user_regs r = { .entry_vector = 1 };

	me.debugreg[6] = DR6_QUIET;
	me.debugreg[7] = dr7;
	dr6 = found;
	hook_guest_exception(&r, 0);
	assert_int_equal(dr6, DR6_QUIET);
	return me.debugreg[6];
}

/* Breakpoints that are off still hold addresses, another guest's where this one has none, and the
 * processor may say that it met them. */
static void a_trap_names_no_others_breakpoints(void **state)
{
	(void)state;
	assert_int_equal(debug_status_after(0x400, DR6_QUIET | 0x4003), DR6_QUIET | 0x4000);
	assert_int_equal(debug_status_after(0x401, DR6_QUIET | 0x4001), DR6_QUIET | 0x4001);
	assert_int_equal(debug_status_after(0x408, DR6_QUIET | 0x2), DR6_QUIET | 0x2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(who_runs_elsewhere_is_made_to_look, set_up),
		cmocka_unit_test_setup(who_masks_events_is_made_to_look_too, set_up),
		cmocka_unit_test_setup(who_sleeps_wakes, set_up),
		cmocka_unit_test_setup(a_trap_names_no_others_breakpoints, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
