/* SPDX-License-Identifier: BSD-2-Clause */
/* The two doors, hypervisor and store, and how something that went wrong is said. Shared with
 * torc-migrated. */
#include "dom0-tools/cli/cli.h"

#include <getopt.h>
#include <stdarg.h>

int cli_host(struct cli *c)
{
	return c->host ? 0 : host_open(&c->host, c->why);
}

int cli_store(struct cli *c)
{
	if (c->store || store_open(&c->store, NULL) == 0)
		return 0;
	return why_hint(c->why,
			why_set(c->why, TE_STORE, "the store is not reachable: %s", store_why(NULL)),
			"is torc-stored (or xenstored) running?");
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
	if (optopt > ' ' && optopt < 0x7f)
		return cli_usage(c, "unknown option, or one without its value: -%c", optopt);
	return cli_usage(c, "unknown option, or one without its value: %s", argv[optind - 1]);
}

void cli_note(const char *fmt, ...)
{
	va_list ap;

	fputs("torc: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}
