/* SPDX-License-Identifier: BSD-2-Clause */
/* A device's two directories on the store (bdev.h). */
#include "drivers/backend/common/bdev.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "dom0-tools/common/plain.h"

#define STATS_BYTES 512
#define SAY_MOST    20u /* lines of the log, in */
#define SAY_SECONDS 60

static bool ask_state(struct bdev *d, const char *dir, enum xenbus_state *s);

/* A directory that the toolstack has taken away meanwhile must not come back with nothing but what
 * is written now in it; and what has come in its place is another device. */
static int still_there(struct bdev *d, store_txn_t t)
{
	const char *key = d->mark[0] ? "served-by" : "frontend-id";
	char path[STORE_PATH_MAX], *mark = NULL;
	int rc = store_path(path, "%s/%s", d->back, key);

	rc = rc ? rc : store_read(d->store, t, path, &mark, NULL);
	if (!rc && d->mark[0] && strcmp(mark, d->mark) != 0)
		rc = -ENOENT;
	free(mark);
	return rc;
}

static int write_mark(struct store *s, store_txn_t t, void *arg)
{
	struct bdev *d = arg;
	struct timespec now;
	char path[STORE_PATH_MAX];
	int rc;

	d->mark[0] = 0; /* it may not be the first try */
	rc = still_there(d, t);
	rc = rc ? rc : store_path(path, "%s/served-by", d->back);
	if (rc)
		return rc;
	clock_gettime(CLOCK_MONOTONIC, &now);
	snprintf(d->mark, sizeof(d->mark), "%d-%lld-%ld", (int)getpid(), (long long)now.tv_sec,
		 now.tv_nsec);
	return store_write(s, t, path, d->mark, strlen(d->mark));
}

int bdev_open(struct bdev *d, const char *back, struct why *why)
{
	char *front = NULL;
	uint64_t domid;
	int rc;

	if (store_path(d->back, "%s", back))
		return why_set(why, TE_STORE, "%s: the path is too long", back);
	if (store_open(&d->store, NULL))
		return why_set(why, TE_STORE, "%s: %s", back, store_why(NULL));
	/* first: what is read after it is of what was marked, or is never used */
	rc = store_transact(d->store, write_mark, d);
	if (!rc)
		rc = bdev_read_back(d, "frontend", &front);
	if (!rc)
		rc = bdev_read_back_number(d, "frontend-id", &domid);
	if (rc == -ECONNRESET || !ask_state(d, d->back, &d->state)) {
		free(front);
		why_set(why, TE_STORE, "%s: %s", back, store_why(d->store));
		store_close(&d->store); /* the device is not to be blamed */
		return -ECONNRESET;
	}
	if (rc || domid >= DOMID_FIRST_RESERVED) {
		free(front);
		return why_set(why, TE_STORE, "%s: frontend or frontend-id is missing or wrong",
			       back);
	}
	rc = store_path(d->front, "%s", front);
	free(front);
	if (rc)
		return why_set(why, TE_STORE, "%s: the frontend's path is too long", back);
	d->domid = (uint16_t)domid;
	return 0;
}

void bdev_close(struct bdev *d)
{
	if (d->store)
		store_close(&d->store);
}

/* A frontend that connects and breaks without end would fill the log, and what is about others
 * would be lost in it. One device a process. */
static bool may_say(const struct bdev *d)
{
	static unsigned int said, unsaid;
	static time_t since;
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (!said || now.tv_sec - since >= SAY_SECONDS) {
		if (unsaid)
			syslog(LOG_WARNING, "%s: %u more were not logged", d->back, unsaid);
		since = now.tv_sec;
		said = unsaid = 0;
	}
	if (said < SAY_MOST)
		said++;
	else
		unsaid++;
	return !unsaid;
}

/* Guests have their say in some of these: a line of the log stays one. */
void bdev_say(const struct bdev *d, int prio, const char *text)
{
	char shown[sizeof(((struct why *)0)->text)];

	if (!may_say(d))
		return;
	plain_text(shown, sizeof(shown), text);
	syslog(prio, "%s: %s", d->back, shown);
}

void bdev_report(struct bdev *d, const struct why *why)
{
	char shown[sizeof(why->text)];

	plain_text(shown, sizeof(shown), why->text);
	bdev_say(d, LOG_ERR, shown);
	if (d->store)
		bdev_write_back(d, "error", shown);
}

static int note_lost(struct bdev *d, int rc)
{
	d->lost |= rc == -ECONNRESET;
	return rc;
}

static int read_at(struct bdev *d, const char *dir, const char *key, char **value)
{
	char path[STORE_PATH_MAX];
	int rc = store_path(path, "%s/%s", dir, key);

	return rc ? rc : note_lost(d, store_read(d->store, STORE_NO_TXN, path, value, NULL));
}

static int number_at(struct bdev *d, const char *dir, const char *key, uint64_t *n)
{
	char path[STORE_PATH_MAX];
	int rc = store_path(path, "%s/%s", dir, key);

	return rc ? rc : note_lost(d, store_read_u64(d->store, STORE_NO_TXN, path, n));
}

int bdev_read_front(struct bdev *d, const char *key, char **value)
{
	return read_at(d, d->front, key, value);
}

int bdev_read_back(struct bdev *d, const char *key, char **value)
{
	return read_at(d, d->back, key, value);
}

int bdev_read_front_number(struct bdev *d, const char *key, uint64_t *n)
{
	return number_at(d, d->front, key, n);
}

int bdev_read_back_number(struct bdev *d, const char *key, uint64_t *n)
{
	return number_at(d, d->back, key, n);
}

struct node {
	struct bdev *d;
	const char *key, *value;
};

/* The toolstack asks for the end by writing our state. Before we have seen that, it must not be
 * written over: it would be waited for in vain. */
static int may_be_state(struct bdev *d, store_txn_t t, uint64_t next)
{
	char path[STORE_PATH_MAX];
	uint64_t now;
	int rc;

	if (next >= XenbusStateClosing || d->state == XenbusStateClosing)
		return 0;
	rc = store_path(path, "%s/state", d->back);
	if (!rc)
		rc = store_read_u64(d->store, t, path, &now);
	if (rc == -ECONNRESET)
		return rc;
	return !rc && now == XenbusStateClosing ? -ECANCELED : 0;
}

static int write_node(struct store *s, store_txn_t t, void *arg)
{
	const struct node *n = arg;
	char path[STORE_PATH_MAX];
	int rc = still_there(n->d, t);

	if (!rc && !strcmp(n->key, "state"))
		rc = may_be_state(n->d, t, strtoul(n->value, NULL, 10));
	if (!rc)
		rc = store_path(path, "%s/%s", n->d->back, n->key);
	return rc ? rc : store_write(s, t, path, n->value, strlen(n->value));
}

int bdev_write_back(struct bdev *d, const char *key, const char *value)
{
	struct node n = { d, key, value };

	return store_transact(d->store, write_node, &n);
}

int bdev_write_facts(struct bdev *d, store_txn_t t, const struct fact *f, unsigned int n)
{
	char path[STORE_PATH_MAX];
	unsigned int i;
	int rc = still_there(d, t);

	for (i = 0; !rc && i < n; i++) {
		if (!strcmp(f[i].key, "state"))
			rc = may_be_state(d, t, f[i].value);
		if (!rc)
			rc = store_path(path, "%s/%s", d->back, f[i].key);
		if (!rc)
			rc = store_printf(d->store, t, path, "%llu", (unsigned long long)f[i].value);
	}
	return rc;
}

/* false: it cannot be told now. A store that is away is no directory that is gone; its watches fire
 * again when it is back. */
static bool ask_state(struct bdev *d, const char *dir, enum xenbus_state *s)
{
	uint64_t n;
	int rc = number_at(d, dir, "state", &n);

	*s = rc || n > XenbusStateReconfigured ? XenbusStateUnknown : (enum xenbus_state)n;
	return rc != -ECONNRESET;
}

void bdev_set_state(struct bdev *d, enum xenbus_state s)
{
	char text[8];

	snprintf(text, sizeof(text), "%d", (int)s);
	if (bdev_write_back(d, "state", text) == 0)
		d->state = s;
}

bool bdev_online(struct bdev *d)
{
	uint64_t n = 0;
	int rc = bdev_read_back_number(d, "online", &n);

	return rc == -ECONNRESET || (!rc && n); /* not known: it is as it was */
}

int bdev_refuse(struct bdev *d, const struct why *why)
{
	/* what the device lacks may be there: another process can read it */
	if (d->store && d->lost) {
		bdev_say(d, LOG_ERR, store_why(d->store));
		return 1;
	}
	bdev_report(d, why);
	if (!d->store)
		return 1; /* the store is away: another process may find it */
	bdev_set_state(d, XenbusStateClosed);
	return 0; /* said and done: starting again would not mend it */
}

static int is_over(struct bdev *d)
{
	enum xenbus_state s;

	if (!ask_state(d, d->back, &s))
		return -ECONNRESET;
	if (s == XenbusStateUnknown || s == XenbusStateClosing || s == XenbusStateClosed)
		return -ENOENT;
	return 0;
}

int bdev_await(struct bdev *d, const char *key)
{
	struct store_event *e;
	char path[STORE_PATH_MAX];
	bool there = false;
	int rc = store_path(path, "%s/%s", d->back, key);

	rc = rc ? rc : store_exists(d->store, STORE_NO_TXN, path, &there);
	if (rc || there)
		return rc;
	rc = store_watch(d->store, d->back, "await");
	while (!rc && !there) { /* the watch fires once at once */
		rc = store_next_event(d->store, &e, -1);
		if (rc)
			break;
		free(e);
		rc = still_there(d, STORE_NO_TXN);
		rc = rc ? rc : store_exists(d->store, STORE_NO_TXN, path, &there);
		if (!rc && !there)
			rc = is_over(d);
	}
	store_unwatch(d->store, d->back, "await");
	return rc;
}

int bdev_watch(struct bdev *d)
{
	char front[STORE_PATH_MAX], back[STORE_PATH_MAX];
	int rc;

	if ((rc = store_path(front, "%s/state", d->front)) ||
	    (rc = store_path(back, "%s/state", d->back)) ||
	    (rc = store_watch(d->store, front, "front")))
		return rc;
	return store_watch(d->store, back, "back");
}

void bdev_disconnect(struct bdev *d, enum xenbus_state next)
{
	d->ops->disconnect(d);
	if (d->state != next)
		bdev_set_state(d, next);
}

/* A frontend that could not be told that it is connected waits for that: it is connected anew when
 * the store is back, and its state's watch fires. */
static void connect_front(struct bdev *d)
{
	d->lost = false;
	d->ops->connect(d);
	if (d->ops->connected(d) && d->state != XenbusStateConnected)
		d->ops->disconnect(d);
}

static void on_front_state(struct bdev *d)
{
	bool connected = d->ops->connected(d),
	     over = d->state == XenbusStateClosing || d->state == XenbusStateClosed;
	enum xenbus_state front;
	struct why why;

	if (!ask_state(d, d->front, &front))
		return;
	switch (front) {
	case XenbusStateInitialising:
		if (over && !bdev_online(d)) { /* it is being taken away: there is no other time */
			bdev_disconnect(d, XenbusStateClosed);
			d->done = true;
		} else if (connected || over) {
			bdev_disconnect(d, XenbusStateInitWait);
		}
		break;
	case XenbusStateInitialised:
	case XenbusStateConnected:
		if (!connected && !over)
			connect_front(d);
		break;
	case XenbusStateInitWait:
		if (connected) {
			why_set(&why, TE_DEVICE, "the frontend went from connected back to waiting");
			bdev_report(d, &why);
			bdev_disconnect(d, XenbusStateClosing);
		}
		break;
	case XenbusStateClosing: bdev_disconnect(d, XenbusStateClosing); break;
	case XenbusStateClosed:
	case XenbusStateUnknown: /* its directory is gone */
		bdev_disconnect(d, XenbusStateClosed);
		if (!bdev_online(d))
			d->done = true;
		break;
	default: break;
	}
}

/* The toolstack asks by writing our state, or by taking our directory away. */
static void on_back_change(struct bdev *d)
{
	enum xenbus_state s;

	if (!ask_state(d, d->back, &s))
		return;
	if (s == XenbusStateUnknown) {
		d->ops->disconnect(d);
		d->done = true;
	} else if (s == XenbusStateClosing && d->state != XenbusStateClosing) {
		d->state = s; /* the frontend sees it and closes; then so do we */
		on_front_state(d);
	}
}

void bdev_on_event(struct bdev *d, const char *token)
{
	int rc = still_there(d, STORE_NO_TXN);

	if (rc == -ECONNRESET)
		return; /* whose it is cannot be told: the watches fire again */
	if (rc == -ENOENT) {
		d->ops->disconnect(d);
		d->done = true;
	} else if (!strcmp(token, "front"))
		on_front_state(d);
	else
		on_back_change(d);
}

void bdev_ready(struct bdev *d)
{
	struct store_event *e;

	while (!d->done && store_next_event(d->store, &e, 0) == 0) {
		bdev_on_event(d, e->token);
		free(e);
	}
}

int bdev_file(const char *back, const char *run_dir, const char *suffix, char *out, size_t size)
{
	const char *id = strstr(back, "/backend/");
	char *p;
	int n;

	n = snprintf(out, size, "%s/%s%s", run_dir, id ? id + strlen("/backend/") : back, suffix);
	if (n < 0 || (size_t)n >= size)
		return -ENAMETOOLONG;
	for (p = out + strlen(run_dir) + 1; *p; p++) {
		if (*p == '/')
			*p = '-';
	}
	return 0;
}

int bdev_ticker(unsigned int seconds)
{
	struct itimerspec each = { { seconds, 0 }, { seconds, 0 } };
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);

	if (fd >= 0 && timerfd_settime(fd, 0, &each, NULL)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

void bdev_ticked(int fd)
{
	uint64_t n;

	if (read(fd, &n, sizeof(n)) < 0)
		return; /* nothing, this time */
}

int bdev_stats_open(const struct bdev *d, const char *run_dir)
{
	char path[STORE_PATH_MAX];

	if (bdev_file(d->back, run_dir, ".stats", path, sizeof(path)))
		return -1;
	return open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
}

void bdev_stats_write(int fd, const char *fmt, ...)
{
	char text[STATS_BYTES];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (fd < 0 || n < 0 || (size_t)n >= sizeof(text))
		return;
	memset(text + n, ' ', sizeof(text) - (size_t)n);
	text[sizeof(text) - 1] = '\n';
	if (pwrite(fd, text, sizeof(text), 0) < 0)
		syslog(LOG_DEBUG, "counters cannot be written: %m");
}

/* Its room is taken before it is used: a page that is written to for the first time when /run is
 * full ends the process by a signal, and each that comes after it. */
static void *map_state(int fd, size_t size, bool afresh)
{
	struct stat st;

	if (fstat(fd, &st))
		return MAP_FAILED;
	if (afresh || (size_t)st.st_size != size) {
		if (ftruncate(fd, 0))
			return MAP_FAILED;
		errno = posix_fallocate(fd, 0, (off_t)size);
		if (errno)
			return MAP_FAILED;
	}
	return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
}

void *bdev_state_open(const struct bdev *d, const char *run_dir, size_t size, struct why *why)
{
	char path[STORE_PATH_MAX];
	void *m = MAP_FAILED;
	int fd;

	if (bdev_file(d->back, run_dir, ".state", path, sizeof(path))) {
		why_set(why, TE_FILE, "%s: the path of its state file is too long", d->back);
		return NULL;
	}
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (fd >= 0)
		m = map_state(fd, size, d->state == XenbusStateInitialising);
	if (m == MAP_FAILED)
		why_set(why, TE_FILE, "%s: %m", path);
	if (fd >= 0)
		close(fd);
	return m == MAP_FAILED ? NULL : m;
}
