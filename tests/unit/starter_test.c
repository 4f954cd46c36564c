/* SPDX-License-Identifier: BSD-2-Clause */
/* A supervisor for guests that arrive: started from torc-migrated's confinement, where nothing can
 * be started. This program is also the torc that is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "dom0-tools/cli/guest.h"
#include "dom0-tools/common/beside.h"
#include "dom0-tools/common/log.h"
#include "dom0-tools/common/paths.h"
#include "dom0-tools/migrated/migrated.h"

static char run[] = "/tmp/starter-XXXXXX", path[64], said[512];

int beside_path(const char *name, char out[PATH_MAX])
{
	assert_string_equal(name, "torc");
	strcpy(out, "/proc/self/exe");
	return 0;
}

void cli_note(const char *fmt, ...)
{
	(void)fmt;
}

void log_say(int priority, const struct log_about *about, const char *fmt, ...)
{
	(void)priority, (void)about, (void)fmt;
}

void syslog(int priority, const char *fmt, ...)
{
	va_list ap;

	(void)priority;
	va_start(ap, fmt);
	vsnprintf(said, sizeof(said), fmt, ap);
	va_end(ap);
}

/* --- torc supervise */

static int supervise(void)
{
	char text[16];
	int n;

	/* for a test that dies */
	alarm(60);
	if (daemon(0, 0) || supervisor_lock(false) < 0)
		return 1;
	alarm(60);
	n = snprintf(text, sizeof(text), "%d\n", (int)getpid());
	path_write_file(path, text, (size_t)n);
	for (;;)
		pause();
}

/* --- the tests, each in a daemon of its own */

static bool there_is_one(bool want)
{
	const struct timespec nap = { .tv_nsec = 10000000 };

	for (unsigned int i = 0; i < 1000 && supervisor_runs() != want; i++)
		nanosleep(&nap, NULL);
	return supervisor_runs() == want;
}

static void kill_it(void)
{
	char *text;

	assert_int_equal(path_read_file(path, 16, &text, NULL), 0);
	assert_true(atoi(text) > 1);
	assert_int_equal(kill(atoi(text), SIGKILL), 0);
	free(text);
	unlink(path);
	assert_true(there_is_one(false));
}

static bool pid_written(void)
{
	const struct timespec nap = { .tv_nsec = 10000000 };

	for (unsigned int i = 0; i < 1000 && access(path, F_OK); i++)
		nanosleep(&nap, NULL);
	return access(path, F_OK) == 0;
}

static int in_a_daemon(bool (*fn)(void))
{
	pid_t child = fork();
	int status;

	assert_true(child >= 0);
	if (child == 0)
		_exit(!fn());
	assert_int_equal(waitpid(child, &status, 0), child);
	return status;
}

/* At its start, and again for a guest that comes when that one is gone. */
static bool asks(void)
{
	starter_open();
	if (sandbox_enter() || system("true") == 0 || !there_is_one(true) || !pid_written())
		return false;
	kill_it();
	starter_guest_came("web");
	return there_is_one(true) && pid_written() && !*said;
}

static void for_a_guest_that_comes(void **state)
{
	(void)state;
	assert_int_equal(in_a_daemon(asks), 0);
	assert_true(supervisor_runs()); /* it outlives who asked for it */
	kill_it();
}

/* One is enough. */
static bool asks_not(void)
{
	starter_open();
	starter_guest_came("web");
	return !*said;
}

static void not_beside_another(void **state)
{
	int lock = supervisor_lock(false);

	(void)state;
	assert_true(lock >= 0);
	assert_int_equal(in_a_daemon(asks_not), 0);
	while (wait(NULL) > 0) /* until all that it was asked is done */
		;
	assert_int_equal(access(path, F_OK), -1);
	close(lock);
}

/* Who would start it is gone: that is told. */
static bool tells(void)
{
	starter_guest_came("web");
	return strstr(said, "web: nobody acts when it stops") && strstr(said, "torc supervise");
}

static void or_it_is_told(void **state)
{
	(void)state;
	assert_int_equal(in_a_daemon(tells), 0);
}

/* What a service manager starts waits for one that torc create started: it would be started again
 * and again. */
static void waits_for_another(void **state)
{
	int lock = supervisor_lock(false);
	pid_t child = fork();

	(void)state;
	assert_true(lock >= 0 && child >= 0);
	if (child == 0) {
		close(lock);
		alarm(60);
		lock = supervisor_lock(true);
		_exit(lock < 0 || access(path, F_OK));
	}
	usleep(500000);
	assert_int_equal(waitpid(child, NULL, WNOHANG), 0);
	assert_int_equal(path_write_file(path, "", 0), 0);
	close(lock);
	assert_int_equal(waitpid(child, &lock, 0), child);
	assert_int_equal(lock, 0);
	unlink(path);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(for_a_guest_that_comes),
		cmocka_unit_test(not_beside_another),
		cmocka_unit_test(or_it_is_told),
		cmocka_unit_test(waits_for_another),
	};
	char lock[64];
	int rc;

	if (argc > 1 && getenv("TORC_RUN_DIR")) {
		snprintf(path, sizeof(path), "%s/pid", getenv("TORC_RUN_DIR"));
		return argc > 2 && strcmp(argv[2], "--on-request") == 0 ?
			       supervisor_on_request(STDIN_FILENO) :
			       supervise();
	}
	if (!mkdtemp(run) || setenv("TORC_RUN_DIR", run, 1))
		return 1;
	signal(SIGPIPE, SIG_IGN);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	snprintf(path, sizeof(path), "%s/pid", run);
	snprintf(lock, sizeof(lock), "%s/supervise.lock", run);
	rc = cmocka_run_group_tests_name("starter", tests, NULL, NULL);
	unlink(lock);
	unlink(path);
	rmdir(run);
	return rc;
}
