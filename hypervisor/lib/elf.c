/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading a paravirtual kernel image. Every number in it may lie: offsets and sizes are checked
 * against the file before they are followed, sums against wrapping, and the whole against a size
 * that no honest kernel has. Headers are copied out before they are looked at, since nothing says
 * that they are aligned.
 */
#include <elf.h>
#include <torc/abi.h>
#include <torc/elf.h>
#include <torc/lib.h>

#define IMAGE_MAX \
	(1ull << 30) /* from the lowest address to the highest; leaves 32-bit sums room, too */
#define PHNUM_MAX 64
#define NOTES_MAX 512 /* in one segment or section: bounds the time */

struct complaint {
	char *buf;
	size_t size;
};

#define complain(c, err, ...) (format((c)->buf, (c)->size, __VA_ARGS__), (err))

static bool within(const struct pv_kernel *k, uint64_t off, uint64_t n)
{
	return off <= k->size && n <= k->size - off;
}

/* The program header, in its 64-bit form. */
static Elf64_Phdr program_header(const struct pv_kernel *k, unsigned int i)
{
	const uint8_t *p = k->data + k->phoff + (uint64_t)i * k->phentsize;
	Elf64_Phdr h;
	Elf32_Phdr h32;

	if (k->is_64bit) {
		memcpy(&h, p, sizeof(h));
		return h;
	}
	memcpy(&h32, p, sizeof(h32));
	return (Elf64_Phdr){
		.p_type = h32.p_type,
		.p_flags = h32.p_flags,
		.p_offset = h32.p_offset,
		.p_vaddr = h32.p_vaddr,
		.p_paddr = h32.p_paddr,
		.p_filesz = h32.p_filesz,
		.p_memsz = h32.p_memsz,
		.p_align = h32.p_align,
	};
}

struct header { /* what is used of Elf32_Ehdr or Elf64_Ehdr */
	uint16_t machine, type, phentsize, phnum, shentsize, shnum;
	uint64_t entry, phoff, shoff;
};

#define HEADER_FROM(e)                                                                    \
	(struct header)                                                                   \
	{                                                                                 \
		(e).e_machine, (e).e_type, (e).e_phentsize, (e).e_phnum, (e).e_shentsize, \
			(e).e_shnum, (e).e_entry, (e).e_phoff, (e).e_shoff                \
	}

static int read_header(struct pv_kernel *k, struct header *h, struct complaint *c)
{
	Elf32_Ehdr e32;
	Elf64_Ehdr e64;

	if (k->size < EI_NIDENT || memcmp(k->data, ELFMAG, SELFMAG))
		return complain(c, -XEN_ENOEXEC, "not an ELF file%s",
				k->size > 0x206 && !memcmp(k->data + 0x202, "HdrS", 4) ?
					": a bzImage; unpack its payload first" :
					"");
	k->is_64bit = k->data[EI_CLASS] == ELFCLASS64;
	if ((k->data[EI_CLASS] != ELFCLASS32 && !k->is_64bit) || k->data[EI_DATA] != ELFDATA2LSB)
		return complain(c, -XEN_EOPNOTSUPP,
				"ELF class %u, byte order %u; wanted is 1 or 2 and 1 (little-endian)",
				k->data[EI_CLASS], k->data[EI_DATA]);
	if (k->size < (k->is_64bit ? sizeof(e64) : sizeof(e32)))
		return complain(c, -XEN_EINVAL, "truncated in the ELF header, at %lu bytes",
				(unsigned long)k->size);
	if (k->is_64bit) {
		memcpy(&e64, k->data, sizeof(e64));
		*h = HEADER_FROM(e64);
	} else {
		memcpy(&e32, k->data, sizeof(e32));
		*h = HEADER_FROM(e32);
	}
	if (h->machine != (k->is_64bit ? EM_X86_64 : EM_386))
		return complain(c, -XEN_EOPNOTSUPP, "for machine type %u; wanted is %u (%s)",
				h->machine, k->is_64bit ? EM_X86_64 : EM_386,
				k->is_64bit ? "x86-64" : "i386");
	if (h->type != ET_EXEC && h->type != ET_DYN)
		return complain(c, -XEN_EINVAL, "ELF type %u is no executable (2)", h->type);
	if (!h->phnum || h->phnum > PHNUM_MAX)
		return complain(c, -XEN_EINVAL, "%u program headers; wanted are 1 to %u", h->phnum,
				PHNUM_MAX);
	if (h->phentsize < (k->is_64bit ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr)))
		return complain(c, -XEN_EINVAL, "program headers of %u bytes are too small",
				h->phentsize);
	if (!within(k, h->phoff, (uint64_t)h->phnum * h->phentsize))
		return complain(c, -XEN_EINVAL,
				"truncated: program headers at %#lx are outside of its %lu bytes",
				(unsigned long)h->phoff, (unsigned long)k->size);
	k->phoff = h->phoff;
	k->phnum = h->phnum;
	k->phentsize = h->phentsize;
	return 0;
}

/* --- notes ---------------------------------------------------------------- */

static uint64_t number(const uint8_t *p, unsigned int n)
{
	uint64_t v = 0;

	for (unsigned int i = 0; i < MIN(n, 8u); i++)
		v |= (uint64_t)p[i] << (8 * i);
	return v;
}

/* A string ends at its NUL or at the end of the note, and is shown to people: nothing unprintable
 * gets through. */
static void text(char *dst, size_t size, const uint8_t *p, unsigned int n)
{
	size_t i;

	for (i = 0; i + 1 < size && i < n && p[i]; i++)
		dst[i] = p[i] >= ' ' && p[i] < 0x7f ? (char)p[i] : '?';
	dst[i] = 0;
}

static bool says(const uint8_t *p, unsigned int n, const char *word)
{
	unsigned int len = (unsigned int)strlen(word);

	return n >= len && !memcmp(p, word, len);
}

static const struct {
	const char *name;
	unsigned int bit;
} feature_names[] = {
	{ "writable_page_tables", XENFEAT_writable_page_tables },
	{ "writable_descriptor_tables", XENFEAT_writable_descriptor_tables },
	{ "auto_translated_physmap", XENFEAT_auto_translated_physmap },
	{ "supervisor_mode_kernel", XENFEAT_supervisor_mode_kernel },
	{ "pae_pgdir_above_4gb", XENFEAT_pae_pgdir_above_4gb },
	{ "mmu_pt_update_preserve_ad", XENFEAT_mmu_pt_update_preserve_ad },
	{ "highmem_assist", XENFEAT_highmem_assist },
	{ "gnttab_map_avail_bits", XENFEAT_gnttab_map_avail_bits },
	{ "hvm_callback_vector", XENFEAT_hvm_callback_vector },
	{ "hvm_safe_pvclock", XENFEAT_hvm_safe_pvclock },
	{ "hvm_pirqs", XENFEAT_hvm_pirqs },
	{ "dom0", XENFEAT_dom0 },
	{ "memory_op_vnode_supported", XENFEAT_memory_op_vnode_supported },
};

/* "a|!b": supported, supported and required. Unknown names matter only if required; bit 63 stands
 * for them. */
static void read_features(struct pv_kernel *k, const uint8_t *p, unsigned int n)
{
	unsigned int i = 0, f, len;

	while (i < n && p[i]) {
		bool required = p[i] == '!';
		uint64_t bit = 1ull << 63;

		if (required)
			i++;
		for (len = 0; i + len < n && p[i + len] && p[i + len] != '|'; len++)
			;
		for (f = 0; f < ARRAY_SIZE(feature_names); f++)
			if (strlen(feature_names[f].name) == len &&
			    !memcmp(p + i, feature_names[f].name, len))
				bit = 1ull << feature_names[f].bit;
		k->features |= bit & ~(1ull << 63);
		if (required)
			k->features_required |= bit;
		i += len;
		if (i < n && p[i] == '|')
			i++;
	}
}

static void note(struct pv_kernel *k, uint32_t type, const uint8_t *p, unsigned int n)
{
	uint64_t v = number(p, n);

	switch (type) {
	case XEN_ELFNOTE_ENTRY: k->entry = v; break;
	case XEN_ELFNOTE_HYPERCALL_PAGE:
		k->hypercall_page = v;
		k->has_hypercall_page = true;
		break;
	case XEN_ELFNOTE_VIRT_BASE: k->virt_base = v; break;
	case XEN_ELFNOTE_PADDR_OFFSET: k->paddr_offset = v; break;
	case XEN_ELFNOTE_XEN_VERSION: text(k->xen_version, sizeof(k->xen_version), p, n); break;
	case XEN_ELFNOTE_GUEST_OS: text(k->guest_os, sizeof(k->guest_os), p, n); break;
	case XEN_ELFNOTE_GUEST_VERSION:
		text(k->guest_version, sizeof(k->guest_version), p, n);
		break;
	case XEN_ELFNOTE_LOADER: text(k->loader, sizeof(k->loader), p, n); break;
	case XEN_ELFNOTE_PAE_MODE: k->pae = says(p, n, "yes") || says(p, n, "bimodal"); break;
	case XEN_ELFNOTE_FEATURES: read_features(k, p, n); break;
	case XEN_ELFNOTE_SUPPORTED_FEATURES: k->features |= v; break;
	case XEN_ELFNOTE_BSD_SYMTAB: k->wants_symbols = says(p, n, "yes"); break;
	case XEN_ELFNOTE_HV_START_LOW:
		k->hv_start_low = v;
		k->has_hv_start_low = true;
		break;
	case XEN_ELFNOTE_L1_MFN_VALID:
		if (n >= (k->is_64bit ? 16u : 8u)) {
			unsigned int half = n >= 16 ? 8 : 4;

			k->l1_valid_mask = number(p, half);
			k->l1_valid_value = number(p + half, half);
		}
		break;
	case XEN_ELFNOTE_SUSPEND_CANCEL: k->suspend_cancel = v != 0; break;
	case XEN_ELFNOTE_INIT_P2M:
		k->init_p2m = v;
		k->has_init_p2m = true;
		break;
	case XEN_ELFNOTE_MOD_START_PFN: k->mod_start_pfn = v != 0; break;
	}
}

/*
 * All notes within the n bytes at p. The size of a note segment is sometimes a little short for its
 * last note (GRUB's images): that one is read as far as it goes. Returns how many were Xen's.
 */
static unsigned int read_notes(struct pv_kernel *k, const uint8_t *p, uint64_t n)
{
	unsigned int found = 0, count = 0;
	Elf32_Nhdr h; /* the same in both classes */

	while (n >= sizeof(h) && count++ < NOTES_MAX) {
		uint64_t name, desc, next;

		memcpy(&h, p, sizeof(h));
		name = sizeof(h) + ROUND_UP((uint64_t)h.n_namesz, 4ull);
		next = name + ROUND_UP((uint64_t)h.n_descsz, 4ull);
		if (name > n)
			break;
		desc = MIN((uint64_t)h.n_descsz, n - name);
		if (h.n_namesz == 4 && !memcmp(p + sizeof(h), "Xen", 4)) {
			note(k, h.n_type, p + name, (unsigned int)desc);
			found++;
		}
		if (next >= n)
			break;
		p += next;
		n -= next;
	}
	return found;
}

/* Some linkers make note sections without a segment. */
static unsigned int read_note_sections(struct pv_kernel *k, const struct header *h)
{
	size_t size = k->is_64bit ? sizeof(Elf64_Shdr) : sizeof(Elf32_Shdr);
	unsigned int found = 0;

	if (h->shentsize < size || !within(k, h->shoff, (uint64_t)h->shnum * h->shentsize))
		return 0;
	for (unsigned int i = 0; i < h->shnum; i++) {
		const uint8_t *p = k->data + h->shoff + (uint64_t)i * h->shentsize;
		uint64_t type, off, len;
		Elf64_Shdr s64;
		Elf32_Shdr s32;

		if (k->is_64bit) {
			memcpy(&s64, p, sizeof(s64));
			type = s64.sh_type;
			off = s64.sh_offset;
			len = s64.sh_size;
		} else {
			memcpy(&s32, p, sizeof(s32));
			type = s32.sh_type;
			off = s32.sh_offset;
			len = s32.sh_size;
		}
		if (type == SHT_NOTE && within(k, off, len))
			found += read_notes(k, k->data + off, len);
	}
	return found;
}

/* --- what is loaded where ------------------------------------------------- */

static uint64_t address_mask(const struct pv_kernel *k)
{
	return k->is_64bit ? ~0ull : 0xffffffffull;
}

bool pv_kernel_segment(const struct pv_kernel *k, unsigned int n, struct pv_segment *out)
{
	for (unsigned int i = 0; i < k->phnum; i++) {
		Elf64_Phdr h = program_header(k, i);

		if (h.p_type != PT_LOAD || !h.p_memsz || n--)
			continue;
		*out = (struct pv_segment){
			.vaddr = (h.p_paddr - k->paddr_offset + k->virt_base) & address_mask(k),
			.data = k->data + h.p_offset,
			.file_size = h.p_filesz,
			.mem_size = h.p_memsz,
		};
		return true;
	}
	return false;
}

static int check_segments(struct pv_kernel *k, struct complaint *c)
{
	struct pv_segment s;
	unsigned int n;

	k->start = ~0ull;
	for (unsigned int i = 0; i < k->phnum; i++) {
		Elf64_Phdr h = program_header(k, i);

		if (h.p_type != PT_LOAD || !h.p_memsz)
			continue;
		if (h.p_filesz > h.p_memsz)
			return complain(c, -XEN_EINVAL,
					"segment %u: %#lx bytes in the file, %#lx in memory", i,
					(unsigned long)h.p_filesz, (unsigned long)h.p_memsz);
		if (!within(k, h.p_offset, h.p_filesz))
			return complain(
				c, -XEN_EINVAL,
				"truncated: segment %u is %#lx bytes at %#lx, the file has %#lx", i,
				(unsigned long)h.p_filesz, (unsigned long)h.p_offset,
				(unsigned long)k->size);
	}
	for (n = 0; pv_kernel_segment(k, n, &s); n++) {
		if (s.mem_size > IMAGE_MAX || s.mem_size > address_mask(k) - s.vaddr)
			return complain(c, -XEN_EINVAL, "segment at %#lx is too large: %#lx bytes",
					(unsigned long)s.vaddr, (unsigned long)s.mem_size);
		k->start = MIN(k->start, s.vaddr);
		k->end = MAX(k->end, s.vaddr + s.mem_size);
	}
	if (!n)
		return complain(c, -XEN_EINVAL, "nothing to load: no PT_LOAD segment");
	if (k->end <= k->start || k->end - k->start > IMAGE_MAX)
		return complain(c, -XEN_EINVAL, "loads from %#lx to %#lx: more than 1 GiB",
				(unsigned long)k->start, (unsigned long)k->end);
	return 0;
}

/* Writable page tables are had by emulation; the others are the ABI's to use or not. */
#define FEATURES_OFFERED                                                              \
	(1ull << XENFEAT_writable_page_tables | 1ull << XENFEAT_pae_pgdir_above_4gb | \
	 1ull << XENFEAT_dom0 | 1ull << XENFEAT_mmu_pt_update_preserve_ad |           \
	 1ull << XENFEAT_highmem_assist | 1ull << XENFEAT_gnttab_map_avail_bits |     \
	 1ull << XENFEAT_memory_op_vnode_supported)

static int check_notes(const struct pv_kernel *k, struct complaint *c)
{
	if (k->features_required & ~FEATURES_OFFERED)
		return complain(
			c, -XEN_EOPNOTSUPP,
			"requires features %#lx; offered are %#lx (bits as in xen/features.h)",
			(unsigned long)k->features_required, (unsigned long)FEATURES_OFFERED);
	if (k->loader[0] && strcmp(k->loader, "generic"))
		return complain(c, -XEN_EOPNOTSUPP, "wants loader \"%s\"; offered is \"generic\"",
				k->loader);
	if (k->xen_version[0] && strcmp(k->xen_version, "xen-3.0"))
		return complain(c, -XEN_EOPNOTSUPP, "is for \"%s\"; offered is \"xen-3.0\"",
				k->xen_version);
	if (!k->is_64bit && !k->pae)
		return complain(c, -XEN_EOPNOTSUPP,
				"is a 32-bit kernel without PAE; offered is PAE");
	if (k->entry < k->start || k->entry >= k->end)
		return complain(c, -XEN_EINVAL, "entry %#lx is outside of the image, %#lx to %#lx",
				(unsigned long)k->entry, (unsigned long)k->start,
				(unsigned long)k->end);
	if (k->start < k->virt_base)
		return complain(c, -XEN_EINVAL, "loads at %#lx, below its own VIRT_BASE %#lx",
				(unsigned long)k->start, (unsigned long)k->virt_base);
	if (k->end - k->virt_base > IMAGE_MAX)
		return complain(c, -XEN_EINVAL,
				"ends at %#lx, more than 1 GiB above its VIRT_BASE %#lx",
				(unsigned long)k->end, (unsigned long)k->virt_base);
	if (k->has_hypercall_page && (k->hypercall_page & 0xfff || k->hypercall_page < k->start ||
				      k->hypercall_page - k->start > k->end - k->start - 0x1000))
		return complain(c, -XEN_EINVAL,
				"HYPERCALL_PAGE %#lx is no page of the image, %#lx to %#lx",
				(unsigned long)k->hypercall_page, (unsigned long)k->start,
				(unsigned long)k->end);
	return 0;
}

int pv_kernel_parse(struct pv_kernel *k, const void *data, size_t size, char *why, size_t why_size)
{
	struct complaint c = { why, why_size };
	unsigned int notes = 0;
	struct header h;
	int rc;

	*k = (struct pv_kernel){ .data = data, .size = size };
	if ((rc = read_header(k, &h, &c)))
		return rc;
	k->entry = h.entry;
	for (unsigned int i = 0; i < k->phnum; i++) {
		Elf64_Phdr p = program_header(k, i);

		if (p.p_type == PT_NOTE && within(k, p.p_offset, p.p_filesz))
			notes += read_notes(k, k->data + p.p_offset, p.p_filesz);
	}
	if (!notes)
		notes = read_note_sections(k, &h);
	if (!notes)
		return complain(&c, -XEN_EOPNOTSUPP, "no paravirtual kernel: it has no Xen notes");
	if ((rc = check_segments(k, &c)))
		return rc;
	return check_notes(k, &c);
}
