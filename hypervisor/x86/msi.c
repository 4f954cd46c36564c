/* SPDX-License-Identifier: BSD-2-Clause */
/* Message-signalled interrupts: the hypervisor alone writes a device's message, so that no guest
 * can aim one at a vector that is not its. */
#include <torc/irq.h>
#include <torc/x86_priv.h>
#include <torc/heap.h>
#include <torc/spinlock.h>

#define CAP_MSI		  0x05
#define CAP_MSIX	  0x11
#define MSI_ENABLE	  0x0001u
#define MSI_64		  0x0080u
#define MSI_MASKABLE	  0x0100u
#define MSI_MULTIPLE	  0x0070u
#define MSIX_ENABLE	  0x8000u
#define MSIX_MASK_ALL	  0x4000u
#define MSIX_ENTRY_MASKED 1u

struct msi_desc {
	struct list link;
	struct irq *irq;
	uint16_t seg;
	uint8_t bus, devfn;
	bool msix;
	unsigned int cap, entry;
	volatile uint32_t *slot; /* MSI-X: the entry in the device's table */
};

static struct list all = LIST_INIT(all);
static spinlock_t lock = SPINLOCK(RANK_SMALL);

static unsigned int find_cap(uint8_t bus, uint8_t devfn, uint8_t id)
{
	unsigned int at, tries;

	if (!(pci_read(bus, devfn, 0x06, 2) & 0x10))
		return 0;
	at = pci_read(bus, devfn, 0x34, 1) & 0xfc;
	for (tries = 0; at && tries < 48;
	     tries++) { /* a broken device's list may run in a circle */
		if (pci_read(bus, devfn, at, 1) == id)
			return at;
		at = pci_read(bus, devfn, at + 1, 1) & 0xfc;
	}
	return 0;
}

/* A device that is gone, or has its memory switched off, answers with ones. */
static bool answers(const struct msi_desc *d)
{
	return pci_read(d->bus, d->devfn, 0, 2) != 0xffff;
}

static void write_message(struct msi_desc *d)
{
	uint32_t address = 0xfee00000 | (cpu_apic_id[d->irq->cpu] & 0xff) << 12,
		 data = d->irq->vector;
	uint32_t control;

	if (d->msix) {
		if (!(pci_read(d->bus, d->devfn, 0x04, 2) & 2))
			return;
		d->slot[3] |= MSIX_ENTRY_MASKED;
		d->slot[0] = address;
		d->slot[1] = 0;
		d->slot[2] = data;
		d->slot[3] = d->irq->masked ? d->slot[3] | MSIX_ENTRY_MASKED :
					      d->slot[3] & ~MSIX_ENTRY_MASKED;
		return;
	}
	control = pci_read(d->bus, d->devfn, d->cap + 2, 2);
	pci_write(d->bus, d->devfn, d->cap + 4, 4, address);
	if (control & MSI_64)
		pci_write(d->bus, d->devfn, d->cap + 8, 4, 0);
	pci_write(d->bus, d->devfn, d->cap + (control & MSI_64 ? 12 : 8), 2, data);
}

static void set_mask(struct irq *irq, bool masked)
{
	struct msi_desc *d = irq->msi;
	uint32_t control, reg;

	irq->masked = masked;
	if (d->msix) {
		if (pci_read(d->bus, d->devfn, 0x04, 2) & 2)
			d->slot[3] = masked ? d->slot[3] | MSIX_ENTRY_MASKED :
					      d->slot[3] & ~MSIX_ENTRY_MASKED;
		return;
	}
	control = pci_read(d->bus, d->devfn, d->cap + 2, 2);
	if (!(control & MSI_MASKABLE))
		return; /* edges only, and the handler ignores what is masked */
	reg = d->cap + (control & MSI_64 ? 16 : 12);
	pci_write(d->bus, d->devfn, reg, 4, masked ? 1 : 0);
}

static void msi_mask(struct irq *irq)
{
	set_mask(irq, true);
}

static void msi_unmask(struct irq *irq)
{
	set_mask(irq, false);
}

static void msi_set_cpu(struct irq *irq, unsigned int cpu)
{
	irq->cpu = cpu;
	write_message(irq->msi);
}

static const struct irq_chip msi_chip = { .mask = msi_mask,
					  .unmask = msi_unmask,
					  .set_cpu = msi_set_cpu };

/* Where the device's table is: its own registers say so; the address the control domain names is
 * not needed. */
static int map_slot(struct msi_desc *d)
{
	uint32_t where = pci_read(d->bus, d->devfn, d->cap + 4, 4), bar, type;
	unsigned int reg = 0x10 + (where & 7) * 4;
	uint64_t base;

	if (d->entry > (pci_read(d->bus, d->devfn, d->cap + 2, 2) & 0x7ff) || (where & 7) > 5)
		return -XEN_EINVAL;
	bar = pci_read(d->bus, d->devfn, reg, 4);
	type = bar & 7;
	if (type & 1)
		return -XEN_EINVAL; /* ports */
	base = bar & ~0xfull;
	if (type == 4)
		base |= (uint64_t)pci_read(d->bus, d->devfn, reg + 4, 4) << 32;
	if (!base)
		return -XEN_ENXIO;
	base += (where & ~7u) + d->entry * 16ull;
	d->slot = map_device(base, 16, PTE_PCD | PTE_PWT);
	return d->slot ? 0 : -XEN_ENOMEM;
}

static void enable(struct msi_desc *d, bool on)
{
	uint32_t control = pci_read(d->bus, d->devfn, d->cap + 2, 2);

	if (d->msix)
		control = on ? (control | MSIX_ENABLE) & ~MSIX_MASK_ALL : control;
	else
		control = (control & ~(MSI_MULTIPLE | MSI_ENABLE)) | (on ? MSI_ENABLE : 0);
	pci_write(d->bus, d->devfn, d->cap + 2, 2, control);
}

int msi_route(struct irq *irq, uint16_t seg, uint8_t bus, uint8_t devfn, bool msix,
	      unsigned int entry, uint64_t table_base)
{
	struct msi_desc *d;
	unsigned long flags;
	int rc;

	(void)table_base;
	if (seg)
		return -XEN_EOPNOTSUPP; /* other segments need the memory-mapped configuration space */
	if (!msix && entry)
		return -XEN_EOPNOTSUPP; /* several plain MSIs want vectors in a row: drivers do with
					   one */
	d = zalloc(sizeof(*d));
	if (!d)
		return -XEN_ENOMEM;
	*d = (struct msi_desc){
		.irq = irq, .seg = seg, .bus = bus, .devfn = devfn, .msix = msix, .entry = entry
	};
	d->cap = answers(d) ? find_cap(bus, devfn, msix ? CAP_MSIX : CAP_MSI) : 0;
	rc = d->cap ? 0 : -XEN_ENODEV;
	if (!rc && msix)
		rc = map_slot(d);
	if (rc) {
		zfree(d);
		return rc;
	}
	irq->chip = &msi_chip;
	irq->msi = d;
	irq->level = false;
	irq->masked = true;
	if (msix)
		enable(d, true); /* its entries are masked one by one */
	set_mask(irq, true);
	write_message(d);
	if (!msix)
		enable(d, true);
	flags = spin_lock_irq(&lock);
	list_add_tail(&all, &d->link);
	spin_unlock_irq(&lock, flags);
	return 0;
}

void msi_unroute(struct irq *irq)
{
	struct msi_desc *d = irq->msi;
	unsigned long flags;

	if (!d)
		return;
	if (answers(d)) {
		set_mask(irq, true);
		if (!d->msix)
			enable(d, false);
	}
	flags = spin_lock_irq(&lock);
	list_del(&d->link);
	spin_unlock_irq(&lock, flags);
	irq->msi = NULL;
	irq->chip = NULL;
	zfree(d);
}

/* After a device lost its state (reset, power): what it was told is told again. */
int msi_restore(uint16_t seg, uint8_t bus, uint8_t devfn)
{
	struct msi_desc *d, *found[32];
	unsigned int n = 0, i;
	unsigned long flags;
	struct list *p;

	flags = spin_lock_irq(&lock);
	list_for(p, &all)
	{
		d = list_entry(p, struct msi_desc, link);
		if (d->seg == seg && d->bus == bus && d->devfn == devfn && n < ARRAY_SIZE(found))
			found[n++] = d;
	}
	spin_unlock_irq(&lock, flags);
	for (i = 0; i < n; i++) {
		if (!answers(found[i]))
			return -XEN_ENODEV;
		enable(found[i], true);
		write_message(found[i]);
		set_mask(found[i]->irq, found[i]->irq->masked);
	}
	return n ? 0 : -XEN_ESRCH;
}
