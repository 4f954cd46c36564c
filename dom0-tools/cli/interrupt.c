/* SPDX-License-Identifier: BSD-2-Clause */
/* Whoever breaks a command off wants the guest to go on as before, which one that was stopped does
 * not by itself: the signal is noted, and heard at the next look. */
#include "dom0-tools/cli/cli.h"

#include <signal.h>

static volatile sig_atomic_t given_up;

static void on_signal(int number)
{
	given_up = number;
}

void cli_hear_signals(struct cli *c)
{
	static const int ends[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction act = { .sa_handler = on_signal, .sa_flags = SA_RESTART }, was;

	given_up = 0;
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		if (sigaction(ends[i], NULL, &was) == 0 && was.sa_handler != SIG_IGN)
			sigaction(ends[i], &act, NULL);
	c->given_up = &given_up;
}
