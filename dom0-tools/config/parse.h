/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The syntax of guest files, as xl reads it:
 *
 *    file   = { [ entry ] ( newline | ";" ) }
 *    entry  = name ( "=" | "+=" ) value
 *    value  = string | number | "[" [ value { "," value } [ "," ] ] "]"
 *    string = "..." | '...'    with \n \t \\ \" \' \xHH \ooo inside
 *
 * Comments run from "#" to the end of the line; lists may span lines. No key is known here.
 */
#ifndef TORC_CONFIG_PARSE_H
#define TORC_CONFIG_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dom0-tools/common/why.h"

enum cfg_kind { CFG_STRING, CFG_NUMBER, CFG_LIST };

struct cfg_value {
	enum cfg_kind kind;
	unsigned int line, column;
	char *text; /* of strings, and of numbers as written */
	uint64_t number;
	struct cfg_value *items; /* of lists */
	size_t count;
};

struct cfg_entry {
	struct cfg_entry *next;
	char *key;
	unsigned int line, column;
	bool append; /* += */
	struct cfg_value value;
};

struct cfg_file {
	const char *name;	   /* for messages; not owned */
	struct cfg_entry *entries; /* in order */
};

/* bare: a word without quotes is a string (for overrides on a command line). */
int cfg_parse(struct cfg_file *f, const char *name, const char *text, size_t len, bool bare,
	      struct why *why);
void cfg_free(struct cfg_file *f);

#endif
