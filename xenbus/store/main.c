/* SPDX-License-Identifier: BSD-2-Clause */
/* torc-stored: start, or take over; the loop; the end. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ev.h>
#include <systemd/sd-daemon.h>

#include "xenbus/store/domain.h"
#include "xenbus/store/door.h"
#include "xenbus/store/journal.h"
#include "xenbus/store/options.h"
#include "xenbus/store/sandbox.h"
#include "xenbus/store/sock.h"
#include "xenbus/store/takeover.h"
#include "xenbus/store/turn.h"

struct daemon {
	struct server sv;
	struct ev_loop *loop;
	struct listener listener;
	ev_prepare prepare;
	ev_idle again;
	ev_timer turns;
	ev_io events;
	ev_signal term, intr;
	int lock_fd;
	bool handed_over;
};

/* Before the loop sleeps: requests that waited, the journal, answers. */
static void on_prepare(struct ev_loop *loop, ev_prepare *w, int revents)
{
	struct daemon *d = w->data;
	double turns;

	(void)revents;
	if (d->handed_over)
		return;
	conn_run(&d->sv);
	turns = d->sv.turns ? turn_check(&d->sv) : 0;
	ev_timer_stop(loop, &d->turns);
	if (turns > 0) {
		ev_timer_set(&d->turns, turns, 0.);
		ev_timer_start(loop, &d->turns);
	}
	if (d->sv.successor && takeover_give(&d->sv, d->listener.io.fd, d->lock_fd)) {
		d->handed_over = true;
		ev_break(loop, EVBREAK_ALL);
	}
	if (d->sv.dirty || d->handed_over)
		ev_idle_start(loop, &d->again);
	else
		ev_idle_stop(loop, &d->again);
}

static void on_nothing(struct ev_loop *loop, ev_idle *w, int revents)
{
	(void)loop;
	(void)w;
	(void)revents;
}

static void on_turns(struct ev_loop *loop, ev_timer *w, int revents)
{
	(void)loop;
	(void)w;
	(void)revents;
}

static void on_door(struct ev_loop *loop, ev_io *w, int revents)
{
	struct daemon *d = w->data;
	uint32_t port;

	(void)loop;
	(void)revents;
	if (door_event(d->sv.door, &port))
		return;
	if (port == d->sv.death_port)
		domain_check_all(&d->sv);
	else
		ring_event(&d->sv, port);
}

static void on_signal(struct ev_loop *loop, ev_signal *w, int revents)
{
	(void)revents;
	log_info("ending on signal %d; a successor finds the state in the journal", w->signum);
	ev_break(loop, EVBREAK_ALL);
}

static void loop_init(struct daemon *d)
{
	d->loop = ev_default_loop(EVFLAG_NOENV);
	if (!d->loop)
		log_fatal("no event loop");
	ev_prepare_init(&d->prepare, on_prepare);
	ev_idle_init(&d->again, on_nothing);
	ev_timer_init(&d->turns, on_turns, 0., 0.);
	ev_signal_init(&d->term, on_signal, SIGTERM);
	ev_signal_init(&d->intr, on_signal, SIGINT);
	d->prepare.data = d;
	ev_prepare_start(d->loop, &d->prepare);
	ev_signal_start(d->loop, &d->term);
	ev_signal_start(d->loop, &d->intr);
	signal(SIGPIPE, SIG_IGN);
}

static int make_dirs(const char *file)
{
	char dir[256];
	char *slash;

	if (strlen(file) >= sizeof(dir))
		return -ENAMETOOLONG;
	strcpy(dir, file);
	slash = strrchr(dir, '/');
	if (!slash || slash == dir)
		return 0;
	*slash = '\0';
	return mkdir(dir, 0755) && errno != EEXIST ? -errno : 0;
}

static int take_lock(const char *dir)
{
	char path[300];
	int fd, rc;

	snprintf(path, sizeof(path), "%s/torc-stored.lock", dir);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB)) {
		rc = -errno;
		close(fd);
		return rc;
	}
	return fd;
}

static void open_door(struct daemon *d, const struct options *o, int event_fd)
{
	struct server *sv = &d->sv;
	int rc = door_open(&sv->door, event_fd);

	if (rc) {
		log_warn("no hypervisor here (%s): only the socket is served", strerror(-rc));
		domain_attach_all(sv, false);
		return;
	}
	rc = event_fd >= 0 ? 0 : door_bind_domain_events(sv->door, &sv->death_port);
	if (rc)
		log_warn("no word of domains that die: VIRQ_DOM_EXC: %s", strerror(-rc));
	domain_attach_all(sv, event_fd >= 0);
	if (!o->no_own_ring && !domain_find(sv, PRIVILEGED_DOMID)) {
		rc = domain_introduce_own(sv);
		if (rc)
			log_warn("this domain's kernel cannot be served: %s", strerror(-rc));
	}
	ev_io_init(&d->events, on_door, door_fd(sv->door), EV_READ);
	d->events.data = d;
	ev_io_start(d->loop, &d->events);
}

static void set_quotas(struct server *sv, const struct options *o)
{
	int q;

	for (q = 0; q < NR_QUOTAS; q++) {
		if (o->limit[q] < 0)
			continue;
		sv->limit[q] = o->limit[q];
		journal_quota(sv, -1, q, o->limit[q]);
	}
}

/* A listener of our own, after the state that was left has been loaded. */
static int start(struct daemon *d, const struct options *o)
{
	int fd, rc = make_dirs(o->socket);

	if (rc) {
		log_warn("%s: its directory cannot be made: %s", o->socket, strerror(-rc));
		return rc;
	}
	d->lock_fd = take_lock(o->state_dir);
	if (d->lock_fd < 0) {
		log_warn("%s: %s. Use --takeover to replace a daemon that runs", o->state_dir,
			 d->lock_fd == -EWOULDBLOCK ? "another store runs here" :
						      strerror(-d->lock_fd));
		return d->lock_fd;
	}
	rc = journal_open(&d->sv, o->state_dir, o->no_recovery);
	if (rc) {
		log_warn("no journal in %s: %s", o->state_dir, strerror(-rc));
		return rc;
	}
	open_door(d, o, -1);
	fd = sock_listen(o->socket);
	if (fd < 0) {
		log_warn("cannot listen on %s: %s", o->socket, strerror(-fd));
		return fd;
	}
	sock_serve(&d->listener, &d->sv, d->loop, fd);
	return 0;
}

static int take_over(struct daemon *d, const struct options *o)
{
	struct heritage h;
	int rc = takeover_ask(&d->sv, d->loop, o->socket, &h);

	if (rc) {
		log_warn("%s: cannot take over: %s", o->socket, strerror(-rc));
		return rc;
	}
	d->lock_fd = h.lock_fd;
	open_door(d, o, h.event_fd);
	sock_serve(&d->listener, &d->sv, d->loop, h.listen_fd);
	rc = takeover_done(&h);
	if (rc)
		return rc;
	/*
	 * only now: until here the predecessor might have gone on with its own, and it is still
	 * what counts
	 */
	rc = journal_open(&d->sv, o->state_dir, true);
	if (rc)
		log_warn("no journal in %s: %s", o->state_dir, strerror(-rc));
	return rc;
}

static void write_pid(const char *path)
{
	FILE *f = fopen(path, "we");

	if (!f || fprintf(f, "%d\n", getpid()) < 0 || fclose(f))
		log_warn("%s: the process number cannot be written: %s", path, strerror(errno));
}

/* The parent waits until the child is up, and ends with its status. */
static int go_background(void)
{
	int fd[2];
	char status;
	pid_t pid;

	if (pipe2(fd, O_CLOEXEC))
		return -errno;
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid) {
		close(fd[1]);
		_exit(read(fd[0], &status, 1) == 1 ? status : 1);
	}
	close(fd[0]);
	setsid();
	return fd[1];
}

static void background_ready(int fd)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	char ok = 0;

	if (null >= 0) {
		dup2(null, 0);
		dup2(null, 1);
		dup2(null, 2);
		close(null);
	}
	if (chdir("/") || write(fd, &ok, 1) != 1)
		log_warn("the parent process is gone");
	close(fd);
}

static void raise_file_limit(void)
{
	struct rlimit r;

	if (!getrlimit(RLIMIT_NOFILE, &r)) {
		r.rlim_cur = r.rlim_max;
		setrlimit(RLIMIT_NOFILE, &r);
	}
}

int main(int argc, char **argv)
{
	static struct daemon d;
	static char socket[200], dir[200];
	const char *env = getenv("XENSTORED_RUNDIR");
	struct options o = { 0 };
	int rc, ready = -1;

	rc = options_parse(&o, argc, argv);
	if (rc)
		return rc - 1;
	snprintf(socket, sizeof(socket), "%s/socket", env ? env : "/var/run/xenstored");
	if (!o.socket)
		o.socket = getenv("XENSTORED_PATH") ? getenv("XENSTORED_PATH") : socket;
	if (!o.state_dir) {
		snprintf(dir, sizeof(dir), "%.*s",
			 (int)(strrchr(o.socket, '/') ? strrchr(o.socket, '/') - o.socket : 0),
			 o.socket);
		o.state_dir = *dir ? dir : ".";
	}
	log_verbose = o.verbose;
	if (o.log_file && (rc = log_to_file(o.log_file)))
		log_warn("%s: %s", o.log_file, strerror(-rc));
	if (!o.no_fork) {
		ready = go_background();
		if (ready < 0)
			log_fatal("cannot go into the background: %s", strerror(-ready));
	}
	raise_file_limit();
	loop_init(&d);
	server_init(&d.sv);
	rc = o.takeover ? take_over(&d, &o) : start(&d, &o);
	if (rc)
		return 1;
	set_quotas(&d.sv, &o);
	journal_commit(&d.sv);
	if (o.pid_file)
		write_pid(o.pid_file);
	if (o.print_pid) {
		printf("%d\n", getpid());
		fflush(stdout);
	}
	sd_notifyf(0, "READY=1\nMAINPID=%d", getpid());
	if (ready >= 0) {
		log_to_syslog();
		background_ready(ready);
	}
	if (!o.no_sandbox && (rc = sandbox_enter()))
		log_warn("no sandbox: %s", strerror(-rc));
	log_info("serving %s", o.socket);
	ev_run(d.loop, 0);
	if (!d.handed_over)
		journal_commit(&d.sv); /* else the files are the successor's */
	return 0;
}
