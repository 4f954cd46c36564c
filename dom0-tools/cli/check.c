/* SPDX-License-Identifier: BSD-2-Clause */
/* torc check: is everything there that guests need on this host, and if not, what to do. */
#include "dom0-tools/cli/guest.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "dom0-tools/common/paths.h"
#include "dom0-tools/consoled/protocol.h"

static unsigned int wrong;

static void row(struct json_object *rows, const char *what, bool good, const char *found,
		const char *todo)
{
	struct json_object *o = json_object_new_object();

	fact_str(o, "check", what);
	fact_bool(o, "good", good);
	fact_str(o, "found", found);
	fact_str(o, "to_do", good ? "" : todo);
	json_object_array_add(rows, o);
	wrong += !good;
}

static bool there(const char *fmt, const char *a, const char *b)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), fmt, a, b);
	return access(path, F_OK) == 0;
}

static void check_host(struct cli *c, struct json_object *rows)
{
	struct host_info info;
	struct host_extras x;
	struct why ignored;
	char text[256];

	if (cli_host(c) || host_info(c->host, &info, c->why)) {
		row(rows, "hypervisor", false, c->why->text, c->why->hint);
		return;
	}
	snprintf(text, sizeof(text), "%u.%u%s, %s", info.version_major, info.version_minor,
		 info.version_extra, host_extras(c->host, &x, &ignored) ? "not Torc" : "Torc");
	row(rows, "hypervisor", true, text, "");
	row(rows, "32-bit PV guests", true,
	    strstr(info.capabilities, "xen-3.0-x86_32p") ? "yes" : "not here", "");
	snprintf(text, sizeof(text), "%llu of %llu MiB",
		 (unsigned long long)(info.free_pages + info.scrub_pages) >> 8,
		 (unsigned long long)info.total_pages >> 8);
	row(rows, "memory for guests", info.free_pages + info.scrub_pages > 16384, text,
	    "give dom0 less: dom0_mem= on the hypervisor's command line");
}

/* Whether somebody listens there: a daemon that was killed leaves its socket. */
static bool answers(const char *dir, const char *name)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), rc;

	rc = snprintf(a.sun_path, sizeof(a.sun_path), "%s/%s", dir, name) >= (int)sizeof(a.sun_path);
	rc = rc || fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a));
	if (fd >= 0)
		close(fd);
	return !rc;
}

/* Guests that a supervisor would act on. */
static unsigned int count_ours(struct cli *c)
{
	struct domain_info *list;
	unsigned int ours = 0;
	size_t n;

	if (!c->host || !c->store || host_domain_list(c->host, &list, &n, c->why))
		return 0;
	for (size_t i = 0; i < n; i++) {
		char *name = list[i].domid ? cli_read(c, "/local/domain/%u/name", list[i].domid) :
					     NULL;
		struct json_object *record = name ? record_load(name) : NULL;

		ours += record && json_object_get_int64(json_object_object_get(record, "domid")) ==
					  list[i].domid;
		json_object_put(record);
		free(name);
	}
	free(list);
	return ours;
}

static void check_supervisor(struct cli *c, struct json_object *rows)
{
	bool runs = supervisor_runs();
	unsigned int guests = runs ? 0 : count_ours(c);
	char text[64] = "starts with the first guest";

	if (guests)
		snprintf(text, sizeof(text), "none, with %u guest%s", guests,
			 guests == 1 ? "" : "s");
	row(rows, "supervisor", !guests, runs ? "runs" : text,
	    "torc supervise, or the service torc-supervise: without it nobody acts on guests that stop");
}

static void check_daemons(struct cli *c, struct json_object *rows)
{
	bool ours = answers(path_run(), CONSOLED_SOCKET),
	     other = there("/run/xenconsoled.pid%s%s", "", "");

	if (cli_store(c))
		row(rows, "store", false, c->why->text, c->why->hint);
	else
		row(rows, "store", true, "answers", "");
	row(rows, "console daemon", ours || other,
	    ours  ? "torc-consoled" :
	    other ? "another's" :
		    "none",
	    "start torc-consoled: without it guests that print a lot stop");
	check_supervisor(c, rows);
}

static void check_backends(struct json_object *rows)
{
	bool vbd = there("/sys/bus/xen-backend/drivers/%s%s", "vbd", ""),
	     blkd = device_daemon_runs("blkd");
	bool vif = there("/sys/bus/xen-backend/drivers/%s%s", "vif", ""),
	     netd = device_daemon_runs("netd");

	row(rows, "disks", vbd || blkd,
	    vbd	 ? (blkd ? "dom0's kernel, torc-blkd" : "dom0's kernel") :
	    blkd ? "torc-blkd" :
		   "nothing",
	    "modprobe xen-blkback, or start torc-blkd");
	row(rows, "disks that are files", blkd || there("/dev/loop-control%s%s", "", ""),
	    there("/dev/loop-control%s%s", "", "") ? "loop devices" :
	    blkd				   ? "torc-blkd" :
						     "no loop devices",
	    "modprobe loop");
	row(rows, "network cards", vif || netd,
	    vif	 ? "dom0's kernel" :
	    netd ? "torc-netd" :
		   "nothing",
	    "modprobe xen-netback, or start torc-netd");
}

static void check_places(struct json_object *rows)
{
	const char *const dirs[] = { path_state(), path_log(), path_run(), path_cache() };

	for (size_t i = 0; i < 4; i++) {
		bool exists = access(dirs[i], F_OK) == 0, writable = access(dirs[i], W_OK) == 0;

		row(rows, dirs[i], !exists || writable,
		    !exists  ? "made when needed" :
		    writable ? "writable" :
			       strerror(errno),
		    "make it a directory that root can write");
	}
}

int cmd_check(struct cli *c, int argc, char **argv)
{
	static const struct column columns[] = {
		{ "check", "What", -22 },
		{ "good", "Good", -4 },
		{ "found", "Found", -24 },
		{ "to_do", "To do", -5 },
	};
	struct json_object *rows = json_object_new_array();
	int rc;

	(void)argv;
	if (argc != 1) {
		json_object_put(rows);
		return cli_usage(c, "it takes no arguments");
	}
	check_host(c, rows);
	check_daemons(c, rows);
	check_backends(rows);
	check_places(rows);
	out_rows(c, "checks", rows, columns, 4);
	if (!wrong)
		return 0;
	rc = why_set(c->why, TE_STATE, "%u thing%s not as guests need %s", wrong,
		     wrong == 1 ? " is" : "s are", wrong == 1 ? "it" : "them");
	return geteuid() ? why_hint(c->why, rc, "run it as root: others do not see what there is") :
			   rc;
}
