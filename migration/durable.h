/* SPDX-License-Identifier: BSD-2-Clause */
/* Files that are there whole or not at all, and still there after the power was cut. */
#ifndef TORC_MIGRATION_DURABLE_H
#define TORC_MIGRATION_DURABLE_H

#include <stddef.h>
#include <sys/types.h>

/* 0: it is on the disk. -errno: the old or the new one is, and only reading tells which. */
int durable_write(const char *file, const void *data, size_t len, mode_t mode);
int durable_remove(const char *file);

#endif
