/* SPDX-License-Identifier: BSD-2-Clause */
/* torc restore: a guest from the file that torc save wrote. It is made as torc create makes one, with the image in the place of a kernel. */
#include "dom0-tools/cli/guest.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dom0-tools/cli/saved.h"
#include "migration/engine.h"

static int read_some(struct cli *c, struct mig_io *io, void *to, size_t len)
{
	int rc = mig_read(io, to, len);

	return rc ? why_set(c->why, TE_STREAM, "the file ends in the middle or cannot be read: %s", strerror(-rc)) : 0;
}

/* Up to the image. *config: malloced. */
static int read_front(struct cli *c, struct mig_io *io, char **config)
{
	struct saved_head h;
	struct saved_record r = { 0 };
	int rc = read_some(c, io, &h, sizeof(h));

	*config = NULL;
	if (rc)
		return rc;
	if (memcmp(h.magic, SAVED_MAGIC, sizeof(h.magic)) != 0)
		return why_set(c->why, TE_STREAM, "this is no file of torc save");
	if (h.version != SAVED_VERSION)
		return why_set(c->why, TE_STREAM, "the file is of version %u; %u is understood", h.version, SAVED_VERSION);
	while (!(rc = read_some(c, io, &r, sizeof(r))) && r.type != SAVED_IMAGE) {
		size_t padded = ((size_t)r.length + 7) & ~(size_t)7;
		char *body;

		if (r.length > SAVED_MAX || (r.type != SAVED_CONFIG && !(r.type & SAVED_OPTIONAL)) || (r.type == SAVED_CONFIG && *config))
			return why_set(c->why, TE_STREAM, "the file has a record of type %#x and %u bytes that is not understood", r.type,
				       r.length);
		body = calloc(1, padded + 1);
		if (!body)
			return why_set(c->why, TE_NO_MEMORY, "no memory");
		rc = read_some(c, io, body, padded);
		if (!rc && r.type == SAVED_CONFIG)
			*config = body;
		else
			free(body);
		if (rc)
			return rc;
	}
	if (!rc && (r.length || !*config))
		rc = why_set(c->why, TE_STREAM, "the file has no config in front of the image");
	return rc;
}

struct restoring {
	struct mig_receiver *r;
	struct mig_outcome figures;
	int percent;
};

static int progress(void *arg, const struct mig_progress *p)
{
	struct restoring *s = arg;
	int percent = (int)(p->pages_sent * 100 / (p->pages_all ? p->pages_all : 1));

	if (s->percent >= 0 && percent != s->percent) {
		s->percent = percent;
		fprintf(stderr, "\rrestored %3d %%", percent);
	}
	return 0;
}

static int fill(void *arg, struct host *h, uint32_t domid, uint64_t max_pages, struct build *b, struct why *why)
{
	struct restoring *s = arg;
	const struct mig_calls calls = { .arg = s, .progress = progress };
	struct mig_receive_opts o = { .domid = domid, .max_pages = max_pages };
	struct mig_received got;
	int rc = host_event_alloc(h, domid, 0, &o.store_port, why);

	if (!rc)
		rc = host_event_alloc(h, domid, 0, &o.console_port, why);
	if (!rc)
		rc = mig_receive(s->r, h, &o, &calls, &got, why);
	if (s->percent >= 0)
		fputs("\r                 \r", stderr);
	if (rc)
		return rc;
	b->store_frame = got.store_frame;
	b->console_frame = got.console_frame;
	b->store_port = o.store_port;
	b->console_port = o.console_port;
	s->figures = got.figures;
	return 0;
}

static const char *text_of(struct json_object *o, const char *key)
{
	struct json_object *v = json_object_object_get(o, key);

	return v && json_object_is_type(v, json_type_string) ? json_object_get_string(v) : NULL;
}

static int make(struct cli *c, struct mig_io *io, struct json_object *record, bool paused, const char *file, uint32_t *domid)
{
	struct restoring s = { .percent = isatty(STDERR_FILENO) ? 0 : -1 };
	struct guest_image image = { .arg = &s, .fill = fill };
	const char *over = text_of(record, "overrides"), *uuid = text_of(record, "uuid"), *config = text_of(record, "config");
	struct guest_source from = { .path = config ? config : file, .text = text_of(record, "config_text"), .quiet = true,
				     .image = &image };
	struct mig_head head;
	char *lines = NULL;
	int rc;

	if (!from.text || !uuid)
		return why_set(c->why, TE_STREAM, "%s does not hold the guest's config", file);
	if (asprintf(&lines, "%s\nuuid=\"%s\"\n", over ? over : "", uuid) < 0)
		return why_set(c->why, TE_NO_MEMORY, "no memory");
	from.overrides = lines;
	rc = mig_receive_begin(&s.r, io, &head, c->why);
	image.is_32bit = head.is_32bit;
	if (!rc)
		rc = guest_create(c, &from, paused, false, domid);
	mig_receive_end(&s.r);
	free(lines);
	if (!rc && !c->json)
		printf("domain %u: %llu pages, %llu MiB, in %llu ms\n", *domid, (unsigned long long)s.figures.pages,
		       (unsigned long long)s.figures.bytes >> 20, (unsigned long long)s.figures.total_ns / 1000000);
	return rc;
}

int cmd_restore(struct cli *c, int argc, char **argv)
{
	static const struct option options[] = { { "paused", no_argument, NULL, 'p' }, { 0 } };
	struct json_object *record = NULL;
	struct mig_io_fd io;
	char *config = NULL;
	bool paused = false;
	uint32_t domid;
	int o, fd, rc;

	while ((o = getopt_long(argc, argv, "p", options, NULL)) != -1) {
		if (o != 'p')
			return cli_usage(c, "unknown option");
		paused = true;
	}
	if (argc - optind != 1)
		return cli_usage(c, "a file is expected");
	fd = open(argv[optind], O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return why_set(c->why, TE_FILE, "%s: %s", argv[optind], strerror(errno));
	mig_io_fd(&io, fd, -1);
	rc = read_front(c, &io.io, &config);
	if (!rc) {
		record = json_tokener_parse(config);
		rc = record && json_object_is_type(record, json_type_object) ? 0 :
		     why_set(c->why, TE_STREAM, "the config in %s is no JSON object", argv[optind]);
	}
	if (!rc)
		rc = make(c, &io.io, record, paused, argv[optind], &domid);
	else
		why_prefix(c->why, rc, "%s: ", argv[optind]);
	if (!rc)
		supervisor_start();
	if (!rc && c->json) {
		struct json_object *facts = json_object_new_object();

		fact_num(facts, "domid", domid);
		out_facts(c, "created", facts);
	}
	json_object_put(record);
	free(config);
	close(fd);
	return rc;
}
