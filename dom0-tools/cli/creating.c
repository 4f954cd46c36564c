/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Guests that are being made or ended. Who is killed half-way there leaves a domain that nobody
 * would look after, so it holds a locked file RUN/creating/DOMID with the guest's uuid while
 * it works. A file that nobody holds belongs to somebody who died: its domain is destroyed.
 */
#include "dom0-tools/cli/guest.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dom0-tools/common/log.h"
#include "dom0-tools/common/paths.h"

static void path_of(const char *domid, char out[PATH_MAX])
{
	snprintf(out, PATH_MAX, "%s/creating%s%s", path_run(), domid ? "/" : "", domid ? domid : "");
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
 * by a link, which torc-migrated may not make. The held file, or a negative error. */
int creating_begin(uint32_t domid, const uint8_t uuid[16])
{
	char path[PATH_MAX], temp[PATH_MAX], id[40], text[37];
	int fd, rc;

	path_of(NULL, path);
	rc = path_make_dirs(path);
	if (rc)
		return rc;
	snprintf(id, sizeof(id), "%u", domid);
	path_of(id, path);
	snprintf(id, sizeof(id), ".%u.%d", domid, (int)getpid());
	path_of(id, temp);
	fd = open(temp, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	config_uuid_format(text, uuid);
	rc = flock(fd, LOCK_EX | LOCK_NB) ? -errno : write(fd, text, 36) != 36 ? -EIO : 0;
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

void creating_end(int fd, uint32_t domid)
{
	char path[PATH_MAX], id[16];

	if (fd < 0)
		return;
	snprintf(id, sizeof(id), "%u", domid);
	path_of(id, path);
	unlink(path);
	close(fd);
}

void creating_leave(int fd)
{
	if (fd >= 0)
		close(fd);
}

static void look_at(struct cli *c, const char *id)
{
	int64_t domid = cli_parse_number(id, 1, HOST_FIRST_RESERVED - 1);
	struct domain_info info;
	char path[PATH_MAX], text[40] = "";
	uint8_t uuid[16];
	int fd, rc = 0;

	path_of(id, path);
	fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return;
	if (is_stale(fd, path)) {
		/* the very domain that was being made, not a later one with its number */
		if (domid > 0 && read(fd, text, 36) == 36 && config_uuid_parse(text, uuid) == 0 &&
		    host_domain_info(c->host, (uint32_t)domid, &info, c->why) == 0 &&
		    memcmp(info.uuid, uuid, sizeof(uuid)) == 0) {
			log_say(LOG_WARNING,
				&(struct log_about){ .domid = (uint32_t)domid, .event = "swept" },
				"domain %u was left half-made, or half-ended: it is destroyed",
				(unsigned int)domid);
			rc = guest_destroy(c, (uint32_t)domid, "who made or ended it was killed");
		}
		if (rc)
			log_say(LOG_ERR,
				&(struct log_about){ .domid = (uint32_t)domid, .event = "failed" },
				"domain %u: %s; it is tried again", (unsigned int)domid,
				c->why->text);
		else
			unlink(path);
	}
	close(fd);
}

void creating_clean_up(struct cli *c)
{
	char path[PATH_MAX];
	struct dirent *e;
	DIR *d;

	path_of(NULL, path);
	d = opendir(path);
	if (!d)
		return;
	while ((e = readdir(d)))
		if (e->d_name[0] != '.')
			look_at(c, e->d_name);
	closedir(d);
}
