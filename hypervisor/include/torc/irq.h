/* SPDX-License-Identifier: BSD-2-Clause */
/* Vectors and interrupt chips: x86/ioapic.c, x86/msi.c, core/irq.c. pv/pirq.c is their user. */
#ifndef TORC_IRQ_H
#define TORC_IRQ_H

#include <torc/x86.h>

/* Vectors: 0x00-0x1f exceptions, 0x20-0x2f legacy PIC (masked; spurious), 0x30-0xef devices,
 * 0xf0-0xff ours. 0x80 and 0x82 are software's. */
#define VECTOR_FIRST_DEVICE 0x30
#define VECTOR_LAST_DEVICE  0xef
#define VECTOR_TIMER	    0xf0
#define VECTOR_KICK	    0xf1
#define VECTOR_CALL	    0xf2
#define VECTOR_TLB	    0xf3
#define VECTOR_ERROR	    0xfe
#define VECTOR_SPURIOUS	    0xff

/* A physical interrupt: one line of an IO-APIC or one message. Locks: RANK_IRQCHIP in the chips. */
struct irq {
	uint8_t vector;	  /* the same on all CPUs; 0: none */
	unsigned int cpu; /* where it is delivered */
	bool level, masked;
	/* interrupts off; acknowledges by irq_ack_* below */
	void (*handler)(struct irq *irq, void *arg);
	void *arg;
	const struct irq_chip *chip;
	uint32_t line; /* IO-APIC: GSI */
	struct msi_desc *msi;
};
struct irq_chip {
	void (*mask)(struct irq *), (*unmask)(struct irq *);
	void (*set_cpu)(struct irq *, unsigned int cpu);
};
int irq_alloc_vector(struct irq *irq); /* 0 or -XEN_ENOSPC; hook_irq finds irq by it */
void irq_free_vector(struct irq *irq);
void irq_eoi(struct irq *irq); /* local APIC */
/* IO-APIC */
unsigned int ioapic_nr_gsis(void);
/* masked after it */
int ioapic_route(struct irq *irq, unsigned int gsi, bool level, bool active_low);
void ioapic_unroute(struct irq *irq);
bool ioapic_owns_frame(mfn_t m); /* MMIO frames that no domain may map: IO-APICs, local APIC */
bool device_read_only(mfn_t m);	 /* ... that one may map for reading only (entries lose PTE_RW): the
				    HPET, which ACPI's AML reads */
unsigned int isa_irq_to_gsi(unsigned int irq, bool *level, bool *active_low); /* ACPI overrides */
/* MSI and MSI-X: programs the device's capability or table. */
int msi_route(struct irq *irq, uint16_t seg, uint8_t bus, uint8_t devfn, bool msix,
	      unsigned int entry, uint64_t table_base);
void msi_unroute(struct irq *irq);
int msi_restore(uint16_t seg, uint8_t bus, uint8_t devfn);
/* PCI configuration space by ports, for whoever needs it: width 1, 2, 4. */
uint32_t pci_read(uint8_t bus, uint8_t devfn, unsigned int reg, unsigned int width);
void pci_write(uint8_t bus, uint8_t devfn, unsigned int reg, unsigned int width, uint32_t v);

/* ACPI tables as the firmware left them (x86/acpi.c): MADT parsed; others for platform calls. */
const void *acpi_table(const char sig[4], unsigned int nth);
maddr_t acpi_rsdp(void);

#endif
