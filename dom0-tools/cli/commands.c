/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of subcommands, for a program that is linked with all of them: torc-more. */
#include "dom0-tools/cli/cli.h"

const struct subcommand subcommands[] = {
#define SUBCOMMAND(name, run, args, text, details) { name, run, args, text, details },
#include "dom0-tools/cli/subcommands.tbl"
#undef SUBCOMMAND
};
const size_t subcommand_count = sizeof(subcommands) / sizeof(subcommands[0]);
