/* SPDX-License-Identifier: BSD-2-Clause */
/* The client's operations: each makes one request, except where the protocol wants several. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <xen/io/xs_wire.h>

#include "xenbus/client/link.h"

_Static_assert(STORE_PATH_MAX == XENSTORE_ABS_PATH_MAX, "client.h repeats the protocol's limit");

static char open_why[512] = "store: no call has failed"; /* for those who got no handle */

static char *default_path(void)
{
	const char *path = getenv("XENSTORED_PATH"), *dir = getenv("XENSTORED_RUNDIR");
	char *out;

	if (path)
		return strdup(path);
	if (asprintf(&out, "%s/socket", dir ? dir : "/var/run/xenstored") < 0)
		return NULL;
	if (access(out, F_OK) && !access("/dev/xen/xenbus", F_OK))
		strcpy(out, "/dev/xen/xenbus"); /* shorter than the path above, whatever dir is */
	return out;
}

int store_open(struct store **out, const char *path)
{
	struct store *s = calloc(1, sizeof(*s));
	int rc = -ENOMEM;

	*out = NULL;
	if (!s)
		return rc;
	s->fd = s->poll_fd = s->pending_fd = s->retry_fd = -1;
	s->path = path ? strdup(path) : default_path();
	if (s->path)
		rc = link_open(s);
	if (rc) {
		snprintf(open_why, sizeof(open_why), "%s",
			 s->path ? s->why : "store: out of memory");
		store_close(&s);
		return rc;
	}
	*out = s;
	return 0;
}

void store_close(struct store **s)
{
	if (!*s)
		return;
	link_close(*s);
	free((*s)->path);
	free(*s);
	*s = NULL;
}

const char *store_why(const struct store *s)
{
	return s ? s->why : open_why;
}

int store_fd(const struct store *s)
{
	return s->poll_fd;
}

int store_path(char out[STORE_PATH_MAX], const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(out, STORE_PATH_MAX, fmt, ap);
	va_end(ap);
	return n < 0 || n >= STORE_PATH_MAX ? -ENAMETOOLONG : 0;
}

static struct iovec text(const char *s)
{
	return (struct iovec){ (void *)s, strlen(s) + 1 };
}

/*
 * A request whose first part names its object; says so when it fails. Outside of transactions it
 * may be repeated.
 */
static int call(struct store *s, const char *verb, uint32_t type, store_txn_t t,
		const struct iovec *parts, unsigned nr, struct answer *answer)
{
	struct answer a;
	int rc = link_call(s, type, t, parts, nr, &a, t == STORE_NO_TXN);

	if (rc && rc != -ECONNRESET && rc != -E2BIG)
		link_why(s, rc, "store: %s %.400s", verb, nr ? (const char *)parts[0].iov_base : "");
	if (!rc && answer)
		*answer = a;
	else
		free(a.data);
	return rc;
}

int store_read(struct store *s, store_txn_t t, const char *path, char **value, size_t *len)
{
	struct iovec parts[] = { text(path) };
	struct answer a;
	int rc = call(s, "read", XS_READ, t, parts, 1, &a);

	*value = NULL;
	if (rc)
		return rc;
	*value = a.data;
	if (len)
		*len = a.len;
	return 0;
}

int store_read_u64(struct store *s, store_txn_t t, const char *path, uint64_t *value)
{
	char *data, *end;
	int rc = store_read(s, t, path, &data, NULL);

	if (rc)
		return rc;
	errno = 0;
	*value = strtoull(data, &end, 0);
	if (errno || end == data || *end || strchr(data, '-'))
		rc = link_why(s, EINVAL, "store: %.300s is \"%.60s\" where a number belongs", path,
			      data);
	free(data);
	return rc;
}

int store_write(struct store *s, store_txn_t t, const char *path, const void *value, size_t len)
{
	struct iovec parts[] = { text(path), { (void *)value, len } };

	return call(s, "write", XS_WRITE, t, parts, 2, NULL);
}

int store_printf(struct store *s, store_txn_t t, const char *path, const char *fmt, ...)
{
	char value[XENSTORE_PAYLOAD_MAX];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(value, sizeof(value), fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(value))
		return link_why(s, E2BIG, "store: write %.300s", path);
	return store_write(s, t, path, value, n);
}

int store_mkdir(struct store *s, store_txn_t t, const char *path)
{
	struct iovec parts[] = { text(path) };

	return call(s, "mkdir", XS_MKDIR, t, parts, 1, NULL);
}

int store_rm(struct store *s, store_txn_t t, const char *path)
{
	struct iovec parts[] = { text(path) };

	return call(s, "rm", XS_RM, t, parts, 1, NULL);
}

int store_exists(struct store *s, store_txn_t t, const char *path, bool *yes)
{
	struct iovec parts[] = { text(path) };
	int rc = call(s, "read", XS_READ, t, parts, 1, NULL);

	*yes = !rc;
	return rc == -ENOENT ? 0 : rc;
}

/*
 * Append one part, without the generation in front. 1: it was the last, which an empty name says.
 */
static int list_append(struct answer *all, const struct answer *part, size_t skip)
{
	size_t len = part->len - skip;
	char *grown = realloc(all->data, all->len + len + 1);

	if (!grown)
		return -ENOMEM;
	all->data = grown;
	memcpy(grown + all->len, part->data + skip, len);
	all->len += len;
	if (len && (grown[all->len - 1] || (all->len > 1 && grown[all->len - 2])))
		return 0;
	if (len)
		all->len--;
	return 1;
}

/*
 * A listing that does not fit into one answer, in parts. Each part begins with the node's
 * generation: if that changes, the parts belong to different lists, and it starts over.
 */
static int list_in_parts(struct store *s, store_txn_t t, const char *path, struct answer *all)
{
	char offset[24], generation[24] = "";
	struct answer a;
	size_t skip;
	int rc;

	all->data = NULL;
	all->len = 0;
	do {
		struct iovec parts[] = { text(path), { offset, 0 } };

		parts[1].iov_len = snprintf(offset, sizeof(offset), "%zu", all->len) + 1;
		rc = call(s, "list", XS_DIRECTORY_PART, t, parts, 2, &a);
		if (rc)
			break;
		skip = strlen(a.data) + 1;
		if (skip > a.len || skip > sizeof(generation)) {
			rc = link_why(s, EPROTO, "store: list %.400s", path);
		} else if (all->len && strcmp(generation, a.data)) {
			all->len = 0;
		} else {
			memcpy(generation, a.data, skip);
			rc = list_append(all, &a, skip);
		}
		free(a.data);
	} while (!rc);
	if (rc > 0)
		return 0;
	free(all->data);
	return rc;
}

int store_list(struct store *s, store_txn_t t, const char *path, char ***names, size_t *count)
{
	struct iovec parts[] = { text(path) };
	size_t i, n = 0;
	struct answer a;
	char *p, **out;
	int rc = call(s, "list", XS_DIRECTORY, t, parts, 1, &a);

	*names = NULL;
	*count = 0;
	if (rc == -E2BIG)
		rc = list_in_parts(s, t, path, &a);
	if (rc)
		return rc;
	for (i = 0; i < a.len; i++)
		n += !a.data[i];
	out = malloc((n + 1) * sizeof(*out) + a.len);
	if (!out) {
		free(a.data);
		return link_why(s, ENOMEM, "store: list %.400s", path);
	}
	p = (char *)(out + n + 1);
	if (a.len)
		memcpy(p, a.data, a.len);
	free(a.data);
	for (i = 0; i < n; i++, p += strlen(p) + 1)
		out[i] = p;
	out[n] = NULL;
	*names = out;
	*count = n;
	return 0;
}

int store_txn_begin(struct store *s, store_txn_t *t)
{
	struct iovec parts[] = { text("") };
	struct answer a;
	int rc = call(s, "begin", XS_TRANSACTION_START, 0, parts, 1, &a);

	*t = STORE_NO_TXN;
	if (rc)
		return rc;
	*t = strtoul(a.data, NULL, 10);
	free(a.data);
	return *t ? 0 : link_why(s, EPROTO, "store: begin");
}

static int txn_end(struct store *s, store_txn_t t, const char *how)
{
	struct iovec parts[] = { text(how) };

	return call(s, *how == 'T' ? "commit" : "abort", XS_TRANSACTION_END, t, parts, 1, NULL);
}

int store_txn_commit(struct store *s, store_txn_t t)
{
	return txn_end(s, t, "T");
}

int store_txn_abort(struct store *s, store_txn_t t)
{
	return txn_end(s, t, "F");
}

int store_transact(struct store *s, store_txn_fn *fn, void *arg)
{
	char why[sizeof(s->why)];
	store_txn_t t;
	int rc;

	do {
		rc = store_txn_begin(s, &t);
		if (rc)
			return rc;
		rc = fn(s, t, arg);
		if (!rc) {
			rc = store_txn_commit(s, t);
		} else if (rc != -ECONNRESET) {
			/* the function's reason, not the abort's */
			memcpy(why, s->why, sizeof(why));
			store_txn_abort(s, t);
			memcpy(s->why, why, sizeof(why));
			return rc;
		}
	} while (rc == -EAGAIN || rc == -ECONNRESET);
	return rc;
}

int store_watch(struct store *s, const char *path, const char *token)
{
	struct iovec parts[] = { text(path), text(token) };
	int rc = call(s, "watch", XS_WATCH, 0, parts, 2, NULL);

	return rc ? rc : link_keep_watch(s, path, token);
}

int store_unwatch(struct store *s, const char *path, const char *token)
{
	struct iovec parts[] = { text(path), text(token) };

	link_drop_watch(s, path, token);
	return call(s, "unwatch", XS_UNWATCH, 0, parts, 2, NULL);
}

int store_next_event(struct store *s, struct store_event **event, int timeout_ms)
{
	*event = NULL;
	return link_event(s, event, timeout_ms);
}
