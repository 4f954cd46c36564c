/* SPDX-License-Identifier: BSD-2-Clause */
/* Files beside their places (part.h). */
#include "dom0-tools/common/part.h"
#include "dom0-tools/common/paths.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* Who was here before may have put it in its place meanwhile, and taken its lock along. */
static bool still_there(const char *file, const struct stat *st)
{
	struct stat now;

	return lstat(file, &now) == 0 && now.st_ino == st->st_ino && now.st_dev == st->st_dev;
}

static int take_over(int fd, struct stat *st)
{
	if (fstat(fd, st))
		return -errno;
	if (!S_ISREG(st->st_mode) || st->st_nlink > 1 || st->st_uid != geteuid())
		return -EPERM;
	/* a filesystem without locks is no reason to write nothing */
	return flock(fd, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK ? -EBUSY : 0;
}

int part_open(const char *part)
{
	struct stat st;
	int fd, rc;

	for (;;) {
		fd = open(part, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
		if (fd < 0)
			return errno == ELOOP ? -EPERM : -errno;
		rc = take_over(fd, &st);
		if (rc || still_there(part, &st))
			break;
		close(fd);
	}
	if (!rc && (fchmod(fd, 0600) || ftruncate(fd, 0)))
		rc = -errno;
	if (!rc)
		return fd;
	close(fd);
	return rc;
}

const char *part_why(int rc)
{
	switch (rc) {
	case -EBUSY: return "somebody is writing it: wait, or take another name";
	case -EPERM: return "it is there, and is another user's or a link: remove it";
	default: return strerror(-rc);
	}
}

int part_keep(int fd, const char *part, const char *file)
{
	int rc = fsync(fd) || rename(part, file) ? -errno : 0;

	if (rc) {
		unlink(part);
		return rc;
	}
	rc = path_sync_folder(file);
	if (rc == -EINVAL) /* a filesystem that has nothing to do for it */
		rc = 0;
	if (rc)
		unlink(file);
	return rc;
}
