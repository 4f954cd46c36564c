/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ELF side of a PV kernel: program headers to segments, Xen notes to wishes. Both widths
 * are decoded into one form first; the checks then know no width.
 */
#include "dom0-tools/builder/image.h"

#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xen/elfnote.h>
#include <xen/features.h>
#include <xen/xen.h>

struct phdr {
	uint32_t type;
	uint64_t offset, paddr, filesz, memsz;
};

static const struct {
	uint16_t machine;
	const char *name;
} machines[] = {
	{ EM_AARCH64, "64-bit ARM" }, { EM_ARM, "32-bit ARM" }, { EM_RISCV, "RISC-V" },
	{ EM_PPC64, "PowerPC 64" },   { EM_PPC, "PowerPC" },	{ EM_S390, "s390" },
	{ EM_MIPS, "MIPS" },	      { EM_IA_64, "Itanium" },	{ EM_SPARCV9, "SPARC" },
};

/* Features by the names of the FEATURES note, and whether a guest may insist on each. */
static const struct {
	const char *name;
	bool given;
} features[] = {
	[XENFEAT_writable_page_tables] = { "writable_page_tables", true },
	[XENFEAT_writable_descriptor_tables] = { "writable_descriptor_tables", false },
	[XENFEAT_auto_translated_physmap] = { "auto_translated_physmap", false },
	[XENFEAT_supervisor_mode_kernel] = { "supervisor_mode_kernel", false },
	[XENFEAT_pae_pgdir_above_4gb] = { "pae_pgdir_above_4gb", true },
};

static int bad(const struct image *im, struct why *why, const char *what)
{
	return why_set(why, TE_KERNEL, "%s: %s", im->name, what);
}

static int changed(const struct image *im, struct why *why)
{
	return why_set(why, TE_FILE, "kernel %s changed while it was being read", im->name);
}

static bool inside(uint64_t off, uint64_t len, uint64_t size)
{
	return off <= size && len <= size - off;
}

static int check_header(struct image *im, uint64_t *phoff, unsigned int *phnum, struct why *why)
{
	unsigned char id[EI_NIDENT];
	uint16_t machine, type, phentsize;
	uint32_t version;

	if (im->size >= sizeof(id) && image_read(im, 0, id, sizeof(id)))
		return changed(im, why);
	if (im->size < sizeof(id) || memcmp(id, ELFMAG, SELFMAG) != 0)
		return why_hint(why,
				bad(im, why,
				    "neither an ELF file, a bzImage nor a compressed kernel"),
				"kernel= wants a PV kernel; a disk image goes to disk=");
	if (id[EI_DATA] != ELFDATA2LSB || (id[EI_CLASS] != ELFCLASS32 && id[EI_CLASS] != ELFCLASS64))
		return bad(im, why, "an ELF file, but not a little-endian one of 32 or 64 bits");

	if (id[EI_CLASS] == ELFCLASS64) {
		Elf64_Ehdr e;

		if (im->size < sizeof(e))
			return bad(im, why, "truncated inside the ELF header");
		if (image_read(im, 0, &e, sizeof(e)))
			return changed(im, why);
		im->is_64 = true;
		machine = e.e_machine;
		type = e.e_type;
		version = e.e_version;
		*phoff = e.e_phoff;
		*phnum = e.e_phnum;
		phentsize = e.e_phentsize;
	} else {
		Elf32_Ehdr e;

		if (im->size < sizeof(e))
			return bad(im, why, "truncated inside the ELF header");
		if (image_read(im, 0, &e, sizeof(e)))
			return changed(im, why);
		machine = e.e_machine;
		type = e.e_type;
		version = e.e_version;
		*phoff = e.e_phoff;
		*phnum = e.e_phnum;
		phentsize = e.e_phentsize;
	}

	if (machine != (im->is_64 ? EM_X86_64 : EM_386)) {
		for (size_t i = 0; i < sizeof(machines) / sizeof(machines[0]); i++)
			if (machines[i].machine == machine)
				return why_set(why, TE_KERNEL,
					       "%s: a kernel for %s; this host is x86", im->name,
					       machines[i].name);
		return why_set(why, TE_KERNEL,
			       "%s: a %d-bit ELF for machine type %u; this host is x86", im->name,
			       im->is_64 ? 64 : 32, machine);
	}
	if (type != ET_EXEC && type != ET_DYN)
		return why_set(why, TE_KERNEL, "%s: ELF type %u is not an executable", im->name,
			       type);
	if (version != EV_CURRENT)
		return why_set(why, TE_KERNEL, "%s: ELF version %u, not 1", im->name, version);
	if (phentsize != (im->is_64 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr)))
		return why_set(why, TE_KERNEL, "%s: program headers of %u bytes", im->name,
			       phentsize);
	if (*phnum == 0 || !inside(*phoff, (uint64_t)*phnum * phentsize, im->size))
		return bad(im, why, "truncated: the program headers are not in the file");
	return 0;
}

static int read_phdr(const struct image *im, uint64_t phoff, unsigned int i, struct phdr *p,
		     struct why *why)
{
	if (im->is_64) {
		Elf64_Phdr h;

		if (image_read(im, phoff + i * sizeof(h), &h, sizeof(h)))
			return changed(im, why);
		*p = (struct phdr){ h.p_type, h.p_offset, h.p_paddr, h.p_filesz, h.p_memsz };
	} else {
		Elf32_Phdr h;

		if (image_read(im, phoff + i * sizeof(h), &h, sizeof(h)))
			return changed(im, why);
		*p = (struct phdr){ h.p_type, h.p_offset, h.p_paddr, h.p_filesz, h.p_memsz };
	}
	return 0;
}

struct notes {
	bool any, entry, virt_base, paddr_offset, loader, version, phys32;
};

static uint64_t note_number(const uint8_t *d, uint32_t len, bool *ok)
{
	uint64_t v = 0;

	*ok = len == 4 || len == 8;
	if (*ok)
		memcpy(&v, d, len);
	return v;
}

static void note_string(char *to, size_t room, const uint8_t *d, uint32_t len)
{
	size_t n = strnlen((const char *)d, len);

	if (n >= room)
		n = room - 1;
	for (size_t i = 0; i < n; i++) /* goes to terminals: no control characters */
		to[i] = d[i] >= ' ' && d[i] < 0x7f ? (char)d[i] : '?';
	to[n] = 0;
}

/* FEATURES: names between '|', '!' in front of what the kernel insists on. */
static int note_features(struct image *im, const uint8_t *d, uint32_t len, struct why *why)
{
	char all[512], *save, *word;

	note_string(all, sizeof(all), d, len);
	for (word = strtok_r(all, "|", &save); word; word = strtok_r(NULL, "|", &save)) {
		bool given = false;

		if (word[0] != '!')
			continue;
		for (size_t i = 0; i < sizeof(features) / sizeof(features[0]); i++)
			if (features[i].name && strcmp(features[i].name, word + 1) == 0)
				given = features[i].given;
		if (!given)
			return why_set(why, TE_KERNEL,
				       "%s: insists on the feature \"%s\", which PV guests do not get",
				       im->name, word + 1);
	}
	return 0;
}

static int note_supported(struct image *im, const uint8_t *d, uint32_t len, struct why *why)
{
	bool ok;
	uint64_t v = note_number(d, len, &ok);

	(void)v; /* what it supports matters to the kernel's own set-up only */
	return ok ? 0 : bad(im, why, "its SUPPORTED_FEATURES note is not a number");
}

static int one_note(struct image *im, uint32_t type, const uint8_t *d, uint32_t len,
		    struct notes *seen, struct why *why)
{
	char text[64];
	uint64_t v;
	bool number;

	v = note_number(d, len, &number);
	note_string(text, sizeof(text), d, len);
	switch (type) {
	case XEN_ELFNOTE_ENTRY:
	case XEN_ELFNOTE_HYPERCALL_PAGE:
	case XEN_ELFNOTE_VIRT_BASE:
	case XEN_ELFNOTE_PADDR_OFFSET:
	case XEN_ELFNOTE_HV_START_LOW:
	case XEN_ELFNOTE_INIT_P2M:
	case XEN_ELFNOTE_MOD_START_PFN:
	case XEN_ELFNOTE_PHYS32_ENTRY:
		if (!number)
			return why_set(why, TE_KERNEL,
				       "%s: Xen note %u has %u bytes where a number has 4 or 8",
				       im->name, type, len);
		break;
	default: break;
	}

	seen->any = true;
	switch (type) {
	case XEN_ELFNOTE_ENTRY:
		im->entry = v;
		seen->entry = true;
		break;
	case XEN_ELFNOTE_HYPERCALL_PAGE:
		im->hypercall_page = v;
		im->has_hypercall_page = true;
		break;
	case XEN_ELFNOTE_VIRT_BASE:
		im->virt_base = v;
		seen->virt_base = true;
		break;
	case XEN_ELFNOTE_PADDR_OFFSET:
		im->paddr_offset = v;
		seen->paddr_offset = true;
		break;
	case XEN_ELFNOTE_XEN_VERSION:
		if (strcmp(text, "xen-3.0") != 0)
			return why_set(why, TE_KERNEL,
				       "%s: made for the interface \"%s\", not xen-3.0", im->name,
				       text);
		seen->version = true;
		break;
	case XEN_ELFNOTE_GUEST_OS: note_string(im->guest_os, sizeof(im->guest_os), d, len); break;
	case XEN_ELFNOTE_GUEST_VERSION:
		note_string(im->guest_version, sizeof(im->guest_version), d, len);
		break;
	case XEN_ELFNOTE_LOADER:
		if (strcmp(text, "generic") != 0)
			return why_set(why, TE_KERNEL,
				       "%s: wants the loader \"%s\"; there is \"generic\" only",
				       im->name, text);
		seen->loader = true;
		break;
	case XEN_ELFNOTE_PAE_MODE:
		if (!im->is_64 && strcmp(text, "no") == 0)
			return bad(im, why,
				   "a 32-bit kernel without PAE: those need a hypervisor from 2009");
		im->extended_cr3 = strncmp(text, "yes", 3) == 0 || strcmp(text, "bimodal") == 0;
		break;
	case XEN_ELFNOTE_FEATURES: return note_features(im, d, len, why);
	case XEN_ELFNOTE_SUPPORTED_FEATURES: return note_supported(im, d, len, why);
	case XEN_ELFNOTE_HV_START_LOW:
		im->hv_start_low = v;
		im->has_hv_start_low = true;
		break;
	case XEN_ELFNOTE_INIT_P2M:
		im->init_p2m = v;
		im->has_init_p2m = true;
		break;
	case XEN_ELFNOTE_MOD_START_PFN: im->mod_start_pfn = v != 0; break;
	case XEN_ELFNOTE_PHYS32_ENTRY: seen->phys32 = true; break;
	default: break;
	}
	return 0;
}

/*
 * Notes are padded to 4 bytes. The last one of grub-i386-xen.bin says more bytes than its
 * segment has; what is there is its text, so a note that is cut by the segment's end is taken
 * as far as it goes and remarked on. It is bounded by the segment, so no harm can come of it.
 */
static int read_notes(struct image *im, const uint8_t *p, uint64_t n, struct notes *seen,
		      struct why *why)
{
	Elf64_Nhdr h; /* the same in both widths */
	int rc;

	while (n >= sizeof(h)) {
		uint64_t name_room, desc_len;
		const uint8_t *name, *desc;

		memcpy(&h, p, sizeof(h));
		p += sizeof(h);
		n -= sizeof(h);
		name = p;
		name_room = ((uint64_t)h.n_namesz + 3) & ~3ull;
		if (name_room > n)
			return bad(im, why, "the notes lie: a name runs past the note segment");
		desc = p + name_room;
		n -= name_room;
		desc_len = h.n_descsz;
		if (desc_len > n) {
			if (n == 0 || h.n_descsz > 4096)
				return why_set(
					why, TE_KERNEL,
					"%s: the notes lie: note %u claims %u bytes, %llu are there",
					im->name, h.n_type, h.n_descsz, (unsigned long long)n);
			snprintf(im->note, sizeof(im->note),
				 "note %u claims %u bytes, %llu are there: taken as far as it goes",
				 h.n_type, h.n_descsz, (unsigned long long)n);
			desc_len = n;
		}
		if (h.n_namesz == 4 && memcmp(name, "Xen", 4) == 0) {
			rc = one_note(im, h.n_type, desc, (uint32_t)desc_len, seen, why);
			if (rc)
				return rc;
		}
		desc_len = (desc_len + 3) & ~3ull;
		if (desc_len > n)
			desc_len = n;
		p = desc + desc_len;
		n -= desc_len;
	}
	return 0;
}

static int check_notes(struct image *im, const struct notes *seen, bool legacy, struct why *why)
{
	if (!seen->any)
		return why_hint(
			why,
			why_set(why, TE_KERNEL, "%s: %s", im->name,
				legacy ? "only the __xen_guest section of before 2006 tells about it" :
					 "no PV kernel: it carries no Xen ELF notes"),
			"a Linux kernel needs CONFIG_XEN_PV=y");
	if (!seen->entry || !seen->virt_base || !seen->version || !seen->loader) {
		if (seen->phys32 && !seen->entry)
			return why_hint(
				why, bad(im, why, "a PVH kernel: it has no PV entry point"),
				"Torc runs PV guests; for GRUB take grub-x86_64-xen.bin or grub-i386-xen.bin");
		return why_set(why, TE_KERNEL, "%s: its Xen notes lack %s", im->name,
			       !seen->entry	? "ENTRY" :
			       !seen->virt_base ? "VIRT_BASE" :
			       !seen->version	? "XEN_VERSION" :
						  "LOADER");
	}
	return 0;
}

/* Where guests of this width may have their initial mapping: [0, top) and [high, end of space). */
static int check_range(struct image *im, const char *what, uint64_t start, uint64_t end,
		       struct why *why)
{
	uint64_t low_top = im->is_64 ? 1ull << 47 : GUEST32_TOP;

	if (start <= end && end <= low_top)
		return 0;
	if (im->is_64 && start <= end && start >= HYPERVISOR_VIRT_END)
		return 0;
	return why_set(why, TE_KERNEL,
		       "%s: %s at %#llx-%#llx is outside what a %d-bit guest can have", im->name,
		       what, (unsigned long long)start, (unsigned long long)end,
		       im->is_64 ? 64 : 32);
}

static int read_segments(struct image *im, uint64_t phoff, unsigned int phnum, struct why *why)
{
	int rc;

	im->virt_start = UINT64_MAX;
	for (unsigned int i = 0; i < phnum; i++) {
		struct image_segment *s = &im->segments[im->nr_segments];
		struct phdr p;
		uint64_t end;

		rc = read_phdr(im, phoff, i, &p, why);
		if (rc)
			return rc;
		if (p.type != PT_LOAD || p.memsz == 0)
			continue;
		if (im->nr_segments == IMAGE_MAX_SEGMENTS)
			return why_set(why, TE_KERNEL, "%s: more than %d segments to load",
				       im->name, IMAGE_MAX_SEGMENTS);
		if (p.filesz > p.memsz)
			return why_set(why, TE_KERNEL,
				       "%s: segment %u has more bytes in the file than in memory",
				       im->name, i);
		if (!inside(p.offset, p.filesz, im->size))
			return why_set(why, TE_KERNEL,
				       "%s: truncated: segment %u ends at byte %llu, the file at %zu",
				       im->name, i, (unsigned long long)p.offset + p.filesz,
				       im->size);
		if (p.memsz > IMAGE_MAX_BYTES || p.paddr < im->paddr_offset ||
		    p.paddr - im->paddr_offset > IMAGE_MAX_BYTES)
			return why_set(why, TE_KERNEL,
				       "%s: segment %u of %llu bytes at %#llx is out of reach",
				       im->name, i, (unsigned long long)p.memsz,
				       (unsigned long long)p.paddr);
		*s = (struct image_segment){ .vaddr = p.paddr - im->paddr_offset + im->virt_base,
					     .memsz = p.memsz,
					     .filesz = p.filesz,
					     .offset = p.offset };
		end = s->vaddr + s->memsz;
		rc = check_range(im, "a segment", s->vaddr, end, why);
		if (rc)
			return rc;
		for (unsigned int j = 0; j < im->nr_segments; j++)
			if (s->vaddr < im->segments[j].vaddr + im->segments[j].memsz &&
			    im->segments[j].vaddr < end)
				return why_set(why, TE_KERNEL, "%s: segments overlap at %#llx",
					       im->name, (unsigned long long)s->vaddr);
		if (s->vaddr < im->virt_start)
			im->virt_start = s->vaddr;
		if (end > im->virt_end)
			im->virt_end = end;
		im->nr_segments++;
	}
	if (!im->nr_segments)
		return bad(im, why, "has nothing to load");
	return 0;
}

static int check_wishes(struct image *im, struct why *why)
{
	if (im->virt_base & 4095)
		return why_set(why, TE_KERNEL, "%s: VIRT_BASE %#llx is not on a page", im->name,
			       (unsigned long long)im->virt_base);
	if (im->entry < im->virt_start || im->entry >= im->virt_end)
		return why_set(why, TE_KERNEL,
			       "%s: the entry %#llx is outside the image %#llx-%#llx", im->name,
			       (unsigned long long)im->entry, (unsigned long long)im->virt_start,
			       (unsigned long long)im->virt_end);
	if (im->has_hypercall_page &&
	    ((im->hypercall_page & 4095) || im->hypercall_page < im->virt_start ||
	     im->hypercall_page >= im->virt_end))
		return why_set(why, TE_KERNEL, "%s: the hypercall page %#llx is outside the image",
			       im->name, (unsigned long long)im->hypercall_page);
	if (im->has_init_p2m) {
		if (!im->is_64)
			im->has_init_p2m = false; /* only 64-bit guests have it */
		else if (im->init_p2m & ((1ull << 21) - 1))
			return why_set(why, TE_KERNEL, "%s: INIT_P2M %#llx is not on 2 MiB",
				       im->name, (unsigned long long)im->init_p2m);
	}
	if (!im->is_64 && im->has_hv_start_low && im->hv_start_low > GUEST32_TOP)
		return why_set(why, TE_KERNEL,
			       "%s: HV_START_LOW %#llx is above the hypervisor's start %#llx",
			       im->name, (unsigned long long)im->hv_start_low, GUEST32_TOP);
	return 0;
}

static bool holds(const struct image *im, const char *word)
{
	size_t len = strlen(word), n;
	char piece[65536];

	for (uint64_t at = 0; at + len <= im->size; at += n - len + 1) {
		n = im->size - at < sizeof(piece) ? im->size - at : sizeof(piece);
		if (image_read(im, at, piece, n))
			return false;
		if (memmem(piece, n, word, len))
			return true;
	}
	return false;
}

int image_parse_elf(struct image *im, struct why *why)
{
	struct notes seen = { 0 };
	unsigned int phnum = 0;
	uint64_t phoff = 0, left = IMAGE_MAX_NOTES;
	bool legacy = false;
	uint8_t *notes;
	int rc;

	rc = check_header(im, &phoff, &phnum, why);
	if (rc)
		return rc;
	for (unsigned int i = 0; i < phnum; i++) {
		struct phdr p;

		rc = read_phdr(im, phoff, i, &p, why);
		if (rc)
			return rc;
		if (p.type != PT_NOTE)
			continue;
		if (!inside(p.offset, p.filesz, im->size))
			return bad(im, why, "truncated: the notes are not in the file");
		/* else 65535 headers of the same GiB took hours to read */
		if (p.filesz > left)
			return bad(im, why, "it has more than 1 MiB of notes");
		left -= p.filesz;
		notes = malloc(p.filesz ? p.filesz : 1);
		if (!notes)
			return why_set(why, TE_NO_MEMORY, "%s: no memory", im->name);
		rc = image_read(im, p.offset, notes, p.filesz) ?
			     changed(im, why) :
			     read_notes(im, notes, p.filesz, &seen, why);
		free(notes);
		if (rc)
			return rc;
	}
	if (!seen.any)
		legacy = holds(im, "GUEST_OS=");
	rc = check_notes(im, &seen, legacy, why);
	if (!rc)
		rc = read_segments(im, phoff, phnum, why);
	if (!rc)
		rc = check_wishes(im, why);
	return rc;
}
