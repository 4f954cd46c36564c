/* SPDX-License-Identifier: BSD-2-Clause */
/* torc dump-core that is broken off: the guest runs on, and nothing of the file is left. If it is
 * killed the guest runs on, too. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dom0-tools/cli/guest.h"
#include "dom0-tools/common/log.h"
#include "dom0-tools/dump/dump.h"

static struct why why;
static struct cli c = { .why = &why };
static char dir[] = "/tmp/torc-dump-XXXXXX", file[64], part[80];
static int *paused; /* so many times; it outlives who dumps it */
static bool killed, broken_off, full;
static bool let_run; /* somebody else has it paused, and lets it run on meanwhile */

int host_domain_info(struct host *h, uint32_t domid, struct domain_info *info, struct why *w)
{
	(void)h, (void)w;
	*info = (struct domain_info){ .domid = domid, .paused = *paused > 0 };
	return 0;
}

int host_domain_pause(struct host *h, uint32_t domid, struct why *w)
{
	(void)h, (void)domid, (void)w;
	(*paused)++;
	return 0;
}

int host_domain_unpause(struct host *h, uint32_t domid, struct why *w)
{
	(void)h, (void)domid, (void)w;
	(*paused)--;
	return 0;
}

int dump_write(struct host *h, uint32_t domid, int fd, bool with_headers,
	       dump_progress_fn *progress, void *arg, struct why *w)
{
	(void)h, (void)domid, (void)with_headers;
	*paused -= let_run;
	assert_true(*paused > 0);
	assert_int_equal(write(fd, "core", 4), 4);
	if (killed)
		raise(SIGKILL);
	if (full)
		return why_set(w, TE_FILE, "cannot write the dump: No space left on device");
	if (broken_off)
		raise(SIGINT);
	return progress(arg, 1, 2) ? why_set(w, TE_STATE, "given up by the user") : 0;
}

int guest_destroy(struct cli *cli, uint32_t domid, const char *reason)
{
	(void)cli, (void)domid, (void)reason;
	fail_msg("it is ended");
	return 0;
}

void log_say(int priority, const struct log_about *about, const char *fmt, ...)
{
	(void)priority, (void)about, (void)fmt;
}

static int dump(bool break_off)
{
	char *argv[] = { (char[]){ "dump-core" }, (char[]){ "web" }, file, NULL };

	broken_off = break_off;
	*paused = let_run;
	why = (struct why){ 0 };
	optind = 1;
	return cmd_dump_core(&c, 3, argv);
}

static void a_dump_has_its_name(void **state)
{
	(void)state;
	assert_int_equal(dump(false), 0);
	assert_int_equal(*paused, 0);
	assert_int_equal(access(file, F_OK), 0);
	assert_int_equal(unlink(file), 0);
}

static void one_that_is_broken_off_leaves_nothing(void **state)
{
	(void)state;
	signal(SIGINT, SIG_DFL); /* else it is not heard */
	assert_int_not_equal(dump(true), 0);
	assert_int_equal(why.error, TE_STATE);
	assert_int_equal(*paused, 0);
	assert_int_equal(access(file, F_OK), -1);
	assert_int_equal(access(part, F_OK), -1);
}

static void a_full_disk_is_told_by_the_file_on_it(void **state)
{
	char told[160];

	(void)state;
	full = true;
	assert_int_not_equal(dump(false), 0);
	full = false;
	snprintf(told, sizeof(told), "%s: cannot write the dump: No space left on device", part);
	assert_string_equal(why.text, told);
	assert_int_equal(*paused, 0);
	assert_int_equal(access(part, F_OK), -1);
}

static void others_do_not_let_it_run_meanwhile(void **state)
{
	(void)state;
	let_run = true;
	assert_int_equal(dump(false), 0);
	let_run = false;
	assert_int_equal(*paused, 0);
	assert_int_equal(unlink(file), 0);
}

static void who_kills_it_lets_the_guest_run(void **state)
{
	pid_t child;
	int status;

	(void)state;
	killed = true;
	child = fork();
	if (!child)
		_exit(dump(false));
	killed = false;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	assert_int_equal(*paused, 1);
	*paused = 2; /* the administrator has it paused, too */
	dumping_clean_up(&c);
	assert_int_equal(*paused, 1);
	dumping_clean_up(&c);
	assert_int_equal(*paused, 1);
	*paused = 0;
	unlink(part);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_dump_has_its_name),
		cmocka_unit_test(others_do_not_let_it_run_meanwhile),
		cmocka_unit_test(who_kills_it_lets_the_guest_run),
		cmocka_unit_test(a_full_disk_is_told_by_the_file_on_it),
		cmocka_unit_test(one_that_is_broken_off_leaves_nothing),
	};
	char marks[64];
	int rc;

	paused = mmap(NULL, sizeof(*paused), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (paused == MAP_FAILED || !mkdtemp(dir) || setenv("TORC_RUN_DIR", dir, 1))
		return 1;
	snprintf(marks, sizeof(marks), "%s/dumping", dir);
	snprintf(file, sizeof(file), "%s/web.core", dir);
	snprintf(part, sizeof(part), "%s.part", file);
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	rmdir(marks);
	rmdir(dir);
	return rc;
}
