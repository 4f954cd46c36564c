/* SPDX-License-Identifier: BSD-2-Clause */
/* What boot/ learned from the loader. */
#ifndef TORC_BOOT_H
#define TORC_BOOT_H

#include <torc/types.h>

struct boot_module {
	maddr_t start;
	uint64_t size;
	const char *cmdline;
};
struct boot_range {
	maddr_t start;
	uint64_t size;
	uint32_t type;
}; /* types as E820: 1 RAM, 2 reserved, 3 ACPI, 4 NVS, 5 bad */
struct boot_info {
	const char *loader, *cmdline;
	struct boot_module module[8];
	unsigned int nr_modules;
	struct boot_range map[128]; /* sorted, without overlaps: the machine's e820 */
	unsigned int nr_map;
	maddr_t rsdp; /* 0: search */
	bool efi;
	/* framebuffer, for dom0's console info */
	struct {
		uint64_t addr;
		uint32_t pitch, width, height;
		uint8_t bpp, type;
	} fb;
};
extern struct boot_info boot_info;

/* boot/cmdline.c: options by table; an unknown one is reported. Values after parsing: */
struct options {
	uint64_t dom0_mem, dom0_mem_min, dom0_mem_max; /* bytes; 0: default (all but 1/16, at most 1
							  GiB kept for guests .. see docs) */
	unsigned int dom0_max_vcpus;		       /* 0: as many as CPUs */
	unsigned int max_cpus;			       /* maxcpus=, nosmp */
	bool noreboot, sync_console, no_xsave;
	char console[64], com1[64], loglvl[32], guest_loglvl[32];
};
extern struct options options;
void cmdline_parse(const char *line);
/* How many of so many free frames the control domain begins with. The list of them is one block of
 * the heap, of 1 GiB at most. */
#define DOM0_PAGES_MAX (GB(1ul) / sizeof(uint64_t))
uint64_t cmdline_dom0_pages(uint64_t avail);

/* boot/dom0.c: module 0 is the kernel (plain ELF), module 1 (if any) the initramfs. Panics with the
 * reason if it cannot. */
void dom0_build(void);

#endif
