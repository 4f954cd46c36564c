/* SPDX-License-Identifier: BSD-2-Clause */
/* The Xen notes of an image, one by one, beside what a PV kernel should have. */
#include "dom0-tools/builder/scan.h"

#include <stdio.h>
#include <string.h>

#include <xen/elfnote.h>

enum form { NUMBER, TEXT, BYTES };
enum need { MUST = 1, MUST_32 = 2, MAY = 0, PVH = 4 };

static const struct {
	const char *name;
	uint32_t type;
	enum form form;
	enum need need;
	const char *only; /* the one value that is right */
	const char *purpose;
} known[NOTE_ROWS] = {
	{ "XEN_VERSION", XEN_ELFNOTE_XEN_VERSION, TEXT, MUST, "xen-3.0",
	  "\"xen-3.0\": the interface" },
	{ "LOADER", XEN_ELFNOTE_LOADER, TEXT, MUST, "generic", "\"generic\": the loader" },
	{ "GUEST_OS", XEN_ELFNOTE_GUEST_OS, TEXT, MAY, NULL, "the kernel's name, for people" },
	{ "GUEST_VERSION", XEN_ELFNOTE_GUEST_VERSION, TEXT, MAY, NULL, "its version, for people" },
	{ "VIRT_BASE", XEN_ELFNOTE_VIRT_BASE, NUMBER, MUST, NULL,
	  "where pseudo-physical frame 0 is mapped" },
	{ "PADDR_OFFSET", XEN_ELFNOTE_PADDR_OFFSET, NUMBER, MAY, NULL,
	  "0: what program headers call frame 0" },
	{ "ENTRY", XEN_ELFNOTE_ENTRY, NUMBER, MUST, NULL,
	  "the first instruction; rsi or esi has start_info" },
	{ "HYPERCALL_PAGE", XEN_ELFNOTE_HYPERCALL_PAGE, NUMBER, MAY, NULL,
	  "a page of text to be filled in" },
	{ "PAE_MODE", XEN_ELFNOTE_PAE_MODE, TEXT, MUST_32, NULL,
	  "\"yes\", or \"yes[extended-cr3]\"" },
	{ "HV_START_LOW", XEN_ELFNOTE_HV_START_LOW, NUMBER, MAY, NULL,
	  "32-bit: where the hypervisor may start" },
	{ "L1_MFN_VALID", XEN_ELFNOTE_L1_MFN_VALID, BYTES, MAY, NULL,
	  "mask and value of entries with a frame" },
	{ "SUSPEND_CANCEL", XEN_ELFNOTE_SUSPEND_CANCEL, NUMBER, MAY, NULL,
	  "1: a suspend may return" },
	{ "FEATURES", XEN_ELFNOTE_FEATURES, TEXT, MAY, NULL,
	  "names between |; ! in front of what it needs" },
	{ "SUPPORTED_FEATURES", XEN_ELFNOTE_SUPPORTED_FEATURES, NUMBER, MAY, NULL,
	  "the same as bits" },
	{ "INIT_P2M", XEN_ELFNOTE_INIT_P2M, NUMBER, MAY, NULL,
	  "64-bit: where the frame list is mapped" },
	{ "MOD_START_PFN", XEN_ELFNOTE_MOD_START_PFN, NUMBER, MAY, NULL,
	  "1: the ramdisk may lie outside" },
	{ "BSD_SYMTAB", XEN_ELFNOTE_BSD_SYMTAB, TEXT, MAY, NULL, "\"yes\": ignored here" },
	{ "PHYS32_ENTRY", XEN_ELFNOTE_PHYS32_ENTRY, NUMBER, PVH, NULL, "the entry of a PVH guest" },
};

static void text_of(char *to, size_t room, const uint8_t *d, uint32_t len)
{
	size_t n = 0;

	for (; n < len && d[n] && n + 1 < room; n++)
		to[n] = d[n] >= ' ' && d[n] < 0x7f ? (char)d[n] : '?';
	to[n] = 0;
}

static void one(void *arg, uint32_t type, const uint8_t *d, uint32_t len)
{
	struct scan_notes *n = arg;
	struct note_row *r = NULL;
	uint64_t v = 0;
	size_t i;

	for (i = 0; i < NOTE_ROWS && !r; i++)
		if (known[i].type == type)
			r = &n->rows[i];
	if (!r)
		return;
	i = (size_t)(r - n->rows);
	r->state = NOTE_PRESENT;
	if (known[i].form == NUMBER && len != 4 && len != 8) {
		r->state = NOTE_WRONG;
		snprintf(r->value, sizeof(r->value), "%u bytes; a number has 4 or 8", len);
	} else if (known[i].form == NUMBER) {
		memcpy(&v, d, len);
		snprintf(r->value, sizeof(r->value), "%#llx", (unsigned long long)v);
	} else if (known[i].form == TEXT) {
		text_of(r->value, sizeof(r->value), d, len);
	} else {
		snprintf(r->value, sizeof(r->value), "%u bytes", len);
	}
	if (known[i].only && strcmp(r->value, known[i].only) != 0)
		r->state = NOTE_WRONG;
	if (type == XEN_ELFNOTE_PAE_MODE && !n->is_64 && strncmp(r->value, "yes", 3) != 0 &&
	    strcmp(r->value, "bimodal") != 0)
		r->state = NOTE_WRONG;
	if (type == XEN_ELFNOTE_VIRT_BASE && (v & 4095))
		r->state = NOTE_WRONG;
	if (type == XEN_ELFNOTE_ENTRY)
		n->pv = true;
	if (type == XEN_ELFNOTE_PHYS32_ENTRY)
		n->pvh = true;
}

void scan_notes(struct scan_notes *n, const struct image *im)
{
	*n = (struct scan_notes){ 0 };
	for (size_t i = 0; i < NOTE_ROWS; i++)
		n->rows[i] = (struct note_row){ known[i].name, known[i].purpose, NOTE_ABSENT, "" };
	n->is_elf = scan_elf_header(im, &n->is_64);
	if (!n->is_elf)
		return;
	scan_elf_notes(im, one, n);
	for (size_t i = 0; i < NOTE_ROWS; i++) {
		struct note_row *r = &n->rows[i];

		if (r->state == NOTE_ABSENT &&
		    (known[i].need == MUST || (known[i].need == MUST_32 && !n->is_64)))
			r->state = NOTE_MISSING;
		n->missing += r->state == NOTE_MISSING;
		n->wrong += r->state == NOTE_WRONG;
	}
}
