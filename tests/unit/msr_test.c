/* SPDX-License-Identifier: BSD-2-Clause */
/* pv/msr.c: the hypercall page. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <torc/console.h>
#include <torc/guestmem.h>
#include <torc/hypercall.h>
#include <torc/io.h>
#include <torc/pv.h>
#include <torc/x86.h>

struct cpu_features cpu_features;
static struct domain d;
static struct vcpu v = { .domain = &d };
static uint8_t page[PAGE_SIZE];
static unsigned int mapped, filled;
static uint64_t marked;

void *guest_frame_map(struct domain *of, mfn_t m, bool write)
{
	assert_ptr_equal(of, &d);
	assert_true(write);
	if (m.n != 77)
		return NULL;
	mapped++;
	return page;
}
void guest_frame_unmap(void *p, bool write)
{
	assert_ptr_equal(p, page);
	assert_true(write);
	mapped--;
}
void hypercall_page_fill(const struct domain *of, void *p)
{
	assert_ptr_equal(of, &d);
	assert_ptr_equal(p, page);
	filled++;
}
void dirty_mark(struct domain *of, mfn_t m)
{
	assert_ptr_equal(of, &d);
	assert_int_equal(mapped, 1); /* while it is held */
	marked = m.n;
}
void log_guest(unsigned int domid, enum log_level l, const char *fmt, ...)
{
	(void)domid, (void)l, (void)fmt;
}
bool rdmsr_safe(uint32_t m, uint64_t *val)
{
	(void)m, (void)val;
	return false;
}
long segment_set_base(struct vcpu *t, unsigned int which, unsigned long base)
{
	(void)t, (void)which, (void)base;
	return 0;
}

/* A move that is under way sends it again. */
static void the_hypercall_page_counts_as_written(void **state)
{
	(void)state;
	assert_true(guest_wrmsr(&v, 0x40000000, 77 << PAGE_SHIFT));
	assert_int_equal(filled, 1);
	assert_int_equal(marked, 77);
	assert_int_equal(mapped, 0);
}

static void what_is_no_page_of_the_guest_is_refused(void **state)
{
	(void)state;
	filled = 0;
	assert_false(guest_wrmsr(&v, 0x40000000, 78 << PAGE_SHIFT));
	assert_false(guest_wrmsr(&v, 0x40000000, 77 << PAGE_SHIFT | 1)); /* the second page */
	assert_int_equal(filled, 0);
	assert_int_equal(mapped, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_hypercall_page_counts_as_written),
		cmocka_unit_test(what_is_no_page_of_the_guest_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
