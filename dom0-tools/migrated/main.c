/* SPDX-License-Identifier: BSD-2-Clause */
/* torc-migrated: starts, listens to other hosts and to torc migrate, and looks after what is left
 * of earlier migrations. */
#include "dom0-tools/migrated/migrated.h"

#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "dom0-tools/common/paths.h"
#include "dom0-tools/common/ready.h"
#include "dom0-tools/migrated/protocol.h"

#define LOOK_MS	 2000 /* at records that nobody works on */
#define GREET_NS (10 * SECOND)

static const char usage[] =
	"usage: torc-migrated [--foreground] [--pid-file FILE] [--port PORT]\n"
	"Takes guests from hosts that were paired (torc host pair), and sends those that torc migrate names.\n";

static volatile sig_atomic_t ended;

static void on_signal(int sig)
{
	(void)sig;
	ended = 1;
}

static int die(const char *what, const char *reason)
{
	fprintf(stderr, "torc-migrated: %s: %s\n", what, reason);
	syslog(LOG_ERR, "%s: %s", what, reason);
	return 1;
}

/* --- connections */

struct caller {
	struct migrated *m;
	int fd;
	void (*serve)(struct migrated *m, int fd);
	bool stranger;
};

static void *serve_caller(void *arg)
{
	struct caller c = *(struct caller *)arg;

	free(arg);
	c.serve(c.m, c.fd);
	if (c.stranger)
		job_stranger_done(c.m);
	job_thread_done(c.m);
	return NULL;
}

/* Whoever reaches the port may hold all threads that there are for it, for as long as a handshake
 * may take; a migration that is open here, and the administrator, need none of these. */
static void take(struct migrated *m, int listener, void (*fn)(struct migrated *m, int fd),
		 bool stranger)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	struct caller *c = NULL;

	if (fd < 0)
		return;
	if (!stranger || job_stranger(m)) {
		c = malloc(sizeof(*c));
		if (c)
			*c = (struct caller){ m, fd, fn, stranger };
		if (c && job_thread(m, serve_caller, c) == 0)
			return;
		if (stranger)
			job_stranger_done(m);
	}
	syslog(LOG_WARNING, "too many connections at once: one is turned away");
	free(c);
	close(fd);
}

static bool is_pinned(void *arg, const uint8_t fingerprint[FINGERPRINT_SIZE])
{
	struct migrated *m = arg;
	struct pin p = { .name = "" };
	struct why ignored;

	return pin_find(m->pins, fingerprint, &p, &ignored) == 0;
}

static void talk(struct migrated *m, struct channel **c, struct why *why)
{
	struct json_object *request;
	const char *what;
	struct pin peer = { .name = "" };

	if (!channel_peer(*c) || pin_find(m->pins, channel_peer(*c), &peer, why) ||
	    talk_hear(*c, &request, mig_now_ns() + GREET_NS, why))
		return;
	what = talk_text(request, "what");
	if (what && (strcmp(what, "check") == 0 || strcmp(what, "move") == 0))
		arrive(m, c, &peer, request);
	else if (what && strcmp(what, "handover") == 0)
		recover_heard(m, *c, &peer, request);
	else
		why_set(why, TE_CHANNEL, "%s asks for what is not known here", peer.name);
	json_object_put(request);
}

void serve(struct migrated *m, int fd)
{
	struct hostlink_tls how = {
		.pinned = is_pinned, .arg = m, .server = true, .timeout_ms = 10000
	};
	struct channel *c = NULL;
	struct why why = { 0 };
	struct hostlink *l;
	struct hello h;

	if (talk_tls(m, fd, &how, &l, &why)) {
		syslog(LOG_WARNING, "a connection is refused: %s", why.text);
		return;
	}
	if (hello_hear(l, &h, mig_now_ns() + GREET_NS, &why)) {
		hostlink_close(&l);
	} else if (job_deliver(m, l, &h)) {
		return;
	} else if (h.lane) {
		why_set(&why, TE_CHANNEL, "a lane of a migration that is not under way here");
		hostlink_close(&l);
	} else if (channel_new(&c, h.id, &why)) {
		hostlink_close(&l);
	} else if (channel_answer(c, l, &h, mig_now_ns() + GREET_NS, &why) == 0) {
		talk(m, &c, &why);
	}
	if (why.error)
		syslog(LOG_WARNING, "another host: %s", why.text);
	channel_free(&c);
}

/* --- starting */

static int listen_tcp(uint16_t port)
{
	struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	struct sockaddr_in a4 = { .sin_family = AF_INET, .sin_port = htons(port) };
	int one = 1, zero = 0, fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0), rc;

	if (fd >= 0) {
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof(zero));
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
		rc = bind(fd, (struct sockaddr *)&a, sizeof(a));
	} else { /* a kernel without IPv6 */
		fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
		rc = fd < 0 ? -1 : bind(fd, (struct sockaddr *)&a4, sizeof(a4));
	}
	if (rc < 0 || listen(fd, 16) < 0) {
		rc = -errno;
		if (fd >= 0)
			close(fd);
		return rc;
	}
	return fd;
}

static int listen_local(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), rc;
	mode_t mask;

	if (fd < 0 || strlen(path) >= sizeof(a.sun_path))
		return fd < 0 ? -errno : -ENAMETOOLONG;
	strcpy(a.sun_path, path);
	unlink(path);
	mask = umask(0177);
	rc = bind(fd, (struct sockaddr *)&a, sizeof(a));
	umask(mask);
	return rc < 0 || listen(fd, 16) < 0 ? -errno : fd;
}

static int open_state(struct migrated *m)
{
	const char *etc = secure_getenv("TORC_ETC_DIR");
	pthread_condattr_t monotonic;
	struct identity *id;
	struct why why;
	int rc;

	etc = etc && *etc == '/' ? etc : "/etc/torc";
	snprintf(m->pins, sizeof(m->pins), "%s/hosts", etc);
	snprintf(m->own, sizeof(m->own), "%s/host", etc);
	snprintf(m->records, sizeof(m->records), "%s/%s", path_state(), MIGRATED_RECORDS);
	rc = path_make_dirs(m->records);
	if (rc)
		return die(m->records, strerror(-rc));
	if (identity_load(&id, m->own, &why))
		return die("this host's key", why.text);
	/* a clock that is not set yet may be, soon */
	if (identity_check(id, m->own, &why))
		syslog(LOG_WARNING, "%s; %s", why.text, why.hint);
	identity_free(&id);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&m->changed, &monotonic);
	return 0;
}

static int write_pid(const char *file)
{
	char text[16];
	int n = snprintf(text, sizeof(text), "%d\n", (int)getpid());

	return path_write_file(file, text, (size_t)n);
}

static void work(struct migrated *m, int hosts, int local)
{
	struct pollfd p[] = { { .fd = hosts, .events = POLLIN }, { .fd = local, .events = POLLIN } };

	while (!ended) {
		recover_all(m);
		if (poll(p, 2, LOOK_MS) <= 0)
			continue;
		if (p[0].revents)
			take(m, hosts, serve, true);
		if (p[1].revents)
			take(m, local, viewer_serve, false);
	}
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "foreground", no_argument, NULL, 'f' },
						 { "pid-file", required_argument, NULL, 'p' },
						 { "port", required_argument, NULL, 'P' },
						 { "help", no_argument, NULL, 'h' },
						 { 0 } };
	static struct migrated m = { .port = MIGRATE_PORT, .lock = PTHREAD_MUTEX_INITIALIZER };
	const char *pid_file = NULL;
	bool foreground = false;
	char local_path[PATH_MAX];
	int o, rc, hosts, local;
	int64_t port;

	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (o == 'f') {
			foreground = true;
		} else if (o == 'p') {
			pid_file = optarg;
		} else if (o == 'P' && (port = cli_parse_number(optarg, 1, 65535)) > 0) {
			m.port = (uint16_t)port;
		} else {
			fputs(usage, o == 'h' ? stdout : stderr);
			return o == 'h' ? 0 : 2;
		}
	}
	openlog("torc-migrated", LOG_PID, LOG_DAEMON);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGTERM, on_signal);
	signal(SIGINT, on_signal);
	rc = path_make_dirs(path_run());
	if (rc)
		return die(path_run(), strerror(-rc));
	if (open_state(&m))
		return 1;
	hosts = listen_tcp(m.port);
	if (hosts < 0)
		return die("port", strerror(-hosts));
	snprintf(local_path, sizeof(local_path), "%s/%s", path_run(), MIGRATED_SOCKET);
	local = listen_local(local_path);
	if (local < 0)
		return die(local_path, strerror(-local));
	if (!foreground && daemon(0, 1) < 0)
		return die("fork", strerror(errno));
	if (pid_file && (rc = write_pid(pid_file)))
		return die(pid_file, strerror(-rc));
	handover_tidy(m.records);
	starter_open();
	warm_mappings();
	urgent_allow();
	rc = sandbox_enter();
	if (rc)
		syslog(LOG_WARNING, "no sandbox: %s", strerror(-rc));
	syslog(LOG_INFO, "ready");
	ready_tell();
	work(&m, hosts, local);
	/* what is under way stops as if killed: records tell the next one */
	if (pid_file)
		unlink(pid_file);
	unlink(local_path);
	_exit(0);
}
