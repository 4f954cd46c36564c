/* SPDX-License-Identifier: BSD-2-Clause */
/* Where things are kept, and whole-file reads and writes there. */
#include "dom0-tools/common/paths.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *from_env(const char *name, const char *usual)
{
	const char *v = secure_getenv(name);

	return v && *v == '/' ? v : usual;
}

const char *path_state(void)
{
	return from_env("TORC_STATE_DIR", "/var/lib/torc");
}

const char *path_run(void)
{
	return from_env("TORC_RUN_DIR", "/run/torc");
}

const char *path_cache(void)
{
	return from_env("TORC_CACHE_DIR", "/var/cache/torc");
}

const char *path_log(void)
{
	return from_env("TORC_LOG_DIR", "/var/log/torc");
}

int path_make_dirs(const char *dir)
{
	char p[PATH_MAX];
	size_t n = strlen(dir);

	if (n >= sizeof(p))
		return -ENAMETOOLONG;
	memcpy(p, dir, n + 1);
	for (char *s = p + 1;; s++) {
		char c = *s;

		if (c && c != '/')
			continue;
		*s = 0;
		if (mkdir(p, 0755) < 0 && errno != EEXIST)
			return -errno;
		if (!c)
			return 0;
		*s = c;
	}
}

int path_write_file(const char *file, const char *text, size_t len)
{
	const char *slash = strrchr(file, '/'), *name = slash ? slash + 1 : file;
	char temp[PATH_MAX];
	size_t done = 0;
	int fd, rc = 0;

	if (snprintf(temp, sizeof(temp), "%.*s.%s.%d", (int)(name - file), file, name,
		     (int)getpid()) >= (int)sizeof(temp))
		return -ENAMETOOLONG;
	fd = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	while (!rc && done < len) {
		ssize_t n = write(fd, text + done, len - done);

		if (n >= 0)
			done += (size_t)n;
		else if (errno != EINTR)
			rc = -errno;
	}
	if (close(fd) < 0 && !rc)
		rc = -errno;
	if (!rc && rename(temp, file) < 0)
		rc = -errno;
	if (rc)
		unlink(temp);
	return rc;
}

static int read_all(int fd, size_t most, char **text, size_t *len)
{
	size_t got = 0, room = 4096;
	char *s = malloc(room), *grown;
	int rc = 0;

	if (!s)
		return -ENOMEM;
	for (;;) {
		ssize_t n;

		if (got + 1 == room) {
			grown = room < most ? realloc(s, room * 2) : NULL;
			if (!grown) {
				rc = room < most ? -ENOMEM : -EFBIG;
				break;
			}
			s = grown;
			room *= 2;
		}
		n = read(fd, s + got, room - 1 - got);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			rc = -errno;
		if (n <= 0)
			break;
		got += (size_t)n;
	}
	if (rc) {
		free(s);
		return rc;
	}
	s[got] = 0;
	*text = s;
	if (len)
		*len = got;
	return 0;
}

int path_read_file(const char *file, size_t most, char **text, size_t *len)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC), rc;

	*text = NULL;
	if (fd < 0)
		return -errno;
	rc = read_all(fd, most, text, len);
	close(fd);
	return rc;
}

int path_read_plain(const char *file, size_t most, char **text, size_t *len)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK), rc;
	struct stat st;

	*text = NULL;
	if (fd < 0)
		return -errno;
	rc = fstat(fd, &st) < 0	  ? -errno :
	     !S_ISREG(st.st_mode) ? -EINVAL :
	     st.st_nlink > 1	  ? -EMLINK :
				    read_all(fd, most, text, len);
	close(fd);
	return rc;
}

int path_sync_folder(const char *file)
{
	char dir[PATH_MAX];
	char *slash;
	int fd, rc;

	if (snprintf(dir, sizeof(dir), "%s", file) >= (int)sizeof(dir))
		return -ENAMETOOLONG;
	slash = strrchr(dir, '/');
	if (slash)
		slash[slash == dir] = 0;
	fd = open(slash ? dir : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	rc = fsync(fd) ? -errno : 0;
	close(fd);
	return rc;
}
