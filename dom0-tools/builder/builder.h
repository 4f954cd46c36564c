/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest builder: from a kernel file and a size to a domain that can be unpaused.
 *
 * Two halves. build_prepare() reads the files and decides where everything goes; it needs no
 * hypervisor, and every mistake in a config or an image is found there, before a domain
 * exists. build_domain() then fills a domain that has been created.
 */
#ifndef TORC_BUILDER_BUILDER_H
#define TORC_BUILDER_BUILDER_H

#include "dom0-tools/builder/image.h"
#include "dom0-tools/host/host.h"

struct build_spec {
	const char *kernel;
	const char *ramdisk; /* or NULL */
	const char *cmdline;
	uint64_t nr_pages; /* what the guest starts with */
	uint32_t console_domid;
	uint32_t store_domid;
	/* told now and then how many bytes of how many were read and copied; or NULL */
	void (*progress)(void *arg, uint64_t done, uint64_t all);
	void *progress_arg;
};

/* Some pages of the guest, by pseudo-physical frame. */
struct range {
	uint64_t pfn;
	uint64_t count;
};

#define MAX_LEVELS 4

/* The tables that map one stretch of addresses, level by level in consecutive frames. */
struct table_set {
	uint64_t start, end;
	uint64_t pfn[MAX_LEVELS + 1];	/* first table of each level, 1 the lowest */
	uint64_t count[MAX_LEVELS + 1]; /* 0: the level belongs to another set */
};

/*
 * Where everything is. Frames from 0 on are mapped from v_start on in order, up to v_end; what
 * comes after that is not mapped, apart from the p2m list where the kernel asked for one.
 */
struct layout {
	uint64_t v_start, v_end;
	struct range kernel;
	struct range ramdisk;
	struct range p2m;
	uint64_t p2m_vaddr;
	uint64_t start_info, store, console, stack; /* frames */
	struct table_set boot;			    /* tables of the initial mapping */
	struct table_set list;			    /* tables of a p2m list elsewhere; or empty */
	struct range tables;			    /* of the initial mapping */
	struct range list_tables;
	uint64_t used; /* frames below this are spoken for */
};

struct build {
	struct build_spec spec;
	struct image image;
	uint8_t *ramdisk;
	size_t ramdisk_size;
	struct layout at;
	uint64_t *p2m;		 /* nr_pages machine frames, once the domain has them */
	bool zeroed;		 /* which held zeros then */
	uint64_t moved, to_move; /* bytes, for spec.progress */

	/* what the store and the console have to be told; valid after build_domain() */
	uint64_t store_frame, console_frame, shared_frame;
	uint32_t store_port, console_port;
};

int build_prepare(struct build *b, const struct build_spec *spec, struct why *why);
int build_domain(struct build *b, struct host *h, uint32_t domid, struct why *why);
void build_free(struct build *b);

/* --- inside the builder */

static inline void build_moved(struct build *b, uint64_t bytes)
{
	b->moved += bytes;
	if (b->spec.progress)
		b->spec.progress(b->spec.progress_arg,
				 b->moved < b->to_move ? b->moved : b->to_move, b->to_move);
}

/* layout.c */
int layout_decide(struct layout *at, const struct image *im, uint64_t nr_pages,
		  uint64_t ramdisk_size, struct why *why);
static inline uint64_t layout_vaddr(const struct layout *at, uint64_t pfn)
{
	return at->v_start + (pfn << HOST_PAGE_SHIFT);
}

/* What differs between the widths: pv64.c, pv32.c. */
struct pv_kind {
	unsigned int levels;
	unsigned int word;		/* bytes of a p2m entry */
	uint64_t leaf, leaf_readonly;	/* flags of entries that map pages */
	uint64_t table[MAX_LEVELS + 1]; /* flags of entries of that level that point to tables */
	/* A page of start_info. */
	void (*start_info)(const struct build *b, void *page);
	/* Masks the events of all vCPUs until the guest wants them. */
	void (*shared_info)(void *page);
	/* First state of vCPU 0. Returns its size; buf has two pages. */
	size_t (*context)(const struct build *b, void *buf);
};
extern const struct pv_kind pv_kind_64, pv_kind_32;
static inline const struct pv_kind *pv_kind_of(const struct image *im)
{
	return im->is_64 ? &pv_kind_64 : &pv_kind_32;
}

/*
 * tables.c: fill all page tables of the layout into pages[], a zeroed buffer of as many pages
 * as `tables` (first) and `list_tables` (behind them) have.
 */
void tables_fill(const struct build *b, uint64_t (*pages)[512]);

/* fill.c: bytes into the guest's frames; what lies between and behind them is zeroed. */
int fill_kernel(struct build *b, struct host *h, uint32_t domid, struct why *why);
int fill_bytes(struct build *b, struct host *h, uint32_t domid, struct range to, const void *data,
	       size_t size, struct why *why);

#endif
