/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The one hypercall that is Torc's own: what the ABI has no words for. For the control domain's
 * tools, which find it by number in the range the ABI leaves to architectures; another hypervisor
 * answers -ENOSYS, and the tools then say that it cannot be had there. Argument: the address of a
 * struct torc_op. Result: 0 or a negative error number of the ABI. See docs/decisions.
 */
#ifndef TORC_OP_H
#define TORC_OP_H

#include <stdint.h>

#define TORC_OP_NUMBER	55 /* __HYPERVISOR_arch_7 */
#define TORC_OP_VERSION 1  /* -EACCES: another is wanted */

/* Why a domain's calls were refused, and its last words: oldest refusals first, last words at the
 * end. */
#define TORC_OP_WHY 1
struct torc_why_entry {
	uint64_t when_ns; /* system time */
	int32_t err;	  /* what the guest got; 0: these are last words */
	uint16_t vcpu;
	uint16_t hypercall; /* 0xffff: none, or within a multicall */
	char text[104];	    /* ends with a zero */
};
struct torc_op_why {
	uint32_t domid;	  /* IN */
	uint32_t nr;	  /* IN: room in entries; OUT: how many were written */
	uint64_t entries; /* IN: address */
};

/* What of a domain the ABI's own structure does not say. */
#define TORC_OP_DOMAIN 2
struct torc_op_domain {
	uint32_t domid;	     /* IN */
	uint32_t width;	     /* OUT: 32 or 64 */
	uint64_t created_ns; /* system time */
	uint64_t held_pages; /* frames that others still hold by grants and mappings: what keeps a
				zombie */
	uint64_t own_pages;  /* hypervisor frames that are its: shared_info, grant tables */
	uint64_t now_ns;
};

/* What of the host the ABI's own structures do not say. */
#define TORC_OP_HOST 3
struct torc_op_host {
	uint64_t image_bytes;			    /* OUT: the hypervisor's image, bss included */
	uint64_t ram_pages, heap_pages, free_pages; /* of the machine; of them the allocator's; of
						       them free. ram - heap: kept */
	uint32_t domains, domains_32bit; /* with the second at 0, nothing is paid for ring 1 */
	uint64_t now_ns;
};

/* What stopped a vcpu for a debugger was the guest's own: it gets the exception when the vcpu goes
 * on. */
#define TORC_OP_DEBUG_PASS 4
struct torc_op_debug {
	uint32_t domid; /* IN: being debugged */
	uint32_t vcpu;
	uint32_t vector; /* 1 or 3 */
};

/* What can be relied on here and not everywhere: u.features, OUT. */
#define TORC_OP_FEATURES    5
#define TORC_FEATURE_ZEROED 1ull /* memory that a domain is given holds zeros */

struct torc_op {
	uint32_t cmd, version;
	union {
		uint64_t features;
		struct torc_op_why why;
		struct torc_op_domain domain;
		struct torc_op_host host;
		struct torc_op_debug debug;
		uint8_t pad[120];
	} u;
};

#endif
