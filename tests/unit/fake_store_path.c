/* SPDX-License-Identifier: BSD-2-Clause */
/* The one call of the store's client that needs no store, for tests that stand in for all others. */
#include <stdarg.h>
#include <stdio.h>

#include "xenbus/client/client.h"

int store_path(char out[STORE_PATH_MAX], const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(out, STORE_PATH_MAX, fmt, ap);
	va_end(ap);
	return 0;
}
