/* SPDX-License-Identifier: BSD-2-Clause */
/* Errors by name: a lookup each way in the public header's table. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <xen/io/xs_wire.h>

#include "xenbus/client/errors.h"

#define NR_ERRORS (sizeof(xsd_errors) / sizeof(xsd_errors[0]))

const char *xs_error_name(int err)
{
	size_t i;

	for (i = 0; i < NR_ERRORS; i++)
		if (xsd_errors[i].errnum == abs(err))
			return xsd_errors[i].errstring;
	return "EINVAL";
}

int xs_error_value(const char *name, size_t len)
{
	size_t i;

	len = strnlen(name, len);
	for (i = 0; i < NR_ERRORS; i++)
		if (strlen(xsd_errors[i].errstring) == len &&
		    !memcmp(xsd_errors[i].errstring, name, len))
			return xsd_errors[i].errnum;
	return EIO;
}
