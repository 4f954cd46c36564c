/* SPDX-License-Identifier: BSD-2-Clause */
/* Programs that stand beside the running one, for work that wants other libraries or fewer rights. */
#ifndef TORC_COMMON_BESIDE_H
#define TORC_COMMON_BESIDE_H

#include <limits.h>
#include <stddef.h>

/* Where the program of that name is. 0 or -errno. */
int beside_path(const char *name, char out[PATH_MAX]);

/*
 * Run argv[0], a path, until it ends, with these as its input and output (-1: as they are). What it
 * says on stderr is kept, with a NUL behind. 0 and how it ended as waitpid() tells, or -errno if it
 * was not started.
 */
int beside_run(char *const argv[], int in, int out, char *said, size_t size, int *status);

#endif
