/* SPDX-License-Identifier: BSD-2-Clause */
/* The supervisor, without a host: what becomes of a guest that asked for a reboot, whatever else
 * goes wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dom0-tools/cli/guest.h"
#include "dom0-tools/common/log.h"

#define NAME  "web"
#define UUID  "2b9ab1c6-7f4c-4e3e-9a3f-01b6d4c0a4d2"
#define LOOKS 20

static char run[] = "/tmp/supervise-XXXXXX";
static unsigned int made, destroyed, looks;
static uint32_t domid;
static bool by_hand;	  /* somebody destroys it, too */
static unsigned int dies; /* at the so manieth name that a note gets; 0: it does not */
static unsigned int aside;
static jmp_buf enough;

/* --- the host: one guest, which asks for a reboot again and again */

int host_domain_list(struct host *h, struct domain_info **list, size_t *count, struct why *why)
{
	(void)h;
	(void)why;
	*list = calloc(1, sizeof(**list));
	assert_non_null(*list);
	**list = (struct domain_info){ .domid = domid, .shutdown = true, .reason = SHUT_REBOOT };
	config_uuid_parse(UUID, (*list)->uuid);
	*count = domid ? 1 : 0;
	return 0;
}

int host_domain_info(struct host *h, uint32_t id, struct domain_info *info, struct why *why)
{
	(void)h;
	*info = (struct domain_info){ .domid = id };
	config_uuid_parse(UUID, info->uuid);
	return id == domid ? 0 : why_set(why, TE_NO_DOMAIN, "none");
}

int host_domain_refusals(struct host *h, uint32_t id, struct host_refusal **list, size_t *count,
			 struct why *why)
{
	(void)h;
	(void)id;
	*list = NULL;
	*count = 0;
	return why_set(why, TE_NOT_OFFERED, "none");
}

static void keep_record(void)
{
	struct json_object *o = record_load(NAME);
	struct why why;

	if (!o)
		o = json_object_new_object();
	fact_num(o, "domid", domid);
	fact_str(o, "on_reboot", "restart");
	fact_str(o, "uuid", UUID);
	fact_str(o, "config", "web.cfg");
	fact_str(o, "config_text", "name=\"before\"");
	assert_int_equal(record_save(NAME, o, &why), 0);
	json_object_put(o);
}

int guest_create(struct cli *c, const struct guest_source *from, bool paused, bool dry, uint32_t *id)
{
	(void)c;
	(void)paused;
	(void)dry;
	assert_non_null(strstr(from->overrides, UUID));
	/* what its config calls it may be what it was called once */
	assert_non_null(strstr(from->overrides, "name=\"" NAME "\""));
	*id = domid = 8 + made++;
	keep_record();
	return 0;
}

int guest_destroy(struct cli *c, uint32_t id, const char *reason)
{
	(void)c;
	(void)reason;
	assert_int_equal(id, domid);
	domid = 0;
	destroyed++;
	if (by_hand)
		supervisor_forget(NAME);
	return 0;
}

void host_close(struct host **h)
{
	(void)h;
}

/* --- the store, of which only the guest's name is read */

int store_watch(struct store *s, const char *path, const char *token)
{
	(void)s;
	(void)path;
	(void)token;
	return 0;
}

int store_next_event(struct store *s, struct store_event **event, int timeout_ms)
{
	(void)s;
	(void)timeout_ms;
	if (!--looks)
		longjmp(enough, 1);
	if (looks % 3 == 0)
		return -EAGAIN; /* a quiet moment */
	*event = calloc(1, sizeof(**event));
	assert_non_null(*event);
	return 0;
}

int store_list(struct store *s, store_txn_t t, const char *path, char ***names, size_t *count)
{
	(void)s;
	(void)t;
	(void)path;
	*names = calloc(1, sizeof(**names));
	assert_non_null(*names);
	*count = 0;
	return 0;
}

char *cli_read(struct cli *c, const char *fmt, ...)
{
	(void)c;
	(void)fmt;
	return strdup(NAME);
}

/* --- what else it calls */

int cli_host(struct cli *c)
{
	(void)c;
	return 0;
}

int cli_store(struct cli *c)
{
	(void)c;
	return 0;
}

int cli_store_failed(struct cli *c, const char *doing)
{
	return why_set(c->why, TE_STORE, "%s", doing);
}

int cli_usage(struct cli *c, const char *fmt, ...)
{
	return why_set(c->why, TE_USAGE, "%s", fmt);
}

void cli_note(const char *fmt, ...)
{
	(void)fmt;
}

int64_t cli_parse_number(const char *s, int64_t least, int64_t most)
{
	int64_t n = strtol(s, NULL, 10);

	return n < least || n > most ? -1 : n;
}

const char *cli_reason_word(unsigned int reason)
{
	return reason == SHUT_REBOOT ? "reboot" : "?";
}

int cli_name_taken(struct cli *c, const char *name, bool *taken, uint32_t *id)
{
	(void)c;
	*taken = domid && strcmp(name, NAME) == 0;
	*id = domid;
	return 0;
}

void log_start(const char *program)
{
	(void)program;
}

void log_say(int priority, const struct log_about *about, const char *fmt, ...)
{
	(void)priority;
	(void)about;
	(void)fmt;
}

void creating_clean_up(struct cli *c)
{
	(void)c;
}

void saving_clean_up(struct cli *c)
{
	(void)c;
}

void dumping_clean_up(struct cli *c)
{
	(void)c;
}

int guest_dump(struct cli *c, uint32_t id, const char *file, bool for_gdb)
{
	(void)c;
	(void)id;
	(void)file;
	(void)for_gdb;
	return -1;
}

int guest_dump_path(const char *name, char out[PATH_MAX])
{
	(void)name;
	*out = 0;
	return -1;
}

int guest_rename(struct cli *c, uint32_t id, const char *to)
{
	(void)c;
	(void)id;
	(void)to;
	return -1;
}

int nodes_set_aside(struct cli *c, uint32_t id, const uint8_t uuid[16])
{
	(void)c;
	(void)id;
	(void)uuid;
	aside++;
	return 0;
}

int nodes_remove(struct cli *c, uint32_t id)
{
	(void)c;
	(void)id;
	return 0;
}

int __real_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to)
{
	if (dies && strstr(to, "/again/") && !--dies)
		_exit(0);
	return __real_rename(from, to);
}

/* --- the tests */

static void in_run(const char *name, char out[64])
{
	snprintf(out, 64, "%s/%s", run, name);
}

static void supervise(void)
{
	char lock[64];
	char *argv[] = { "supervise", "--foreground", NULL };
	struct why why = { 0 };
	struct cli c = { .why = &why };

	domid = 7;
	keep_record();
	made = destroyed = 0;
	looks = LOOKS;
	optind = 0;
	if (!setjmp(enough))
		cmd_supervise(&c, 2, argv);
	in_run("supervise.lock", lock);
	unlink(lock);		    /* of the one that is left where it stood */
	assert_int_equal(looks, 0); /* else it has ended by itself */
}

static void made_again(void **state)
{
	(void)state;
	supervise();
	assert_int_equal(destroyed, LOOKS);
	assert_int_equal(made, LOOKS);
	assert_false(supervisor_remembers(NAME));
}

static void not_what_is_destroyed_by_hand(void **state)
{
	(void)state;
	by_hand = true;
	supervise();
	by_hand = false;
	assert_int_equal(destroyed, 1);
	assert_int_equal(made, 0);
}

/* What a killed one has left lies in it. */
static bool emptied(const char *again)
{
	DIR *d = opendir(again);
	struct dirent *e;

	while (d && (e = readdir(d)))
		unlinkat(dirfd(d), e->d_name, 0);
	return d && closedir(d) == 0 && rmdir(again) == 0;
}

/* No room, most likely. Here a file is where the notes' folder belongs. */
static void made_again_without_a_note(void **state)
{
	char again[64];
	int fd;

	(void)state;
	in_run("again", again);
	assert_true(emptied(again));
	fd = open(again, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
	supervise();
	unlink(again);
	assert_int_equal(destroyed, LOOKS);
	assert_int_equal(made, LOOKS);
}

/* The next one finds what it has left, and the guest: by then it may run, and is as it was. */
static void killed_while_it_makes_a_note(void **state)
{
	pid_t child;

	(void)state;
	for (unsigned int at = 1; at <= 2; at++) {
		domid = 7;
		child = fork();
		if (!child) {
			dies = at;
			supervise();
			_exit(1);
		}
		assert_int_equal(waitpid(child, NULL, 0), child);
		aside = 0;
		supervise();
		assert_int_equal(aside, 0);
		assert_int_equal(made, LOOKS);
	}
}

/* A file that somebody edited. */
static void made_again_without_a_list_of_events(void **state)
{
	struct json_object *o = json_object_new_object();
	struct why why;

	(void)state;
	fact_str(o, "events", "none");
	assert_int_equal(record_save(NAME, o, &why), 0);
	json_object_put(o);
	supervise();
	assert_int_equal(made, LOOKS);
}

/* What create takes can be made again. */
static void a_record_of_the_longest_config(void **state)
{
	struct json_object *o = json_object_new_object(), *back;
	static char text[(1 << 20) + 1];
	struct why why;

	(void)state;
	memset(text, '\"', sizeof(text) - 1);
	fact_str(o, "config_text", text);
	assert_int_equal(record_save(NAME, o, &why), 0);
	json_object_put(o);
	back = record_load(NAME);
	assert_non_null(back);
	assert_string_equal(json_object_get_string(json_object_object_get(back, "config_text")),
			    text);
	json_object_put(back);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(made_again),
		cmocka_unit_test(killed_while_it_makes_a_note),
		cmocka_unit_test(not_what_is_destroyed_by_hand),
		cmocka_unit_test(made_again_without_a_note),
		cmocka_unit_test(made_again_without_a_list_of_events),
		cmocka_unit_test(a_record_of_the_longest_config),
	};
	char path[64];
	int rc;

	if (!mkdtemp(run) || setenv("TORC_RUN_DIR", run, 1) || setenv("TORC_STATE_DIR", run, 1))
		return 1;
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	in_run("guests/web.json", path);
	unlink(path);
	in_run("guests", path);
	rmdir(path);
	rmdir(run);
	return rc;
}
