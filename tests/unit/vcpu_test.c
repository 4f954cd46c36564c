/* SPDX-License-Identifier: BSD-2-Clause */
/* hypercall/vcpu.c: which vcpus a guest may start. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <torc/heap.h>
#include <torc/hypercall.h>
#include <torc/pv.h>
#include <torc/sched.h>
#include "../../hypervisor/hypercall/internal.h"

uint32_t cpu_apic_id[MAX_CPUS], cpu_acpi_id[MAX_CPUS];
static struct domain d;
static struct vcpu first = { .domain = &d }, far;
static struct vcpu *slots[33];
static bool has_info;
static unsigned int set, woken;

bool pv_vcpu_has_info(const struct vcpu *v)
{
	return v != &far || has_info;
}
int vcpu_context_set(struct vcpu *v, const union vcpu_context *c)
{
	v->initialised = true;
	v->down = !((d.is_32bit ? c->c32.flags : c->c64.flags) & VGCF_online);
	set++;
	return 0;
}
void sched_wake(struct vcpu *v)
{
	woken += v->initialised && !v->down;
}
void sched_up(struct vcpu *v)
{
	v->down = false;
	sched_wake(v);
}

int guest_read(void *dst, gaddr_t src, size_t n)
{
	memcpy(dst, (void *)src.n, n);
	return 0;
}
int guest_write(gaddr_t dst, const void *src, size_t n)
{
	memcpy((void *)dst.n, src, n);
	return 0;
}
bool guest_range_ok(const struct vcpu *v, gaddr_t a, size_t n)
{
	(void)v, (void)a, (void)n;
	return true;
}
long refuse(struct vcpu *v, long err, const char *fmt, ...)
{
	(void)v, (void)fmt;
	return err;
}
void *zalloc(size_t n)
{
	return calloc(1, n);
}
void zfree(void *p)
{
	free(p);
}
void spin_lock(spinlock_t *l)
{
	(void)l;
}
void spin_unlock(spinlock_t *l)
{
	(void)l;
}

/* --- the other commands need these, and none is reached --- */

int pv_register_info(struct vcpu *v, mfn_t m, unsigned int offset)
{
	(void)v, (void)m, (void)offset;
	return -XEN_EINVAL;
}
void pv_runstate_update(struct vcpu *v)
{
	(void)v;
}
void pv_vcpu_time_update(struct vcpu *v)
{
	(void)v;
}
void pv_vcpu_kick(struct vcpu *v)
{
	(void)v;
}
void sched_sleep(struct vcpu *v)
{
	(void)v;
}
void domain_shutdown(struct domain *of, uint8_t reason)
{
	(void)of, (void)reason;
}
void vcpu_runstate_get(struct vcpu *v, struct vcpu_runstate_info *out)
{
	(void)v, (void)out;
}
long time_vcpu_op(struct vcpu *v, unsigned int cmd, unsigned int id, gaddr_t arg)
{
	(void)v, (void)cmd, (void)id, (void)arg;
	return -XEN_EINVAL;
}
int read_pointer(struct vcpu *v, gaddr_t a, unsigned long *out)
{
	(void)v, (void)a, (void)out;
	return -XEN_EFAULT;
}
int write_runstate(struct vcpu *v, gaddr_t a, const struct vcpu_runstate_info *r)
{
	(void)v, (void)a, (void)r;
	return -XEN_EFAULT;
}

/* --- tests ---------------------------------------------------------------- */

static int setup(void **s)
{
	(void)s;
	far = (struct vcpu){ .domain = &d, .id = 32, .down = true };
	slots[0] = &first;
	slots[32] = &far;
	d = (struct domain){ .vcpus = slots, .max_vcpus = 33 };
	has_info = false;
	set = woken = 0;
	return 0;
}

static long initialise(bool online)
{
	static union vcpu_context c;

	memset(&c, 0, sizeof(c));
	if (d.is_32bit)
		c.c32.flags = online ? VGCF_online : 0;
	else
		c.c64.flags = online ? VGCF_online : 0;
	return hc_vcpu_op(&first, VCPUOP_initialise, 32, (unsigned long)&c, 0, 0);
}

static void none_starts_without_a_place_for_its_events(void **s)
{
	(void)s;
	for (unsigned int width = 0; width < 2; width++) {
		setup(s);
		d.is_32bit = width;
		assert_int_equal(initialise(true), -XEN_EINVAL);
		assert_int_equal(set, 0);
		assert_int_equal(initialise(false), 0);
		assert_int_equal(hc_vcpu_op(&first, VCPUOP_up, 32, 0, 0, 0), -XEN_EINVAL);
		assert_true(far.down);
		assert_int_equal(woken, 0);
		has_info = true;
		assert_int_equal(hc_vcpu_op(&first, VCPUOP_up, 32, 0, 0, 0), 0);
		assert_int_equal(woken, 1);
	}
}

static void with_one_it_starts_at_once(void **s)
{
	(void)s;
	has_info = true;
	assert_int_equal(initialise(true), 0);
	assert_int_equal(woken, 1);
	assert_int_equal(initialise(true), -XEN_EEXIST);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(none_starts_without_a_place_for_its_events, setup),
		cmocka_unit_test_setup(with_one_it_starts_at_once, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
