/* SPDX-License-Identifier: BSD-2-Clause */
/* The journal grows inside the daemon's sandbox, also where the file system reserves no room
 * (fallocate() is not supported), and a successor finds all of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "xenbus/store/change.h"
#include "xenbus/store/journal.h"
#include "xenbus/store/sandbox.h"
#include "xenbus/store/server.h"

#define MIB	(1u << 20)
#define RECORDS (2 * MIB / 24) /* of a quota each: more than a step's worth */

static char dir[] = "/tmp/journal-XXXXXX";

/* As a kernel answers for such a file system. What the sandbox refuses stays refused. */
static int reserve_nothing(void)
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_ALLOW);
	int rc = f ? 0 : -ENOMEM;

	if (!rc)
		rc = seccomp_rule_add(f, SCMP_ACT_ERRNO(EOPNOTSUPP), SCMP_SYS(fallocate), 0);
	if (!rc)
		rc = seccomp_load(f);
	seccomp_release(f);
	return rc;
}

/* A daemon; how many of the records had room. */
static unsigned int write_records(struct server *sv)
{
	unsigned int n = 0;

	while (n < RECORDS && journal_has_room(sv)) {
		journal_quota(sv, -1, QUOTA_NODES, ++n);
		journal_commit(sv);
	}
	return n;
}

/* No byte of a file may be without its place: a write to the map would be the daemon's end. */
static bool is_reserved(const char *name)
{
	struct stat st;
	char path[64];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return stat(path, &st) == 0 && st.st_blocks * 512 >= st.st_size;
}

static int in_a_daemon(bool reserves, rlim_t most, unsigned int *wrote)
{
	static struct server sv;
	struct rlimit limit = { most, most };
	int fds[2], status;
	pid_t child;

	assert_int_equal(pipe(fds), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		alarm(60);
		signal(SIGXFSZ, SIG_IGN);
		server_init(&sv);
		if ((!reserves && reserve_nothing()) || journal_open(&sv, dir, true) ||
		    setrlimit(RLIMIT_FSIZE, &limit) || sandbox_enter())
			_exit(1);
		*wrote = write_records(&sv);
		/* not _exit(), ahead of which the address sanitizer asks for what is refused */
		syscall(SYS_exit_group, write(fds[1], wrote, sizeof(*wrote)) != sizeof(*wrote));
	}
	close(fds[1]);
	assert_int_equal(waitpid(child, &status, 0), child);
	if (status == 0)
		assert_int_equal(read(fds[0], wrote, sizeof(*wrote)), sizeof(*wrote));
	close(fds[0]);
	return status;
}

static void taken_over(unsigned int wrote)
{
	struct server sv = { .limit = { 0 } };

	assert_true(is_reserved("journal.0") && is_reserved("journal.1"));
	server_init(&sv);
	assert_int_equal(journal_open(&sv, dir, false), 0);
	assert_int_equal(sv.limit[QUOTA_NODES], wrote);
	journal_close(&sv);
	server_free(&sv);
}

static void grows(void **state)
{
	unsigned int wrote = 0;

	(void)state;
	assert_int_equal(in_a_daemon(true, RLIM_INFINITY, &wrote), 0);
	assert_int_equal(wrote, RECORDS);
	taken_over(wrote);
}

static void grows_where_nothing_is_reserved(void **state)
{
	unsigned int wrote = 0;

	(void)state;
	assert_int_equal(in_a_daemon(false, RLIM_INFINITY, &wrote), 0);
	assert_int_equal(wrote, RECORDS);
	taken_over(wrote);
}

/* What there was no room for is refused; what was taken is there. */
static void until_it_is_full(void **state)
{
	unsigned int wrote = 0;

	(void)state;
	assert_int_equal(in_a_daemon(false, 3 * MIB / 2, &wrote), 0);
	assert_in_range(wrote, 1, RECORDS - 1);
	taken_over(wrote);
}

/* Opens the journal with room for so much in a file; what then() says of it is how it ends. */
static int opened_with_room(rlim_t most, int (*then)(struct server *sv, int rc))
{
	static struct server sv;
	struct rlimit limit = { most, RLIM_INFINITY };
	int status;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		alarm(60);
		signal(SIGXFSZ, SIG_IGN);
		server_init(&sv);
		if (setrlimit(RLIMIT_FSIZE, &limit))
			_exit(1);
		_exit(then(&sv, journal_open(&sv, dir, false)));
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return status;
}

static int cannot_begin(struct server *sv, int rc)
{
	(void)sv;
	return rc != -ENOSPC;
}

/* As where the daemon is started again while its directory is full. */
static void who_cannot_begin_takes_nothing(void **state)
{
	unsigned int wrote = 0;

	(void)state;
	assert_int_equal(in_a_daemon(true, RLIM_INFINITY, &wrote), 0);
	assert_int_equal(opened_with_room(MIB / 2, cannot_begin), 0);
	taken_over(wrote);
}

/* Half-way through writing it anew; then something changes. */
static int loses_its_journal(struct server *sv, int rc)
{
	struct rlimit limit = { MIB, MIB };
	char path[64];

	for (unsigned int n = 0; !rc && n < 60000; n++) {
		snprintf(path, sizeof(path), "/n%u", n);
		server_apply(sv, &(struct op){ .kind = OP_MKDIR, .path = path });
	}
	journal_commit(sv);
	if (rc || setrlimit(RLIMIT_FSIZE, &limit))
		return 1;
	journal_compact(sv);
	server_apply(sv, &(struct op){ .kind = OP_RM, .path = "/n7" });
	journal_commit(sv);
	return 0;
}

static void an_older_state_is_none(void **state)
{
	struct server sv = { .limit = { 0 } };

	(void)state;
	assert_int_equal(opened_with_room(RLIM_INFINITY, loses_its_journal), 0);
	server_init(&sv);
	assert_int_equal(journal_open(&sv, dir, false), 0);
	assert_null(tree_find(&sv.tree, "/n7"));
	journal_close(&sv);
	server_free(&sv);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(grows),
		cmocka_unit_test(grows_where_nothing_is_reserved),
		cmocka_unit_test(until_it_is_full),
		cmocka_unit_test(who_cannot_begin_takes_nothing),
		cmocka_unit_test(an_older_state_is_none),
	};
	char path[64];
	int rc;

	log_quiet = true;
	if (!mkdtemp(dir))
		return 1;
	rc = cmocka_run_group_tests_name("journal", tests, NULL, NULL);
	for (unsigned int i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/journal.%u", dir, i);
		unlink(path);
	}
	rmdir(dir);
	return rc;
}
