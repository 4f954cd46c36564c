/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * torc-consoled: keeps every guest's console from its first byte on, and shows it to whoever
 * asks. One process, one event loop; nothing in it waits for a guest or for a viewer.
 */
#include "dom0-tools/consoled/consoled.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <xen/grant_table.h>
#include <xen/sys/gntdev.h>

#include "dom0-tools/common/drop.h"
#include "dom0-tools/common/paths.h"
#include "dom0-tools/common/ready.h"
#include "dom0-tools/consoled/door.h"
#include "dom0-tools/consoled/protocol.h"

#define USER "torc-consoled"
/* Seconds until one that has been announced is looked at: whoever announces a guest that arrives
 * has some milliseconds of work left during which it stands still, and its ring keeps what it says. */
#define NEW_GUEST 0.05

static const char usage[] =
	"usage: torc-consoled [--foreground] [--pid-file FILE] [--log-dir DIR]\n"
	"Keeps the consoles of all guests in DIR (default /var/log/torc/console) and serves viewers.\n";

static void on_event(struct ev_loop *loop, ev_io *w, int revents)
{
	struct daemon *d = w->data;
	struct pollfd p = { .fd = w->fd, .events = POLLIN };
	int port;

	(void)loop, (void)revents;
	/* at most so many at once: viewers and the store get their turn too */
	for (int i = 0; i < 64 && poll(&p, 1, 0) > 0; i++) {
		port = xenevtchn_pending(d->events);
		if (port < 0)
			return;
		console_event(d, (evtchn_port_t)port);
	}
}

static void on_store(struct ev_loop *loop, ev_io *w, int revents)
{
	struct daemon *d = w->data;
	struct store_event *e;
	bool scan = false, reap = false;
	int rc;

	(void)revents;
	while ((rc = store_next_event(d->store, &e, 0)) == 0) {
		scan |= strcmp(e->token, "new") == 0;
		reap |= strcmp(e->token, "gone") == 0;
		if (*e->token >= '0' && *e->token <= '9')
			console_named(d, (uint32_t)strtoul(e->token, NULL, 10));
		free(e);
	}
	if (reap)
		console_reap(d);
	if (scan && !ev_is_active(&d->look)) {
		ev_timer_set(&d->look, NEW_GUEST, 0);
		ev_timer_start(loop, &d->look);
	}
	/* the client connects anew by itself; the descriptor to wait on may be another then */
	if (store_fd(d->store) != w->fd) {
		ev_io_stop(loop, w);
		ev_io_set(w, store_fd(d->store), EV_READ);
		ev_io_start(loop, w);
	}
}

static void on_door(struct ev_loop *loop, ev_io *w, int revents)
{
	(void)w, (void)revents;
	log_say(LOG_ERR, NULL, "its process of root's is gone: the end, to be started again");
	ev_break(loop, EVBREAK_ALL);
}

static void on_tick(struct ev_loop *loop, ev_timer *w, int revents)
{
	(void)loop, (void)revents;
	console_tick(w->data);
}

static void on_look(struct ev_loop *loop, ev_timer *w, int revents)
{
	(void)loop, (void)revents;
	console_scan(w->data);
}

static void on_signal(struct ev_loop *loop, ev_signal *w, int revents)
{
	(void)w, (void)revents;
	ev_break(loop, EVBREAK_ALL);
}

static int die(const char *what, const char *reason)
{
	fprintf(stderr, "torc-consoled: %s: %s\n", what, reason);
	log_say(LOG_ERR, NULL, "%s: %s", what, reason);
	return 1;
}

/* Three descriptors a guest, and some for each viewer: the usual limit ends at three hundred
 * guests. */
static void many_descriptors(void)
{
	struct rlimit r = { 65536, 65536 };

	if (setrlimit(RLIMIT_NOFILE, &r) == 0 || getrlimit(RLIMIT_NOFILE, &r) < 0)
		return;
	r.rlim_cur = r.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &r) < 0)
		log_say(LOG_WARNING, NULL, "%llu descriptors at most",
			(unsigned long long)r.rlim_max);
}

/*
 * The first page of another domain's that dom0's kernel maps costs it 56 million instructions: it
 * makes room for thirty thousand. It does so when it is only told of a grant, which need not be
 * one; so this is done here, once, and not in the first guest's creation.
 */
static void make_room(void)
{
	struct ioctl_gntdev_map_grant_ref map = { .count = 1 };
	struct ioctl_gntdev_unmap_grant_ref unmap = { .count = 1 };
	int fd = open("/dev/xen/gntdev", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return;
	if (ioctl(fd, IOCTL_GNTDEV_MAP_GRANT_REF, &map) == 0) {
		unmap.index = map.index;
		ioctl(fd, IOCTL_GNTDEV_UNMAP_GRANT_REF, &unmap);
	}
	close(fd);
}

static int open_doors(struct daemon *d)
{
	struct why why;

	if (host_open(&d->host, &why))
		return die("hypervisor", why.text);
	d->events = xenevtchn_open(NULL, 0);
	if (!d->events)
		return die("/dev/xen/evtchn", strerror(errno));
	make_room();
	d->grants = xengnttab_open(NULL, 0);
	if (!d->grants)
		return die("/dev/xen/gntdev", strerror(errno));
	if (store_open(&d->store, NULL))
		return die("store", store_why(NULL));
	if (store_watch(d->store, "@introduceDomain", "new") ||
	    store_watch(d->store, "@releaseDomain", "gone"))
		return die("store", store_why(d->store));
	return 0;
}

static int write_pid(const char *file)
{
	char text[16];
	int n = snprintf(text, sizeof(text), "%d\n", (int)getpid());

	return path_write_file(file, text, (size_t)n);
}

/* Where the store's client will look: no other socket is ever connected by the door. */
static void store_socket(char out[PATH_MAX])
{
	const char *path = getenv("XENSTORED_PATH"), *dir = getenv("XENSTORED_RUNDIR");

	if (path)
		snprintf(out, PATH_MAX, "%s", path);
	else
		snprintf(out, PATH_MAX, "%s/socket", dir ? dir : "/var/run/xenstored");
}

/*
 * The rights of root go in two steps. Guests that are here already are taken on in between, by
 * the user and in the sandbox, but with the right to map any memory: one that has thrown away
 * what its builder granted is to keep its console when the daemon is started again. What is left
 * then are grants, event channels, the logs and the store.
 */
static void give_up_root(struct daemon *d)
{
	const struct passwd *pw = getpwnam(USER);
	int rc;

	if (!pw)
		log_say(LOG_WARNING, NULL,
			"there is no user " USER ": it stays root, without root's capabilities");
	else if ((rc = logs_give(d->log_dir, pw->pw_uid, pw->pw_gid)))
		log_say(LOG_WARNING, NULL, "%s cannot be given to " USER ": %s", d->log_dir,
			strerror(-rc));
	rc = pw ? drop_to_user(pw->pw_uid, pw->pw_gid) : drop_capabilities();
	if (rc)
		log_say(LOG_WARNING, NULL, "root's rights are not given up: %s", strerror(-rc));
	rc = sandbox_enter();
	if (rc)
		log_say(LOG_WARNING, NULL, "no sandbox: %s", strerror(-rc));
	console_scan(d);
	host_close(&d->host);
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "foreground", no_argument, NULL, 'f' },
						 { "pid-file", required_argument, NULL, 'p' },
						 { "log-dir", required_argument, NULL, 'l' },
						 { "help", no_argument, NULL, 'h' },
						 { 0 } };
	static struct daemon d;
	char log_dir[PATH_MAX], sock[PATH_MAX], store_at[PATH_MAX];
	const char *leave[2] = { sock, NULL };
	const char *pid_file = NULL;
	bool foreground = false;
	ev_io events, store, door;
	ev_signal term, intr;
	int o, rc;

	snprintf(log_dir, sizeof(log_dir), "%s/console", path_log());
	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (o == 'f')
			foreground = true;
		else if (o == 'p')
			pid_file = optarg;
		else if (o == 'l')
			snprintf(log_dir, sizeof(log_dir), "%s", optarg);
		else {
			fputs(usage, o == 'h' ? stdout : stderr);
			return o == 'h' ? 0 : 2;
		}
	}
	log_start("torc-consoled");
	signal(SIGPIPE, SIG_IGN);
	d.log_dir = log_dir;
	rc = path_make_dirs(log_dir);
	if (rc)
		return die(log_dir, strerror(-rc));
	rc = path_make_dirs(path_run());
	if (rc)
		return die(path_run(), strerror(-rc));
	/* fork before the doors open: a child may not use its parent's handles */
	if (!foreground && daemon(0, 1) < 0)
		return die("fork", strerror(errno));
	many_descriptors();
	snprintf(sock, sizeof(sock), "%s/%s", path_run(), CONSOLED_SOCKET);
	store_socket(store_at);
	leave[1] = pid_file;
	rc = door_start(store_at, leave);
	if (rc)
		return die("its process of root's", strerror(-rc));
	if (open_doors(&d))
		return 1;
	d.loop = ev_default_loop(0);
	rc = viewer_listen(&d, sock);
	if (rc)
		return die(sock, strerror(-rc));
	if (pid_file && (rc = write_pid(pid_file)))
		return die(pid_file, strerror(-rc));

	ev_io_init(&events, on_event, xenevtchn_fd(d.events), EV_READ);
	events.data = &d;
	ev_io_start(d.loop, &events);
	ev_io_init(&store, on_store, store_fd(d.store), EV_READ);
	store.data = &d;
	ev_io_start(d.loop, &store);
	ev_io_init(&door, on_door, door_fd(), EV_READ);
	ev_io_start(d.loop, &door);
	ev_timer_init(&d.tick, on_tick, TICK, 0);
	d.tick.data = &d;
	ev_timer_init(&d.look, on_look, NEW_GUEST, 0);
	d.look.data = &d;
	ev_signal_init(&term, on_signal, SIGTERM);
	ev_signal_init(&intr, on_signal, SIGINT);
	ev_signal_start(d.loop, &term);
	ev_signal_start(d.loop, &intr);
	give_up_root(&d);
	log_say(LOG_INFO, NULL, "ready");
	ready_tell();
	ev_run(d.loop, 0);

	/* guests keep their consoles: the next daemon takes the rings up where they stand */
	door_tidy();
	return 0;
}
