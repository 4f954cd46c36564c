/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * relay OWN-PORT-OR-PATH TO-ADDRESS TO-PORT CONTROL: passes connections on, as badly as the file
 * CONTROL says, which is read anew as bytes pass: "delay MS" holds each piece back, "corrupt N"
 * changes one bit in about every N bytes, "stall" passes nothing, "cut" ends every connection and
 * takes none; anything else, or no file, and all passes.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "dom0-tools/common/alive.h"

#define PIECE 65536
#define LOOK  50 /* ms */

enum kind { PASS, DELAY, CORRUPT, STALL, CUT };

struct mood {
	enum kind kind;
	unsigned long n;
};

static const char *control;
static struct sockaddr_in to;

static struct mood mood(void)
{
	static const char *const names[] = { "pass", "delay", "corrupt", "stall", "cut" };
	struct mood m = { PASS, 0 };
	char word[16] = "";
	FILE *f = fopen(control, "r");

	if (!f)
		return m;
	if (fscanf(f, "%15s %lu", word, &m.n) >= 1)
		for (unsigned int i = 0; i < sizeof(names) / sizeof(names[0]); i++)
			if (strcmp(word, names[i]) == 0)
				m.kind = (enum kind)i;
	fclose(f);
	return m;
}

static void nap(unsigned long ms)
{
	nanosleep(&(struct timespec){ (time_t)(ms / 1000), (long)(ms % 1000) * 1000000 }, NULL);
}

static int pass(int from, int there)
{
	static __thread uint8_t piece[PIECE];
	static __thread long until_wrong;
	struct mood m = mood();
	ssize_t n, done;

	while (m.kind == STALL) {
		nap(LOOK);
		m = mood();
	}
	n = read(from, piece, sizeof(piece));
	if (n <= 0 || m.kind == CUT)
		return -1;
	if (m.kind == DELAY)
		nap(m.n);
	if (m.kind == CORRUPT && (until_wrong -= n) < 0) {
		piece[rand() % n] ^= (uint8_t)(1 << rand() % 8);
		until_wrong = (long)((unsigned long)rand() % (2 * m.n + 1));
	}
	for (ssize_t at = 0; at < n; at += done) {
		done = write(there, piece + at, (size_t)(n - at));
		if (done <= 0)
			return -1;
	}
	return 0;
}

static void *connection(void *arg)
{
	int here = (int)(intptr_t)arg, there = socket(AF_INET, SOCK_STREAM, 0), rc = 0;
	struct pollfd p[2] = { { .fd = here, .events = POLLIN }, { .fd = there, .events = POLLIN } };
	static const struct alive host = { 3, 1, 9, 8000 };
	const int one = 1;

	/* who is passed on does not wait for his answers' answers either */
	for (int i = 0; i < 2; i++)
		(void)setsockopt(p[i].fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	/* what a network would tell of a host that is reset is not kept back */
	alive_watch(there, &host);
	if (mood().kind == CUT || connect(there, (struct sockaddr *)&to, sizeof(to)))
		rc = -1;
	while (!rc) {
		if (poll(p, 2, LOOK) > 0) {
			if (p[0].revents)
				rc = pass(here, there);
			if (!rc && p[1].revents)
				rc = pass(there, here);
		} else if (mood().kind == CUT) {
			rc = -1;
		}
	}
	close(here);
	close(there);
	return NULL;
}

/* At a path, or a port of this host's own */
static int listen_at(const char *where)
{
	struct sockaddr_un path = { .sun_family = AF_UNIX };
	struct sockaddr_in port = { .sin_family = AF_INET };
	bool is_path = *where == '/';
	int one = 1, l = socket(is_path ? AF_UNIX : AF_INET, SOCK_STREAM, 0);

	snprintf(path.sun_path, sizeof(path.sun_path), "%s", where);
	port.sin_port = htons((uint16_t)atoi(where));
	port.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(l, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(l, is_path ? (struct sockaddr *)&path : (struct sockaddr *)&port,
		 is_path ? sizeof(path) : sizeof(port)) ||
	    listen(l, 16)) {
		fprintf(stderr, "relay: %s: %s\n", where, strerror(errno));
		exit(1);
	}
	return l;
}

int main(int argc, char **argv)
{
	pthread_t t;
	int l, fd;

	if (argc != 5 || inet_pton(AF_INET, argv[2], &to.sin_addr) != 1) {
		fprintf(stderr, "usage: relay OWN-PORT-OR-PATH TO-ADDRESS TO-PORT CONTROL\n");
		return 2;
	}
	to.sin_family = AF_INET;
	to.sin_port = htons((uint16_t)atoi(argv[3]));
	control = argv[4];
	signal(SIGPIPE, SIG_IGN);
	srand((unsigned int)time(NULL));
	l = listen_at(argv[1]);
	while ((fd = accept(l, NULL, NULL)) >= 0)
		if (pthread_create(&t, NULL, connection, (void *)(intptr_t)fd) == 0)
			pthread_detach(t);
	return 1;
}
