/* SPDX-License-Identifier: BSD-2-Clause */
/* The command that asks for a migration and looks on. */
#include "dom0-tools/migrated/migrated.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dom0-tools/migrated/protocol.h"

#define ASK_MS 5000

/* A viewer that does not read is left behind: the migration waits for nobody who only looks. */
void viewer_tell(struct viewer *v, const char *event, struct json_object *facts)
{
	struct json_object *o = json_object_new_object();
	char line[MIGRATED_MOST];
	int n;

	fact_str(o, "schema", "torc-migration/1");
	fact_str(o, "event", event);
	if (facts) {
		json_object_object_foreach(facts, key, value)
			json_object_object_add(o, key, json_object_get(value));
		json_object_put(facts);
	}
	n = snprintf(line, sizeof(line), "%s\n",
		     json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN));
	json_object_put(o);
	if (v && v->fd >= 0 && n < (int)sizeof(line) &&
	    send(v->fd, line, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 && errno != EAGAIN)
		shutdown(v->fd, SHUT_RDWR);
}

bool viewer_gone(const struct viewer *v)
{
	struct pollfd p = { .fd = v ? v->fd : -1, .events = POLLIN };
	char byte;

	if (p.fd < 0 || poll(&p, 1, 0) <= 0)
		return false;
	return recv(p.fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK) <= 0 ||
	       (p.revents & (POLLHUP | POLLERR));
}

static struct json_object *hear_request(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char line[MIGRATED_MOST];
	size_t len = 0;
	ssize_t n;

	while (len < sizeof(line) - 1 && !memchr(line, '\n', len)) {
		if (poll(&p, 1, ASK_MS) <= 0)
			return NULL;
		n = recv(fd, line + len, sizeof(line) - 1 - len, 0);
		if (n <= 0)
			return NULL;
		len += (size_t)n;
	}
	line[len] = 0;
	return json_tokener_parse(line);
}

void viewer_serve(struct migrated *m, int fd)
{
	struct viewer v = { .fd = fd };
	struct json_object *request = hear_request(fd);

	if (request && json_object_is_type(request, json_type_object))
		depart(m, &v, request);
	json_object_put(request);
	close(fd);
}
