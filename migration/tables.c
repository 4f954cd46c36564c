/* SPDX-License-Identifier: BSD-2-Clause */
/* See tables.h. */
#include "migration/tables.h"

#define PRESENT	     1ull
#define LARGE	     0x80ull /* no entry of a guest's at level 2 has it */
#define ADDRESS	     0x000ffffffffff000ull
#define L4_HYP_FIRST 256u /* of a 64-bit root: the ABI's HYPERVISOR_VIRT_START and END */
#define L4_HYP_LAST  271u
#define L2_HYP_FIRST 0x1acu /* of the last level 2 table of a 32-bit guest: from 0xf5800000 on */

static bool is_hypervisors(unsigned int level, bool is_32bit, unsigned int i)
{
	return level == 4 && !is_32bit && i >= L4_HYP_FIRST && i <= L4_HYP_LAST;
}

bool table_to_image(uint64_t *to, const uint64_t *from, unsigned int level, bool is_32bit,
		    bool changing, table_map_fn *pfn_of, void *arg, unsigned int *bad)
{
	bool good = true;

	for (unsigned int i = 0; i < TABLE_ENTRIES; i++) {
		/* a guest that runs may change it */
		uint64_t e = ((const volatile uint64_t *)from)[i], pfn;

		if (!(e & PRESENT)) {
			to[i] = e;
			continue;
		}
		pfn = is_hypervisors(level, is_32bit, i) ? TABLE_NONE :
							   pfn_of(arg, (e & ADDRESS) >> 12);
		if (pfn != TABLE_NONE) {
			to[i] = (e & ~ADDRESS) | pfn << 12;
			continue;
		}
		to[i] = 0;
		/* the same slots of other level 2 tables of a 32-bit guest are its own, and lead to
		 * its own frames */
		if (is_hypervisors(level, is_32bit, i) ||
		    (is_32bit && level == 2 && i >= L2_HYP_FIRST && (e & LARGE || !changing)))
			continue;
		if (good)
			*bad = i;
		good = false;
	}
	return good;
}

bool table_from_image(uint64_t *table, table_map_fn *mfn_of, void *arg, unsigned int *bad)
{
	for (unsigned int i = 0; i < TABLE_ENTRIES; i++) {
		uint64_t mfn;

		if (!(table[i] & PRESENT))
			continue;
		mfn = mfn_of(arg, (table[i] & ADDRESS) >> 12);
		if (mfn == TABLE_NONE) {
			*bad = i;
			return false;
		}
		table[i] = (table[i] & ~ADDRESS) | mfn << 12;
	}
	return true;
}
