/* SPDX-License-Identifier: BSD-2-Clause */
/* The handover's record as a file, and its messages as bytes. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dom0-tools/common/paths.h"
#include "migration/durable.h"
#include "migration/handover.h"

#define MOST_RECORD 1024
#define SUFFIX	    ".handover"
#define UNFINISHED  SUFFIX ".new" /* durable_write()'s */

void handover_write(uint8_t raw[HANDOVER_WIRE_SIZE], enum handover_message m, const uint8_t *id)
{
	raw[0] = m;
	memcpy(raw + 1, id, HANDOVER_ID_SIZE);
}

int handover_read(const uint8_t *raw, size_t len, const uint8_t *id, enum handover_message *m)
{
	if (len != HANDOVER_WIRE_SIZE || raw[0] >= HANDOVER_MESSAGES ||
	    memcmp(raw + 1, id, HANDOVER_ID_SIZE))
		return -EBADMSG;
	*m = raw[0];
	return 0;
}

static void id_text(const uint8_t *id, char text[2 * HANDOVER_ID_SIZE + 1])
{
	int i;

	for (i = 0; i < HANDOVER_ID_SIZE; i++)
		sprintf(text + 2 * i, "%02x", id[i]);
}

static int id_parse(const char *text, uint8_t *id)
{
	unsigned int b;
	int i;

	if (strlen(text) != 2 * HANDOVER_ID_SIZE ||
	    strspn(text, "0123456789abcdef") != 2 * HANDOVER_ID_SIZE)
		return -EINVAL;
	for (i = 0; i < HANDOVER_ID_SIZE; i++) {
		sscanf(text + 2 * i, "%2x", &b);
		id[i] = b;
	}
	return 0;
}

int handover_save(const char *dir, const struct handover_record *r)
{
	char id[2 * HANDOVER_ID_SIZE + 1], file[512], text[MOST_RECORD];
	int len;

	id_text(r->id, id);
	if (snprintf(file, sizeof(file), "%s/%s" SUFFIX, dir, id) >= (int)sizeof(file))
		return -ENAMETOOLONG;
	if (strchr(r->uuid, '\n') || strchr(r->boot, '\n') || strchr(r->guest, '\n') ||
	    strchr(r->peer, '\n'))
		return -EINVAL;
	len = snprintf(text, sizeof(text),
		       "torc-handover 4\nid %s\nguest %s\npeer %s\nstate %s\naborted %d\ndied %d\n"
		       "asked %d\ncaps %u %u %u\ndomain %u\nuuid %s\nboot %s\nend\n",
		       id, r->guest, r->peer, handover_state_name(r->state), r->aborted, r->died,
		       r->asked, r->caps.before, r->caps.last, r->caps.now, r->domid, r->uuid,
		       r->boot);
	return durable_write(file, text, len, 0600);
}

int handover_remove(const char *dir, const uint8_t id[HANDOVER_ID_SIZE])
{
	char text[2 * HANDOVER_ID_SIZE + 1], file[512];
	int rc;

	id_text(id, text);
	if (snprintf(file, sizeof(file), "%s/%s" SUFFIX, dir, text) >= (int)sizeof(file))
		return -ENAMETOOLONG;
	rc = durable_remove(file);
	return rc == -ENOENT ? 0 : rc;
}

void handover_tidy(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	size_t len;

	if (!d)
		return;
	while ((e = readdir(d))) {
		len = strlen(e->d_name);
		if (len > strlen(UNFINISHED) &&
		    !strcmp(e->d_name + len - strlen(UNFINISHED), UNFINISHED))
			unlinkat(dirfd(d), e->d_name, 0);
	}
	closedir(d);
}

/* The next line, if it is "KEY VALUE": its value. */
static char *line(char **at, const char *key)
{
	char *start = *at, *end = strchr(start, '\n');
	size_t len = strlen(key);

	if (!end || strncmp(start, key, len) || start[len] != ' ')
		return NULL;
	*end = 0;
	*at = end + 1;
	return start + len + 1;
}

static int flag(const char *s, bool *b)
{
	if (!s || (strcmp(s, "0") && strcmp(s, "1")))
		return -EINVAL;
	*b = s[0] == '1';
	return 0;
}

static int text(const char *v, char *to, size_t size)
{
	if (!v || strlen(v) >= size)
		return -EINVAL;
	strcpy(to, v);
	return 0;
}

static int domain_number(const char *v, uint32_t *domid)
{
	unsigned long n;
	char *end;

	if (!v || !isdigit((unsigned char)*v))
		return -EINVAL;
	n = strtoul(v, &end, 10);
	*domid = n;
	return *end || n > UINT16_MAX ? -EINVAL : 0;
}

static int caps(const char *v, struct throttle_caps *c)
{
	char rest;

	if (!v || !isdigit((unsigned char)*v) ||
	    sscanf(v, "%5u %5u %5u%c", &c->before, &c->last, &c->now, &rest) != 3)
		return -EINVAL;
	return c->before > UINT16_MAX || c->last > UINT16_MAX || c->now > UINT16_MAX ? -EINVAL : 0;
}

static int parse(char *at, struct handover_record *r)
{
	unsigned int i;
	const char *v;
	char version;

	memset(r, 0, sizeof(*r));
	v = line(&at, "torc-handover");
	if (!v || (strcmp(v, "2") && strcmp(v, "3") && strcmp(v, "4")))
		return -EINVAL;
	version = *v;
	r->asked = version < '3'; /* of a daemon that wrote down less: it may have asked */
	v = line(&at, "id");
	if (!v || id_parse(v, r->id))
		return -EINVAL;
	if (text(line(&at, "guest"), r->guest, sizeof(r->guest)) ||
	    text(line(&at, "peer"), r->peer, sizeof(r->peer)))
		return -EINVAL;
	v = line(&at, "state");
	for (i = 0; v && i < HANDOVER_STATES && strcmp(v, handover_state_name(i)); i++)
		;
	if (!v || i == HANDOVER_STATES)
		return -EINVAL;
	r->state = i;
	if (flag(line(&at, "aborted"), &r->aborted) || flag(line(&at, "died"), &r->died) ||
	    (version >= '3' && flag(line(&at, "asked"), &r->asked)) ||
	    (version >= '4' && caps(line(&at, "caps"), &r->caps)) ||
	    domain_number(line(&at, "domain"), &r->domid) ||
	    text(line(&at, "uuid"), r->uuid, sizeof(r->uuid)) ||
	    text(line(&at, "boot"), r->boot, sizeof(r->boot)))
		return -EINVAL;
	return strcmp(at, "end\n") ? -EINVAL : 0;
}

int handover_load(const char *file, struct handover_record *r, struct why *why)
{
	char *text;
	size_t len;
	int rc = path_read_file(file, MOST_RECORD, &text, &len);

	if (rc)
		return why_set(why, TE_FILE, "%s: %s", file, strerror(-rc));
	rc = strlen(text) == len ? parse(text, r) : -EINVAL;
	free(text);
	if (!rc)
		return 0;
	rc = why_set(why, TE_FILE, "%s: the record of a migration is damaged", file);
	return why_hint(why, rc,
			"see on the other host whose the guest is, before this file is removed");
}

static bool is_record(const char *name)
{
	size_t len = strlen(name);

	return len > strlen(SUFFIX) && !strcmp(name + len - strlen(SUFFIX), SUFFIX);
}

int handover_each(const char *dir, int (*fn)(void *arg, const struct handover_record *r), void *arg,
		  struct why *why)
{
	DIR *d = opendir(dir);
	struct why one = { 0 }, first = { 0 };
	struct handover_record r;
	int rc = 0, damaged = 0;
	struct dirent *e;
	char file[512];

	if (!d)
		return errno == ENOENT ? 0 : why_set(why, TE_FILE, "%s: %s", dir, strerror(errno));
	while (!rc && (e = readdir(d))) {
		int bad;

		if (!is_record(e->d_name))
			continue;
		if (snprintf(file, sizeof(file), "%s/%s", dir, e->d_name) >= (int)sizeof(file)) {
			rc = why_set(why, TE_FILE, "%s: the path is too long", dir);
			break;
		}
		bad = handover_load(file, &r, &one);
		if (!bad) {
			rc = fn(arg, &r);
		} else if (!damaged && !(access(file, F_OK) && errno == ENOENT)) {
			/* not removed just now, because its migration is over */
			damaged = bad;
			first = one;
		}
	}
	closedir(d);
	if (!rc && damaged)
		*why = first;
	return rc ? rc : damaged;
}
