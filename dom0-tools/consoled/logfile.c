/* SPDX-License-Identifier: BSD-2-Clause */
/* A guest's console on disk: LOGDIR/NAME.log, cut at a MiB, three older ones kept. */
#include "dom0-tools/consoled/consoled.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOG_MAX	 (1 << 20)
#define LOG_KEEP 3

/*
 * Done while the directory is root's and never again: once it is the user's, so is every name in
 * it, and root would be led astray by a link.
 */
int logs_give(const char *dir, uid_t uid, gid_t gid)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), rc = 0;
	const struct dirent *e;
	struct stat st;
	DIR *list;

	if (fd < 0 || fstat(fd, &st) < 0) {
		rc = -errno;
		if (fd >= 0)
			close(fd);
		return rc;
	}
	list = fdopendir(fd);
	if (!list) {
		rc = -errno;
		close(fd);
		return rc;
	}
	while (st.st_uid == 0 && !rc && (e = readdir(list))) {
		struct stat f;

		if (fstatat(fd, e->d_name, &f, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(f.st_mode) &&
		    f.st_nlink == 1 && fchownat(fd, e->d_name, uid, gid, AT_SYMLINK_NOFOLLOW))
			rc = -errno;
	}
	if (!rc && st.st_uid == 0 && fchown(fd, uid, gid))
		rc = -errno;
	closedir(list);
	return rc;
}

static void path_of(const struct console *c, unsigned int age, char out[PATH_MAX])
{
	if (age)
		snprintf(out, PATH_MAX, "%s/%s.log.%u", c->daemon->log_dir, c->name, age);
	else
		snprintf(out, PATH_MAX, "%s/%s.log", c->daemon->log_dir, c->name);
}

void log_open(struct console *c)
{
	char path[PATH_MAX];
	struct stat st;

	path_of(c, 0, path);
	c->log = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640);
	c->log_size = 0;
	if (c->log < 0) {
		if (!c->log_lost)
			log_say(LOG_ERR, ABOUT(c),
				"domain %u: console log %s: %m; lines are lost till it opens",
				c->domid, path);
		return;
	}
	c->log_size = fstat(c->log, &st) == 0 ? st.st_size : 0;
}

static void rotate(struct console *c)
{
	char from[PATH_MAX], to[PATH_MAX];

	for (unsigned int age = LOG_KEEP; age > 0; age--) {
		path_of(c, age - 1, from);
		path_of(c, age, to);
		rename(from, to); /* not there yet is fine */
	}
	close(c->log);
	log_open(c);
}

/* Nothing that is there: the text that follows fails alike. */
static void note_lost(struct console *c)
{
	char text[64];
	int n = snprintf(text, sizeof(text), "\n[%zu bytes lost]\n", c->log_lost);

	if (write(c->log, text, (size_t)n) != n)
		return;
	c->log_size += n;
	c->log_lost = 0;
	log_say(LOG_NOTICE, ABOUT(c), "domain %u: console log of %s goes on", c->domid, c->name);
}

void log_write(struct console *c, const char *text, size_t n)
{
	if (c->log < 0)
		log_open(c); /* a full disk, or a directory that came late */
	if (c->log_size > 0 && c->log_size + (off_t)n > LOG_MAX)
		rotate(c);
	if (c->log < 0) {
		c->log_lost += n;
		return;
	}
	if (c->log_lost)
		note_lost(c);
	while (n) {
		ssize_t done = write(c->log, text, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0) { /* a full disk: the console itself goes on, and so does its log
				   when there is room again */
			if (!c->log_lost)
				log_say(LOG_ERR, ABOUT(c),
					"domain %u: console log of %s: %m; lines are lost",
					c->domid, c->name);
			c->log_lost += n;
			return;
		}
		text += done;
		n -= (size_t)done;
		c->log_size += done;
	}
}

void log_close(struct console *c)
{
	if (c->log >= 0)
		close(c->log);
	c->log = -1;
}
