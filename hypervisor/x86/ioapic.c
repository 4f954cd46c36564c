/* SPDX-License-Identifier: BSD-2-Clause */
/* IO-APICs: lines (GSIs) to vectors, and the ISA lines' detours that ACPI tells of. The old PIC is
 * put to rest. */
#include <torc/irq.h>
#include <torc/x86_priv.h>
#include <torc/spinlock.h>
#include <torc/console.h>

#define REG_VERSION  1
#define REG_ROUTE    0x10
#define ROUTE_LOW    (1u << 13) /* polarity */
#define ROUTE_LEVEL  (1u << 15)
#define ROUTE_MASKED (1u << 16)

static struct ioapic {
	volatile uint32_t *regs; /* index at 0, data at 0x10 */
	maddr_t base;
	unsigned int gsi_base, lines;
} ioapics[16];
static unsigned int nr_ioapics;
static spinlock_t lock = SPINLOCK(RANK_IRQCHIP);

static uint32_t reg_read(struct ioapic *a, unsigned int r)
{
	a->regs[0] = r;
	return a->regs[4];
}

static void reg_write(struct ioapic *a, unsigned int r, uint32_t v)
{
	a->regs[0] = r;
	a->regs[4] = v;
}

static struct ioapic *of_gsi(unsigned int gsi, unsigned int *line)
{
	unsigned int i;

	for (i = 0; i < nr_ioapics; i++) {
		*line = gsi - ioapics[i].gsi_base;
		if (gsi >= ioapics[i].gsi_base && *line < ioapics[i].lines)
			return &ioapics[i];
	}
	return NULL;
}

unsigned int ioapic_nr_gsis(void)
{
	unsigned int i, n = 0;

	for (i = 0; i < nr_ioapics; i++)
		n = MAX(n, ioapics[i].gsi_base + ioapics[i].lines);
	return n;
}

static void set_mask(struct irq *irq, bool masked)
{
	unsigned int line;
	struct ioapic *a = of_gsi(irq->line, &line);
	unsigned long flags = spin_lock_irq(&lock);
	uint32_t low;

	irq->masked = masked;
	low = reg_read(a, REG_ROUTE + line * 2) & ~ROUTE_MASKED;
	reg_write(a, REG_ROUTE + line * 2, low | (masked ? ROUTE_MASKED : 0));
	if (masked)
		reg_read(a, REG_ROUTE + line * 2); /* posted: be sure it got there */
	spin_unlock_irq(&lock, flags);
}

static void ioapic_mask(struct irq *irq)
{
	set_mask(irq, true);
}

static void ioapic_unmask(struct irq *irq)
{
	set_mask(irq, false);
}

static void ioapic_set_cpu(struct irq *irq, unsigned int cpu)
{
	unsigned int line;
	struct ioapic *a = of_gsi(irq->line, &line);
	unsigned long flags = spin_lock_irq(&lock);

	irq->cpu = cpu;
	reg_write(a, REG_ROUTE + line * 2 + 1, cpu_apic_id[cpu] << 24);
	spin_unlock_irq(&lock, flags);
}

static const struct irq_chip ioapic_chip = { .mask = ioapic_mask,
					     .unmask = ioapic_unmask,
					     .set_cpu = ioapic_set_cpu };

int ioapic_route(struct irq *irq, unsigned int gsi, bool level, bool active_low)
{
	unsigned int line;
	struct ioapic *a = of_gsi(gsi, &line);
	unsigned long flags;

	if (!a)
		return -XEN_ENODEV;
	irq->chip = &ioapic_chip;
	irq->line = gsi;
	irq->level = level;
	irq->masked = true;
	flags = spin_lock_irq(&lock);
	reg_write(a, REG_ROUTE + line * 2, ROUTE_MASKED);
	reg_write(a, REG_ROUTE + line * 2 + 1, cpu_apic_id[irq->cpu] << 24);
	reg_write(a, REG_ROUTE + line * 2,
		  irq->vector | (active_low ? ROUTE_LOW : 0) | (level ? ROUTE_LEVEL : 0) |
			  ROUTE_MASKED);
	spin_unlock_irq(&lock, flags);
	return 0;
}

void ioapic_unroute(struct irq *irq)
{
	ioapic_mask(irq);
	irq->chip = NULL;
}

bool ioapic_owns_frame(mfn_t m)
{
	unsigned int i;

	for (i = 0; i < nr_ioapics; i++)
		if (m.n == ioapics[i].base >> PAGE_SHIFT)
			return true;
	return m.n == acpi.lapic >> PAGE_SHIFT;
}

bool device_read_only(mfn_t m)
{
	return acpi.hpet && m.n == acpi.hpet >> PAGE_SHIFT;
}

unsigned int isa_irq_to_gsi(unsigned int irq, bool *level, bool *active_low)
{
	unsigned int i;

	*level = *active_low = false;
	for (i = 0; i < acpi.nr_overrides; i++) {
		if (acpi.override[i].isa != irq)
			continue;
		*level = acpi.override[i].level;
		*active_low = acpi.override[i].active_low;
		return acpi.override[i].gsi;
	}
	return irq;
}

/* Its vectors out of the exceptions' way, should a spurious one come, and every line masked. */
void pic_disable(void)
{
	outb(0x20, 0x11);
	outb(0xa0, 0x11);
	outb(0x21, 0x20);
	outb(0xa1, 0x28);
	outb(0x21, 0x04);
	outb(0xa1, 0x02);
	outb(0x21, 0x01);
	outb(0xa1, 0x01);
	outb(0x21, 0xff);
	outb(0xa1, 0xff);
}

void ioapic_init(void)
{
	unsigned int i, line;

	for (i = 0; i < acpi.nr_ioapics; i++) {
		struct ioapic *a = &ioapics[nr_ioapics];

		a->base = acpi.ioapic[i].base;
		a->regs = map_device(a->base, 0x20, PTE_PCD | PTE_PWT);
		a->gsi_base = acpi.ioapic[i].gsi_base;
		if (!a->regs)
			continue;
		a->lines = (reg_read(a, REG_VERSION) >> 16 & 0xff) + 1;
		for (line = 0; line < a->lines; line++)
			reg_write(a, REG_ROUTE + line * 2, ROUTE_MASKED);
		nr_ioapics++;
	}
	if (!nr_ioapics)
		log_warn("no IO-APIC: the control domain's devices have no interrupts");
}
