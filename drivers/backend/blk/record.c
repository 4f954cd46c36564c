/* SPDX-License-Identifier: BSD-2-Clause */
/* The mapped file that outlives the daemon (record.h). */
#include "drivers/backend/blk/record.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static const char magic[8] = { 't', 'o', 'r', 'c', 'b', 'l', 'k', '1' };

struct record_file *record_open(const char *path, struct why *why)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
	struct record_file *f = MAP_FAILED;

	if (fd >= 0 && ftruncate(fd, sizeof(*f)) == 0)
		f = mmap(NULL, sizeof(*f), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (f == MAP_FAILED)
		why_set(why, TE_FILE, "%s: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	if (f == MAP_FAILED)
		return NULL;
	if (memcmp(f->magic, magic, sizeof(magic))) {
		memset(f, 0, sizeof(*f));
		memcpy(f->magic, magic, sizeof(magic));
	}
	return f;
}

void record_reset(struct record_file *f)
{
	f->connected = 0;
	f->in_flight = 0;
	memset(f->record, 0, sizeof(f->record));
}

void record_close(struct record_file *f)
{
	munmap(f, sizeof(*f));
}
