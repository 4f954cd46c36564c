/* SPDX-License-Identifier: BSD-2-Clause */
/* What a guest built on this kernel supplies, and the command line it is told by. */
#ifndef GUEST_H
#define GUEST_H

/* Returning powers the domain off. */
void guest_main(void);

/* A word of the command line, "name" or "name=value": what follows, or NULL if it is not there. */
const char *option(const char *name);
unsigned long option_number(const char *name, unsigned long otherwise);

#endif
