/* SPDX-License-Identifier: BSD-2-Clause */
/* What is in the file that outlives the daemon (record.h). */
#include "drivers/backend/blk/record.h"

#include <string.h>

static const char magic[8] = { 't', 'o', 'r', 'c', 'b', 'l', 'k', '1' };

void record_init(struct record_file *f)
{
	if (!memcmp(f->magic, magic, sizeof(magic)))
		return;
	memset(f, 0, sizeof(*f));
	memcpy(f->magic, magic, sizeof(magic));
}

void record_reset(struct record_file *f)
{
	f->connected = 0;
	f->in_flight = 0;
	memset(f->record, 0, sizeof(f->record));
}
