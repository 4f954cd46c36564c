/* SPDX-License-Identifier: BSD-2-Clause */
/* The first disk, if there is one: read, write in requests of several sizes, flush, read back. Its
 * contents are put back. */
#include "drivers/frontend/blk.h"
#include "lib.h"
#include "mm.h"
#include "print.h"
#include "selftest.h"

#define PAGES 24

static struct blk disk;
static bool kept;
/* Not one page after the other in machine memory, and need not be: each is granted by itself. */
static char saved[PAGES][PAGE_SIZE] __attribute__((aligned(PAGE_SIZE)));
static char pattern[PAGES][PAGE_SIZE] __attribute__((aligned(PAGE_SIZE)));
static char found[PAGES][PAGE_SIZE] __attribute__((aligned(PAGE_SIZE)));

static void fill(uint32_t seed)
{
	uint32_t *p = (uint32_t *)pattern;

	for (size_t i = 0; i < sizeof(pattern) / 4; i++)
		p[i] = seed = seed * 1664525 + 1013904223;
}

void selftest_disk(void)
{
	long id = device_find("vbd", 0);
	uint64_t last;
	int rc;

	if (id < 0 || kept) {
		tap_skip(kept ? "it is open" : "no disk", "disk");
		return;
	}
	rc = blk_open(&disk, id);
	tap(rc == 0, "disk %ld opens: %d", id, rc);
	if (rc)
		return;
	print("# %llu sectors of 512 bytes, %s, %s\n", (unsigned long long)disk.sectors,
	      disk.readonly ? "read-only" : "writable",
	      disk.can_flush ? "can flush" : "cannot flush");
	last = disk.sectors - PAGES * 8;
	tap(blk_read(&disk, 0, found, 1) == 0, "disk: its first page is read");
	tap(blk_read(&disk, last, saved, PAGES) == 0, "disk: %u pages are read", PAGES);
	tap(blk_read(&disk, last + 8, found, PAGES) == -XEN_EINVAL,
	    "disk: a read past the end is refused");
	if (disk.readonly) {
		tap(blk_write(&disk, 0, pattern, 1) == -XEN_EROFS, "disk: a write is refused");
	} else {
		fill(1);
		tap(blk_write(&disk, last, pattern, PAGES) == 0, "disk: %u pages are written",
		    PAGES);
		if (disk.can_flush)
			tap(blk_flush(&disk) == 0, "disk: flushed");
		tap(blk_read(&disk, last, found, PAGES) == 0 &&
			    !memcmp(found, pattern, sizeof(found)),
		    "disk: they are read back");
		tap(blk_write(&disk, last, saved, PAGES) == 0, "disk: its contents are put back");
	}
	blk_close(&disk);
	tap(disk.dev.mine == XenbusStateClosed, "disk: closed");
}

void disk_keep(void)
{
	long id = device_find("vbd", 0);
	int rc = id < 0 ? (int)id : blk_open(&disk, id);

	kept = rc == 0;
	if (rc)
		print("disk: it cannot be opened: %d\n", rc);
	else
		print("disk: open, %llu sectors\n", (unsigned long long)disk.sectors);
}

void disk_resume(void)
{
	int rc;

	if (!kept)
		return;
	rc = blk_resume(&disk);
	if (!rc)
		rc = blk_read(&disk, 0, found, 1);
	if (rc)
		print("disk: it did not come back: %d\n", rc);
	else
		print("disk: back, %llu sectors\n", (unsigned long long)disk.sectors);
}
