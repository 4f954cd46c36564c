/* SPDX-License-Identifier: BSD-2-Clause */
/* Where things are kept. Each can be moved by the environment, for tests. */
#ifndef TORC_COMMON_PATHS_H
#define TORC_COMMON_PATHS_H

#include <stddef.h>

const char *path_state(void); /* TORC_STATE_DIR, /var/lib/torc: records of guests */
const char *path_run(void);   /* TORC_RUN_DIR, /run/torc: sockets */
const char *path_cache(void); /* TORC_CACHE_DIR, /var/cache/torc: unpacked kernels */
const char *path_log(void);   /* TORC_LOG_DIR, /var/log/torc: consoles */

/* Make a directory and what is above it, 0755. 0 or -errno. */
int path_make_dirs(const char *dir);
/* Write a file so that it is there whole or not at all; what a writer that is killed leaves beside
 * it is hidden, a name with a dot in front. 0 or -errno. */
int path_write_file(const char *file, const char *text, size_t len);
/* Read a file of at most `most` bytes into malloc'ed memory with a NUL behind. 0 or -errno. */
int path_read_file(const char *file, size_t most, char **text, size_t *len);
/* The same of a file in a directory that is another user's: no link, no pipe. */
int path_read_plain(const char *file, size_t most, char **text, size_t *len);
/* Sync the folder that a file is in, or was: its name there is on the disk then, or gone from it. 0
 * or -errno; -EINVAL if the filesystem knows no syncing of folders. */
int path_sync_folder(const char *file);

#endif
