/* SPDX-License-Identifier: BSD-2-Clause */
/* Other CPUs: started one after the other, kicked, called, stopped. */
#include <torc/irq.h>
#include <torc/x86_priv.h>
#include <torc/console.h>

#define TRAMPOLINE    0x8000ul /* conventional memory that no BIOS uses */
#define START_TRIES   2
#define START_WAIT_US (200u * 1000)

extern const char trampoline[], trampoline_end[], trampoline_gdt_at[], trampoline_jump_at[],
	trampoline_cr3[], trampoline_efer[], trampoline_stack[], trampoline_entry[],
	trampoline_root[], smp_entry[];
extern uint64_t boot_l4[];
void smp_main(void);

static void (*cpu_main_fn)(void);
static unsigned int started; /* the CPU being started says so here: its number */
static bool stopping;
static unsigned int stopper; /* the last one to stop the others goes on */
unsigned int smp_max_cpus = MAX_CPUS;

/* --- calls ---------------------------------------------------------------- */

static struct {
	void (*fn)(void *);
	void *arg;
} calls[MAX_CPUS] __aligned(64);    /* of each asking CPU */
static cpumask_t callers[MAX_CPUS]; /* of each asked one */

void cpu_calls_run(void)
{
	cpumask_t *mine = &callers[this_cpu()], todo;
	unsigned int who;

	while ((todo = atomic_read(mine)) != 0) {
		who = (unsigned int)__builtin_ctzll(todo);
		calls[who].fn(calls[who].arg);
		atomic_and(mine, ~(1ull << who));
	}
}

void cpu_call(cpumask_t cpus, void (*fn)(void *), void *arg)
{
	unsigned long f = irq_save();
	unsigned int me = this_cpu(), cpu;
	cpumask_t others = cpus & cpus_online & ~(1ull << me), m;

	ASSERT(f & EFLAGS_IF); /* as in tlb.c */
	calls[me].fn = fn;
	calls[me].arg = arg;
	for (m = others; m; m &= m - 1) {
		cpu = (unsigned int)__builtin_ctzll(m);
		if (!atomic_or(&callers[cpu], 1ull << me))
			apic_send(cpu_apic_id[cpu], APIC_FIXED | VECTOR_CALL);
	}
	if (cpus >> me & 1)
		fn(arg);
	for (m = others; m; m &= m - 1) {
		cpu = (unsigned int)__builtin_ctzll(m);
		while (atomic_read(&callers[cpu]) >> me & 1) {
			cpu_calls_run(); /* they may be waiting for us likewise */
			tlb_requests_run();
			cpu_relax();
		}
	}
	irq_restore(f);
}

void cpu_kick(unsigned int cpu)
{
	apic_send(cpu_apic_id[cpu], APIC_FIXED | VECTOR_KICK);
}

/* --- the end -------------------------------------------------------------- */

bool smp_is_stopping(void)
{
	return atomic_read(&stopping) && READ_ONCE(stopper) != this_cpu();
}

void smp_stop_others(void)
{
	unsigned int cpu;

	WRITE_ONCE(stopper, this_cpu());
	atomic_set(&stopping, true);
	for (cpu = 0; cpu < nr_cpus; cpu++)
		if (cpu != this_cpu())
			apic_send(cpu_apic_id[cpu], APIC_NMI);
}

/* --- the start ------------------------------------------------------------ */

/* On the new CPU, interrupts off. */
void smp_main(void)
{
	unsigned int cpu = this_cpu();

	desc_init_cpu(cpu);
	cpu_init();
	apic_init_cpu();
	clock_init_cpu();
	atomic_set(&started, cpu);
	clock_sync_target();
	while (!(atomic_read(&cpus_online) >> cpu & 1))
		cpu_relax();
	cpu_main_fn();
	panic("CPU %u has nothing to do", cpu);
}

#define FIELD(type, name) (*(type *)(page + ((name)-trampoline)))

static void prepare(unsigned int cpu)
{
	char *page = maddr_to_virt(TRAMPOLINE);

	memcpy(page, trampoline, (size_t)(trampoline_end - trampoline));
	FIELD(uint32_t, trampoline_gdt_at) += TRAMPOLINE;
	FIELD(uint32_t, trampoline_jump_at) += TRAMPOLINE;
	FIELD(uint64_t, trampoline_cr3) = virt_to_maddr(boot_l4);
	FIELD(uint64_t, trampoline_efer) = rdmsr(MSR_EFER) &
					   ~(1ull << 10); /* LMA is the processor's to set */
	FIELD(uint64_t, trampoline_stack) = (unsigned long)cpu_info_of(cpu);
	FIELD(uint64_t, trampoline_root) = idle_root.n << PAGE_SHIFT;
	FIELD(uint64_t, trampoline_entry) = (unsigned long)smp_entry;
}

static bool start(unsigned int cpu)
{
	unsigned int try, waited;

	prepare(cpu);
	apic_send(cpu_apic_id[cpu], APIC_INIT);
	delay_us(10 * 1000);
	for (try = 0; try < START_TRIES; try++) {
		apic_send(cpu_apic_id[cpu], APIC_STARTUP | TRAMPOLINE >> PAGE_SHIFT);
		for (waited = 0; waited < START_WAIT_US; waited += 20) {
			if (atomic_read(&started) == cpu)
				return true;
			delay_us(20);
		}
	}
	/* it must not wake up later, into what is another's by then */
	apic_send(cpu_apic_id[cpu], APIC_INIT);
	return false;
}

void smp_boot(void (*cpu_main)(void))
{
	uint32_t self = apic_own_id();
	unsigned int i, cpu, windows = 0;

	cpu_main_fn = cpu_main;
	cpu_apic_id[0] = self;
	for (i = 0; i < acpi.nr_cpus; i++) {
		if (acpi.cpu[i].apic_id == self) {
			cpu_acpi_id[0] = acpi.cpu[i].acpi_id;
			continue;
		}
		cpu = nr_cpus;
		if (cpu >= smp_max_cpus)
			continue;
		cpu_apic_id[cpu] = acpi.cpu[i].apic_id;
		cpu_acpi_id[cpu] = acpi.cpu[i].acpi_id;
		if (cpu > windows) { /* the last one's, if it did not start, serves again */
			desc_make_window(cpu);
			windows = cpu;
		}
		if (!start(cpu)) {
			log_err("CPU with APIC id %u does not start and is left out",
				acpi.cpu[i].apic_id);
			continue;
		}
		clock_sync_source();
		nr_cpus++;
		atomic_or(&cpus_online, 1ull << cpu);
	}
	log_info("%u CPUs run%s", nr_cpus,
		 nr_cpus < acpi.nr_cpus ? " (of more that ACPI names)" : "");
}
