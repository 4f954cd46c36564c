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

/* Keys up to the escape go to the guest. Returns false when the user wants out. */
static bool forward_keys(int fd, const char *buf, size_t n, bool drop)
{
	const char *esc = memchr(buf, ESCAPE_KEY, n);

	if (esc)
		n = (size_t)(esc - buf);
	if (n && !drop && write_all(fd, buf, n))
		return false;
	return !esc;
}

static int relay(int fd, bool read_only)
{
	struct pollfd p[2] = { { .fd = STDIN_FILENO, .events = POLLIN },
			       { .fd = fd, .events = POLLIN } };
	char buf[4096];

	for (;;) {
		ssize_t n;

		if (poll(p, 2, -1) < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		if (p[1].revents) {
			n = read(fd, buf, sizeof(buf));
			if (n <= 0)
				return 0; /* the guest is gone */
			if (write_all(STDOUT_FILENO, buf, (size_t)n))
				return 0;
		}
		if (p[0].revents) {
			n = read(STDIN_FILENO, buf, sizeof(buf));
			if (n > 0 && !forward_keys(fd, buf, (size_t)n, read_only))
				return 0;
			if (n <= 0)
				p[0].fd = -1; /* input ended: go on showing */
		}
	}
}

int console_attach(struct cli *c, uint32_t domid, bool replay, bool read_only)
{
	struct why refused = { 0 };
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
	rc = relay(fd, read_only);
	terminal_restore();
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
