/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table of subcommands for torc itself, which starts so quickly because it is linked without
 * what few of them need. Those are NULL here, and torc-more's.
 */
#include "dom0-tools/cli/cli.h"

#define SUBCOMMAND(name, run, args, text, details) __attribute__((weak)) subcommand_fn run;
#include "dom0-tools/cli/subcommands.tbl"
#undef SUBCOMMAND

#include "dom0-tools/cli/commands.c" /* NOLINT(bugprone-suspicious-include): the same table, linked otherwise */
