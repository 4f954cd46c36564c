/* SPDX-License-Identifier: BSD-2-Clause */
/* The command line of torc-stored: what xenstored's scripts pass, and our own. */
#ifndef XENBUS_STORE_OPTIONS_H
#define XENBUS_STORE_OPTIONS_H

#include <stdbool.h>

#include "xenbus/store/server.h"

struct options {
	const char *pid_file, *socket, *state_dir, *log_file;
	bool no_fork, print_pid, no_own_ring, verbose, takeover, no_recovery, no_sandbox;
	int64_t limit[NR_QUOTAS]; /* below 0: as it was */
};

/* 0: go on; else exit with rc - 1 */
int options_parse(struct options *o, int argc, char **argv);

#endif
