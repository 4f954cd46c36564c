/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The console daemon's process of root's, with a store that is a socket: what a daemon that is
 * nobody still gets through it, and what not. Needs to be root, to have something to give up.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dom0-tools/common/drop.h"
#include "dom0-tools/consoled/door.h"

#define NOBODY 65534

static char dir[32], store[64], other[64], left[64];

int host_open(struct host **h, struct why *why)
{
	(void)why;
	*h = (struct host *)dir;
	return 0;
}

int host_domain_list(struct host *h, struct domain_info **list, size_t *count, struct why *why)
{
	(void)h, (void)why;
	*list = calloc(3, sizeof(**list));
	(*list)[1].domid = 5;
	(*list)[2].domid = 1000;
	(*list)[2].dying = true;
	*count = 3;
	return 0;
}

static int listen_at(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	unlink(path);
	strcpy(a.sun_path, path);
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) || chmod(path, 0600) || listen(fd, 5))
		return -1;
	return fd;
}

/* 0, or errno */
static int connects_to(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), rc;

	strcpy(a.sun_path, path);
	rc = connect(fd, (struct sockaddr *)&a, sizeof(a)) ? errno : 0;
	if (!rc && write(fd, "hello", 5) != 5)
		rc = EPIPE;
	close(fd);
	return rc;
}

/* What fails is told by the number of its line. */
#define WANT(x)                          \
	do {                             \
		if (!(x))                \
			return __LINE__; \
	} while (0)

/* The daemon's part, in a process of its own that is nobody afterwards. */
static int as_nobody(void)
{
	const char *const leave[2] = { left, NULL };
	uint8_t alive[DOOR_ALIVE_BYTES];
	struct pollfd p;
	int fd;

	WANT(door_start(store, leave) == 0);
	WANT(drop_to_user(NOBODY, NOBODY) == 0);
	WANT(setuid(0) && errno == EPERM);
	WANT(open(left, O_RDONLY) < 0 && errno == EACCES);
	/* the store, through the door; not so another socket of root's */
	WANT(connects_to(store) == 0);
	WANT(connects_to(other) == EACCES);
	WANT(kill(getppid(), 0) < 0 && errno == EPERM);
	WANT(door_alive(alive) == 0);
	for (unsigned int i = 0; i < HOST_FIRST_RESERVED; i++)
		WANT((alive[i / 8] >> i % 8 & 1) == (i == 0 || i == 5));
	p = (struct pollfd){ .fd = door_fd(), .events = POLLIN };
	WANT(poll(&p, 1, 0) == 0);
	door_tidy();
	WANT(connects_to(store) == 0);
	fd = door_fd();
	WANT(shutdown(fd, SHUT_WR) == 0);
	WANT(poll(&p, 1, 60000) == 1); /* it ends with the daemon */
	return 0;
}

static void what_nobody_still_gets(void **state)
{
	int s, o, status, fd;
	char got[8];
	pid_t p;

	(void)state;
	if (geteuid() != 0)
		skip();
	s = listen_at(store);
	o = listen_at(other);
	assert_true(s >= 0 && o >= 0);
	fd = open(left, O_CREAT | O_WRONLY, 0600);
	close(fd);
	p = fork();
	if (!p)
		_exit(as_nobody() & 0xff);
	assert_int_equal(waitpid(p, &status, 0), p);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	for (int i = 0; i < 2; i++) {
		fd = accept(s, NULL, NULL);
		assert_int_equal(read(fd, got, sizeof(got)), 5);
		close(fd);
	}
	assert_int_equal(access(left, F_OK), -1);
	close(s);
	close(o);
}

static void a_store_that_is_not_there(void **state)
{
	const char *const leave[2] = { NULL, NULL };
	int status;
	pid_t p;

	(void)state;
	if (geteuid() != 0)
		skip();
	p = fork();
	if (!p) {
		int rc = door_start(store, leave) || drop_to_user(NOBODY, NOBODY);

		_exit(rc || connects_to(store) != ECONNREFUSED);
	}
	assert_int_equal(waitpid(p, &status, 0), p);
	assert_int_equal(status, 0);
}

/* Without its door the daemon ends, and says so by its status. */
static void a_door_that_was_killed(void **state)
{
	const char *const leave[2] = { NULL, NULL };
	uint8_t alive[DOOR_ALIVE_BYTES];
	int status;
	pid_t p;

	(void)state;
	p = fork();
	if (!p) {
		char self[64];
		FILE *f;
		int child = 0;

		if (door_start(store, leave))
			_exit(2);
		snprintf(self, sizeof(self), "/proc/self/task/%d/children", (int)getpid());
		f = fopen(self, "r");
		if (!f || fscanf(f, "%d", &child) != 1)
			_exit(3);
		fclose(f);
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
		door_alive(alive);
		_exit(0);
	}
	assert_int_equal(waitpid(p, &status, 0), p);
	assert_int_equal(WEXITSTATUS(status), 1);
}

static int setup(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/torc-door.XXXXXX");
	if (!mkdtemp(dir) || chmod(dir, 0755))
		return -1;
	snprintf(store, sizeof(store), "%s/store", dir);
	snprintf(other, sizeof(other), "%s/other", dir);
	snprintf(left, sizeof(left), "%s/left", dir);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	unlink(store);
	unlink(other);
	unlink(left);
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_nobody_still_gets),
		cmocka_unit_test(a_store_that_is_not_there),
		cmocka_unit_test(a_door_that_was_killed),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
