/* SPDX-License-Identifier: BSD-2-Clause */
/* Small ELF kernels with Xen notes, made to measure, for the loader's tests. */
#ifndef TESTS_UNIT_FAKE_KERNEL_H
#define TESTS_UNIT_FAKE_KERNEL_H

#include <elf.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <xen/elfnote.h>

struct fake_kernel {
	uint8_t *data;
	size_t size;
	size_t notes_at, notes_size; /* where the note segment is */
	size_t phdr_at, phdr_size;   /* the first program header, a LOAD; the second is the NOTE */
	int is_64;
};

#define FAKE_TEXT 8192u /* bytes of its one segment in the file; as many of bss behind */

static inline void fake_note(struct fake_kernel *k, uint32_t type, const void *desc, uint32_t len)
{
	Elf64_Nhdr h = { 4, len, type };
	uint8_t *p = k->data + k->notes_at + k->notes_size;

	memcpy(p, &h, sizeof(h));
	memcpy(p + sizeof(h), "Xen", 4);
	memcpy(p + sizeof(h) + 4, desc, len);
	k->notes_size += sizeof(h) + 4 + ((len + 3) & ~3u);
	if (k->is_64) {
		Elf64_Phdr *ph = (Elf64_Phdr *)(void *)(k->data + k->phdr_at + k->phdr_size);

		ph->p_filesz = ph->p_memsz = k->notes_size;
	} else {
		Elf32_Phdr *ph = (Elf32_Phdr *)(void *)(k->data + k->phdr_at + k->phdr_size);

		ph->p_filesz = ph->p_memsz = (uint32_t)k->notes_size;
	}
}

static inline void fake_note_number(struct fake_kernel *k, uint32_t type, uint64_t v)
{
	fake_note(k, type, &v, k->is_64 ? 8 : 4);
}

static inline void fake_note_text(struct fake_kernel *k, uint32_t type, const char *s)
{
	fake_note(k, type, s, (uint32_t)strlen(s) + 1);
}

/* A kernel at virt_base + paddr, without notes. */
static inline struct fake_kernel fake_kernel_bare(int is_64, uint64_t paddr)
{
	struct fake_kernel k = { .size = 4096 + FAKE_TEXT, .is_64 = is_64, .notes_at = 1024 };

	k.data = calloc(1, k.size);
	for (unsigned int i = 0; i < FAKE_TEXT; i++)
		k.data[4096 + i] = (uint8_t)(i * 7 + (i >> 8) + 1);
	if (is_64) {
		Elf64_Ehdr *e = (Elf64_Ehdr *)(void *)k.data;
		Elf64_Phdr *p;

		memcpy(e->e_ident, ELFMAG, SELFMAG);
		e->e_ident[EI_CLASS] = ELFCLASS64;
		e->e_ident[EI_DATA] = ELFDATA2LSB;
		e->e_type = ET_EXEC;
		e->e_machine = EM_X86_64;
		e->e_version = EV_CURRENT;
		e->e_phoff = k.phdr_at = sizeof(*e);
		e->e_phentsize = k.phdr_size = sizeof(*p);
		e->e_phnum = 2;
		p = (Elf64_Phdr *)(void *)(k.data + k.phdr_at);
		p[0] = (Elf64_Phdr){ .p_type = PT_LOAD,
				     .p_offset = 4096,
				     .p_paddr = paddr,
				     .p_filesz = FAKE_TEXT,
				     .p_memsz = 2 * FAKE_TEXT };
		p[1] = (Elf64_Phdr){ .p_type = PT_NOTE, .p_offset = k.notes_at };
	} else {
		Elf32_Ehdr *e = (Elf32_Ehdr *)(void *)k.data;
		Elf32_Phdr *p;

		memcpy(e->e_ident, ELFMAG, SELFMAG);
		e->e_ident[EI_CLASS] = ELFCLASS32;
		e->e_ident[EI_DATA] = ELFDATA2LSB;
		e->e_type = ET_EXEC;
		e->e_machine = EM_386;
		e->e_version = EV_CURRENT;
		e->e_phoff = (uint32_t)(k.phdr_at = sizeof(*e));
		e->e_phentsize = (uint16_t)(k.phdr_size = sizeof(*p));
		e->e_phnum = 2;
		p = (Elf32_Phdr *)(void *)(k.data + k.phdr_at);
		p[0] = (Elf32_Phdr){ .p_type = PT_LOAD,
				     .p_offset = 4096,
				     .p_paddr = (uint32_t)paddr,
				     .p_filesz = FAKE_TEXT,
				     .p_memsz = 2 * FAKE_TEXT };
		p[1] = (Elf32_Phdr){ .p_type = PT_NOTE, .p_offset = (uint32_t)k.notes_at };
	}
	return k;
}

/* One that is fine: as Linux (64) or GRUB (32) are laid out. */
static inline struct fake_kernel fake_kernel_good(int is_64)
{
	uint64_t base = is_64 ? 0xffffffff80000000ull : 0xc0000000ull;
	struct fake_kernel k = fake_kernel_bare(is_64, 0x200000);

	fake_note_text(&k, XEN_ELFNOTE_GUEST_OS, "test");
	fake_note_text(&k, XEN_ELFNOTE_LOADER, "generic");
	fake_note_text(&k, XEN_ELFNOTE_XEN_VERSION, "xen-3.0");
	fake_note_text(&k, XEN_ELFNOTE_PAE_MODE, "yes");
	fake_note_number(&k, XEN_ELFNOTE_VIRT_BASE, base);
	fake_note_number(&k, XEN_ELFNOTE_ENTRY, base + 0x200010);
	return k;
}

#endif
