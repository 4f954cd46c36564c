/* SPDX-License-Identifier: BSD-2-Clause */
/* A daemon that was started by a service manager tells it when it serves. */
#ifndef TORC_COMMON_READY_H
#define TORC_COMMON_READY_H

/* Nobody to tell is no error; nor does a daemon end because it was not heard. */
void ready_tell(void);

#endif
