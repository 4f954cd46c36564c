/* SPDX-License-Identifier: BSD-2-Clause */
/* torc save: a guest suspends itself and becomes a file. Until the file is whole and on the disk, the guest can go on. */
#include "dom0-tools/cli/image.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct saving {
	struct cli *c;
	uint32_t domid;
	int percent;	/* shown last; -1: nothing is shown */
};

static int suspend(void *arg, struct why *why)
{
	struct saving *s = arg;

	return guest_suspend(s->c, s->domid, why);
}

static int resume(void *arg, struct why *why)
{
	struct saving *s = arg;

	return mig_resume(s->c->host, s->domid, why);
}

static int progress(void *arg, const struct mig_progress *p)
{
	struct saving *s = arg;
	int percent = (int)(p->pages_sent * 100 / (p->pages_all ? p->pages_all : 1));

	if (s->percent >= 0 && percent != s->percent) {
		s->percent = percent;
		fprintf(stderr, "\rsaved %3d %%", percent);
	}
	return 0;
}

static int write_file(struct cli *c, uint32_t domid, const char *name, const char *file, struct mig_outcome *out)
{
	struct saving s = { c, domid, isatty(STDERR_FILENO) ? 0 : -1 };
	const struct mig_calls calls = { &s, suspend, resume, progress };
	const struct mig_send_opts opts = { .live = false };
	struct mig_io_fd io;
	char part[PATH_MAX];
	int fd, rc;

	if (snprintf(part, sizeof(part), "%s.part", file) >= (int)sizeof(part))
		return why_set(c->why, TE_FILE, "%s: the name is too long", file);
	fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return why_set(c->why, TE_FILE, "%s: %s", part, strerror(errno));
	mig_io_fd(&io, -1, fd);
	rc = image_write_front(c, &io.io, name);
	if (!rc)
		rc = mig_send(c->host, domid, &opts, &io.io, &calls, out, c->why);
	if (s.percent >= 0)
		fputs("\r              \r", stderr);
	/* from here on the guest stands still until the file is sure, or it is told to go on */
	if (!rc && (fsync(fd) < 0 || rename(part, file) < 0)) {
		struct why later = { 0 };

		rc = why_set(c->why, TE_FILE, "%s: %s", file, strerror(errno));
		if (mig_resume(c->host, domid, &later))
			why_hint(c->why, rc, "and the guest cannot go on: %s", later.text);
	}
	close(fd);
	if (rc)
		unlink(part);
	return rc;
}

int cmd_save(struct cli *c, int argc, char **argv)
{
	static const struct option options[] = { { "checkpoint", no_argument, NULL, 'c' }, { "pause", no_argument, NULL, 'p' }, { 0 } };
	bool go_on = false, paused = false;
	struct mig_outcome out = { 0 };
	char *name = NULL;
	uint32_t domid;
	int o, rc;

	while ((o = getopt_long(argc, argv, "cp", options, NULL)) != -1) {
		if (o != 'c' && o != 'p')
			return cli_usage(c, "unknown option");
		go_on |= o == 'c';
		paused |= o == 'p';
	}
	if (argc - optind != 2)
		return cli_usage(c, "a domain and a file are expected");
	rc = cli_host(c);
	if (!rc)
		rc = cli_store(c);
	if (!rc)
		rc = cli_find_domain(c, argv[optind], &domid);
	if (!rc && domid == 0)
		return why_set(c->why, TE_STATE, "domain 0 cannot be saved: it would have to do that itself");
	if (!rc)
		rc = cli_domain_name(c, domid, &name);
	if (!rc)
		rc = write_file(c, domid, name, argv[optind + 1], &out);
	if (!rc && paused)
		rc = host_domain_pause(c->host, domid, c->why);
	if (!rc && (go_on || paused))
		rc = mig_resume(c->host, domid, c->why);
	else if (!rc)
		rc = guest_destroy(c, domid, "torc save");
	if (!rc && !go_on && !paused)
		supervisor_forget(name);
	if (!rc && !c->json)
		printf("%s: %llu pages, %llu MiB, in %llu ms\n", name, (unsigned long long)out.pages, (unsigned long long)out.bytes >> 20,
		       (unsigned long long)out.total_ns / 1000000);
	free(name);
	return rc;
}
