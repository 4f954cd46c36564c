/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * torc console: a viewer of a guest's console. It speaks to torc-consoled, which serves any
 * number of viewers; where another console daemon runs, it opens the pty named in the store.
 */
#include "dom0-tools/cli/guest.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "dom0-tools/cli/terminal.h"
#include "dom0-tools/common/paths.h"
#include "dom0-tools/consoled/protocol.h"

#define ESCAPE_KEY 0x1d /* Ctrl-] */
#define TYPED_MAX  (16u << 20)

static int write_all(int fd, const char *p, size_t n)
{
	while (n) {
		ssize_t done = write(fd, p, n);

		if (done < 0 && errno == EAGAIN) {
			struct pollfd wait = { .fd = fd, .events = POLLOUT };

			poll(&wait, 1, -1);
			continue;
		}
		if (done < 0 && errno != EINTR)
			return -errno;
		if (done > 0) {
			p += done;
			n -= (size_t)done;
		}
	}
	return 0;
}

/* torc-consoled's door, if it is there and knows the guest. -1 without a reason: not there. */
static int connect_daemon(struct cli *c, uint32_t domid, uint32_t flags, struct why *why)
{
	struct consoled_request rq = { CONSOLED_MAGIC, domid, flags };
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	char answer[256];
	size_t n = 0;
	int fd;

	(void)c;
	if (snprintf(a.sun_path, sizeof(a.sun_path), "%s/%s", path_run(), CONSOLED_SOCKET) >=
	    (int)sizeof(a.sun_path))
		return -1;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	if (connect(fd, (struct sockaddr *)&a, sizeof(a))) {
		close(fd);
		return -1;
	}
	/* whoever turns us away does not take it, and has said why */
	write_all(fd, (char *)&rq, sizeof(rq));
	while (n < sizeof(answer) - 1 && read(fd, answer + n, 1) == 1 && answer[n] != '\n')
		if (answer[n++] == CONSOLED_OK && n == 1)
			return fd;
	answer[n] = 0;
	close(fd);
	why_set(why, TE_DEVICE, "the console daemon: %s", n ? answer : "it ended");
	return -1;
}

static int open_tty(struct cli *c, uint32_t domid)
{
	char *tty;
	int fd;

	/* the daemon may be a moment behind a guest that was just created */
	for (int i = 0; i < 100; i++) {
		struct timespec nap = { .tv_nsec = 20000000 };

		tty = cli_read(c, "/local/domain/%u/console/tty", domid);
		if (tty && strncmp(tty, "/dev/", 5) == 0)
			break;
		free(tty);
		tty = NULL;
		nanosleep(&nap, NULL);
	}
	if (!tty)
		return why_hint(c->why,
				why_set(c->why, TE_DEVICE,
					"domain %u has no console: no daemon has taken it", domid),
				"is torc-consoled (or xenconsoled) running?");
	fd = open(tty, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		why_set(c->why, TE_DEVICE, "console %s: %s", tty, strerror(errno));
	else {
		struct termios t;

		if (tcgetattr(fd, &t) == 0) {
			cfmakeraw(&t);
			tcsetattr(fd, TCSANOW, &t);
		}
	}
	free(tty);
	return fd < 0 ? -EIO : fd;
}

/* What the other side has not taken of the keys. */
struct typed {
	char *at;
	size_t len, room;
	bool last; /* the user wants out */
};

/* Keys up to the escape go to the guest. A guest that takes none for long loses some of a person's. */
static void type(struct typed *t, const char *keys, size_t n)
{
	const char *esc = memchr(keys, ESCAPE_KEY, n);

	t->last = esc;
	if (esc)
		n = (size_t)(esc - keys);
	if (t->len + n > t->room) {
		size_t room = (t->len + n) * 2;
		char *grown = room <= TYPED_MAX ? realloc(t->at, room) : NULL;

		if (!grown)
			return;
		t->at = grown;
		t->room = room;
	}
	if (n)
		memcpy(t->at + t->len, keys, n);
	t->len += n;
}

/* As much as is taken without waiting. False: nobody is there any more. */
static bool send_typed(struct typed *t, int fd)
{
	ssize_t n;

	while (t->len) {
		n = write(fd, t->at, t->len);
		if (n < 0 && errno != EINTR)
			return errno == EAGAIN;
		if (n > 0) {
			t->len -= (size_t)n;
			memmove(t->at, t->at + n, t->len);
		}
	}
	return true;
}

/*
 * Nothing that is read from a person may wait for the guest: behind it comes the escape, which is
 * heard whatever the guest does. A file or a pipe has time.
 */
static int relay(int fd, bool read_only, struct typed *t)
{
	bool person = isatty(STDIN_FILENO), ended = false;
	char buf[4096];

	for (;;) {
		bool reads = !ended && !t->last && (person || !t->len);
		struct pollfd p[2] = { { .fd = reads ? STDIN_FILENO : -1, .events = POLLIN },
				       { .fd = fd,
					 .events = (short)(POLLIN | (t->len ? POLLOUT : 0)) } };
		ssize_t n;

		if (poll(p, 2, -1) < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		if (p[1].revents & ~POLLOUT) {
			n = read(fd, buf, sizeof(buf));
			if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
				return 0; /* the guest is gone */
			if (n > 0 && write_all(STDOUT_FILENO, buf, (size_t)n))
				return 0;
		}
		if (p[0].revents) {
			n = read(STDIN_FILENO, buf, sizeof(buf));
			ended = n <= 0; /* go on showing */
			if (n > 0)
				type(t, buf, (size_t)n);
			if (read_only)
				t->len = 0;
		}
		if (!send_typed(t, fd) || (t->last && (person || !t->len)))
			return 0;
	}
}

int console_attach(struct cli *c, uint32_t domid, bool replay, bool read_only)
{
	struct why refused = { 0 };
	struct typed typed = { 0 };
	int fd, rc;

	fd = connect_daemon(c, domid,
			    (replay ? CONSOLED_REPLAY : 0) | (read_only ? CONSOLED_READ_ONLY : 0),
			    &refused);
	if (fd < 0 && refused.error) {
		*c->why = refused;
		return -EIO;
	}
	if (fd < 0)
		fd = open_tty(c, domid);
	if (fd < 0)
		return fd;
	if (isatty(STDIN_FILENO))
		fprintf(stderr, "(Ctrl-] leaves)\n");
	terminal_take(TERMINAL_ALL);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	rc = relay(fd, read_only, &typed);
	terminal_restore();
	free(typed.at);
	close(fd);
	return rc < 0 ? why_set(c->why, TE_DEVICE, "the console: %s", strerror(-rc)) : 0;
}

static int print_log(struct cli *c, const char *name)
{
	char path[PATH_MAX], *text;
	size_t len;
	int rc;

	if (strchr(name, '/') || *name == '.')
		return why_set(c->why, TE_USAGE, "\"%s\" is no guest's name", name);
	snprintf(path, sizeof(path), "%s/console/%s.log", path_log(), name);
	rc = path_read_plain(path, 64 << 20, &text, &len);
	if (rc)
		return why_set(c->why, TE_FILE, "no console log of \"%s\": %s: %s", name, path,
			       strerror(-rc));
	fwrite(text, 1, len, stdout);
	free(text);
	return 0;
}

int cmd_console(struct cli *c, int argc, char **argv)
{
	static const struct option options[] = { { "log", no_argument, NULL, 'L' },
						 { "read-only", no_argument, NULL, 'r' },
						 { "num", required_argument, NULL, 'N' },
						 { "type", required_argument, NULL, 't' },
						 { 0 } };
	bool replay = true, log = false, read_only = false;
	uint32_t domid;
	int o, rc;

	while ((o = getopt_long(argc, argv, "nrt:", options, NULL)) != -1) {
		if (o == 'n')
			replay = false;
		else if (o == 'L')
			log = true;
		else if (o == 'r')
			read_only = true;
		else if (o == 't' && strcmp(optarg, "pv") != 0)
			return cli_usage(c, "there are PV consoles only");
		else if (o == 'N' && strcmp(optarg, "0") != 0)
			return cli_usage(c, "guests have one console, number 0");
		else if (o == '?')
			return cli_bad_option(c, argv);
	}
	if (optind + 1 != argc)
		return cli_usage(c, "which domain?");
	if (log && cli_parse_number(argv[optind], 0, INT64_MAX) < 0)
		return print_log(c, argv[optind]);
	rc = cli_store(c);
	if (!rc)
		rc = cli_find_domain(c, argv[optind], &domid);
	if (!rc && domid == 0)
		rc = why_hint(c->why,
			      why_set(c->why, TE_STATE, "domain 0 has the machine's console"),
			      "torc dmesg");
	if (!rc && log) {
		char *name = NULL;

		rc = cli_domain_name(c, domid, &name);
		if (!rc)
			rc = print_log(c, name);
		free(name);
		return rc;
	}
	return rc ? rc : console_attach(c, domid, replay, read_only);
}
