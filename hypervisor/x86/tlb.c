/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Flushes, here and on other CPUs, and the stamps that make many of them needless. A CPU's stamp is
 * the clock's value when it last flushed; the clock ticks with every flush that was asked for. A
 * change of root flushes too and takes the clock as it is: it happens with every system call of a
 * 64-bit guest, and must not write what all CPUs read. Stamps that come out too old cost a needless
 * flush, no more. Requests have a slot per asking CPU and a bit per asker at the asked one, so that
 * there is no lock to wait for; who waits serves others' requests meanwhile.
 */
#include <torc/x86.h>
#include <torc/x86_priv.h>
#include <torc/irq.h>

#define WHOLE 1ul /* no page has this address */

static uint64_t tlb_clock; /* does not wrap; frames keep the lower half */
static uint64_t stamps[MAX_CPUS];
static struct {
	unsigned long va;
} requests[MAX_CPUS] __aligned(64);
static cpumask_t askers[MAX_CPUS]; /* of each asked CPU */

static void flush_here(void)
{
	uint64_t now = atomic_add(&tlb_clock, 1);

	write_cr3(read_cr3());
	WRITE_ONCE(stamps[this_cpu()], now);
}

void tlb_flush_local(void)
{
	unsigned long f = irq_save();

	flush_here();
	irq_restore(f);
}

void tlb_flush_page_local(unsigned long va)
{
	__asm__ volatile("invlpg %0" ::"m"(*(char *)va) : "memory");
}

void write_root(mfn_t root)
{
	uint64_t now = READ_ONCE(tlb_clock);

	write_cr3(root.n << PAGE_SHIFT);
	stamps[this_cpu()] = now;
}

/* What others asked of this CPU. An asker's bit is cleared when its request is done: it waits for
 * that. */
void tlb_requests_run(void)
{
	cpumask_t *mine = &askers[this_cpu()], todo, m;
	bool whole = false;

	while ((todo = atomic_read(mine)) != 0) {
		whole = false;
		for (m = todo; m; m &= m - 1) {
			unsigned long va = READ_ONCE(requests[__builtin_ctzll(m)].va);

			if (va == WHOLE)
				whole = true;
			else
				tlb_flush_page_local(va);
		}
		if (whole)
			flush_here();
		atomic_and(mine, ~todo);
	}
}

static void flush_others(cpumask_t cpus, unsigned long va)
{
	unsigned int me = this_cpu(), cpu;
	unsigned long f =
		irq_save(); /* the slot is this CPU's: nothing that flushes may come between */
	cpumask_t m;

	ASSERT(f & EFLAGS_IF); /* or the caller may hold what another CPU waits for, deaf to us */
	WRITE_ONCE(requests[me].va, va);
	for (m = cpus; m; m &= m - 1) {
		cpu = (unsigned int)__builtin_ctzll(m);
		if (!atomic_or(&askers[cpu], 1ull << me))
			apic_send(cpu_apic_id[cpu], APIC_FIXED | VECTOR_TLB);
	}
	for (m = cpus; m; m &= m - 1) {
		cpu = (unsigned int)__builtin_ctzll(m);
		while (atomic_read(&askers[cpu]) >> me & 1) {
			tlb_requests_run();
			cpu_calls_run();
			cpu_relax();
		}
	}
	irq_restore(f);
}

void tlb_flush_cpus(cpumask_t cpus)
{
	cpumask_t self = 1ull << this_cpu();

	cpus &= cpus_online;
	if (cpus & self)
		tlb_flush_local();
	if (cpus & ~self)
		flush_others(cpus & ~self, WHOLE);
}

void tlb_flush_page_cpus(cpumask_t cpus, unsigned long va)
{
	cpumask_t self = 1ull << this_cpu();

	va &= PAGE_MASK;
	cpus &= cpus_online;
	if (cpus & self)
		tlb_flush_page_local(va);
	if (cpus & ~self)
		flush_others(cpus & ~self, va);
}

uint32_t tlb_stamp_now(void)
{
	return (uint32_t)atomic_read(&tlb_clock);
}

/* A CPU flushed since the stamp was taken if its own is later. */
cpumask_t tlb_not_flushed_since(cpumask_t cpus, uint32_t stamp)
{
	uint64_t since = tlb_stamp_moment(atomic_read(&tlb_clock), stamp);
	cpumask_t m, stale = 0;

	for (m = cpus & cpus_online; m; m &= m - 1) {
		unsigned int cpu = (unsigned int)__builtin_ctzll(m);

		if (READ_ONCE(stamps[cpu]) <= since)
			stale |= 1ull << cpu;
	}
	return stale;
}

void cache_flush_local(void)
{
	__asm__ volatile("wbinvd" ::: "memory");
}
