/* SPDX-License-Identifier: BSD-2-Clause */
/* What a service manager hears of a daemon that serves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "dom0-tools/common/ready.h"

/* Bound to where a name of the environment's leads. */
static int listener(const char *name)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	strcpy(a.sun_path, name);
	if (*name == '@')
		a.sun_path[0] = 0;
	assert_int_equal(bind(fd, (struct sockaddr *)&a,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name))),
			 0);
	setenv("NOTIFY_SOCKET", name, 1);
	return fd;
}

static void heard(int fd)
{
	char got[32] = "";

	ready_tell();
	assert_int_equal(recv(fd, got, sizeof(got) - 1, 0), 7);
	assert_string_equal(got, "READY=1");
	assert_int_equal(recv(fd, got, sizeof(got), 0), -1);
	close(fd);
}

static void by_file(void **state)
{
	char dir[] = "/tmp/torc-ready.XXXXXX", path[64];

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/notify", dir);
	heard(listener(path));
	ready_tell(); /* nobody listens any more */
	unlink(path);
	rmdir(dir);
}

static void by_name(void **state)
{
	char name[64];

	(void)state;
	snprintf(name, sizeof(name), "@torc-ready-%d", (int)getpid());
	heard(listener(name));
}

static void nobody(void **state)
{
	char longest[200];

	(void)state;
	memset(longest, 'x', sizeof(longest) - 1);
	longest[0] = '/';
	longest[sizeof(longest) - 1] = 0;
	unsetenv("NOTIFY_SOCKET");
	ready_tell();
	setenv("NOTIFY_SOCKET", "", 1);
	ready_tell();
	setenv("NOTIFY_SOCKET", "relative", 1);
	ready_tell();
	setenv("NOTIFY_SOCKET", longest, 1);
	ready_tell();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_file),
		cmocka_unit_test(by_name),
		cmocka_unit_test(nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
