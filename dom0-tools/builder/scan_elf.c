/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sections, symbols and notes of an ELF file, both widths in one form. What is not in the file is
 * left out rather than refused: this is for looking at kernels that are not finished.
 */
#include "dom0-tools/builder/scan.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

struct section {
	uint32_t type, link;
	uint64_t flags, address, offset, size;
};

struct table {
	uint64_t offset;
	unsigned int count, size;
};

static bool inside(uint64_t off, uint64_t len, uint64_t size)
{
	return off <= size && len <= size - off;
}

bool scan_elf_header(const struct image *im, bool *is_64)
{
	const unsigned char *id = im->data;

	if (im->size < sizeof(Elf32_Ehdr) || memcmp(id, ELFMAG, SELFMAG) != 0 ||
	    id[EI_DATA] != ELFDATA2LSB)
		return false;
	*is_64 = id[EI_CLASS] == ELFCLASS64;
	if (*is_64) {
		Elf64_Ehdr e;

		if (im->size < sizeof(e))
			return false;
		memcpy(&e, im->data, sizeof(e));
		return e.e_machine == EM_X86_64;
	} else {
		Elf32_Ehdr e;

		memcpy(&e, im->data, sizeof(e));
		return id[EI_CLASS] == ELFCLASS32 && e.e_machine == EM_386;
	}
}

/* The tables of segments and sections; one of entries of another size or outside the file is empty. */
static void tables(const struct image *im, bool is_64, struct table *ph, struct table *sh)
{
	if (is_64) {
		Elf64_Ehdr e;

		memcpy(&e, im->data, sizeof(e));
		*ph = (struct table){ e.e_phoff, e.e_phnum, sizeof(Elf64_Phdr) };
		*sh = (struct table){ e.e_shoff, e.e_shnum, sizeof(Elf64_Shdr) };
		if (e.e_phentsize != ph->size)
			ph->count = 0;
		if (e.e_shentsize != sh->size)
			sh->count = 0;
	} else {
		Elf32_Ehdr e;

		memcpy(&e, im->data, sizeof(e));
		*ph = (struct table){ e.e_phoff, e.e_phnum, sizeof(Elf32_Phdr) };
		*sh = (struct table){ e.e_shoff, e.e_shnum, sizeof(Elf32_Shdr) };
		if (e.e_phentsize != ph->size)
			ph->count = 0;
		if (e.e_shentsize != sh->size)
			sh->count = 0;
	}
	if (!inside(ph->offset, (uint64_t)ph->count * ph->size, im->size))
		ph->count = 0;
	if (!inside(sh->offset, (uint64_t)sh->count * sh->size, im->size))
		sh->count = 0;
}

static struct section segment_at(const struct image *im, bool is_64, const struct table *t,
				 unsigned int i)
{
	const uint8_t *at = im->data + t->offset + (uint64_t)i * t->size;

	if (is_64) {
		Elf64_Phdr p;

		memcpy(&p, at, sizeof(p));
		return (struct section){ p.p_type, 0, p.p_flags, p.p_vaddr, p.p_offset, p.p_filesz };
	} else {
		Elf32_Phdr p;

		memcpy(&p, at, sizeof(p));
		return (struct section){ p.p_type, 0, p.p_flags, p.p_vaddr, p.p_offset, p.p_filesz };
	}
}

static struct section section_at(const struct image *im, bool is_64, const struct table *t,
				 unsigned int i)
{
	const uint8_t *at = im->data + t->offset + (uint64_t)i * t->size;

	if (is_64) {
		Elf64_Shdr s;

		memcpy(&s, at, sizeof(s));
		return (struct section){ s.sh_type, s.sh_link,	 s.sh_flags,
					 s.sh_addr, s.sh_offset, s.sh_size };
	} else {
		Elf32_Shdr s;

		memcpy(&s, at, sizeof(s));
		return (struct section){ s.sh_type, s.sh_link,	 s.sh_flags,
					 s.sh_addr, s.sh_offset, s.sh_size };
	}
}

static int by_address(const void *a, const void *b)
{
	const struct scan_symbol *x = a, *y = b;

	if (x->address != y->address)
		return x->address < y->address ? -1 : 1;
	return (int)x->function - (int)y->function; /* functions last: they are found first */
}

static int read_symbols(struct scan_elf *e, const struct image *im, bool is_64,
			const struct section *tab, struct why *why)
{
	size_t one = is_64 ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym), count = tab->size / one;

	e->symbols = calloc(count ? count : 1, sizeof(*e->symbols));
	if (!e->symbols)
		return why_set(why, TE_NO_MEMORY, "%s: no memory for %zu symbols", im->name, count);
	for (size_t i = 0; i < count; i++) {
		struct scan_symbol *s = &e->symbols[e->nr_symbols];
		const uint8_t *at = im->data + tab->offset + i * one;
		unsigned int type, shndx;

		if (is_64) {
			Elf64_Sym y;

			memcpy(&y, at, sizeof(y));
			*s = (struct scan_symbol){ y.st_value, y.st_name, false };
			type = ELF64_ST_TYPE(y.st_info);
			shndx = y.st_shndx;
		} else {
			Elf32_Sym y;

			memcpy(&y, at, sizeof(y));
			*s = (struct scan_symbol){ y.st_value, y.st_name, false };
			type = ELF32_ST_TYPE(y.st_info);
			shndx = y.st_shndx;
		}
		s->function = type == STT_FUNC;
		if (s->name && shndx != SHN_UNDEF && shndx != SHN_ABS &&
		    (s->function || type == STT_NOTYPE))
			e->nr_symbols++;
	}
	qsort(e->symbols, e->nr_symbols, sizeof(*e->symbols), by_address);
	return 0;
}

static void add_text(struct scan_elf *e, const struct section *s)
{
	e->text[e->nr_text++] = (struct scan_range){ s->address, s->offset, s->size };
}

int scan_elf_open(struct scan_elf *e, const struct image *im, struct why *why)
{
	struct table ph, sh;
	int rc = 0;
	bool is_64;

	*e = (struct scan_elf){ 0 };
	if (!scan_elf_header(im, &is_64))
		return why_set(why, TE_KERNEL, "%s: no x86 ELF file", im->name);
	tables(im, is_64, &ph, &sh);
	e->text = calloc((size_t)ph.count + sh.count + 1, sizeof(*e->text));
	if (!e->text)
		return why_set(why, TE_NO_MEMORY, "%s: no memory for %u sections", im->name,
			       sh.count);
	for (unsigned int i = 0; i < sh.count && !rc; i++) {
		struct section s = section_at(im, is_64, &sh, i), names;

		if (s.type == SHT_NOBITS || !inside(s.offset, s.size, im->size))
			continue;
		if (s.type == SHT_PROGBITS && (s.flags & SHF_ALLOC) && (s.flags & SHF_EXECINSTR) &&
		    s.size)
			add_text(e, &s);
		if (s.type != SHT_SYMTAB || e->symbols || s.link >= sh.count)
			continue;
		names = section_at(im, is_64, &sh, s.link);
		if (names.type != SHT_STRTAB || !inside(names.offset, names.size, im->size))
			continue;
		e->strings = (struct scan_range){ 0, names.offset, names.size };
		rc = read_symbols(e, im, is_64, &s, why);
	}
	e->sections = e->nr_text > 0;
	for (unsigned int i = 0; i < ph.count && !e->sections; i++) {
		struct section s = segment_at(im, is_64, &ph, i);

		if (s.type == PT_LOAD && (s.flags & PF_X) && s.size &&
		    inside(s.offset, s.size, im->size))
			add_text(e, &s);
	}
	if (rc)
		scan_elf_close(e);
	return rc;
}

void scan_elf_close(struct scan_elf *e)
{
	free(e->text);
	free(e->symbols);
	*e = (struct scan_elf){ 0 };
}

const struct scan_symbol *scan_elf_symbol(const struct scan_elf *e, uint64_t address)
{
	size_t low = 0, high = e->nr_symbols;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (e->symbols[mid].address <= address)
			low = mid + 1;
		else
			high = mid;
	}
	return low ? &e->symbols[low - 1] : NULL;
}

void scan_elf_name(const struct scan_elf *e, const struct image *im, const struct scan_symbol *s,
		   char *to, size_t room)
{
	size_t n = 0;

	for (uint64_t at = s->name; at < e->strings.size && n + 1 < room; at++) {
		uint8_t c = im->data[e->strings.offset + at];

		if (!c)
			break;
		to[n++] = c > ' ' && c < 0x7f ? (char)c : '?'; /* goes to terminals */
	}
	to[n] = 0;
}

static void notes_of(const uint8_t *p, uint64_t n, scan_note_fn *fn, void *arg)
{
	Elf64_Nhdr h;

	while (n >= sizeof(h)) {
		uint64_t name, desc;
		const uint8_t *at;

		memcpy(&h, p, sizeof(h));
		p += sizeof(h);
		n -= sizeof(h);
		name = ((uint64_t)h.n_namesz + 3) & ~3ull;
		if (name > n)
			return;
		at = p + name;
		n -= name;
		desc = h.n_descsz < n ? h.n_descsz : n;
		if (h.n_namesz == 4 && memcmp(p, "Xen", 4) == 0)
			fn(arg, h.n_type, at, (uint32_t)desc);
		desc = (desc + 3) & ~3ull;
		if (desc > n)
			desc = n;
		p = at + desc;
		n -= desc;
	}
}

void scan_elf_notes(const struct image *im, scan_note_fn *fn, void *arg)
{
	struct table ph, sh;
	bool is_64;

	if (!scan_elf_header(im, &is_64))
		return;
	tables(im, is_64, &ph, &sh);
	for (unsigned int i = 0; i < ph.count; i++) {
		struct section s = segment_at(im, is_64, &ph, i);

		if (s.type == PT_NOTE && inside(s.offset, s.size, im->size))
			notes_of(im->data + s.offset, s.size, fn, arg);
	}
}
