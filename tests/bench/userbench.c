/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * userbench: what a kernel costs a process, in instructions. For comparing kernels and what they
 * run on; built for 32 and for 64 bits. As dom0bench it is meant for QEMU's deterministic mode, in
 * which the time stamp counter advances by a fixed amount per instruction of the whole machine.
 * That amount is measured first. Each path runs in batches and the cheapest counts: the others were
 * hit by an interrupt.
 *
 *   userbench            a line "bench NAME INSTRUCTIONS" for each path
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define BATCHES	   30
#define TURNS	   20000 /* of the loop whose length is known */
#define PAGES	   64
#define FILE_BYTES 4096

static inline uint64_t ticks(void)
{
	uint32_t lo, hi;

	asm volatile("rdtsc" : "=a"(lo), "=d"(hi) : : "memory");
	return ((uint64_t)hi << 32) | lo;
}

static void die(const char *what)
{
	fprintf(stderr, "userbench: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* Two instructions a turn. */
static void spin(uint32_t turns)
{
	asm volatile("1: dec %0\n\tjnz 1b" : "+r"(turns) : : "cc");
}

/* Runs step() n times a batch; the cheapest batch, per step, in ticks. */
static double cheapest(void (*step)(void *), void *arg, unsigned int n)
{
	uint64_t best = ~0ull, t;
	unsigned int i, k;

	for (i = 0; i < BATCHES; i++) {
		t = ticks();
		for (k = 0; k < n; k++)
			step(arg);
		t = ticks() - t;
		if (t < best)
			best = t;
	}
	return (double)best / n;
}

static void known_loop(void *arg)
{
	spin(*(uint32_t *)arg);
}

static double ticks_per_instruction(void)
{
	uint32_t once = TURNS, twice = 2 * TURNS;

	return (cheapest(known_loop, &twice, 1) - cheapest(known_loop, &once, 1)) / (2 * TURNS);
}

/* --- the paths */

static void null_syscall(void *arg)
{
	(void)arg;
	syscall(SYS_getppid);
}

static void touch(void *arg)
{
	volatile char *p = arg;
	int i;

	for (i = 0; i < PAGES; i++)
		p[i * 4096] = 1;
	if (madvise(arg, PAGES * 4096, MADV_DONTNEED))
		die("madvise");
}

static void discard(void *arg)
{
	if (madvise(arg, PAGES * 4096, MADV_DONTNEED))
		die("madvise");
}

static void wait_child(pid_t p)
{
	if (p < 0 || waitpid(p, NULL, 0) != p)
		die("fork");
}

static void fork_exit(void *arg)
{
	pid_t p = fork();

	(void)arg;
	if (!p)
		_exit(0);
	wait_child(p);
}

static void fork_exec(void *arg)
{
	pid_t p = fork();

	if (!p) {
		execl(arg, arg, "nothing", NULL);
		_exit(1);
	}
	wait_child(p);
}

struct pipes {
	int to[2], from[2];
};

static void own_pipe(void *arg)
{
	struct pipes *p = arg;
	char c = 0;

	if (write(p->to[1], &c, 1) != 1 || read(p->to[0], &c, 1) != 1)
		die("pipe");
}

static void ping_pong(void *arg)
{
	struct pipes *p = arg;
	char c = 0;

	if (write(p->to[1], &c, 1) != 1 || read(p->from[0], &c, 1) != 1)
		die("pipe");
}

static void echo(struct pipes *p)
{
	char c;

	close(p->to[1]);
	while (read(p->to[0], &c, 1) == 1 && write(p->from[1], &c, 1) == 1)
		;
	_exit(0);
}

static void read_file(void *arg)
{
	static char page[FILE_BYTES];

	if (pread(*(int *)arg, page, sizeof(page), 0) != sizeof(page))
		die("read");
}

int main(int argc, char **argv)
{
	static char page[FILE_BYTES];
	struct pipes own, pair;
	char path[] = "/tmp/userbench.XXXXXX";
	double per, in_pipe;
	pid_t pid;
	void *area;
	int fd;

	if (argc > 1) /* what fork_exec starts */
		return 0;
	area = mmap(NULL, PAGES * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	fd = mkstemp(path);
	if (area == MAP_FAILED || fd < 0 || write(fd, page, sizeof(page)) != sizeof(page))
		die("preparations");
	if (pipe(own.to) || pipe(pair.to) || pipe(pair.from))
		die("pipe");

	per = ticks_per_instruction();
#define REPORT(name, t) printf("bench " name " %.1f\n", (t) / per)
	REPORT("null-syscall", cheapest(null_syscall, NULL, 200));
	REPORT("page-fault", (cheapest(touch, area, 1) - cheapest(discard, area, 1)) / PAGES);
	REPORT("fork-exit", cheapest(fork_exit, NULL, 1));
	REPORT("fork-exec", cheapest(fork_exec, argv[0], 1));
	in_pipe = cheapest(own_pipe, &own, 100);
	REPORT("pipe", in_pipe);
	REPORT("file-read", cheapest(read_file, &fd, 100));
	fflush(stdout);
	pid = fork();
	if (pid < 0)
		die("fork");
	if (!pid)
		echo(&pair);
	close(pair.to[0]);
	/* there and back: two switches, and two bytes through pipes */
	REPORT("context-switch", cheapest(ping_pong, &pair, 20) / 2 - in_pipe);
	close(pair.to[1]);
	wait_child(pid);
	unlink(path);
	return 0;
}
