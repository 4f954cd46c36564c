/* SPDX-License-Identifier: BSD-2-Clause */
/* Keys as they are typed (terminal.c). */
#ifndef TORC_CLI_TERMINAL_H
#define TORC_CLI_TERMINAL_H

#include <stdbool.h>

enum terminal_keys {
	TERMINAL_ONE_BY_ONE, /* for commands of one key */
	TERMINAL_ALL	     /* for somebody else to make sense of, those that send signals too */
};
/* False: the input is no terminal, and stays as it is. */
bool terminal_take(enum terminal_keys keys);
void terminal_restore(void);

#endif
