/* SPDX-License-Identifier: BSD-2-Clause */
/* pv/context.c: a context that is refused half-way leaves the vcpu where it was, in its kernel or
 * in a process. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <torc/guestmem.h>
#include <torc/pv.h>
#include <torc/sched.h>
#include <torc/why.h>
#include <torc/x86.h>

static struct domain d = { .state = DOM_ALIVE };
static struct vcpu v = { .domain = &d };
static union vcpu_context c;
static int root_rc, user_rc;

int mmu_new_root(struct vcpu *of, mfn_t root)
{
	assert_true(of->kernel_mode);
	if (!root_rc)
		of->root = root;
	return root_rc;
}
int mmu_new_user_root(struct vcpu *of, mfn_t root)
{
	assert_true(of->kernel_mode);
	if (!user_rc)
		of->user_root = root;
	return user_rc;
}
void mmu_root_changed(struct vcpu *of)
{
	of->cr3 = of->kernel_mode ? of->root : of->user_root;
}
void mmu_drop_roots(struct vcpu *of)
{
	of->root = of->user_root = MFN_NONE;
}
int segment_set_gdt(struct vcpu *of, const mfn_t *frames, unsigned int entries)
{
	(void)of, (void)frames, (void)entries;
	return 0;
}
int segment_set_ldt(struct vcpu *of, unsigned long base, unsigned int entries)
{
	(void)of, (void)base, (void)entries;
	return 0;
}
void segment_drop(struct vcpu *of)
{
	(void)of;
}

struct vcpu *current_vcpu(void)
{
	return NULL;
}
long refuse(struct vcpu *by, long err, const char *fmt, ...)
{
	(void)by, (void)fmt;
	return err;
}
bool guest_range_ok(const struct vcpu *of, gaddr_t a, size_t n)
{
	(void)of, (void)a, (void)n;
	return true;
}
uint16_t guest_fixup_selector(const struct domain *of, uint16_t sel)
{
	(void)of;
	return sel | 3;
}
bool guest_in_kernel(const struct vcpu *of, const struct cpu_user_regs *r)
{
	(void)r;
	return of->kernel_mode;
}
int debugreg_set(struct vcpu *of, unsigned int n, unsigned long val)
{
	(void)of, (void)n, (void)val;
	return 0;
}
void fpu_reset(struct fpu_state *f)
{
	(void)f;
}
void fpu_set_fx(struct fpu_state *f, const void *fxsave512)
{
	(void)f, (void)fxsave512;
}
void fpu_get_fx(const struct fpu_state *f, void *fxsave512)
{
	(void)f, (void)fxsave512;
}
void pv_vcpu_time_update(struct vcpu *of)
{
	(void)of;
}
void vcpu_unblock(struct vcpu *of)
{
	(void)of;
}
void panic(const char *fmt, ...)
{
	fail_msg("panic: %s", fmt);
	__builtin_trap();
}

/* In a process, with a kernel's root and a process's. */
static int setup(void **s)
{
	(void)s;
	v.kernel_mode = false;
	v.root = MFN(10);
	v.user_root = v.cr3 = MFN(11);
	root_rc = user_rc = 0;
	memset(&c, 0, sizeof(c));
	c.c64.ctrlreg[3] = xen_pfn_to_cr3(20);
	c.c64.ctrlreg[1] = xen_pfn_to_cr3(21);
	return 0;
}

static void process_stays_one(void **s)
{
	static const int refusals[] = { -XEN_EINVAL, -XEN_ERESTART };
	unsigned int i;

	(void)s;
	/* Else it would have its kernel's rights: its system calls would be hypercalls. */
	for (i = 0; i < 2; i++) {
		root_rc = refusals[i];
		assert_int_equal(vcpu_context_set(&v, &c), root_rc);
		assert_false(v.kernel_mode);
		assert_int_equal(v.cr3.n, 11);
	}
	root_rc = 0;
	user_rc = -XEN_EINVAL;
	assert_int_equal(vcpu_context_set(&v, &c), -XEN_EINVAL);
	assert_false(v.kernel_mode);
	assert_int_equal(v.cr3.n, 11);
}

static void context_without_a_place_to_run_takes_nothing(void **s)
{
	(void)s;
	c.c64.ctrlreg[1] = 0;
	assert_int_equal(vcpu_context_set(&v, &c), -XEN_EINVAL);
	assert_false(v.kernel_mode);
	assert_int_equal(v.root.n, 10);
	assert_int_equal(v.user_root.n, 11);
}

static void context_is_taken(void **s)
{
	(void)s;
	assert_int_equal(vcpu_context_set(&v, &c), 0);
	assert_false(v.kernel_mode);
	assert_int_equal(v.cr3.n, 21);
	c.c64.flags = VGCF_in_kernel;
	c.c64.ctrlreg[1] = 0;
	assert_int_equal(vcpu_context_set(&v, &c), 0);
	assert_true(v.kernel_mode);
	assert_int_equal(v.cr3.n, 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(process_stays_one, setup),
		cmocka_unit_test_setup(context_without_a_place_to_run_takes_nothing, setup),
		cmocka_unit_test_setup(context_is_taken, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
