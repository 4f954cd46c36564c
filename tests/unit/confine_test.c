/* SPDX-License-Identifier: BSD-2-Clause */
/* A device's process, once it is confined: what it may do, and what ends it. Each case is a process
 * of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "drivers/backend/common/confine.h"

/* The status of a process that was confined and then did this; it ends with what fn returns. */
static int confined(int (*fn)(void))
{
	struct why why;
	int status;
	pid_t p = fork();

	if (p == 0)
		_exit(confine(&why) ? 99 : fn());
	assert_int_equal(waitpid(p, &status, 0), p);
	return status;
}

static int works(void)
{
	char *m = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	return m == MAP_FAILED || fd < 0 || write(fd, "", 0) > 0 ? 1 : 7;
}
static int opens_a_file(void)
{
	return open("/etc/passwd", O_RDONLY);
}
static int runs_a_program(void)
{
	return execl("/bin/true", "true", (char *)NULL);
}
static int makes_code(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
	       MAP_FAILED;
}
static int goes_on_the_network(void)
{
	return socket(AF_INET, SOCK_STREAM, 0);
}
static int asks_a_device_for_more(void)
{
	return fcntl(0, F_GETFD) + (int)syscall(16, 0, 0x5401ul, 0ul); /* ioctl TCGETS */
}

static void what_serving_takes_is_allowed(void **state)
{
	int status = confined(works);

	(void)state;
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 7);
}

static void everything_else_ends_the_process(void **state)
{
	int (*const bad[])(void) = { opens_a_file, runs_a_program, makes_code, goes_on_the_network,
				     asks_a_device_for_more };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		int status = confined(bad[i]);

		assert_true(WIFSIGNALED(status));
		assert_int_equal(WTERMSIG(status), SIGSYS);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_serving_takes_is_allowed),
		cmocka_unit_test(everything_else_ends_the_process),
	};

	if (geteuid()) {
		print_message("ok confine # skip only root can give its privileges up\n");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
