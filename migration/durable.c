/* SPDX-License-Identifier: BSD-2-Clause */
/* Write, sync, rename, sync the folder. */
#include "migration/durable.h"
#include "dom0-tools/common/paths.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int write_all(int fd, const char *p, size_t len)
{
	ssize_t n;

	for (; len; p += n, len -= n) {
		n = write(fd, p, len);
		if (n < 0) {
			if (errno != EINTR)
				return -errno;
			n = 0;
		}
	}
	return fsync(fd) ? -errno : 0;
}

int durable_write(const char *file, const void *data, size_t len, mode_t mode)
{
	char temp[512];
	int fd, rc;

	if (snprintf(temp, sizeof(temp), "%s.new", file) >= (int)sizeof(temp))
		return -ENAMETOOLONG;
	unlink(temp); /* of a writer that died */
	fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
	if (fd < 0)
		return -errno;
	rc = write_all(fd, data, len);
	if (close(fd) && !rc)
		rc = -errno;
	if (!rc && rename(temp, file))
		rc = -errno;
	if (rc) {
		unlink(temp);
		return rc;
	}
	return path_sync_folder(file);
}

int durable_remove(const char *file)
{
	if (unlink(file))
		return -errno;
	return path_sync_folder(file);
}
