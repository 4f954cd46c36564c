/* SPDX-License-Identifier: BSD-2-Clause */
/* What lib/print.c cannot know by itself. */
#ifndef TORC_PRINT_H
#define TORC_PRINT_H

#include <torc/lib.h>

/* For %pS: the symbol that holds addr and how far into it, NULL if none does. Unset: addresses are
 * printed as numbers. */
extern const char *(*print_symbol)(unsigned long addr, unsigned long *offset);

#endif
