/* SPDX-License-Identifier: BSD-2-Clause */
/* torc console between a person or a pipe and a daemon whose guest takes its keys, or does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "dom0-tools/cli/guest.h"
#include "dom0-tools/consoled/protocol.h"

#define ESCAPE "\x1d"

static char dir[] = "/tmp/torc-view-XXXXXX";
static int listener, in, peer; /* the viewer's keys, and the daemon's end */
static pid_t viewer;

/* --- of the command line */

char *cli_read(struct cli *c, const char *fmt, ...)
{
	(void)c, (void)fmt;
	return NULL;
}

int cli_store(struct cli *c)
{
	(void)c;
	return 0;
}

/* --- a viewer, attached */

static void start(int keys, int other_end)
{
	struct consoled_request rq;
	struct why why = { 0 };
	struct cli c = { .why = &why };
	int null = open("/dev/null", O_WRONLY);

	in = other_end;
	viewer = fork();
	if (viewer == 0) {
		close(other_end);
		dup2(keys, STDIN_FILENO);
		dup2(null, STDOUT_FILENO);
		dup2(null, STDERR_FILENO);
		_exit(console_attach(&c, 5, false, false) != 0);
	}
	close(keys);
	close(null);
	peer = accept(listener, NULL, NULL);
	assert_int_equal(recv(peer, &rq, sizeof(rq), MSG_WAITALL), sizeof(rq));
	assert_int_equal(rq.domid, 5);
	assert_int_equal(send(peer, "+", 1, 0), 1);
}

static bool ends(void)
{
	int status;

	for (int ms = 0; ms < 5000; ms++) {
		if (waitpid(viewer, &status, WNOHANG) == viewer)
			return WIFEXITED(status) && WEXITSTATUS(status) == 0;
		usleep(1000);
	}
	kill(viewer, SIGKILL);
	waitpid(viewer, &status, 0);
	return false;
}

static void leave(void)
{
	close(in);
	close(peer);
}

/* Typed as far as it is read; in the end nothing was for so long. */
static size_t types(size_t n, int patience_ms)
{
	struct pollfd p = { .fd = in, .events = POLLOUT };
	char keys[4096];
	size_t done = 0;
	ssize_t got;

	memset(keys, 'k', sizeof(keys));
	while (done < n && poll(&p, 1, patience_ms) > 0) {
		got = write(in, keys, n - done < sizeof(keys) ? n - done : sizeof(keys));
		if (got > 0)
			done += (size_t)got;
		else
			usleep(1000);
	}
	return done;
}

static void a_person_is_heard_whatever_the_guest_does(void **state)
{
	struct termios t;
	int master, slave;

	(void)state;
	assert_int_equal(openpty(&master, &slave, NULL, NULL, NULL), 0);
	assert_int_equal(tcgetattr(slave, &t), 0);
	cfmakeraw(&t);
	assert_int_equal(tcsetattr(slave, TCSANOW, &t), 0);
	fcntl(master, F_SETFL, O_NONBLOCK);
	start(slave, master);
	assert_int_equal(types(1 << 20, 1000), 1 << 20);
	assert_int_equal(write(in, ESCAPE, 1), 1);
	assert_true(ends());
	leave();
}

static void a_pipe_has_time(void **state)
{
	static char got[1 << 16];
	size_t all = 0, sent;
	int fds[2];
	ssize_t n;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	fcntl(fds[1], F_SETFL, O_NONBLOCK);
	start(fds[0], fds[1]);
	sent = types(4 << 20, 300);
	assert_in_range(sent, 1, (4 << 20) - 1); /* it waits for the guest */
	while (all < sent) {
		n = recv(peer, got, sizeof(got), 0);
		assert_true(n > 0);
		all += (size_t)n;
	}
	/* and all of it comes before the end */
	assert_int_equal(types(10000, 1000), 10000);
	assert_int_equal(write(in, ESCAPE "never", 6), 6);
	assert_true(ends());
	for (all = 0; (n = recv(peer, got, sizeof(got), 0)) > 0; all += (size_t)n)
		;
	assert_int_equal(all, 10000);
	leave();
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_person_is_heard_whatever_the_guest_does),
		cmocka_unit_test(a_pipe_has_time),
	};
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int failed;

	signal(SIGPIPE, SIG_IGN);
	if (!mkdtemp(dir))
		return 1;
	setenv("TORC_RUN_DIR", dir, 1);
	snprintf(a.sun_path, sizeof(a.sun_path), "%s/%s", dir, CONSOLED_SOCKET);
	listener = socket(AF_UNIX, SOCK_STREAM, 0);
	if (bind(listener, (struct sockaddr *)&a, sizeof(a)) || listen(listener, 1))
		return 1;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(a.sun_path);
	rmdir(dir);
	return failed;
}
