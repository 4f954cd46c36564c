/* SPDX-License-Identifier: BSD-2-Clause */
/* The two doors, hypervisor and store, and how something that went wrong is said. Shared with
 * torc-migrated. */
#include "dom0-tools/cli/cli.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <string.h>

#include "dom0-tools/common/plain.h"

int cli_host(struct cli *c)
{
	return c->host ? 0 : host_open(&c->host, c->why);
}

int cli_store(struct cli *c)
{
	int rc = c->store ? 0 : store_open(&c->store, NULL);

	if (!rc)
		return 0;
	if (rc == -EACCES || rc == -EPERM)
		return why_hint(c->why,
				why_set(c->why, TE_NO_RIGHTS, "no right to reach the store: %s",
					store_why(NULL)),
				"torc controls the whole machine: run it as root");
	return why_hint(c->why,
			why_set(c->why, TE_STORE, "the store is not reachable: %s", store_why(NULL)),
			"start torc-stored (or xenstored)");
}

int cli_store_failed(struct cli *c, const char *doing)
{
	return why_set(c->why, TE_STORE, "%s: %s", doing, store_why(c->store));
}

int cli_usage(struct cli *c, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return why_hint(c->why, why_set(c->why, TE_USAGE, "%s: %s", c->cmd->name, text),
			"torc %s %s", c->cmd->name, c->cmd->args);
}

int cli_bad_option(struct cli *c, char *const argv[])
{
	const char *last = argv[optind - 1], *next = argv[optind];
	bool cluster = next && next[0] == '-' && optopt && strchr(next, optopt);

	/* a long one without its value: optopt is what it is called here, and nowhere else */
	if (strncmp(last, "--", 2) == 0 && last[2] && !cluster)
		return cli_usage(c, "unknown option, or one without its value: %s", last);
	if (optopt > ' ' && optopt < 0x7f)
		return cli_usage(c, "unknown option, or one without its value: -%c", optopt);
	return cli_usage(c, "unknown option, or one without its value: %s", argv[optind - 1]);
}

void cli_note(const char *fmt, ...)
{
	char text[1536];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	plain_text(text, sizeof(text), text); /* names of files and guests are in it */
	fprintf(stderr, "torc: %s\n", text);
}
