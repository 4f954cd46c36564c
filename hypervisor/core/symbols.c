/* SPDX-License-Identifier: BSD-2-Clause */
/* Names of the image's functions, for backtraces. The table is made by the build (symbols.awk) and
 * sorted by address. */
#include <torc/symbols.h>
#include <torc/print.h>

struct symbol {
	uint32_t at, name;
};
extern const struct {
	uint32_t nr;
	struct symbol symbol[];
} symbol_table;
extern const char text_start[], text_end[];

const char *symbol_find(unsigned long addr, unsigned long *offset)
{
	unsigned long at = addr - (unsigned long)text_start;
	unsigned int lo = 0, hi = symbol_table.nr, mid;

	if (addr < (unsigned long)text_start || addr >= (unsigned long)text_end)
		return NULL;
	while (lo < hi) {
		mid = (lo + hi) / 2;
		if (symbol_table.symbol[mid].at <= at)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (!lo)
		return NULL;
	*offset = at - symbol_table.symbol[lo - 1].at;
	return (const char *)&symbol_table + symbol_table.symbol[lo - 1].name;
}

void symbols_init(void)
{
	print_symbol = symbol_find;
}
