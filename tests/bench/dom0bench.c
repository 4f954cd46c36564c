/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dom0bench: what dom0's paths through the hypervisor cost, in instructions.
 *
 * It is meant for QEMU's deterministic mode, in which the time stamp counter advances by a fixed
 * amount per instruction of the whole machine: guest kernel, hypervisor and program together. That
 * amount is measured first, with a loop whose length is known. Each path runs in batches, and the
 * cheapest batch counts: the others were hit by a timer interrupt. What is the guest kernel's own
 * part is the same under any hypervisor, so the difference between two hypervisors is theirs.
 *
 *   dom0bench            all paths; a line "bench NAME INSTRUCTIONS" for each
 *   dom0bench boot       "bench boot TICKS": the counter now
 *   dom0bench time NAME COMMAND...
 *                        what the command costs until it ends: "bench NAME TICKS"
 *   dom0bench wait FILE PATTERN SECONDS -- COMMAND...
 *                        run the command, then wait until PATTERN is in FILE: "bench wait TICKS"
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <xen/xen.h>
#include <xen/sys/evtchn.h>
#include <xen/sys/privcmd.h>

#define BATCHES 60

static inline uint64_t ticks(void)
{
	uint32_t lo, hi;

	asm volatile("rdtsc" : "=a"(lo), "=d"(hi) : : "memory");
	return ((uint64_t)hi << 32) | lo;
}

static void die(const char *what)
{
	fprintf(stderr, "dom0bench: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* Two instructions a turn. */
static void spin(uint32_t turns)
{
	asm volatile("1: dec %0\n\tjnz 1b" : "+r"(turns) : : "cc");
}

static double ticks_per_instruction(void)
{
	uint64_t best[2] = { ~0ull, ~0ull }, t;
	int i, k;

	for (i = 0; i < BATCHES; i++) {
		for (k = 0; k < 2; k++) {
			t = ticks();
			spin(k ? 40000 : 20000);
			t = ticks() - t;
			if (t < best[k])
				best[k] = t;
		}
	}
	return (double)(best[1] - best[0]) / (2 * 20000);
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

static double per_instruction;

static void report(const char *name, double t)
{
	printf("bench %s %.1f\n", name, t / per_instruction);
	fflush(stdout);
}

/* --- the paths */

static void null_syscall(void *arg)
{
	(void)arg;
	syscall(SYS_getppid);
}

static void bad_ioctl(void *arg)
{
	ioctl(*(int *)arg, _IOC(_IOC_NONE, 'P', 0xfe, 0), 0);
}

static void null_hypercall(void *arg)
{
	privcmd_hypercall_t call = { .op = __HYPERVISOR_xen_version };

	if (ioctl(*(int *)arg, IOCTL_PRIVCMD_HYPERCALL, &call) < 0)
		die("xen_version");
}

#define FAULT_PAGES 64

static void page_faults(void *arg)
{
	volatile char *p = arg;
	int i;

	for (i = 0; i < FAULT_PAGES; i++)
		p[i * 4096] = 1;
	if (madvise(arg, FAULT_PAGES * 4096, MADV_DONTNEED))
		die("madvise");
}

static void discard(void *arg)
{
	if (madvise(arg, FAULT_PAGES * 4096, MADV_DONTNEED))
		die("madvise");
}

static void fork_exit(void *arg)
{
	pid_t p = fork();

	(void)arg;
	if (!p)
		_exit(0);
	if (p < 0 || waitpid(p, NULL, 0) != p)
		die("fork");
}

static void fork_exec(void *arg)
{
	pid_t p = fork();

	if (!p) {
		execl(arg, arg, "nothing", NULL);
		_exit(1);
	}
	if (p < 0 || waitpid(p, NULL, 0) != p)
		die("fork");
}

struct events {
	int fd;
	struct ioctl_evtchn_notify notify;
};

static void event(void *arg)
{
	struct events *e = arg;
	unsigned int port;

	if (ioctl(e->fd, IOCTL_EVTCHN_NOTIFY, &e->notify) < 0)
		die("notify");
	if (read(e->fd, &port, sizeof(port)) != sizeof(port))
		die("read an event");
	if (write(e->fd, &port, sizeof(port)) != sizeof(port))
		die("unmask an event");
}

static void open_events(struct events *e)
{
	struct ioctl_evtchn_bind_unbound_port unbound = { .remote_domain = DOMID_SELF };
	struct ioctl_evtchn_bind_interdomain pair = { 0 };
	int port;

	e->fd = open("/dev/xen/evtchn", O_RDWR);
	if (e->fd < 0)
		die("/dev/xen/evtchn");
	port = ioctl(e->fd, IOCTL_EVTCHN_BIND_UNBOUND_PORT, &unbound);
	if (port < 0)
		die("bind an unbound port");
	pair.remote_domain = 0;
	pair.remote_port = port;
	port = ioctl(e->fd, IOCTL_EVTCHN_BIND_INTERDOMAIN, &pair);
	if (port < 0)
		die("bind to the port");
	e->notify.port = port;
}

struct pipes {
	int to[2], from[2];
};

static void ping_pong(void *arg)
{
	struct pipes *p = arg;
	char c = 0;

	if (write(p->to[1], &c, 1) != 1 || read(p->from[0], &c, 1) != 1)
		die("pipe");
}

static void own_pipe(void *arg)
{
	struct pipes *p = arg;
	char c = 0;

	if (write(p->to[1], &c, 1) != 1 || read(p->to[0], &c, 1) != 1)
		die("pipe");
}

static pid_t start_echo(struct pipes *p)
{
	pid_t pid;
	char c;

	if (pipe(p->to) || pipe(p->from))
		die("pipe");
	pid = fork();
	if (pid < 0)
		die("fork");
	if (pid)
		return pid;
	close(p->to[1]);
	while (read(p->to[0], &c, 1) == 1) {
		if (write(p->from[1], &c, 1) != 1)
			break;
	}
	_exit(0);
}

static int all(const char *self)
{
	cpu_set_t cpus;
	struct events e;
	struct pipes p, own;
	void *mem;
	double t, base;
	int fd;

	CPU_ZERO(&cpus);
	CPU_SET(0, &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus))
		die("sched_setaffinity");
	per_instruction = ticks_per_instruction();
	printf("bench ticks-per-instruction %.4f\n", per_instruction);

	fd = open("/dev/xen/privcmd", O_RDWR);
	if (fd < 0)
		die("/dev/xen/privcmd");
	t = cheapest(null_syscall, NULL, 200);
	report("null-syscall", t);
	base = cheapest(bad_ioctl, &fd, 200);
	report("null-hypercall", cheapest(null_hypercall, &fd, 200) - base);

	mem = mmap(NULL, FAULT_PAGES * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		   -1, 0);
	if (mem == MAP_FAILED)
		die("mmap");
	page_faults(mem);
	base = cheapest(discard, mem, 1);
	report("page-fault", (cheapest(page_faults, mem, 1) - base) / FAULT_PAGES);
	report("fork-exit", cheapest(fork_exit, NULL, 1));
	report("fork-exec", cheapest(fork_exec, (void *)self, 1));

	open_events(&e);
	report("event-round-trip", cheapest(event, &e, 50));

	if (pipe(own.to))
		die("pipe");
	base = cheapest(own_pipe, &own, 50);
	start_echo(&p);
	t = cheapest(ping_pong, &p, 50);
	/* a turn is two writes, two reads and two switches; what no switch needs is taken away */
	report("context-switch", t / 2 - base);
	return 0;
}

/* Is the pattern in the file? The file is a console log: small, and growing. */
static int found(const char *file, const char *pattern)
{
	static char buf[1 << 20];
	int fd = open(file, O_RDONLY);
	ssize_t n;

	if (fd < 0)
		return 0;
	n = read(fd, buf, sizeof(buf));
	close(fd);
	return n > 0 && memmem(buf, n, pattern, strlen(pattern)) != NULL;
}

static int time_one(int argc, char **argv)
{
	uint64_t start = ticks();
	pid_t p;
	int status;

	(void)argc;
	p = fork();
	if (!p) {
		execvp(argv[1], argv + 1);
		_exit(127);
	}
	if (p < 0 || waitpid(p, &status, 0) != p)
		die("fork");
	printf("bench %s %llu\n", argv[0], (unsigned long long)(ticks() - start));
	return status != 0;
}

static int wait_for(int argc, char **argv)
{
	uint64_t start = ticks(), ran;
	int status, left;
	pid_t p;

	if (argc < 5 || strcmp(argv[3], "--"))
		return 2;
	left = atoi(argv[2]) * 1000;
	p = fork();
	if (!p) {
		execvp(argv[4], argv + 4);
		_exit(127);
	}
	if (p < 0 || waitpid(p, &status, 0) != p)
		die("fork");
	if (status) {
		fprintf(stderr, "dom0bench: %s ended with status %#x\n", argv[4], status);
		return 1;
	}
	ran = ticks();
	while (!found(argv[0], argv[1])) {
		if (left-- == 0) {
			fprintf(stderr, "dom0bench: no \"%s\" in %s\n", argv[1], argv[0]);
			return 1;
		}
		usleep(1000);
	}
	printf("bench create-command %llu\nbench create-first-line %llu\n",
	       (unsigned long long)(ran - start), (unsigned long long)(ticks() - start));
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "nothing"))
		return 0;
	if (argc == 2 && !strcmp(argv[1], "boot")) {
		printf("bench boot %llu\n", (unsigned long long)ticks());
		return 0;
	}
	if (argc > 3 && !strcmp(argv[1], "time"))
		return time_one(argc - 2, argv + 2);
	if (argc > 2 && !strcmp(argv[1], "wait"))
		return wait_for(argc - 2, argv + 2);
	return all(argv[0]);
}
