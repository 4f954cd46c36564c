/* SPDX-License-Identifier: BSD-2-Clause */
/* One process a device, also while daemons are killed and started again. */
#ifndef BACKEND_ALONE_H
#define BACKEND_ALONE_H

/*
 * Waits until no other process serves this device, which back names on the store; the lock lies
 * under run_dir and is held until this process ends. 0 or -errno.
 */
int alone(const char *back, const char *run_dir);

#endif
