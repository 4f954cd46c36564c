/* SPDX-License-Identifier: BSD-2-Clause */
/* What daemons log, as the journal and a syslog get it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "dom0-tools/common/log.h"

static char said[2048]; /* to the syslog */
static int said_priority;
static char dir[32], path[64], got[8192];
static size_t got_len;
static int door = -1;

void syslog(int priority, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(said, sizeof(said), fmt, ap);
	va_end(ap);
	said_priority = priority;
}

static void open_journal(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	unlink(path);
	strcpy(a.sun_path, path);
	door = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(door, (struct sockaddr *)&a, sizeof(a)), 0);
}

static int setup(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/torc-log.XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/socket", dir);
	setenv("TORC_JOURNAL", path, 1);
	said[0] = 0;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	if (door >= 0)
		close(door);
	door = -1;
	unlink(path);
	rmdir(dir);
	return 0;
}

static void take(void)
{
	ssize_t n = recv(door, got, sizeof(got), 0);

	assert_true(n > 0);
	got_len = (size_t)n;
}

/* A field's value, by the protocol; NULL if there is none. Each may be there once. */
static const char *value(const char *key)
{
	static char out[4096];
	const char *found = NULL;

	for (size_t at = 0; at < got_len;) {
		char *end = memchr(got + at, '\n', got_len - at);
		uint64_t n = 0;

		assert_non_null(end);
		for (unsigned int i = 0; i < 8; i++)
			n |= (uint64_t)(unsigned char)end[1 + i] << (8 * i);
		assert_true(n < sizeof(out) && (size_t)(end + 9 - got) + n < got_len);
		if (strlen(key) == (size_t)(end - got) - at &&
		    memcmp(got + at, key, strlen(key)) == 0) {
			assert_null(found);
			memcpy(out, end + 9, n);
			out[n] = 0;
			found = out;
		}
		at = (size_t)(end + 9 - got) + n;
		assert_int_equal(got[at], '\n');
		at++;
	}
	return found;
}

static void fields_for_the_journal(void **state)
{
	struct log_about about = { .guest = "web", .domid = 7, .event = "stopped" };

	(void)state;
	open_journal();
	log_start("torc-test");
	errno = ENOSPC;
	log_say(LOG_WARNING, &about, "%s stopped: %m", "web");
	assert_int_equal(errno, ENOSPC);
	take();
	assert_string_equal(value("MESSAGE"), "web stopped: No space left on device");
	assert_string_equal(value("PRIORITY"), "4");
	assert_string_equal(value("SYSLOG_FACILITY"), "3");
	assert_string_equal(value("SYSLOG_IDENTIFIER"), "torc-test");
	assert_string_equal(value("TORC_GUEST"), "web");
	assert_string_equal(value("TORC_DOMID"), "7");
	assert_string_equal(value("TORC_EVENT"), "stopped");
	log_say(LOG_INFO, NULL, "ready");
	take();
	assert_string_equal(value("MESSAGE"), "ready");
	assert_null(value("TORC_GUEST"));
	assert_null(value("TORC_DOMID"));
	assert_string_equal(said, "");
}

/* Whoever chooses a value chooses no other field. */
static void values_stay_values(void **state)
{
	struct log_about about = { .guest = "x\nPRIORITY=0\nPRIORITY\n\1\0" };
	char longest[8000];

	(void)state;
	open_journal();
	log_start("torc-test");
	log_say(LOG_INFO, &about, "a\nTORC_EVENT=b");
	take();
	assert_string_equal(value("PRIORITY"), "6");
	assert_null(value("TORC_EVENT"));
	assert_string_equal(value("MESSAGE"), "a?TORC_EVENT=b"); /* one line in every log */
	memset(longest, 'l', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = 0;
	about.guest = longest;
	log_say(LOG_INFO, &about, "%s", longest); /* cut, or left out */
	take();
	assert_int_equal(strlen(value("MESSAGE")), 1535);
	assert_null(value("TORC_GUEST"));
}

static void without_a_journal(void **state)
{
	struct log_about about = { .guest = "web", .domid = 7, .event = "stopped" };

	(void)state;
	log_start("torc-test");
	log_say(LOG_ERR, &about, "it is off");
	assert_string_equal(said, "it is off [guest=web domid=7 event=stopped]");
	assert_int_equal(said_priority, LOG_ERR);
	log_say(LOG_ERR, NULL, "%s", "100%s");
	assert_string_equal(said, "100%s");
	log_say(LOG_ERR, NULL, "%s", "a\nroot: forged\x1b[2J");
	assert_string_equal(said, "a?root: forged?[2J");
}

static void a_journal_that_was_restarted(void **state)
{
	(void)state;
	open_journal();
	log_start("torc-test");
	close(door);
	open_journal();
	log_say(LOG_INFO, NULL, "here again");
	take();
	assert_string_equal(value("MESSAGE"), "here again");
	close(door);
	door = -1;
	unlink(path);
	log_say(LOG_INFO, NULL, "gone");
	assert_string_equal(said, "gone");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(fields_for_the_journal, setup, teardown),
		cmocka_unit_test_setup_teardown(values_stay_values, setup, teardown),
		cmocka_unit_test_setup_teardown(without_a_journal, setup, teardown),
		cmocka_unit_test_setup_teardown(a_journal_that_was_restarted, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
