/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the console daemon cannot do without root, done for it by a small process of root's: the
 * door. The daemon reads what guests write and has no right but to its own logs; the door reads
 * nothing of a guest's and does four things, none of which takes a name or a number from the
 * daemon.
 */
#ifndef TORC_CONSOLED_DOOR_H
#define TORC_CONSOLED_DOOR_H

#include <stdbool.h>
#include <stdint.h>

#include "dom0-tools/host/host.h"

#define DOOR_ALIVE_BYTES ((HOST_FIRST_RESERVED + 7) / 8)

/*
 * Start it, from root and before anything is open that it must not have. store: the socket's path.
 * leave: files that door_tidy() removes, either may be NULL. 0, or -errno.
 */
int door_start(const char *store, const char *const leave[2]);

/* Readable once the door is gone, and at no other time. */
int door_fd(void);

/* A bit for each domain that is not dying. 0, or -errno. */
int door_alive(uint8_t alive[DOOR_ALIVE_BYTES]);

/* Remove the files. */
void door_tidy(void);

#endif
