/* SPDX-License-Identifier: BSD-2-Clause */
/* torc create --seed DIR: has torc-seed, beside torc, make a disk for cloud-init, and finds it a
 * place. */
#include "dom0-tools/cli/guest.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dom0-tools/common/beside.h"
#include "dom0-tools/common/part.h"
#include "dom0-tools/common/paths.h"

/* Run it; what it says of a failure is the reason. */
static int run(char *const argv[], int out, struct why *why)
{
	char said[512];
	int status = -1, rc = beside_run(argv, -1, out, said, sizeof(said), &status);

	if (rc)
		return why_set(why, TE_FILE, "%s: %s", argv[0], strerror(-rc));
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	return why_hint(
		why, why_set(why, TE_FILE, "seed: %s", *said ? said : "torc-seed was ended"),
		"a seed is a directory with user-data and, if wanted, meta-data, network-config, vendor-data");
}

/* A dry run leaves the one that is there. */
static int keep(int fd, const char *part, const char *file, bool dry)
{
	if (!dry)
		return part_keep(fd, part, file);
	return renameat2(AT_FDCWD, part, AT_FDCWD, file, RENAME_NOREPLACE) && errno != EEXIST ?
		       -errno :
		       0;
}

int guest_seed(const char *dir, const struct guest_config *g, bool dry, char file[PATH_MAX],
	       struct why *why)
{
	char program[PATH_MAX], uuid[37], part[PATH_MAX];
	char *const argv[] = { program, (char *)(uintptr_t)dir, g->name, uuid, NULL };
	int fd, rc = beside_path("torc-seed", program);

	if (rc)
		return why_set(why, TE_INTERNAL, "/proc/self/exe: %s", strerror(-rc));
	config_uuid_format(uuid, g->uuid);
	snprintf(file, PATH_MAX, "%s/seeds", path_state());
	if (path_make_dirs(file))
		return why_set(why, TE_FILE, "%s: %s", file, strerror(errno));
	if (snprintf(file, PATH_MAX, "%s/seeds/%s.iso", path_state(), g->name) >= PATH_MAX ||
	    snprintf(part, PATH_MAX, "%s.part", file) >= PATH_MAX)
		return why_set(why, TE_FILE, "%s: the name is too long", g->name);
	fd = part_open(part); /* of one who was killed, too */
	if (fd < 0)
		return why_set(why, TE_FILE, "%s: %s", part, part_why(fd));
	rc = run(argv, fd, why);
	if (!rc) {
		rc = keep(fd, part, file, dry);
		rc = rc ? why_set(why, TE_FILE, "%s: %s", file, strerror(-rc)) : 0;
	}
	unlink(part);
	close(fd);
	return rc;
}

/* The last letters are the least likely to be taken. */
int guest_seed_vdev(const struct guest_config *g, char vdev[8], struct why *why)
{
	for (char letter = 'z'; letter >= 'a'; letter--) {
		unsigned int number;
		bool taken = false;

		snprintf(vdev, 8, "xvd%c", letter);
		if (config_vdev_number(vdev, &number))
			continue;
		for (size_t i = 0; i < g->nr_disks; i++)
			taken |= g->disks[i].number == number;
		if (!taken)
			return 0;
	}
	return why_set(why, TE_CONFIG_VALUE, "no virtual device is left for the seed");
}
