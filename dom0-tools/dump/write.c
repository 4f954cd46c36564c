/* SPDX-License-Identifier: BSD-2-Clause */
/* A dump from beginning to end. Pages of zeros become holes of the file. */
#include "dom0-tools/dump/dump.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <xen/xen.h>
#include <xen/foreign/x86_32.h>

#define BATCH 256u /* pages mapped at once */

static int put(struct dump *d, const void *data, size_t len, uint64_t at, struct why *why)
{
	while (len) {
		ssize_t n = pwrite(d->fd, data, len, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return why_set(why, TE_FILE, "cannot write the dump: %s",
				       strerror(n ? errno : ENOSPC));
		data = (const uint8_t *)data + n;
		len -= (size_t)n;
		at += (uint64_t)n;
	}
	return 0;
}

static bool is_zero(const uint8_t *page)
{
	return page[0] == 0 && memcmp(page, page + 1, HOST_PAGE_SIZE - 1) == 0;
}

static int write_batch(struct dump *d, size_t first, size_t n, struct why *why)
{
	uint64_t mfns[BATCH];
	uint8_t *pages;
	int rc = 0;

	for (size_t i = 0; i < n; i++)
		mfns[i] = d->pages[first + i].mfn;
	pages = host_map(d->h, d->domid, false, mfns, n, why);
	if (!pages)
		return -EIO;
	for (size_t i = 0, run; !rc && i < n; i += run) {
		const uint8_t *at = pages + i * HOST_PAGE_SIZE;
		bool zero = is_zero(at);

		for (run = 1; i + run < n && is_zero(at + run * HOST_PAGE_SIZE) == zero; run++)
			;
		if (!zero)
			rc = put(d, at, run * HOST_PAGE_SIZE,
				 d->pages_at + ((first + i) << HOST_PAGE_SHIFT), why);
	}
	host_unmap(d->h, pages, n);
	return rc;
}

static int read_contexts(struct dump *d, struct why *why)
{
	struct vcpu_info_row row;
	int rc;

	rc = host_domain_is_32bit(d->h, d->domid, &d->is_64, why);
	d->is_64 = !d->is_64;
	d->context_size = d->is_64 ? sizeof(struct vcpu_guest_context) :
				     sizeof(struct vcpu_guest_context_x86_32);
	d->contexts = calloc(d->info.vcpus_max ? d->info.vcpus_max : 1, d->context_size);
	if (!rc && !d->contexts)
		return why_set(why, TE_NO_MEMORY, "no memory for the processors' states");
	for (uint32_t v = 0; !rc && v < d->info.vcpus_max; v++) {
		struct why never = { 0 };

		/* one that was never started has no state: its place stays zero */
		rc = host_vcpu_get_context(d->h, d->domid, v,
					   (uint8_t *)d->contexts + v * d->context_size,
					   d->context_size, v ? &never : why);
		if (rc && v && host_vcpu_info(d->h, d->domid, v, &row, &never) == 0 && !row.online)
			rc = 0;
		else if (rc && v)
			*why = never;
	}
	return rc;
}

static int write_gdb(struct dump *d, uint64_t end, struct why *why)
{
	struct bytes phdrs = { 0 }, notes = { 0 };
	struct dump_stretch *list = NULL;
	uint64_t phoff;
	Elf64_Ehdr e;
	size_t count = 0;
	int rc;

	rc = dump_walk(d, &list, &count, why);
	if (!rc && d->is_64 && dump_elf_headers_for_gdb(d, list, count, &phdrs, &notes, end))
		rc = why_set(why, TE_NO_MEMORY, "no memory for program headers");
	if (!rc && !d->is_64) {
		dump_elf32_notes(d, &notes);
		rc = dump_elf32_headers(d, list, count, notes.len, end, &phdrs, why);
	}
	phoff = (end + notes.len + 63) & ~63ull;
	if (!rc && (pread(d->fd, &e, sizeof(e), 0) != sizeof(e) || notes.failed))
		rc = why_set(why, TE_FILE, "cannot read the dump back: %s", strerror(errno));
	if (!rc)
		rc = put(d, notes.at, notes.len, end, why);
	if (!rc)
		rc = put(d, phdrs.at, phdrs.len, phoff, why);
	e.e_phoff = phoff;
	e.e_phentsize = sizeof(Elf64_Phdr);
	e.e_phnum = (uint16_t)(phdrs.len / sizeof(Elf64_Phdr));
	if (!d->is_64)
		dump_elf32_head(phoff, phdrs.len, &e);
	if (!rc)
		rc = put(d, &e, sizeof(e), 0, why);
	free(list);
	free(phdrs.at);
	free(notes.at);
	return rc;
}

int dump_write(struct host *h, uint32_t domid, int fd, bool with_headers,
	       dump_progress_fn *progress, void *arg, struct why *why)
{
	struct dump d = { .h = h, .domid = domid, .fd = fd };
	struct host_info host;
	struct bytes head = { 0 };
	uint8_t *shared = NULL;
	uint64_t end;
	int rc;

	rc = host_domain_info(h, domid, &d.info, why);
	if (!rc && d.info.dying)
		rc = why_set(why, TE_STATE,
			     "domain %u is being destroyed: there is nothing to dump", domid);
	if (!rc)
		rc = host_info(h, &host, why);
	if (!rc)
		rc = read_contexts(&d, why);
	if (!rc)
		rc = dump_find_pages(&d, why);
	if (!rc) {
		shared = host_map(h, domid, false, &d.info.shared_info_frame, 1, why);
		rc = shared ? dump_elf_head(&d, &host, shared, &head, &d.pages_at, why) : -EIO;
	}
	if (!rc)
		rc = put(&d, head.at, head.len, 0, why);
	for (size_t i = 0; !rc && i < d.nr_pages; i += BATCH) {
		rc = write_batch(&d, i, d.nr_pages - i < BATCH ? d.nr_pages - i : BATCH, why);
		if (!rc && progress && progress(arg, i, d.nr_pages))
			rc = why_set(why, TE_STATE, "given up by the user");
	}
	end = d.pages_at + (d.nr_pages << HOST_PAGE_SHIFT);
	if (!rc && ftruncate(fd, (off_t)end) < 0 &&
	    errno != EINVAL) /* a device has the size it has */
		rc = why_set(why, TE_FILE, "cannot write the dump: %s", strerror(errno));
	if (!rc && with_headers)
		rc = write_gdb(&d, end, why);
	if (!rc && fsync(fd) < 0 && errno != EINVAL && errno != EROFS)
		rc = why_set(why, TE_FILE, "cannot write the dump: %s", strerror(errno));
	if (shared)
		host_unmap(h, shared, 1);
	free(head.at);
	free(d.contexts);
	free(d.by_mfn);
	free(d.pages);
	return rc;
}
