/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bursts of requests. What may be under way at once is bounded, so that neither side ever waits
 * with a full buffer for the other: the store answers a request with less than it took, but for
 * questions, which are counted.
 */
#include "dom0-tools/cli/burst.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <xen/io/xs_wire.h>

#include "xenbus/client/errors.h"

#define AT_ONCE_BYTES 16384u /* of requests; any socket's buffer holds that */
#define AT_ONCE	      48u /* requests; as many answers of a page are less than a socket's buffer */

struct reply {
	uint32_t type;
	uint32_t id;
	bool must;
	int rc;
	size_t at, len; /* in text; for one that has to succeed, its path until it is answered */
};

struct burst {
	int fd;
	uint32_t tx, next_id;
	char *out; /* requests not sent yet */
	size_t out_len, out_room;
	char *text; /* paths and answers */
	size_t text_len, text_room;
	struct reply *replies;
	size_t count, room, done;
	int rc; /* of the first that failed */
	char in[8192];
	size_t in_at, in_len;
	char why[512];
};

static int open_door(void)
{
	const char *path = getenv("XENSTORED_PATH"), *dir = getenv("XENSTORED_RUNDIR");
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd, n;

	n = path ? snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path) :
		   snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/socket",
			    dir ? dir : "/var/run/xenstored");
	if (n < 0 || (size_t)n >= sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0)
		return fd;
	n = -errno;
	if (fd >= 0)
		close(fd);
	return n;
}

int burst_open(struct burst **out)
{
	struct burst *b = calloc(1, sizeof(*b));

	*out = NULL;
	if (!b)
		return -ENOMEM;
	b->fd = open_door();
	if (b->fd < 0) {
		int rc = b->fd;

		free(b);
		return rc;
	}
	*out = b;
	return 0;
}

void burst_close(struct burst **bp)
{
	struct burst *b = *bp;

	*bp = NULL;
	if (!b)
		return;
	if (b->fd >= 0)
		close(b->fd);
	free(b->out);
	free(b->text);
	free(b->replies);
	free(b);
}

const char *burst_why(const struct burst *b)
{
	return b->why;
}

static void fail(struct burst *b, int rc, const char *what)
{
	if (b->rc)
		return;
	b->rc = rc;
	snprintf(b->why, sizeof(b->why), "store: %.400s: %s", what, strerror(-rc));
}

/* Room for n bytes more, and a NUL. */
static bool grow(char **at, size_t *room, size_t len, size_t n)
{
	size_t want = *room ? *room : 4096;
	char *p;

	while (want < len + n + 1)
		want *= 2;
	if (want == *room)
		return true;
	p = realloc(*at, want);
	if (!p)
		return false;
	*at = p;
	*room = want;
	return true;
}

static size_t keep(struct burst *b, const void *data, size_t len)
{
	size_t at = b->text_len;

	if (!grow(&b->text, &b->text_room, at, len)) {
		fail(b, -ENOMEM, "an answer");
		return 0;
	}
	if (len)
		memcpy(b->text + at, data, len);
	b->text[at + len] = 0;
	b->text_len += len + 1;
	return at;
}

/* The one place where requests are made: its number. path goes with its NUL, rest as it is. */
static size_t queue(struct burst *b, uint32_t type, bool must, const char *path, const void *rest,
		    size_t rest_len)
{
	size_t path_len = strlen(path) + 1, body = path_len + rest_len;
	struct xsd_sockmsg h = {
		.type = type, .req_id = b->next_id, .tx_id = b->tx, .len = (uint32_t)body
	};

	if (b->out_len + sizeof(h) + body > AT_ONCE_BYTES || b->count - b->done >= AT_ONCE)
		burst_settle(b); /* a failure stays in b->rc */
	if (b->count == b->room) {
		size_t room = b->room ? b->room * 2 : 64;
		struct reply *r = realloc(b->replies, room * sizeof(*r));

		if (!r) {
			fail(b, -ENOMEM, path);
			return b->count;
		}
		b->replies = r;
		b->room = room;
	}
	if (body > XENSTORE_PAYLOAD_MAX ||
	    !grow(&b->out, &b->out_room, b->out_len, sizeof(h) + body)) {
		fail(b, body > XENSTORE_PAYLOAD_MAX ? -E2BIG : -ENOMEM, path);
		return b->count;
	}
	memcpy(b->out + b->out_len, &h, sizeof(h));
	memcpy(b->out + b->out_len + sizeof(h), path, path_len);
	if (rest_len)
		memcpy(b->out + b->out_len + sizeof(h) + path_len, rest, rest_len);
	b->out_len += sizeof(h) + body;
	b->next_id++;
	b->replies[b->count] = (struct reply){ .type = type,
					       .id = h.req_id,
					       .must = must,
					       .rc = -EINPROGRESS,
					       .at = must ? keep(b, path, path_len - 1) : 0 };
	return b->count++;
}

void burst_write(struct burst *b, const char *path, const void *value, size_t len)
{
	queue(b, XS_WRITE, true, path, value, len);
}

void burst_mkdir(struct burst *b, const char *path)
{
	queue(b, XS_MKDIR, true, path, NULL, 0);
}

void burst_set_perms(struct burst *b, const char *path, const struct store_perm *perms, size_t count)
{
	char text[256];
	size_t at = 0;

	for (size_t i = 0; i < count; i++) {
		if (at + 8 > sizeof(text) || perms[i].access > STORE_BOTH) {
			fail(b, -EINVAL, path);
			return;
		}
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%c%u",
				       "nrwb"[perms[i].access], perms[i].domid) +
		      1;
	}
	queue(b, XS_SET_PERMS, true, path, text, at);
}

void burst_introduce(struct burst *b, unsigned domid, uint64_t frame, uint32_t port)
{
	char id[16], rest[48];
	int n;

	snprintf(id, sizeof(id), "%u", domid);
	n = snprintf(rest, sizeof(rest), "%llu", (unsigned long long)frame) + 1;
	n += snprintf(rest + n, sizeof(rest) - (size_t)n, "%u", port) + 1;
	queue(b, XS_INTRODUCE, true, id, rest, (size_t)n);
}

void burst_rm(struct burst *b, const char *path)
{
	queue(b, XS_RM, false, path, NULL, 0);
}

size_t burst_read(struct burst *b, const char *path)
{
	return queue(b, XS_READ, false, path, NULL, 0);
}

size_t burst_list(struct burst *b, const char *path)
{
	return queue(b, XS_DIRECTORY, false, path, NULL, 0);
}

static bool send_all(struct burst *b)
{
	for (size_t at = 0; at < b->out_len;) {
		ssize_t n = send(b->fd, b->out + at, b->out_len - at, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		at += (size_t)n;
	}
	b->out_len = 0;
	return true;
}

static bool take(struct burst *b, void *to, size_t len)
{
	while (len) {
		size_t n = b->in_len - b->in_at;

		if (!n) {
			ssize_t got = recv(b->fd, b->in, sizeof(b->in), 0);

			if (got < 0 && errno == EINTR)
				continue;
			if (got <= 0)
				return false;
			b->in_at = 0;
			n = b->in_len = (size_t)got;
		}
		n = n < len ? n : len;
		memcpy(to, b->in + b->in_at, n);
		b->in_at += n;
		to = (char *)to + n;
		len -= n;
	}
	return true;
}

/* The next answer. false: the connection is of no use any more. */
static bool receive(struct burst *b, struct reply *r)
{
	char body[XENSTORE_PAYLOAD_MAX];
	struct xsd_sockmsg h;

	do {
		if (!take(b, &h, sizeof(h)) || h.len > sizeof(body) || !take(b, body, h.len))
			return false;
	} while (h.type == XS_WATCH_EVENT); /* we watch nothing, but it is no answer */
	if (h.req_id != r->id || (h.type != r->type && h.type != XS_ERROR))
		return false;
	r->rc = h.type == XS_ERROR ? -xs_error_value(body, h.len) : 0;
	if (r->rc && r->must)
		fail(b, r->rc, b->text + r->at);
	if (!r->must) {
		r->at = keep(b, body, h.len);
		r->len = h.len;
	}
	return true;
}

int burst_settle(struct burst *b)
{
	bool fine = b->fd >= 0 && send_all(b);

	while (fine && b->done < b->count) {
		fine = receive(b, &b->replies[b->done]);
		b->done += fine;
	}
	if (!fine) {
		if (b->fd >= 0)
			close(b->fd); /* out of step: nothing after this can be trusted */
		b->fd = -1;
		b->rc = 0; /* whatever else failed: this is what to say */
		fail(b, -ECONNRESET, "the connection");
		for (; b->done < b->count; b->done++)
			b->replies[b->done].rc = -ECONNRESET;
	}
	return b->rc;
}

int burst_answer(const struct burst *b, size_t number, const char **data, size_t *len)
{
	*data = "";
	if (len)
		*len = 0;
	if (number >= b->done)
		return b->rc ? b->rc : -EINVAL;
	if (b->replies[number].rc)
		return b->replies[number].rc;
	*data = b->text + b->replies[number].at;
	if (len)
		*len = b->replies[number].len;
	return 0;
}

void burst_forget(struct burst *b)
{
	b->count = b->done = b->text_len = b->out_len = 0;
	if (b->rc != -ECONNRESET)
		b->rc = 0;
}

int burst_begin(struct burst *b)
{
	const char *id;
	char *end;
	size_t n;
	int rc;

	b->tx = 0;
	burst_forget(b);
	n = queue(b, XS_TRANSACTION_START, false, "", NULL, 0);
	rc = burst_settle(b);
	if (!rc)
		rc = burst_answer(b, n, &id, NULL);
	if (!rc) {
		b->tx = (uint32_t)strtoul(id, &end, 10);
		rc = b->tx && !*end ? 0 : -EPROTO;
	}
	if (rc)
		fail(b, rc, "a transaction");
	burst_forget(b);
	return rc;
}

static int end(struct burst *b, const char *how)
{
	const char *data;
	size_t n = queue(b, XS_TRANSACTION_END, false, how, NULL, 0);
	int rc = burst_settle(b);

	b->tx = 0;
	return rc ? rc : burst_answer(b, n, &data, NULL);
}

int burst_commit(struct burst *b)
{
	int rc = burst_settle(b); /* before its end: what failed must not land by halves */

	if (rc) {
		burst_abort(b);
		return rc;
	}
	rc = end(b, "T");
	if (rc && rc != -EAGAIN)
		fail(b, rc, "a transaction");
	return rc;
}

void burst_abort(struct burst *b)
{
	char why[sizeof(b->why)];
	int rc = b->rc;

	memcpy(why, b->why, sizeof(why)); /* the reason, not the abort's */
	b->out_len = 0;
	b->count = b->done;
	if (b->tx && rc != -ECONNRESET) {
		b->rc = 0;
		end(b, "F");
	}
	b->tx = 0;
	b->rc = b->rc == -ECONNRESET ? b->rc : rc;
	memcpy(b->why, why, sizeof(why));
}
