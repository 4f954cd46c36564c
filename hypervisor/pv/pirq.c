/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Physical interrupts and the domain each goes to. A domain knows them by number (pirq): for a line
 * the GSI itself, for messages the next free above those. Mapping gives the number, binding an
 * event channel opens the line.
 *
 * Edges and messages are acknowledged at once. A level-triggered line is masked until the guest
 * says that it has served its device: a guest that never does keeps its own line closed and nothing
 * else.
 *
 * Locks: one for all routing (RANK_PIRQ). The handler takes none: a struct pirq lives as long as
 * its domain, and port and waiting are single words.
 */
#include <torc/console.h>
#include <torc/heap.h>
#include <torc/io.h>
#include <torc/irq.h>
#include <torc/pv.h>

#define NR_GSIS 256
#define GSI_ISA 16

struct pirq {
	struct irq irq;
	struct domain *d;
	int nr;
	bool mapped, msi, shareable;
	evtchn_port_t port; /* 0: not bound */
	uint8_t waiting;    /* level: masked until the guest's EOI */
};

/* NULL once the domain is dying: the control domain may ask for one of the dead. */
struct pirq_table {
	struct pirq *pirq[NR_PIRQS];
	unsigned long reserved[BITS_TO_LONGS(NR_PIRQS)]; /* by get_free_pirq */
	unsigned long *eoi_map; /* in a page of the guest: bit a pirq that wants an EOI; NULL: none */
};

static spinlock_t lock = SPINLOCK(RANK_PIRQ);
/* How lines are wired, as the control domain's ACPI says; and who has them. */
static struct {
	bool known, level, active_low;
	struct pirq *user;
} gsis[NR_GSIS];

int pirq_init(struct domain *d)
{
	d->pirqs = zalloc(sizeof(*d->pirqs));
	return d->pirqs ? 0 : -XEN_ENOMEM;
}

static struct pirq *pirq_at(const struct domain *d, int nr)
{
	struct pirq *p;

	if (nr < 0 || nr >= NR_PIRQS || !d->pirqs)
		return NULL;
	p = d->pirqs->pirq[index_nospec(nr, NR_PIRQS)];
	return p && p->mapped ? p : NULL;
}

/* --- interrupts ----------------------------------------------------------- */

static void pirq_interrupt(struct irq *irq, void *arg)
{
	struct pirq *p = arg;
	evtchn_port_t port = atomic_read(&p->port);

	if (irq->level) {
		const struct irq_chip *chip = READ_ONCE(irq->chip);

		if (chip) /* NULL: just being unbound elsewhere, so masked */
			chip->mask(irq);
		atomic_set(&p->waiting, 1);
	}
	irq_eoi(irq);
	if (port)
		evtchn_pirq(p->d, port);
}

int pirq_eoi(struct domain *d, int nr)
{
	struct pirq *p = pirq_at(d, nr);

	if (!p)
		return -XEN_EINVAL;
	if (!atomic_swap(&p->waiting, 0))
		return 0;
	spin_lock(&lock); /* so that it is not unbound under our hands */
	if (p->port)
		p->irq.chip->unmask(&p->irq);
	spin_unlock(&lock);
	return 0;
}

bool pirq_needs_eoi(struct domain *d, int nr)
{
	struct pirq *p = pirq_at(d, nr);

	return p && p->irq.level;
}

bool pirq_is_shared(struct domain *d, int nr)
{
	struct pirq *p = pirq_at(d, nr);

	return p && p->shareable;
}

static void eoi_map_update(struct domain *d, const struct pirq *p)
{
	if (!d->pirqs->eoi_map)
		return;
	if (p->mapped && p->port && p->irq.level)
		bit_test_and_set((unsigned int)p->nr, d->pirqs->eoi_map);
	else
		bit_test_and_clear((unsigned int)p->nr, d->pirqs->eoi_map);
}

int pirq_set_eoi_map(struct domain *d, void *map)
{
	int rc = -XEN_EBUSY;

	spin_lock(&lock);
	if (!d->pirqs->eoi_map) {
		rc = 0;
		d->pirqs->eoi_map = map;
		for (unsigned int i = 0; i < NR_PIRQS; i++)
			if (d->pirqs->pirq[i])
				eoi_map_update(d, d->pirqs->pirq[i]);
	}
	spin_unlock(&lock);
	return rc;
}

/* --- mapping -------------------------------------------------------------- */

/* The slot's struct, made at its first use and kept. */
static struct pirq *slot(struct domain *d, int nr)
{
	struct pirq *p = d->pirqs->pirq[nr];

	if (p)
		return p;
	p = zalloc(sizeof(*p));
	if (!p)
		return NULL;
	p->d = d;
	p->nr = nr;
	p->irq.handler = pirq_interrupt;
	p->irq.arg = p;
	d->pirqs->pirq[nr] = p;
	return p;
}

static int find_free(const struct domain *d)
{
	for (int i = (int)MIN(MAX(ioapic_nr_gsis(), (unsigned int)GSI_ISA), (unsigned int)NR_GSIS);
	     i < NR_PIRQS; i++)
		if (!bit_get(d->pirqs->reserved, (unsigned int)i) &&
		    (!d->pirqs->pirq[i] || !d->pirqs->pirq[i]->mapped))
			return i;
	return -XEN_ENOSPC;
}

int pirq_reserve(struct domain *d)
{
	int nr;

	spin_lock(&lock);
	nr = find_free(d);
	if (nr >= 0)
		bit_set(d->pirqs->reserved, (unsigned int)nr);
	spin_unlock(&lock);
	return nr;
}

/* Lines of the ISA bus are edges unless the firmware says else, those of PCI level and low. */
static void gsi_wiring(unsigned int gsi, bool *level, bool *active_low)
{
	*level = *active_low = gsi >= GSI_ISA;
	if (gsis[gsi].known) {
		*level = gsis[gsi].level;
		*active_low = gsis[gsi].active_low;
		return;
	}
	for (unsigned int i = 0; i < GSI_ISA; i++) {
		bool l, low;

		if (isa_irq_to_gsi(i, &l, &low) == gsi) {
			*level = l;
			*active_low = low;
			return;
		}
	}
}

static int map_gsi(struct domain *d, unsigned int gsi)
{
	struct pirq *p = d->pirqs->pirq[gsi];

	if (gsis[gsi].user && gsis[gsi].user->d != d)
		return -XEN_EBUSY;
	if (p && p->mapped)
		return 0;
	p = slot(d, (int)gsi);
	if (!p)
		return -XEN_ENOMEM;
	p->mapped = true;
	p->msi = false;
	gsis[gsi].user = p;
	return 0;
}

int pirq_map_gsi(struct domain *d, int gsi, int *nr)
{
	int rc;

	if (gsi < 0 || gsi >= NR_GSIS || (unsigned int)gsi >= ioapic_nr_gsis() ||
	    (*nr >= 0 && *nr != gsi))
		return -XEN_EINVAL;
	if (!io_irq_allowed(d, (unsigned int)gsi))
		return -XEN_EPERM;
	spin_lock(&lock);
	rc = d->pirqs ? map_gsi(d, (unsigned int)gsi) : -XEN_ESRCH;
	spin_unlock(&lock);
	if (!rc)
		*nr = gsi;
	return rc;
}

static int open_line(struct pirq *p)
{
	bool level, low;
	int rc;

	if (p->msi)
		return 0;
	gsi_wiring((unsigned int)p->nr, &level, &low);
	rc = irq_alloc_vector(&p->irq);
	if (!rc)
		rc = ioapic_route(&p->irq, (unsigned int)p->nr, level, low);
	if (rc && p->irq.vector)
		irq_free_vector(&p->irq);
	return rc;
}

static void nothing(void *arg)
{
	(void)arg;
}

/* Waits for every handler that may be under way: they run with interrupts off. */
static void settle(void)
{
	cpu_call(cpus_online, nothing, NULL);
}

int pirq_setup_gsi(unsigned int gsi, bool level, bool active_low)
{
	struct pirq *p;
	bool changed;
	int rc = 0;

	if (gsi >= NR_GSIS || gsi >= ioapic_nr_gsis())
		return -XEN_EINVAL;
	spin_lock(&lock);
	changed = !gsis[gsi].known || gsis[gsi].level != level || gsis[gsi].active_low != active_low;
	gsis[gsi].known = true;
	gsis[gsi].level = level;
	gsis[gsi].active_low = active_low;
	p = gsis[gsi].user;
	if (changed && p && p->port) {
		rc = ioapic_route(&p->irq, gsi, level, active_low);
		if (!rc)
			p->irq.chip->unmask(&p->irq);
		eoi_map_update(p->d, p);
	}
	spin_unlock(&lock);
	return rc;
}

int pirq_map_msi(struct domain *d, const struct msi_target *t, int *nr)
{
	struct pirq *p;
	int rc, n;

	if (t->count > 1)
		return -XEN_EOPNOTSUPP; /* several plain MSIs want vectors in a row; one is enough
					   for every driver */
	spin_lock(&lock);
	n = !d->pirqs ? -XEN_ESRCH : *nr >= 0 ? *nr : find_free(d);
	rc = n < 0								    ? n :
	     n >= NR_PIRQS || n < (int)MIN(ioapic_nr_gsis(), (unsigned int)NR_GSIS) ? -XEN_EINVAL :
										      0;
	if (rc)
		goto out;
	p = slot(d, n);
	rc = !p ? -XEN_ENOMEM : p->mapped ? -XEN_EEXIST : 0;
	if (rc)
		goto out;
	p->irq.cpu = current->cpu;
	rc = irq_alloc_vector(&p->irq);
	if (rc)
		goto out;
	p->msi = true;
	rc = msi_route(&p->irq, t->seg, t->bus, t->devfn, t->msix, t->entry, t->table_base);
	if (rc) {
		irq_free_vector(&p->irq);
		goto out;
	}
	p->mapped = true;
	bit_clear(d->pirqs->reserved, (unsigned int)n);
	*nr = n;
out:
	spin_unlock(&lock);
	return rc;
}

/* Under the lock: another vcpu might take the device's messages away meanwhile. */
int pirq_restore_msi(uint16_t seg, uint8_t bus, uint8_t devfn)
{
	int rc;

	spin_lock(&lock);
	rc = msi_restore(seg, bus, devfn);
	spin_unlock(&lock);
	return rc;
}

/* The device may not reach its vector after this. Closed, not yet free: its handler may still run
 * elsewhere. */
static void close_line(struct pirq *p)
{
	atomic_set(&p->port, 0);
	if (p->irq.chip)
		p->irq.chip->mask(&p->irq);
	p->waiting = 0;
	eoi_map_update(p->d, p);
}

static void release(struct pirq *p)
{
	close_line(p);
	if (p->msi)
		msi_unroute(&p->irq);
	else if (p->irq.chip)
		ioapic_unroute(&p->irq);
	if (!p->msi && gsis[p->nr].user == p)
		gsis[p->nr].user = NULL;
	irq_free_vector(&p->irq);
	p->mapped = false;
}

int pirq_unmap(struct domain *d, int nr)
{
	struct pirq *p;
	int rc = 0;

	spin_lock(&lock);
	p = pirq_at(d, nr);
	if (!p)
		rc = -XEN_EINVAL;
	else if (p->port)
		rc = -XEN_EBUSY;
	else
		release(p);
	spin_unlock(&lock);
	if (!rc)
		settle();
	return rc;
}

void pirq_free(struct domain *d)
{
	struct pirq_table *t = d->pirqs;

	if (!t)
		return;
	spin_lock(&lock);
	for (unsigned int i = 0; i < NR_PIRQS; i++)
		if (t->pirq[i] && t->pirq[i]->mapped)
			release(t->pirq[i]);
	d->pirqs = NULL; /* from here on nobody maps another for it */
	spin_unlock(&lock);
	settle();
	for (unsigned int i = 0; i < NR_PIRQS; i++)
		zfree(t->pirq[i]);
	if (t->eoi_map)
		guest_frame_unmap(t->eoi_map, true);
	zfree(t);
}

/* --- binding -------------------------------------------------------------- */

int pirq_bind(struct vcpu *v, int nr, bool shareable, evtchn_port_t port)
{
	struct domain *d = v->domain;
	struct pirq *p;
	int rc = 0;

	spin_lock(&lock);
	p = pirq_at(d, nr);
	if (!p)
		rc = -XEN_EINVAL;
	else if (p->port)
		rc = -XEN_EEXIST;
	if (rc)
		goto out;
	if (!p->msi)
		p->irq.cpu = v->cpu;
	rc = open_line(p);
	if (rc)
		goto out;
	p->shareable = shareable;
	p->waiting = 0;
	atomic_set(&p->port, port);
	if (p->msi)
		p->irq.chip->set_cpu(&p->irq, v->cpu);
	p->irq.chip->unmask(&p->irq);
	eoi_map_update(d, p);
out:
	spin_unlock(&lock);
	return rc;
}

void pirq_unbind(struct domain *d, int nr)
{
	struct pirq *p;

	spin_lock(&lock);
	p = pirq_at(d, nr);
	if (p && p->port) {
		close_line(p);
		if (!p->msi) { /* a line's vector is opened with the next binding */
			ioapic_unroute(&p->irq);
			irq_free_vector(&p->irq);
		}
	}
	spin_unlock(&lock);
}

void pirq_move(struct domain *d, int nr, unsigned int cpu)
{
	struct pirq *p;

	spin_lock(&lock);
	p = pirq_at(d, nr);
	if (p && p->port && p->irq.cpu != cpu)
		p->irq.chip->set_cpu(&p->irq, cpu);
	spin_unlock(&lock);
}
