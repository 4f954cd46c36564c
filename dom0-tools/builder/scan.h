/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a person who ports a kernel wants to know of its image: its Xen notes one by one, and
 * the instructions in its text that do not do in ring 1 or 3 what they do in ring 0. The image
 * need not be one that the builder takes. Everything in it is hostile.
 */
#ifndef TORC_BUILDER_SCAN_H
#define TORC_BUILDER_SCAN_H

#include "dom0-tools/builder/image.h"

/* --- notes (scan_notes.c) */
enum note_state {
	NOTE_PRESENT,
	NOTE_MISSING,
	NOTE_WRONG,
	NOTE_ABSENT
}; /* absent: nobody needs it */

struct note_row {
	const char *name;
	const char *purpose; /* what a port puts there */
	enum note_state state;
	char value[96]; /* as found; or what is wrong with it */
};

#define NOTE_ROWS 18
struct scan_notes {
	bool is_64, is_elf;
	bool pv, pvh; /* it has an entry point of this kind */
	unsigned int missing, wrong;
	struct note_row rows[NOTE_ROWS];
};

void scan_notes(struct scan_notes *n, const struct image *im);

/* --- code (scan.c) */
enum sensitive {
	SENSITIVE_SILENT, /* does not trap, and gives or does something else */
	SENSITIVE_TRAPS,  /* traps: emulated, or #GP in the guest */
	SENSITIVE_GATE,	  /* int n: a hypercall or a system call, if meant as one */
};

#define SCAN_PLACES 4
struct scan_place {
	uint64_t address;
	uint64_t offset; /* from the symbol */
	char symbol[48]; /* or empty */
};

struct scan_row {
	const char *mnemonic;
	const char *instead;
	enum sensitive kind;
	uint64_t count;
	struct scan_place first[SCAN_PLACES];
};

#define SCAN_ROWS 64
struct scan_code {
	uint64_t bytes;		/* of text that were looked at */
	uint64_t unknown;	/* of them, in no instruction */
	uint64_t silent;	/* instructions */
	bool symbols, sections; /* the file has them */
	bool cut;		/* it claims more text than it has bytes */
	unsigned int nr_rows;
	struct scan_row rows[SCAN_ROWS];
};

int scan_code(struct scan_code *s, const struct image *im, struct why *why);

/* --- between them: sections and symbols, in one form for both widths (scan_elf.c) */
struct scan_range {
	uint64_t address, offset, size;
};
struct scan_symbol {
	uint64_t address;
	uint32_t name; /* in the string table */
	bool function;
};
struct scan_elf {
	struct scan_range *text; /* executable and in the file */
	size_t nr_text;
	struct scan_symbol *symbols; /* by address */
	size_t nr_symbols;
	struct scan_range strings;
	bool sections;
};

bool scan_elf_header(const struct image *im, bool *is_64);
int scan_elf_open(struct scan_elf *e, const struct image *im, struct why *why);
void scan_elf_close(struct scan_elf *e);
/* Note segments: calls back with each whole note named Xen. */
typedef void scan_note_fn(void *arg, uint32_t type, const uint8_t *desc, uint32_t len);
void scan_elf_notes(const struct image *im, scan_note_fn *fn, void *arg);
/* The last symbol at or below an address, or NULL. */
const struct scan_symbol *scan_elf_symbol(const struct scan_elf *e, uint64_t address);
void scan_elf_name(const struct scan_elf *e, const struct image *im, const struct scan_symbol *s,
		   char *to, size_t room);

#endif
