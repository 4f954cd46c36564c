/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What would have to be undone in a guest if its stub were killed, in a file that outlives it:
 * RUN/gdb/DOMID. Records of one size at fixed places, so that each change is one write; the file is
 * locked as long as the stub lives.
 */
#include "dom0-tools/gdb/gdb.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dom0-tools/common/paths.h"

#define MAGIC 0x31424447u /* "GDB1" */

struct head {
	uint32_t magic, pid;
	uint8_t uuid[16]; /* numbers of domains come again */
	uint64_t unused;
};
struct record {
	uint8_t used, before;
	uint16_t offset;
	uint32_t unused;
	uint64_t mfn, va, unused2;
};
_Static_assert(sizeof(struct head) == sizeof(struct record), "one size");

struct journal {
	int fd;
	char path[PATH_MAX];
};

static off_t place(size_t slot)
{
	return (off_t)((1 + slot) * sizeof(struct record));
}

static int debugged_already(const struct target *t, struct why *why)
{
	struct head head = { 0 };

	if (pread(t->journal->fd, &head, sizeof(head), 0) < 0)
		head.pid = 0;
	return why_hint(why,
			why_set(why, TE_STATE, "domain %u is being debugged by process %u",
				t->domid, head.pid),
			"detach there, or end that process");
}

/* Whoever had it may have ended meanwhile, and taken its name away: in a file without one nobody
 * would find what is to be undone. */
static bool has_name(int fd)
{
	struct stat st;

	return fstat(fd, &st) < 0 || st.st_nlink;
}

static int open_file(struct target *t, bool create, struct why *why)
{
	struct journal *j = calloc(1, sizeof(*j));
	char dir[PATH_MAX - 16];

	if (!j)
		return why_set(why, TE_NO_MEMORY, "no memory");
	j->fd = -1;
	t->journal = j;
	snprintf(dir, sizeof(dir), "%s/gdb", path_run());
	snprintf(j->path, sizeof(j->path), "%s/%u", dir, t->domid);
	if (create && path_make_dirs(dir))
		return why_set(why, TE_FILE, "%s: %s", dir, strerror(errno));
	for (;;) {
		j->fd = open(j->path, O_RDWR | O_CLOEXEC | (create ? O_CREAT : 0), 0600);
		if (j->fd < 0)
			return !create && errno == ENOENT ?
				       0 :
				       why_set(why, TE_FILE, "%s: %s", j->path, strerror(errno));
		if (flock(j->fd, LOCK_EX | LOCK_NB) < 0)
			return debugged_already(t, why);
		if (has_name(j->fd))
			return 0;
		close(j->fd);
	}
}

static void close_file(struct target *t)
{
	if (t->journal && t->journal->fd >= 0)
		close(t->journal->fd);
	free(t->journal);
	t->journal = NULL;
}

int journal_open(struct target *t, const uint8_t uuid[16], struct why *why)
{
	struct head head = { .magic = MAGIC, .pid = (uint32_t)getpid() };
	int rc = open_file(t, true, why);

	memcpy(head.uuid, uuid, sizeof(head.uuid));
	if (!rc && (ftruncate(t->journal->fd, 0) < 0 ||
		    pwrite(t->journal->fd, &head, sizeof(head), 0) != sizeof(head)))
		rc = why_set(why, TE_FILE, "%s: %s", t->journal->path, strerror(errno));
	if (rc)
		close_file(t);
	return rc;
}

void journal_close(struct target *t)
{
	if (t->journal && t->journal->fd >= 0)
		unlink(t->journal->path); /* while it is locked */
	close_file(t);
}

static int put(struct target *t, size_t slot, const struct record *r)
{
	if (!t->journal)
		return 0;
	return pwrite(t->journal->fd, r, sizeof(*r), place(slot)) == sizeof(*r) ? 0 : -ENOSPC;
}

int journal_point(struct target *t, unsigned int slot)
{
	const struct point *p = &t->points[slot];
	struct record r = {
		.used = p->used, .before = p->before, .offset = p->offset, .mfn = p->mfn, .va = p->va
	};

	return put(t, slot, &r);
}

void journal_step(struct target *t, uint32_t vcpu, bool on)
{
	struct record r = { .used = on };

	put(t, POINTS_MAX + vcpu, &r);
}

static int load(struct target *t)
{
	struct record r;

	t->points = calloc(POINTS_MAX, sizeof(*t->points));
	if (!t->points)
		return -ENOMEM;
	for (size_t i = 0; i < POINTS_MAX + t->nr_vcpus; i++) {
		if (pread(t->journal->fd, &r, sizeof(r), place(i)) != sizeof(r))
			break;
		if (i < POINTS_MAX)
			t->points[i] = (struct point){ r.va, r.mfn, r.offset % HOST_PAGE_SIZE,
						       r.before, r.used != 0 };
		else
			t->vcpus[i - POINTS_MAX].stepping = r.used != 0;
	}
	return 1;
}

int journal_load(struct target *t, const uint8_t uuid[16], struct why *why)
{
	struct head head;
	int rc = open_file(t, false, why);

	if (rc || t->journal->fd < 0) {
		close_file(t);
		return rc;
	}
	if (pread(t->journal->fd, &head, sizeof(head), 0) == sizeof(head) && head.magic == MAGIC &&
	    memcmp(head.uuid, uuid, sizeof(head.uuid)) == 0) {
		rc = load(t);
		if (rc < 0) {
			why_set(why, TE_NO_MEMORY, "no memory for breakpoints");
			close_file(t);
		}
		return rc;
	}
	journal_close(t); /* an earlier domain's */
	return 0;
}
