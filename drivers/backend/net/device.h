/* SPDX-License-Identifier: BSD-2-Clause */
/* One network card's process. */
#ifndef NET_DEVICE_H
#define NET_DEVICE_H

/* Serves the device whose backend directory is path until it is closed; returns the process's exit
 * status: 0 when it is over for good. */
int device_run(const char *path, const char *run_dir);

#endif
