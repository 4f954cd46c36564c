/* SPDX-License-Identifier: BSD-2-Clause */
/* torc gdb's connection: whatever becomes of the peer, the guest is left as it was. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <netinet/in.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dom0-tools/gdb/gdb.h"
#include "tests/unit/fake_debug.h"
#include "tests/unit/tcp_timer.h"

static struct host *h;
static struct fake_guest *g;

/* In a process of its own, which ends well if the guest was left as it was. */
static pid_t serve_through(const struct gdb_serve *how)
{
	struct why why = { 0 };
	pid_t p = fork();

	if (p)
		return p;
	_exit(gdb_serve(h, FAKE_DOMAIN, how, &why) || g->debugged || g->pauses);
}

static pid_t serve(int fd)
{
	return serve_through(&(struct gdb_serve){ .listen = -1, .in = fd, .out = fd });
}

static int ends(pid_t p)
{
	int status;

	for (int ms = 0; ms < 5000; ms++) {
		if (waitpid(p, &status, WNOHANG) == p)
			return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
		usleep(1000);
	}
	kill(p, SIGKILL);
	waitpid(p, &status, 0);
	return -1;
}

static int setup(void **state)
{
	(void)state;
	h = fake_guest_new(false);
	g = fake_guest_of(h);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fake_guest_free(h);
	return 0;
}

static void the_last_word_is_answered(void **state)
{
	char packet[16], got[64];
	int fds[2];
	ssize_t n = 0;
	pid_t p;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	p = serve(fds[1]);
	close(fds[1]);
	assert_int_equal(write(fds[0], packet, packet_make(packet, "D", 1)), 5);
	for (ssize_t more; (more = read(fds[0], got + n, sizeof(got) - (size_t)n)) > 0; n += more)
		;
	assert_int_equal(n, 7);
	assert_memory_equal(got, "+$OK#9a", 7);
	assert_int_equal(ends(p), 0);
	close(fds[0]);
}

/* It asks, does not listen, and stays. */
static void a_signal_is_heard_beside_a_deaf_peer(void **state)
{
	char packet[32];
	int fds[2];
	ssize_t n;
	pid_t p;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	p = serve(fds[1]);
	close(fds[1]);
	n = (ssize_t)packet_make(packet, "m401000,1000", 12);
	for (int i = 0; i < 60; i++)
		assert_int_equal(write(fds[0], packet, (size_t)n), n);
	usleep(300000); /* as full as it gets */
	assert_int_equal(kill(p, SIGTERM), 0);
	assert_int_equal(ends(p), 0);
	close(fds[0]);
}

static void a_peer_whose_machine_is_gone_is_missed(void **state)
{
	struct sockaddr_in a;
	socklen_t len = sizeof(a);
	struct gdb_serve at = { .in = -1, .out = -1 };
	bool asks = false;
	struct why why;
	pid_t p;
	int fd;

	(void)state;
	assert_int_equal(gdb_listen("127.0.0.1:0", &at.listen, &why), 0);
	assert_int_equal(getsockname(at.listen, (struct sockaddr *)&a, &len), 0);
	p = serve_through(&at);
	close(at.listen);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	for (int ms = 0; ms < 5000 && !asks; ms++) {
		asks = asks_whether_alive(ntohs(a.sin_port), false);
		usleep(1000);
	}
	close(fd);
	assert_int_equal(ends(p), 0);
	assert_true(asks);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	static const struct CMUnitTest tests[] = {
		TEST(the_last_word_is_answered),
		TEST(a_signal_is_heard_beside_a_deaf_peer),
		TEST(a_peer_whose_machine_is_gone_is_missed),
	};

	return cmocka_run_group_tests(tests, fake_run_dir, fake_run_dir_end);
}
