/* SPDX-License-Identifier: BSD-2-Clause */
/* A disk in memory that completes when told to, in the order told, and remembers what it was asked. */
#ifndef FAKE_DISK_H
#define FAKE_DISK_H

#include "drivers/backend/blk/disk.h"

#define FAKE_DISK_BYTES (256u * 1024u)
#define FAKE_DISK_QUEUE 2048u

struct fake_disk {
	struct disk disk;
	uint8_t data[FAKE_DISK_BYTES];
	struct disk_io *queue[FAKE_DISK_QUEUE];
	unsigned int queued, flushes, discards;
	bool hold;	/* complete nothing for now */
	bool fast;	/* and tell of what completed without event_fd */
	bool backwards; /* last in, first out */
	int fail;	/* every request ends with this -errno */
};

void fake_disk_init(struct fake_disk *d);
void fake_disk_free(struct fake_disk *d);

#endif
