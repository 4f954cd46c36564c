/* SPDX-License-Identifier: BSD-2-Clause */
/* ACPI's static tables: processors, interrupt controllers, timers, reset. The AML in them is the
 * control domain's business. */
#include <torc/irq.h>
#include <torc/x86_priv.h>
#include <torc/console.h>

struct rsdp {
	char signature[8];
	uint8_t checksum;
	char oem[6];
	uint8_t revision;
	uint32_t rsdt, length;
	uint64_t xsdt;
	uint8_t extended_checksum, reserved[3];
} __packed;

struct header {
	char signature[4];
	uint32_t length;
	uint8_t revision, checksum;
	char oem[6], oem_table[8];
	uint32_t oem_revision, creator, creator_revision;
} __packed;

struct fadt {
	struct header h;
	uint32_t facs, dsdt;
	uint8_t model, profile;
	uint16_t sci;
	uint32_t smi;
	uint8_t acpi_enable, acpi_disable, s4bios, pstate;
	uint32_t pm1a_evt, pm1b_evt, pm1a_cnt, pm1b_cnt, pm2_cnt, pm_timer, gpe0, gpe1;
	uint8_t pm1_evt_len, pm1_cnt_len, pm2_cnt_len, pm_timer_len, gpe0_len, gpe1_len, gpe1_base,
		cst;
	uint16_t c2_latency, c3_latency, flush_size, flush_stride;
	uint8_t duty_offset, duty_width, day_alarm, month_alarm, century;
	uint16_t boot_arch;
	uint8_t reserved;
	uint32_t flags;
	struct acpi_gas reset;
	uint8_t reset_value;
} __packed;

#define FADT_TIMER_32 (1u << 8)
#define FADT_RESET    (1u << 10)
#define MADT_ENABLED  1u
#define MAX_TABLES    64

struct acpi_facts acpi = { .lapic = 0xfee00000 };
static const struct header *tables[MAX_TABLES];
static unsigned int nr_tables;
static maddr_t rsdp_at;

maddr_t acpi_rsdp(void)
{
	return rsdp_at;
}

static uint8_t sum(const void *p, size_t n)
{
	const uint8_t *b = p;
	uint8_t s = 0;

	while (n--)
		s = (uint8_t)(s + *b++);
	return s;
}

/* Firmware puts tables into RAM that the map calls ACPI's or merely reserved: they are mapped by
 * themselves, length first. */
static const struct header *map_table(maddr_t ma)
{
	const struct header *h = map_device(ma, sizeof(*h), 0);
	uint32_t length = h ? h->length : 0;

	if (length < sizeof(*h) || length > 4u << 20)
		return NULL;
	return map_device(ma, length, 0);
}

const void *acpi_table(const char sig[4], unsigned int nth)
{
	unsigned int i;

	for (i = 0; i < nr_tables; i++)
		if (!memcmp(tables[i]->signature, sig, 4) && !nth--)
			return tables[i];
	return NULL;
}

static bool rsdp_good(maddr_t ma)
{
	const struct rsdp *r = maddr_to_virt(ma);

	return !memcmp(r->signature, "RSD PTR ", 8) && !sum(r, 20);
}

static maddr_t find_rsdp(void)
{
	maddr_t ebda = (maddr_t) * (const uint16_t *)maddr_to_virt(0x40e) << 4, ma;

	if (ebda >= 0x80000 && ebda < 0xa0000)
		for (ma = ebda; ma < ebda + 1024; ma += 16)
			if (rsdp_good(ma))
				return ma;
	for (ma = 0xe0000; ma < 0x100000; ma += 16)
		if (rsdp_good(ma))
			return ma;
	return 0;
}

static void parse_madt(const struct header *h)
{
	const uint8_t *p = (const uint8_t *)h + sizeof(*h) + 8,
		      *end = (const uint8_t *)h + h->length;
	uint32_t id, flags, uid;

	acpi.lapic = *(const uint32_t *)((const uint8_t *)h + sizeof(*h));
	for (; p + 2 <= end && p[1] >= 2 && p + p[1] <= end; p += p[1]) {
		switch (p[0]) {
		case 0: /* processor: uid, APIC id, flags */
		case 9: /* the same with wider numbers */
			if (p[1] < (p[0] ? 16 : 8))
				break;
			id = p[0] ? *(const uint32_t *)(p + 4) : p[3];
			flags = p[0] ? *(const uint32_t *)(p + 8) : *(const uint32_t *)(p + 4);
			uid = p[0] ? *(const uint32_t *)(p + 12) : p[2];
			if (!(flags & MADT_ENABLED))
				break;
			if (acpi.nr_cpus < MAX_CPUS)
				acpi.cpu[acpi.nr_cpus++] = (struct acpi_cpu){ id, uid };
			else
				acpi.nr_cpus_ignored++;
			break;
		case 1:
			if (p[1] >= 12 && acpi.nr_ioapics < ARRAY_SIZE(acpi.ioapic))
				acpi.ioapic[acpi.nr_ioapics++] =
					(struct acpi_ioapic){ *(const uint32_t *)(p + 4),
							      *(const uint32_t *)(p + 8) };
			break;
		case 2: /* bus, source, GSI, flags: polarity 3 is low, trigger 3 is level */
			if (p[1] >= 10 && acpi.nr_overrides < ARRAY_SIZE(acpi.override))
				acpi.override[acpi.nr_overrides++] =
					(struct acpi_override){ p[3], *(const uint32_t *)(p + 4),
								(p[8] >> 2 & 3) == 3,
								(p[8] & 3) == 3 };
			break;
		case 5:
			if (p[1] >= 12)
				acpi.lapic = *(const uint64_t *)(p + 4);
			break;
		}
	}
}

static void parse_fadt(const struct fadt *f)
{
	if (f->h.length < offsetof(struct fadt, reset))
		return;
	acpi.pm_timer = f->pm_timer_len == 4 ? (uint16_t)f->pm_timer : 0;
	acpi.pm_timer_32 = f->flags & FADT_TIMER_32;
	acpi.pm1a_cnt = (uint16_t)f->pm1a_cnt;
	acpi.pm1b_cnt = (uint16_t)f->pm1b_cnt;
	if (f->h.length >= sizeof(*f) && f->flags & FADT_RESET) {
		acpi.has_reset = true;
		acpi.reset = f->reset;
		acpi.reset_value = f->reset_value;
	}
}

void acpi_init(maddr_t rsdp)
{
	const struct rsdp *r;
	const struct header *root, *h;
	const uint8_t *p;
	unsigned int width;

	rsdp_at = find_rsdp(); /* the firmware's own before the loader's copy */
	if (!rsdp_at)
		rsdp_at = rsdp;
	if (!rsdp_at) {
		log_warn("ACPI: no root pointer: one CPU, no IO-APIC, no power control");
		return;
	}
	r = map_device(rsdp_at, sizeof(*r), 0);
	width = r->revision >= 2 && r->xsdt ? 8 : 4;
	root = map_table(width == 8 ? r->xsdt : r->rsdt);
	if (!root || sum(root, root->length)) {
		log_warn("ACPI: the root table at %#lx is damaged and ignored",
			 (unsigned long)(width == 8 ? r->xsdt : r->rsdt));
		return;
	}
	for (p = (const uint8_t *)(root + 1); p + width <= (const uint8_t *)root + root->length;
	     p += width) {
		maddr_t at = *(const uint32_t *)p;

		if (width == 8)
			at |= (maddr_t) * (const uint32_t *)(p + 4) << 32;
		h = map_table(at);
		if (!h || sum(h, h->length)) {
			log_warn("ACPI: the table at %#lx is damaged and ignored",
				 (unsigned long)at);
			continue;
		}
		if (nr_tables < MAX_TABLES)
			tables[nr_tables++] = h;
	}
	acpi.found = true;
	h = acpi_table("APIC", 0);
	if (h)
		parse_madt(h);
	h = acpi_table("FACP", 0);
	if (h)
		parse_fadt((const struct fadt *)h);
	h = acpi_table("HPET", 0);
	if (h && h->length >= 56)
		acpi.hpet = *(const uint64_t *)((const uint8_t *)h +
						44); /* past block id, address form */
	log_info("ACPI: %u tables, %u CPUs, %u IO-APICs%s%s", nr_tables, acpi.nr_cpus,
		 acpi.nr_ioapics, acpi.hpet ? ", HPET" : "", acpi.pm_timer ? ", PM timer" : "");
	if (acpi.nr_cpus_ignored)
		log_warn("ACPI: %u CPUs above the %u that Torc drives are left alone",
			 acpi.nr_cpus_ignored, MAX_CPUS);
}
