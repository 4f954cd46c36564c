/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A file of xl save: a head, the guest's config as JSON, and libxl's stream, in which the domain's
 * image is the published one. As it is found in files of Xen 4.17:
 *
 *   - 32 bytes "Xen saved domain, xl format\n \0 \r"; then little-endian words of 4 bytes: a mark
 *     of the byte order, flags that must be understood (1: a stream of version 2 follows, 2: the
 *     config is JSON), flags that need not be, the length of what follows that: the config's
 *     length, the config with a NUL;
 *   - "LibxlFmt", big-endian version (2) and options; records of type and length (little-endian).
 *     Type 1: the image begins.
 */
#include "dom0-tools/cli/xlfile.h"

#include <ctype.h>
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BYTE_ORDER_MARK 0x01020304u
#define FLAGS_KNOWN	3u
#define CONFIG_MAX	(1u << 20)
#define LIBXL_VERSION	2u
#define LIBXL_IMAGE	1u

static int bad(struct cli *c, const char *what)
{
	return why_set(c->why, TE_STREAM, "this file of xl save %s", what);
}

static int read_some(struct cli *c, struct mig_io *io, void *to, size_t len)
{
	return mig_read(io, to, len) ? bad(c, "ends in the middle or cannot be read") : 0;
}

/* --- its config in our words */

static struct json_object *child(struct json_object *o, const char *key, enum json_type type)
{
	struct json_object *v = o && json_object_is_type(o, json_type_object) ?
					json_object_object_get(o, key) :
					NULL;

	return v && json_object_is_type(v, type) ? v : NULL;
}

static const char *text(struct json_object *o, const char *key, const char *otherwise)
{
	struct json_object *v = child(o, key, json_type_string);

	return v ? json_object_get_string(v) : otherwise;
}

static uint64_t number(struct json_object *o, const char *key)
{
	struct json_object *v = child(o, key, json_type_int);
	int64_t n = v ? json_object_get_int64(v) : 0;

	return n < 0 ? 0 : (uint64_t)n;
}

/* Text that stands between quotes, and within a list's item. */
static bool is_plain(const char *s)
{
	for (; *s; s++)
		if (iscntrl((unsigned char)*s) || strchr("\"'\\,[]", *s))
			return false;
	return true;
}

static void add(FILE *f, bool *plain, const char *key, const char *value)
{
	*plain &= is_plain(value);
	fprintf(f, "%s=\"%s\"\n", key, value);
}

static void add_disks(FILE *f, bool *plain, struct json_object *disks)
{
	size_t n = disks ? json_object_array_length(disks) : 0;

	fputs("disk=[", f);
	for (size_t i = 0; i < n; i++) {
		struct json_object *d = json_object_array_get_idx(disks, i);
		const char *format = text(d, "format", "raw"), *path = text(d, "pdev_path", ""),
			   *vdev = text(d, "vdev", "");

		*plain &= is_plain(format) && is_plain(path) && is_plain(vdev);
		fprintf(f, "%s\"format=%s,vdev=%s,access=%s,target=%s\"", i ? "," : "", format,
			vdev, number(d, "readwrite") ? "rw" : "ro", path);
	}
	fputs("]\n", f);
}

static void add_nics(FILE *f, bool *plain, struct json_object *nics)
{
	size_t n = nics ? json_object_array_length(nics) : 0;

	fputs("vif=[", f);
	for (size_t i = 0; i < n; i++) {
		struct json_object *d = json_object_array_get_idx(nics, i);
		const char *mac = text(d, "mac", ""), *bridge = text(d, "bridge", ""),
			   *ip = text(d, "ip", "");

		*plain &= is_plain(mac) && is_plain(bridge) && is_plain(ip);
		fprintf(f, "%s\"mac=%s", i ? "," : "", mac);
		if (*bridge)
			fprintf(f, ",bridge=%s", bridge);
		if (*ip)
			fprintf(f, ",ip=%s", ip);
		fputc('"', f);
	}
	fputs("]\n", f);
}

/* What a guest of Torc's has, it gets. Its kernel is in the image; the name is kept for whoever
 * starts it anew. */
static char *config_text(struct json_object *saved, bool *plain)
{
	static const char *const actions[] = { "on_poweroff", "on_reboot", "on_crash" };
	struct json_object *info = child(saved, "c_info", json_type_object),
			   *build = child(saved, "b_info", json_type_object);
	uint64_t most = number(build, "max_memkb"), now = number(build, "target_memkb"),
		 vcpus = number(build, "max_vcpus");
	char *out = NULL;
	size_t len;
	FILE *f = open_memstream(&out, &len);

	*plain = true;
	if (!f)
		return NULL;
	add(f, plain, "name", text(info, "name", ""));
	fputs("type=\"pv\"\n", f);
	add(f, plain, "kernel", text(build, "kernel", "/nowhere"));
	fprintf(f, "memory=%llu\nmaxmem=%llu\nvcpus=%llu\n",
		(unsigned long long)(now ? now : most) >> 10, (unsigned long long)most >> 10,
		(unsigned long long)(vcpus ? vcpus : 1));
	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
		if (text(saved, actions[i], NULL))
			add(f, plain, actions[i], text(saved, actions[i], ""));
	add_disks(f, plain, child(saved, "disks", json_type_array));
	add_nics(f, plain, child(saved, "nics", json_type_array));
	if (fclose(f)) {
		free(out);
		return NULL;
	}
	return out;
}

static int make_record(struct cli *c, const char *json, struct json_object **record)
{
	struct json_object *saved = json_tokener_parse(json),
			   *info = child(saved, "c_info", json_type_object);
	const char *uuid = text(info, "uuid", NULL);
	bool plain = true;
	char *config = NULL;
	int rc = 0;

	if (!info || !uuid)
		rc = bad(c, "holds no config that is understood");
	else if (strcmp(text(info, "type", "pv"), "pv") != 0)
		rc = why_set(c->why, TE_UNSUPPORTED,
			     "the file holds a guest of type \"%s\"; Torc runs PV guests",
			     text(info, "type", ""));
	if (!rc)
		config = config_text(saved, &plain);
	if (!rc && !config)
		rc = why_set(c->why, TE_NO_MEMORY, "no memory");
	if (!rc && !plain)
		rc = bad(c, "has names with quotes, commas or control characters in its config");
	if (!rc) {
		*record = json_object_new_object();
		json_object_object_add(*record, "config_text", json_object_new_string(config));
		json_object_object_add(*record, "uuid", json_object_new_string(uuid));
	}
	free(config);
	json_object_put(saved);
	return rc;
}

/* --- its frame */

static int read_config(struct cli *c, struct mig_io *io, uint32_t length,
		       struct json_object **record)
{
	char *body;
	uint32_t n;
	int rc;

	if (length < 5 || length > CONFIG_MAX)
		return bad(c, "has no config of a length that is understood");
	body = calloc(1, length + 1);
	if (!body)
		return why_set(c->why, TE_NO_MEMORY, "no memory");
	rc = read_some(c, io, body, length);
	if (!rc) {
		memcpy(&n, body, sizeof(n));
		rc = le32toh(n) > length - 4 ? bad(c, "has a config longer than its place") :
					       make_record(c, body + 4, record);
	}
	free(body);
	return rc;
}

bool xl_file(int fd)
{
	char magic[32];

	return pread(fd, magic, sizeof(magic), 0) == sizeof(magic) &&
	       memcmp(magic, XL_MAGIC, sizeof(magic)) == 0;
}

int xl_read_front(struct cli *c, struct mig_io *io, struct json_object **record)
{
	uint32_t words[4], libxl[2], head[2];
	char magic[32], ident[8];
	int rc = read_some(c, io, magic, sizeof(magic));

	*record = NULL;
	if (!rc && memcmp(magic, XL_MAGIC, sizeof(magic)) != 0)
		rc = bad(c, "is of another kind than xl's own format");
	rc = rc ? rc : read_some(c, io, words, sizeof(words));
	if (!rc && le32toh(words[0]) != BYTE_ORDER_MARK)
		rc = bad(c, "is of a machine of another byte order");
	if (!rc && le32toh(words[1]) != FLAGS_KNOWN)
		rc = why_set(
			c->why, TE_STREAM,
			"this file of xl save has flags %#x; %#x are understood (Xen 4.7 and later)",
			le32toh(words[1]), FLAGS_KNOWN);
	rc = rc ? rc : read_config(c, io, le32toh(words[3]), record);
	rc = rc ? rc : read_some(c, io, ident, sizeof(ident));
	rc = rc ? rc : read_some(c, io, libxl, sizeof(libxl));
	if (!rc && (memcmp(ident, "LibxlFmt", sizeof(ident)) != 0 ||
		    be32toh(libxl[0]) != LIBXL_VERSION || be32toh(libxl[1])))
		rc = bad(c, "has a stream inside that is not libxl's of version 2");
	rc = rc ? rc : read_some(c, io, head, sizeof(head));
	if (!rc && (le32toh(head[0]) != LIBXL_IMAGE || head[1]))
		rc = bad(c, "does not begin with the domain's image");
	if (rc) {
		json_object_put(*record);
		*record = NULL;
	}
	return rc;
}
