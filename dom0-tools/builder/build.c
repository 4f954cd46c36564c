/* SPDX-License-Identifier: BSD-2-Clause */
/* Building a guest, in the order that the hypervisor's checks ask for. */
#include "dom0-tools/builder/builder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <xen/grant_table.h>

#define CMDLINE_MAX  1024 /* MAX_GUEST_CMDLINE, in both widths */
#define RUN_ORDER    9	  /* memory is asked for in runs of 2 MiB */
#define READ_AT_ONCE (16u << 20)

static int read_ramdisk(struct build *b, struct why *why)
{
	const char *path = b->spec.ramdisk;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe is not waited for */
	struct stat st;
	size_t got = 0;
	int rc = 0;

	if (fd < 0)
		return why_set(why, TE_FILE, "ramdisk %s: %s", path, strerror(errno));
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		rc = why_set(why, TE_FILE, "ramdisk %s: not a regular file", path);
	} else if ((uint64_t)st.st_size >= b->spec.nr_pages << HOST_PAGE_SHIFT) {
		rc = why_set(why, TE_CONFIG_VALUE,
			     "ramdisk %s: its %lld bytes are more than the guest's memory", path,
			     (long long)st.st_size);
	} else {
		b->ramdisk_size = (size_t)st.st_size;
		b->ramdisk = malloc(b->ramdisk_size ? b->ramdisk_size : 1);
		if (!b->ramdisk)
			rc = why_set(why, TE_NO_MEMORY, "ramdisk %s: no memory for %zu bytes", path,
				     b->ramdisk_size);
	}
	b->to_move += 2 * b->ramdisk_size;
	while (!rc && got < b->ramdisk_size) {
		size_t left = b->ramdisk_size - got;
		ssize_t n = read(fd, b->ramdisk + got, left < READ_AT_ONCE ? left : READ_AT_ONCE);

		if (n > 0) {
			got += (size_t)n;
			build_moved(b, (uint64_t)n);
		} else if (n == 0 || errno != EINTR)
			rc = why_set(why, TE_FILE, "ramdisk %s: %s after %zu of %zu bytes", path,
				     n ? strerror(errno) : "end of file", got, b->ramdisk_size);
	}
	close(fd);
	return rc;
}

int build_prepare(struct build *b, const struct build_spec *spec, struct why *why)
{
	int rc;

	memset(b, 0, sizeof(*b));
	b->spec = *spec;
	if (!b->spec.cmdline)
		b->spec.cmdline = "";
	if (strlen(b->spec.cmdline) >= CMDLINE_MAX)
		return why_set(why, TE_CONFIG_VALUE,
			       "cmdline: %zu characters; the ABI has room for %d",
			       strlen(b->spec.cmdline), CMDLINE_MAX - 1);
	rc = image_open(&b->image, spec->kernel, why);
	b->to_move = b->image.virt_end - b->image.virt_start;
	if (!rc && spec->ramdisk)
		rc = read_ramdisk(b, why);
	if (!rc)
		rc = layout_decide(&b->at, &b->image, spec->nr_pages, b->ramdisk_size, why);
	if (rc)
		build_free(b);
	return rc;
}

void build_free(struct build *b)
{
	image_close(&b->image);
	free(b->ramdisk);
	free(b->p2m);
	b->ramdisk = NULL;
	b->p2m = NULL;
}

/* Memory in runs as long as there are some, then page by page. */
static int get_memory(struct build *b, struct host *h, uint32_t domid, struct why *why)
{
	uint64_t nr = b->spec.nr_pages, run = 1ull << RUN_ORDER, runs = nr / run;
	uint64_t *heads, next = 0;
	size_t done = 0;
	int rc = 0;

	b->p2m = malloc(nr * sizeof(*b->p2m));
	heads = malloc((runs ? runs : 1) * sizeof(*heads));
	if (!b->p2m || !heads) {
		free(heads);
		return why_set(why, TE_NO_MEMORY, "no memory for a list of %llu frames",
			       (unsigned long long)nr);
	}
	for (uint64_t i = 0; i < runs; i++)
		heads[i] = i * run;
	if (runs) /* a failure here only means that the rest goes page by page */
		host_populate(h, domid, RUN_ORDER, heads, runs, &done, why);
	for (uint64_t i = 0; i < done; i++)
		for (uint64_t j = 0; j < run; j++)
			b->p2m[next++] = heads[i] + j;
	free(heads);
	for (uint64_t i = next; i < nr; i++)
		b->p2m[i] = i;
	if (next < nr)
		rc = host_populate(h, domid, 0, b->p2m + next, nr - next, &done, why);
	return rc;
}

static int fill_list(struct build *b, struct host *h, uint32_t domid, struct why *why)
{
	uint64_t nr = b->spec.nr_pages;
	uint32_t *narrow;
	int rc;

	if (b->image.is_64)
		return fill_bytes(b, h, domid, b->at.p2m, b->p2m, nr * sizeof(*b->p2m), why);
	narrow = malloc(nr * sizeof(*narrow));
	if (!narrow)
		return why_set(why, TE_NO_MEMORY, "no memory for a list of frames");
	for (uint64_t i = 0; i < nr; i++)
		narrow[i] = (uint32_t)b->p2m[i];
	rc = fill_bytes(b, h, domid, b->at.p2m, narrow, nr * sizeof(*narrow), why);
	free(narrow);
	return rc;
}

static int fill_tables(struct build *b, struct host *h, uint32_t domid, struct why *why)
{
	const struct layout *at = &b->at;
	uint64_t count = at->tables.count + at->list_tables.count;
	uint64_t(*pages)[512] = calloc(count, sizeof(*pages));
	int rc;

	if (!pages)
		return why_set(why, TE_NO_MEMORY, "no memory for %llu page tables",
			       (unsigned long long)count);
	tables_fill(b, pages);
	rc = fill_bytes(b, h, domid, at->tables, pages, at->tables.count * sizeof(*pages), why);
	if (!rc && at->list_tables.count)
		rc = fill_bytes(b, h, domid, at->list_tables, pages + at->tables.count,
				at->list_tables.count * sizeof(*pages), why);
	free(pages);
	return rc;
}

/* The pages that both sides talk through: rings empty, events masked, ports there. */
static int fill_shared(struct build *b, struct host *h, uint32_t domid, struct why *why)
{
	const struct pv_kind *kind = pv_kind_of(&b->image);
	struct domain_info info;
	struct range one = { 0, 1 };
	char page[HOST_PAGE_SIZE] = { 0 };
	void *at;
	int rc;

	rc = host_domain_info(h, domid, &info, why);
	if (rc)
		return rc;
	b->shared_frame = info.shared_info_frame;
	b->store_frame = b->p2m[b->at.store];
	b->console_frame = b->p2m[b->at.console];
	rc = host_event_alloc(h, domid, b->spec.store_domid, &b->store_port, why);
	if (!rc)
		rc = host_event_alloc(h, domid, b->spec.console_domid, &b->console_port, why);
	if (rc)
		return rc;

	at = host_map(h, domid, true, &b->shared_frame, 1, why);
	if (!at)
		return -EIO;
	kind->shared_info(at);
	host_unmap(h, at, 1);

	kind->start_info(b, page);
	one.pfn = b->at.start_info;
	rc = fill_bytes(b, h, domid, one, page, sizeof(page), why);
	one.pfn = b->at.store;
	if (!rc)
		rc = fill_bytes(b, h, domid, one, NULL, 0, why);
	one.pfn = b->at.console;
	if (!rc)
		rc = fill_bytes(b, h, domid, one, NULL, 0, why);
	return rc;
}

static int seed_grants(struct build *b, struct host *h, uint32_t domid, struct why *why)
{
	const uint32_t refs[] = { GNTTAB_RESERVED_CONSOLE, GNTTAB_RESERVED_XENSTORE };
	const uint32_t to[] = { b->spec.console_domid, b->spec.store_domid };
	const uint64_t mfns[] = { b->console_frame, b->store_frame };

	return host_grant_seed(h, domid, refs, to, mfns, 2, why);
}

int build_domain(struct build *b, struct host *h, uint32_t domid, struct why *why)
{
	const struct pv_kind *kind = pv_kind_of(&b->image);
	uint64_t context[2 * HOST_PAGE_SIZE / sizeof(uint64_t)];
	size_t size;
	int rc;

	b->zeroed = host_gives_zeros(h);
	rc = get_memory(b, h, domid, why);
	if (!rc)
		rc = fill_kernel(b, h, domid, why);
	if (!rc && b->ramdisk_size)
		rc = fill_bytes(b, h, domid, b->at.ramdisk, b->ramdisk, b->ramdisk_size, why);
	if (!rc)
		rc = fill_list(b, h, domid, why);
	if (!rc)
		rc = fill_shared(b, h, domid, why);
	if (!rc)
		rc = seed_grants(b, h, domid, why);
	if (!rc)
		rc = fill_tables(b, h, domid, why);
	if (!rc && b->image.has_hypercall_page) {
		uint64_t pfn = (b->image.hypercall_page - b->at.v_start) >> HOST_PAGE_SHIFT;

		rc = host_domain_hypercall_page(h, domid, b->p2m[pfn], why);
	}
	/*
	 * Nothing of the tables is mapped here any more: from the pinning on they are tables,
	 * and nobody may have them writable. The guest unpins the root when it has its own.
	 */
	if (!rc)
		rc = host_pin_root(h, domid, kind->levels, b->p2m[b->at.tables.pfn], why);
	if (!rc) {
		size = kind->context(b, context);
		rc = host_vcpu_set_context(h, domid, 0, context, size, why);
	}
	return rc;
}
