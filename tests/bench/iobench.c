/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * iobench: what a guest's disk and network card cost the whole machine, in instructions.
 *
 * Runs in the guest, in QEMU's deterministic mode: the clock counts instructions of everything that
 * runs, guest, hypervisor and dom0 alike, at 2 ns each. While the guest waits for an answer the one
 * processor works on that answer, so the time of a batch is what it cost. The disk in dom0 is
 * memory: none of it is waiting for a device. The median of the batches counts.
 *
 *   iobench blk DEVICE [BATCHES]     overwrites DEVICE
 *   iobench net ADDRESS [BATCHES]    against "iobench serve" there
 *   iobench serve
 *   iobench spread NAME ADDRESS...   in dom0: packets to and fro between it and guests that echo
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define MOST_BATCHES   15
#define INSTRUCTION_NS 2
#define PORT	       5001
#define DEPTH	       32
#define KIB	       1024ul
#define MIB	       (1024ul * KIB)
#define SPAN	       (48 * MIB) /* of the disk that is used */
#define BURST	       32	  /* small packets in a row */

static uint8_t *buf;
static unsigned int batches = MOST_BATCHES; /* fewer where time is the clock's, which passes */

static void die(const char *what)
{
	fprintf(stderr, "iobench: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

static int by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

struct test {
	const char *name;
	void (*batch)(int fd, const struct test *t);
	unsigned int ops; /* in a batch */
	size_t size;	  /* of one */
	bool write;
};

static void run(const struct test *t, int fd)
{
	uint64_t took[MOST_BATCHES];
	unsigned int i;

	t->batch(fd, t); /* caches, grants and windows are warm */
	t->batch(fd, t);
	for (i = 0; i < batches; i++) {
		took[i] = now();
		t->batch(fd, t);
		took[i] = now() - took[i];
	}
	qsort(took, batches, sizeof(took[0]), by_size);
	printf("bench %s %llu\n", t->name,
	       (unsigned long long)(took[batches / 2] / INSTRUCTION_NS / t->ops));
	fflush(stdout);
}

static void set_batches(const char *text)
{
	unsigned long n = text ? strtoul(text, NULL, 10) : 0;

	if (n && n <= MOST_BATCHES)
		batches = (unsigned int)n;
}

/* --- disk ----------------------------------------------------------------- */

static size_t next_offset(size_t size)
{
	static uint32_t seed = 1;

	seed = seed * 1103515245u + 12345u;
	return (seed >> 8) % (SPAN / size) * size;
}

static void blk_one(int fd, const struct test *t)
{
	unsigned int i;

	for (i = 0; i < t->ops; i++) {
		off_t at = (off_t)next_offset(t->size);
		ssize_t n = t->write ? pwrite(fd, buf, t->size, at) : pread(fd, buf, t->size, at);

		if (n != (ssize_t)t->size)
			die(t->name);
	}
}

static void blk_deep(int fd, const struct test *t)
{
	static aio_context_t ctx;
	static struct iocb cb[DEPTH], *p[DEPTH];
	struct io_event ev[DEPTH];
	unsigned int i, k;

	if (!ctx && syscall(SYS_io_setup, DEPTH, &ctx))
		die("io_setup");
	for (i = 0; i < t->ops; i += DEPTH) {
		for (k = 0; k < DEPTH; k++) {
			cb[k] = (struct iocb){ .aio_fildes = (uint32_t)fd,
					       .aio_lio_opcode = t->write ? IOCB_CMD_PWRITE :
									    IOCB_CMD_PREAD,
					       .aio_buf = (uintptr_t)buf + k * t->size,
					       .aio_nbytes = t->size,
					       .aio_offset = (int64_t)next_offset(t->size) };
			p[k] = &cb[k];
		}
		if (syscall(SYS_io_submit, ctx, DEPTH, p) != DEPTH ||
		    syscall(SYS_io_getevents, ctx, DEPTH, DEPTH, ev, NULL) != DEPTH)
			die(t->name);
	}
}

static const struct test blk_tests[] = {
	{ "read-4k", blk_one, 64, 4 * KIB, false },
	{ "write-4k", blk_one, 64, 4 * KIB, true },
	{ "read-4k-deep", blk_deep, 8 * DEPTH, 4 * KIB, false },
	{ "write-4k-deep", blk_deep, 8 * DEPTH, 4 * KIB, true },
	{ "read-1m", blk_one, 4, MIB, false },
	{ "write-1m", blk_one, 4, MIB, true },
};

static void blk(const char *dev, const char *text)
{
	int fd = open(dev, O_RDWR | O_DIRECT);
	unsigned int i;

	set_batches(text);
	if (fd < 0)
		die(dev);
	for (i = 0; i < sizeof(blk_tests) / sizeof(blk_tests[0]); i++)
		run(&blk_tests[i], fd);
	close(fd);
}

/* --- network -------------------------------------------------------------- */

/* What the guest asks of the server; a message of this size is the whole of a small packet, too. */
struct ask {
	uint8_t what; /* 's': bytes follow, answer after them; 'r': send bytes; 'e': echo; 'l': last
			 of a burst; 'b': send a burst; 0: nothing */
	uint8_t pad[59];
	uint32_t bytes;
};

static void take(int fd, size_t n)
{
	ssize_t k;

	for (; n; n -= (size_t)k) {
		k = read(fd, buf, n < MIB ? n : MIB);
		if (k <= 0)
			die("receive");
	}
}

static void give(int fd, size_t n)
{
	ssize_t k;

	for (; n; n -= (size_t)k) {
		k = write(fd, buf, n < 64 * KIB ? n : 64 * KIB);
		if (k <= 0)
			die("send");
	}
}

static void tcp_batch(int fd, const struct test *t)
{
	struct ask a = { .what = t->write ? 's' : 'r', .bytes = (uint32_t)(t->ops * t->size) };

	if (write(fd, &a, sizeof(a)) != sizeof(a))
		die(t->name);
	if (t->write)
		give(fd, a.bytes);
	take(fd, t->write ? 1 : a.bytes);
}

static void udp_one(int fd, char what)
{
	struct ask a = { .what = (uint8_t)what };

	if (write(fd, &a, sizeof(a)) != sizeof(a))
		die("send a packet");
}

static void udp_echo(int fd, const struct test *t)
{
	unsigned int i;

	for (i = 0; i < t->ops; i++) {
		udp_one(fd, 'e');
		if (read(fd, buf, MIB) <= 0)
			die(t->name);
	}
}

static void udp_burst(int fd, const struct test *t)
{
	unsigned int i, k;

	for (i = 0; i < t->ops; i += BURST) {
		if (t->write) {
			for (k = 0; k < BURST; k++)
				udp_one(fd, k == BURST - 1 ? 'l' : 0);
			k = 1;
		} else {
			udp_one(fd, 'b');
			k = BURST;
		}
		while (k--) {
			if (read(fd, buf, MIB) <= 0)
				die(t->name);
		}
	}
}

static const struct test tcp_tests[] = {
	{ "tcp-from-guest", tcp_batch, 4, MIB, true },
	{ "tcp-to-guest", tcp_batch, 4, MIB, false },
};
static const struct test udp_tests[] = {
	{ "udp-echo", udp_echo, 64, 0, false },
	{ "udp-from-guest", udp_burst, 4 * BURST, 0, true },
	{ "udp-to-guest", udp_burst, 4 * BURST, 0, false },
};

static struct sockaddr_in address(const char *host)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(PORT) };

	if (inet_pton(AF_INET, host, &a.sin_addr) != 1)
		die(host);
	return a;
}

static void net(const char *host, const char *text)
{
	struct sockaddr_in a = address(host);
	struct timeval limit = { 120, 0 };
	unsigned int i;
	int tcp = socket(AF_INET, SOCK_STREAM, 0), udp = socket(AF_INET, SOCK_DGRAM, 0), on = 1;

	set_batches(text);
	if (connect(tcp, (struct sockaddr *)&a, sizeof(a)) ||
	    connect(udp, (struct sockaddr *)&a, sizeof(a)))
		die(host);
	setsockopt(tcp, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(tcp, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(udp, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	for (i = 0; i < 2; i++)
		run(&tcp_tests[i], tcp);
	for (i = 0; i < 3; i++)
		run(&udp_tests[i], udp);
}

static void serve_tcp(int fd)
{
	struct ask a;
	int on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	while (recv(fd, &a, sizeof(a), MSG_WAITALL) == sizeof(a)) {
		if (a.what == 's')
			take(fd, a.bytes);
		give(fd, a.what == 's' ? 1 : a.bytes);
	}
	exit(0);
}

static void serve_udp(int fd)
{
	struct sockaddr_in from;
	struct ask a;
	socklen_t len;
	unsigned int k, n;

	for (;;) {
		len = sizeof(from);
		if (recvfrom(fd, &a, sizeof(a), 0, (struct sockaddr *)&from, &len) != sizeof(a) ||
		    !a.what)
			continue;
		n = a.what == 'b' ? BURST : 1;
		for (k = 0; k < n; k++)
			sendto(fd, &a, sizeof(a), 0, (struct sockaddr *)&from, len);
	}
}

static void serve(void)
{
	struct sockaddr_in a = address("0.0.0.0");
	int tcp = socket(AF_INET, SOCK_STREAM, 0), udp = socket(AF_INET, SOCK_DGRAM, 0), on = 1, fd;

	setsockopt(tcp, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(tcp, (struct sockaddr *)&a, sizeof(a)) || listen(tcp, 4) ||
	    bind(udp, (struct sockaddr *)&a, sizeof(a)))
		die("bind");
	if (fork() == 0)
		serve_udp(udp);
	for (;;) {
		fd = accept(tcp, NULL, NULL);
		if (fd >= 0 && fork() == 0)
			serve_tcp(fd);
		close(fd);
	}
}

/* --- many guests, seen from dom0 ------------------------------------------ */

#define ECHO_PORT   7
#define MOST_GUESTS 64

static struct sockaddr_in guests[MOST_GUESTS];
static unsigned int nr_guests;

static void to_guest(int fd, unsigned int i)
{
	struct ask a = { .what = 'e' };

	if (sendto(fd, &a, sizeof(a), 0, (struct sockaddr *)&guests[i], sizeof(guests[i])) !=
	    sizeof(a))
		die("send to a guest");
}

static void from_guests(int fd, unsigned int n)
{
	while (n--) {
		if (read(fd, buf, MIB) <= 0)
			die("a guest's echo");
	}
}

static void in_turn(int fd, const struct test *t)
{
	unsigned int i;

	for (i = 0; i < t->ops; i++) {
		to_guest(fd, i % nr_guests);
		from_guests(fd, 1);
	}
}

static void together(int fd, const struct test *t)
{
	unsigned int i, k;

	for (i = 0; i < t->ops; i += nr_guests) {
		for (k = 0; k < nr_guests; k++)
			to_guest(fd, k);
		from_guests(fd, nr_guests);
	}
}

static void spread(const char *name, char **host, int n)
{
	char turn[64], all[64];
	struct timeval limit = { 20, 0 };
	struct test t = { .name = turn, .batch = in_turn };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	for (; nr_guests < (unsigned int)n && nr_guests < MOST_GUESTS; nr_guests++) {
		guests[nr_guests] = address(host[nr_guests]);
		guests[nr_guests].sin_port = htons(ECHO_PORT);
	}
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	t.ops = (64 + nr_guests - 1) / nr_guests * nr_guests;
	snprintf(turn, sizeof(turn), "%s-turn", name);
	run(&t, fd);
	snprintf(all, sizeof(all), "%s-together", name);
	t.name = all;
	t.batch = together;
	run(&t, fd);
}

int main(int argc, char **argv)
{
	if (posix_memalign((void **)&buf, 4096, 2 * MIB))
		die("memory");
	memset(buf, 0x5a, 2 * MIB);
	if ((argc == 3 || argc == 4) && !strcmp(argv[1], "blk"))
		blk(argv[2], argv[3]);
	else if ((argc == 3 || argc == 4) && !strcmp(argv[1], "net"))
		net(argv[2], argv[3]);
	else if (argc == 2 && !strcmp(argv[1], "serve"))
		serve();
	else if (argc > 3 && !strcmp(argv[1], "spread"))
		spread(argv[2], argv + 3, argc - 3);
	else
		return 2;
	return 0;
}
