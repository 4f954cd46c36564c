/* SPDX-License-Identifier: BSD-2-Clause */
/* Finding and running the programs that stand beside this one. */
#include "dom0-tools/common/beside.h"

#include <errno.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

int beside_path(const char *name, char out[PATH_MAX])
{
	ssize_t n = readlink("/proc/self/exe", out, PATH_MAX - 1);
	char *base;

	if (n < 0)
		return -errno;
	out[n] = 0;
	base = strrchr(out, '/');
	base = base ? base + 1 : out;
	if (strlen(name) >= (size_t)(out + PATH_MAX - base))
		return -ENAMETOOLONG;
	strcpy(base, name);
	return 0;
}

static void read_said(int fd, char *said, size_t size)
{
	char rest[256];
	size_t n = 0;
	ssize_t got;

	while (n < size - 1 &&
	       ((got = read(fd, said + n, size - 1 - n)) > 0 || (got < 0 && errno == EINTR)))
		n += got > 0 ? (size_t)got : 0;
	said[n] = 0;
	/* the rest is not wanted, but nobody shall wait for room in the pipe */
	while ((got = read(fd, rest, sizeof(rest))) > 0 || (got < 0 && errno == EINTR))
		;
}

int beside_run(char *const argv[], int in, int out, char *said, size_t size, int *status)
{
	extern char **environ;
	posix_spawn_file_actions_t actions;
	int fds[2], rc;
	pid_t pid;

	if (pipe(fds) < 0)
		return -errno;
	posix_spawn_file_actions_init(&actions);
	if (in >= 0)
		posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
	if (out >= 0)
		posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&actions, fds[1], STDERR_FILENO);
	posix_spawn_file_actions_addclose(&actions, fds[0]);
	posix_spawn_file_actions_addclose(&actions, fds[1]);
	rc = posix_spawn(&pid, argv[0], &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	close(fds[1]);
	if (!rc)
		read_said(fds[0], said, size);
	close(fds[0]);
	if (rc)
		return -rc;
	while (waitpid(pid, status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}
