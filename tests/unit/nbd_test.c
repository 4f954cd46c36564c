/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Network disks whose server goes away. The server is a process of the test's: it shakes hands as
 * the protocol has it, and hangs up at the first request.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <endian.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "drivers/backend/blk/disk.h"
#include "tests/unit/tcp_timer.h"

#define OPTION_MAGIC  0x49484156454f5054ull
#define REPLY_MAGIC   0x3e889045565a9ull
#define OPTION_GO     7u
#define REPLY_ACK     1u
#define REPLY_INFO    3u
#define REPLY_UNKNOWN 0x80000001u
#define HAS_FLAGS     1u
#define SEND_FLUSH    4u
#define DISK_BYTES    65536ull

static char dir[32], path[64], uri[128];
static unsigned int port;
static pid_t server;
static int listening = -1;

/* --- the server */

static void all(ssize_t n, size_t wanted)
{
	if (n != (ssize_t)wanted)
		_exit(1);
}

static void reply(int fd, uint32_t option, uint32_t type, const void *data, uint32_t len)
{
	struct {
		uint64_t magic;
		uint32_t option, type, len;
	} __attribute__((packed))
	r = { htobe64(REPLY_MAGIC), htobe32(option), htobe32(type), htobe32(len) };

	all(write(fd, &r, sizeof(r)), sizeof(r));
	if (len)
		all(write(fd, data, len), len);
}

static void shake_hands(int fd)
{
	static const char hello[] = "NBDMAGICIHAVEOPT\0\3"; /* fixed new style, no zeroes */
	struct {
		uint64_t magic;
		uint32_t option, len;
	} __attribute__((packed)) o;
	struct {
		uint16_t what;
		uint64_t size;
		uint16_t flags;
	} __attribute__((packed)) export = { 0, htobe64(DISK_BYTES),
					     htobe16(HAS_FLAGS | SEND_FLUSH) };
	char data[4096];

	all(write(fd, hello, 18), 18);
	all(recv(fd, data, 4, MSG_WAITALL), 4);
	for (;;) {
		all(recv(fd, &o, sizeof(o), MSG_WAITALL), sizeof(o));
		if (be64toh(o.magic) != OPTION_MAGIC || be32toh(o.len) > sizeof(data))
			_exit(1);
		if (o.len)
			all(recv(fd, data, be32toh(o.len), MSG_WAITALL), be32toh(o.len));
		if (be32toh(o.option) != OPTION_GO) {
			reply(fd, be32toh(o.option), REPLY_UNKNOWN, NULL, 0);
			continue;
		}
		reply(fd, OPTION_GO, REPLY_INFO, &export, sizeof(export));
		reply(fd, OPTION_GO, REPLY_ACK, NULL, 0);
		return;
	}
}

static bool hangs; /* from when it has shaken hands */
static bool mute;  /* it does not even do that */

static void serve(void)
{
	int fd = accept(listening, NULL, NULL);
	char request[28];

	if (mute)
		pause();
	shake_hands(fd);
	if (hangs)
		pause();
	all(recv(fd, request, sizeof(request), MSG_WAITALL), sizeof(request));
	_exit(0);
}

static int listen_here(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	snprintf(path, sizeof(path), "%s/socket", dir);
	snprintf(uri, sizeof(uri), "nbd+unix:///?socket=%s", path);
	strcpy(a.sun_path, path);
	listening = socket(AF_UNIX, SOCK_STREAM, 0);
	return bind(listening, (struct sockaddr *)&a, sizeof(a)) || listen(listening, 1);
}

static int listen_tcp(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);

	listening = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(listening, (struct sockaddr *)&a, sizeof(a)) || listen(listening, 1) ||
	    getsockname(listening, (struct sockaddr *)&a, &len))
		return -1;
	port = ntohs(a.sin_port);
	snprintf(uri, sizeof(uri), "nbd://127.0.0.1:%u", port);
	return 0;
}

static int set_up_at(int (*listen_somewhere)(void))
{
	strcpy(dir, "/tmp/torc-nbd.XXXXXX");
	if (!mkdtemp(dir) || listen_somewhere())
		return -1;
	server = fork();
	if (!server) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		serve();
	}
	close(listening);
	return server < 0 ? -1 : 0;
}

static int set_up(void **state)
{
	(void)state;
	return set_up_at(listen_here);
}

static int set_up_hanging(void **state)
{
	int rc;

	hangs = true;
	rc = set_up(state);
	hangs = false;
	return rc;
}

static int set_up_tcp(void **state)
{
	int rc;

	(void)state;
	hangs = true;
	rc = set_up_at(listen_tcp);
	hangs = false;
	return rc;
}

static int set_up_mute(void **state)
{
	int rc;

	mute = true;
	rc = set_up(state);
	mute = false;
	return rc;
}

static int tear_down(void **state)
{
	int status = -1;

	(void)state;
	waitpid(server, &status, 0);
	unlink(path);
	rmdir(dir);
	return status;
}

/* --- the tests */

static int result, results;

static void on_done(struct disk_io *io, int err)
{
	(void)io;
	result = err;
	results++;
}

static int ask(struct disk *d, enum disk_op op)
{
	static uint8_t buf[4096] __attribute__((aligned(4096)));
	struct disk_io io = { .op = op, .buf = buf, .len = sizeof(buf), .done = on_done },
		       *batch[] = { &io };
	struct pollfd p = { .fd = d->event_fd, .events = POLLIN };

	results = 0;
	disk_submit(d, batch, 1);
	for (int i = 0; !results && i < 100; i++) {
		poll(&p, 1, 100);
		disk_complete(d);
	}
	assert_int_equal(results, 1);
	return result;
}

/* What was answered and not flushed is gone with the server: nobody may be told that it is safe. */
static void nothing_succeeds_after_the_server_went_away(void **state)
{
	struct disk *d;
	struct why why = { 0 };

	(void)state;
	if (disk_open(&d, uri, false, &why))
		fail_msg("%s", why.text);
	assert_int_equal(d->size, DISK_BYTES);
	assert_true(ask(d, DISK_WRITE) < 0);
	assert_true(ask(d, DISK_FLUSH) < 0);
	assert_true(ask(d, DISK_WRITE) < 0);
	assert_true(ask(d, DISK_READ) < 0);
	disk_close(d);
}

static void end_server(void)
{
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
	unlink(path);
	rmdir(dir);
}

static void a_server_that_hangs_holds_nobody_up(void **state)
{
	struct timespec before, after;
	struct disk *d;
	struct why why = { 0 };

	(void)state;
	if (disk_open(&d, uri, false, &why))
		fail_msg("%s", why.text);
	clock_gettime(CLOCK_MONOTONIC, &before);
	alarm(20);
	disk_close(d);
	alarm(0);
	clock_gettime(CLOCK_MONOTONIC, &after);
	assert_in_range(after.tv_sec - before.tv_sec, 0, 10);
	end_server();
}

static void a_server_that_says_nothing_is_told(void **state)
{
	struct disk *d;
	struct why why = { 0 };

	(void)state;
	alarm(60);
	assert_int_not_equal(disk_open(&d, uri, false, &why), 0);
	alarm(0);
	assert_non_null(strstr(why.text, "does not answer"));
	end_server();
	assert_int_not_equal(disk_open(&d, uri, false, &why), 0); /* there is none any more */
	assert_non_null(strstr(why.text, "No such file"));
}

static void a_server_whose_machine_is_gone_is_missed(void **state)
{
	struct why why = { 0 };
	struct disk *d;
	bool asks = false;

	(void)state;
	if (disk_open(&d, uri, false, &why))
		fail_msg("%s", why.text);
	for (int ms = 0; ms < 5000 && !asks; ms++) { /* what was said last is to be acknowledged */
		asks = asks_whether_alive(port, true);
		usleep(1000);
	}
	disk_close(d);
	end_server();
	assert_true(asks);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(nothing_succeeds_after_the_server_went_away, set_up,
						tear_down),
		cmocka_unit_test_setup(a_server_that_hangs_holds_nobody_up, set_up_hanging),
		cmocka_unit_test_setup(a_server_that_says_nothing_is_told, set_up_mute),
		cmocka_unit_test_setup(a_server_whose_machine_is_gone_is_missed, set_up_tcp),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
