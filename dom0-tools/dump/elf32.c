/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A 32-bit guest's dump for gdb, which reads 32-bit cores with 32-bit headers only: registers and
 * memory as of an i386 process. The other sections are not named here, since crash has no use for
 * them.
 */
#include "dom0-tools/dump/dump.h"

#include <elf.h>
#include <string.h>

#include <xen/xen.h>
#include <xen/foreign/x86_32.h>

/* Linux's elf_prstatus on i386. */
struct prstatus_32 {
	int32_t signal[3];
	int16_t cursig, pad;
	uint32_t pending, held;
	int32_t pid, ppid, pgrp, sid;
	int32_t times[8];
	uint32_t ebx, ecx, edx, esi, edi, ebp, eax, ds, es, fs, gs, orig_eax, eip, cs, eflags, esp,
		ss;
	int32_t fpvalid;
};
_Static_assert(sizeof(struct prstatus_32) == 144, "as gdb has it");

static void note(struct bytes *b, const void *desc, size_t len)
{
	const Elf32_Nhdr n = { .n_namesz = 5, .n_descsz = (uint32_t)len, .n_type = NT_PRSTATUS };

	bytes_add(b, &n, sizeof(n));
	bytes_add(b, "CORE\0\0\0", 8);
	bytes_add(b, desc, len);
}

void dump_elf32_notes(const struct dump *d, struct bytes *notes)
{
	const struct vcpu_guest_context_x86_32 *all = d->contexts;

	for (unsigned int v = 0; v < d->info.vcpus_max; v++) {
		const struct cpu_user_regs_x86_32 *u = &all[v].user_regs;
		const struct prstatus_32 s = {
			.pid = (int)v + 1,
			.ebx = u->ebx,
			.ecx = u->ecx,
			.edx = u->edx,
			.esi = u->esi,
			.edi = u->edi,
			.ebp = u->ebp,
			.eax = u->eax,
			.ds = u->ds,
			.es = u->es,
			.fs = u->fs,
			.gs = u->gs,
			.orig_eax = ~0u,
			.eip = u->eip,
			.cs = u->cs,
			.esp = u->esp,
			.eflags = u->eflags,
			.ss = u->ss,
		};

		note(notes, &s, sizeof(s));
	}
}

int dump_elf32_headers(const struct dump *d, const struct dump_stretch *list, size_t count,
		       size_t notes_size, uint64_t notes_at, struct bytes *phdrs, struct why *why)
{
	uint64_t end = notes_at + notes_size + (count + 2) * sizeof(Elf32_Phdr);
	Elf32_Phdr p = { .p_type = PT_NOTE,
			 .p_offset = (uint32_t)notes_at,
			 .p_filesz = (uint32_t)notes_size };

	if (end > UINT32_MAX)
		return why_hint(why,
				why_set(why, TE_UNSUPPORTED,
					"a 32-bit dump of %llu MiB: such a file ends at 4 GiB",
					(unsigned long long)end >> 20),
				"without --gdb the dump has no such end");
	bytes_add(phdrs, &p, sizeof(p));
	for (size_t i = 0; i < count; i++) {
		p = (Elf32_Phdr){
			.p_type = PT_LOAD,
			.p_flags = PF_R | PF_W | PF_X,
			.p_offset = (uint32_t)(d->pages_at + (list[i].page << HOST_PAGE_SHIFT)),
			.p_vaddr = (uint32_t)list[i].va,
			.p_paddr = (uint32_t)(d->pages[list[i].page].pfn << HOST_PAGE_SHIFT),
			.p_filesz = (uint32_t)(list[i].count << HOST_PAGE_SHIFT),
			.p_memsz = (uint32_t)(list[i].count << HOST_PAGE_SHIFT),
			.p_align = HOST_PAGE_SIZE
		};
		bytes_add(phdrs, &p, sizeof(p));
	}
	return phdrs->failed ? why_set(why, TE_NO_MEMORY, "no memory for program headers") : 0;
}

void dump_elf32_head(uint64_t phoff, size_t phdrs_size, void *head)
{
	const Elf32_Ehdr e = { .e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS32,
					    ELFDATA2LSB, EV_CURRENT, ELFOSABI_SYSV },
			       .e_type = ET_CORE,
			       .e_machine = EM_386,
			       .e_version = EV_CURRENT,
			       .e_phoff = (uint32_t)phoff,
			       .e_ehsize = sizeof(e),
			       .e_phentsize = sizeof(Elf32_Phdr),
			       .e_phnum = (uint16_t)(phdrs_size / sizeof(Elf32_Phdr)) };

	memset(head, 0, sizeof(Elf64_Ehdr));
	memcpy(head, &e, sizeof(e));
}
