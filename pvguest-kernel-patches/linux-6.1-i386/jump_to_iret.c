/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A user who jumps to where the kernel returns from, xen_iret, while events come: whoever is
 * interrupted there is not the kernel. For 20 s, or as the first argument says. Ends with 0; if it
 * is ended, or the kernel is, that was not so.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <ucontext.h>

#define BYTES 0x40 /* of xen_iret */

static unsigned long first, at, jumps;
static time_t end;

/* The kernel's memory is none of ours: each jump is a fault, and its handler's return the next. */
static void again(int sig, siginfo_t *info, void *context)
{
	(void)sig, (void)info;
	jumps++;
	if (++at == first + BYTES)
		at = first;
	if (jumps % 1024 == 0 && time(NULL) > end) {
		printf("[OK]\t%lu jumps to xen_iret\n", jumps);
		exit(0);
	}
	((ucontext_t *)context)->uc_mcontext.gregs[REG_EIP] = (greg_t)at;
}

static unsigned long symbol(const char *name)
{
	FILE *f = fopen("/proc/kallsyms", "r");
	char line[256], found[128];
	unsigned long where;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%lx %*c %127s", &where, found) == 2 && !strcmp(found, name))
			return where;
	return 0;
}

int main(int argc, char **argv)
{
	struct itimerval often = { { 0, 200 }, { 0, 200 } };
	struct sigaction sa = { .sa_sigaction = again, .sa_flags = SA_SIGINFO | SA_NODEFER };

	first = at = symbol("xen_iret");
	if (!first) {
		puts("[FAIL]\txen_iret is not in /proc/kallsyms");
		return 1;
	}
	end = time(NULL) + (argc > 1 ? atoi(argv[1]) : 20);
	signal(SIGALRM, SIG_IGN);
	sigaction(SIGSEGV, &sa, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	((void (*)(void))first)();
	return 1;
}
