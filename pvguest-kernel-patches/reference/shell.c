/* SPDX-License-Identifier: BSD-2-Clause */
/* A command line on the console, and the control domain's requests by way of the store. */
#include "drivers/frontend/console.h"
#include "drivers/frontend/store.h"
#include "event.h"
#include "lib.h"
#include "mm.h"
#include "netecho.h"
#include "power.h"
#include "print.h"
#include "selftest.h"
#include "shell.h"
#include "suspend.h"
#include "timer.h"
#include "work.h"

#define PROMPT "reference> "

static bool leave;

static void cmd_echo(const char *arg)
{
	print("%s\n", arg);
}

static void cmd_uptime(const char *arg)
{
	(void)arg;
	print("up %llu s, %lu timer events, wall clock %u\n", (unsigned long long)(now() / SECOND),
	      timer_events, wall_clock());
}

static void cmd_memory(const char *arg)
{
	(void)arg;
	print("%lu pages, %u of the pool free\n", start_info.nr_pages, pages_free());
}

static void cmd_test(const char *arg)
{
	(void)arg;
	selftest_privilege();
	selftest_user();
	selftest_events();
	selftest_memory();
	selftest_store();
	selftest_disk();
	tap_plan();
}

static void cmd_burn(const char *arg)
{
	work_burn(*arg ? parse_number(arg, NULL) : 1000);
}

static void cmd_store(const char *arg)
{
	char buf[512];
	int n = store_read(0, arg, buf, sizeof(buf));

	if (n < 0)
		print("%s: error %d\n", arg, -n);
	else
		print("%s = \"%s\"\n", arg, buf);
}

static void cmd_crash(const char *arg)
{
	panic("crash %s", arg);
}

static void cmd_reboot(const char *arg)
{
	(void)arg;
	console_drain();
	power_off(SHUTDOWN_reboot);
}

static void cmd_poweroff(const char *arg)
{
	(void)arg;
	leave = true;
}

static void cmd_help(const char *arg);

static const struct {
	const char *name;
	void (*fn)(const char *arg);
	const char *help;
} commands[] = {
	{ "help", cmd_help, "this list" },
	{ "echo", cmd_echo, "says what it is told" },
	{ "uptime", cmd_uptime, "time since the start" },
	{ "memory", cmd_memory, "pages, and how many are free" },
	{ "test", cmd_test, "the self tests" },
	{ "burn", cmd_burn, "MS: works that long" },
	{ "store", cmd_store, "PATH: reads the store" },
	{ "crash", cmd_crash, "panics" },
	{ "reboot", cmd_reboot, "asks to be restarted" },
	{ "poweroff", cmd_poweroff, "ends the domain" },
};

static void cmd_help(const char *arg)
{
	(void)arg;
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		print("%-10s %s\n", commands[i].name, commands[i].help);
}

static void run(char *line)
{
	char *arg = strchr(line, ' ');

	if (arg)
		*arg++ = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		if (!strcmp(line, commands[i].name)) {
			commands[i].fn(arg ? arg : "");
			return;
		}
	}
	if (*line)
		print("%s: no such command; help lists them\n", line);
}

/* control/shutdown says poweroff, reboot, halt, ...; removing it is the answer that it was seen. */
static void on_control(void *arg)
{
	char what[32];

	(void)arg;
	if (store_read(0, "control/shutdown", what, sizeof(what)) <= 0)
		return;
	if (!strcmp(what, "suspend"))
		return; /* suspend.c sees to that */
	store_write(0, "control/shutdown", "");
	print("\nasked to %s\n", what);
	if (!strcmp(what, "reboot"))
		cmd_reboot("");
	leave = !strcmp(what, "poweroff") || !strcmp(what, "halt");
}

static bool something(void *arg)
{
	return console_input(arg) || store_pending(arg) || netecho_pending(arg);
}

void shell(void)
{
	char line[128], c;
	size_t n = 0;

	if (store_ready() && store_watch("control/shutdown", on_control, NULL))
		print("the store takes no watch: shutdown requests will not be seen\n");
	store_write(0, "control/feature-poweroff", "1");
	store_write(0, "control/feature-reboot", "1");
	suspend_offer();
	print(PROMPT);
	while (!leave) {
		event_wait_for(something, NULL, 0);
		store_run();
		suspend_if_asked();
		netecho_run();
		while (!leave && console_read(&c, 1)) {
			if (c == '\r' || c == '\n') {
				line[n] = '\0';
				n = 0;
				print("\n");
				run(line);
				if (!leave)
					print(PROMPT);
			} else if ((c == '\b' || c == 0x7f) && n) {
				n--;
				print("\b \b");
			} else if (c >= ' ' && c < 0x7f && n < sizeof(line) - 1) {
				line[n++] = c;
				print("%c", c);
			}
		}
	}
	store_unwatch("control/shutdown", on_control, NULL);
}
