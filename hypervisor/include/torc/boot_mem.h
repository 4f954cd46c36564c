/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory before there is a heap: free ranges, from which boot takes what stays for good
 * (x86/boot_mem.c). */
#ifndef TORC_BOOT_MEM_H
#define TORC_BOOT_MEM_H

#include <torc/types.h>

void boot_mem_add(maddr_t start, maddr_t end);	       /* free RAM */
void boot_mem_reserve(maddr_t start, maddr_t end);     /* cut out of it what is in use */
maddr_t boot_mem_alloc(uint64_t size, uint64_t align); /* from the top, below 4 GiB until ...; not
							  zeroed; panics if there is none */
void boot_mem_lift_limit(void);			       /* ... the direct map holds all of it */
void boot_mem_each(void (*fn)(maddr_t start, maddr_t end)); /* what is left, page-aligned */

#endif
