/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What torc shows of a guest that is up to no good: its words come to the administrator's terminal
 * as words. And whose complaints about a device are shown.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dom0-tools/cli/guest.h"
#include "dom0-tools/common/plain.h"

#define ESC "\x1b]0;owned\x07\x1b[2J"
#define CSI        \
	"\xc2\x9b" \
	"31m" /* the same as ESC [, for terminals that speak UTF-8 */

static struct why reason;
static struct cli c = { .why = &reason };
static const char *own_error, *kernel_error, *refusal = "no", *log_line = "";

/* --- what why.c, backend.c and out.c ask of others */

int store_list(struct store *s, store_txn_t t, const char *path, char ***names, size_t *count)
{
	static char id[] = "51712";

	(void)s, (void)t;
	if (!strstr(path, "/qdisk/"))
		return -ENOENT;
	*names = calloc(2, sizeof(**names));
	(*names)[0] = id;
	*count = 1;
	return 0;
}

char *cli_read(struct cli *k, const char *fmt, ...)
{
	char path[STORE_PATH_MAX];
	const char *v = NULL;
	va_list ap;

	(void)k;
	va_start(ap, fmt);
	vsnprintf(path, sizeof(path), fmt, ap);
	va_end(ap);
	if (strcmp(path, "/local/domain/5/error/device/vbd/51712/error") == 0)
		v = "guest's " ESC CSI "\nforged line";
	else if (strcmp(path, "/local/domain/0/backend/qdisk/5/51712/error") == 0)
		v = own_error;
	else if (strcmp(path, "/local/domain/0/error/backend/qdisk/5/51712/error") == 0)
		v = kernel_error;
	return v ? strdup(v) : NULL;
}

int cli_host(struct cli *k)
{
	(void)k;
	return 0;
}

int cli_store(struct cli *k)
{
	(void)k;
	return 0;
}

int cli_usage(struct cli *k, const char *fmt, ...)
{
	(void)k, (void)fmt;
	return -EINVAL;
}

int cli_find_domain(struct cli *k, const char *who, uint32_t *domid)
{
	(void)k, (void)who;
	*domid = 5;
	return 0;
}

int64_t cli_parse_number(const char *s, int64_t least, int64_t most)
{
	int64_t n = atoll(s);

	return n < least || n > most ? -1 : n;
}

int cli_domain_name(struct cli *k, uint32_t domid, char **name)
{
	(void)k, (void)domid;
	*name = strdup("web");
	return 0;
}

const char *cli_reason_word(unsigned int r)
{
	(void)r;
	return "crash";
}

const char *cli_state_word(const struct domain_info *d)
{
	(void)d;
	return "crashed";
}

int host_domain_info(struct host *h, uint32_t domid, struct domain_info *info, struct why *why)
{
	(void)h, (void)why;
	*info = (struct domain_info){ .domid = domid, .shutdown = true };
	return 0;
}

int host_console_read(struct host *h, uint32_t *index, bool clear, char **text, size_t *len,
		      struct why *why)
{
	(void)h, (void)index, (void)clear, (void)why;
	*text = strdup(log_line);
	*len = strlen(log_line);
	return 0;
}

struct json_object *record_load(const char *name)
{
	(void)name;
	return NULL;
}

struct json_object *record_refusals(struct host *h, uint32_t domid, struct why *why)
{
	struct json_object *a = json_object_new_array(), *o = json_object_new_object();

	(void)h, (void)domid, (void)why;
	fact_seconds(o, "seconds", 1000000000);
	fact_num(o, "hypercall", 1);
	fact_num(o, "error", -EINVAL);
	fact_str(o, "text", refusal);
	json_object_array_add(a, o);
	return a;
}

/* --- the tests */

static char *said_of(int (*fn)(void))
{
	FILE *was = stdout;
	char *text = NULL;
	size_t len;

	fflush(stdout);
	stdout = open_memstream(&text, &len);
	assert_int_equal(fn(), 0);
	fclose(stdout);
	stdout = was;
	return text;
}

static int why_web(void)
{
	char *argv[] = { (char[]){ "why" }, (char[]){ "web" }, NULL };

	return cmd_why(&c, 2, argv);
}

static int print_reason(void)
{
	why_print(stdout, &reason);
	return 0;
}

/* Nothing but printable characters, blanks and ends of lines. */
static void harmless(const char *text)
{
	for (; *text; text++) {
		assert_true(*text == '\n' || (unsigned char)*text >= ' ');
		assert_int_not_equal(*text, 0x7f);
		if ((unsigned char)text[0] == 0xc2)
			assert_true((unsigned char)text[1] >= 0xa0);
	}
}

static void a_guest_s_words_do_not_move_the_cursor(void **state)
{
	char *text;

	(void)state;
	own_error = "the protocol is \"" ESC CSI "\nx86\"";
	refusal = "last words " ESC;
	log_line = "(d5) " ESC CSI " panic\n";
	text = said_of(why_web);
	harmless(text);
	assert_non_null(strstr(text, "last words ?]0;owned?"));
	assert_non_null(strstr(text, "guest says: guest's ?]0;owned"));
	assert_null(strstr(text, "\nforged line"));
	assert_null(strstr(text, "\nx86"));
	free(text);
}

static void errors_and_hints_neither(void **state)
{
	char *text;

	(void)state;
	why_set(&reason, TE_DEVICE, "it says \"%s\"", ESC CSI "\ntorc: done");
	why_hint(&reason, 0, "%s", CSI "rm -rf");
	text = said_of(print_reason);
	harmless(text);
	assert_null(strstr(text, "\ntorc: done"));
	assert_non_null(strstr(text, " [device]\n      ??31mrm -rf\n"));
	free(text);
}

static void what_our_daemon_says_is_shown_and_else_what_the_kernel_says(void **state)
{
	char *text;

	(void)state;
	own_error = "disk nbd://nas/web: Connection refused";
	kernel_error = "2 opening the disk";
	text = said_of(why_web);
	assert_non_null(strstr(text, "backend says: disk nbd://nas/web: Connection refused"));
	free(text);
	own_error = NULL;
	text = said_of(why_web);
	assert_non_null(strstr(text, "backend says: 2 opening the disk"));
	free(text);
}

/* Runs it with a console log of these bytes. */
static char *said_with_log(const char *bytes, size_t len)
{
	char dir[] = "/tmp/torc-why-XXXXXX", folder[64], file[96];
	char *text;
	FILE *f;

	assert_non_null(mkdtemp(dir));
	snprintf(folder, sizeof(folder), "%s/console", dir);
	snprintf(file, sizeof(file), "%s/web.log", folder);
	assert_int_equal(mkdir(folder, 0700), 0);
	f = fopen(file, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, len, f), len);
	fclose(f);
	assert_int_equal(setenv("TORC_LOG_DIR", dir, 1), 0);
	text = said_of(why_web);
	unsetenv("TORC_LOG_DIR");
	unlink(file);
	rmdir(folder);
	rmdir(dir);
	return text;
}

static void a_byte_hides_no_line_behind_it(void **state)
{
	static const char log[] = "\0first\0\r\nsecond\0\n\0\0panic";
	char *text;

	(void)state;
	text = said_with_log(log, sizeof(log) - 1);
	assert_non_null(strstr(text, "    ?first?\n    second?\n    ??panic\n"));
	harmless(text);
	free(text);
	log_line = "(TORC) d5 one\r\n(TORC) d5 two\r\n";
	text = said_of(why_web);
	assert_non_null(strstr(text, "    (TORC) d5 one\n    (TORC) d5 two\n"));
	free(text);
}

/* Whatever a guest writes, what is printed is JSON, which is UTF-8. */
static void whatever_a_guest_says_json_is_json(void **state)
{
	static const char log[] = "\xff\xc3 r\xc3\xa4ksm\xc3\xb6rg\xc3\xa5s \xed\xa0\x80\xe2\x82\n";
	char *text;

	(void)state;
	own_error = "caf\xe9";
	c.json = true;
	text = said_with_log(log, sizeof(log) - 1);
	c.json = false;
	assert_non_null(strstr(text, "\"?? r\xc3\xa4ksm\xc3\xb6rg\xc3\xa5s ?????\""));
	assert_non_null(strstr(text, "\"caf?\""));
	for (const char *p = text; *p; p += (signed char)*p > 0 ? 1 : plain_char(p))
		assert_true((signed char)*p > 0 || plain_char(p));
	free(text);
}

static void plain(const char *from, const char *to)
{
	char out[64];

	assert_int_equal(plain_text(out, sizeof(out), from), strlen(to));
	assert_string_equal(out, to);
}

static void letters_of_all_kinds_stay(void **state)
{
	char four[4], five[5];

	(void)state;
	plain("r\xc3\xa4ksm\xc3\xb6rg\xc3\xa5s \xe2\x82\xac \xf0\x9f\x90\xa7",
	      "r\xc3\xa4ksm\xc3\xb6rg\xc3\xa5s \xe2\x82\xac \xf0\x9f\x90\xa7");
	plain("a\tb\r\n\x7f", "a?b???");
	plain("\xc2\x80\xc2\x9f\xc2\xa0", "????\xc2\xa0");
	plain("\xc0\x9b\xe0\x82\x9b\xf0\x82\x82\x9b", "?????????"); /* longer forms */
	plain("\xff\xfe\xf5\x80\x80\x80\xc3", "???????");
	plain("\xe2\x82", "??");			  /* ends in the middle */
	plain("\xed\xa0\x80\xf4\x90\x80\x80", "???????"); /* no characters */
	plain("\xed\x9f\xbf\xf4\x8f\xbf\xbf", "\xed\x9f\xbf\xf4\x8f\xbf\xbf");
	assert_int_equal(plain_text(four, sizeof(four),
				    "\xe2\x82\xac"
				    "a"),
			 3);
	assert_int_equal(plain_text(five, sizeof(five), "ab\xe2\x82\xac"),
			 2); /* whole or not at all */
	assert_string_equal(five, "ab");
}

/* What serves it has its lock until it ends, also when the file stays. */
static void a_device_is_held_as_long_as_its_process_is_there(void **state)
{
	static const struct {
		const char *folder, *kind, *id;
	} cases[] = { { "blkd", "qdisk", "51712" }, { "netd", "vif", "0" } };
	char run[] = "/tmp/torc-held-XXXXXX", folder[64], file[96];

	(void)state;
	assert_non_null(mkdtemp(run));
	assert_int_equal(setenv("TORC_RUN_DIR", run, 1), 0);
	for (unsigned int i = 0; i < 2; i++) {
		int fd;

		snprintf(folder, sizeof(folder), "%s/%s", run, cases[i].folder);
		snprintf(file, sizeof(file), "%s/%s-5-%s.lock", folder, cases[i].kind, cases[i].id);
		assert_int_equal(mkdir(folder, 0700), 0);
		assert_false(device_held(cases[i].kind, 5, cases[i].id));
		fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		assert_int_equal(flock(fd, LOCK_EX), 0);
		assert_true(device_held(cases[i].kind, 5, cases[i].id));
		assert_false(device_held(cases[i].kind, 6, cases[i].id));
		close(fd);
		assert_false(device_held(cases[i].kind, 5, cases[i].id));
		unlink(file);
		rmdir(folder);
	}
	unsetenv("TORC_RUN_DIR");
	rmdir(run);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_guest_s_words_do_not_move_the_cursor),
		cmocka_unit_test(errors_and_hints_neither),
		cmocka_unit_test(what_our_daemon_says_is_shown_and_else_what_the_kernel_says),
		cmocka_unit_test(a_byte_hides_no_line_behind_it),
		cmocka_unit_test(whatever_a_guest_says_json_is_json),
		cmocka_unit_test(letters_of_all_kinds_stay),
		cmocka_unit_test(a_device_is_held_as_long_as_its_process_is_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
