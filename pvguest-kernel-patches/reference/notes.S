/* SPDX-License-Identifier: BSD-2-Clause */
/* The ELF notes by which a domain builder knows this for a PV kernel, and how to lay it out. */
#include <xen/elfnote.h>
#include "layout.h"

.macro note type
	.section .note.Xen, "a", @note
	.balign 4
	.long	2f - 1f, 4f - 3f, \type
1:	.asciz "Xen"
2:	.balign 4
3:
.endm
.macro endnote
4:	.balign 4
.endm
.macro note_string type, text:vararg
	note	\type
	.asciz	\text
	endnote
.endm
.macro note_word type, value
	note	\type
	WORD	\value
	endnote
.endm

	note_string XEN_ELFNOTE_GUEST_OS, "torc-reference"
	note_string XEN_ELFNOTE_GUEST_VERSION, "1"
	note_string XEN_ELFNOTE_XEN_VERSION, "xen-3.0"
	note_string XEN_ELFNOTE_LOADER, "generic"
	note_string XEN_ELFNOTE_FEATURES, "pae_pgdir_above_4gb"
	note_word XEN_ELFNOTE_VIRT_BASE, VIRT_BASE
	note_word XEN_ELFNOTE_PADDR_OFFSET, 0
	note_word XEN_ELFNOTE_ENTRY, _start
	note_word XEN_ELFNOTE_HYPERCALL_PAGE, hypercall_page
	note_word XEN_ELFNOTE_SUSPEND_CANCEL, 1
#ifndef __x86_64__
	note_string XEN_ELFNOTE_PAE_MODE, "yes"
	/* The hole may start anywhere from here up: nothing of this kernel lies above. */
	note_word XEN_ELFNOTE_HV_START_LOW, 0xf5800000
#endif
	/* Entries that are not present but hold a frame number (none of ours do, but save must know). */
	note XEN_ELFNOTE_L1_MFN_VALID
	.quad	1, 1
	endnote
	.section .note.GNU-stack, "", @progbits
