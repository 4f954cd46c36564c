/* SPDX-License-Identifier: BSD-2-Clause */
/* torc-netd: guests' network cards. */
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "drivers/backend/common/supervise.h"
#include "drivers/backend/net/device.h"

#define SHARED_PAGES 65536
#define LIMIT_FILE   "/sys/module/xen_gntalloc/parameters/limit"

/* The module's own limit is enough for seven cards' frames. Without the module, or leave to write,
 * the others' are ordinary memory. */
static void raise_limit(void)
{
	int fd = open(LIMIT_FILE, O_RDWR | O_CLOEXEC), n;
	char text[32] = "";

	if (fd < 0)
		return;
	if (read(fd, text, sizeof(text) - 1) > 0 && strtol(text, NULL, 10) < SHARED_PAGES) {
		n = snprintf(text, sizeof(text), "%d", SHARED_PAGES);
		if (pwrite(fd, text, (size_t)n, 0) < 0)
			perror(LIMIT_FILE);
	}
	close(fd);
}

int main(int argc, char **argv)
{
	struct daemon_options o = {
		.name = "torc-netd",
		.usage =
			"usage: torc-netd [--type vif]... [--run-dir DIR] [--foreground] [--pid-file FILE]\n"
			"Serves guests' network cards through TAP devices. --type names the backend\n"
			"directories on the store it takes (default: vif; not where xen-netback is loaded).\n",
		.run_dir = "/run/torc/netd",
		.types = { "vif" },
		.nr_types = 1,
		.needs = { "frontend", "frontend-id", NULL },
		.serve = device_run,
	};

	raise_limit();
	return daemon_main(&o, argc, argv);
}
