/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A device's process ends with its supervisor, but not at the same instant: it may be in the midst
 * of a write. Its successor is there already, and must neither touch the rings before that nor give
 * the device up because somebody has it.
 */
#include "drivers/backend/common/alone.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "drivers/backend/common/bdev.h"

/* Who was before us may have taken the file away, and somebody made a new one. */
static bool still_there(int fd, const char *file)
{
	struct stat ours, there;

	return fstat(fd, &ours) == 0 && stat(file, &there) == 0 && ours.st_ino == there.st_ino &&
	       ours.st_dev == there.st_dev;
}

static int lock(int fd, const char *back)
{
	int rc = flock(fd, LOCK_EX | LOCK_NB);

	if (rc && errno == EWOULDBLOCK) {
		syslog(LOG_INFO, "%s: waits for the process that served it", back);
		do
			rc = flock(fd, LOCK_EX);
		while (rc && errno == EINTR);
	}
	return rc ? -errno : 0;
}

int alone(const char *back, const char *run_dir)
{
	char file[STORE_PATH_MAX];
	int fd, rc;

	if (bdev_file(back, run_dir, ".lock", file, sizeof(file)))
		return -ENAMETOOLONG;
	for (;;) {
		fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
		if (fd < 0)
			return -errno;
		rc = lock(fd, back);
		if (rc || still_there(fd, file))
			break;
		close(fd);
	}
	if (rc)
		close(fd);
	return rc; /* the descriptor stays open: it is the lock */
}
