/* SPDX-License-Identifier: BSD-2-Clause */
/* The command line: a table of options, which is the help too. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "xenbus/store/options.h"

enum { OPT_SOCKET = 256, OPT_STATE, OPT_TAKEOVER, OPT_NO_SANDBOX };

static const struct {
	const char *name, *arg, *help;
	int key;
} table[] = {
	{ "pid-file", "FILE", "write the daemon's process number there", 'F' },
	{ "no-fork", NULL, "stay in the foreground, log to stderr", 'N' },
	{ "output-pid", NULL, "print the daemon's process number", 'P' },
	{ "trace-file", "FILE", "log to this file too", 'T' },
	{ "verbose", NULL, "log every refusal", 'V' },
	{ "socket", "PATH", "listen there (/var/run/xenstored/socket)", OPT_SOCKET },
	{ "state-dir", "DIR", "keep the journal there: a RAM file system (the socket's directory)",
	  OPT_STATE },
	{ "takeover", NULL, "take over from the daemon that runs, without a break", OPT_TAKEOVER },
	{ "no-recovery", NULL, "forget what a predecessor left", 'R' },
	{ "no-domain-init", NULL, "do not serve this domain's own kernel", 'D' },
	{ "no-sandbox", NULL, "keep all system calls", OPT_NO_SANDBOX },
	{ "quota", "NAME=N", "set a quota; torc store control quota lists them", 'Q' },
	{ "entry-nb", "N", "quota nodes", 'E' },
	{ "entry-size", "N", "quota node-size", 'S' },
	{ "watch-nb", "N", "quota watches", 'W' },
	{ "transaction", "N", "quota transactions", 't' },
	{ "perm-nb", "N", "quota node-permissions", 'A' },
	{ "path-max", "N", "quota path-max", 'M' },
	{ "quota-soft", "NAME=N", "accepted and not needed: every refusal is logged", 'q' },
	{ "timeout", "NAME=N", "accepted and not needed: slow readers are bounded by pending-bytes",
	  'w' },
	{ "internal-db", "on|off", "accepted and not needed", 'I' },
	{ "keep-orphans", NULL, "not offered: a dead domain's nodes go", 'K' },
	{ "help", NULL, "this", 'H' },
};

static void help(FILE *f)
{
	char left[40];
	size_t i;

	fprintf(f,
		"usage: torc-stored [OPTION...]\nThe store: xenstore's protocol over a socket and the domains' rings.\n");
	for (i = 0; i < NR(table); i++) {
		snprintf(left, sizeof(left), "--%s %s", table[i].name,
			 table[i].arg ? table[i].arg : "");
		if (table[i].key < 256)
			fprintf(f, "  -%c, %-26s %s\n", table[i].key, left, table[i].help);
		else
			fprintf(f, "      %-26s %s\n", left, table[i].help);
	}
}

static bool set_quota(struct options *o, int q, const char *value)
{
	char *end;
	long long n = strtoll(value, &end, 10);

	if (q < 0 || end == value || *end || n < 0)
		return false;
	o->limit[q] = n;
	return true;
}

static bool set_named_quota(struct options *o, const char *arg)
{
	char name[32];
	const char *eq = strchr(arg, '=');

	if (!eq || (size_t)(eq - arg) >= sizeof(name))
		return false;
	memcpy(name, arg, eq - arg);
	name[eq - arg] = '\0';
	return set_quota(o, quota_by_name(name), eq + 1);
}

static bool apply(struct options *o, int key, const char *arg)
{
	switch (key) {
	case 'F': o->pid_file = arg; return true;
	case 'N': o->no_fork = true; return true;
	case 'P': o->print_pid = true; return true;
	case 'T': o->log_file = arg; return true;
	case 'V': o->verbose = true; return true;
	case OPT_SOCKET: o->socket = arg; return true;
	case OPT_STATE: o->state_dir = arg; return true;
	case OPT_TAKEOVER: o->takeover = true; return true;
	case 'R': o->no_recovery = true; return true;
	case 'D': o->no_own_ring = true; return true;
	case OPT_NO_SANDBOX: o->no_sandbox = true; return true;
	case 'Q': return set_named_quota(o, arg);
	case 'E': return set_quota(o, QUOTA_NODES, arg);
	case 'S': return set_quota(o, QUOTA_NODE_SIZE, arg);
	case 'W': return set_quota(o, QUOTA_WATCHES, arg);
	case 't': return set_quota(o, QUOTA_TXNS, arg);
	case 'A': return set_quota(o, QUOTA_PERMS, arg);
	case 'M': return set_quota(o, QUOTA_PATH, arg);
	case 'q':
	case 'w':
	case 'I': return true;
	case 'K':
		fprintf(stderr,
			"torc-stored: --keep-orphans is not offered: a dead domain's nodes would fall to a "
			"later domain with its number\n");
		return false;
	}
	return false;
}

int options_parse(struct options *o, int argc, char **argv)
{
	struct option longs[NR(table) + 1] = { 0 };
	char shorts[2 * NR(table) + 1];
	size_t i, n = 0;
	int key;

	for (i = 0; i < NR_QUOTAS; i++)
		o->limit[i] = -1;
	for (i = 0; i < NR(table); i++) {
		longs[i] = (struct option){ table[i].name,
					    table[i].arg ? required_argument : no_argument, NULL,
					    table[i].key };
		if (table[i].key >= 256)
			continue;
		shorts[n++] = table[i].key;
		if (table[i].arg)
			shorts[n++] = ':';
	}
	shorts[n] = '\0';
	while ((key = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		if (key == 'H') {
			help(stdout);
			return 1;
		}
		if (key == '?')
			return 2;
		if (!apply(o, key, optarg)) {
			fprintf(stderr, "torc-stored: -%c %s cannot be; see --help\n", key,
				optarg ? optarg : "");
			return 2;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "torc-stored: \"%s\" is no option; see --help\n", argv[optind]);
		return 2;
	}
	return 0;
}
