/* SPDX-License-Identifier: BSD-2-Clause */
/* What a device's process may still do once it serves: it takes a guest's word all day. */
#ifndef BACKEND_CONFINE_H
#define BACKEND_CONFINE_H

#include "dom0-tools/common/why.h"

/*
 * No privileges, no way to gain any, and no system calls but those that serving takes: descriptors
 * it has, memory, the clock, the store, grants and event channels. No file by name, no program, no
 * socket but to the store, to the log and those already open. Whatever else it asks for ends the
 * process, which its supervisor logs, and starts another.
 */
int confine(struct why *why);

#endif
