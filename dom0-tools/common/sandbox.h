/* SPDX-License-Identifier: BSD-2-Clause */
/* Giving up the system calls that a running daemon does not need. */
#ifndef TORC_COMMON_SANDBOX_H
#define TORC_COMMON_SANDBOX_H

#include <stddef.h>

/*
 * From here on the process has these calls alone; others fail with EPERM. Of sockets it gets local
 * ones, and no memory that is code, whatever the list says. 0, or -errno: nothing was given up.
 */
int sandbox_allow(const int *calls, size_t n);

#endif
