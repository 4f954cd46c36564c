/* SPDX-License-Identifier: BSD-2-Clause */
/* The order of the boot, as one list at the end: each step may count on those above it. */
#include <torc/boot_early.h>
#include <torc/boot_mem.h>
#include <torc/console.h>
#include <torc/heap.h>
#include <torc/irq.h>
#include <torc/serial.h>
#include <torc/sched.h>
#include <torc/work.h>
#include <torc/x86_priv.h>

#define RAM	   1
#define LOW_MEMORY MB(1) /* firmware's and the control domain's: nobody allocates there */

extern const char image_start[], image_end[];

static void read_options(void)
{
	const char *line = boot_info.cmdline;

	/* QEMU's own loader puts the file's name in front, GRUB does not. */
	if (!strncmp(boot_info.loader, "qemu", 4))
		while (*line && *line++ != ' ')
			;
	cmdline_parse(line);
	console_init(options.console, options.com1, options.loglvl, options.guest_loglvl);
	panic_noreboot = options.noreboot;
	if (options.max_cpus && options.max_cpus < smp_max_cpus)
		smp_max_cpus = options.max_cpus;
}

static void greet(void)
{
	log_info("Torc, loaded by %s at %#lx, %lu KiB",
		 *boot_info.loader ? boot_info.loader : "something unnamed",
		 (unsigned long)image_to_maddr(image_start),
		 (unsigned long)(image_end - image_start) >> 10);
	log_info("options: %s", boot_info.cmdline);
}

static void add_frames(maddr_t start, maddr_t end)
{
	heap_add(start, end);
}

static void each_ram(void (*fn)(maddr_t start, maddr_t end))
{
	maddr_t start, end;
	unsigned int i;

	for (i = 0; i < boot_info.nr_map; i++) {
		start = MAX(ROUND_UP(boot_info.map[i].start, PAGE_SIZE), LOW_MEMORY);
		end = ROUND_DOWN(boot_info.map[i].start + boot_info.map[i].size, PAGE_SIZE);
		if (start >= end || boot_info.map[i].type != RAM)
			continue;
		if (end > DIRECTMAP_END - DIRECTMAP_BASE)
			panic("RAM at %#lx is above what Torc can map (5 TiB)", (unsigned long)end);
		fn(start, end);
	}
}

/* Memory map to direct map, frame table, machine-to-phys tables and heap. */
static void memory_init(void)
{
	const struct boot_range *r;
	uint64_t ram = 0;
	unsigned int i;

	for (i = 0; i < boot_info.nr_map; i++) {
		r = &boot_info.map[i];
		log_debug("memory: %#014lx - %#014lx type %u", (unsigned long)r->start,
			  (unsigned long)(r->start + r->size), r->type);
		if (r->type == RAM) {
			ram += r->size;
			boot_mem_add(MAX(r->start, LOW_MEMORY), r->start + r->size);
		}
	}
	boot_mem_reserve(image_to_maddr(image_start), image_to_maddr(image_end));
	for (i = 0; i < boot_info.nr_modules; i++)
		boot_mem_reserve(boot_info.module[i].start,
				 boot_info.module[i].start + boot_info.module[i].size);

	paging_start();
	paging_map_ram(0, LOW_MEMORY);
	each_ram(paging_map_ram);
	paging_switch();
	each_ram(paging_map_tables);
	paging_finish();
	each_ram(frame_add_ram);
	boot_mem_each(add_frames);
	log_info("memory: %lu MiB RAM, %lu MiB free, %lu KiB for tables", (unsigned long)(ram >> 20),
		 (unsigned long)(heap_free_frames() >> 8), (unsigned long)(paging_kept >> 10));
}

static void cpu_main(void)
{
	timers_init_cpu();
	sched_init_cpu(this_cpu());
	enter_idle();
}

static void reserve_ports(void)
{
	desc_reserve_ports(0x20, 2); /* PICs, PIT, keyboard controller (it resets), RTC, PCI
					configuration: emulated */
	desc_reserve_ports(0xa0, 2);
	desc_reserve_ports(0x40, 4);
	desc_reserve_ports(0x61, 4);
	desc_reserve_ports(0x70, 2);
	desc_reserve_ports(0xcf8, 8);
	desc_reserve_ports(serial_port(), serial_port() ? 8 : 0);
	desc_reserve_ports(acpi.pm1a_cnt, acpi.pm1a_cnt ? 2 : 0);
	desc_reserve_ports(acpi.pm1b_cnt, acpi.pm1b_cnt ? 2 : 0);
}

void boot_main(uint32_t magic, maddr_t info)
{
	desc_init_early();
	console_init_early();
	multiboot_parse(magic, info);
	read_options();
	greet();
	cpu_find_features();
	if (options.no_xsave)
		cpu_forbid_xsave();
	cpu_init();
	cpu_report();
	memory_init();
	acpi_init(boot_info.rsdp);
	reserve_ports();
	desc_make_window(0);
	desc_init_cpu(0);
	desc_move_stack();

	pic_disable(); /* while the local APIC still passes its line on: a request under way ends
			  there */
	apic_init();
	apic_init_cpu();
	ioapic_init();
	clock_init();
	timers_init_cpu();
	domains_init();
	sched_init();
	sched_init_cpu(0);
	irq_on();
	smp_boot(cpu_main);
	console_init_irq();
	dom0_build();
	log_info("the control domain starts at %ld ms", (long)(clock_now() / NS_PER_MS));
	enter_idle();
}
