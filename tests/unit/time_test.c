/* SPDX-License-Identifier: BSD-2-Clause */
/* pv/time.c: the wall clock of a domain that dies meanwhile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include <torc/guestmem.h>
#include <torc/pv.h>
#include <torc/shared.h>
#include <torc/why.h>
#include <torc/x86.h>

struct cpu_features cpu_features;
static struct domain d;
static struct shared_info page;
static bool dies;
static unsigned int held;

unsigned int this_cpu(void)
{
	return 0;
}
struct vcpu *current_vcpu(void)
{
	return NULL;
}
/* Its end on another CPU, which had the lock before us, takes shared_info away. */
void spin_lock(spinlock_t *l)
{
	assert_ptr_equal(l, &d.lock);
	held++;
	if (dies)
		d.shared = NULL;
}
void spin_unlock(spinlock_t *l)
{
	assert_ptr_equal(l, &d.lock);
	held--;
}
int64_t clock_wall_at_boot(void)
{
	assert_int_equal(held, 1);
	return 7 * NS_PER_SEC + 5;
}
ns_t clock_now(void)
{
	return 0;
}
void clock_scale_get(struct clock_scale *s)
{
	*s = (struct clock_scale){ 0 };
}
int guest_read(void *dst, gaddr_t src, size_t n)
{
	(void)dst, (void)src, (void)n;
	return -XEN_EFAULT;
}
int guest_write(gaddr_t dst, const void *src, size_t n)
{
	(void)dst, (void)src, (void)n;
	return -XEN_EFAULT;
}
void evtchn_virq(struct vcpu *v, unsigned int virq)
{
	(void)v, (void)virq;
}
void pv_in_kernel_root(struct vcpu *v, void (*fn)(struct vcpu *v))
{
	fn(v);
}
long refuse(struct vcpu *v, long err, const char *fmt, ...)
{
	(void)v, (void)fmt;
	return err;
}
void timer_init(struct timer *t, unsigned int cpu, void (*fn)(void *), void *arg)
{
	(void)t, (void)cpu, (void)fn, (void)arg;
}
void timer_set(struct timer *t, ns_t expires)
{
	(void)t, (void)expires;
}
void timer_stop(struct timer *t)
{
	(void)t;
}
void timer_kill(struct timer *t)
{
	(void)t;
}
void timer_migrate(struct timer *t, unsigned int cpu)
{
	(void)t, (void)cpu;
}

static void the_wall_clock_is_set(void **state)
{
	(void)state;
	d.shared = &page;
	d.time_offset_s = 100;
	dies = false;
	time_update_wallclock(&d);
	assert_int_equal(page.wc_sec, 107);
	assert_int_equal(page.wc_nsec, 5);
	assert_int_equal(page.wc_version, 2);
	assert_int_equal(held, 0);
}

static void that_of_the_dying_is_let_be(void **state)
{
	(void)state;
	memset(&page, 0, sizeof(page));
	d.shared = &page;
	dies = true;
	time_update_wallclock(&d);
	assert_null(d.shared);
	assert_int_equal(page.wc_version, 0);
	assert_int_equal(held, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_wall_clock_is_set),
		cmocka_unit_test(that_of_the_dying_is_let_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
