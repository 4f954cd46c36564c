/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Load on a store: many clients at once, each on a connection of its own, driven from one thread.
 * Prints what it achieved as one JSON line; with -o writes what every committed transaction read
 * and wrote, for serial.py to judge.
 *
 * Kinds (-m): txn  read two random nodes and write both, in a transaction, again until it lands
 *             rmw  read and write one node in a transaction
 *             read | write   single operations on random nodes
 * Every value written is unique: <client>.<number>.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <xen/io/xs_wire.h>

enum kind { TXN, RMW, READS, WRITES };
enum phase { BEGIN, READ1, READ2, WRITE1, WRITE2, END };

struct client {
	int fd;
	unsigned id;
	enum phase phase;
	uint32_t tx;
	unsigned key[2];
	char seen[2][40], wrote[2][40];
	uint64_t serial;
	char in[sizeof(struct xsd_sockmsg) + XENSTORE_PAYLOAD_MAX + 1];
	size_t have;
	unsigned tries;
	double since;
};

static const char *path = "/var/run/xenstored/socket";
static unsigned nr_clients = 200, nr_keys = 16;
static double seconds = 3;
static enum kind kind = TXN;
static FILE *history;
static uint64_t seed = 1, requests, done, conflicts;
static unsigned worst_tries;
static double worst_time;
static bool ending;
static unsigned busy;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static uint64_t rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	return seed ^= seed << 17;
}

static void die(const char *what)
{
	fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int dial(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strncpy(a.sun_path, path, sizeof(a.sun_path) - 1);
	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)))
		die(path);
	return fd;
}

static void request(struct client *c, uint32_t type, uint32_t tx, const char *a, const char *b)
{
	struct xsd_sockmsg h = { .type = type, .tx_id = tx, .req_id = c->id };
	size_t al = strlen(a) + 1, bl = b ? strlen(b) : 0;
	char m[sizeof(h) + 256];

	h.len = al + bl;
	memcpy(m, &h, sizeof(h));
	memcpy(m + sizeof(h), a, al);
	if (bl)
		memcpy(m + sizeof(h) + al, b, bl);
	if (send(c->fd, m, sizeof(h) + h.len, MSG_NOSIGNAL) != (ssize_t)(sizeof(h) + h.len))
		die("send");
	requests++;
}

static const char *key_path(unsigned k)
{
	static char p[64];

	snprintf(p, sizeof(p), "/load/%u", k);
	return p;
}

static void fresh(struct client *c, int i)
{
	snprintf(c->wrote[i], sizeof(c->wrote[i]), "%u.%" PRIu64, c->id, ++c->serial);
}

static void begin(struct client *c, bool again)
{
	if (!again) {
		if (ending) {
			busy--;
			return;
		}
		c->key[0] = rnd() % nr_keys;
		c->key[1] = kind == TXN && nr_keys > 1 ?
				    (c->key[0] + 1 + rnd() % (nr_keys - 1)) % nr_keys :
				    c->key[0];
		c->tries = 0;
		c->since = now();
	}
	c->tries++;
	if (kind == READS) {
		c->phase = END;
		request(c, XS_READ, 0, key_path(c->key[0]), NULL);
	} else if (kind == WRITES) {
		c->phase = END;
		fresh(c, 0);
		request(c, XS_WRITE, 0, key_path(c->key[0]), c->wrote[0]);
	} else {
		c->phase = BEGIN;
		request(c, XS_TRANSACTION_START, 0, "", NULL);
	}
}

static void landed(struct client *c)
{
	double took = now() - c->since;

	done++;
	if (c->tries > worst_tries)
		worst_tries = c->tries;
	if (took > worst_time)
		worst_time = took;
	if (history && kind == TXN)
		fprintf(history, "%u %s %s %u %s %s\n", c->key[0], c->seen[0], c->wrote[0],
			c->key[1], c->seen[1], c->wrote[1]);
	else if (history && kind == RMW)
		fprintf(history, "%u %s %s\n", c->key[0], c->seen[0], c->wrote[0]);
	begin(c, false);
}

static void answer(struct client *c, const struct xsd_sockmsg *h, const char *body)
{
	if (h->type == XS_ERROR) {
		if (c->phase == END && !strcmp(body, "EAGAIN")) {
			conflicts++;
			begin(c, true);
			return;
		}
		fprintf(stderr, "load: phase %d: %s\n", c->phase, body);
		exit(1);
	}
	switch (c->phase) {
	case BEGIN:
		c->tx = strtoul(body, NULL, 10);
		c->phase = READ1;
		request(c, XS_READ, c->tx, key_path(c->key[0]), NULL);
		break;
	case READ1:
		snprintf(c->seen[0], sizeof(c->seen[0]), "%.39s", body);
		c->phase = kind == RMW ? WRITE1 : READ2;
		if (kind == TXN) {
			request(c, XS_READ, c->tx, key_path(c->key[1]), NULL);
			break;
		}
		fresh(c, 0);
		request(c, XS_WRITE, c->tx, key_path(c->key[0]), c->wrote[0]);
		break;
	case READ2:
		snprintf(c->seen[1], sizeof(c->seen[1]), "%.39s", body);
		c->phase = WRITE1;
		fresh(c, 0);
		request(c, XS_WRITE, c->tx, key_path(c->key[0]), c->wrote[0]);
		break;
	case WRITE1:
		if (kind == TXN) {
			c->phase = WRITE2;
			fresh(c, 1);
			request(c, XS_WRITE, c->tx, key_path(c->key[1]), c->wrote[1]);
			break;
		}
		/* fall through */
	case WRITE2:
		c->phase = END;
		request(c, XS_TRANSACTION_END, c->tx, "T", NULL);
		break;
	case END: landed(c); break;
	}
}

static void input(struct client *c)
{
	ssize_t n = recv(c->fd, c->in + c->have, sizeof(c->in) - 1 - c->have, 0);
	struct xsd_sockmsg h;

	if (n <= 0)
		die("the store ended the connection");
	c->have += n;
	while (c->have >= sizeof(h)) {
		char body[XENSTORE_PAYLOAD_MAX + 1];

		memcpy(&h, c->in, sizeof(h));
		if (c->have < sizeof(h) + h.len)
			return;
		memcpy(body, c->in + sizeof(h), h.len);
		body[h.len] = '\0';
		c->have -= sizeof(h) + h.len;
		memmove(c->in, c->in + sizeof(h) + h.len, c->have);
		answer(c, &h, body);
	}
}

static void prepare(void)
{
	struct client *c = calloc(1, sizeof(*c));
	unsigned k;

	c->fd = dial();
	for (k = 0; k < nr_keys; k++) {
		char v[16];
		struct xsd_sockmsg h;
		char body[64];

		snprintf(v, sizeof(v), "0.%u", k);
		request(c, XS_WRITE, 0, key_path(k), v);
		if (recv(c->fd, &h, sizeof(h), MSG_WAITALL) != sizeof(h) || h.len > sizeof(body) ||
		    recv(c->fd, body, h.len, MSG_WAITALL) != (ssize_t)h.len || h.type != XS_WRITE)
			die("preparing");
	}
	close(c->fd);
	free(c);
}

int main(int argc, char **argv)
{
	static const char *const kinds[] = { "txn", "rmw", "read", "write" };
	struct epoll_event ev[64];
	struct client *all;
	double start, end;
	int opt, ep, n;
	unsigned i;

	while ((opt = getopt(argc, argv, "s:n:k:t:m:o:S:")) != -1) {
		switch (opt) {
		case 's': path = optarg; break;
		case 'n': nr_clients = atoi(optarg); break;
		case 'k': nr_keys = atoi(optarg); break;
		case 't': seconds = atof(optarg); break;
		case 'S': seed = strtoull(optarg, NULL, 0) | 1; break;
		case 'o':
			history = fopen(optarg, "w");
			if (!history)
				die(optarg);
			break;
		case 'm':
			for (i = 0; i < 4 && strcmp(kinds[i], optarg); i++)
				;
			if (i == 4)
				goto usage;
			kind = i;
			break;
		default:
usage:
			fprintf(stderr,
				"usage: load -s SOCKET -n CLIENTS -k NODES -t SECONDS -m txn|rmw|read|write [-o FILE] [-S SEED]\n");
			return 2;
		}
	}
	prepare();
	ep = epoll_create1(0);
	all = calloc(nr_clients, sizeof(*all));
	for (i = 0; i < nr_clients; i++) {
		struct epoll_event e = { .events = EPOLLIN, .data.ptr = &all[i] };

		all[i].id = i + 1;
		all[i].fd = dial();
		epoll_ctl(ep, EPOLL_CTL_ADD, all[i].fd, &e);
	}
	start = now();
	busy = nr_clients;
	for (i = 0; i < nr_clients; i++)
		begin(&all[i], false);
	while (busy) {
		n = epoll_wait(ep, ev, 64, 10000);
		if (n == 0) {
			fprintf(stderr, "load: no answer for 10 s, %u clients wait\n", busy);
			return 1;
		}
		for (i = 0; n > 0 && i < (unsigned)n; i++)
			input(ev[i].data.ptr);
		if (!ending && now() - start > seconds)
			ending = true;
	}
	end = now();
	printf("{\"kind\":\"%s\",\"clients\":%u,\"nodes\":%u,\"seconds\":%.2f,\"requests_per_s\":%.0f,\"done_per_s\":%.0f,"
	       "\"done\":%" PRIu64 ",\"conflicts\":%" PRIu64
	       ",\"worst_tries\":%u,\"worst_ms\":%.1f}\n",
	       kinds[kind], nr_clients, nr_keys, end - start, requests / (end - start),
	       done / (end - start), done, conflicts, worst_tries, worst_time * 1000);
	return history && fclose(history) ? 1 : 0;
}
