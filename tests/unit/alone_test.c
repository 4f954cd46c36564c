/* SPDX-License-Identifier: BSD-2-Clause */
/* One process a device: who comes while another has it waits for that one's end, and finds what it
 * knew. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "drivers/backend/common/alone.h"
#include "drivers/backend/common/bdev.h"

#define BACK "/local/domain/0/backend/vbd/5/51712"

static char dir[] = "/tmp/alone-test-XXXXXX", file[64];

/* A process that has the device, says so, and stays until it is killed. */
static pid_t holder(void)
{
	int word[2];
	char c;
	pid_t p;

	assert_int_equal(pipe(word), 0);
	p = fork();
	if (p == 0) {
		if (alone(BACK, dir) || write(word[1], "y", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(word[1]);
	assert_int_equal(read(word[0], &c, 1), 1);
	close(word[0]);
	return p;
}

/* One that wants it, and ends with status 0 when it has it. */
static pid_t successor(void)
{
	pid_t p = fork();

	if (p == 0)
		_exit(alone(BACK, dir) ? 1 : 0);
	return p;
}

/* Until the kernel says that it waits for a lock; a second at the most. */
static void let_it_wait(pid_t p)
{
	struct timespec t = { .tv_nsec = 20000000 };
	char line[256], want[32];
	bool waits = false;

	snprintf(want, sizeof(want), " %d ", (int)p);
	for (int i = 0; !waits && i < 50; i++) {
		FILE *f = fopen("/proc/locks", "re");

		while (f && !waits && fgets(line, sizeof(line), f))
			waits = strstr(line, "->") && strstr(line, want);
		if (f)
			fclose(f);
		nanosleep(&t, NULL);
	}
}

static int end_of(pid_t p)
{
	int status;

	assert_int_equal(waitpid(p, &status, 0), p);
	return status;
}

static void a_successor_waits_for_the_end_of_who_was_before(void **state)
{
	pid_t first = holder(), second = successor();

	(void)state;
	let_it_wait(second);
	assert_int_equal(waitpid(second, NULL, WNOHANG), 0);
	kill(first, SIGKILL);
	end_of(first);
	assert_int_equal(end_of(second), 0);
}

static void another_device_is_not_waited_for(void **state)
{
	pid_t first = holder();

	(void)state;
	assert_int_equal(alone("/local/domain/0/backend/vbd/5/51728", dir), 0);
	kill(first, SIGKILL);
	end_of(first);
}

/* The file of a device that is over is removed; a lock on what is no file any more locks nobody
 * out. */
static void a_lock_on_a_file_that_is_gone_does_not_count(void **state)
{
	pid_t first = holder(), second = successor(), third;

	(void)state;
	let_it_wait(second);
	assert_int_equal(unlink(file), 0);
	third = holder(); /* has the new file */
	kill(first, SIGKILL);
	end_of(first);
	let_it_wait(second);
	assert_int_equal(waitpid(second, NULL, WNOHANG), 0);
	kill(third, SIGKILL);
	end_of(third);
	assert_int_equal(end_of(second), 0);
}

static void a_directory_that_is_not_there_is_told(void **state)
{
	char none[64];

	(void)state;
	snprintf(none, sizeof(none), "%s/none", dir);
	assert_int_equal(alone(BACK, none), -ENOENT);
}

/* What a process knows is there for the next one, unless that is of another version. */
static void its_state_outlives_a_process(void **state)
{
	struct bdev d = { .back = BACK };
	struct why why;
	char *p, path[96];

	(void)state;
	p = bdev_state_open(&d, dir, 4096, &why);
	assert_non_null(p);
	assert_int_equal(p[7] | p[4095], 0);
	strcpy(p, "known");
	munmap(p, 4096);
	p = bdev_state_open(&d, dir, 4096, &why);
	assert_string_equal(p, "known");
	munmap(p, 4096);
	p = bdev_state_open(&d, dir, 8192, &why);
	assert_string_equal(p, "");
	strcpy(p, "known");
	munmap(p, 8192);
	d.state = XenbusStateConnected;
	p = bdev_state_open(&d, dir, 8192, &why);
	assert_string_equal(p, "known");
	munmap(p, 8192);
	d.state = XenbusStateInitialising; /* another device with its name */
	p = bdev_state_open(&d, dir, 8192, &why);
	assert_string_equal(p, "");
	munmap(p, 8192);
	snprintf(path, sizeof(path), "%s/vbd-5-51712.state", dir);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("/dev/null", path), 0);
	assert_null(bdev_state_open(&d, dir, 4096, &why));
	assert_non_null(strstr(why.text, "vbd-5-51712.state"));
	assert_int_equal(unlink(path), 0);
}

static bool full; /* the filesystem */

int __real_posix_fallocate(int fd, off_t from, off_t len);
int __wrap_posix_fallocate(int fd, off_t from, off_t len);
int __wrap_posix_fallocate(int fd, off_t from, off_t len)
{
	return full ? ENOSPC : __real_posix_fallocate(fd, from, len);
}

/* Not to be told by a signal later. */
static void a_state_that_has_no_room_is_told(void **state)
{
	struct bdev d = { .back = BACK, .state = XenbusStateInitialising };
	char path[96], *p;
	struct stat st;
	struct why why;

	(void)state;
	snprintf(path, sizeof(path), "%s/vbd-5-51712.state", dir);
	full = true;
	assert_null(bdev_state_open(&d, dir, 65536, &why));
	assert_non_null(strstr(why.text, "vbd-5-51712.state: No space left"));
	full = false;
	p = bdev_state_open(&d, dir, 65536, &why);
	assert_non_null(p);
	munmap(p, 65536);
	assert_int_equal(stat(path, &st), 0);
	assert_true(st.st_blocks >= 65536 / 512);
	d.state = XenbusStateConnected;
	full = true; /* by now it has what it needs */
	p = bdev_state_open(&d, dir, 65536, &why);
	assert_non_null(p);
	munmap(p, 65536);
	assert_int_equal(unlink(path), 0);
	full = false;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_successor_waits_for_the_end_of_who_was_before),
		cmocka_unit_test(another_device_is_not_waited_for),
		cmocka_unit_test(a_lock_on_a_file_that_is_gone_does_not_count),
		cmocka_unit_test(a_directory_that_is_not_there_is_told),
		cmocka_unit_test(its_state_outlives_a_process),
		cmocka_unit_test(a_state_that_has_no_room_is_told),
	};
	char command[64];
	int rc;

	alarm(60);
	if (!mkdtemp(dir))
		return 1;
	snprintf(file, sizeof(file), "%s/vbd-5-51712.lock", dir);
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	snprintf(command, sizeof(command), "rm -r %s", dir);
	return system(command) ? 1 : rc;
}
