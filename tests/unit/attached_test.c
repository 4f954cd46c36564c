/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A backend daemon's processes, without a store: a device that is attached while the process of the
 * one before it, of the same number, is about to end. The processes are this program, started again
 * as the daemon starts itself.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <xen/io/xenbus.h>

#include "drivers/backend/common/alone.h"
#include "drivers/backend/common/bdev.h"
#include "drivers/backend/common/supervise.h"

#define DEVICE	"/local/domain/0/backend/vbd/5/51712"
#define PATIENT 60 /* seconds, and it is a failure */

static char run[64] = "/tmp/attached-XXXXXX";
static int events = -1;

/* Two numbers that the processes share, each in a file. */
static int number(const char *name, int set)
{
	char path[128], text[8] = "";
	int fd, n;

	snprintf(path, sizeof(path), "%s/%s", run, name);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	n = fd < 0 ? -1 : (int)pread(fd, text, sizeof(text) - 1, 0);
	if (n >= 0 && set >= 0) {
		snprintf(text, sizeof(text), "%d", set);
		n = (int)pwrite(fd, text, strlen(text), 0);
	}
	if (fd >= 0)
		close(fd);
	return n < 0 ? -1 : atoi(text);
}

/* --- the store: one device, whose state is a number */

int store_open(struct store **out, const char *path)
{
	(void)path;
	*out = NULL;
	events = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
	return events < 0 ? -errno : 0;
}

void store_close(struct store **s)
{
	(void)s;
	close(events);
}

const char *store_why(const struct store *s)
{
	(void)s;
	return "?";
}

int store_fd(const struct store *s)
{
	(void)s;
	return events;
}

int store_watch(struct store *s, const char *path, const char *token)
{
	(void)s;
	(void)path;
	(void)token;
	return 0;
}

/* The device is there: that is told once. */
int store_next_event(struct store *s, struct store_event **event, int timeout_ms)
{
	uint64_t n;

	(void)s;
	(void)timeout_ms;
	if (read(events, &n, sizeof(n)) < 0)
		return -EAGAIN;
	*event = calloc(1, sizeof(**event));
	assert_non_null(*event);
	(*event)->path = DEVICE;
	(*event)->token = "device";
	return 0;
}

int store_list(struct store *s, store_txn_t t, const char *path, char ***names, size_t *count)
{
	(void)s;
	(void)t;
	(void)path;
	(void)names;
	(void)count;
	return -ENOENT;
}

int store_exists(struct store *s, store_txn_t t, const char *path, bool *yes)
{
	(void)s;
	(void)t;
	*yes = !strstr(path, "/error") || number("error", -1);
	return 0;
}

int store_read_u64(struct store *s, store_txn_t t, const char *path, uint64_t *value)
{
	(void)s;
	(void)t;
	*value = strstr(path, "/online") ? 1 :
		 strcmp(path, "domid")	 ? (uint64_t)number("state", -1) :
					   0;
	if (*value == XenbusStateClosed && (number("served", -1) || number("error", -1)))
		raise(SIGTERM); /* it has looked at the last one's end: enough */
	return 0;
}

/* --- what a device's process needs */

int alone(const char *back, const char *run_dir)
{
	(void)back;
	(void)run_dir;
	return 0;
}

int bdev_file(const char *back, const char *run_dir, const char *suffix, char *out, size_t size)
{
	(void)back;
	snprintf(out, size, "%s/device%s", run_dir, suffix);
	return 0;
}

/* The first finds, at its end, that there is another in its place; the second that all is over. */
static int serve(const char *back, const char *run_dir)
{
	int served;

	snprintf(run, sizeof(run), "%s", run_dir);
	served = number("served", -1) + 1;
	number("served", served);
	number("state", served == 1 ? XenbusStateInitialising : XenbusStateClosed);
	return strcmp(back, DEVICE) != 0;
}

static int begin(int argc, char **argv)
{
	struct daemon_options o = { .name = "attached",
				    .usage = "",
				    .types = { "vbd" },
				    .nr_types = 1,
				    .needs = { "frontend", NULL },
				    .serve = serve };

	return daemon_main(&o, argc, argv);
}

/* --- the test */

/* How often a device is served that is found so, by a daemon of its own. */
static int served_when(enum xenbus_state state, int error)
{
	char *argv[] = { "attached", "--foreground", "--run-dir", run, NULL };
	pid_t daemon;
	int status;

	number("state", (int)state);
	number("error", error);
	number("served", 0);
	daemon = fork();
	if (daemon == 0) {
		alarm(PATIENT);
		_exit(begin(4, argv));
	}
	assert_int_equal(waitpid(daemon, &status, 0), daemon);
	assert_int_equal(status, 0);
	return number("served", -1);
}

static void served_again(void **state)
{
	(void)state;
	assert_int_equal(served_when(XenbusStateInitialising, 0), 2);
}

/* The guest has closed it, and may open it again: a daemon that is started anew waits for that. */
static void served_when_closed(void **state)
{
	(void)state;
	assert_int_equal(served_when(XenbusStateClosed, 0), 2);
}

static void left_when_refused(void **state)
{
	(void)state;
	assert_int_equal(served_when(XenbusStateClosed, 1), 0);
}

int main(int argc, char **argv)
{
	static const char *const left[] = { "state", "served", "error", "daemon.lock" };
	const struct CMUnitTest tests[] = { cmocka_unit_test(served_again),
					    cmocka_unit_test(served_when_closed),
					    cmocka_unit_test(left_when_refused) };
	char path[128];
	int rc;

	if (argc > 1)
		return begin(argc, argv);
	if (!mkdtemp(run))
		return 1;
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	for (size_t i = 0; i < sizeof(left) / sizeof(left[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", run, left[i]);
		unlink(path);
	}
	rmdir(run);
	return rc;
}
