/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Unpacking in a program of its own, torc-unpack: what takes a hostile file's streams apart has no
 * rights there, and torc starts without five libraries that it needs once for a kernel. The bytes
 * go there and back in memory files.
 */
#include "dom0-tools/builder/image.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dom0-tools/builder/unpack.h"
#include "dom0-tools/common/beside.h"

static int put(int fd, const uint8_t *data, size_t size)
{
	for (size_t at = 0; at < size;) {
		ssize_t n = pwrite(fd, data + at, size - at, (off_t)at);

		if (n < 0 && errno != EINTR)
			return -errno;
		at += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

static int take(const char *name, int fd, uint8_t **out, size_t *out_size, struct why *why)
{
	struct stat st;
	size_t got = 0;
	ssize_t n = 1;

	if (fstat(fd, &st) || (uint64_t)st.st_size > IMAGE_MAX_BYTES)
		return why_set(why, TE_INTERNAL, "%s: torc-unpack gave more than it may", name);
	*out = malloc(st.st_size ? (size_t)st.st_size : 1);
	if (!*out)
		return why_set(why, TE_NO_MEMORY, "%s: no memory for %lld bytes", name,
			       (long long)st.st_size);
	while (got < (size_t)st.st_size && n > 0) {
		n = pread(fd, *out + got, (size_t)st.st_size - got, (off_t)got);
		got += n > 0 ? (size_t)n : 0;
	}
	if (got < (size_t)st.st_size) {
		free(*out);
		*out = NULL;
		return why_set(why, TE_INTERNAL, "%s: what torc-unpack gave cannot be read", name);
	}
	*out_size = got;
	return 0;
}

/* "reason" or "reason\nhint" is what it says. */
static int refused(const char *name, char *said, int status, struct why *why)
{
	char *hint = strchr(said, '\n');
	int rc;

	if (WIFSIGNALED(status))
		return why_set(why, TE_KERNEL, "%s: torc-unpack was ended by signal %d", name,
			       WTERMSIG(status));
	if (hint)
		*hint++ = 0;
	rc = why_set(why, WEXITSTATUS(status) == UNPACK_NO_MEMORY ? TE_NO_MEMORY : TE_KERNEL, "%s",
		     *said ? said : "torc-unpack failed");
	return hint && *hint ? why_hint(why, rc, "%s", hint) : rc;
}

int unpack(const char *name, const uint8_t *in, size_t in_size, uint8_t **out, size_t *out_size,
	   struct why *why)
{
	char path[PATH_MAX], said[1536] = "";
	char *const argv[] = { path, (char *)(uintptr_t)name, NULL };
	int from, to, rc, status = 0;

	*out = NULL;
	*out_size = 0;
	if (in_size < 4 || memcmp(in, "\177ELF", 4) == 0)
		return 0;
	from = memfd_create("packed", MFD_CLOEXEC);
	to = memfd_create("unpacked", MFD_CLOEXEC);
	rc = from < 0 || to < 0 ? -errno : put(from, in, in_size);
	if (!rc)
		rc = beside_path("torc-unpack", path);
	if (!rc)
		rc = beside_run(argv, from, to, said, sizeof(said), &status);
	if (rc)
		rc = why_set(why, TE_FILE, "%s: torc-unpack cannot be run: %s", name, strerror(-rc));
	else if (!WIFEXITED(status) ||
		 (WEXITSTATUS(status) && WEXITSTATUS(status) != UNPACK_NOT_PACKED))
		rc = refused(name, said, status, why);
	else if (!WEXITSTATUS(status))
		rc = take(name, to, out, out_size, why);
	if (from >= 0)
		close(from);
	if (to >= 0)
		close(to);
	return rc;
}
