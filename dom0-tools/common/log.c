/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The journal's own protocol, so that its fields can be had without its library: one datagram an
 * entry, each field as NAME, a newline, the value's length in eight bytes, the value, a newline. No
 * value can end its field early.
 */
#include "dom0-tools/common/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "dom0-tools/common/plain.h"

#define FACILITY LOG_DAEMON

static const char *name = "torc";
static int journal = -1;

struct entry {
	char data[4096];
	size_t len;
};

static void field(struct entry *e, const char *key, const char *value)
{
	uint64_t n = strlen(value);
	size_t k = strlen(key);

	if (k + 1 + sizeof(n) + n + 1 > sizeof(e->data) - e->len)
		return;
	memcpy(e->data + e->len, key, k);
	e->len += k;
	e->data[e->len++] = '\n';
	for (unsigned int i = 0; i < 8; i++)
		e->data[e->len++] = (char)(n >> (8 * i));
	memcpy(e->data + e->len, value, n);
	e->len += n;
	e->data[e->len++] = '\n';
}

static int connect_journal(void)
{
	const char *path = secure_getenv("TORC_JOURNAL");
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd;

	if (!path)
		path = "/run/systemd/journal/socket";
	if (strlen(path) >= sizeof(a.sun_path))
		return -1;
	strcpy(a.sun_path, path);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0) {
		close(fd);
		fd = -1;
	}
	return fd;
}

void log_start(const char *program)
{
	name = program;
	openlog(program, LOG_PID, FACILITY);
	journal = connect_journal();
}

static int to_journal(int priority, const struct log_about *about, const char *text)
{
	struct entry e = { .len = 0 };
	char number[16];

	field(&e, "MESSAGE", text);
	snprintf(number, sizeof(number), "%d", priority & LOG_PRIMASK);
	field(&e, "PRIORITY", number);
	snprintf(number, sizeof(number), "%d", FACILITY >> 3);
	field(&e, "SYSLOG_FACILITY", number);
	field(&e, "SYSLOG_IDENTIFIER", name);
	if (about->guest)
		field(&e, "TORC_GUEST", about->guest);
	snprintf(number, sizeof(number), "%u", about->domid);
	if (about->domid)
		field(&e, "TORC_DOMID", number);
	if (about->event)
		field(&e, "TORC_EVENT", about->event);
	for (int tries = 0; tries < 2 && journal >= 0; tries++) {
		/* a journal that is too slow for us is no reason to wait for it */
		if (send(journal, e.data, e.len, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)e.len)
			return 0;
		if (errno == EAGAIN || errno == ENOBUFS)
			break;
		close(journal); /* it was started anew */
		journal = connect_journal();
	}
	return -1;
}

void log_say(int priority, const struct log_about *about, const char *fmt, ...)
{
	static const struct log_about nothing;
	char text[1536], fields[256];
	int saved = errno, n = 0;
	va_list ap;

	if (!about)
		about = &nothing;
	va_start(ap, fmt);
	errno = saved; /* for %m */
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	plain_text(text, sizeof(text), text); /* one entry is one line, whoever chose the words */
	if (to_journal(priority, about, text)) {
		fields[0] = 0;
		if (about->guest)
			n = snprintf(fields, sizeof(fields), " guest=%.63s", about->guest);
		if (about->domid)
			n += snprintf(fields + n, sizeof(fields) - (size_t)n, " domid=%u",
				      about->domid);
		if (about->event)
			n += snprintf(fields + n, sizeof(fields) - (size_t)n, " event=%.63s",
				      about->event);
		if (n)
			syslog(priority, "%s [%s]", text, fields + 1);
		else
			syslog(priority, "%s", text);
	}
	errno = saved;
}
