/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * torc-seed DIR NAME UUID, which torc create --seed runs: a disk by which cloud-init in the
 * guest learns who it is. Its form is cloud-init's NoCloud: an ISO 9660 volume of the name CIDATA
 * with the files below at its root. A program of its own, as no other command needs the library,
 * whose licence is not torc's.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#define LIBISOFS_WITHOUT_LIBBURN yes
#include <libisofs/libisofs.h>

#include "dom0-tools/common/paths.h"
#include "dom0-tools/common/why.h"

#define BLOCK	       2048
#define FILE_MAX_BYTES (4u << 20) /* of one file: texts, and perhaps a script */

static const struct {
	const char *name;
	bool needed;
} files[] = { { "user-data", true },
	      { "meta-data", false },
	      { "network-config", false },
	      { "vendor-data", false } };

struct seed {
	const char *dir;
	const char *name; /* the guest's */
	const char *id;	  /* its uuid, by which cloud-init knows a guest that it has seen before */
	IsoImage *image;
};

/* user-data may be packed with gzip: bytes, not text. */
static int add_bytes(struct seed *s, const char *name, const char *bytes, size_t len,
		     struct why *why)
{
	unsigned char *copy = malloc(len ? len : 1); /* the image frees it */
	IsoStream *stream;
	IsoFile *file;

	if (!copy)
		return why_set(why, TE_NO_MEMORY, "no memory");
	memcpy(copy, bytes, len);
	if (iso_memory_stream_new(copy, len, &stream) < 0) {
		free(copy);
		return why_set(why, TE_NO_MEMORY, "no memory for the seed's %s", name);
	}
	if (iso_tree_add_new_file(iso_image_get_root(s->image), name, stream, &file) < 0) {
		iso_stream_unref(stream);
		return why_set(why, TE_INTERNAL, "cannot put %s on the seed", name);
	}
	return 0;
}

static int add_file(struct seed *s, const char *name, bool needed, struct why *why)
{
	char path[PATH_MAX], *text = NULL;
	char made[256];
	size_t len;
	int rc;

	if (snprintf(path, sizeof(path), "%s/%s", s->dir, name) >= (int)sizeof(path))
		return why_set(why, TE_FILE, "%s: the name is too long", s->dir);
	rc = path_read_file(path, FILE_MAX_BYTES, &text, &len);
	if (rc == -ENOENT && strcmp(name, "meta-data") == 0) {
		snprintf(made, sizeof(made), "instance-id: %s\nlocal-hostname: %s\n", s->id,
			 s->name);
		return add_bytes(s, name, made, strlen(made), why);
	}
	if (rc == -ENOENT && !needed)
		return 0;
	if (rc)
		return why_set(why, TE_FILE, "%s: %s", path, strerror(-rc));
	rc = add_bytes(s, name, text, len, why);
	free(text);
	return rc;
}

static int write_image(struct seed *s, struct why *why)
{
	struct burn_source *source = NULL;
	IsoWriteOpts *opts = NULL;
	unsigned char block[BLOCK];
	int rc = 0, n = 0;

	if (iso_write_opts_new(&opts, 0) < 0 || iso_write_opts_set_rockridge(opts, 1) < 0 ||
	    iso_write_opts_set_joliet(opts, 1) < 0 ||
	    iso_image_create_burn_source(s->image, opts, &source) < 0)
		rc = why_set(why, TE_INTERNAL, "cannot make the seed's image");
	while (!rc && (n = source->read_xt(source, block, BLOCK)) > 0)
		if (fwrite(block, 1, (size_t)n, stdout) != (size_t)n)
			rc = why_set(why, TE_FILE, "its image: %s", strerror(errno));
	if (!rc && n < 0)
		rc = why_set(why, TE_INTERNAL, "cannot make the seed's image");
	if (fclose(stdout) && !rc)
		rc = why_set(why, TE_FILE, "its image: %s", strerror(errno));
	if (source) {
		source->free_data(source);
		free(source);
	}
	if (opts)
		iso_write_opts_free(opts);
	return rc;
}

static int make(struct seed *s, struct why *why)
{
	int rc = 0;

	if (iso_init() < 0 || iso_set_msgs_severities("NEVER", "NEVER", "") < 0 ||
	    iso_image_new("CIDATA", &s->image) < 0)
		return why_set(why, TE_NO_MEMORY, "no memory");
	for (size_t i = 0; !rc && i < sizeof(files) / sizeof(files[0]); i++)
		rc = add_file(s, files[i].name, files[i].needed, why);
	if (!rc)
		rc = write_image(s, why);
	iso_image_unref(s->image);
	iso_finish();
	return rc;
}

int main(int argc, char **argv)
{
	struct why why = { 0 };
	struct seed s;

	if (argc != 4) {
		fputs("usage: torc-seed DIR NAME UUID\nWrites a disk for cloud-init, of DIR's files, to its output. "
		      "torc create --seed runs it.\n",
		      stderr);
		return argc == 2 && strcmp(argv[1], "--help") == 0 ? 0 : 2;
	}
	s = (struct seed){ .dir = argv[1], .name = argv[2], .id = argv[3] };
	if (make(&s, &why) == 0)
		return 0;
	fputs(why.text, stderr);
	return why_status(why.error);
}
