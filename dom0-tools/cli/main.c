/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * torc: the control domain's command. Finds the subcommand, runs it, says why it failed. A
 * subcommand that this program is linked without is torc-more's.
 */
#include "dom0-tools/cli/cli.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dom0-tools/cli/burst.h"
#include "dom0-tools/common/beside.h"

static void complain(const struct cli *c)
{
	struct json_object *o, *e;

	if (!c->json) {
		why_print(stderr, c->why);
		return;
	}
	o = json_object_new_object();
	e = json_object_new_object();
	fact_str(o, "schema", "torc-error/1");
	fact_str(e, "code", why_code(c->why->error));
	fact_str(e, "text", c->why->text);
	fact_str(e, "hint", c->why->hint[0] ? c->why->hint : NULL);
	json_object_object_add(o, "error", e);
	out_json(stderr, o, 0);
	json_object_put(o);
}

const struct subcommand *cli_subcommand(const char *name)
{
	for (size_t i = 0; i < subcommand_count; i++)
		if (strcmp(subcommands[i].name, name) == 0)
			return &subcommands[i];
	return NULL;
}

static bool take_flag(int *argc, char **argv, const char *flag)
{
	for (int i = 1; i < *argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], flag) == 0) {
			memmove(&argv[i], &argv[i + 1], (size_t)(*argc - i) * sizeof(*argv));
			--*argc;
			return true;
		}
	return false;
}

/* Goes on as torc-more, with all that was said to us. Comes back only if that fails. */
static int go_on_as_more(struct cli *c, char **whole)
{
	char path[PATH_MAX];
	int rc = beside_path("torc-more", path);

	if (!rc) {
		execv(path, whole);
		rc = -errno;
	}
	rc = why_set(c->why, TE_FILE, "torc %s is a part of torc-more: %s", c->cmd->name,
		     strerror(-rc));
	return why_hint(c->why, rc, "torc-more belongs beside torc");
}

/*
 * Commands whose table shows no options look at none: a word with a dash in front would be taken
 * for a domain's name. What is written into the store may begin with a dash; help has options of
 * its own, for the build.
 */
static const char *stray_option(const struct subcommand *cmd, int argc, char **argv)
{
	const char *shown = strstr(cmd->args, "[-");

	if ((shown && (strncmp(shown, "[--json]", 8) != 0 || strstr(shown + 1, "[-"))) ||
	    strcmp(cmd->name, "store") == 0 || strcmp(cmd->name, "help") == 0)
		return NULL;
	for (int i = 1; i < argc; i++)
		if (argv[i][0] == '-' && argv[i][1])
			return argv[i];
	return NULL;
}

int main(int argc, char **argv)
{
	const char *stray;
	struct why why = { 0 };
	char **whole = argv;
	struct cli c = { .why = &why };
	int rc;

	signal(SIGPIPE, SIG_IGN);
	opterr = 0; /* the reason is told once, in our words */
	while (argc > 1 && argv[1][0] == '-' && strcmp(argv[1], "--help") != 0 &&
	       strcmp(argv[1], "-h") != 0) {
		if (strcmp(argv[1], "--json") == 0) {
			c.json = true;
			argv++;
			argc--;
			continue;
		}
		if (strcmp(argv[1], "-v") != 0) {
			why_hint(&why, why_set(&why, TE_USAGE, "unknown option %s", argv[1]),
				 "torc COMMAND ...");
			complain(&c);
			return why_status(TE_USAGE);
		}
		c.verbose = true;
		argv++;
		argc--;
	}
	if (argc < 2) {
		help_list(stderr);
		return why_status(TE_USAGE);
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		help_list(stdout);
		return 0;
	}
	argv++;
	argc--;
	c.cmd = cli_subcommand(argv[0]);
	if (!c.cmd) {
		help_no_such(&why, argv[0]);
		complain(&c);
		return why_status(TE_USAGE);
	}
	if (take_flag(&argc, argv, "--help") || take_flag(&argc, argv, "-h")) {
		help_command(c.cmd);
		return 0;
	}
	if (c.cmd->run) {
		c.json |= take_flag(&argc, argv, "--json");
		stray = stray_option(c.cmd, argc, argv);
		rc = stray ? cli_usage(&c, "unknown option: %s", stray) : c.cmd->run(&c, argc, argv);
	} else {
		rc = go_on_as_more(&c, whole);
	}
	host_close(&c.host);
	if (c.store)
		store_close(&c.store);
	burst_close(&c.burst);
	cli_forget_names(&c);
	errno = 0;
	/* whoever closed the pipe has read enough */
	if ((fflush(stdout) || ferror(stdout)) && !rc && errno != EPIPE)
		rc = why_set(&why, TE_FILE, "its output cannot be written: %s",
			     errno ? strerror(errno) : "a part of it is lost");
	if (!rc)
		return 0;
	complain(&c);
	return why_status(why.error);
}
