/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Time: the time-stamp counter, scaled as pvclock does it, so that guests compute the same from the
 * same. Its rate is measured once against the HPET, the ACPI timer or the PIT. Alarms are the local
 * APIC's timer.
 */
#include <torc/x86.h>
#include <torc/x86_priv.h>
#include <torc/console.h>

#define HPET_HZ_FS	 1000000000000000ull /* femtoseconds in a second */
#define PM_TIMER_HZ	 3579545ull
#define PIT_HZ		 1193182ull
#define MEASURE_NS	 (10 * NS_PER_MS)
#define MSR_TSC_DEADLINE 0x6e0
#define SYNC_ROUNDS	 16
#define LOOKS		 1000 /* take longer than any counter needs for a tick */

uint64_t tsc_khz;
static uint64_t tsc_hz, apic_hz;
static struct clock_scale scales[MAX_CPUS];
static int64_t wall_at_boot;

/* --- a counter to measure by ---------------------------------------------- */

static volatile uint32_t *hpet;
static uint16_t pm_timer;
static uint64_t ref_hz;
static uint32_t ref_mask;
static const char *ref_name;

static uint32_t ref_read(void)
{
	uint8_t lo, hi;

	if (hpet)
		return hpet[0xf0 / 4];
	if (pm_timer)
		return inl(pm_timer) & ref_mask;
	outb(0x43, 0x80); /* latch channel 2; it counts down */
	lo = inb(0x42);
	hi = inb(0x42);
	return ~(uint32_t)(lo | hi << 8) & ref_mask;
}

/* Firmware names counters that stand still, or are not there. */
static bool ref_runs(void)
{
	uint32_t first = ref_read();
	unsigned int i;

	for (i = 0; i < LOOKS; i++)
		if (ref_read() != first)
			return true;
	log_warn("clock: the %s does not count", ref_name);
	return false;
}

static void ref_choose(void)
{
	uint32_t period;

	ref_mask = 0xffffffff;
	if (acpi.hpet) {
		hpet = map_device(acpi.hpet, PAGE_SIZE, PTE_PCD | PTE_PWT);
		period = hpet ? hpet[1] : 0; /* femtoseconds */
		if (period >= 100000 && period <= 100000000) {
			hpet[4] |= 1; /* counts */
			ref_hz = HPET_HZ_FS / period;
			ref_name = "HPET";
			if (ref_runs())
				return;
		}
		hpet = NULL;
	}
	if (acpi.pm_timer) {
		pm_timer = acpi.pm_timer;
		ref_mask = acpi.pm_timer_32 ? 0xffffffff : 0xffffff;
		ref_hz = PM_TIMER_HZ;
		ref_name = "ACPI timer";
		if (ref_runs())
			return;
		pm_timer = 0;
	}
	ref_mask = 0xffff;
	ref_hz = PIT_HZ;
	ref_name = "PIT";
	outb(0x61, (uint8_t)((inb(0x61) & ~2) | 1)); /* channel 2 runs, the speaker does not */
	outb(0x43, 0xb4);			     /* rate generator, from 65536 down */
	outb(0x42, 0);
	outb(0x42, 0);
	if (!ref_runs())
		panic("no HPET, ACPI timer or PIT to measure the processor's counter by");
}

struct sample {
	uint64_t tsc;
	uint32_t ref, apic;
};

/* All counters at one instant, as near as they can be read: the shortest of some tries. What bias
 * is left is the same each time. */
static struct sample take_sample(void)
{
	struct sample s, found = { 0 };
	uint64_t before, after, best = ~0ull;
	unsigned int i;

	for (i = 0; i < 5; i++) {
		before = rdtsc();
		s.ref = ref_read();
		s.apic = apic_timer_count();
		after = rdtsc();
		s.tsc = before + (after - before) / 2;
		if (after - before < best) {
			best = after - before;
			found = s;
		}
	}
	return found;
}

static void measure(void)
{
	uint64_t ticks = ref_hz * MEASURE_NS / NS_PER_SEC;
	struct sample start, end;

	apic_timer_start(0xffffffff);
	start = take_sample();
	while (((ref_read() - start.ref) & ref_mask) < ticks)
		cpu_relax();
	end = take_sample();
	apic_timer_start(0);
	ticks = (end.ref - start.ref) & ref_mask;
	tsc_hz = (end.tsc - start.tsc) * ref_hz / ticks;
	apic_hz = (start.apic - end.apic) * ref_hz / ticks;
	apic_hz += apic_hz / 16384; /* rather a little late than early, which costs another alarm */
	tsc_khz = tsc_hz / 1000;
}

/* --- reading -------------------------------------------------------------- */

/* ns = ((tsc << shift) * mul) >> 32, shift to the right if negative; mul's top bit is set. */
static void scale_make(struct clock_scale *s)
{
	uint64_t hz = tsc_hz;

	s->shift = 0;
	while (hz > 2ull * NS_PER_SEC) {
		hz >>= 1;
		s->shift--;
	}
	while (hz <= (uint64_t)NS_PER_SEC) {
		hz <<= 1;
		s->shift++;
	}
	/* hz in (10^9, 2*10^9]: the quotient is in [2^31, 2^32). */
	s->mul = (uint32_t)(((uint64_t)NS_PER_SEC << 32) / hz);
}

static ns_t scale_span(const struct clock_scale *s, uint64_t delta)
{
	delta = s->shift < 0 ? delta >> -s->shift : delta << s->shift;
	return (ns_t)((unsigned __int128)delta * s->mul >> 32);
}

static ns_t scale_apply(const struct clock_scale *s, uint64_t tsc)
{
	return s->ns_base + scale_span(s, tsc - s->tsc_base);
}

ns_t clock_now(void)
{
	return scale_apply(&scales[this_cpu()], rdtsc());
}

void clock_scale_get(struct clock_scale *s)
{
	*s = scales[this_cpu()];
}

void delay_us(unsigned int us)
{
	uint64_t end;

	if (!tsc_hz)
		return;
	end = rdtsc() + tsc_hz / 1000000 * us;
	while ((int64_t)(rdtsc() - end) < 0)
		cpu_relax();
}

/* --- alarms --------------------------------------------------------------- */

void clock_alarm(ns_t deadline)
{
	ns_t left;

	if (!deadline) {
		if (cpu_features.tsc_deadline)
			wrmsr(MSR_TSC_DEADLINE, 0);
		else
			apic_timer_start(0);
		return;
	}
	/* far ones come a second at a time: the counter is short */
	left = deadline - clock_now();
	left = MIN(MAX(left, 0), NS_PER_SEC);
	if (cpu_features.tsc_deadline)
		wrmsr(MSR_TSC_DEADLINE, rdtsc() + (uint64_t)left * tsc_hz / NS_PER_SEC + 1);
	else
		apic_timer_start(
			(uint32_t)MIN((uint64_t)left * apic_hz / NS_PER_SEC + 1, 0xffffffffull));
}

/* --- set-up --------------------------------------------------------------- */

void clock_init(void)
{
	ref_choose();
	measure();
	scale_make(&scales[0]);
	scales[0].tsc_base = rdtsc();
	apic_timer_mode(cpu_features.tsc_deadline);
	wall_at_boot = rtc_read() * NS_PER_SEC;
	log_info("clock: %lu.%03lu MHz by the %s; alarms at %lu kHz%s",
		 (unsigned long)(tsc_hz / 1000000), (unsigned long)(tsc_hz / 1000 % 1000), ref_name,
		 (unsigned long)(apic_hz / 1000), cpu_features.tsc_deadline ? ", by deadline" : "");
}

void clock_init_cpu(void)
{
	scales[this_cpu()] = scales[0];
}

/*
 * Another CPU's counter may have started at another time. It asks the first for the time, and if it
 * is off by more than the shortest way there and back it counts from that moment on: a counter that
 * is behind has not yet come to where the first's count began. Guests are told then that counters
 * do not agree.
 */
static struct {
	unsigned int asked, answered;
	ns_t now;
} sync __aligned(64);

void clock_sync_source(void)
{
	unsigned int round;

	for (round = 1; round <= SYNC_ROUNDS; round++) {
		while (atomic_read(&sync.asked) != round)
			cpu_relax();
		sync.now = clock_now();
		atomic_set(&sync.answered, round);
	}
	while (atomic_read(&sync.asked))
		cpu_relax();
	atomic_set(&sync.answered, 0);
}

void clock_sync_target(void)
{
	struct clock_scale *s = &scales[this_cpu()];
	uint64_t before, after, at = 0, best = ~0ull;
	ns_t there = 0, error, most;
	unsigned int round;

	for (round = 1; round <= SYNC_ROUNDS; round++) {
		before = rdtsc();
		atomic_set(&sync.asked, round);
		while (atomic_read(&sync.answered) != round)
			cpu_relax();
		after = rdtsc();
		if (after - before < best) {
			best = after - before;
			at = before + best / 2;
			there = sync.now;
		}
	}
	atomic_set(&sync.asked, 0);
	while (atomic_read(&sync.answered))
		cpu_relax();
	most = scale_span(s, best);
	error = at >= s->tsc_base ? there - scale_apply(s, at) :
				    there - s->ns_base + scale_span(s, s->tsc_base - at);
	if (error > most || error < -most) {
		s->tsc_base = at;
		s->ns_base = there;
		cpu_features.tsc_invariant = false;
		log_warn("CPU %u: its time-stamp counter is off by %ld ns, corrected", this_cpu(),
			 (long)error);
	}
}

int64_t clock_wall_at_boot(void)
{
	return atomic_read(&wall_at_boot);
}

void clock_set_wall_at_boot(int64_t ns)
{
	atomic_set(&wall_at_boot, ns);
}
