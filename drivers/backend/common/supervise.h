/* SPDX-License-Identifier: BSD-2-Clause */
/* What a backend daemon's main() is: options, and a process for each device (supervise.c). */
#ifndef BACKEND_SUPERVISE_H
#define BACKEND_SUPERVISE_H

#include <stdbool.h>

#define DAEMON_MAX_TYPES 4

struct daemon_options {
	const char *name, *usage, *run_dir, *pid_file;
	const char *types[DAEMON_MAX_TYPES]; /* backend directories it serves, unless --type names
						others */
	unsigned int nr_types;
	const char *needs[4]; /* keys without which a device is not ready to be served; NULL ends
				 them */
	bool foreground;
	const char *device; /* --device: this is a device's own process */
	/* Serves one device until it is closed; 0: it is over for good. */
	int (*serve)(const char *backend_path, const char *run_dir);
};

int daemon_main(struct daemon_options *o, int argc, char **argv);

#endif
