/* SPDX-License-Identifier: BSD-2-Clause */
/* The hosts that are known, as files. The certificate is what counts; the rest is for people. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <json-c/json.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "dom0-tools/common/paths.h"
#include "migration/durable.h"
#include "migration/identity.h"
#include "migration/pair.h"

/* A name becomes a file's: nothing that could be another folder's or hidden. */
static int file_of(const char *dir, const char *name, const char *suffix, char file[512],
		   struct why *why)
{
	const char *p;

	for (p = name; *p && (isalnum((unsigned char)*p) || strchr("-._", *p)); p++)
		;
	if (*p || p == name || name[0] == '.' || p - name >= 64)
		return why_set(why, TE_USAGE,
			       "\"%.80s\" is no name for a host: letters, digits, - . _, at most 63",
			       name);
	if (snprintf(file, 512, "%s/%s%s", dir, name, suffix) >= 512)
		return why_set(why, TE_FILE, "%s: the path is too long", dir);
	return 0;
}

static int write_words(const char *dir, const struct pin *p, struct why *why)
{
	struct json_object *o;
	char file[512];
	const char *text;
	int rc = file_of(dir, p->name, ".json", file, why);

	if (rc)
		return rc;
	o = json_object_new_object();
	json_object_object_add(o, "name", json_object_new_string(p->name));
	json_object_object_add(o, "address", json_object_new_string(p->address));
	json_object_object_add(o, "paired", json_object_new_string(p->paired));
	text = json_object_to_json_string_ext(o, JSON_C_TO_STRING_PRETTY);
	rc = durable_write(file, text, strlen(text), 0644);
	json_object_put(o);
	return rc ? why_set(why, TE_FILE, "%s: %s", file, strerror(-rc)) : 0;
}

int pin_add(const char *dir, const struct pin *p, const char *pem, struct why *why)
{
	char file[512];
	int rc = file_of(dir, p->name, ".pem", file, why);

	if (rc)
		return rc;
	rc = path_make_dirs(dir);
	if (rc)
		return why_set(why, TE_FILE, "%s: %s", dir, strerror(-rc));
	rc = write_words(dir, p, why);
	if (rc)
		return rc;
	/* last: from here on it is known */
	rc = durable_write(file, pem, strlen(pem), 0644);
	return rc ? why_set(why, TE_FILE, "%s: %s", file, strerror(-rc)) : 0;
}

int pin_move(const char *dir, const char *name, const char *address, struct why *why)
{
	struct pin p;
	int rc = pin_get(dir, name, &p, why);

	if (rc)
		return rc;
	if (!*address || strlen(address) >= sizeof(p.address))
		return why_set(why, TE_USAGE, "an address has 1 to %zu characters",
			       sizeof(p.address) - 1);
	strcpy(p.address, address);
	return write_words(dir, &p, why);
}

/* -EINVAL: it can be read, and is none */
static int read_certificate(const char *file, uint8_t fp[FINGERPRINT_SIZE])
{
	FILE *f = fopen(file, "re");
	X509 *cert;
	int rc;

	if (!f)
		return -errno;
	cert = PEM_read_X509(f, NULL, NULL, NULL);
	rc = cert ? certificate_fingerprint(cert, fp) : -EINVAL;

	X509_free(cert);
	fclose(f);
	return rc;
}

static void text_of(struct json_object *o, const char *key, char *to, size_t size)
{
	struct json_object *v;

	if (json_object_object_get_ex(o, key, &v) && json_object_is_type(v, json_type_string))
		snprintf(to, size, "%s", json_object_get_string(v));
}

int pin_get(const char *dir, const char *name, struct pin *p, struct why *why)
{
	struct json_object *o;
	char file[512];
	int rc = file_of(dir, name, ".pem", file, why);

	if (rc)
		return rc;
	memset(p, 0, sizeof(*p));
	snprintf(p->name, sizeof(p->name), "%s", name);
	if (access(file, F_OK))
		return why_hint(why, why_set(why, TE_FILE, "no host named %s is known here", name),
				"torc host pair %s, on both hosts at the same time", name);
	rc = read_certificate(file, p->fingerprint);
	if (rc && rc != -EINVAL)
		return why_set(why, TE_FILE, "%s: %s", file, strerror(-rc));
	if (rc)
		return why_hint(why, why_set(why, TE_FILE, "%s is no certificate", file),
				"torc host revoke %s", name);
	if (file_of(dir, name, ".json", file, why))
		return -EINVAL;
	o = json_object_from_file(file); /* without it the host is known all the same */
	if (o && json_object_is_type(o, json_type_object)) {
		text_of(o, "address", p->address, sizeof(p->address));
		text_of(o, "paired", p->paired, sizeof(p->paired));
	}
	json_object_put(o);
	return 0;
}

int pin_remove(const char *dir, const char *name, struct why *why)
{
	char file[512];
	int rc = file_of(dir, name, ".pem", file, why);

	if (rc)
		return rc;
	rc = durable_remove(file);
	if (rc == -ENOENT)
		return why_set(why, TE_FILE, "no host named %s is known here", name);
	if (rc)
		return why_set(why, TE_FILE, "%s: %s", file, strerror(-rc));
	if (!file_of(dir, name, ".json", file, why))
		(void)durable_remove(file);
	return 0;
}

/* "NAME.pem" becomes NAME. */
static bool is_pin(char *name)
{
	size_t len = strlen(name);

	if (len <= 4 || strcmp(name + len - 4, ".pem"))
		return false;
	name[len - 4] = 0;
	return true;
}

int pin_each(const char *dir, int (*fn)(void *arg, const struct pin *p), void *arg, struct why *why)
{
	struct why one = { 0 }, first = { 0 };
	struct dirent **list;
	struct pin p;
	int i, n = scandir(dir, &list, NULL, alphasort), rc = 0, bad = 0;

	if (n < 0)
		return errno == ENOENT ? 0 : why_set(why, TE_FILE, "%s: %s", dir, strerror(errno));
	for (i = 0; i < n; i++) {
		if (!rc && is_pin(list[i]->d_name)) {
			int unread = pin_get(dir, list[i]->d_name, &p, &one);

			if (!unread) {
				rc = fn(arg, &p);
			} else if (!bad) {
				bad = unread;
				first = one;
			}
		}
		free(list[i]);
	}
	free(list);
	if (!rc && bad)
		*why = first;
	return rc ? rc : bad;
}

struct search {
	const uint8_t *want;
	struct pin *found;
	bool any;
};

static int is_it(void *arg, const struct pin *p)
{
	struct search *s = arg;

	if (!memcmp(p->fingerprint, s->want, FINGERPRINT_SIZE)) {
		*s->found = *p;
		s->any = true;
	}
	return 0;
}

int pin_find(const char *dir, const uint8_t fingerprint[FINGERPRINT_SIZE], struct pin *p,
	     struct why *why)
{
	struct search s = { fingerprint, p, false };
	int rc = pin_each(dir, is_it, &s, why);

	return s.any ? 0 :
	       rc    ? rc :
		       why_set(why, TE_FILE, "no host with this certificate is known here");
}
