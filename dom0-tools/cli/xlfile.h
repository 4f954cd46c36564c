/* SPDX-License-Identifier: BSD-2-Clause */
/* Reading what xl save wrote (xlfile.c). */
#ifndef TORC_CLI_XLFILE_H
#define TORC_CLI_XLFILE_H

#include "dom0-tools/cli/cli.h"
#include "migration/io.h"

#define XL_MAGIC                                                                                   \
	"Xen saved domain, xl format\n \0 \r" /* 32 bytes with the NUL at its end, which they have \
						 not */

/* Is this a file of xl's? Its place in it stays. */
bool xl_file(int fd);
/* Up to the image; *record as torc create would keep it. */
int xl_read_front(struct cli *c, struct mig_io *io, struct json_object **record);

#endif
