/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The supervisor of a backend daemon: finds devices to serve on the store and keeps a process going
 * for each, so that one guest's broken ring, or a bug that it found, ends one device's process. A
 * process that died is started again and takes its rings up where they stand.
 */
#include "drivers/backend/common/supervise.h"

#include <ev.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include <utlist.h>
#include <xen/xen.h>
#include <xen/io/xenbus.h>

#include "dom0-tools/common/ready.h"
#include "drivers/backend/common/alone.h"
#include "drivers/backend/common/bdev.h"
#include "xenbus/client/client.h"

#define DEPTH	      7	  /* components of /local/domain/0/backend/vbd/5/51712 */
#define RESTART_DELAY 0.2 /* seconds before a process that died is started again */

struct child {
	char path[STORE_PATH_MAX];
	pid_t pid; /* 0: to be started when the timer fires */
	ev_child ended;
	ev_timer restart;
	struct child *prev, *next;
};

static struct store *store;
static struct child *children;
static struct ev_loop *loop;
static const struct daemon_options *options;

static void child_forget(struct child *c)
{
	ev_child_stop(loop, &c->ended);
	ev_timer_stop(loop, &c->restart);
	DL_DELETE(children, c);
	free(c);
}

/* What a device leaves under the run directory is of no use once it is over. */
static void files_remove(const char *path)
{
	static const char *const suffixes[] = { ".state", ".stats", ".lock" };
	char file[STORE_PATH_MAX];
	size_t i;

	for (i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		if (bdev_file(path, options->run_dir, suffixes[i], file, sizeof(file)) == 0)
			unlink(file);
	}
}

static bool number_at(const char *path, const char *name, uint64_t *n)
{
	char key[STORE_PATH_MAX];

	return store_path(key, "%s/%s", path, name) == 0 &&
	       store_read_u64(store, STORE_NO_TXN, key, n) == 0;
}

/* A device is served from when the keys it needs and a state below Closing are there. */
static bool wants_service(const char *path)
{
	char key[STORE_PATH_MAX];
	bool have = false;
	uint64_t state;

	for (unsigned int i = 0; options->needs[i]; i++) {
		if (store_path(key, "%s/%s", path, options->needs[i]) ||
		    store_exists(store, STORE_NO_TXN, key, &have) || !have)
			return false;
	}
	return number_at(path, "state", &state) && state >= XenbusStateInitialising &&
	       state <= XenbusStateConnected;
}

/* A guest that has closed a device may open it again, until the toolstack takes it away. Of one
 * that was refused it is said why. */
static bool may_open_again(const char *path)
{
	char key[STORE_PATH_MAX];
	bool refused = true;
	uint64_t n;

	return number_at(path, "state", &n) &&
	       (n == XenbusStateClosing || n == XenbusStateClosed) &&
	       number_at(path, "online", &n) && n && store_path(key, "%s/error", path) == 0 &&
	       store_exists(store, STORE_NO_TXN, key, &refused) == 0 && !refused;
}

static const char *how(int status)
{
	if (!WIFSIGNALED(status))
		return "status";
	return WTERMSIG(status) == SIGSYS ? "a system call that it may not make, signal" : "signal";
}

static void child_start(struct child *c);

static void on_restart(struct ev_loop *l, ev_timer *w, int revents)
{
	(void)l;
	(void)revents;
	child_start(w->data);
}

static void on_ended(struct ev_loop *l, ev_child *w, int revents)
{
	struct child *c = w->data;

	(void)l;
	(void)revents;
	if (WIFEXITED(w->rstatus) && WEXITSTATUS(w->rstatus) == 0) {
		files_remove(c->path);
		/* one that was attached in its place meanwhile was taken for it: nobody tells again */
		if (!wants_service(c->path)) {
			child_forget(c);
			return;
		}
	} else {
		syslog(LOG_WARNING, "%s: its process ended with %s %d; another takes over", c->path,
		       how(w->rstatus),
		       WIFSIGNALED(w->rstatus) ? WTERMSIG(w->rstatus) : WEXITSTATUS(w->rstatus));
	}
	ev_child_stop(loop, &c->ended);
	ev_timer_set(&c->restart, RESTART_DELAY, 0);
	ev_timer_start(loop, &c->restart);
}

static void child_start(struct child *c)
{
	pid_t parent = getpid();

	c->pid = fork();
	if (c->pid == 0) {
		/* It ends with us: whoever comes after us starts it again. */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(1);
		execl("/proc/self/exe", options->name, "--run-dir", options->run_dir, "--device",
		      c->path, (char *)NULL);
		_exit(127);
	}
	if (c->pid < 0) {
		syslog(LOG_ERR, "%s: fork: %m", c->path);
		ev_timer_set(&c->restart, 1.0, 0);
		ev_timer_start(loop, &c->restart);
		return;
	}
	ev_child_init(&c->ended, on_ended, c->pid, 0);
	c->ended.data = c;
	ev_child_start(loop, &c->ended);
}

static void consider(const char *path)
{
	struct child *c;

	DL_FOREACH (children, c) {
		if (!strcmp(c->path, path))
			return;
	}
	if (!wants_service(path) && !may_open_again(path))
		return;
	c = calloc(1, sizeof(*c));
	if (!c) {
		syslog(LOG_ERR, "%s: no memory", path);
		return;
	}
	snprintf(c->path, sizeof(c->path), "%s", path);
	ev_timer_init(&c->restart, on_restart, 0, 0);
	c->restart.data = c;
	DL_APPEND(children, c);
	child_start(c);
}

/* Every device of every guest, as after our own start. */
static void consider_all(const char *dir)
{
	char guest[STORE_PATH_MAX], path[STORE_PATH_MAX], **guests, **devices;
	size_t i, j, n, m;

	if (store_list(store, STORE_NO_TXN, dir, &guests, &n))
		return;
	for (i = 0; i < n; i++) {
		if (store_path(guest, "%s/%s", dir, guests[i]) ||
		    store_list(store, STORE_NO_TXN, guest, &devices, &m))
			continue;
		for (j = 0; j < m; j++) {
			if (!store_path(path, "%s/%s", guest, devices[j]))
				consider(path);
		}
		free(devices);
	}
	free(guests);
}

/* Cuts what a watch named to its device; false if it lies above one. */
static bool device_of(const char *event, char out[STORE_PATH_MAX])
{
	const char *p = event;
	int depth = 0;

	if (store_path(out, "%s", event))
		return false;
	while (depth < DEPTH && (p = strchr(p, '/'))) {
		depth++;
		p++;
	}
	if (depth < DEPTH)
		return false;
	p = strchr(p, '/');
	if (p)
		out[p - event] = 0;
	return true;
}

static void on_store(struct ev_loop *l, ev_io *w, int revents)
{
	char path[STORE_PATH_MAX];
	struct store_event *e;

	(void)l;
	(void)w;
	(void)revents;
	while (store_next_event(store, &e, 0) == 0) {
		if (device_of(e->path, path))
			consider(path);
		else
			consider_all(e->path);
		free(e);
	}
}

static void on_term(struct ev_loop *l, ev_signal *w, int revents)
{
	(void)w;
	(void)revents;
	ev_break(l, EVBREAK_ALL);
}

static int supervise(const struct daemon_options *o)
{
	char path[STORE_PATH_MAX];
	ev_signal term, interrupt;
	uint64_t domid = 0;
	unsigned int i;
	ev_io io;

	options = o;
	loop = ev_default_loop(0);
	if (store_open(&store, NULL)) {
		fprintf(stderr, "%s: %s\n", o->name, store_why(NULL));
		return 8;
	}
	store_read_u64(store, STORE_NO_TXN, "domid", &domid);
	for (i = 0; i < o->nr_types; i++) {
		if (store_path(path, "/local/domain/%llu/backend/%s", (unsigned long long)domid,
			       o->types[i]) ||
		    store_watch(store, path, "device")) {
			fprintf(stderr, "%s: %s\n", o->name, store_why(store));
			return 1;
		}
	}
	ev_io_init(&io, on_store, store_fd(store), EV_READ);
	ev_io_start(loop, &io);
	ev_signal_init(&term, on_term, SIGTERM);
	ev_signal_start(loop, &term);
	ev_signal_init(&interrupt, on_term, SIGINT);
	ev_signal_start(loop, &interrupt);
	syslog(LOG_INFO, "ready");
	ready_tell();
	ev_run(loop, 0);
	store_close(&store);
	return 0;
}

static int make_run_dir(const struct daemon_options *o)
{
	char parent[4096];
	char *slash;

	snprintf(parent, sizeof(parent), "%s", o->run_dir);
	slash = strrchr(parent, '/');
	if (slash && slash != parent) {
		*slash = 0;
		mkdir(parent, 0755);
	}
	if (mkdir(o->run_dir, 0750) && errno != EEXIST) {
		fprintf(stderr, "%s: %s cannot be made: %s\n", o->name, o->run_dir, strerror(errno));
		return -1;
	}
	return 0;
}

/*
 * RUN_DIR/daemon.lock is locked while the daemon is there, however it ends: this is how the tools
 * know. Shared, since two may serve different types. Held until this process ends.
 */
static int hold_lock(const struct daemon_options *o)
{
	char file[4096];
	int fd = -1;

	if (snprintf(file, sizeof(file), "%s/daemon.lock", o->run_dir) < (int)sizeof(file))
		fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (fd < 0 || flock(fd, LOCK_SH)) {
		fprintf(stderr, "%s: %s/daemon.lock: %s\n", o->name, o->run_dir, strerror(errno));
		return -1;
	}
	return 0;
}

static int write_pid(const struct daemon_options *o)
{
	FILE *f = fopen(o->pid_file, "we");

	if (!f || fprintf(f, "%d\n", getpid()) < 0 || fclose(f)) {
		fprintf(stderr, "%s: %s: %s\n", o->name, o->pid_file, strerror(errno));
		return -1;
	}
	return 0;
}

static int bad_usage(const struct daemon_options *o)
{
	fputs(o->usage, stderr);
	return 2;
}

static int parse(struct daemon_options *o, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "type", required_argument, NULL, 't' },
		{ "run-dir", required_argument, NULL, 'r' },
		{ "device", required_argument, NULL, 'd' },
		{ "foreground", no_argument, NULL, 'f' },
		{ "pid-file", required_argument, NULL, 'p' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	unsigned int named = 0;
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		switch (c) {
		case 't':
			if (named == DAEMON_MAX_TYPES || strchr(optarg, '/'))
				return bad_usage(o);
			o->types[named++] = optarg;
			o->nr_types = named;
			break;
		case 'r': o->run_dir = optarg; break;
		case 'd': o->device = optarg; break;
		case 'f': o->foreground = true; break;
		case 'p': o->pid_file = optarg; break;
		case 'h': fputs(o->usage, stdout); exit(0);
		default: return bad_usage(o);
		}
	}
	return optind == argc ? 0 : bad_usage(o);
}

static int serve(const struct daemon_options *o)
{
	int rc = alone(o->device, o->run_dir);

	if (rc) {
		syslog(LOG_ERR, "%s: no lock in %s: %s", o->device, o->run_dir, strerror(-rc));
		return 1;
	}
	return o->serve(o->device, o->run_dir);
}

/* Then each line of the log would be in the journal twice. */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long dev, ino;
	struct stat st;

	return stream && sscanf(stream, "%llu:%llu", &dev, &ino) == 2 && fstat(2, &st) == 0 &&
	       st.st_dev == dev && st.st_ino == ino;
}

int daemon_main(struct daemon_options *o, int argc, char **argv)
{
	int rc = parse(o, argc, argv);

	if (rc)
		return rc;
	openlog(o->name,
		LOG_PID | ((o->foreground || o->device) && !stderr_is_journal() ? LOG_PERROR : 0),
		LOG_DAEMON);
	signal(SIGPIPE, SIG_IGN);
	if (make_run_dir(o))
		return 1;
	if (o->device)
		return serve(o);
	if (!o->foreground && daemon(0, 0)) {
		perror(o->name);
		return 1;
	}
	if (hold_lock(o) || (o->pid_file && write_pid(o)))
		return 1;
	return supervise(o);
}
