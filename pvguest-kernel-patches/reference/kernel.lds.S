/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where the reference kernel lives. The domain builder maps the whole image at VIRT_BASE, pseudo-physical
 * frame 0 first, so physical addresses are virtual ones less VIRT_BASE (the note PADDR_OFFSET stays 0).
 */
#include "layout.h"

ENTRY(_start)

PHDRS
{
	text PT_LOAD FLAGS(5);
	data PT_LOAD FLAGS(6);
	note PT_NOTE FLAGS(4);
	stack PT_GNU_STACK FLAGS(6);
}

SECTIONS
{
	. = VIRT_BASE;
	.text : AT(ADDR(.text) - VIRT_BASE) {
		_text = .;
		*(.text.start)
		*(.text .text.*)
		. = ALIGN(4096);
		*(.text.user)
		. = ALIGN(4096);
	} :text
	.note.Xen : AT(ADDR(.note.Xen) - VIRT_BASE) {
		KEEP(*(.note.Xen))
	} :text :note
	.rodata : AT(ADDR(.rodata) - VIRT_BASE) {
		*(.rodata .rodata.*)
	} :text
	. = ALIGN(4096);
	.data : AT(ADDR(.data) - VIRT_BASE) {
		*(.data .data.*)
	} :data
	.bss : AT(ADDR(.bss) - VIRT_BASE) {
		*(.bss .bss.* COMMON)
		. = ALIGN(4096);
	} :data
	_end = .;
	/DISCARD/ : {
		*(.comment .note.GNU-stack .note.gnu.* .eh_frame .eh_frame_hdr)
	}
}
