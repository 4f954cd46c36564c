/* SPDX-License-Identifier: BSD-2-Clause */
/* The paravirtual clock and the single-shot timer. */
#include "event.h"
#include "lib.h"
#include "mm.h"
#include "print.h"
#include "timer.h"

volatile unsigned long timer_events;

/* (cycles * mul) >> 32 with a 64-bit cycles, in 32-bit steps for PV32's sake. */
static uint64_t scale(uint64_t cycles, uint32_t mul, int shift)
{
	cycles = shift < 0 ? cycles >> -shift : cycles << shift;
	return ((cycles & 0xffffffff) * mul >> 32) + (cycles >> 32) * mul;
}

/* What the hypervisor's clock has to be put forward by: it counts from that host's start, and ours
 * may not go back. */
static uint64_t ahead;

static uint64_t host_time(void)
{
	struct vcpu_time_info *src = &shared_info->vcpu_info[0].time, t;
	uint32_t version;
	uint64_t tsc;

	do {
		version = READ_ONCE(src->version);
		barrier();
		t = *src;
		tsc = rdtsc();
		barrier();
	} while ((version & 1) || version != READ_ONCE(src->version));
	return t.system_time + scale(tsc - t.tsc_timestamp, t.tsc_to_system_mul, t.tsc_shift);
}

uint64_t now(void)
{
	return host_time() + ahead;
}

uint64_t host_deadline(uint64_t when)
{
	return when > ahead ? when - ahead : 1;
}

void timer_resume(uint64_t before)
{
	if (now() < before)
		ahead += before - now();
	timer_init();
}

uint32_t wall_clock(void)
{
	uint32_t version, sec;

	do {
		version = READ_ONCE(shared_info->wc_version);
		barrier();
		sec = READ_ONCE(shared_info->wc_sec);
		barrier();
	} while ((version & 1) || version != READ_ONCE(shared_info->wc_version));
	return sec + host_time() / SECOND;
}

void timer_set(uint64_t when)
{
	struct vcpu_set_singleshot_timer t = { .timeout_abs_ns = host_deadline(when) };

	hc_vcpu_op(VCPUOP_set_singleshot_timer, 0, &t);
}

static void tick(evtchn_port_t port, void *arg)
{
	(void)port, (void)arg;
	timer_events++;
}

void timer_init(void)
{
	int port = event_bind_virq(VIRQ_TIMER);

	if (port < 0)
		panic("VIRQ_TIMER cannot be bound: %d", port);
	hc_vcpu_op(VCPUOP_stop_periodic_timer, 0, NULL);
	event_handler(port, tick, NULL);
}
