/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * physdev_op: interrupts and devices. The control domain says how the machine's lines are wired and
 * has messages programmed; every domain ends its interrupts and sets its own I/O privilege. 32-bit
 * guests are never the control domain: what they may call is laid out alike in both widths but for
 * the I/O bitmap's pointer.
 */
#include <torc/hypercall.h>
#include <torc/io.h>
#include <torc/irq.h>
#include <torc/pv.h>
#include <torc/x86.h>

typedef long physdev_fn(struct vcpu *v, gaddr_t arg);

static long op_eoi(struct vcpu *v, gaddr_t arg)
{
	struct physdev_eoi e;

	if (guest_get(&e, arg))
		return -XEN_EFAULT;
	if (e.irq >= NR_PIRQS || pirq_eoi(v->domain, (int)e.irq))
		return refuse(v, -XEN_EINVAL, "eoi: no interrupt %u", e.irq);
	return 0;
}

static long op_status(struct vcpu *v, gaddr_t arg)
{
	struct physdev_irq_status_query q;

	if (guest_get(&q, arg))
		return -XEN_EFAULT;
	if (q.irq >= NR_PIRQS)
		return refuse(v, -XEN_EINVAL, "irq_status_query: interrupt %u; they end at %u",
			      q.irq, NR_PIRQS);
	q.flags = (pirq_needs_eoi(v->domain, (int)q.irq) ? XENIRQSTAT_needs_eoi : 0) |
		  (pirq_is_shared(v->domain, (int)q.irq) ? XENIRQSTAT_shared : 0);
	return guest_put(arg, &q);
}

/* A page of the guest in which it can look up what wants an EOI, instead of asking each time. */
static long op_eoi_map(struct vcpu *v, gaddr_t arg)
{
	struct physdev_pirq_eoi_gmfn g;
	void *page;
	int rc;

	if (guest_get(&g, arg))
		return -XEN_EFAULT;
	page = guest_frame_map(v->domain, MFN(g.gmfn), true);
	if (!page)
		return refuse(v, -XEN_EINVAL,
			      "pirq_eoi_gmfn: frame %#lx is no writable frame of the domain",
			      (unsigned long)g.gmfn);
	rc = pirq_set_eoi_map(v->domain, page);
	if (rc) {
		guest_frame_unmap(page, true);
		return refuse(v, rc, "pirq_eoi_gmfn: it has been set before");
	}
	return 0;
}

static long op_set_iopl(struct vcpu *v, gaddr_t arg)
{
	struct physdev_set_iopl s;

	if (guest_get(&s, arg))
		return -XEN_EFAULT;
	if (s.iopl > 3)
		return refuse(v, -XEN_EINVAL, "set_iopl: %u; wanted is 0 to 3", s.iopl);
	v->iopl = (uint8_t)s.iopl;
	fast_int80_forget();
	return 0;
}

static long set_iobitmap(struct vcpu *v, unsigned long at, uint32_t ports)
{
	if (ports > 65536 || !guest_range_ok(v, GADDR(at), (ports + 7) / 8))
		return refuse(v, -XEN_EINVAL,
			      "set_iobitmap: %u ports at %#lx; wanted are at most 65536", ports, at);
	v->iobitmap = at;
	v->iobitmap_ports = ports;
	return 0;
}

static long op_set_iobitmap(struct vcpu *v, gaddr_t arg)
{
	struct physdev_set_iobitmap s;

	if (guest_get(&s, arg))
		return -XEN_EFAULT;
	return set_iobitmap(v, (unsigned long)s.bitmap.p, s.nr_ports);
}

static long op_set_iobitmap_32(struct vcpu *v, gaddr_t arg)
{
	struct {
		uint32_t bitmap, nr_ports;
	} s;

	if (guest_get(&s, arg))
		return -XEN_EFAULT;
	return set_iobitmap(v, s.bitmap, s.nr_ports);
}

/* --- the control domain's ------------------------------------------------- */

/* The IO-APICs are the hypervisor's. What is read of them are the registers that do not change:
 * identity, version. */
static long op_apic_read(struct vcpu *v, gaddr_t arg)
{
	struct physdev_apic a;

	if (guest_get(&a, arg))
		return -XEN_EFAULT;
	if (!ioapic_owns_frame(MFN(a.apic_physbase >> PAGE_SHIFT)))
		return refuse(v, -XEN_EINVAL, "apic_read: no IO-APIC at %#lx", a.apic_physbase);
	if (a.reg == 0)
		a.value = 0;
	else if (a.reg == 1)
		a.value = 0x00170020; /* 24 lines */
	else
		return refuse(v, -XEN_EPERM,
			      "apic_read: register %#x is the hypervisor's; use setup_gsi", a.reg);
	return guest_put(arg, &a);
}

static long op_apic_write(struct vcpu *v, gaddr_t arg)
{
	struct physdev_apic a;

	if (guest_get(&a, arg))
		return -XEN_EFAULT;
	return refuse(v, -XEN_EPERM, "apic_write: register %#x is the hypervisor's; use setup_gsi",
		      a.reg);
}

/* The old way to a line: the number stays, the vector it names means nothing to a guest. */
static long op_alloc_vector(struct vcpu *v, gaddr_t arg)
{
	struct physdev_irq q;
	int pirq = -1, rc;

	if (guest_get(&q, arg))
		return -XEN_EFAULT;
	rc = pirq_map_gsi(v->domain, q.irq > NR_PIRQS ? -1 : (int)q.irq, &pirq);
	if (rc)
		return refuse(v, rc, "alloc_irq_vector: line %u cannot be had", q.irq);
	q.vector = (uint32_t)pirq;
	return guest_put(arg, &q);
}

static long op_free_vector(struct vcpu *v, gaddr_t arg)
{
	struct physdev_irq q;

	(void)v;
	return guest_get(&q, arg) ? -XEN_EFAULT : 0;
}

static long op_setup_gsi(struct vcpu *v, gaddr_t arg)
{
	struct physdev_setup_gsi s;
	int rc;

	if (guest_get(&s, arg))
		return -XEN_EFAULT;
	rc = s.gsi < 0 ? -XEN_EINVAL :
			 pirq_setup_gsi((unsigned int)s.gsi, s.triggering != 0, s.polarity != 0);
	if (rc)
		return refuse(v, rc, "setup_gsi: line %d; they end at %u", s.gsi, ioapic_nr_gsis());
	return 0;
}

static int map_msi(struct domain *d, struct physdev_map_pirq *m)
{
	struct msi_target t = {
		.bus = (uint8_t)m->bus,
		.devfn = (uint8_t)m->devfn,
		.msix = m->table_base != 0,
		.entry = (unsigned int)m->entry_nr,
		.count = 1,
		.table_base = m->table_base,
	};

	if (m->type != MAP_PIRQ_TYPE_MSI)
		t.seg = (uint16_t)((uint32_t)m->bus >> 16);
	if (m->type == MAP_PIRQ_TYPE_MULTI_MSI) {
		if (m->entry_nr < 1 || m->entry_nr > 32 || m->table_base)
			return -XEN_EINVAL;
		t.count = (unsigned int)m->entry_nr;
		t.entry = 0;
	}
	return pirq_map_msi(d, &t, &m->pirq);
}

static long op_map_pirq(struct vcpu *v, gaddr_t arg)
{
	struct physdev_map_pirq m;
	struct domain *d;
	int rc;

	if (guest_get(&m, arg))
		return -XEN_EFAULT;
	d = domain_get_for(v, m.domid);
	if (!d)
		return refuse(v, -XEN_ESRCH, "map_pirq: no domain %u", m.domid);
	switch (m.type) {
	case MAP_PIRQ_TYPE_GSI: rc = pirq_map_gsi(d, m.index, &m.pirq); break;
	case MAP_PIRQ_TYPE_MSI:
	case MAP_PIRQ_TYPE_MSI_SEG:
	case MAP_PIRQ_TYPE_MULTI_MSI: rc = map_msi(d, &m); break;
	default: rc = -XEN_EINVAL;
	}
	domain_put(&d);
	if (rc)
		return refuse(v, rc, "map_pirq: type %d, index %d, device %02x:%02x.%u, entry %d",
			      m.type, m.index, m.bus & 0xff, m.devfn >> 3 & 31, m.devfn & 7,
			      m.entry_nr);
	return guest_put(arg, &m);
}

static long op_unmap_pirq(struct vcpu *v, gaddr_t arg)
{
	struct physdev_unmap_pirq u;
	struct domain *d;
	int rc;

	if (guest_get(&u, arg))
		return -XEN_EFAULT;
	d = domain_get_for(v, u.domid);
	if (!d)
		return refuse(v, -XEN_ESRCH, "unmap_pirq: no domain %u", u.domid);
	rc = pirq_unmap(d, u.pirq);
	domain_put(&d);
	return rc ? refuse(v, rc, "unmap_pirq: %d is not mapped, or still bound", u.pirq) : 0;
}

static long op_get_free_pirq(struct vcpu *v, gaddr_t arg)
{
	struct physdev_get_free_pirq g;
	int n;

	if (guest_get(&g, arg))
		return -XEN_EFAULT;
	n = pirq_reserve(v->domain);
	if (n < 0)
		return refuse(v, n, "get_free_pirq: all %u are in use", NR_PIRQS);
	g.pirq = (uint32_t)n;
	return guest_put(arg, &g);
}

static long op_restore_msi(struct vcpu *v, gaddr_t arg)
{
	struct physdev_restore_msi r;

	(void)v;
	if (guest_get(&r, arg))
		return -XEN_EFAULT;
	return pirq_restore_msi(0, r.bus, r.devfn);
}

static long op_restore_msi_ext(struct vcpu *v, gaddr_t arg)
{
	struct physdev_pci_device p;

	(void)v;
	if (guest_get(&p, arg))
		return -XEN_EFAULT;
	return pirq_restore_msi(p.seg, p.bus, p.devfn);
}

/*
 * News of devices. Without an IOMMU there is nothing to prepare: a device is looked at when its
 * interrupts are asked for. The structures are read all the same, so that a bad pointer is told.
 */
#define NEWS(name, type)                                                 \
	static long name(struct vcpu *v, gaddr_t arg)                    \
	{                                                                \
		type t;                                                  \
		(void)v;                                                 \
		return guest_read(&t, arg, sizeof(t)) ? -XEN_EFAULT : 0; \
	}
NEWS(op_pci_add, struct physdev_manage_pci)
NEWS(op_pci_add_ext, struct physdev_manage_pci_ext)
NEWS(op_pci_device, struct physdev_pci_device)
NEWS(op_mmcfg, struct physdev_pci_mmcfg_reserved)

static const struct {
	physdev_fn *fn, *fn32;
	enum hc_who who;
} ops[] = {
	[PHYSDEVOP_IRQ_UNMASK_NOTIFY] = { NULL, NULL, ANY },
	[PHYSDEVOP_irq_status_query] = { op_status, op_status, ANY },
	[PHYSDEVOP_set_iopl] = { op_set_iopl, op_set_iopl, ANY },
	[PHYSDEVOP_set_iobitmap] = { op_set_iobitmap, op_set_iobitmap_32, ANY },
	[PHYSDEVOP_apic_read] = { op_apic_read, NULL, CTRL },
	[PHYSDEVOP_apic_write] = { op_apic_write, NULL, CTRL },
	[PHYSDEVOP_alloc_irq_vector] = { op_alloc_vector, NULL, CTRL },
	[PHYSDEVOP_free_irq_vector] = { op_free_vector, NULL, CTRL },
	[PHYSDEVOP_eoi] = { op_eoi, op_eoi, ANY },
	[PHYSDEVOP_map_pirq] = { op_map_pirq, NULL, CTRL },
	[PHYSDEVOP_unmap_pirq] = { op_unmap_pirq, NULL, CTRL },
	[PHYSDEVOP_manage_pci_add] = { op_pci_add, NULL, CTRL },
	[PHYSDEVOP_manage_pci_remove] = { op_pci_add, NULL, CTRL },
	[PHYSDEVOP_manage_pci_add_ext] = { op_pci_add_ext, NULL, CTRL },
	[PHYSDEVOP_pirq_eoi_gmfn_v1] = { op_eoi_map, NULL, CTRL },
	[PHYSDEVOP_pirq_eoi_gmfn_v2] = { op_eoi_map, NULL, CTRL },
	[PHYSDEVOP_restore_msi] = { op_restore_msi, NULL, CTRL },
	[PHYSDEVOP_restore_msi_ext] = { op_restore_msi_ext, NULL, CTRL },
	[PHYSDEVOP_setup_gsi] = { op_setup_gsi, NULL, CTRL },
	[PHYSDEVOP_get_free_pirq] = { op_get_free_pirq, NULL, CTRL },
	[PHYSDEVOP_pci_mmcfg_reserved] = { op_mmcfg, NULL, CTRL },
	[PHYSDEVOP_pci_device_add] = { op_pci_device, NULL, CTRL },
	[PHYSDEVOP_pci_device_remove] = { op_pci_device, NULL, CTRL },
	[PHYSDEVOP_prepare_msix] = { op_pci_device, NULL, CTRL },
	[PHYSDEVOP_release_msix] = { op_pci_device, NULL, CTRL },
};

static long dispatch(struct vcpu *v, unsigned long cmd, gaddr_t arg, bool narrow)
{
	unsigned long i = index_nospec(cmd, ARRAY_SIZE(ops));
	physdev_fn *fn = narrow ? ops[i].fn32 : ops[i].fn;

	if (cmd >= ARRAY_SIZE(ops) || !ops[i].fn)
		return refuse(v, -XEN_ENOSYS, "physdev_op %lu is not offered", cmd);
	if (ops[i].who == CTRL && !v->domain->privileged)
		return refuse(v, -XEN_EPERM, "physdev_op %lu is for the control domain", cmd);
	if (!fn)
		return refuse(v, -XEN_ENOSYS, "physdev_op %lu is not offered to 32-bit guests", cmd);
	return fn(v, arg);
}

HC(hc_physdev_op)
{
	(void)a3, (void)a4, (void)a5;
	return dispatch(v, (uint32_t)a1, GADDR(a2), false);
}

HC(hc_physdev_op_32)
{
	(void)a3, (void)a4, (void)a5;
	return dispatch(v, (uint32_t)a1, GADDR(a2), true);
}
