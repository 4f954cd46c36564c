/* SPDX-License-Identifier: BSD-2-Clause */
/* x86/clock.c on processors that count on with each look at a counter: an alarm comes at its time,
 * also one whose time passes while it is set; and all have the same time, whatever they count. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <pthread.h>
#include <cmocka.h>

/* the instructions, as clock.c has them from here */
#define rdtsc real_rdtsc
#define rdmsr real_rdmsr
#define wrmsr real_wrmsr
#define inb   real_inb
#define inl   real_inl
#define outb  real_outb
#include <torc/x86.h>
#include <torc/x86_priv.h>
#undef rdtsc
#undef rdmsr
#undef wrmsr
#undef inb
#undef inl
#undef outb

unsigned int alarm(unsigned int seconds); /* its header has a sync(), and so has clock.c */

#define TSC_HZ	   2600000000ull
#define APIC_HZ	   1000000000ull
#define PM_HZ	   3579545ull
#define NOT_LATE   (20 * NS_PER_US)
#define IA32_TSC_D 0x6e0

struct acpi_facts acpi = { .pm_timer = 0x608, .pm_timer_32 = true };
struct cpu_features cpu_features;

static uint64_t tsc = 5000000, step = 2600, started_at, deadline_tsc;
static uint32_t count;

static _Thread_local unsigned int my_cpu;
static uint64_t ahead[2]; /* each CPU's counter, of the first's */

static uint64_t rdtsc(void)
{
	return __atomic_add_fetch(&tsc, step, __ATOMIC_SEQ_CST) + ahead[my_cpu];
}
static void wrmsr(uint32_t msr, uint64_t v)
{
	assert_int_equal(msr, IA32_TSC_D);
	deadline_tsc = v;
}
static bool pm_stands, no_ports; /* as a machine has them without such devices */

static uint32_t inl(uint16_t port)
{
	assert_int_equal(port, 0x608);
	return pm_stands ? ~0u : (uint32_t)((unsigned __int128)rdtsc() * PM_HZ / TSC_HZ);
}
static uint8_t inb(uint16_t port)
{
	if (!no_ports)
		fail_msg("port %#x is read", port);
	return 0xff;
}
static void outb(uint16_t port, uint8_t v)
{
	if (!no_ports)
		fail_msg("port %#x is written %#x", port, v);
}

#include "hypervisor/x86/clock.c"

unsigned int this_cpu(void)
{
	return my_cpu;
}
void apic_timer_start(uint32_t n)
{
	started_at = tsc;
	count = n;
}
static uint32_t ticks_since(uint64_t at)
{
	return (uint32_t)((unsigned __int128)(tsc - at) * APIC_HZ / TSC_HZ);
}
uint32_t apic_timer_count(void)
{
	return count - ticks_since(started_at);
}
void apic_timer_mode(bool deadline)
{
	(void)deadline;
}
void *map_device(maddr_t ma, size_t size, uint64_t flags)
{
	static uint32_t still[1024] = { [1] = 10000000 }; /* an HPET of 100 MHz */

	(void)ma, (void)size, (void)flags;
	return still;
}
static jmp_buf panicked;

void panic(const char *fmt, ...)
{
	(void)fmt;
	longjmp(panicked, 1);
}
int64_t rtc_read(void)
{
	return 0;
}
void log_info(const char *fmt, ...)
{
	(void)fmt;
}
void log_warn(const char *fmt, ...)
{
	(void)fmt;
}

/* When the one that was just set fires. */
static ns_t fires(void)
{
	uint64_t at = cpu_features.tsc_deadline ?
			      MAX(deadline_tsc, tsc) :
			      started_at + (uint64_t)((unsigned __int128)count * TSC_HZ / APIC_HZ);

	assert_true(cpu_features.tsc_deadline || count);
	return scale_apply(&scales[0], at);
}

static void set_up(bool deadline)
{
	step = 26;
	cpu_features.tsc_deadline = deadline;
	clock_init();
	step = 2600; /* 1 us a look */
}

static void each_deadline_is_kept(void)
{
	ns_t before, left;

	for (left = -10 * NS_PER_US; left < 10 * NS_PER_US; left += 100) {
		before = clock_now();
		clock_alarm(before + left);
		assert_true(fires() >= before + left);
		assert_true(fires() < before + MAX(left, 0) + NOT_LATE);
	}
	for (left = NS_PER_US; left < NS_PER_SEC / 2; left *= 3) {
		before = clock_now();
		clock_alarm(before + left);
		assert_true(fires() >= before + left);
		/* it is a little late, as is measured and meant */
		assert_true(fires() < before + left + left / 1000 + NOT_LATE);
	}
	before = clock_now();
	clock_alarm(before + 100 * NS_PER_SEC); /* in steps */
	assert_true(fires() < before + 2 * NS_PER_SEC);
}

static void by_the_timer(void **state)
{
	(void)state;
	set_up(false);
	each_deadline_is_kept();
}

static void by_deadline(void **state)
{
	(void)state;
	set_up(true);
	each_deadline_is_kept();
}

static void *be_the_first(void *arg)
{
	(void)arg;
	clock_sync_source();
	return NULL;
}

static void same_time_on_both(void)
{
	ns_t first, second;

	my_cpu = 0;
	first = clock_now();
	my_cpu = 1;
	second = clock_now();
	my_cpu = 0;
	assert_true(labs((long)(second - first)) < 100 * NS_PER_US);
}

static void a_second_cpu_that_counts(int64_t seconds)
{
	pthread_t first;

	set_up(true);
	cpu_features.tsc_invariant = true;
	ahead[1] = (uint64_t)(seconds * (int64_t)TSC_HZ);
	my_cpu = 1;
	clock_init_cpu();
	assert_int_equal(pthread_create(&first, NULL, be_the_first, NULL), 0);
	clock_sync_target();
	pthread_join(first, NULL);
	/* Guests may count on with another CPU's counter if this is so. */
	assert_int_equal(cpu_features.tsc_invariant, seconds == 0);
	same_time_on_both();
	tsc += 1000 * TSC_HZ; /* past where the first began, if it was behind */
	same_time_on_both();
}

static void cpus_agree_on_the_time(void **state)
{
	(void)state;
	tsc = 100 * TSC_HZ;
	a_second_cpu_that_counts(0);
	a_second_cpu_that_counts(50);
	a_second_cpu_that_counts(-50);
}

static void a_counter_that_stands_still_is_none(void **state)
{
	(void)state;
	acpi.hpet = 0xfed00000;
	alarm(10); /* or it would be waited for for ever */
	set_up(false);
	assert_int_equal(ref_hz, PM_HZ);
	assert_in_range(tsc_hz, TSC_HZ - TSC_HZ / 1000, TSC_HZ + TSC_HZ / 1000);
	pm_stands = no_ports = true;
	if (!setjmp(panicked)) {
		set_up(false);
		fail_msg("time is measured by nothing");
	}
	alarm(0);
	acpi.hpet = 0;
	pm_stands = no_ports = false;
}

static void arguments_are_evaluated_once(void **state)
{
	int n = 0;

	(void)state;
	assert_int_equal(MIN(++n, 5), 1);
	assert_int_equal(MAX(++n, 1), 2);
	assert_int_equal(MIN(MAX(++n, 0), 9), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_the_timer),
		cmocka_unit_test(by_deadline),
		cmocka_unit_test(cpus_agree_on_the_time),
		cmocka_unit_test(a_counter_that_stands_still_is_none),
		cmocka_unit_test(arguments_are_evaluated_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
