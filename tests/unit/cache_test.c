/* SPDX-License-Identifier: BSD-2-Clause */
/* Unpacked kernels that are kept: whole also after a power failure, and nothing besides them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "dom0-tools/builder/image.h"

static char dir[64];
static const uint8_t kernel[10000] = { 0x7f, 'E', 'L', 'F' };
static const struct stat packed = { .st_size = 5000, .st_ino = 7 };
static int on_disk = -1; /* the file that was synced last */
static bool disk_fails, named_before;

int __real_renameat(int from_dir, const char *from, int to_dir, const char *to);
int __wrap_renameat(int from_dir, const char *from, int to_dir, const char *to);
int __wrap_fdatasync(int fd);

int __wrap_fdatasync(int fd)
{
	on_disk = fd;
	return disk_fails ? -1 : 0;
}

int __wrap_renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	named_before |= on_disk < 0;
	return __real_renameat(from_dir, from, to_dir, to);
}

static int setup(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/torc-cache-XXXXXX");
	on_disk = -1;
	disk_fails = named_before = false;
	return !mkdtemp(dir) || setenv("TORC_CACHE_DIR", dir, 1);
}

static int teardown(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", dir);
	return system(command); /* NOLINT(cert-env33-c): of our own making */
}

static void what_is_kept_is_found(void **state)
{
	uint8_t got[sizeof(kernel)];
	int fd = cache_keep(&packed, kernel, sizeof(kernel));

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	fd = cache_find(&packed);
	assert_true(fd >= 0);
	assert_int_equal(read(fd, got, sizeof(got)), sizeof(got));
	assert_memory_equal(got, kernel, sizeof(got));
	close(fd);
}

static void data_are_on_disk_before_the_name(void **state)
{
	int fd = cache_keep(&packed, kernel, sizeof(kernel));

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(on_disk, fd);
	assert_false(named_before);
	close(fd);
}

static void a_disk_that_fails_keeps_nothing(void **state)
{
	(void)state;
	disk_fails = true;
	assert_true(cache_keep(&packed, kernel, sizeof(kernel)) < 0);
	assert_true(cache_find(&packed) < 0);
}

static void made(char path[PATH_MAX], const char *name, time_t age)
{
	struct timespec times[2] = { { .tv_sec = time(NULL) - age }, { .tv_sec = 0 } };
	int fd;

	times[1] = times[0];
	snprintf(path, PATH_MAX, "%s/kernels/%s", dir, name);
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	assert_true(fd >= 0 && futimens(fd, times) == 0);
	close(fd);
}

static void what_a_killed_one_left_goes(void **state)
{
	char left[PATH_MAX], at_work[PATH_MAX];
	struct stat other = packed;
	int fd = cache_keep(&packed, kernel, sizeof(kernel));

	(void)state;
	close(fd);
	made(left, ".4711", 2 * 3600);
	made(at_work, ".4712", 60);
	other.st_ino++;
	fd = cache_keep(&other, kernel, sizeof(kernel));
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(access(left, F_OK), -1);
	assert_int_equal(access(at_work, F_OK), 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(what_is_kept_is_found),
		TEST(data_are_on_disk_before_the_name),
		TEST(a_disk_that_fails_keeps_nothing),
		TEST(what_a_killed_one_left_goes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
