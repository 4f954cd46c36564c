/* SPDX-License-Identifier: BSD-2-Clause */
/* Marks of guests that are being made: made in torc-migrated's confinement, too, and swept when
 * nobody holds them any more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dom0-tools/cli/guest.h"
#include "dom0-tools/common/log.h"
#include "dom0-tools/migrated/migrated.h"

#define DOMID 7u

static const uint8_t uuid[16] = { 1, 2, 3, 4 };
static uint8_t has[16]; /* the domain's */
static unsigned int destroyed;
static int refuses; /* to be destroyed */
static bool meanwhile;
static int ends = -1; /* the mark that goes then */
static int taken;
static char run[] = "/tmp/creating-XXXXXX", path[64];

int host_domain_info(struct host *h, uint32_t domid, struct domain_info *info, struct why *why)
{
	(void)h;
	(void)why;
	*info = (struct domain_info){ .domid = domid };
	memcpy(info->uuid, has, sizeof(has));
	return domid == DOMID ? 0 : -ESRCH;
}

int guest_destroy(struct cli *c, uint32_t domid, const char *reason)
{
	(void)c;
	(void)reason;
	assert_int_equal(domid, DOMID);
	destroyed++;
	return refuses;
}

void log_say(int priority, const struct log_about *about, const char *fmt, ...)
{
	(void)priority;
	(void)about;
	(void)fmt;
}

int64_t cli_parse_number(const char *s, int64_t least, int64_t most)
{
	int64_t n = strtol(s, NULL, 10);

	return n < least || n > most ? -1 : n;
}

int __real_flock(int fd, int op);
int __wrap_flock(int fd, int op);
int __wrap_flock(int fd, int op)
{
	static const uint8_t other[16] = { 5 };

	if (meanwhile) {
		meanwhile = false;
		taken = creating_begin(DOMID, other);
		assert_true(taken >= 0);
		memcpy(has, other, sizeof(has));
	}
	if (ends >= 0) {
		creating_end(ends, DOMID);
		ends = -1;
	}
	return __real_flock(fd, op);
}

static void look(unsigned int destroys, bool stays)
{
	struct why why = { 0 };
	struct cli c = { .why = &why };

	destroyed = 0;
	creating_clean_up(&c);
	assert_int_equal(destroyed, destroys);
	assert_int_equal(access(path, F_OK), stays ? 0 : -1);
}

static void marks(void **state)
{
	int fd = creating_begin(DOMID, uuid);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(creating_begin(DOMID, uuid), -EEXIST); /* another's */
	memcpy(has, uuid, sizeof(has));
	look(0, true);
	creating_end(fd, DOMID);
	look(0, false);

	/* of one who died: what he made is ended, and if that fails it is tried again */
	close(creating_begin(DOMID, uuid));
	refuses = -EAGAIN;
	look(1, true);
	refuses = 0;
	look(1, false);

	/* of one who could not end it himself */
	fd = creating_begin(DOMID, uuid);
	creating_leave(fd);
	look(1, false);

	/* of one who died, and the number is another domain's by now */
	close(creating_begin(DOMID, uuid));
	memset(has, 0, sizeof(has));
	look(0, false);

	/* who takes the number again takes the place of one who died */
	close(creating_begin(DOMID, uuid));
	fd = creating_begin(DOMID, uuid);
	assert_true(fd >= 0);
	look(0, true);
	creating_end(fd, DOMID);
}

/* Another domain of that number is made while it is looked whose the mark is. */
static void taken_meanwhile(void **state)
{
	(void)state;
	close(creating_begin(DOMID, uuid));
	meanwhile = true;
	look(0, true);
	assert_false(meanwhile);
	creating_end(taken, DOMID);
	look(0, false);
}

/* A guest is complete at the moment when it is looked whether anybody holds its mark. */
static void complete_meanwhile(void **state)
{
	int fd = creating_begin(DOMID, uuid);

	(void)state;
	assert_true(fd >= 0);
	memcpy(has, uuid, sizeof(has));
	ends = fd;
	look(0, false);
	assert_int_equal(ends, -1);
}

/* Of one who was killed before his mark had its name. */
static void nameless(void **state)
{
	const struct timespec old[2] = { 0 };
	char temp[80];
	int fd;

	(void)state;
	snprintf(temp, sizeof(temp), "%s/creating/.7.4711", run);
	fd = open(temp, O_RDWR | O_CREAT, 0600);
	assert_true(fd >= 0);
	look(0, false);
	assert_int_equal(access(temp, F_OK), 0); /* his who is at it just now */
	assert_int_equal(futimens(fd, old), 0);
	close(fd);
	look(0, false);
	assert_int_equal(access(temp, F_OK), -1);
}

/* In a process of its own, since nobody gets out again. */
static void confined(void **state)
{
	pid_t child = fork();
	int status;

	(void)state;
	if (!child)
		_exit(sandbox_enter() || creating_begin(DOMID, uuid) < 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	memcpy(has, uuid, sizeof(has));
	look(1, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(marks),
					    cmocka_unit_test(taken_meanwhile),
					    cmocka_unit_test(complete_meanwhile),
					    cmocka_unit_test(nameless), cmocka_unit_test(confined) };
	char folder[32];
	int rc;

	if (!mkdtemp(run) || setenv("TORC_RUN_DIR", run, 1))
		return 1;
	snprintf(folder, sizeof(folder), "%s/creating", run);
	snprintf(path, sizeof(path), "%s/creating/%u", run, DOMID);
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	rmdir(folder);
	rmdir(run);
	return rc;
}
