/* SPDX-License-Identifier: BSD-2-Clause */
/* A viewer's terminal, as it is while it looks and after each of its ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pty.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "dom0-tools/cli/terminal.h"

static int master, slave;

static int set_up(void **state)
{
	(void)state;
	return openpty(&master, &slave, NULL, NULL, NULL);
}

static int tear_down(void **state)
{
	(void)state;
	close(slave);
	close(master);
	return 0;
}

/* What a viewer ended with, and whether the terminal was its own meanwhile. */
static int ends_by(int sig, enum terminal_keys keys, tcflag_t *meanwhile)
{
	struct termios t;
	int ready[2], go[2], status;
	char c;
	pid_t p;

	assert_int_equal(pipe(ready), 0);
	assert_int_equal(pipe(go), 0);
	p = fork();
	if (p == 0) {
		dup2(slave, STDIN_FILENO);
		if (!terminal_take(keys) || write(ready[1], "r", 1) != 1 || read(go[0], &c, 1) != 1)
			_exit(9);
		if (sig)
			raise(sig);
		exit(3);
	}
	assert_int_equal(read(ready[0], &c, 1), 1);
	assert_int_equal(tcgetattr(slave, &t), 0);
	*meanwhile = t.c_lflag;
	assert_int_equal(write(go[1], "g", 1), 1);
	assert_int_equal(waitpid(p, &status, 0), p);
	for (int i = 0; i < 2; i++) {
		close(ready[i]);
		close(go[i]);
	}
	return status;
}

static void given_back_at_every_end(void **state)
{
	static const int sigs[] = { SIGTERM, SIGHUP, SIGINT, SIGQUIT, 0 };
	struct termios before, after;
	tcflag_t meanwhile;
	int status;

	(void)state;
	assert_int_equal(tcgetattr(slave, &before), 0);
	for (size_t i = 0; i < sizeof(sigs) / sizeof(sigs[0]); i++)
		for (int keys = TERMINAL_ONE_BY_ONE; keys <= TERMINAL_ALL; keys++) {
			status = ends_by(sigs[i], (enum terminal_keys)keys, &meanwhile);
			assert_int_equal(meanwhile & (ICANON | ECHO | ISIG), 0);
			if (sigs[i])
				assert_true(WIFSIGNALED(status) && WTERMSIG(status) == sigs[i]);
			else
				assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 3);
			assert_int_equal(tcgetattr(slave, &after), 0);
			assert_int_equal(after.c_lflag, before.c_lflag);
			assert_int_equal(after.c_iflag, before.c_iflag);
			assert_int_equal(after.c_oflag, before.c_oflag);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(given_back_at_every_end, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
