/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The file's form: the header, the notes and the tables. By dump-core-format.txt of Xen's
 * documentation; a 32-bit guest's file has EM_386 in a 64-bit header.
 */
#include "dom0-tools/dump/dump.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/procfs.h>

#include <xen/xen.h>
#include <xen/elfnote.h>
#include <xen/version.h>

#define MAGIC_PV       0xf00febedull
#define FORMAT_VERSION 1ull /* major 0, minor 1 */
#define ALIGN	       16u

/* What the notes hold; their form is the document's. */
struct note_header {
	uint64_t magic, nr_vcpus, nr_pages, page_size;
};
struct note_version {
	uint64_t major, minor;
	xen_extraversion_t extra;
	xen_compile_info_t compile;
	xen_capabilities_info_t capabilities;
	xen_changeset_info_t changeset;
	xen_platform_parameters_t platform;
	uint64_t page_size;
};

enum section { NONE, NAMES, NOTES, PRSTATUS, SHARED, P2M, PAGES, SECTIONS };
static const char *const names[SECTIONS] = {
	"", ".shstrtab", ".note.Xen", ".xen_prstatus", ".xen_shared_info", ".xen_p2m", ".xen_pages"
};

void bytes_add(struct bytes *b, const void *data, size_t len)
{
	if (b->len + len > b->room) {
		size_t room = (b->len + len) * 2;
		uint8_t *grown = realloc(b->at, room);

		if (!grown) {
			b->failed = true;
			return;
		}
		b->at = grown;
		b->room = room;
	}
	if (data)
		memcpy(b->at + b->len, data, len);
	else
		memset(b->at + b->len, 0, len);
	b->len += len;
}

static void align(struct bytes *b, size_t to)
{
	if (b->len % to)
		bytes_add(b, NULL, to - b->len % to);
}

static void note(struct bytes *b, const char *name, uint32_t type, const void *desc, size_t len)
{
	Elf64_Nhdr n = { .n_namesz = (uint32_t)strlen(name) + 1,
			 .n_descsz = (uint32_t)len,
			 .n_type = type };

	bytes_add(b, &n, sizeof(n));
	bytes_add(b, name, n.n_namesz);
	align(b, 4);
	bytes_add(b, desc, len);
	align(b, 4);
}

static void xen_notes(const struct dump *d, const struct host_info *host, struct bytes *b)
{
	struct note_header h = { MAGIC_PV, d->info.vcpus_max, d->nr_pages, HOST_PAGE_SIZE };
	struct note_version v = { .major = host->version_major,
				  .minor = host->version_minor,
				  .page_size = HOST_PAGE_SIZE };
	uint64_t format = FORMAT_VERSION;

	memcpy(v.extra, host->version_extra, sizeof(v.extra) - 1);
	memcpy(v.compile.compiler, host->compiler, sizeof(v.compile.compiler) - 1);
	memcpy(v.compile.compile_by, host->compile_by, sizeof(v.compile.compile_by) - 1);
	memcpy(v.compile.compile_domain, host->compile_domain, sizeof(v.compile.compile_domain) - 1);
	memcpy(v.compile.compile_date, host->compile_date, sizeof(v.compile.compile_date) - 1);
	memcpy(v.capabilities, host->capabilities, sizeof(v.capabilities) - 1);
	memcpy(v.changeset, host->changeset, sizeof(v.changeset) - 1);
	v.platform.virt_start = host->virt_start;
	note(b, "Xen", XEN_ELFNOTE_DUMPCORE_NONE, NULL, 0);
	note(b, "Xen", XEN_ELFNOTE_DUMPCORE_HEADER, &h, sizeof(h));
	note(b, "Xen", XEN_ELFNOTE_DUMPCORE_XEN_VERSION, &v, sizeof(v));
	note(b, "Xen", XEN_ELFNOTE_DUMPCORE_FORMAT_VERSION, &format, sizeof(format));
}

int dump_elf_head(const struct dump *d, const struct host_info *host, const void *shared_info,
		  struct bytes *out, uint64_t *pages_at, struct why *why)
{
	Elf64_Ehdr e = { .e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
				      EV_CURRENT, ELFOSABI_SYSV },
			 .e_type = ET_CORE,
			 .e_machine = d->is_64 ? EM_X86_64 : EM_386,
			 .e_version = EV_CURRENT,
			 .e_shoff = sizeof(e),
			 .e_ehsize = sizeof(e),
			 .e_shentsize = sizeof(Elf64_Shdr),
			 .e_shnum = SECTIONS,
			 .e_shstrndx = NAMES };
	Elf64_Shdr s[SECTIONS] = { 0 };
	size_t name = 0;

	bytes_add(out, &e, sizeof(e));
	bytes_add(out, NULL, sizeof(s)); /* filled in below */
	s[NAMES].sh_offset = out->len;
	for (int i = 0; i < SECTIONS; i++) {
		bytes_add(out, names[i], strlen(names[i]) + 1);
		s[i].sh_name = (Elf64_Word)name;
		s[i].sh_type = i == NONE  ? SHT_NULL :
			       i == NAMES ? SHT_STRTAB :
			       i == NOTES ? SHT_NOTE :
					    SHT_PROGBITS;
		s[i].sh_addralign = i == PAGES ? HOST_PAGE_SIZE : i > NAMES ? 8u : (unsigned int)i;
		name += strlen(names[i]) + 1;
	}
	s[NAMES].sh_size = name;
	align(out, ALIGN);
	s[NOTES].sh_offset = out->len;
	xen_notes(d, host, out);
	s[NOTES].sh_size = out->len - s[NOTES].sh_offset;
	align(out, ALIGN);
	s[PRSTATUS].sh_offset = out->len;
	s[PRSTATUS].sh_size = d->context_size * d->info.vcpus_max;
	s[PRSTATUS].sh_entsize = d->context_size;
	bytes_add(out, d->contexts, s[PRSTATUS].sh_size);
	align(out, ALIGN);
	s[SHARED].sh_offset = out->len;
	s[SHARED].sh_size = shared_info ? HOST_PAGE_SIZE : 0;
	bytes_add(out, shared_info, s[SHARED].sh_size);
	align(out, ALIGN);
	s[P2M].sh_offset = out->len;
	s[P2M].sh_entsize = sizeof(struct dump_page);
	s[P2M].sh_size = d->nr_pages * sizeof(struct dump_page);
	bytes_add(out, d->pages, s[P2M].sh_size);
	align(out, HOST_PAGE_SIZE);
	s[PAGES].sh_offset = *pages_at = out->len;
	s[PAGES].sh_entsize = HOST_PAGE_SIZE;
	s[PAGES].sh_size = d->nr_pages << HOST_PAGE_SHIFT;
	if (out->failed)
		return why_set(why, TE_NO_MEMORY, "no memory for the dump's tables");
	memcpy(out->at + sizeof(e), s, sizeof(s));
	return 0;
}

/* Registers in the order of a 64-bit process. */
static void prstatus(const struct dump *d, unsigned int vcpu, struct elf_prstatus *p)
{
	const struct vcpu_guest_context *all = d->contexts, *c = &all[vcpu];
	const struct cpu_user_regs *u = &c->user_regs;
	const elf_greg_t regs[] = { u->r15,
				    u->r14,
				    u->r13,
				    u->r12,
				    u->rbp,
				    u->rbx,
				    u->r11,
				    u->r10,
				    u->r9,
				    u->r8,
				    u->rax,
				    u->rcx,
				    u->rdx,
				    u->rsi,
				    u->rdi,
				    ~0ull,
				    u->rip,
				    u->cs,
				    u->rflags,
				    u->rsp,
				    u->ss,
				    c->fs_base,
				    c->gs_base_kernel,
				    u->ds,
				    u->es,
				    u->fs,
				    u->gs };

	_Static_assert(sizeof(regs) == sizeof(p->pr_reg), "registers as gdb has them");
	memset(p, 0, sizeof(*p));
	p->pr_pid = (int)vcpu + 1;
	memcpy(p->pr_reg, regs, sizeof(regs));
}

int dump_elf_headers_for_gdb(const struct dump *d, const struct dump_stretch *list, size_t count,
			     struct bytes *phdrs, struct bytes *notes, uint64_t notes_at)
{
	Elf64_Phdr p = { .p_type = PT_NOTE, .p_offset = notes_at };
	struct elf_prstatus s;

	for (unsigned int v = 0; v < d->info.vcpus_max; v++) {
		prstatus(d, v, &s);
		note(notes, "CORE", NT_PRSTATUS, &s, sizeof(s));
	}
	p.p_filesz = notes->len;
	bytes_add(phdrs, &p, sizeof(p));
	for (size_t i = 0; i < count; i++) {
		p = (Elf64_Phdr){ .p_type = PT_LOAD,
				  .p_flags = PF_R | PF_W | PF_X,
				  .p_offset = d->pages_at + (list[i].page << HOST_PAGE_SHIFT),
				  .p_vaddr = list[i].va,
				  .p_paddr = d->pages[list[i].page].pfn << HOST_PAGE_SHIFT,
				  .p_filesz = list[i].count << HOST_PAGE_SHIFT,
				  .p_memsz = list[i].count << HOST_PAGE_SHIFT,
				  .p_align = HOST_PAGE_SIZE };
		bytes_add(phdrs, &p, sizeof(p));
	}
	return phdrs->failed || notes->failed ? -1 : 0;
}
