/* SPDX-License-Identifier: BSD-2-Clause */
/* Files beside their places: whose they are, who writes them, and that they are there after all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dom0-tools/common/part.h"

static char dir[32], part[96], file[64], other[64];
static bool folder_synced;
static int folder_fails;

int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __wrap_fsync(int fd)
{
	struct stat st, named;

	assert_int_equal(fstat(fd, &st), 0);
	if (!S_ISDIR(st.st_mode))
		return __real_fsync(fd);
	/* the name is there already: that is what is made sure of */
	folder_synced = stat(dir, &named) == 0 && named.st_ino == st.st_ino &&
			access(file, F_OK) == 0;
	errno = folder_fails;
	return folder_fails ? -1 : 0;
}

static int set_up(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/torc-part.XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(file, sizeof(file), "%s/web.save", dir);
	snprintf(part, sizeof(part), "%s.part", file);
	snprintf(other, sizeof(other), "%s/other", dir);
	folder_synced = false;
	folder_fails = 0;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	unlink(file);
	unlink(part);
	unlink(other);
	return rmdir(dir);
}

static void made(const char *name, const char *text, mode_t mode)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_EXCL, mode);

	assert_true(fd >= 0);
	assert_int_equal(fchmod(fd, mode), 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static off_t size_of(const char *name)
{
	struct stat st;

	assert_int_equal(stat(name, &st), 0);
	return st.st_size;
}

static void kept_under_its_name_for_good(void **state)
{
	int fd = part_open(part);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "guest", 5), 5);
	assert_int_equal(part_keep(fd, part, file), 0);
	close(fd);
	assert_true(folder_synced);
	assert_int_equal(size_of(file), 5);
	assert_int_not_equal(access(part, F_OK), 0);
}

/* The guest goes on then: its image must not stay where somebody would restore it. */
static void a_name_that_is_not_sure_is_taken_back(void **state)
{
	int fd = part_open(part);

	(void)state;
	folder_fails = EIO;
	assert_int_equal(part_keep(fd, part, file), -EIO);
	close(fd);
	assert_int_not_equal(access(file, F_OK), 0);
	assert_int_not_equal(access(part, F_OK), 0);
}

static void one_left_over_is_emptied_and_its_owner_s_alone(void **state)
{
	struct stat st;
	int fd;

	(void)state;
	made(part, "of one that was killed", 0644);
	fd = part_open(part);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(st.st_size, 0);
	close(fd);
}

static void links_are_not_followed(void **state)
{
	(void)state;
	made(other, "precious", 0600);
	assert_int_equal(symlink(other, part), 0);
	assert_int_equal(part_open(part), -EPERM);
	unlink(part);
	assert_int_equal(link(other, part), 0);
	assert_int_equal(part_open(part), -EPERM);
	assert_int_equal(size_of(other), 8);
}

static void two_do_not_write_one_file(void **state)
{
	int fd = part_open(part), next;

	(void)state;
	assert_int_equal(write(fd, "guest", 5), 5);
	assert_int_equal(part_open(part), -EBUSY);
	assert_int_equal(size_of(part), 5);
	assert_int_equal(part_keep(fd, part, file), 0);
	close(fd);
	next = part_open(part);
	assert_true(next >= 0);
	assert_int_equal(size_of(file), 5);
	close(next);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(kept_under_its_name_for_good),
		CASE(a_name_that_is_not_sure_is_taken_back),
		CASE(one_left_over_is_emptied_and_its_owner_s_alone),
		CASE(links_are_not_followed),
		CASE(two_do_not_write_one_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
