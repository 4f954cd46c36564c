/* SPDX-License-Identifier: BSD-2-Clause */
/* pv/emulate.c: how an instruction ends that could not be done, or not all of it yet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <torc/console.h>
#include <torc/cpuid.h>
#include <torc/io.h>
#include <torc/pv.h>
#include <torc/x86.h>

#define CODE 0x1000ul

static struct domain d;
static struct vcpu vcpu = { .domain = &d };
static uint8_t code[15];
static bool in_kernel;
static int root_answer;
static mfn_t root_asked;

struct cpu_features cpu_features;
unsigned int this_cpu(void)
{
	return 0;
}
void cache_flush_local(void)
{
}
size_t copy_may_fault(void *dst, const void *src, size_t n)
{
	(void)dst, (void)src;
	return n;
}
uint64_t cpuid_states(const struct domain *of, enum cpuid_view view)
{
	(void)of, (void)view;
	return 0;
}
void guest_cpuid(const struct vcpu *v, uint32_t leaf, uint32_t sub, uint32_t r[4])
{
	(void)v, (void)leaf, (void)sub;
	memset(r, 0, 16);
}
int debugreg_set(struct vcpu *v, unsigned int n, unsigned long val)
{
	(void)v, (void)n, (void)val;
	return 0;
}
bool guest_in_kernel(const struct vcpu *v, const struct cpu_user_regs *r)
{
	(void)v, (void)r;
	return in_kernel;
}
void guest_inject(struct vcpu *v, struct cpu_user_regs *r, unsigned int vector, int error)
{
	(void)v, (void)r, (void)error;
	fail_msg("exception %u", vector);
}
void guest_inject_page_fault(struct vcpu *v, struct cpu_user_regs *r, unsigned long at,
			     uint32_t error)
{
	(void)v, (void)r, (void)error;
	fail_msg("page fault at %#lx", at);
}
bool guest_rdmsr(struct vcpu *v, uint32_t msr, uint64_t *val)
{
	(void)v, (void)msr, (void)val;
	return false;
}
bool guest_wrmsr(struct vcpu *v, uint32_t msr, uint64_t val)
{
	(void)v, (void)msr, (void)val;
	return false;
}
int guest_read(void *dst, gaddr_t src, size_t n)
{
	if (src.n < CODE || src.n + n > CODE + sizeof(code))
		return -XEN_EFAULT;
	memcpy(dst, code + (src.n - CODE), n);
	return 0;
}
int guest_write(gaddr_t dst, const void *src, size_t n)
{
	(void)dst, (void)src, (void)n;
	return -XEN_EFAULT;
}
bool io_guest_may(struct vcpu *v, const struct cpu_user_regs *r, unsigned int port, unsigned int n)
{
	(void)v, (void)r, (void)port, (void)n;
	return false;
}
uint32_t io_port_read(struct vcpu *v, unsigned int port, unsigned int width)
{
	(void)v, (void)port, (void)width;
	return 0;
}
void io_port_write(struct vcpu *v, unsigned int port, unsigned int width, uint32_t val)
{
	(void)v, (void)port, (void)width, (void)val;
}
void log_guest(unsigned int domid, enum log_level l, const char *fmt, ...)
{
	(void)domid, (void)l, (void)fmt;
}
int mmu_new_root(struct vcpu *v, mfn_t m)
{
	(void)v;
	root_asked = m;
	return root_answer;
}

static unsigned long cr4_loaded;

void pv_load_cr4(const struct vcpu *v)
{
	cr4_loaded = v->ctrlreg[4];
}

static bool run(struct cpu_user_regs *r, const void *insn, size_t n)
{
	memset(code, 0xcc, sizeof(code));
	memcpy(code, insn, n);
	r->rip = CODE;
	r->cs = FLAT_RING3_CS64;
	root_asked = MFN_NONE;
	return emulate_privileged(&vcpu, r);
}

/* A root may take many turns: none of them is a mistake of the guest's. */
static void root_that_takes_long(void **s)
{
	struct cpu_user_regs r = { .rax = 0x123000 };

	(void)s;
	in_kernel = true;
	root_answer = -XEN_ERESTART;
	assert_true(run(&r, "\x0f\x22\xd8", 3)); /* mov %rax,%cr3 */
	assert_int_equal(r.rip, CODE);
	assert_int_equal(r.rax, 0x123000);
	root_answer = 0;
	assert_true(run(&r, "\x0f\x22\xd8", 3));
	assert_int_equal(root_asked.n, 0x123);
	assert_int_equal(r.rip, CODE + 3);
}

static void root_that_is_none(void **s)
{
	struct cpu_user_regs r = { .rax = 0x123000 };

	(void)s;
	in_kernel = true;
	root_answer = -XEN_EINVAL;
	assert_false(run(&r, "\x0f\x22\xd8", 3));
	assert_int_equal(r.rip, CODE);
}

static void root_is_the_kernels(void **s)
{
	struct cpu_user_regs r = { .rax = 0x123000 };

	(void)s;
	in_kernel = false;
	root_answer = 0;
	assert_false(run(&r, "\x0f\x22\xd8", 3));
	assert_int_equal(root_asked.n, MFN_NONE.n);
}

static void other_control_registers(void **s)
{
	struct cpu_user_regs r = { .rax = 1 };

	(void)s;
	in_kernel = true;
	vcpu.ctrlreg[4] = 0x20;
	assert_true(run(&r, "\x0f\x22\xe0", 3)); /* mov %rax,%cr4 */
	assert_int_equal(vcpu.ctrlreg[4], 0x20);
	assert_true(run(&r, "\x0f\x20\xe0", 3)); /* mov %cr4,%rax */
	assert_int_equal(r.rax, 0x20);
	assert_false(run(&r, "\x44\x0f\x22\xc0", 4)); /* mov %rax,%cr8 */
	assert_int_equal(root_asked.n, MFN_NONE.n);
}

/* A kernel that keeps the counter from a process does so from now on, and reads it itself. */
static void the_counter_is_kept_from_processes(void **s)
{
	struct cpu_user_regs r = { .rax = 0x20 | CR4_TSD };

	(void)s;
	in_kernel = true;
	vcpu.ctrlreg[4] = 0x20;
	assert_true(run(&r, "\x0f\x22\xe0", 3)); /* mov %rax,%cr4 */
	assert_int_equal(cr4_loaded, 0x20 | CR4_TSD);
	assert_true(run(&r, "\x0f\x31", 2)); /* rdtsc */
	in_kernel = false;
	assert_false(run(&r, "\x0f\x31", 2));
	in_kernel = true;
	r.rax = 0x20;
	assert_true(run(&r, "\x0f\x22\xe0", 3));
	assert_int_equal(cr4_loaded, 0x20);
	in_kernel = false;
	assert_true(run(&r, "\x0f\x31", 2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(root_that_takes_long),
		cmocka_unit_test(root_that_is_none),
		cmocka_unit_test(root_is_the_kernels),
		cmocka_unit_test(other_control_registers),
		cmocka_unit_test(the_counter_is_kept_from_processes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
