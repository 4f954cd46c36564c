/* SPDX-License-Identifier: BSD-2-Clause */
/* torc restore: a guest from the file that torc save wrote, or xl save. It is made as torc create
 * makes one, with the image in the place of a kernel. */
#include "dom0-tools/cli/image.h"
#include "dom0-tools/cli/xlfile.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* arg: the percentage shown last; below 0 nothing is shown */
static int progress(void *arg, const struct mig_progress *p)
{
	int *shown = arg;
	int percent = (int)(p->pages_sent * 100 / (p->pages_all ? p->pages_all : 1));

	if (*shown >= 0 && percent != *shown) {
		*shown = percent;
		fprintf(stderr, "\rrestored %3d %%", percent);
	}
	return 0;
}

int cmd_restore(struct cli *c, int argc, char **argv)
{
	static const struct option options[] = { { "paused", no_argument, NULL, 'p' }, { 0 } };
	int shown = isatty(STDERR_FILENO) ? 0 : -1;
	struct image_in in = { .progress = progress, .arg = &shown };
	struct mig_io_fd io;
	uint32_t domid;
	int o, fd, rc;

	while ((o = getopt_long(argc, argv, "p", options, NULL)) != -1) {
		if (o != 'p')
			return cli_bad_option(c, argv);
		in.paused = true;
	}
	if (argc - optind != 1)
		return cli_usage(c, "a file is expected");
	fd = open(argv[optind], O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return why_set(c->why, TE_FILE, "%s: %s", argv[optind], strerror(errno));
	mig_io_fd(&io, fd, -1);
	rc = xl_file(fd) ? xl_read_front(c, &io.io, &in.record) :
			   image_read_front(c, &io.io, &in.record);
	if (rc)
		why_prefix(c->why, rc, "%s: ", argv[optind]);
	in.from = argv[optind];
	if (!rc)
		rc = image_receive(c, &io.io, &in, &domid);
	if (shown >= 0)
		fputs("\r                 \r", stderr);
	if (!rc && !c->json)
		printf("domain %u: %llu pages, %llu MiB, in %llu ms\n", domid,
		       (unsigned long long)in.figures.pages,
		       (unsigned long long)in.figures.bytes >> 20,
		       (unsigned long long)in.figures.total_ns / 1000000);
	if (!rc)
		supervisor_start();
	if (!rc && c->json) {
		struct json_object *facts = json_object_new_object();

		fact_num(facts, "domid", domid);
		out_facts(c, "created", facts);
	}
	json_object_put(in.record);
	close(fd);
	return rc;
}
