/* SPDX-License-Identifier: BSD-2-Clause */
/* Any bytes as an ELF file whose notes and text are looked at: finished, bounded, names printable. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dom0-tools/builder/scan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void printable(const char *s)
{
	for (; *s; s++)
		if (*s < ' ' || *s == 0x7f)
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);
	struct image im = { .name = "k", .data = copy, .size = size, .fd = -1 };
	static struct scan_notes notes;
	static struct scan_code code;
	struct why why = { 0 };

	memcpy(copy, data, size);
	scan_notes(&notes, &im);
	for (size_t i = 0; i < NOTE_ROWS; i++)
		printable(notes.rows[i].value);
	if (scan_code(&code, &im, &why) == 0) {
		if (code.bytes > size || code.unknown > code.bytes || code.nr_rows > SCAN_ROWS)
			abort();
		for (unsigned int i = 0; i < code.nr_rows; i++)
			for (uint64_t k = 0; k < SCAN_PLACES && k < code.rows[i].count; k++)
				printable(code.rows[i].first[k].symbol);
	} else if (!why.text[0]) {
		abort();
	}
	free(copy);
	return 0;
}
