/* SPDX-License-Identifier: BSD-2-Clause */
/* Backends as the tools see them: whether ours are there, and what one says of a device. */
#include "dom0-tools/cli/guest.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "dom0-tools/common/paths.h"

/* Our daemons complain in the device's own directory, which goes with it; dom0's kernel in another. */
char *device_complaint(struct cli *c, const char *kind, uint32_t domid, const char *id)
{
	char *said = cli_read(c, "/local/domain/0/backend/%s/%u/%s/error", kind, domid, id);

	if (!said || !*said) {
		free(said);
		said = cli_read(c, "/local/domain/0/error/backend/%s/%u/%s/error", kind, domid, id);
	}
	if (said && *said)
		return said;
	free(said);
	return NULL;
}

static bool is_locked(const char *file)
{
	int fd = open(file, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	bool locked;

	if (fd < 0)
		return false;
	locked = flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK;
	close(fd);
	return locked;
}

/* Its directory stays when it is killed; the lock in it does not. */
bool device_daemon_runs(const char *name)
{
	char file[PATH_MAX];

	snprintf(file, sizeof(file), "%s/%s/daemon.lock", path_run(), name);
	return is_locked(file);
}

/* dom0's kernel shows what it has in sysfs; a process of ours has its lock (alone.c). */
bool device_held(const char *kind, uint32_t domid, const char *id)
{
	char file[PATH_MAX];

	snprintf(file, sizeof(file), "/sys/bus/xen-backend/devices/%s-%u-%s", kind, domid, id);
	if (access(file, F_OK) == 0)
		return true;
	snprintf(file, sizeof(file), "%s/%s/%s-%u-%s.lock", path_run(),
		 strcmp(kind, "vif") == 0 ? "netd" : "blkd", kind, domid, id);
	return is_locked(file);
}
