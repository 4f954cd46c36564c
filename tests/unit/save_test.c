/* SPDX-License-Identifier: BSD-2-Clause */
/* torc save that is broken off: whatever it is at, the guest goes on, and no file has the name. */
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
#include <unistd.h>

#include "dom0-tools/cli/image.h"
#include "dom0-tools/common/part.h"

static struct why why;
static struct cli c = { .why = &why };
static char dir[] = "/tmp/torc-save-XXXXXX", file[64];
/* when the user's signal comes, and what the guest does */
static enum { NEVER, WAITING, HEARD, SENDING, SENT } when;
static bool suspended, resumed, destroyed;
static char request[16];
static unsigned int looks;
static bool full; /* the disk */

/* --- the guest, its host and its store */

int host_domain_info(struct host *h, uint32_t domid, struct domain_info *info, struct why *w)
{
	(void)h, (void)w;
	if (looks++ == 2 && (when == WAITING || when == HEARD))
		raise(SIGINT);
	if (when == HEARD && looks == 2)
		request[0] = 0;
	if (looks == 8) {
		suspended = when == HEARD || *request;
		request[0] = 0;
	}
	if (looks > 50)
		fail_msg("it is waited for without an end");
	*info = (struct domain_info){ .domid = domid, .shutdown = suspended, .reason = SHUT_SUSPEND };
	return 0;
}

int store_read(struct store *s, store_txn_t t, const char *path, char **value, size_t *len)
{
	(void)s, (void)t, (void)len;
	assert_string_equal(path, "/local/domain/5/control/shutdown");
	*value = strdup(request);
	return 0;
}

int store_write(struct store *s, store_txn_t t, const char *path, const void *value, size_t len)
{
	(void)s, (void)t, (void)path;
	snprintf(request, sizeof(request), "%.*s", (int)len, (const char *)value);
	return 0;
}

int store_transact(struct store *s, store_txn_fn *fn, void *arg)
{
	return fn(s, 1, arg);
}

int mig_resume(struct host *h, uint32_t domid, struct why *w)
{
	(void)h, (void)domid, (void)w;
	assert_true(suspended);
	resumed = true;
	return 0;
}

int guest_destroy(struct cli *cli, uint32_t domid, const char *reason)
{
	(void)cli, (void)domid, (void)reason;
	destroyed = true;
	return 0;
}

/* --- the engine */

int mig_send(struct host *h, uint32_t domid, const struct mig_send_opts *o, struct mig_io *io,
	     const struct mig_calls *calls, struct mig_outcome *out, struct why *w)
{
	const struct mig_progress p = { .pages_sent = 1, .pages_all = 2 };
	int rc = calls->suspend(calls->arg, w);

	(void)h, (void)domid, (void)o, (void)io;
	memset(out, 0, sizeof(*out));
	if (rc)
		return rc;
	if (when == SENDING)
		raise(SIGTERM);
	if (calls->progress(calls->arg, &p)) {
		calls->resume(calls->arg, w);
		return why_set(w, TE_STATE, "given up by the user");
	}
	assert_true(when == NEVER || when == SENT); /* others are heard here */
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

int cli_find_domain(struct cli *cli, const char *who, uint32_t *domid)
{
	(void)cli, (void)who;
	*domid = 5;
	return 0;
}

int cli_domain_name(struct cli *cli, uint32_t domid, char **name)
{
	(void)cli, (void)domid;
	*name = strdup("web");
	return 0;
}

int cli_usage(struct cli *cli, const char *fmt, ...)
{
	(void)cli, (void)fmt;
	return -EINVAL;
}

int cli_bad_option(struct cli *cli, char *const argv[])
{
	(void)cli, (void)argv;
	return -EINVAL;
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
	suspended = resumed = destroyed = false;
	looks = 0;
	request[0] = 0;
	unlink(file);
	why.error = TE_NONE;
	optind = 1;
	return cmd_save(&c, 3, argv);
}

static void one_that_is_not_broken_off_ends_the_guest(void **state)
{
	(void)state;
	assert_int_equal(save(NEVER), 0);
	assert_true(destroyed);
	assert_int_equal(access(file, F_OK), 0);
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
	assert_false(destroyed);
	assert_int_equal(suspended, resumed);
	assert_string_equal(request, "");
	snprintf(part, sizeof(part), "%s.part", file);
	assert_int_equal(access(file, F_OK), -1);
	assert_int_equal(access(part, F_OK), -1);
}

static void a_guest_that_has_not_heard_is_not_asked_any_more(void **state)
{
	(void)state;
	broke_off(WAITING);
	assert_false(suspended);
}

static void a_guest_that_has_heard_goes_on_afterwards(void **state)
{
	(void)state;
	broke_off(HEARD);
	assert_true(resumed);
}

static void a_guest_that_is_suspended_goes_on(void **state)
{
	(void)state;
	broke_off(SENDING);
	assert_true(resumed);
	broke_off(SENT);
	assert_true(resumed);
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
	assert_false(destroyed);
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
	};

	int rc;

	/* whoever runs the tests may ignore them, in the background, and save does then, too */
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	alarm(60);
	if (!mkdtemp(dir))
		return 1;
	snprintf(file, sizeof(file), "%s/web.save", dir);
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(file);
	rmdir(dir);
	return rc;
}
