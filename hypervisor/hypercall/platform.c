/* SPDX-License-Identifier: BSD-2-Clause */
/* platform_op: the machine's firmware, clock and power, for the control domain. */
#include <torc/console.h>
#include <torc/hypercall.h>
#include <torc/irq.h>
#include <torc/pv.h>
#include <torc/sched.h>
#include <torc/x86.h>

/* --- time ----------------------------------------------------------------- */

static long set_time(struct vcpu *v, uint64_t secs, uint32_t nsecs, uint64_t system_time)
{
	struct domain *d;

	if (secs > INT64_MAX / NS_PER_SEC - 1 || nsecs >= NS_PER_SEC || system_time > INT64_MAX)
		return refuse(v, -XEN_EINVAL, "settime: %lu s and %u ns at %lu ns of system time",
			      (unsigned long)secs, nsecs, (unsigned long)system_time);
	clock_set_wall_at_boot((int64_t)(secs * NS_PER_SEC + nsecs - system_time));
	for (d = domain_first(); d; d = domain_next(d))
		time_update_wallclock(d);
	return 0;
}

/* --- power ---------------------------------------------------------------- */

#define FADT_PM1A_CNT 64 /* ports of the sleep control registers, in the fixed description table */
#define FADT_PM1B_CNT 68
#define FADT_NEEDED   72
#define ACPI_LENGTH   4

static long enter_sleep(struct vcpu *v, const struct xenpf_enter_acpi_sleep *s)
{
	const uint8_t *fadt = acpi_table("FACP", 0);
	uint32_t length, a, b;

	if (s->flags)
		return refuse(
			v, -XEN_EOPNOTSUPP,
			"sleep: flags %#x: machines without the old control registers are not driven",
			s->flags);
	if (s->sleep_state != 5)
		return refuse(v, -XEN_EOPNOTSUPP, "sleep: state S%u; only S5, power-off, is done",
			      s->sleep_state);
	if (!fadt)
		return refuse(v, -XEN_ENODEV, "sleep: the firmware has no FADT");
	memcpy(&length, fadt + ACPI_LENGTH, sizeof(length));
	if (length < FADT_NEEDED)
		return refuse(v, -XEN_ENODEV, "sleep: the firmware's FADT has %u bytes", length);
	memcpy(&a, fadt + FADT_PM1A_CNT, sizeof(a));
	memcpy(&b, fadt + FADT_PM1B_CNT, sizeof(b));
	log_info("the control domain powers the machine off");
	machine_poweroff(a, b, s->val_a, s->val_b);
	return -XEN_EBUSY; /* it did not */
}

/* --- processors ----------------------------------------------------------- */

static void cpu_info_fill(struct xenpf_pcpuinfo *p)
{
	p->max_present = nr_cpus - 1;
	p->flags = XEN_PCPU_FLAGS_INVALID;
	p->apic_id = p->acpi_id = ~0u;
	if (p->xen_cpuid >= nr_cpus)
		return;
	p->flags = XEN_PCPU_FLAGS_ONLINE;
	p->apic_id = cpu_apic_id[p->xen_cpuid];
	p->acpi_id = cpu_acpi_id[p->xen_cpuid];
}

static void cpu_version_fill(struct xenpf_pcpu_version *p)
{
	uint32_t r[4];

	p->max_present = nr_cpus - 1;
	memset(p->vendor_id, 0, sizeof(p->vendor_id));
	p->family = p->model = p->stepping = 0;
	if (p->xen_cpuid >= nr_cpus)
		return;
	cpuid(0, 0, r); /* they are all alike */
	memcpy(p->vendor_id, &r[1], 4);
	memcpy(p->vendor_id + 4, &r[3], 4);
	memcpy(p->vendor_id + 8, &r[2], 4);
	cpuid(1, 0, r);
	p->family = r[0] >> 8 & 0xf;
	p->model = r[0] >> 4 & 0xf;
	p->stepping = r[0] & 0xf;
	if (p->family == 6 || p->family == 0xf)
		p->model |= r[0] >> 12 & 0xf0;
	if (p->family == 0xf)
		p->family += r[0] >> 20 & 0xff;
}

static long idle_time(struct vcpu *v, struct xenpf_getidletime *g)
{
	uint32_t bits = MIN(g->cpumap_nr_cpus, nr_cpus);
	uint8_t map[MAX_CPUS / 8] = { 0 };

	if (guest_read(map, GADDR(g->cpumap_bitmap.p), (bits + 7) / 8))
		return -XEN_EFAULT;
	for (unsigned int cpu = 0; cpu < bits; cpu++) {
		uint64_t t = (uint64_t)cpu_idle_time(cpu);

		if (!(map[cpu / 8] >> (cpu % 8) & 1))
			continue;
		if (guest_put(GADDR((unsigned long)g->idletime.p + cpu * sizeof(t)), &t))
			return -XEN_EFAULT;
	}
	/* what it asked beyond those that there are */
	if (bits % 8)
		map[bits / 8] &= (uint8_t)((1u << (bits % 8)) - 1);
	if (guest_write(GADDR(g->cpumap_bitmap.p), map, (bits + 7) / 8))
		return -XEN_EFAULT;
	if (g->cpumap_nr_cpus > ROUND_UP(bits, 8u) &&
	    guest_clear(GADDR((unsigned long)g->cpumap_bitmap.p + (bits + 7) / 8),
			(MIN(g->cpumap_nr_cpus, 65536u) + 7) / 8 - (bits + 7) / 8))
		return -XEN_EFAULT;
	g->now = (uint64_t)clock_now();
	(void)v;
	return 0;
}

/* --- memory types --------------------------------------------------------- */

#define MSR_MTRR_CAP	 0xfe
#define MSR_MTRR_BASE(n) (0x200 + 2 * (n))

static long read_memtype(struct vcpu *v, struct xenpf_read_memtype *m)
{
	uint64_t cap, base, mask;

	if (!rdmsr_safe(MSR_MTRR_CAP, &cap) || m->reg >= (cap & 0xff) ||
	    !rdmsr_safe(MSR_MTRR_BASE(m->reg), &base) ||
	    !rdmsr_safe(MSR_MTRR_BASE(m->reg) + 1, &mask))
		return refuse(v, -XEN_EINVAL, "read_memtype: no register %u", m->reg);
	m->mfn = 0;
	m->nr_mfns = 0;
	m->type = 0;
	if (mask >> 11 & 1) {
		m->mfn = base >> PAGE_SHIFT;
		/* the lowest bit set says how large it is */
		mask &= ~(PAGE_SIZE - 1) & ((1ull << cpu_features.phys_bits) - 1);
		m->nr_mfns = mask ? (mask & -mask) >> PAGE_SHIFT : 0;
		m->type = base & 0xff;
	}
	return 0;
}

/* --- firmware ------------------------------------------------------------- */

/* The loader has kept nothing of the BIOS's disks and displays: each list is empty, which is told
 * as after its last entry. */
static long firmware(struct vcpu *v, struct xenpf_firmware_info *f)
{
	switch (f->type) {
	case XEN_FW_DISK_INFO:
	case XEN_FW_DISK_MBR_SIGNATURE:
	case XEN_FW_VBEDDC_INFO: return -XEN_ESRCH;
	case XEN_FW_KBD_SHIFT_FLAGS:
		if (f->index)
			return -XEN_ESRCH;
		f->u.kbd_shift_flags = 0;
		return 0;
	default:
		return refuse(v, -XEN_EOPNOTSUPP, "firmware_info: type %u is not known here",
			      f->type);
	}
}

/* Does one operation on the copy; *back: the guest gets it back. */
static long platform(struct vcpu *v, struct xen_platform_op *op, bool *back)
{
	*back = true;
	switch (op->cmd) {
	case XENPF_settime32:
		return set_time(v, op->u.settime32.secs, op->u.settime32.nsecs,
				op->u.settime32.system_time);
	case XENPF_settime64:
		if (op->u.settime64.mbz)
			return refuse(v, -XEN_EINVAL, "settime: a field that must be zero is %#x",
				      op->u.settime64.mbz);
		return set_time(v, op->u.settime64.secs, op->u.settime64.nsecs,
				op->u.settime64.system_time);
	case XENPF_enter_acpi_sleep: return enter_sleep(v, &op->u.enter_acpi_sleep);
	case XENPF_get_cpuinfo: cpu_info_fill(&op->u.pcpu_info); return 0;
	case XENPF_get_cpu_version: cpu_version_fill(&op->u.pcpu_version); return 0;
	case XENPF_getidletime: return idle_time(v, &op->u.getidletime);
	case XENPF_read_memtype: return read_memtype(v, &op->u.read_memtype);
	case XENPF_firmware_info: return firmware(v, &op->u.firmware_info);
	case XENPF_set_processor_pminfo: /* told of sleep and speed states: idle CPUs halt, and
					    firmware picks the speed */
	case XENPF_platform_quirk: *back = false; return 0;
	case XENPF_add_memtype:
	case XENPF_del_memtype:
		return refuse(v, -XEN_EOPNOTSUPP,
			      "memory types are the firmware's; page attributes serve guests");
	case XENPF_microcode_update:
		return refuse(v, -XEN_EOPNOTSUPP,
			      "microcode: have the firmware or the loader do it");
	case XENPF_cpu_online:
	case XENPF_cpu_offline:
	case XENPF_cpu_hotadd:
	case XENPF_mem_hotadd:
	case XENPF_core_parking:
		return refuse(v, -XEN_EOPNOTSUPP,
			      "platform_op %u: processors and memory stay as they were at boot",
			      op->cmd);
	case XENPF_change_freq:
	case XENPF_resource_op:
	case XENPF_get_symbol:
	case XENPF_efi_runtime_call:
		return refuse(v, -XEN_EOPNOTSUPP, "platform_op %u is not offered", op->cmd);
	default: return refuse(v, -XEN_ENOSYS, "platform_op %u is not known", op->cmd);
	}
}

HC(hc_platform_op)
{
	struct xen_platform_op op;
	bool back;
	long rc;

	(void)a2, (void)a3, (void)a4, (void)a5;
	if (guest_get(&op, GADDR(a1)))
		return -XEN_EFAULT;
	if (op.interface_version != XENPF_INTERFACE_VERSION)
		return refuse(v, -XEN_EACCES, "platform_op of interface %#x; offered is %#x",
			      op.interface_version, XENPF_INTERFACE_VERSION);
	rc = platform(v, &op, &back);
	if (!rc && back && guest_put(GADDR(a1), &op))
		return -XEN_EFAULT;
	return rc;
}
