/* SPDX-License-Identifier: BSD-2-Clause */
/* torc create --seed DIR: has torc-seed, beside torc, make a disk for cloud-init, and finds it a place. */
#include "dom0-tools/cli/guest.h"

#include <errno.h>
#include <limits.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dom0-tools/common/paths.h"

/* Run it; what it says of a failure is the reason. */
static int run(char *const argv[], struct why *why)
{
	extern char **environ;
	posix_spawn_file_actions_t actions;
	char said[512];
	int fds[2], rc, status = -1;
	size_t n = 0;
	ssize_t got;
	pid_t pid;

	if (pipe(fds) < 0)
		return why_set(why, TE_INTERNAL, "no pipe: %s", strerror(errno));
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, fds[1], STDERR_FILENO);
	posix_spawn_file_actions_addclose(&actions, fds[0]);
	posix_spawn_file_actions_addclose(&actions, fds[1]);
	rc = posix_spawn(&pid, argv[0], &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	close(fds[1]);
	while (!rc && n < sizeof(said) - 1 && (got = read(fds[0], said + n, sizeof(said) - 1 - n)) > 0)
		n += (size_t)got;
	said[n] = 0;
	close(fds[0]);
	if (rc)
		return why_set(why, TE_FILE, "%s: %s", argv[0], strerror(rc));
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	return why_hint(why, why_set(why, TE_FILE, "seed: %s", n ? said : "torc-seed was ended"),
			"a seed is a directory with user-data and, if wanted, meta-data, network-config, vendor-data");
}

int guest_seed(const char *dir, const struct guest_config *g, char file[PATH_MAX], struct why *why)
{
	char program[PATH_MAX], uuid[37], *base;
	char *const argv[] = { program, (char *)(uintptr_t)dir, file, g->name, uuid, NULL };
	ssize_t n = readlink("/proc/self/exe", program, sizeof(program) - sizeof("torc-seed"));

	if (n < 0)
		return why_set(why, TE_INTERNAL, "/proc/self/exe: %s", strerror(errno));
	program[n] = 0;
	base = strrchr(program, '/');
	strcpy(base ? base + 1 : program, "torc-seed");
	config_uuid_format(uuid, g->uuid);
	snprintf(file, PATH_MAX, "%s/seeds", path_state());
	if (path_make_dirs(file))
		return why_set(why, TE_FILE, "%s: %s", file, strerror(errno));
	if (snprintf(file, PATH_MAX, "%s/seeds/%s.iso", path_state(), g->name) >= PATH_MAX)
		return why_set(why, TE_FILE, "%s: the name is too long", g->name);
	return run(argv, why);
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
