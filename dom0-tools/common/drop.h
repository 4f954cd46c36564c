/* SPDX-License-Identifier: BSD-2-Clause */
/* Giving up root. */
#ifndef TORC_COMMON_DROP_H
#define TORC_COMMON_DROP_H

#include <sys/types.h>

/*
 * From here on the process is this user, in its one group, for good, and has no capabilities. It
 * may gain nothing by executing a program. 0, or -errno.
 */
int drop_to_user(uid_t uid, gid_t gid);

/* Root keeps its number, to which files and sockets of root's open, and loses all else. */
int drop_capabilities(void);

#endif
