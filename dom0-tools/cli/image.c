/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A guest between two places, as save, restore and a migration share it: its config goes in front
 * of its image, and the other end makes a guest of both.
 */
#include "dom0-tools/cli/image.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dom0-tools/cli/guest.h"
#include "dom0-tools/cli/saved.h"

static int write_record(struct mig_io *io, uint32_t type, const char *body, size_t len)
{
	static const char zeros[8];
	struct saved_record h = { type, (uint32_t)len };
	struct iovec v[3] = { { &h, sizeof(h) },
			      { (void *)(uintptr_t)body, len },
			      { (void *)(uintptr_t)zeros, -len & 7 } };

	return mig_writev(io, v, 3);
}

int image_write_front(struct cli *c, struct mig_io *io, const char *name)
{
	struct saved_head h = { .magic = SAVED_MAGIC, .version = SAVED_VERSION };
	struct json_object *record = record_load(name);
	const char *text = record ? json_object_to_json_string(record) : NULL;
	int rc;

	if (!record || !json_object_object_get(record, "config_text")) {
		rc = why_set(c->why, TE_FILE,
			     "there is no record of the config of \"%s\": torc create keeps one",
			     name);
	} else if (strlen(text) > SAVED_MAX) { /* nobody could read it */
		rc = why_set(c->why, TE_FILE,
			     "the record of the config of \"%s\" has %zu bytes, of %u at most",
			     name, strlen(text), SAVED_MAX);
	} else {
		rc = mig_write(io, &h, sizeof(h));
		if (!rc)
			rc = write_record(io, SAVED_CONFIG, text, strlen(text));
		if (!rc)
			rc = write_record(io, SAVED_IMAGE, NULL, 0);
		if (rc)
			rc = why_set(c->why, TE_STREAM, "cannot write the stream: %s",
				     strerror(-rc));
	}
	json_object_put(record);
	return rc;
}

static int read_some(struct cli *c, struct mig_io *io, void *to, size_t len)
{
	int rc = mig_read(io, to, len);

	return rc ? why_set(c->why, TE_STREAM, "the file ends in the middle or cannot be read: %s",
			    strerror(-rc)) :
		    0;
}

/* Up to the image. *config: malloced. */
static int read_config(struct cli *c, struct mig_io *io, char **config)
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
		return why_set(c->why, TE_STREAM, "the file is of version %u; %u is understood",
			       h.version, SAVED_VERSION);
	while (!(rc = read_some(c, io, &r, sizeof(r))) && r.type != SAVED_IMAGE) {
		size_t padded = ((size_t)r.length + 7) & ~(size_t)7;
		char *body;

		if (r.length > SAVED_MAX || (r.type != SAVED_CONFIG && !(r.type & SAVED_OPTIONAL)) ||
		    (r.type == SAVED_CONFIG && *config))
			return why_set(
				c->why, TE_STREAM,
				"the file has a record of type %#x and %u bytes that is not understood",
				r.type, r.length);
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

int image_read_front(struct cli *c, struct mig_io *io, struct json_object **record)
{
	char *config;
	int rc = read_config(c, io, &config);

	*record = rc ? NULL : json_tokener_parse(config);
	if (!rc && !(*record && json_object_is_type(*record, json_type_object))) {
		json_object_put(*record);
		*record = NULL;
		rc = why_set(c->why, TE_STREAM,
			     "the config in front of the image is no JSON object");
	}
	free(config);
	return rc;
}

struct receiving {
	struct mig_receiver *r;
	struct image_in *in;
};

static int fill(void *arg, struct host *h, uint32_t domid, uint64_t max_pages, struct build *b,
		struct why *why)
{
	struct receiving *s = arg;
	const struct mig_calls calls = { .arg = s->in->arg, .progress = s->in->progress };
	struct mig_receive_opts o = { .domid = domid,
				      .max_pages = max_pages,
				      .deltas = s->in->deltas };
	struct mig_received got;
	int rc;

	if (s->in->begun)
		s->in->begun(s->in->arg);
	rc = host_event_alloc(h, domid, 0, &o.store_port, why);
	if (!rc)
		rc = host_event_alloc(h, domid, 0, &o.console_port, why);
	if (!rc)
		rc = mig_receive(s->r, h, &o, &calls, &got, why);
	if (rc)
		return rc;
	b->store_frame = got.store_frame;
	b->console_frame = got.console_frame;
	b->store_port = o.store_port;
	b->console_port = o.console_port;
	s->in->figures = got.figures;
	return 0;
}

static int made(void *arg, uint32_t domid, struct why *why)
{
	struct receiving *s = arg;

	return s->in->made ? s->in->made(s->in->arg, domid, why) : 0;
}

static const char *text_of(struct json_object *o, const char *key)
{
	struct json_object *v = json_object_object_get(o, key);

	return v && json_object_is_type(v, json_type_string) ? json_object_get_string(v) : NULL;
}

int image_source(struct cli *c, struct json_object *record, const char *from,
		 struct guest_source *s, char **lines)
{
	const char *uuid = text_of(record, "uuid"), *config = text_of(record, "config");

	*lines = NULL;
	*s = (struct guest_source){ .path = config ? config : from,
				    .text = text_of(record, "config_text"),
				    .quiet = true };
	if (!s->text || !uuid || strlen(uuid) > 36)
		return why_set(c->why, TE_STREAM, "%s does not hold the guest's config", from);
	/* the same guest: it keeps its name, if it was renamed, and its uuid, and so its addresses */
	*lines = config_again(text_of(record, "overrides"), text_of(record, "name"), uuid);
	if (!*lines)
		return why_set(c->why, TE_NO_MEMORY, "no memory");
	s->overrides = *lines;
	return 0;
}

int image_receive(struct cli *c, struct mig_io *io, struct image_in *in, uint32_t *domid)
{
	struct receiving s = { .in = in };
	struct guest_image image = { .arg = &s, .made = made, .fill = fill, .hold = in->hold };
	struct guest_source from;
	struct mig_head head;
	char *lines;
	int rc = image_source(c, in->record, in->from, &from, &lines);

	from.image = &image;
	rc = rc ? rc : mig_receive_begin(&s.r, io, &head, c->why);
	if (!rc) {
		image.is_32bit = head.is_32bit;
		rc = guest_create(c, &from, in->paused, false, domid);
	}
	mig_receive_end(&s.r);
	free(lines);
	return rc;
}
