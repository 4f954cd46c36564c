/* SPDX-License-Identifier: BSD-2-Clause */
/* torc-netd: guests' network cards. */
#include <stddef.h>

#include "drivers/backend/common/supervise.h"
#include "drivers/backend/net/device.h"

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
		.needs = { "frontend", "mac", NULL },
		.serve = device_run,
	};

	return daemon_main(&o, argc, argv);
}
