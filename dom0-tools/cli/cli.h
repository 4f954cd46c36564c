/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the subcommands share: the two doors (hypervisor and store), finding a domain by what
 * the user called it, and output as a table or as JSON from the same facts.
 */
#ifndef TORC_CLI_CLI_H
#define TORC_CLI_CLI_H

#include <json-c/json.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "dom0-tools/common/why.h"
#include "dom0-tools/host/host.h"
#include "xenbus/client/client.h"

struct subcommand;

struct cli {
	const struct subcommand *cmd;
	bool json;
	bool verbose;
	struct host *host;   /* by cli_host() */
	struct store *store; /* by cli_store() */
	struct burst *burst; /* by node_bursts() */
	struct names *names; /* by cli_names_ahead() */
	bool bursting;	     /* within node_transact(): nodes are queued */
	/* raised by a signal: the user wants none of it any more; or NULL */
	const volatile sig_atomic_t *given_up;
	struct why *why;
};

typedef int subcommand_fn(struct cli *c, int argc, char **argv);

struct subcommand {
	const char *name;
	subcommand_fn *run;
	const char *args;    /* "[-p] FILE [KEY=VALUE...]" */
	const char *text;    /* one line */
	const char *details; /* paragraphs and options, for --help and the manual */
};
extern const struct subcommand subcommands[];
extern const size_t subcommand_count;

#define SUBCOMMAND(name, run, args, text, details) subcommand_fn run;
#include "dom0-tools/cli/subcommands.tbl"
#undef SUBCOMMAND

/* From now on who ends the command raises c->given_up instead. */
void cli_hear_signals(struct cli *c);

/* Open a door on first use. */
int cli_host(struct cli *c);
int cli_store(struct cli *c);

/* The command line is wrong: a reason with the usage as its hint. */
int cli_usage(struct cli *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* What getopt() has just answered with '?'. */
int cli_bad_option(struct cli *c, char *const argv[]);
/* The store refused: its reason. */
int cli_store_failed(struct cli *c, const char *doing);
/* A remark for people: on stderr, never part of the output. */
void cli_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

const struct subcommand *cli_subcommand(const char *name); /* or NULL */

/* --- help (help.c) */
void help_list(FILE *to);
void help_command(const struct subcommand *s);
int help_no_such(struct why *why, const char *name);

/* --- domains (domains.c) */
/* By name or number. */
int cli_find_domain(struct cli *c, const char *who, uint32_t *domid);
/* Its name, malloced; "(null)"-like names never: a domain without one is "". */
int cli_domain_name(struct cli *c, uint32_t domid, char **name);
/* Ask for the names of these, in the order of their numbers, at once: cli_domain_name() then knows
 * them. */
void cli_names_ahead(struct cli *c, const struct domain_info *list, size_t count);
void cli_forget_names(struct cli *c);
/* Is there a living domain with this name? */
int cli_name_taken(struct cli *c, const char *name, bool *taken, uint32_t *domid);
/* A name as a node of the store, whose paths know fewer characters: others become @XX. */
void cli_name_node(const char *name, char out[256]);
/* r-----: xl's six letters. */
void cli_state_letters(const struct domain_info *d, char out[7]);
const char *cli_state_word(const struct domain_info *d);
const char *cli_reason_word(unsigned int reason);
/* One string of the store, malloced, or NULL if the node is not there. */
char *cli_read(struct cli *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int64_t cli_parse_number(const char *s, int64_t least, int64_t most); /* -1: it is none */

/* --- output (out.c) */
struct column {
	const char *key; /* of the row's object */
	const char *title;
	int width; /* least; below 0: left-aligned */
};
/* rows: an array of objects; consumed. kind names the schema: torc-KIND/1. */
void out_rows(struct cli *c, const char *kind, struct json_object *rows,
	      const struct column *columns, size_t count);
/* facts: one object; consumed. As "key : value" lines. */
void out_facts(struct cli *c, const char *kind, struct json_object *facts);
/* One object and the end of the line; flags: of json-c. */
void out_json(FILE *to, struct json_object *o, int flags);
/* Helpers to build facts. The key is kept as it is, not copied: a literal. */
void fact_str(struct json_object *o, const char *key, const char *value);
void fact_num(struct json_object *o, const char *key, int64_t value);
void fact_bool(struct json_object *o, const char *key, bool value);
void fact_seconds(struct json_object *o, const char *key, uint64_t ns);

#endif
