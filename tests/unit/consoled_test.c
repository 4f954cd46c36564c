/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The console daemon with guests made of a ring each: real viewers on real sockets, real logs, and
 * nothing of a hypervisor or a store.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "dom0-tools/consoled/consoled.h"
#include "dom0-tools/consoled/door.h"
#include "dom0-tools/consoled/protocol.h"

#define GUESTS 3 /* domains 1 to 3 */

static struct xencons_interface *rings[GUESTS + 1];
static bool there[GUESTS + 1], granted[GUESTS + 1];
static unsigned int notified, unmasked, warnings;
static char dir[32], sock[64], tty[64];
static const char *new_name; /* of all of them; NULL: as they were */
static unsigned int watched; /* bits: whose name */
static struct daemon d;

/* --- what the daemon asks of others */

const char *store_why(const struct store *s)
{
	(void)s;
	return "";
}

int store_list(struct store *s, store_txn_t t, const char *path, char ***names, size_t *count)
{
	struct list {
		char *names[GUESTS + 2];
		char text[GUESTS + 1][4];
	} *l = calloc(1, sizeof(*l));

	(void)s, (void)t;
	assert_string_equal(path, "/local/domain");
	for (size_t i = 0; i <= GUESTS; i++) {
		if (i && !there[i])
			continue;
		snprintf(l->text[i], sizeof(l->text[i]), "%zu", i);
		l->names[(*count = l->names[0] ? *count : 0)] = l->text[i];
		++*count;
	}
	*names = l->names;
	return 0;
}

int store_read(struct store *s, store_txn_t t, const char *path, char **value, size_t *len)
{
	(void)s, (void)t, (void)len;
	if (strstr(path, "console/type"))
		*value = strdup("xenconsoled");
	else if (new_name)
		*value = strdup(new_name);
	else if (asprintf(value, "guest/%c", path[strlen("/local/domain/")]) < 0)
		return -ENOMEM;
	return 0;
}

int store_read_u64(struct store *s, store_txn_t t, const char *path, uint64_t *value)
{
	(void)s, (void)t, (void)path;
	*value = 7;
	return 0;
}

int store_write(struct store *s, store_txn_t t, const char *path, const void *value, size_t len)
{
	(void)s, (void)t, (void)path;
	snprintf(tty, sizeof(tty), "%.*s", (int)len, (const char *)value);
	return 0;
}

int store_watch(struct store *s, const char *path, const char *token)
{
	(void)s;
	assert_non_null(strstr(path, "/name"));
	watched |= 1u << atoi(token);
	return 0;
}

int store_unwatch(struct store *s, const char *path, const char *token)
{
	(void)s, (void)path;
	watched &= ~(1u << atoi(token));
	return 0;
}

void *host_map(struct host *h, uint32_t domid, bool writable, const uint64_t *mfns, size_t count,
	       struct why *why)
{
	(void)h, (void)writable, (void)mfns, (void)count, (void)why;
	return rings[domid];
}

void *xengnttab_map_domain_grant_refs(xengnttab_handle *g, uint32_t count, uint32_t domid,
				      uint32_t *refs, int prot)
{
	(void)g, (void)count, (void)refs, (void)prot;
	errno = EINVAL;
	return granted[domid] ? rings[domid] : NULL;
}

int xengnttab_unmap(xengnttab_handle *g, void *at, uint32_t count)
{
	(void)g, (void)at, (void)count;
	return 0;
}

xenevtchn_port_or_error_t xenevtchn_bind_interdomain(xenevtchn_handle *e, uint32_t domid,
						     evtchn_port_t port)
{
	(void)e, (void)port;
	return (int)domid + 70;
}

int xenevtchn_unbind(xenevtchn_handle *e, evtchn_port_t port)
{
	(void)e, (void)port;
	return 0;
}

int xenevtchn_notify(xenevtchn_handle *e, evtchn_port_t port)
{
	(void)e, (void)port;
	notified++;
	return 0;
}

int xenevtchn_unmask(xenevtchn_handle *e, evtchn_port_t port)
{
	(void)e, (void)port;
	unmasked++;
	return 0;
}

int door_alive(uint8_t alive[DOOR_ALIVE_BYTES])
{
	memset(alive, 0, DOOR_ALIVE_BYTES);
	for (unsigned int i = 1; i <= GUESTS; i++)
		alive[i / 8] |= (uint8_t)(there[i] << i % 8);
	return 0;
}

void log_say(int priority, const struct log_about *about, const char *fmt, ...)
{
	(void)about, (void)fmt;
	warnings += priority <= LOG_WARNING;
}

/* --- the guests and the viewers */

static void turn(void)
{
	for (int i = 0; i < 8; i++)
		ev_run(d.loop, EVRUN_NOWAIT);
}

/* Into the ring as far as there is room, and a ring of the bell. */
static size_t guest_says(unsigned int id, const char *text, size_t n)
{
	struct xencons_interface *r = rings[id];
	size_t room = sizeof(r->out) - (r->out_prod - r->out_cons);

	n = n < room ? n : room;
	for (size_t i = 0; i < n; i++)
		r->out[r->out_prod++ & (sizeof(r->out) - 1)] = text[i];
	d.by_domid[id]->events = 0; /* the test is not about how often */
	console_event(&d, id + 70);
	return n;
}

/* A stretch of the stream whose byte at any place is known. */
static char byte_at(size_t at)
{
	return (char)('!' + at % 89);
}

static void guest_streams(unsigned int id, size_t from, size_t n)
{
	char text[1500];

	while (n) {
		size_t k = n < sizeof(text) ? n : sizeof(text);

		for (size_t i = 0; i < k; i++)
			text[i] = byte_at(from + i);
		/* a guest that finds no room waits: it never has to */
		assert_int_equal(guest_says(id, text, k), k);
		assert_int_equal(rings[id]->out_cons, rings[id]->out_prod);
		from += k;
		n -= k;
	}
}

static size_t guest_reads(unsigned int id, char *out)
{
	struct xencons_interface *r = rings[id];
	size_t n = 0;

	while (r->in_cons != r->in_prod)
		out[n++] = r->in[r->in_cons++ & (sizeof(r->in) - 1)];
	console_event(&d, id + 70);
	return n;
}

static int connect_viewer(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(a.sun_path, sock);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

static int view(unsigned int id, uint32_t flags)
{
	struct consoled_request rq = { CONSOLED_MAGIC, id, flags };
	int fd = connect_viewer();
	char ok = 0;

	assert_int_equal(send(fd, &rq, sizeof(rq), 0), sizeof(rq));
	turn();
	assert_int_equal(recv(fd, &ok, 1, MSG_DONTWAIT), 1);
	assert_int_equal(ok, CONSOLED_OK);
	return fd;
}

/* All that is there for a viewer, in turns with the daemon. */
static size_t viewer_reads(int fd, char *out, size_t room)
{
	size_t got = 0;
	ssize_t n;

	for (;;) {
		turn();
		n = recv(fd, out + got, room - got, MSG_DONTWAIT);
		if (n <= 0)
			return got;
		got += (size_t)n;
	}
}

static size_t log_reads(const char *name, char *out, size_t room)
{
	char path[PATH_MAX];
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "r");
	if (!f)
		return 0;
	n = fread(out, 1, room, f);
	fclose(f);
	return n;
}

static int setup(void **state)
{
	(void)state;
	memset(&d, 0, sizeof(d));
	for (unsigned int i = 1; i <= GUESTS; i++) {
		/* as from the kernel: at the daemon's end it is unmapped */
		rings[i] = mmap(NULL, HOST_PAGE_SIZE, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		there[i] = false;
		granted[i] = true;
	}
	notified = unmasked = warnings = watched = 0;
	new_name = NULL;
	strcpy(dir, "/tmp/torc-consoled.XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(sock, sizeof(sock), "%s/sock", dir);
	d.log_dir = dir;
	d.loop = ev_default_loop(0);
	return viewer_listen(&d, sock);
}

static int teardown(void **state)
{
	const struct dirent *e;
	char path[PATH_MAX];
	DIR *list;

	(void)state;
	memset(there, 0, sizeof(there));
	console_reap(&d);
	turn();
	free(d.by_port);
	ev_loop_destroy(d.loop);
	list = opendir(dir);
	while (list && (e = readdir(list))) {
		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		if (e->d_name[0] != '.')
			unlink(path);
	}
	closedir(list);
	return rmdir(dir);
}

/* --- the tests */

static void kept_from_the_first_byte(void **state)
{
	char got[64];

	(void)state;
	memcpy(rings[1]->out, "before", 6);
	rings[1]->out_prod = 6;
	there[1] = true;
	console_scan(&d);
	guest_says(1, " and after", 10);
	/* the name in the store has a slash: none in the file's */
	assert_int_equal(log_reads("guest_1.log", got, sizeof(got)), 16);
	assert_memory_equal(got, "before and after", 16);
	assert_int_equal(access(tty, F_OK), 0);
	assert_int_equal(notified, 2); /* the guest hears that there is room */
}

static void several_viewers_see_the_same(void **state)
{
	char got[4096];
	int first, second, other;

	(void)state;
	there[1] = there[2] = true;
	console_scan(&d);
	guest_streams(1, 0, 100);
	first = view(1, CONSOLED_REPLAY);
	second = view(1, 0);
	other = view(2, CONSOLED_REPLAY);
	guest_streams(1, 100, 900);
	assert_int_equal(viewer_reads(first, got, sizeof(got)), 1000);
	for (size_t i = 0; i < 1000; i++)
		assert_int_equal(got[i], byte_at(i));
	assert_int_equal(viewer_reads(second, got, sizeof(got)), 900);
	for (size_t i = 0; i < 900; i++)
		assert_int_equal(got[i], byte_at(100 + i));
	assert_int_equal(viewer_reads(other, got, sizeof(got)), 0);
	close(first);
	guest_streams(1, 1000, 10);
	assert_int_equal(viewer_reads(second, got, sizeof(got)), 10);
	close(second);
	close(other);
	turn();
}

/* A disk that is full for a while, which a limit on files stands for. */
static void a_log_goes_on_when_there_is_room_again(void **state)
{
	struct rlimit was, full = { .rlim_cur = 4, .rlim_max = RLIM_INFINITY };
	char got[128];
	size_t n;

	(void)state;
	there[1] = true;
	console_scan(&d);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
	full.rlim_max = was.rlim_max;
	guest_says(1, "one ", 4);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &full), 0);
	guest_says(1, "two ", 4);
	guest_says(1, "three ", 6);
	assert_int_equal(warnings, 1); /* not one for each line */
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
	guest_says(1, "four", 4);
	n = log_reads("guest_1.log", got, sizeof(got) - 1);
	got[n] = 0;
	assert_string_equal(got, "one \n[10 bytes lost]\nfour");
}

/* As after a rotation on a full disk. */
static void a_log_that_could_not_be_opened_is_tried_again(void **state)
{
	char got[128], path[64];
	size_t n;

	(void)state;
	snprintf(path, sizeof(path), "%s/guest_1.log", dir);
	assert_int_equal(mkdir(path, 0700), 0);
	there[1] = true;
	console_scan(&d);
	assert_int_equal(warnings, 1);
	guest_says(1, "one ", 4);
	guest_says(1, "two ", 4);
	assert_true(warnings <= 2); /* not one for each line */
	assert_int_equal(rmdir(path), 0);
	guest_says(1, "three", 5);
	n = log_reads("guest_1.log", got, sizeof(got) - 1);
	got[n] = 0;
	assert_string_equal(got, "\n[8 bytes lost]\nthree");
}

static void every_viewer_types_but_the_read_only(void **state)
{
	char got[64];
	int a, b, c;

	(void)state;
	there[1] = true;
	console_scan(&d);
	a = view(1, 0);
	b = view(1, 0);
	c = view(1, CONSOLED_READ_ONLY);
	assert_int_equal(send(a, "ab", 2, 0), 2);
	turn();
	assert_int_equal(send(c, "no", 2, 0), 2);
	turn();
	assert_int_equal(send(b, "cd\n", 3, 0), 3);
	turn();
	assert_int_equal(guest_reads(1, got), 5);
	assert_memory_equal(got, "abcd\n", 5);
	close(a);
	close(b);
	close(c);
	turn();
}

/* One viewer never reads; the other and the log get all, the guest never waits, and the slow one is
 * told how much it missed. */
static void a_slow_viewer_harms_nobody(void **state)
{
	static char got[1 << 21], log[1 << 21];
	size_t total = 1500000, n, m, at, older;
	unsigned long missed = 0;
	unsigned int notes = 0;
	int slow, quick;

	(void)state;
	there[1] = true;
	console_scan(&d);
	slow = view(1, 0);
	quick = view(1, 0);
	for (at = n = 0; at < total; at += 3000) {
		guest_streams(1, at, 3000);
		n += viewer_reads(quick, got + n, sizeof(got) - n);
	}
	assert_int_equal(n, total);
	for (size_t i = 0; i < total; i++)
		assert_int_equal(got[i], byte_at(i));
	older = log_reads("guest_1.log.1", log, sizeof(log));
	m = older + log_reads("guest_1.log", log + older, sizeof(log) - older);
	assert_int_equal(m, total);
	assert_memory_equal(log, got, total);

	/* now it reads: what was kept for it, and in between the number of what was not */
	m = viewer_reads(slow, got, sizeof(got) - 1);
	guest_streams(1, total, 10);
	m += viewer_reads(slow, got + m, sizeof(got) - 1 - m);
	got[m] = 0;
	for (at = n = 0; n < m;) {
		if (got[n] != '\r') {
			assert_int_equal(got[n++], byte_at(at++));
			continue;
		}
		assert_int_equal(sscanf(got + n, "\r\n[%lu bytes missed]", &missed), 1);
		at += missed;
		notes++;
		n += strcspn(got + n, "]") + strlen("]\r\n");
	}
	assert_int_equal(at, total + 10);
	assert_in_range(notes, 1, 10);
	close(slow);
	close(quick);
	turn();
}

static void without_viewers_nothing_waits(void **state)
{
	char got[70000];

	(void)state;
	there[1] = true;
	console_scan(&d);
	guest_streams(1, 0, 300000); /* asserts that there is always room; nobody reads the pty */
	int fd = view(1, CONSOLED_REPLAY);

	assert_int_equal(viewer_reads(fd, got, sizeof(got)), HISTORY_SIZE);
	assert_int_equal(got[0], byte_at(300000 - HISTORY_SIZE));
	close(fd);
	turn();
}

static void logs_are_rotated(void **state)
{
	static char got[1 << 20];
	const char *const names[] = { "guest_1.log.3", "guest_1.log.2", "guest_1.log.1",
				      "guest_1.log" };
	size_t total = 6 << 20, kept = 0, sizes[4], at;

	(void)state;
	there[1] = true;
	console_scan(&d);
	guest_streams(1, 0, total);
	for (int i = 0; i < 4; i++) {
		sizes[i] = log_reads(names[i], got, sizeof(got));
		assert_in_range(sizes[i], 1, 1 << 20);
		kept += sizes[i];
	}
	assert_int_equal(log_reads("guest_1.log.4", got, sizeof(got)), 0);
	assert_in_range(kept, 3 << 20, 4 << 20);
	/* and together they are the end of what was said, without a gap */
	at = total - kept;
	for (int i = 0; i < 4; i++) {
		log_reads(names[i], got, sizeof(got));
		for (size_t k = 0; k < sizes[i]; k++)
			assert_int_equal(got[k], byte_at(at + k));
		at += sizes[i];
	}
	/* a daemon that starts anew goes on with the same file */
	there[1] = false;
	console_reap(&d);
	there[1] = true;
	console_scan(&d);
	guest_says(1, "!", 1);
	assert_int_equal(log_reads("guest_1.log", got, sizeof(got)), sizes[3] + 1);
}

static void an_impossible_index_is_its_own_harm(void **state)
{
	char got[16];

	(void)state;
	there[1] = there[2] = true;
	console_scan(&d);
	rings[1]->out_prod = rings[1]->out_cons + sizeof(rings[1]->out) + 1;
	console_event(&d, 71);
	assert_int_equal(warnings, 1);
	rings[1]->out_prod += 1u << 31;
	console_event(&d, 71);
	assert_int_equal(warnings, 1); /* said once */
	rings[1]->in_cons = rings[1]->in_prod + 5;
	console_keys(d.by_domid[1], "keys", 4);
	assert_int_equal(guest_says(1, "again", 5), 5);
	assert_int_equal(log_reads("guest_1.log", got, sizeof(got)), 5);
	guest_says(2, "other", 5);
	assert_int_equal(log_reads("guest_2.log", got, sizeof(got)), 5);
}

/* What is typed for a guest that does not read waits, first with us, then with the viewer. */
static void keys_wait_for_the_guest(void **state)
{
	char got[1100], keys[200];
	size_t sent = 0, read = 0;
	int fd;

	(void)state;
	there[1] = true;
	console_scan(&d);
	fd = view(1, 0);
	for (int i = 0; i < 60; i++) {
		for (size_t k = 0; k < sizeof(keys); k++)
			keys[k] = byte_at(sent++);
		assert_int_equal(send(fd, keys, sizeof(keys), MSG_DONTWAIT), sizeof(keys));
		turn();
	}
	assert_in_range(d.by_domid[1]->nr_keys, 1, KEYS_SIZE);
	for (int i = 0; i < 200 && read < sent; i++) {
		size_t n = guest_reads(1, got);

		for (size_t k = 0; k < n; k++)
			assert_int_equal(got[k], byte_at(read + k));
		read += n;
		turn();
	}
	assert_int_equal(read, sent);
	close(fd);
	turn();
}

static void the_bell_is_not_for_storms(void **state)
{
	(void)state;
	there[1] = true;
	ev_timer_init(&d.tick, (void (*)(struct ev_loop *, ev_timer *, int))abort, TICK, 0);
	console_scan(&d);
	for (int i = 0; i < 200; i++)
		console_event(&d, 71);
	assert_int_equal(unmasked, 63); /* then its port stays masked */
	assert_true(ev_is_active(&d.tick));
	ev_timer_stop(d.loop, &d.tick);
	guest_says(1, "x", 1);
	unmasked = 0;
	console_tick(&d);
	assert_int_equal(unmasked, 1);
}

static void a_log_has_the_guest_s_name(void **state)
{
	char got[16], path[PATH_MAX];

	(void)state;
	there[1] = true;
	console_scan(&d);
	assert_int_equal(watched, 1u << 1);
	guest_says(1, "before", 6);
	console_named(&d, 1); /* as it is: the watch fires once at once */
	new_name = "renamed";
	console_named(&d, 1);
	console_named(&d, 2); /* one that has no console here */
	snprintf(path, sizeof(path), "%s/renamed.log", dir);
	assert_int_not_equal(access(path, F_OK), 0); /* it may never say anything again */
	guest_says(1, "after", 5);
	assert_int_equal(log_reads("guest_1.log", got, sizeof(got)), 6);
	assert_int_equal(log_reads("renamed.log", got, sizeof(got)), 5);
	assert_memory_equal(got, "after", 5);
	there[1] = false;
	console_reap(&d);
	assert_int_equal(watched, 0);
}

static void a_dead_guest_is_let_go_of(void **state)
{
	char got[16];
	int fd;

	(void)state;
	there[1] = there[2] = true;
	console_scan(&d);
	fd = view(1, 0);
	memcpy(rings[1]->out, "last words", 10);
	rings[1]->out_prod = 10; /* without a ring of the bell */
	there[1] = false;
	console_reap(&d);
	assert_null(console_find(&d, 1));
	assert_non_null(console_find(&d, 2));
	assert_int_equal(recv(fd, got, sizeof(got), MSG_DONTWAIT), 10);
	assert_int_equal(recv(fd, got, sizeof(got), MSG_DONTWAIT), 0);
	assert_int_equal(log_reads("guest_1.log", got, sizeof(got)), 10);
	close(fd);
	/* its number may come back as another's */
	there[1] = true;
	console_scan(&d);
	assert_non_null(console_find(&d, 1));
}

static void strange_viewers_are_turned_away(void **state)
{
	struct consoled_request rq = { CONSOLED_MAGIC, 9, 0 };
	char got[200];
	int fds[80], fd, turned = 0;

	(void)state;
	there[1] = true;
	console_scan(&d);
	fd = connect_viewer();
	assert_int_equal(send(fd, &rq, sizeof(rq), 0), sizeof(rq));
	got[viewer_reads(fd, got, sizeof(got) - 1)] = 0;
	assert_string_equal(got, "no console of this domain (it is gone, or has none)\n");
	close(fd);
	rq.magic = 1;
	fd = connect_viewer();
	assert_int_equal(send(fd, &rq, sizeof(rq), 0), sizeof(rq));
	got[viewer_reads(fd, got, sizeof(got) - 1)] = 0;
	assert_string_equal(got, "not a request of torc console\n");
	close(fd);
	fd = connect_viewer();
	assert_int_equal(send(fd, &rq, 5, 0), 5);
	assert_int_equal(viewer_reads(fd, got, sizeof(got)), 0);
	assert_int_equal(recv(fd, got, 1, 0), 0);
	close(fd);
	for (int i = 0; i < 80; i++) {
		fds[i] = connect_viewer();
		turn();
		turned += recv(fds[i], got, 1, MSG_DONTWAIT) == 1;
	}
	assert_int_equal(turned, 16);
	got[viewer_reads(fds[79], got, sizeof(got) - 1)] = 0;
	assert_string_equal(got, "4 viewers are connected, and no more may be\n");
	for (int i = 0; i < 80; i++)
		close(fds[i]);
	turn();
	close(view(1, 0));
	turn();
}

/* A guest that takes no keys leaves its viewers unread, their ends too. */
static void who_left_a_silent_guest_has_no_place(void **state)
{
	char keys[1024];

	(void)state;
	there[1] = there[2] = true;
	console_scan(&d);
	memset(keys, 'k', sizeof(keys));
	for (int i = 0; i < 100; i++) {
		int fd = view(1, 0);

		assert_int_equal(send(fd, keys, sizeof(keys), MSG_DONTWAIT), sizeof(keys));
		turn();
		close(fd);
		turn();
	}
	/* one that is there keeps its place */
	close(view(2, 0));
	turn();
}

/* A second daemon would have the name, and the first the guests. */
static void one_daemon_serves(void **state)
{
	(void)state;
	there[1] = true;
	console_scan(&d);
	assert_int_equal(viewer_listen(&d, sock), -EADDRINUSE);
	turn(); /* it was called at the door, and saw that it is served */
	turn();
	close(view(1, 0));
	turn();
}

/* Root's right to map any frame is used for guests that are there when the daemon starts. */
static void without_a_grant(void **state)
{
	(void)state;
	there[1] = true;
	granted[1] = false;
	d.host = (struct host *)&d;
	console_scan(&d);
	assert_non_null(console_find(&d, 1));
	d.host = NULL;
	there[2] = true;
	granted[2] = false;
	console_scan(&d);
	assert_null(console_find(&d, 2));
	assert_int_equal(warnings, 1);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(kept_from_the_first_byte),
		TEST(several_viewers_see_the_same),
		TEST(every_viewer_types_but_the_read_only),
		TEST(a_slow_viewer_harms_nobody),
		TEST(without_viewers_nothing_waits),
		TEST(logs_are_rotated),
		TEST(a_log_goes_on_when_there_is_room_again),
		TEST(a_log_that_could_not_be_opened_is_tried_again),
		TEST(an_impossible_index_is_its_own_harm),
		TEST(keys_wait_for_the_guest),
		TEST(the_bell_is_not_for_storms),
		TEST(a_log_has_the_guest_s_name),
		TEST(a_dead_guest_is_let_go_of),
		TEST(strange_viewers_are_turned_away),
		TEST(who_left_a_silent_guest_has_no_place),
		TEST(one_daemon_serves),
		TEST(without_a_grant),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
