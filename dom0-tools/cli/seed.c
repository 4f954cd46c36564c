/* SPDX-License-Identifier: BSD-2-Clause */
/* torc create --seed DIR: has torc-seed, beside torc, make a disk for cloud-init, and finds it a
 * place. */
#include "dom0-tools/cli/guest.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dom0-tools/common/beside.h"
#include "dom0-tools/common/paths.h"

/* Run it; what it says of a failure is the reason. */
static int run(char *const argv[], struct why *why)
{
	char said[512];
	int status = -1, rc = beside_run(argv, -1, -1, said, sizeof(said), &status);

	if (rc)
		return why_set(why, TE_FILE, "%s: %s", argv[0], strerror(-rc));
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	return why_hint(
		why, why_set(why, TE_FILE, "seed: %s", *said ? said : "torc-seed was ended"),
		"a seed is a directory with user-data and, if wanted, meta-data, network-config, vendor-data");
}

int guest_seed(const char *dir, const struct guest_config *g, bool dry, char file[PATH_MAX],
	       struct why *why)
{
	char program[PATH_MAX], uuid[37], made[PATH_MAX];
	char *const argv[] = { program, (char *)(uintptr_t)dir, made, g->name, uuid, NULL };
	int rc = beside_path("torc-seed", program);

	if (rc)
		return why_set(why, TE_INTERNAL, "/proc/self/exe: %s", strerror(-rc));
	config_uuid_format(uuid, g->uuid);
	snprintf(file, PATH_MAX, "%s/seeds", path_state());
	if (path_make_dirs(file))
		return why_set(why, TE_FILE, "%s: %s", file, strerror(errno));
	if (snprintf(file, PATH_MAX, "%s/seeds/%s.iso", path_state(), g->name) >= PATH_MAX ||
	    snprintf(made, PATH_MAX, "%s.%d", file, (int)getpid()) >= PATH_MAX)
		return why_set(why, TE_FILE, "%s: the name is too long", g->name);
	rc = run(argv, why);
	if (rc)
		return rc;
	if ((dry ? link(made, file) : rename(made, file)) && !(dry && errno == EEXIST))
		rc = why_set(why, TE_FILE, "%s: %s", file, strerror(errno));
	unlink(made);
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
