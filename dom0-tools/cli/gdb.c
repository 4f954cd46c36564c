/* SPDX-License-Identifier: BSD-2-Clause */
/* torc gdb: a guest under gdb. Without options gdb itself is started, and talks to another torc gdb
 * through a pipe. */
#include "dom0-tools/cli/cli.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dom0-tools/gdb/gdb.h"

static int start_gdb(struct cli *c, uint32_t domid, char **args, int count)
{
	char self[PATH_MAX], target[PATH_MAX + 64],
		**argv = calloc((size_t)count + 8, sizeof(*argv));
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	int n = 0;

	if (!argv)
		return why_set(c->why, TE_NO_MEMORY, "no memory");
	self[len > 0 ? len : 0] = 0;
	snprintf(target, sizeof(target), "target remote | '%s' gdb --stdio %u", self, domid);
	argv[n++] = (char[]){ "gdb" };
	argv[n++] = (char[]){ "-ex" };
	argv[n++] = target;
	for (int i = 0; i < count; i++)
		argv[n++] = args[i];
	host_close(&c->host);
	signal(SIGPIPE, SIG_DFL);
	execvp(argv[0], argv);
	free(argv);
	return why_hint(
		c->why, why_set(c->why, TE_FILE, "cannot start gdb: %s", strerror(errno)),
		"install gdb here, or say --listen [ADDRESS]:PORT and let a gdb elsewhere say target remote");
}

static int serve_port(struct cli *c, uint32_t domid, const char *where)
{
	struct gdb_serve how = { .listen = -1, .in = -1, .out = -1 };
	int rc = gdb_listen(where, &how.listen, c->why);

	if (rc)
		return rc;
	cli_note("domain %u: waiting for gdb at %s", domid, where);
	rc = gdb_serve(c->host, domid, &how, c->why);
	close(how.listen);
	return rc;
}

int cmd_gdb(struct cli *c, int argc, char **argv)
{
	static const struct option options[] = { { "listen", required_argument, NULL, 'l' },
						 { "stdio", no_argument, NULL, 's' },
						 { 0 } };
	struct gdb_serve through = { .listen = -1, .in = STDIN_FILENO, .out = STDOUT_FILENO };
	const char *where = NULL;
	bool own = false;
	uint32_t domid;
	int o, rc;

	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (o == 'l')
			where = optarg;
		else if (o == 's')
			own = true;
		else
			return cli_usage(c, "unknown option (gdb's own come after --)");
	}
	if (optind == argc)
		return cli_usage(c, "which domain?");
	if ((own && where) || ((own || where) && argc - optind > 1))
		return cli_usage(c, "--listen, --stdio and arguments for gdb exclude each other");
	rc = cli_find_domain(c, argv[optind], &domid);
	if (!rc)
		rc = cli_host(c);
	if (rc)
		return rc;
	if (where)
		return serve_port(c, domid, where);
	if (own)
		return gdb_serve(c->host, domid, &through, c->why);
	return start_gdb(c, domid, argv + optind + 1, argc - optind - 1);
}
