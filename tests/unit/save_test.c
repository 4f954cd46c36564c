/* SPDX-License-Identifier: BSD-2-Clause */
/* torc save that is broken off, or killed: whatever it is at, the guest goes on, and no file has
 * the name; or else it is ended. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "dom0-tools/cli/image.h"
#include "dom0-tools/common/log.h"
#include "dom0-tools/common/part.h"

static struct why why;
static struct cli c = { .why = &why };
static char dir[] = "/tmp/torc-save-XXXXXX", file[64], mark[80];
/* when the user's signal comes, and what the guest does; or when it is killed */
static enum { NEVER, WAITING, HEARD, SENDING, SENT, ASKED, STANDING, WRITTEN } when;
/* the guest, which outlives whoever saves it */
static struct {
	bool suspended, resumed, destroyed, gone, logged;
	char request[16];
} * g;
static bool migrates;
static unsigned int looks;
static bool full; /* the disk */

/* --- the guest, its host and its store */

int host_domain_info(struct host *h, uint32_t domid, struct domain_info *info, struct why *w)
{
	(void)h;
	if (looks++ == 3 && (when == WAITING || when == HEARD))
		raise(SIGINT);
	if (when == HEARD && looks == 3)
		g->request[0] = 0;
	if (looks == 5 && when == ASKED)
		raise(SIGKILL);
	if (looks == 9) {
		g->suspended = when == HEARD || *g->request;
		g->request[0] = 0;
	}
	if (looks > 50)
		fail_msg("it is waited for without an end");
	*info = (struct domain_info){ .domid = domid,
				      .uuid = { 1, 2, 3 },
				      .shutdown = g->suspended && !g->resumed,
				      .reason = SHUT_SUSPEND };
	return g->gone ? why_set(w, TE_NO_DOMAIN, "gone") : 0;
}

int store_read(struct store *s, store_txn_t t, const char *path, char **value, size_t *len)
{
	(void)s, (void)t, (void)len;
	assert_string_equal(path, "/local/domain/5/control/shutdown");
	*value = strdup(g->request);
	return 0;
}

int store_write(struct store *s, store_txn_t t, const char *path, const void *value, size_t len)
{
	(void)s, (void)t, (void)path;
	snprintf(g->request, sizeof(g->request), "%.*s", (int)len, (const char *)value);
	return 0;
}

int store_transact(struct store *s, store_txn_fn *fn, void *arg)
{
	return fn(s, 1, arg);
}

int mig_resume(struct host *h, uint32_t domid, struct why *w)
{
	(void)h, (void)domid, (void)w;
	assert_true(g->suspended);
	g->resumed = true;
	return 0;
}

int host_log_dirty(struct host *h, uint32_t domid, bool on, struct why *w)
{
	(void)h, (void)domid, (void)w;
	g->logged = on;
	return 0;
}

int guest_destroy(struct cli *cli, uint32_t domid, const char *reason)
{
	(void)cli, (void)domid, (void)reason;
	if (when == WRITTEN)
		raise(SIGKILL);
	g->destroyed = g->gone = true;
	return 0;
}

int guest_migrates(const char *uuid, struct why *w)
{
	assert_string_equal(uuid, "01020300-0000-0000-0000-000000000000");
	return migrates ? why_set(w, TE_STATE, "an earlier migration has not come to its end") : 0;
}

/* --- the engine */

static void nobody_else_may(void)
{
	struct why others = { 0 };
	struct cli other = { .why = &others };
	int mark;

	assert_int_not_equal(saving_begin(&other, 5, -1, NULL, &mark), 0);
	assert_string_equal(others.text, "domain 5 is being saved");
	assert_int_not_equal(saving_none(5, &others), 0);
}

int mig_send(struct host *h, uint32_t domid, const struct mig_send_opts *o, struct mig_io *io,
	     const struct mig_calls *calls, struct mig_outcome *out, struct why *w)
{
	const struct mig_progress p = { .pages_sent = 1, .pages_all = 2 };
	int rc = calls->suspend(calls->arg, w);

	(void)h, (void)domid, (void)o, (void)io;
	memset(out, 0, sizeof(*out));
	if (rc)
		return rc;
	nobody_else_may();
	if (when == SENDING)
		raise(SIGTERM);
	if (when == STANDING)
		raise(SIGKILL);
	if (calls->progress(calls->arg, &p)) {
		calls->resume(calls->arg, w);
		return why_set(w, TE_STATE, "given up by the user");
	}
	assert_true(when == NEVER || when == SENT || when == WRITTEN); /* others are heard here */
	if (full)
		return why_set(w, TE_STREAM, "cannot write the stream: No space left on device");
	if (when == SENT)
		raise(SIGHUP);
	return 0;
}

uint64_t mig_now_ns(void)
{
	return 0;
}

void mig_io_fd(struct mig_io_fd *f, int in, int out)
{
	(void)f, (void)in, (void)out;
}

int image_write_front(struct cli *cli, struct mig_io *io, const char *name)
{
	(void)cli, (void)io, (void)name;
	return 0;
}

/* --- the rest of torc */

void log_say(int priority, const struct log_about *about, const char *fmt, ...)
{
	(void)priority, (void)about, (void)fmt;
}

char *cli_read(struct cli *cli, const char *fmt, ...)
{
	(void)cli, (void)fmt;
	return strdup("web");
}

int cli_host(struct cli *cli)
{
	(void)cli;
	return 0;
}

int cli_store(struct cli *cli)
{
	(void)cli;
	return 0;
}

int cli_store_failed(struct cli *cli, const char *doing)
{
	(void)cli, (void)doing;
	return -EIO;
}

const char *cli_reason_word(unsigned int reason)
{
	(void)reason;
	return "";
}

int host_domain_pause(struct host *h, uint32_t domid, struct why *w)
{
	(void)h, (void)domid, (void)w;
	return 0;
}

bool supervisor_forget(const char *name)
{
	(void)name;
	return true;
}

/* --- the tests */

static int save(int signal_when)
{
	char *argv[] = { (char[]){ "save" }, (char[]){ "web" }, file, NULL };

	when = signal_when;
	memset(g, 0, sizeof(*g));
	looks = 0;
	unlink(file);
	why.error = TE_NONE;
	optind = 1;
	return cmd_save(&c, 3, argv);
}

static void is_marked(bool yes)
{
	assert_int_equal(access(mark, F_OK), yes ? 0 : -1);
}

static void one_that_is_not_broken_off_ends_the_guest(void **state)
{
	(void)state;
	assert_int_equal(save(NEVER), 0);
	assert_true(g->destroyed);
	assert_int_equal(access(file, F_OK), 0);
	is_marked(false);
}

/* What it printed, as a whole. */
static struct json_object *printed(void)
{
	char path[80], text[1024] = "";
	int out = dup(STDOUT_FILENO), fd;
	ssize_t n;

	snprintf(path, sizeof(path), "%s/out", dir);
	fflush(stdout);
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0 && dup2(fd, STDOUT_FILENO) >= 0);
	c.json = true;
	assert_int_equal(save(NEVER), 0);
	c.json = false;
	fflush(stdout);
	assert_true(dup2(out, STDOUT_FILENO) >= 0);
	n = pread(fd, text, sizeof(text) - 1, 0);
	close(out);
	close(fd);
	unlink(path);
	return n > 0 ? json_tokener_parse(text) : NULL;
}

static void its_outcome_is_json_for_who_asks(void **state)
{
	struct json_object *o = printed(), *v;

	(void)state;
	assert_non_null(o);
	assert_true(json_object_object_get_ex(o, "schema", &v));
	assert_string_equal(json_object_get_string(v), "torc-saved/1");
	assert_true(json_object_object_get_ex(o, "saved", &v));
	assert_string_equal(json_object_get_string(json_object_object_get(v, "file")), file);
	assert_int_equal(json_object_get_int(json_object_object_get(v, "domid")), 5);
	json_object_put(o);
}

static void broke_off(int signal_when)
{
	char part[80];

	assert_int_not_equal(save(signal_when), 0);
	assert_int_equal(why.error, TE_STATE);
	assert_non_null(strstr(why.text, "given up by the user"));
	assert_false(g->destroyed);
	assert_int_equal(g->suspended, g->resumed);
	assert_string_equal(g->request, "");
	snprintf(part, sizeof(part), "%s.part", file);
	assert_int_equal(access(file, F_OK), -1);
	assert_int_equal(access(part, F_OK), -1);
}

static void a_guest_that_has_not_heard_is_not_asked_any_more(void **state)
{
	(void)state;
	broke_off(WAITING);
	assert_false(g->suspended);
}

static void a_guest_that_has_heard_goes_on_afterwards(void **state)
{
	(void)state;
	broke_off(HEARD);
	assert_true(g->resumed);
}

static void a_guest_that_is_suspended_goes_on(void **state)
{
	(void)state;
	broke_off(SENDING);
	assert_true(g->resumed);
	broke_off(SENT);
	assert_true(g->resumed);
}

static void what_cannot_be_written_is_named(void **state)
{
	char part[128];

	(void)state;
	full = true;
	assert_int_not_equal(save(NEVER), 0);
	full = false;
	snprintf(part, sizeof(part), "%s.part: cannot write the stream: No space", file);
	assert_int_equal(strncmp(why.text, part, strlen(part)), 0);
	assert_false(g->destroyed);
}

static void killed(int at)
{
	pid_t child;
	int status;

	unlink(file);
	child = fork();
	if (!child)
		_exit(save(at) ? 2 : 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	is_marked(true);
	when = NEVER;
	looks = 20;
}

static void who_kills_it_keeps_the_guest(void **state)
{
	(void)state;
	killed(STANDING);
	assert_true(g->suspended);
	migrates = true; /* that has the say, then */
	saving_clean_up(&c);
	migrates = false;
	assert_false(g->resumed);
	saving_clean_up(&c);
	assert_true(g->resumed);
	assert_false(g->destroyed);
	is_marked(false);
}

static void one_that_was_asked_may_follow_yet(void **state)
{
	const struct timespec old[2] = { 0 };
	struct timespec ahead[2];

	(void)state;
	killed(ASKED);
	clock_gettime(CLOCK_REALTIME, &ahead[0]);
	ahead[0].tv_sec += 2;
	ahead[1] = ahead[0];
	assert_int_equal(utimensat(AT_FDCWD, mark, ahead, 0), 0);
	g->logged = true;
	saving_clean_up(&c);
	assert_false(g->logged);
	assert_string_equal(g->request, "");
	assert_false(g->resumed);
	is_marked(true);
	g->suspended = true;
	saving_clean_up(&c);
	assert_true(g->resumed);
	is_marked(false);
	killed(ASKED);
	assert_int_equal(utimensat(AT_FDCWD, mark, old, 0), 0);
	saving_clean_up(&c);
	is_marked(false);
}

static void one_that_is_saved_does_not_go_on(void **state)
{
	(void)state;
	killed(WRITTEN);
	assert_int_equal(access(file, F_OK), 0);
	saving_clean_up(&c);
	assert_true(g->destroyed);
	assert_false(g->resumed);
	is_marked(false);
	/* but for a file that is gone meanwhile */
	killed(WRITTEN);
	assert_int_equal(unlink(file), 0);
	saving_clean_up(&c);
	assert_true(g->resumed);
	assert_false(g->destroyed);
}

static void one_that_is_moved_is_not_saved(void **state)
{
	(void)state;
	migrates = true;
	assert_int_not_equal(save(NEVER), 0);
	migrates = false;
	assert_non_null(strstr(why.text, "an earlier migration"));
	assert_int_equal(looks, 1); /* it is not even asked */
	assert_int_equal(access(file, F_OK), -1);
	is_marked(false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_that_is_not_broken_off_ends_the_guest),
		cmocka_unit_test(its_outcome_is_json_for_who_asks),
		cmocka_unit_test(a_guest_that_has_not_heard_is_not_asked_any_more),
		cmocka_unit_test(a_guest_that_has_heard_goes_on_afterwards),
		cmocka_unit_test(a_guest_that_is_suspended_goes_on),
		cmocka_unit_test(what_cannot_be_written_is_named),
		cmocka_unit_test(who_kills_it_keeps_the_guest),
		cmocka_unit_test(one_that_was_asked_may_follow_yet),
		cmocka_unit_test(one_that_is_saved_does_not_go_on),
		cmocka_unit_test(one_that_is_moved_is_not_saved),
	};
	char part[80], marks[64];
	int rc;

	/* whoever runs the tests may ignore them, in the background, and save does then, too */
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	alarm(60);
	g = mmap(NULL, sizeof(*g), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (g == MAP_FAILED || !mkdtemp(dir) || setenv("TORC_RUN_DIR", dir, 1))
		return 1;
	snprintf(marks, sizeof(marks), "%s/saving", dir);
	snprintf(mark, sizeof(mark), "%s/5", marks);
	snprintf(file, sizeof(file), "%s/web.save", dir);
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	snprintf(part, sizeof(part), "%s.part", file);
	unlink(part);
	unlink(file);
	rmdir(marks);
	rmdir(dir);
	return rc;
}
