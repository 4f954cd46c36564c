/* SPDX-License-Identifier: BSD-2-Clause */
/* Is there a supervisor, by its lock on RUN/supervise.lock; and if not, one is started. What it
 * does is in supervise.c. */
#include "dom0-tools/cli/guest.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "dom0-tools/common/log.h"
#include "dom0-tools/common/paths.h"
#include "dom0-tools/common/ready.h"

#define COMES_MS 5000 /* until it has its lock, on a busy host */
#define LOOK_MS	 50
#define TRIES	 5

static int lock_open(bool make)
{
	char path[PATH_MAX];

	if (make && path_make_dirs(path_run()))
		return -1;
	snprintf(path, sizeof(path), "%s/supervise.lock", path_run());
	return open(path, O_RDWR | O_CLOEXEC | (make ? O_CREAT : 0), 0600);
}

/* Of several who look at once none takes another one for it. */
bool supervisor_runs(void)
{
	int fd = lock_open(false);
	bool runs = fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0;

	if (fd >= 0)
		close(fd);
	return runs;
}

/* Who looks whether there is one holds the lock for that moment. */
int supervisor_lock(bool wait)
{
	const struct timespec nap = { .tv_nsec = LOOK_MS * 1000000l };
	int fd = lock_open(true), tries = TRIES;

	if (fd < 0)
		return -1;
	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (wait && tries == 1) {
			log_say(LOG_INFO, NULL,
				"another supervisor runs: this one waits for its end");
			ready_tell(); /* somebody acts on guests that stop */
			while (flock(fd, LOCK_EX) < 0 && errno == EINTR)
				;
			break;
		}
		if (!--tries || (errno != EWOULDBLOCK && errno != EINTR)) {
			close(fd);
			errno = EWOULDBLOCK;
			return -1;
		}
		nanosleep(&nap, NULL);
	}
	return fd;
}

void supervisor_start(void)
{
	extern char **environ;
	char *argv[] = { "torc", "supervise", NULL };
	int fd = lock_open(true), status;
	pid_t pid;

	if (fd < 0) {
		cli_note("no supervisor: %s: %s", path_run(), strerror(errno));
		return;
	}
	close(fd);
	if (supervisor_runs())
		return;
	if (posix_spawn(&pid, "/proc/self/exe", NULL, NULL, argv, environ) == 0)
		waitpid(pid, &status, 0); /* it goes to the background by itself */
	else
		cli_note("no supervisor: %s", strerror(errno));
}

static bool comes(void)
{
	const struct timespec nap = { .tv_nsec = LOOK_MS * 1000000l };

	for (unsigned int ms = 0; ms < COMES_MS; ms += LOOK_MS) {
		if (supervisor_runs())
			return true;
		nanosleep(&nap, NULL);
	}
	return supervisor_runs();
}

int supervisor_on_request(int fd)
{
	char all[64];
	ssize_t n;

	while ((n = read(fd, all, sizeof(all))) > 0 || (n < 0 && errno == EINTR)) {
		if (n < 0)
			continue;
		supervisor_start();
		if (!comes())
			log_say(LOG_ERR, NULL,
				"no supervisor comes up, so nobody acts on guests that stop: torc supervise --foreground tells why");
	}
	return 0;
}
