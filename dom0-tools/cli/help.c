/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * torc help, and what is generated from the same tables at build time: the manual pages
 * (help --man, --man-config), bash completion (--completion), the list of errors (--errors).
 */
#include "dom0-tools/cli/cli.h"

#include <string.h>

#include "dom0-tools/config/config.h"

/* What other tools call it, where no command of ours begins like that. */
static const struct {
	const char *word, *ours;
} others[] = {
	{ "start", "create" },
	{ "define", "create" },
	{ "stop", "shutdown" },
	{ "kill", "destroy" },
	{ "undefine", "destroy" },
	{ "resume", "unpause" },
	{ "suspend", "pause" },
	{ "ls", "list" },
	{ "status", "list" },
	{ "dominfo", "list -l" },
	{ "domstate", "list" },
	{ "dumpxml", "list -l" },
	{ "edit", "config-update" },
	{ "version", "info" },
	{ "nodeinfo", "info" },
	{ "dump", "dump-core" },
	{ "attach-disk", "block-attach" },
	{ "detach-disk", "block-detach" },
	{ "domblklist", "block-list" },
	{ "attach-interface", "network-attach" },
	{ "detach-interface", "network-detach" },
	{ "domiflist", "network-list" },
	{ "setmem", "mem-set" },
	{ "setvcpus", "vcpu-set" },
	{ "vcpupin", "vcpu-pin" },
	{ "vcpuinfo", "vcpu-list" },
	{ "schedinfo", "sched" },
	{ "sched-credit", "sched" },
	{ "sched-credit2", "sched" },
};

/* Those that begin with it, one or all. */
static bool begun(struct why *why, const char *name)
{
	char all[256] = "";
	size_t at = 0;

	for (size_t i = 0; *name && i < subcommand_count && at < sizeof(all); i++)
		if (strncmp(subcommands[i].name, name, strlen(name)) == 0)
			at += (size_t)snprintf(all + at, sizeof(all) - at, "%s\"torc %s\"",
					       at ? ", " : "", subcommands[i].name);
	why_hint(why, 0, "did you mean %s?", all);
	return at && at < sizeof(all);
}

int help_no_such(struct why *why, const char *name)
{
	const char *names[96], *near;
	size_t n = 0;
	int rc = why_set(why, TE_USAGE, "there is no command \"%s\"", name);

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (strcmp(others[i].word, name) == 0)
			return why_hint(why, rc, "did you mean \"torc %s\"?", others[i].ours);
	if (begun(why, name))
		return rc;
	for (size_t i = 0; i < subcommand_count && n < 96; i++)
		names[n++] = subcommands[i].name;
	near = config_near(name, names, n);
	if (near)
		return why_hint(why, rc, "did you mean \"torc %s\"?", near);
	return why_hint(why, rc, "\"torc help\" lists the commands");
}

void help_command(const struct subcommand *s)
{
	printf("torc %s %s\n\n%c%s.\n", s->name, s->args, s->text[0] - 'a' + 'A', s->text + 1);
	if (*s->details)
		printf("\n%s\n", s->details);
}

void help_list(FILE *to)
{
	fputs("torc COMMAND [ARGUMENTS]\n\n", to);
	for (size_t i = 0; i < subcommand_count; i++)
		fprintf(to, "  %-14s %s\n", subcommands[i].name, subcommands[i].text);
	fputs("\ntorc help COMMAND tells more; torc help config lists the keys of a guest's file;\n"
	      "torc help errors the error codes and exit statuses. --json on any listing gives JSON.\n",
	      to);
}

static void list_keys(void)
{
	for (size_t i = 0; i < config_key_count; i++)
		if (config_keys[i].kind == 'k')
			printf("  %-20s %-7s %s\n", config_keys[i].key, config_keys[i].type,
			       config_keys[i].text);
}

static void list_errors(void)
{
	for (int e = TE_NONE; e < TE_COUNT; e++)
		printf("  %-16s exit %2d  %s\n", why_code(e), why_status(e), why_meaning(e));
}

/* docs/errors.md's table; make check compares. */
static void errors_markdown(void)
{
	puts("| code | exit status | meaning |\n| --- | --- | --- |");
	for (int e = TE_NONE + 1; e < TE_COUNT; e++)
		printf("| `%s` | %d | %s |\n", why_code(e), why_status(e), why_meaning(e));
}

/* Text to troff: backslashes, and dots and quotes that begin a line. */
static void roff(const char *s)
{
	bool start = true;

	for (; *s; s++) {
		if (start && (*s == '.' || *s == '\''))
			fputs("\\&", stdout);
		if (*s == '\\')
			fputs("\\e", stdout);
		else if (*s == '-')
			fputs("\\-", stdout);
		else
			putchar(*s);
		start = *s == '\n';
	}
}

static void man_commands(void)
{
	puts(".TH TORC 1 \"\" \"Torc\" \"Torc\"\n.SH NAME\ntorc \\- control guests from the control domain\n"
	     ".SH SYNOPSIS\n.B torc\n[\\fB\\-v\\fR] \\fICOMMAND\\fR [\\fIARGUMENTS\\fR]\n.SH DESCRIPTION\n"
	     "Creates, lists, watches, changes and ends the guests of a host that runs the hypervisor Torc.\n"
	     "Words, config files and habits are those of\n.BR xl (1).\n"
	     "A \\fIDOMAIN\\fR is a name or a number. Every listing takes \\fB\\-\\-json\\fR; the output then names its\n"
	     "schema and the schema's version. \\fB\\-v\\fR tells what takes how long.\n.SH COMMANDS");
	for (size_t i = 0; i < subcommand_count; i++) {
		const struct subcommand *s = &subcommands[i];

		printf(".TP\n.B ");
		roff(s->name);
		printf(" \\fR");
		roff(s->args);
		printf("\n%c", s->text[0] - 'a' + 'A');
		roff(s->text + 1);
		puts(".");
		if (*s->details) {
			puts(".nf");
			roff(s->details);
			puts("\n.fi");
		}
	}
	puts(".SH EXIT STATUS\n.TP\n.B 0\nDone.");
	for (int status = 1; status < 16; status++) {
		bool first = true;

		for (int e = TE_NONE + 1; e < TE_COUNT; e++) {
			if (why_status(e) != status)
				continue;
			if (first)
				printf(".TP\n.B %d\n", status);
			printf("%s\\fB%s\\fR: ", first ? "" : ".br\n", why_code(e));
			roff(why_meaning(e));
			puts(".");
			first = false;
		}
	}
	puts(".SH FILES\n.TP\n.I /var/lib/torc/guests/NAME.json\nWhat is remembered of a guest.\n"
	     ".TP\n.I /var/log/torc/console/NAME.log\nIts console, from the first byte on.\n"
	     ".TP\n.I /var/cache/torc/kernels\nUnpacked kernels; may be removed at any time.\n"
	     ".SH SEE ALSO\n.BR torc.cfg (5),\n.BR xl (1)");
}

static void man_config(void)
{
	puts(".TH TORC.CFG 5 \"\" \"Torc\" \"Torc\"\n.SH NAME\ntorc.cfg \\- a guest's config file\n.SH SYNTAX\n"
	     "Lines of \\fIkey\\fR \\fB=\\fR \\fIvalue\\fR, also separated by \\fB;\\fR. A value is a number (decimal, 0x hexadecimal,\n"
	     "0 octal), a text in single or double quotes, or a list in brackets, which may span lines. \\fB+=\\fR appends to\n"
	     "a list. \\fB#\\fR starts a comment. The files are those of\n.BR xl.cfg (5)\n"
	     "for PV guests. A key that no tool knows is an error; keys that mean something to other kinds of guests are\n"
	     "remarked on and ignored.\n.SH KEYS");
	for (size_t i = 0; i < config_key_count; i++) {
		const struct config_key *k = &config_keys[i];

		if (k->kind != 'k')
			continue;
		printf(".TP\n.B %s\n", k->key);
		roff(k->text);
		if (strcmp(k->type, "NUMBER") == 0)
			printf(" (%llu to %llu)", (unsigned long long)k->least,
			       (unsigned long long)k->most);
		puts(".");
	}
	puts(".SH IGNORED KEYS");
	for (size_t i = 0; i < config_key_count; i++)
		if (config_keys[i].kind == 'i') {
			printf(".TP\n.B %s\n", config_keys[i].key);
			roff(config_keys[i].text);
			puts(".");
		}
	puts(".SH REFUSED KEYS");
	for (size_t i = 0; i < config_key_count; i++)
		if (config_keys[i].kind == 'r') {
			printf(".TP\n.B %s\n", config_keys[i].key);
			roff(config_keys[i].text);
			puts(".");
		}
	puts(".SH SEE ALSO\n.BR torc (1)");
}

/* A guest's name may hold what a shell would run: nothing expands it, and it is quoted on its way
 * to the line. */
static void completion(void)
{
	puts("# bash completion for torc, generated from its table of commands\n"
	     "_torc_guests() {\n\tlocal name\n\twhile read -r name; do\n"
	     "\t\t[[ $name != \"$cur\"* ]] || COMPREPLY+=(\"$(printf %q \"$name\")\")\n"
	     "\tdone < <(torc list 2> /dev/null | awk 'NR > 1 { print $1 }')\n}\n"
	     "_torc_files() {\n\tcompopt -o filenames 2> /dev/null\n"
	     "\tmapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n}\n"
	     "_torc() {\n\tlocal cur=${COMP_WORDS[COMP_CWORD]} cmd=${COMP_WORDS[1]}\n\tCOMPREPLY=()\n"
	     "\tif [ \"$COMP_CWORD\" = 1 ]; then");
	printf("\t\tCOMPREPLY=($(compgen -W \"");
	for (size_t i = 0; i < subcommand_count; i++)
		printf("%s%s", i ? " " : "", subcommands[i].name);
	puts("\" -- \"$cur\"))\n\t\treturn\n\tfi\n\tcase $cmd in");
	for (size_t i = 0; i < subcommand_count; i++) {
		const struct subcommand *s = &subcommands[i];
		bool files = strstr(s->args, "FILE"),
		     guests = strstr(s->args, "DOMAIN") || strstr(s->args, "NAME");

		if (files || guests)
			printf("\t%s)%s%s ;;\n", s->name, files ? " _torc_files" : "",
			       !guests ? "" :
			       files   ? "; _torc_guests" :
					 " _torc_guests");
	}
	puts("\tesac\n}\ncomplete -F _torc torc");
}

static const struct {
	const char *word;
	void (*print)(void);
} topics[] = {
	{ "config", list_keys },   { "errors", list_errors },	   { "--errors", errors_markdown },
	{ "--man", man_commands }, { "--man-config", man_config }, { "--completion", completion },
};

int cmd_help(struct cli *c, int argc, char **argv)
{
	const struct subcommand *s;

	if (argc < 2) {
		help_list(stdout);
		return 0;
	}
	for (size_t i = 0; i < sizeof(topics) / sizeof(topics[0]); i++)
		if (strcmp(argv[1], topics[i].word) == 0) {
			topics[i].print();
			return 0;
		}
	s = cli_subcommand(argv[1]);
	if (!s)
		return help_no_such(c->why, argv[1]);
	help_command(s);
	return 0;
}
