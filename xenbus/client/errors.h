/* SPDX-License-Identifier: BSD-2-Clause */
/* Errors by name, as the wire protocol carries them. */
#ifndef XENBUS_ERRORS_H
#define XENBUS_ERRORS_H

#include <stddef.h>

/*
 * the name for an errno value (sign does not matter); "EINVAL" for one the protocol has no name for
 */
const char *xs_error_name(int err);
/* the positive errno value for a name of at most len bytes; EIO for a name that is not known */
int xs_error_value(const char *name, size_t len);

#endif
