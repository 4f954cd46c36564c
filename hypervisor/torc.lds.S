/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The image's link map: linked high, loaded at 2 MiB. Address minus IMAGE_BASE is the physical one, everywhere. Each of text,
 * read-only data and data starts a page, since x86/paging.c maps them with different rights.
 */
#include <torc/layout.h>

ENTRY(boot_entry)
SECTIONS
{
	. = IMAGE_BASE + 0x200000;
	image_start = .;
	.text : AT(ADDR(.text) - IMAGE_BASE) {
		text_start = .;
		KEEP(*(.boot.header))		/* loaders look for it in the first 8 KiB */
		*(.boot.text)
		. = ALIGN(4096);
		KEEP(*(.stub))			/* a page of its own: also mapped in each CPU's window */
		. = ALIGN(4096);
		*(.text.entry)
		*(.text .text.*)
		. = ALIGN(16);
		text_end = .;
	}
	. = ALIGN(4096);
	.rodata : AT(ADDR(.rodata) - IMAGE_BASE) {
		rodata_start = .;
		*(.rodata .rodata.*)
		. = ALIGN(8);
		ex_table_start = .;
		KEEP(*(__ex_table))
		ex_table_end = .;
		KEEP(*(.symbols))
	}
	. = ALIGN(4096);
	.data : AT(ADDR(.data) - IMAGE_BASE) {
		data_start = .;
		*(.data .data.* .sdata .sdata.*)
		. = ALIGN(8);
	}
	.bss : AT(ADDR(.bss) - IMAGE_BASE) {
		. = ALIGN(4096);
		*(.bss.pages)
		*(.bss .bss.* .sbss .sbss.* COMMON)
		. = ALIGN(4096);
	}
	image_end = .;
	boot_entry_phys = ABSOLUTE(boot_entry - IMAGE_BASE);
	ASSERT(image_end < IMAGE_BASE + 0x1000000, "the image does not fit its mapping")

	/DISCARD/ : { *(.note .note.* .comment .eh_frame .eh_frame_hdr .interp .gnu.*) }
	.symtab 0 : { *(.symtab) }
	.strtab 0 : { *(.strtab) }
	.shstrtab 0 : { *(.shstrtab) }
	.debug_info 0 : { *(.debug_info) }
	.debug_abbrev 0 : { *(.debug_abbrev) }
	.debug_line 0 : { *(.debug_line) }
	.debug_line_str 0 : { *(.debug_line_str) }
	.debug_str 0 : { *(.debug_str) }
	.debug_aranges 0 : { *(.debug_aranges) }
	.debug_ranges 0 : { *(.debug_ranges) }
	.debug_rnglists 0 : { *(.debug_rnglists) }
	.debug_loc 0 : { *(.debug_loc) }
	.debug_loclists 0 : { *(.debug_loclists) }
	.debug_frame 0 : { *(.debug_frame) }
	.rela 0 : { *(.rela .rela.* .rel.*) *(.got .got.* .plt .plt.* .igot .igot.plt .iplt) }
}
