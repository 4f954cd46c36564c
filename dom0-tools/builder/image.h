/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A PV kernel image: an ELF file, or one packed into a bzImage or a compressed file, and what
 * its Xen notes say about where it wants to live. Everything in it is hostile: nothing here is
 * filled in before it has been checked against the file's size and the address space.
 */
#ifndef TORC_BUILDER_IMAGE_H
#define TORC_BUILDER_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "dom0-tools/common/why.h"

#define IMAGE_MAX_SEGMENTS 32
#define IMAGE_MAX_BYTES	   (1ull << 30) /* unpacked; more than any kernel, less than a bomb */
#define IMAGE_MAX_NOTES	   (1ull << 20) /* bytes of all of them; a kernel's are some hundred */

/*
 * Where a 32-bit guest's addresses end: __HYPERVISOR_VIRT_START_PAE of arch-x86/xen-x86_32.h, a
 * header that cannot be included beside its 64-bit sibling.
 */
#define GUEST32_TOP	  0xf5800000ull
#define HYPERVISOR_END_64 0xffff880000000000ull /* __HYPERVISOR_VIRT_END of the 64-bit ABI */

struct image_segment {
	uint64_t vaddr; /* where it goes in the guest's initial mapping */
	uint64_t memsz;
	uint64_t filesz;
	uint64_t offset; /* of its filesz bytes in the ELF file */
};

struct image {
	const char *name; /* for messages */
	uint8_t *data;	  /* the ELF file, unpacked: malloced; NULL: it is fd's */
	size_t size;
	int fd; /* -1: in memory only */

	bool is_64;
	bool has_hypercall_page;
	bool has_init_p2m;
	bool has_hv_start_low;
	bool mod_start_pfn; /* takes a module outside its initial mapping */
	bool extended_cr3;  /* 32-bit: its top-level table may lie above 4 GiB */
	uint64_t virt_base;
	uint64_t paddr_offset;
	uint64_t entry;
	uint64_t hypercall_page;
	uint64_t init_p2m;
	uint64_t hv_start_low;
	char guest_os[32];
	char guest_version[32];
	char note[128]; /* something odd that was accepted, in words; or empty */

	unsigned int nr_segments;
	struct image_segment segments[IMAGE_MAX_SEGMENTS];
	uint64_t virt_start; /* lowest and highest address the segments cover */
	uint64_t virt_end;
};

/* Read and unpack a kernel file, and understand it. */
int image_open(struct image *im, const char *path, struct why *why);

/* The same for bytes in memory: takes over data (malloc'ed), also when it fails. */
int image_from_memory(struct image *im, const char *name, uint8_t *data, size_t size,
		      struct why *why);

/* Unpacked only, not understood: for looking at what may be no kernel. Takes over data likewise. */
int image_unpack(struct image *im, const char *name, uint8_t *data, size_t size, struct why *why);
void image_close(struct image *im);

/* Bytes of the ELF file to where they are wanted. -EIO if the file is shorter than it was. */
int image_read(const struct image *im, uint64_t offset, void *to, uint64_t size);

/* cache.c: descriptors of an unpacked ELF file, or -1 if there is none. */
int cache_find(const struct stat *packed);
int cache_keep(const struct stat *packed, const uint8_t *data, size_t size);

/* elf.c: checks an unpacked image and fills in everything below size. */
int image_parse_elf(struct image *im, struct why *why);

/*
 * unpack.c: *out is a malloc'ed copy of the unpacked bytes, or NULL if the data is not
 * compressed at all. Trailing bytes after the stream are ignored, as bzImages have some.
 */
int unpack(const char *name, const uint8_t *in, size_t in_size, uint8_t **out, size_t *out_size,
	   struct why *why);

/* bzimage.c: where a bzImage keeps its payload. *found is false if it is no bzImage. */
int bzimage_payload(const char *name, const uint8_t *in, size_t in_size, bool *found,
		    size_t *offset, size_t *length, struct why *why);

#endif
