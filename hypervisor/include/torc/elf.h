/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A paravirtual kernel as it lies in memory: ELF, 32 or 64 bits, with the Xen notes that say where
 * it wants to be. The image is not to be trusted: all that is said here was checked to lie within
 * the file and not to wrap. Used by the dom0 builder, the guest builder and tests; needs nothing
 * but torc/lib.h's string functions, keeps no state, allocates nothing.
 */
#ifndef TORC_ELF_H
#define TORC_ELF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pv_kernel {
	const uint8_t *data;
	size_t size;
	bool is_64bit;

	/* from the notes, with the ABI's defaults where absent */
	uint64_t entry; /* virtual */
	uint64_t virt_base, paddr_offset;
	bool has_hypercall_page, has_init_p2m, has_hv_start_low;
	uint64_t hypercall_page, init_p2m, hv_start_low;
	bool mod_start_pfn; /* takes its module unmapped, by frame number */
	bool suspend_cancel;
	bool wants_symbols;		      /* BSD_SYMTAB=yes */
	bool pae;			      /* 32-bit: "yes" or "bimodal" */
	uint64_t features, features_required; /* bit a XENFEAT_* */
	uint64_t l1_valid_mask, l1_valid_value;
	char guest_os[24], guest_version[24], xen_version[24], loader[24];

	uint64_t start, end; /* virtual addresses of all that is loaded, bss included */

	/* inner */
	uint64_t phoff;
	unsigned int phnum, phentsize;
};

struct pv_segment {
	uint64_t vaddr; /* where it goes: p_paddr, moved as the notes say */
	const uint8_t *data;
	uint64_t file_size, mem_size; /* the rest is zeroed */
};

/* 0, or a negative XEN_Exxx: -XEN_ENOEXEC no ELF at all, -XEN_EINVAL broken or lying,
 * -XEN_EOPNOTSUPP not for this machine or no paravirtual kernel. why then says it in one sentence.
 */
int pv_kernel_parse(struct pv_kernel *k, const void *data, size_t size, char *why, size_t why_size);

/* Loadable segment n (counted from 0); false: there are no more. */
bool pv_kernel_segment(const struct pv_kernel *k, unsigned int n, struct pv_segment *out);

#endif
