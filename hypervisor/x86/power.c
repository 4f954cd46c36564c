/* SPDX-License-Identifier: BSD-2-Clause */
/* Reboot, halt, power-off. */
#include <torc/x86.h>
#include <torc/x86_priv.h>
#include <torc/console.h>

#define GAS_MEMORY 0
#define GAS_PORTS  1
#define GAS_PCI	   2
#define SLP_EN	   (1u << 13)

static void acpi_reset(void)
{
	volatile uint8_t *reg;

	if (!acpi.has_reset)
		return;
	if (acpi.reset.space == GAS_PORTS) {
		outb((uint16_t)acpi.reset.address, acpi.reset_value);
	} else if (acpi.reset.space == GAS_MEMORY) {
		reg = map_device(acpi.reset.address, 1, PTE_PCD | PTE_PWT);
		if (reg)
			*reg = acpi.reset_value;
	}
	delay_us(100 * 1000);
}

static void keyboard_reset(void)
{
	unsigned int i, tries;

	for (i = 0; i < 5; i++) {
		for (tries = 0; (inb(0x64) & 2) && tries < 10000; tries++)
			cpu_relax();
		outb(0x64, 0xfe);
		delay_us(10 * 1000);
	}
}

void machine_reboot(void)
{
	irq_off();
	smp_stop_others();
	acpi_reset();
	outb(0xcf9, 2); /* the chipset's reset control, where there is one */
	outb(0xcf9, 6);
	delay_us(50 * 1000);
	keyboard_reset();
	machine_triple_fault();
}

void machine_triple_fault(void)
{
	struct {
		uint16_t limit;
		uint64_t base;
	} __packed none = { 0, 0 };

	__asm__ volatile("lidt %0\n\tint3" ::"m"(none));
	panic_stop_here();
}

void machine_halt(void)
{
	log_info("halted");
	smp_stop_others();
	panic_stop_here();
}

/* The control domain names the values its AML gave it; they are written as they are, both
 * registers. */
void machine_poweroff(uint32_t pm1a_cnt, uint32_t pm1b_cnt, uint16_t val_a, uint16_t val_b)
{
	irq_off();
	smp_stop_others();
	delay_us(1000);
	if (pm1a_cnt)
		outw((uint16_t)pm1a_cnt, (uint16_t)(val_a | SLP_EN));
	if (pm1b_cnt)
		outw((uint16_t)pm1b_cnt, (uint16_t)(val_b | SLP_EN));
	delay_us(1000 * 1000);
	log_err("the machine did not power off (PM1 control at %#x and %#x)", pm1a_cnt, pm1b_cnt);
	panic_stop_here();
}
