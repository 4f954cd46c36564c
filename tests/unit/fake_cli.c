/* SPDX-License-Identifier: BSD-2-Clause */
/* The command line, for tests of commands on the one guest there is: "web", domain 5. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dom0-tools/cli/cli.h"

int64_t cli_parse_number(const char *text, int64_t least, int64_t most)
{
	int64_t n = strtol(text, NULL, 10);

	return n < least || n > most ? -1 : n;
}

int cli_find_domain(struct cli *cli, const char *who, uint32_t *domid)
{
	(void)cli, (void)who;
	*domid = 5;
	return 0;
}

int cli_domain_name(struct cli *cli, uint32_t domid, char **name)
{
	(void)cli, (void)domid;
	*name = strdup("web");
	return 0;
}

int cli_usage(struct cli *cli, const char *fmt, ...)
{
	(void)cli, (void)fmt;
	return -EINVAL;
}

int cli_bad_option(struct cli *cli, char *const argv[])
{
	(void)cli, (void)argv;
	return -EINVAL;
}
