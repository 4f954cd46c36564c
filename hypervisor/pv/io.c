/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which ports, interrupts and device memory a domain may use, and the ports themselves. Two doors
 * stand before a port: the guest's own (IOPL and bitmap, which decide between its kernel and its
 * processes: #GP) and the hypervisor's (these rights: reads give all ones, writes vanish, as where
 * no device is). Locks: RANK_IRQCHIP for the configuration ports, inside pci_read() and pci_write().
 */
#include <torc/heap.h>
#include <torc/io.h>
#include <torc/irq.h>
#include <torc/pv.h>
#include <torc/serial.h>

#define NR_PORTS      65536
#define NR_MEM_RANGES 64

struct mem_range {
	uint64_t first, last;
};

struct io_rights {
	unsigned long *ports; /* bit a port */
	unsigned long irqs[BITS_TO_LONGS(NR_PIRQS)];
	spinlock_t lock; /* RANK_SMALL: the ranges */
	unsigned int nr_ranges;
	struct mem_range mem[NR_MEM_RANGES]; /* apart from each other, in order */
	uint32_t pci_address;		     /* what it wrote to 0xcf8 last */
};

/* No domain has these: the hypervisor drives the devices behind them. */
static const struct {
	uint16_t first, last;
} own_ports[] = {
	{ 0x20, 0x21 }, { 0xa0, 0xa1 }, /* interrupt controllers, masked for good */
};
#define SERIAL_PORTS 8 /* of the console's line, if it has one */

static bool port_is_own(unsigned int port)
{
	unsigned int serial = serial_port();

	if (serial && port >= serial && port < serial + SERIAL_PORTS)
		return true;
	for (unsigned int i = 0; i < ARRAY_SIZE(own_ports); i++)
		if (port >= own_ports[i].first && port <= own_ports[i].last)
			return true;
	return false;
}

int io_init(struct domain *d, bool all)
{
	struct io_rights *io = d->io;

	if (!io) {
		io = zalloc(sizeof(*io));
		if (!io)
			return -XEN_ENOMEM;
		io->ports = page_alloc(1);
		if (!io->ports) {
			zfree(io);
			return -XEN_ENOMEM;
		}
		spin_init(&io->lock, RANK_SMALL);
		d->io = io;
	}
	if (!all)
		return 0;
	memset(io->irqs, 0xff, sizeof(io->irqs));
	if (serial_port()) /* and its interrupt, where it has one of the usual two */
		bit_clear(io->irqs, serial_port() == 0x3f8 ? 4 : 3);
	return io_ports_set(d, 0, NR_PORTS, true);
}

void io_free(struct domain *d)
{
	if (!d->io)
		return;
	page_free(d->io->ports, 1);
	zfree(d->io);
	d->io = NULL;
}

bool io_ports_allowed(const struct domain *d, unsigned int port, unsigned int n)
{
	if (!d->io || port >= NR_PORTS || n > NR_PORTS - port)
		return false;
	for (unsigned int i = port; i < port + n; i++)
		if (!bit_get(d->io->ports, i))
			return false;
	return true;
}

int io_ports_set(struct domain *d, unsigned int first, unsigned int n, bool allow)
{
	if (first >= NR_PORTS || n > NR_PORTS - first)
		return -XEN_EINVAL;
	for (unsigned int i = first; i < first + n; i++) {
		if (allow && !port_is_own(i))
			bit_set(d->io->ports, i);
		else
			bit_clear(d->io->ports, i);
	}
	return 0;
}

/* --- memory of devices ---------------------------------------------------- */

static bool range_ok(mfn_t first, uint64_t n)
{
	uint64_t limit = 1ull << (cpu_features.phys_bits - PAGE_SHIFT);

	return n && first.n < limit && n <= limit - first.n;
}

bool io_mem_allowed(const struct domain *d, mfn_t first, uint64_t n)
{
	bool found = d->io_mem_all;

	if (!range_ok(first, n) || n > MB(1))
		return false;
	for (uint64_t i = 0; i < n; i++)
		if (mfn_valid(MFN(first.n + i)) || ioapic_owns_frame(MFN(first.n + i)))
			return false;
	if (found || !d->io)
		return found;
	spin_lock(&d->io->lock);
	for (unsigned int i = 0; i < d->io->nr_ranges && !found; i++)
		found = first.n >= d->io->mem[i].first && first.n + n - 1 <= d->io->mem[i].last;
	spin_unlock(&d->io->lock);
	return found;
}

/* Cuts [first, last] out of the ranges; -XEN_ENOSPC: a range would become two and there is no room. */
static int ranges_remove(struct io_rights *io, uint64_t first, uint64_t last)
{
	for (unsigned int i = 0; i < io->nr_ranges; i++) {
		struct mem_range *r = &io->mem[i];

		if (last < r->first || first > r->last)
			continue;
		if (first > r->first && last < r->last) {
			if (io->nr_ranges == NR_MEM_RANGES)
				return -XEN_ENOSPC;
			memmove(r + 1, r, (io->nr_ranges - i) * sizeof(*r));
			io->nr_ranges++;
			r[0].last = first - 1;
			r[1].first = last + 1;
			return 0;
		}
		if (first > r->first) {
			r->last = first - 1;
		} else if (last < r->last) {
			r->first = last + 1;
		} else {
			memmove(r, r + 1, (io->nr_ranges - i - 1) * sizeof(*r));
			io->nr_ranges--;
			i--;
		}
	}
	return 0;
}

static int ranges_add(struct io_rights *io, uint64_t first, uint64_t last)
{
	unsigned int i = 0, end;

	/* All that overlap or touch become one with it. */
	while (i < io->nr_ranges && io->mem[i].last + 1 < first)
		i++;
	for (end = i; end < io->nr_ranges && io->mem[end].first <= last + 1; end++) {
		first = MIN(first, io->mem[end].first);
		last = MAX(last, io->mem[end].last);
	}
	if (end == i && io->nr_ranges == NR_MEM_RANGES)
		return -XEN_ENOSPC;
	memmove(&io->mem[i + 1], &io->mem[end], (io->nr_ranges - end) * sizeof(io->mem[0]));
	io->nr_ranges = io->nr_ranges + 1 - (end - i);
	io->mem[i] = (struct mem_range){ first, last };
	return 0;
}

int io_mem_set(struct domain *d, mfn_t first, uint64_t n, bool allow)
{
	int rc;

	if (!range_ok(first, n))
		return -XEN_EINVAL;
	spin_lock(&d->io->lock);
	rc = allow ? ranges_add(d->io, first.n, first.n + n - 1) :
		     ranges_remove(d->io, first.n, first.n + n - 1);
	spin_unlock(&d->io->lock);
	return rc;
}

bool io_irq_allowed(const struct domain *d, unsigned int pirq)
{
	return d->io && pirq < NR_PIRQS &&
	       bit_get(d->io->irqs, (unsigned int)index_nospec(pirq, NR_PIRQS));
}

int io_irq_set(struct domain *d, unsigned int pirq, bool allow)
{
	if (pirq >= NR_PIRQS)
		return -XEN_EINVAL;
	if (allow)
		bit_set(d->io->irqs, pirq);
	else
		bit_clear(d->io->irqs, pirq);
	return 0;
}

/* --- the guest's own door ------------------------------------------------- */

static bool bitmap_allows(struct vcpu *v, unsigned int port, unsigned int n)
{
	uint8_t bits;

	for (unsigned int i = port; i < port + n; i++)
		if (guest_read(&bits, GADDR(v->iobitmap + i / 8), 1) || bits >> (i % 8) & 1)
			return false;
	return true;
}

bool io_guest_may(struct vcpu *v, const struct cpu_user_regs *r, unsigned int port, unsigned int n)
{
	bool kernel = guest_in_kernel(v, r), may;

	/* The guest's kernel counts as ring 1, or 0 for those that have asked for the IOPL to mean
	 * what it says. */
	if (v->iopl >= (!kernel							   ? 3 :
			v->domain->vm_assist >> VMASST_TYPE_architectural_iopl & 1 ? 0 :
										     1))
		return true;
	if (!v->iobitmap || port + n > v->iobitmap_ports)
		return false;
	/* The bitmap is in the kernel's memory, which a 64-bit process's root does not map. */
	guest_mode_set(v, true);
	may = bitmap_allows(v, port, n);
	guest_mode_set(v, kernel);
	return may;
}

/* --- ports ---------------------------------------------------------------- */

static uint32_t ones(unsigned int width)
{
	return width == 4 ? ~0u : (1u << (8 * width)) - 1;
}

static uint32_t raw_in(unsigned int port, unsigned int width)
{
	return width == 1 ? inb((uint16_t)port) :
	       width == 2 ? inw((uint16_t)port) :
			    inl((uint16_t)port);
}

static void raw_out(unsigned int port, unsigned int width, uint32_t val)
{
	if (width == 1)
		outb((uint16_t)port, (uint8_t)val);
	else if (width == 2)
		outw((uint16_t)port, (uint16_t)val);
	else
		outl((uint16_t)port, val);
}

/* The address port is shadowed, so that the hypervisor's own accesses and those of several vcpus do
 * not mix. */
static bool is_pci_address(unsigned int port, unsigned int width)
{
	return port == 0xcf8 && width == 4;
}

static bool is_pci_data(const struct domain *d, unsigned int port, unsigned int width)
{
	return port >= 0xcfc && port + width <= 0xd00 && d->io->pci_address >> 31;
}

static unsigned int pci_register(uint32_t address, unsigned int port)
{
	/* bits 27:24 are the upper four of the register, on processors that know them */
	return (address & 0xfc) | (address >> 16 & 0xf00) | (port & 3);
}

uint32_t io_port_read(struct vcpu *v, unsigned int port, unsigned int width)
{
	const struct domain *d = v->domain;

	if (!io_ports_allowed(d, port, width))
		return ones(width);
	if (is_pci_address(port, width))
		return d->io->pci_address;
	if (is_pci_data(d, port, width))
		return pci_read((uint8_t)(d->io->pci_address >> 16),
				(uint8_t)(d->io->pci_address >> 8),
				pci_register(d->io->pci_address, port), width);
	return raw_in(port, width);
}

void io_port_write(struct vcpu *v, unsigned int port, unsigned int width, uint32_t val)
{
	struct domain *d = v->domain;

	if (!io_ports_allowed(d, port, width))
		return;
	if (is_pci_address(port, width))
		d->io->pci_address = val;
	else if (is_pci_data(d, port, width))
		pci_write((uint8_t)(d->io->pci_address >> 16), (uint8_t)(d->io->pci_address >> 8),
			  pci_register(d->io->pci_address, port), width, val);
	else
		raw_out(port, width, val);
}
