/* SPDX-License-Identifier: BSD-2-Clause */
/* The terminal as a viewer needs it: keys as they are typed. It is given back however the program
 * ends, but by SIGKILL. */
#include "dom0-tools/cli/terminal.h"

#include <signal.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

static struct termios saved;
static volatile sig_atomic_t taken;

void terminal_restore(void)
{
	if (taken)
		tcsetattr(STDIN_FILENO, TCSADRAIN, &saved);
	taken = 0;
}

static void on_signal(int sig)
{
	terminal_restore(); /* tcsetattr() may be called here */
	signal(sig, SIG_DFL);
	raise(sig);
}

bool terminal_take(enum terminal_keys keys)
{
	static const int ends[] = { SIGTERM, SIGHUP, SIGINT, SIGQUIT };
	static bool again;
	struct termios t;

	if (!isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, &saved))
		return false;
	t = saved;
	if (keys == TERMINAL_ALL) {
		cfmakeraw(&t);
		t.c_oflag |= OPOST; /* our own messages still end in line feeds */
	} else {
		t.c_lflag &= ~(tcflag_t)(ICANON | ECHO | ISIG);
	}
	taken = 1;
	if (!again)
		atexit(terminal_restore);
	again = true;
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		signal(ends[i], on_signal);
	tcsetattr(STDIN_FILENO, TCSADRAIN, &t);
	return true;
}
