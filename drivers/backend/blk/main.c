/* SPDX-License-Identifier: BSD-2-Clause */
/* torc-blkd: guests' disks. */
#include <stddef.h>

#include "drivers/backend/blk/device.h"
#include "drivers/backend/common/supervise.h"

int main(int argc, char **argv)
{
	struct daemon_options o = {
		.name = "torc-blkd",
		.usage =
			"usage: torc-blkd [--type vbd|qdisk]... [--run-dir DIR] [--foreground] [--pid-file FILE]\n"
			"Serves guests' disks. --type names the backend directories on the store it takes\n"
			"(default: vbd and qdisk; leave vbd out where the kernel's xen-blkback is loaded).\n",
		.run_dir = "/run/torc/blkd",
		.types = { "vbd", "qdisk" },
		.nr_types = 2,
		.needs = { "frontend", "frontend-id", NULL },
		.serve = device_run,
	};

	return daemon_main(&o, argc, argv);
}
