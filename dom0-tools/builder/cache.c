/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Unpacked kernels are kept, so that the second guest of a kernel costs no unpacking. An entry
 * is named after the packed file's identity, size and times: a kernel that changes in any way
 * is another entry. Entries appear whole or not at all, and the oldest go when there are many.
 * Without a usable directory (not ours, not there, full) guests are built all the same.
 */
#include "dom0-tools/builder/image.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "dom0-tools/common/paths.h"

#define KEEP	  8
#define ABANDONED 3600 /* seconds; whoever wrote this long was killed */
#define PAGE	  4096u

static void entry_name(const struct stat *st, char out[NAME_MAX])
{
	snprintf(out, NAME_MAX, "%llx-%llx-%llx-%llx.%lx-%llx.%lx.elf",
		 (unsigned long long)st->st_dev, (unsigned long long)st->st_ino,
		 (unsigned long long)st->st_size, (unsigned long long)st->st_mtim.tv_sec,
		 st->st_mtim.tv_nsec, (unsigned long long)st->st_ctim.tv_sec, st->st_ctim.tv_nsec);
}

/* The directory, if nobody but us can have put anything there. */
static int open_dir(bool make)
{
	char path[PATH_MAX];
	struct stat st;
	int fd;

	snprintf(path, sizeof(path), "%s/kernels", path_cache());
	if (make && path_make_dirs(path))
		return -1;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd >= 0 && (fstat(fd, &st) || st.st_uid != geteuid() || (st.st_mode & 022))) {
		close(fd);
		fd = -1;
	}
	return fd;
}

int cache_find(const struct stat *packed)
{
	char name[NAME_MAX];
	struct stat st;
	int dir = open_dir(false), fd;

	if (dir < 0)
		return -1;
	entry_name(packed, name);
	fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	close(dir);
	if (fd >= 0 &&
	    (fstat(fd, &st) || st.st_uid != geteuid() || !S_ISREG(st.st_mode) || st.st_size == 0)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static bool all_zero(const uint8_t *p, size_t n)
{
	return n == 0 || (p[0] == 0 && memcmp(p, p + 1, n - 1) == 0);
}

/* Pages of zeros (a kernel's bss) become holes. */
static int write_sparse(int fd, const uint8_t *data, size_t size)
{
	for (size_t at = 0; at < size;) {
		size_t n = size - at < PAGE ? size - at : PAGE;

		while (at + n < size && n < 256 * PAGE &&
		       !all_zero(data + at + n, PAGE <= size - at - n ? PAGE : size - at - n))
			n += PAGE <= size - at - n ? PAGE : size - at - n;
		if (!(n <= PAGE && all_zero(data + at, n)) &&
		    pwrite(fd, data + at, n, (off_t)at) != (ssize_t)n)
			return -errno;
		at += n;
	}
	return ftruncate(fd, (off_t)size) ? -errno : 0;
}

static void drop_old(int dir)
{
	struct timespec oldest = { 0 };
	char victim[NAME_MAX + 1] = "";
	struct dirent *e;
	struct stat st;
	int count = 0, copy = dup(dir);
	DIR *d = copy < 0 ? NULL : fdopendir(copy);

	if (!d) {
		if (copy >= 0)
			close(copy);
		return;
	}
	rewinddir(d);
	while ((e = readdir(d))) {
		if (fstatat(dir, e->d_name, &st, AT_SYMLINK_NOFOLLOW))
			continue;
		if (e->d_name[0] == '.') {
			if (S_ISREG(st.st_mode) && st.st_mtim.tv_sec < time(NULL) - ABANDONED)
				unlinkat(dir, e->d_name, 0);
			continue;
		}
		count++;
		if (!victim[0] || st.st_mtim.tv_sec < oldest.tv_sec) {
			oldest = st.st_mtim;
			strcpy(victim, e->d_name);
		}
	}
	closedir(d);
	if (count > KEEP)
		unlinkat(dir, victim, 0);
}

int cache_keep(const struct stat *packed, const uint8_t *data, size_t size)
{
	char name[NAME_MAX], temp[NAME_MAX];
	int dir = open_dir(true), fd;

	if (dir < 0)
		return -1;
	entry_name(packed, name);
	snprintf(temp, sizeof(temp), ".%d", (int)getpid());
	fd = openat(dir, temp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	/* Written first, named then: the name must not outlive a power failure without the data. */
	if (fd >= 0 &&
	    (write_sparse(fd, data, size) || fdatasync(fd) || renameat(dir, temp, dir, name))) {
		unlinkat(dir, temp, 0);
		close(fd);
		fd = -1;
	}
	if (fd >= 0)
		drop_old(dir);
	close(dir);
	return fd;
}
