/* SPDX-License-Identifier: BSD-2-Clause */
/* Which kind of disk a params string names. */
#include "drivers/backend/blk/disk.h"

#include <string.h>

int disk_open(struct disk **d, const char *params, bool read_only, struct why *why)
{
	if (!strncmp(params, "nbd:nbd", 7))
		params += 4; /* a URI behind the kind, as the others have it */
	if (!strncmp(params, "nbd:", 4) || !strncmp(params, "nbd+", 4) ||
	    !strncmp(params, "nbds", 4))
		return disk_open_nbd(d, params, read_only, why);
	if (!strncmp(params, "aio:", 4))
		params += 4;
	if (params[0] != '/')
		return why_set(why, TE_FILE,
			       "disk \"%s\" is neither an absolute path nor an nbd: URI", params);
	return disk_open_aio(d, params, read_only, why);
}
