/* SPDX-License-Identifier: BSD-2-Clause */
/* Between the files of x86/ and boot/main.c: what runs once, in boot order. Nobody else includes
 * it. */
#ifndef TORC_X86_PRIV_H
#define TORC_X86_PRIV_H

#include <torc/x86.h>

/* cpu.c */
void cpu_find_features(void);
void cpu_forbid_xsave(void);
void cpu_init(void); /* this CPU's control registers */
void cpu_report(void);
void fpu_init_cpu(void); /* fpu.c */

/* desc.c */
void desc_init_early(void);		 /* GDT and IDT for the boot stack */
void desc_make_window(unsigned int cpu); /* stacks, TSS, GDT; the first CPU's stack is the boot
					    stack */
void desc_init_cpu(unsigned int cpu);	 /* loads them; on that CPU */
void desc_move_stack(void); /* the first CPU, from the boot stack's address to its window's */
/* no guest gets them by the I/O bitmap */
void desc_reserve_ports(unsigned int first, unsigned int n);

/* paging.c: in this order */
void paging_start(void);
void paging_map_ram(maddr_t start, maddr_t end); /* into the direct map */
void paging_switch(void);			 /* RAM is mapped: onto the new tables */
/* frame table and m2p for RAM frames start..end */
void paging_map_tables(maddr_t start, maddr_t end);
void paging_finish(void);   /* from here on tables come from the heap */
extern maddr_t paging_kept; /* bytes that tables took, for the report */

/* access.c */
bool exception_fixup(struct cpu_user_regs *r);

/* trap.c, panic.c */
void interrupt(unsigned int vector);
void show_backtrace(const unsigned long *sp, const unsigned long *fp);
void panic_stop_here(void) __noreturn;
extern bool panic_noreboot;

/* acpi.c */
struct acpi_cpu {
	uint32_t apic_id, acpi_id;
};
struct acpi_ioapic {
	maddr_t base;
	uint32_t gsi_base;
};
struct acpi_override {
	uint8_t isa;
	uint32_t gsi;
	bool level, active_low;
};
struct acpi_gas {
	uint8_t space, bits, offset, access;
	uint64_t address;
} __packed;
struct acpi_facts {
	struct acpi_cpu cpu[MAX_CPUS];
	unsigned int nr_cpus, nr_cpus_ignored;
	struct acpi_ioapic ioapic[16];
	unsigned int nr_ioapics;
	struct acpi_override override[16];
	unsigned int nr_overrides;
	maddr_t lapic;
	bool found, has_8042_reset;
	uint16_t pm_timer; /* port, 0: none */
	bool pm_timer_32;
	struct acpi_gas reset;
	uint8_t reset_value;
	bool has_reset;
	maddr_t hpet; /* 0: none */
	uint16_t pm1a_cnt, pm1b_cnt;
};
extern struct acpi_facts acpi;
void acpi_init(maddr_t rsdp);

/* apic.c, ioapic.c */
void apic_init(void); /* once: mode and mapping */
void apic_init_cpu(void);
uint32_t apic_own_id(void);
void apic_send(uint32_t apic_id, uint32_t icr_low);
#define APIC_FIXED   0x04000u
#define APIC_NMI     0x04400u
#define APIC_INIT    0x04500u
#define APIC_STARTUP 0x04600u
void apic_timer_start(uint32_t count); /* one shot, 0 stops it */
uint32_t apic_timer_count(void);
void apic_timer_mode(bool deadline);
void ioapic_init(void);
void pic_disable(void);

/* clock.c */
void clock_init(void); /* calibrates; interrupts are off */
void clock_init_cpu(void);
void clock_sync_source(void); /* on the first CPU while another is in ... */
void clock_sync_target(void);
void delay_us(unsigned int us);
int64_t rtc_read(void); /* Unix seconds */

/* smp.c, tlb.c */
void cpu_calls_run(void);
void tlb_requests_run(void);
void smp_stop_others(void); /* by NMI; they halt */
bool smp_is_stopping(void);
extern unsigned int smp_max_cpus;

/* power.c */
void machine_triple_fault(void) __noreturn;

#endif
