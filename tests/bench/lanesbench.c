/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lanesbench MIB LANES...: sends so much over a channel with so many lanes, TLS and all, over
 * sockets of this machine, and says how much processor time each thread took for a MiB: the busiest
 * one is what two hosts with enough processors would wait for. Half of what is sent are random
 * bytes, a quarter words, a quarter zeros. "bench NAME-LANES NS" a line.
 */
#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "migration/channel.h"
#include "migration/identity.h"

#define SOON	     (mig_now_ns() + 600000000000ull)
#define MIB	     1048576u
#define MOST_THREADS 64u

static struct identity *host;

static bool itself(void *arg, const uint8_t fp[FINGERPRINT_SIZE])
{
	(void)arg;
	return memcmp(fp, identity_fingerprint(host), FINGERPRINT_SIZE) == 0;
}

static void die(const char *what)
{
	fprintf(stderr, "lanesbench: %s\n", what);
	exit(1);
}

static struct hostlink *open_end(int fd, bool server)
{
	const struct hostlink_tls how = {
		.id = host, .pinned = itself, .server = server, .timeout_ms = 60000
	};
	struct hostlink *l;
	struct why why;

	if (hostlink_open_tls(&l, fd, &how, &why))
		die(why.text);
	return l;
}

/* --- the other host */

struct there {
	struct channel *c;
	struct lanes_in *lanes;
	int fd;
	pid_t tid;
};

static void *take_lane(void *arg)
{
	struct there *t = arg;
	struct hostlink *l = open_end(t->fd, true);
	struct hello h;
	struct why why;

	if (hello_hear(l, &h, SOON, &why) || lanes_in_join(t->lanes, l, &h, &why))
		die(why.text);
	return NULL;
}

static int dial(void *arg, const struct hello *h, struct hostlink **l)
{
	const struct there *t = arg;
	struct there mine = { .lanes = t->lanes };
	struct why why;
	pthread_t thread;
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds))
		die("no sockets");
	mine.fd = fds[1];
	pthread_create(&thread, NULL, take_lane, &mine);
	*l = open_end(fds[0], false);
	if (lane_greet(*l, h, SOON, &why))
		die(why.text);
	pthread_join(thread, NULL);
	return 0;
}

static void *receives(void *arg)
{
	static uint8_t page[4096];
	struct there *t = arg;
	struct hostlink *l = open_end(t->fd, true);
	struct mig_io *io = channel_io(t->c);
	struct hello h;
	struct why why;

	t->tid = (pid_t)syscall(SYS_gettid);
	if (hello_hear(l, &h, SOON, &why) || channel_answer(t->c, l, &h, SOON, &why))
		die(why.text);
	do
		io->deadline_ns = SOON;
	while (mig_read(io, page, sizeof(page)) == 0); /* until the other side hangs up */
	return NULL;
}

/* --- what threads took */

struct took {
	unsigned int n;
	pid_t tid[MOST_THREADS];
	uint64_t ns[MOST_THREADS];
};

static void look(struct took *t)
{
	DIR *d = opendir("/proc/self/task");
	struct dirent *e;
	char path[300];
	FILE *f;

	t->n = 0;
	while (d && (e = readdir(d)) && t->n < MOST_THREADS) {
		snprintf(path, sizeof(path), "/proc/self/task/%s/schedstat", e->d_name);
		f = *e->d_name == '.' ? NULL : fopen(path, "r");
		if (!f)
			continue;
		t->tid[t->n] = atoi(e->d_name);
		if (fscanf(f, "%lu", &t->ns[t->n]) == 1)
			t->n++;
		fclose(f);
	}
	if (d)
		closedir(d);
}

static uint64_t since(const struct took *before, pid_t tid, uint64_t now)
{
	for (unsigned int i = 0; i < before->n; i++)
		if (before->tid[i] == tid)
			return now - before->ns[i];
	return now;
}

static void tell(const struct took *before, const struct took *after, pid_t there,
		 unsigned int lanes, unsigned int mib)
{
	uint64_t ns, sender = 0, receiver = 0, lane = 0;

	for (unsigned int i = 0; i < after->n; i++) {
		ns = since(before, after->tid[i], after->ns[i]);
		if (after->tid[i] == getpid())
			sender = ns;
		else if (after->tid[i] == there)
			receiver = ns;
		else if (ns > lane)
			lane = ns;
	}
	printf("bench sender-%u %lu\nbench receiver-%u %lu\nbench lane-%u %lu\n", lanes,
	       sender / mib, lanes, receiver / mib, lanes, lane / mib);
}

static void fill(uint8_t *p)
{
	static const char words[] = "a page of a guest has words in it, and the same ones again ";
	uint64_t x = 88172645463325252ull;

	for (unsigned int i = 0; i < MIB; i += 8) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		if (i % 16384 < 8192)
			memcpy(p + i, &x, 8);
		else if (i % 16384 < 12288)
			memcpy(p + i, words + i % 48, 8);
	}
}

static void run(unsigned int lanes, unsigned int mib)
{
	static uint8_t memory[MIB];
	struct took before, after;
	struct there t = { 0 };
	struct channel *c;
	struct mig_io *io;
	struct why why;
	pthread_t thread;
	int fds[2];

	fill(memory);
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) || channel_new(&c, NULL, &why) ||
	    channel_new(&t.c, channel_id(c), &why) || !(t.lanes = channel_lanes_in(t.c)))
		die("no channel");
	t.fd = fds[1];
	pthread_create(&thread, NULL, receives, &t);
	if (channel_dial(c, open_end(fds[0], false), SOON, &why))
		die(why.text);
	channel_lanes_out(c, lanes, dial, &t);
	io = channel_io(c);
	io->deadline_ns = SOON;
	while (channel_lanes_seen(c) < lanes) {
		if (mig_write(io, memory, LANES_LEAST) || mig_flush(io))
			die("cannot send");
		usleep(1000);
	}
	if (channel_settle(c, SOON))
		die("cannot settle");
	look(&before);
	for (unsigned int i = 0; i < mib; i++)
		for (unsigned int at = 0; at < MIB; at += 64 * 4096) /* as the engine writes */
			if (mig_write(io, memory + at, 64 * 4096))
				die("cannot send");
	if (channel_settle(c, SOON))
		die("cannot settle");
	look(&after);
	tell(&before, &after, t.tid, lanes, mib);
	channel_free(&c);
	pthread_join(thread, NULL);
	channel_free(&t.c);
}

int main(int argc, char **argv)
{
	struct why why;

	signal(SIGPIPE, SIG_IGN);
	if (argc < 3 || identity_make(&host, -3600, 86400, &why))
		die("lanesbench MIB LANES...");
	for (int i = 2; i < argc; i++)
		run((unsigned int)atoi(argv[i]), (unsigned int)atoi(argv[1]));
	identity_free(&host);
	return 0;
}
