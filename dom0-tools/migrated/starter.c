/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A supervisor for guests that arrive, which need one as much as those that are created. This
 * daemon starts no program once it listens: a torc supervise --on-request, which was started
 * before, does. All that it takes from here is that something was said.
 */
#include "dom0-tools/migrated/migrated.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "dom0-tools/common/beside.h"

static int to_starter = -1;

static int start(int from)
{
	extern char **environ;
	char torc[PATH_MAX], *argv[] = { "torc", "supervise", "--on-request", NULL };
	posix_spawn_file_actions_t actions;
	pid_t pid;
	int rc = -beside_path("torc", torc);

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, from, STDIN_FILENO);
	rc = rc ? rc : posix_spawn(&pid, torc, &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	return -rc;
}

static int ask(void)
{
	/* one that has not read yet what it was asked before need not be asked again */
	return write(to_starter, "", 1) == 1 || errno == EAGAIN ? 0 : -errno;
}

void starter_open(void)
{
	int fds[2], rc = pipe2(fds, O_CLOEXEC) ? -errno : 0;

	if (!rc) {
		to_starter = fds[1];
		rc = start(fds[0]);
		close(fds[0]);
	}
	if (!rc)
		rc = fcntl(to_starter, F_SETFL, O_NONBLOCK) ? -errno : ask();
	if (rc)
		syslog(LOG_WARNING, "no supervisor can be started from here: %s", strerror(-rc));
}

void starter_guest_came(const char *name)
{
	int rc = supervisor_runs() ? 0 : ask();

	if (rc)
		syslog(LOG_WARNING,
		       "%s: nobody acts when it stops: no supervisor runs, and none can be started from here (%s); torc supervise starts one, the service torc-supervise keeps one",
		       name, strerror(-rc));
}
