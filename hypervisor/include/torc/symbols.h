/* SPDX-License-Identifier: BSD-2-Clause */
/* Names of the image's functions (core/symbols.c). */
#ifndef TORC_SYMBOLS_H
#define TORC_SYMBOLS_H

#include <torc/lib.h>

void symbols_init(void); /* from here on %pS prints names */
/* NULL: addr is outside the image's text. */
const char *symbol_find(unsigned long addr, unsigned long *offset);

#endif
