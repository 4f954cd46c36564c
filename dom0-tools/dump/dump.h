/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A guest's memory and registers as a file: the ELF core format for Xen's PV domains (its sections
 * are .note.Xen, .xen_prstatus, .xen_shared_info, .xen_p2m, .xen_pages), which crash reads. With
 * program headers added, gdb reads the same file.
 */
#ifndef TORC_DUMP_DUMP_H
#define TORC_DUMP_DUMP_H

#include "dom0-tools/host/host.h"

/* A page of the dump; they are in order of pfn. */
struct dump_page {
	uint64_t pfn, mfn;
};
#define DUMP_NO_PAGE UINT64_MAX

struct dump {
	struct host *h;
	uint32_t domid;
	bool is_64;
	struct domain_info info;
	struct dump_page *pages;
	size_t nr_pages;
	size_t left_out;  /* frames that two claims were made for, or that have no number */
	uint32_t *by_mfn; /* indices into pages[], in order of mfn */
	void *contexts;	  /* one after the other, of the guest's width */
	size_t context_size;
	int fd;
	uint64_t pages_at; /* where in the file the pages begin */
};

/* Not 0: no more of it is wanted. */
typedef int dump_progress_fn(void *arg, uint64_t done, uint64_t all);

/* Write the dump of a domain that does not run. with_headers: for gdb, not for crash. */
int dump_write(struct host *h, uint32_t domid, int fd, bool with_headers,
	       dump_progress_fn *progress, void *arg, struct why *why);

/* --- inside */

/* frames.c */
int dump_find_pages(struct dump *d, struct why *why);
/* Its place in the dump, or DUMP_NO_PAGE. */
uint64_t dump_page_of_mfn(const struct dump *d, uint64_t mfn);

/* walk.c: what the page tables of vCPU 0 map, as stretches of pages that follow one another in the
 * dump */
struct dump_stretch {
	uint64_t va, page, count;
};
int dump_walk(struct dump *d, struct dump_stretch **list, size_t *count, struct why *why);

/* elf.c: notes and tables of the file, as bytes */
struct bytes {
	uint8_t *at;
	size_t len, room;
	bool failed; /* no memory */
};
void bytes_add(struct bytes *b, const void *data, size_t len);
/* offset: of the section's contents in the file. Returns the size of everything in front of the
 * pages. */
int dump_elf_head(const struct dump *d, const struct host_info *host, const void *shared_info,
		  struct bytes *out, uint64_t *pages_at, struct why *why);
int dump_elf_headers_for_gdb(const struct dump *d, const struct dump_stretch *list, size_t count,
			     struct bytes *phdrs, struct bytes *notes, uint64_t notes_at);

/* elf32.c: the same of a 32-bit guest; the head takes the place of an Elf64_Ehdr */
void dump_elf32_notes(const struct dump *d, struct bytes *notes);
int dump_elf32_headers(const struct dump *d, const struct dump_stretch *list, size_t count,
		       size_t notes_size, uint64_t notes_at, struct bytes *phdrs, struct why *why);
void dump_elf32_head(uint64_t phoff, size_t phdrs_size, void *head);

#endif
