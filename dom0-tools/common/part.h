/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A large file that is written beside its place, as NAME.part, and put there when it is whole. The
 * directory may be one that other users write to, as /tmp is.
 */
#ifndef TORC_COMMON_PART_H
#define TORC_COMMON_PART_H

/* Empty, and its owner's alone, locked until it is closed; or -errno: -EBUSY if somebody writes it,
 * -EPERM if it is another user's or a link. */
int part_open(const char *part);
const char *part_why(int rc); /* of part_open(): what to do */
/* On the disk, and under its name there. If that is not sure, neither name is left; -errno. */
int part_keep(int fd, const char *part, const char *file);

#endif
