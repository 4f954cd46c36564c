/* SPDX-License-Identifier: BSD-2-Clause */
/* torc check: guests that nobody acts on when they stop are told of. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dom0-tools/cli/guest.h"
#include "dom0-tools/common/log.h"

static char run[] = "/tmp/check-XXXXXX", to_do[256];
static bool good;
static const char *name; /* of domain 3; NULL: there is none */
static int64_t made_as;	 /* what the record of that name says */

/* --- the host */

int cli_host(struct cli *c)
{
	c->host = (struct host *)run;
	return 0;
}

int cli_store(struct cli *c)
{
	c->store = (struct store *)run;
	return 0;
}

int host_info(struct host *h, struct host_info *info, struct why *why)
{
	(void)h, (void)why;
	*info = (struct host_info){ .version_major = 4 };
	return 0;
}

int host_extras(struct host *h, struct host_extras *x, struct why *why)
{
	(void)h, (void)x, (void)why;
	return -ENOSYS;
}

int host_domain_list(struct host *h, struct domain_info **list, size_t *count, struct why *why)
{
	(void)h, (void)why;
	*list = calloc(2, sizeof(**list));
	assert_non_null(*list);
	(*list)[1].domid = 3;
	*count = name ? 2 : 1;
	return 0;
}

char *cli_read(struct cli *c, const char *fmt, ...)
{
	(void)c, (void)fmt;
	return strdup(name);
}

struct json_object *record_load(const char *of)
{
	struct json_object *o = json_object_new_object();

	assert_string_equal(of, name);
	json_object_object_add(o, "domid", json_object_new_int64(made_as));
	return o;
}

bool device_daemon_runs(const char *daemon)
{
	(void)daemon;
	return true;
}

int cli_usage(struct cli *c, const char *fmt, ...)
{
	return why_set(c->why, TE_USAGE, "%s", fmt);
}

void cli_note(const char *fmt, ...)
{
	(void)fmt;
}

void log_say(int priority, const struct log_about *about, const char *fmt, ...)
{
	(void)priority, (void)about, (void)fmt;
}

void fact_str(struct json_object *o, const char *key, const char *value)
{
	json_object_object_add(o, key, json_object_new_string(value));
}

void fact_bool(struct json_object *o, const char *key, bool value)
{
	json_object_object_add(o, key, json_object_new_boolean(value));
}

void out_rows(struct cli *c, const char *what, struct json_object *rows,
	      const struct column *columns, size_t count)
{
	(void)c, (void)what, (void)columns, (void)count;
	*to_do = 0;
	for (size_t i = 0; i < json_object_array_length(rows); i++) {
		struct json_object *o = json_object_array_get_idx(rows, i);

		if (strcmp(json_object_get_string(json_object_object_get(o, "check")),
			   "supervisor") != 0)
			continue;
		good = json_object_get_boolean(json_object_object_get(o, "good"));
		snprintf(to_do, sizeof(to_do), "%s",
			 json_object_get_string(json_object_object_get(o, "to_do")));
	}
	json_object_put(rows);
}

/* --- */

static void check(void)
{
	char *argv[] = { "check", NULL };
	struct why why = { 0 };
	struct cli c = { .why = &why };

	good = false;
	cmd_check(&c, 1, argv);
}

static void supervisor(void **state)
{
	int lock;

	(void)state;
	check();
	assert_true(good); /* it starts with the first guest */
	name = "web";
	made_as = 3;
	check();
	assert_false(good);
	assert_non_null(strstr(to_do, "torc supervise"));
	made_as = 2; /* another's guest, of a name that ours once had */
	check();
	assert_true(good);
	made_as = 3;
	lock = supervisor_lock(false);
	assert_true(lock >= 0);
	check();
	assert_true(good);
	close(lock);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(supervisor) };
	char lock[64];
	int rc;

	if (!mkdtemp(run) || setenv("TORC_RUN_DIR", run, 1))
		return 1;
	snprintf(lock, sizeof(lock), "%s/supervise.lock", run);
	rc = cmocka_run_group_tests_name("check", tests, NULL, NULL);
	unlink(lock);
	rmdir(run);
	return rc;
}
