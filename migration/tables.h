/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Page tables between two machines: entries name machine frames where a domain runs, and the
 * guest's own numbers (pfns) in its image. Pure functions over one table.
 */
#ifndef TORC_MIGRATION_TABLES_H
#define TORC_MIGRATION_TABLES_H

#include <stdbool.h>
#include <stdint.h>

#define TABLE_ENTRIES 512u

/* From one numbering to the other; TABLE_NONE: this number is not the guest's. */
#define TABLE_NONE UINT64_MAX
typedef uint64_t table_map_fn(void *arg, uint64_t frame);

/*
 * For the image. Entries of the hypervisor's are left out. false: an entry maps a frame that is not
 * the guest's; *bad is which. While the guest runs (changing) its list may be behind, and nothing
 * is taken for the hypervisor's that could be its own.
 */
bool table_to_image(uint64_t *to, const uint64_t *from, unsigned int level, bool is_32bit,
		    bool changing, table_map_fn *pfn_of, void *arg, unsigned int *bad);
/* From the image, in place. false: an entry names a page that the image has not; *bad is which. */
bool table_from_image(uint64_t *table, table_map_fn *mfn_of, void *arg, unsigned int *bad);

#endif
