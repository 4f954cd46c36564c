/* SPDX-License-Identifier: BSD-2-Clause */
/* Check a client's path and make it absolute. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "xenbus/store/conn.h"
#include "xenbus/store/path.h"

const char *const special_names[NR_SPECIALS] = { "@introduceDomain", "@releaseDomain" };

static bool allowed(unsigned char ch)
{
	return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9') ||
	       ch == '-' || ch == '/' || ch == '_' || ch == '@';
}

static bool is_name(const char *s)
{
	size_t len = strlen(s), i;

	for (i = 0; i < len; i++)
		if (!allowed(s[i]))
			return false;
	return len <= XENSTORE_REL_PATH_MAX;
}

static int check(struct conn *c, const char *s, size_t len)
{
	size_t i;

	if (!len)
		return refuse(c, -EINVAL, "the path is empty");
	for (i = 0; i < len; i++) {
		if (!allowed(s[i]))
			return refuse(
				c, -EINVAL,
				"path %.100s: byte %#x at %zu; letters, digits and -/_@ are allowed",
				s, (unsigned char)s[i], i);
		if (s[i] == '/' && (i + 1 == len ? len > 1 : s[i + 1] == '/'))
			return refuse(c, -EINVAL, "path %.100s: an empty part at %zu", s, i + 1);
	}
	return 0;
}

int path_parse(struct conn *c, const char *given, bool special, struct path *p)
{
	size_t len = strlen(given);
	int rc;

	p->prefix = 0;
	p->special = false;
	if (*given == '@') {
		for (p->which = 0; special && p->which < NR_SPECIALS; p->which++) {
			if (strcmp(given, special_names[p->which]))
				continue;
			p->special = true;
			p->len = len;
			memcpy(p->text, given, len + 1);
			return 0;
		}
		return refuse(
			c, -EINVAL,
			"path %.100s: only @introduceDomain and @releaseDomain are special, and they can "
			"be watched and given permissions, no more",
			given);
	}
	rc = check(c, given, len);
	if (rc)
		return rc;
	if (*given != '/') {
		if (len > XENSTORE_REL_PATH_MAX)
			return refuse(c, -EINVAL, "a relative path of %zu bytes, limit %d", len,
				      XENSTORE_REL_PATH_MAX);
		p->prefix = snprintf(p->text, sizeof(p->text), "/local/domain/%u/", c->domid);
	}
	if (p->prefix + len > XENSTORE_ABS_PATH_MAX)
		return refuse(c, -EINVAL, "a path of %zu bytes, limit %d", p->prefix + len,
			      XENSTORE_ABS_PATH_MAX);
	memcpy(p->text + p->prefix, given, len + 1);
	p->len = p->prefix + len;
	return quota_check(c, QUOTA_PATH, p->len);
}

int watch_path(struct conn *c, const char *given, struct path *p)
{
	if (*given != '@' || !is_name(given))
		return path_parse(c, given, true, p);
	p->prefix = 0;
	p->special = true;
	p->which = NR_SPECIALS; /* a name that never fires is no error by the protocol */
	p->len = strlen(given);
	memcpy(p->text, given, p->len + 1);
	return 0;
}
