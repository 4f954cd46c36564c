/* SPDX-License-Identifier: BSD-2-Clause */
/* Permission lists: their text form ("n0,r5"), and the client's calls for them. */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xen/io/xs_wire.h>

#include "xenbus/client/link.h"

static const char letters[] = "nrwb"; /* by enum store_access */

static int perm_parse(const char *text, const char **end, struct store_perm *out)
{
	const char *letter = *text ? strchr(letters, *text) : NULL;
	unsigned long domid;
	char *stop;

	if (!letter || text[1] < '0' || text[1] > '9')
		return -EINVAL;
	domid = strtoul(text + 1, &stop, 10);
	if (domid > UINT16_MAX)
		return -EINVAL;
	out->access = letter - letters;
	out->domid = domid;
	*end = stop;
	return 0;
}

int store_perms_parse(const char *text, struct store_perm *out, size_t max)
{
	size_t n = 0;

	for (;;) {
		while (*text == ' ' || *text == ',')
			text++;
		if (!*text)
			return n ? (int)n : -EINVAL;
		if (n == max || perm_parse(text, &text, &out[n++]))
			return -EINVAL;
	}
}

void store_perms_format(const struct store_perm *perms, size_t count, char *out, size_t size)
{
	size_t i, at = 0;

	if (size)
		*out = '\0';
	for (i = 0; i < count && at < size; i++)
		at += snprintf(out + at, size - at, "%s%c%u", i ? "," : "",
			       letters[perms[i].access & 3], perms[i].domid);
}

int store_get_perms(struct store *s, store_txn_t t, const char *path, struct store_perm **perms,
		    size_t *count)
{
	struct iovec part = { (void *)path, strlen(path) + 1 };
	size_t n = 0, i;
	struct answer a;
	const char *p;
	int rc = link_call(s, XS_GET_PERMS, t, &part, 1, &a, t == STORE_NO_TXN);

	*perms = NULL;
	*count = 0;
	if (rc)
		return rc == -ECONNRESET ?
			       rc :
			       link_why(s, rc, "store: get the permissions of %.400s", path);
	for (i = 0; i < a.len; i++)
		n += !a.data[i];
	*perms = calloc(n ? n : 1, sizeof(**perms));
	for (p = a.data, i = 0; *perms && i < n && !rc; i++, p++) {
		rc = perm_parse(p, &p, &(*perms)[i]);
		if (!rc && *p)
			rc = -EINVAL;
	}
	free(a.data);
	if (!*perms || rc) {
		free(*perms);
		*perms = NULL;
		return link_why(s, rc ? EPROTO : ENOMEM, "store: get the permissions of %.400s",
				path);
	}
	*count = n;
	return 0;
}

int store_set_perms(struct store *s, store_txn_t t, const char *path,
		    const struct store_perm *perms, size_t count)
{
	char text[XENSTORE_PAYLOAD_MAX];
	struct iovec parts[2] = { { (void *)path, strlen(path) + 1 }, { text, 0 } };
	struct answer a;
	size_t i, at = 0;
	int rc;

	for (i = 0; i < count; i++) {
		if (at + 8 > sizeof(text) || perms[i].access > STORE_BOTH)
			return link_why(s, EINVAL, "store: set %zu permissions of %.400s", count,
					path);
		at += snprintf(text + at, sizeof(text) - at, "%c%u", letters[perms[i].access],
			       perms[i].domid) +
		      1;
	}
	parts[1].iov_len = at;
	rc = link_call(s, XS_SET_PERMS, t, parts, 2, &a, t == STORE_NO_TXN);
	free(a.data);
	if (rc && rc != -ECONNRESET)
		link_why(s, rc, "store: set the permissions of %.400s", path);
	return rc;
}
