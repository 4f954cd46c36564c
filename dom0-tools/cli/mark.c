/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Marks on domains: who does something to one that must not stay half done holds a locked file
 * RUN/KIND/DOMID meanwhile. One that nobody holds belongs to somebody who died.
 */
#include "dom0-tools/cli/guest.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dom0-tools/common/paths.h"

#define ABANDONED_S 60

static void path_of(const char *kind, const char *id, char out[PATH_MAX])
{
	snprintf(out, PATH_MAX, "%s/%s%s%s", path_run(), kind, id ? "/" : "", id ? id : "");
}

/* Nobody holds it, and it has its name still: another may have taken it away, and made his own of
 * that name, before we had it. */
static bool is_stale(int fd, const char *path)
{
	struct stat held, there;

	return flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &held) == 0 &&
	       lstat(path, &there) == 0 && held.st_ino == there.st_ino &&
	       held.st_dev == there.st_dev;
}

/* Its holder died, or another one of that number did: nobody has it locked. */
static void remove_stale(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return;
	if (is_stale(fd, path))
		unlink(path);
	close(fd);
}

static int name_it(const char *temp, const char *path)
{
	return renameat2(AT_FDCWD, temp, AT_FDCWD, path, RENAME_NOREPLACE) ? -errno : 0;
}

/* It gets its name when it is locked and complete: who cleans up meanwhile takes it for held. Not
 * by a link, which torc-migrated may not make. */
int mark_begin(const char *kind, uint32_t domid, const char *text)
{
	char path[PATH_MAX], temp[PATH_MAX], id[40];
	size_t len = strlen(text);
	int fd, rc;

	path_of(kind, NULL, path);
	rc = path_make_dirs(path);
	if (rc)
		return rc;
	snprintf(id, sizeof(id), "%u", domid);
	path_of(kind, id, path);
	snprintf(id, sizeof(id), ".%u.%d", domid, (int)getpid());
	path_of(kind, id, temp);
	fd = open(temp, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	rc = flock(fd, LOCK_EX | LOCK_NB)	  ? -errno :
	     write(fd, text, len) != (ssize_t)len ? -EIO :
						    0;
	if (!rc)
		rc = name_it(temp, path);
	if (rc == -EEXIST) {
		remove_stale(path);
		rc = name_it(temp, path);
	}
	if (rc) {
		unlink(temp);
		close(fd);
		return rc;
	}
	return fd;
}

void mark_end(const char *kind, int fd, uint32_t domid)
{
	char path[PATH_MAX], id[16];

	if (fd < 0)
		return;
	snprintf(id, sizeof(id), "%u", domid);
	path_of(kind, id, path);
	unlink(path);
	close(fd);
}

void mark_leave(int fd)
{
	if (fd >= 0)
		close(fd);
}

bool mark_is_held(const char *kind, uint32_t domid)
{
	char path[PATH_MAX], id[16];

	snprintf(id, sizeof(id), "%u", domid);
	path_of(kind, id, path);
	remove_stale(path);
	return access(path, F_OK) == 0;
}

static void look_at(struct cli *c, const char *kind, const char *id, mark_fn *fn)
{
	int64_t domid = cli_parse_number(id, 1, HOST_FIRST_RESERVED - 1);
	char path[PATH_MAX], text[MARK_MOST];
	struct stat st;
	ssize_t n;
	int fd;

	path_of(kind, id, path);
	fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return;
	if (is_stale(fd, path)) {
		n = read(fd, text, sizeof(text) - 1);
		text[n > 0 ? n : 0] = 0;
		if (domid < 0 || fstat(fd, &st) || fn(c, (uint32_t)domid, text, st.st_mtime))
			unlink(path);
	}
	close(fd);
}

/* Of one who died before it had its name; a younger one may be about to be locked. */
static void look_at_nameless(const char *kind, const char *id)
{
	char path[PATH_MAX];
	struct stat st;

	path_of(kind, id, path);
	if (lstat(path, &st) == 0 && S_ISREG(st.st_mode) && time(NULL) - st.st_mtime > ABANDONED_S)
		remove_stale(path);
}

void mark_each_left(struct cli *c, const char *kind, mark_fn *fn)
{
	char path[PATH_MAX];
	struct dirent *e;
	DIR *d;

	path_of(kind, NULL, path);
	d = opendir(path);
	if (!d)
		return;
	while ((e = readdir(d)))
		if (e->d_name[0] != '.')
			look_at(c, kind, e->d_name, fn);
		else
			look_at_nameless(kind, e->d_name);
	closedir(d);
}
