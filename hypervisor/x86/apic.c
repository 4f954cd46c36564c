/* SPDX-License-Identifier: BSD-2-Clause */
/* The local APIC: by memory, or by MSRs (x2APIC) where the firmware chose that or a hypervisor
 * below offers it. */
#include <torc/irq.h>
#include <torc/x86_priv.h>
#include <torc/console.h>

#define MSR_APIC_BASE 0x1b
#define MSR_X2APIC    0x800
#define BASE_ENABLE   (1ull << 11)
#define BASE_X2APIC   (1ull << 10)

#define APIC_ID	       0x020
#define APIC_TPR       0x080
#define APIC_EOI       0x0b0
#define APIC_LDR       0x0d0
#define APIC_DFR       0x0e0
#define APIC_SVR       0x0f0
#define APIC_ESR       0x280
#define APIC_ICR       0x300
#define APIC_ICR_HIGH  0x310
#define APIC_LVT_TIMER 0x320
#define APIC_LVT_LINT0 0x350
#define APIC_LVT_LINT1 0x360
#define APIC_LVT_ERROR 0x370
#define APIC_TMICT     0x380
#define APIC_TMCCT     0x390
#define APIC_TDCR      0x3e0

#define LVT_MASKED   0x10000u
#define LVT_NMI	     0x400u
#define LVT_DEADLINE (2u << 17)
#define SVR_ENABLE   0x100u
#define ICR_PENDING  0x1000u
#define DIVIDE_BY_1  0xbu

static volatile uint32_t *regs; /* NULL: x2APIC */
static bool timer_deadline;

static uint32_t reg_read(unsigned int r)
{
	return regs ? regs[r / 4] : (uint32_t)rdmsr(MSR_X2APIC + r / 16);
}

static void reg_write(unsigned int r, uint32_t v)
{
	if (regs)
		regs[r / 4] = v;
	else
		wrmsr(MSR_X2APIC + r / 16, v);
}

void apic_eoi(void)
{
	reg_write(APIC_EOI, 0);
}

uint32_t apic_own_id(void)
{
	return regs ? reg_read(APIC_ID) >> 24 : reg_read(APIC_ID);
}

void apic_send(uint32_t apic_id, uint32_t icr_low)
{
	/* Two writes make one interrupt, and an NMI that comes between them may send one, too: it
	 * leaves the register as it was. */
	static bool sending[MAX_CPUS];
	unsigned long f;
	bool interrupted;
	uint32_t high;

	if (!regs) {
		mb(); /* an MSR write does not order what the other CPU is to see */
		wrmsr(MSR_X2APIC + APIC_ICR / 16, (uint64_t)apic_id << 32 | icr_low);
		return;
	}
	f = irq_save();
	while (reg_read(APIC_ICR) & ICR_PENDING)
		cpu_relax();
	interrupted = READ_ONCE(sending[this_cpu()]);
	WRITE_ONCE(sending[this_cpu()], true);
	high = interrupted ? reg_read(APIC_ICR_HIGH) : 0;
	reg_write(APIC_ICR_HIGH, apic_id << 24);
	reg_write(APIC_ICR, icr_low);
	if (interrupted) {
		while (reg_read(APIC_ICR) & ICR_PENDING)
			cpu_relax();
		reg_write(APIC_ICR_HIGH, high);
	}
	WRITE_ONCE(sending[this_cpu()], interrupted);
	irq_restore(f);
}

void apic_init(void)
{
	uint64_t base = rdmsr(MSR_APIC_BASE);
	uint32_t r[4];
	bool hypervisor;

	cpuid(1, 0, r);
	hypervisor = r[2] >> 31;
	if (cpu_features.x2apic && (base & BASE_X2APIC || hypervisor))
		return;
	regs = map_device(acpi.lapic, PAGE_SIZE, PTE_PCD | PTE_PWT);
	if (!regs)
		panic("the local APIC at %#lx cannot be mapped", (unsigned long)acpi.lapic);
}

void apic_timer_mode(bool deadline)
{
	timer_deadline = deadline;
	reg_write(APIC_LVT_TIMER, VECTOR_TIMER | (deadline ? LVT_DEADLINE : 0));
	if (deadline)
		mb(); /* the mode before the first deadline */
}

void apic_init_cpu(void)
{
	wrmsr(MSR_APIC_BASE, rdmsr(MSR_APIC_BASE) | BASE_ENABLE | (regs ? 0 : BASE_X2APIC));
	reg_write(APIC_TPR, 0);
	if (regs) {
		reg_write(APIC_DFR, 0xffffffff);
		reg_write(APIC_LDR, 0);
	}
	reg_write(APIC_SVR, SVR_ENABLE | VECTOR_SPURIOUS);
	reg_write(APIC_LVT_LINT0, LVT_MASKED);
	reg_write(APIC_LVT_LINT1, this_cpu() ? LVT_MASKED : LVT_NMI);
	reg_write(APIC_ESR, 0);
	reg_write(APIC_LVT_ERROR, VECTOR_ERROR);
	reg_write(APIC_TDCR, DIVIDE_BY_1);
	apic_timer_mode(timer_deadline);
	reg_write(APIC_TMICT, 0);
	apic_eoi(); /* one that was in service when the firmware left */
}

void apic_timer_start(uint32_t count)
{
	reg_write(APIC_TMICT, count);
}

uint32_t apic_timer_count(void)
{
	return reg_read(APIC_TMCCT);
}
