/* SPDX-License-Identifier: BSD-2-Clause */
/* torc dump-core, and the dumps that the supervisor takes of guests that crashed. */
#include "dom0-tools/cli/guest.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dom0-tools/common/log.h"
#include "dom0-tools/common/part.h"
#include "dom0-tools/common/paths.h"
#include "dom0-tools/dump/dump.h"

#define DUMPING "dumping"

struct progress {
	struct cli *c;
	int percent; /* shown last; -1: nothing is shown */
};

/* On a terminal only: a pipe gets the outcome and nothing else. */
static int show(void *arg, uint64_t done, uint64_t all)
{
	struct progress *p = arg;
	int percent = (int)(done * 100 / (all ? all : 1));

	if (p->percent >= 0 && percent != p->percent) {
		p->percent = percent;
		fprintf(stderr, "\rdumped %3d %%", percent);
	}
	return p->c->given_up && *p->c->given_up;
}

/* Written beside its place and moved there when it is whole: half a dump never has the name. */
int guest_dump(struct cli *c, uint32_t domid, const char *file, bool for_gdb)
{
	struct progress p = { c, isatty(STDERR_FILENO) ? 0 : -1 };
	char part[PATH_MAX];
	struct stat st;
	bool place = stat(file, &st) < 0 || S_ISREG(st.st_mode);
	int fd, rc;

	if (snprintf(part, sizeof(part), "%s%s", file, place ? ".part" : "") >= (int)sizeof(part))
		return why_set(c->why, TE_FILE, "%s: the name is too long", file);
	fd = place ? part_open(part) : open(part, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return why_set(c->why, TE_FILE, "%s: %s", part,
			       place ? part_why(fd) : strerror(errno));
	rc = dump_write(c->host, domid, fd, for_gdb, show, &p, c->why);
	if (p.percent >= 0)
		fputs("\r              \r", stderr);
	if (rc && c->why->error == TE_FILE)
		why_prefix(c->why, rc, "%s: ", part);
	if (!rc && place && rename(part, file) < 0)
		rc = why_set(c->why, TE_FILE, "%s: %s", file, strerror(errno));
	if (rc && place)
		unlink(part);
	if (close(fd) < 0 && !rc) /* the last, since it lets go of the name */
		rc = why_set(c->why, TE_FILE, "%s: %s", file, strerror(errno));
	return rc;
}

int guest_dump_path(const char *name, char out[PATH_MAX])
{
	char dir[PATH_MAX];

	snprintf(dir, sizeof(dir), "%s/dump", path_state());
	if (path_make_dirs(dir))
		return -errno;
	return snprintf(out, PATH_MAX, "%s/%s.core", dir, name) < PATH_MAX ? 0 : -ENAMETOOLONG;
}

/* Who is killed meanwhile leaves a mark (mark.c), so that the guest does not stay paused. It is
 * there for less long than the pause: whoever else paused the guest has his pause kept. */
static int hold(struct cli *c, const struct domain_info *info, int *mark)
{
	int rc = host_domain_pause(c->host, info->domid, c->why);
	char uuid[37];

	config_uuid_format(uuid, info->uuid);
	if (!rc)
		*mark = mark_begin(DUMPING, info->domid, uuid);
	return rc;
}

static int let_run(struct cli *c, uint32_t domid, int mark, struct why *why)
{
	mark_end(DUMPING, mark, domid);
	return host_domain_unpause(c->host, domid, why);
}

static bool let_left_run(struct cli *c, uint32_t domid, const char *text, time_t when)
{
	struct domain_info info;
	char uuid[37];

	(void)when;
	if (host_domain_info(c->host, domid, &info, c->why) || !info.paused)
		return true;
	config_uuid_format(uuid, info.uuid);
	if (strcmp(uuid, text) != 0)
		return true;
	log_say(LOG_WARNING, &(struct log_about){ .domid = domid, .event = "swept" },
		"domain %u is paused, and torc dump-core was killed: it goes on", domid);
	if (host_domain_unpause(c->host, domid, c->why))
		log_say(LOG_ERR, &(struct log_about){ .domid = domid, .event = "failed" },
			"domain %u: %s", domid, c->why->text);
	return true;
}

void dumping_clean_up(struct cli *c)
{
	mark_each_left(c, DUMPING, let_left_run);
}

int cmd_dump_core(struct cli *c, int argc, char **argv)
{
	static const struct option options[] = { { "gdb", no_argument, NULL, 'g' },
						 { "live", no_argument, NULL, 'l' },
						 { "destroy", no_argument, NULL, 'C' },
						 { 0 } };
	bool for_gdb = false, live = false, destroy = false, paused = false;
	struct domain_info info;
	char usual[PATH_MAX], *name;
	const char *file;
	uint32_t domid;
	int o, rc, mark = -1;

	while ((o = getopt_long(argc, argv, "glLC", options, NULL)) != -1) {
		if (o == 'g')
			for_gdb = true;
		else if (o == 'l' || o == 'L')
			live = true;
		else if (o == 'C')
			destroy = true;
		else
			return cli_bad_option(c, argv);
	}
	if (optind == argc || argc - optind > 2)
		return cli_usage(c, optind == argc ? "which domain?" : "\"%s\" is too much",
				 argv[argc - 1]);
	rc = cli_find_domain(c, argv[optind], &domid);
	if (!rc && domid == 0)
		rc = why_set(c->why, TE_STATE,
			     "domain 0 is the control domain: it cannot dump itself");
	if (!rc)
		rc = cli_domain_name(c, domid, &name);
	if (!rc && argc - optind == 1 && guest_dump_path(*name ? name : argv[optind], usual))
		rc = why_set(c->why, TE_FILE, "no directory for dumps: %s", strerror(errno));
	if (!rc)
		rc = host_domain_info(c->host, domid, &info, c->why);
	if (rc)
		return rc;
	free(name);
	file = argc - optind == 2 ? argv[optind + 1] : usual;
	cli_hear_signals(c); /* else it stays paused, and the file's first half is left */
	/* each pause counts: whoever has it paused by now may let it run on meanwhile */
	if (!live && !info.shutdown) {
		rc = hold(c, &info, &mark);
		paused = !rc;
	}
	if (!rc)
		rc = guest_dump(c, domid, file, for_gdb);
	if (!rc && destroy) {
		rc = guest_destroy(c, domid, "dumped");
		mark_end(DUMPING, mark, domid);
	} else if (paused && let_run(c, domid, mark, rc ? &(struct why){ 0 } : c->why) && !rc) {
		rc = -EIO;
	}
	if (!rc && c->json) {
		struct json_object *f = json_object_new_object();

		fact_num(f, "domid", domid);
		fact_str(f, "file", file);
		out_facts(c, "dump", f);
	} else if (!rc) {
		printf("%s\n", file);
	}
	return rc;
}
