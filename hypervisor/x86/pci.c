/* SPDX-License-Identifier: BSD-2-Clause */
/* PCI configuration space by ports 0xcf8 and 0xcfc. */
#include <torc/irq.h>
#include <torc/spinlock.h>

#define PCI_ADDRESS 0xcf8
#define PCI_DATA    0xcfc

static spinlock_t lock = SPINLOCK(RANK_IRQCHIP);

static uint32_t address(uint8_t bus, uint8_t devfn, unsigned int reg)
{
	/* bits 27:24: the upper four of the register, on processors that know them */
	return 0x80000000u | (reg & 0xf00) << 16 | (uint32_t)bus << 16 | (uint32_t)devfn << 8 |
	       (reg & 0xfc);
}

uint32_t pci_read(uint8_t bus, uint8_t devfn, unsigned int reg, unsigned int width)
{
	unsigned long flags = spin_lock_irq(&lock);
	uint16_t port = (uint16_t)(PCI_DATA + (reg & 3));
	uint32_t v;

	outl(PCI_ADDRESS, address(bus, devfn, reg));
	v = width == 1 ? inb(port) : width == 2 ? inw(port) : inl(PCI_DATA);
	spin_unlock_irq(&lock, flags);
	return v;
}

void pci_write(uint8_t bus, uint8_t devfn, unsigned int reg, unsigned int width, uint32_t v)
{
	unsigned long flags = spin_lock_irq(&lock);
	uint16_t port = (uint16_t)(PCI_DATA + (reg & 3));

	outl(PCI_ADDRESS, address(bus, devfn, reg));
	if (width == 1)
		outb(port, (uint8_t)v);
	else if (width == 2)
		outw(port, (uint16_t)v);
	else
		outl(PCI_DATA, v);
	spin_unlock_irq(&lock, flags);
}
