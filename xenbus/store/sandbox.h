/* SPDX-License-Identifier: BSD-2-Clause */
/* Give up what a running store does not need. */
#ifndef XENBUS_STORE_SANDBOX_H
#define XENBUS_STORE_SANDBOX_H

/* 0, or -errno: nothing was given up */
int sandbox_enter(void);

#endif
