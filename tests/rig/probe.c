/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * probe: what scenarios in dom0 ask the hypervisor that no tool prints.
 *
 *   probe free               free pages, to the page
 *   probe memory             the same, and dom0's pages
 *   probe call NR [ARG...]   a hypercall with these numbers as arguments; prints what came back
 *   probe fuzz SEED COUNT    hypercalls with arguments drawn from SEED, none of which may do more
 *                            harm than an error; prints how many came back
 *   probe echo ADDRESS       UDP packets of many sizes to port 7 there; prints how many came
 *                            back whole
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <xen/xen.h>
#include <xen/domctl.h>
#include <xen/sysctl.h>
#include <xencall.h>

#define MAX_ARGS 5

static xencall_handle *door;

static int usage(void)
{
	fprintf(stderr,
		"usage: probe free | memory | call NR [ARG...] | fuzz SEED COUNT | echo ADDRESS\n");
	return 2;
}

/* One sysctl; the result is in *op. */
static int sysctl(struct xen_sysctl *op, uint32_t cmd)
{
	op->cmd = cmd;
	op->interface_version = XEN_SYSCTL_INTERFACE_VERSION;
	if (xencall1(door, __HYPERVISOR_sysctl, (uintptr_t)op) == 0)
		return 0;
	fprintf(stderr, "probe: sysctl %u: %s\n", cmd, strerror(errno));
	return -1;
}

static void *buffer(size_t size)
{
	void *p = xencall_alloc_buffer(door, size);

	if (!p) {
		perror("probe: hypercall buffer");
		exit(1);
	}
	return memset(p, 0, size);
}

static int print_free(void)
{
	struct xen_sysctl *op = buffer(sizeof(*op));
	int rc = sysctl(op, XEN_SYSCTL_physinfo);

	if (rc == 0)
		printf("%" PRIu64 "\n", (uint64_t)op->u.physinfo.free_pages);
	xencall_free_buffer(door, op);
	return rc ? 1 : 0;
}

static int print_memory(void)
{
	struct xen_sysctl *op = buffer(sizeof(*op));
	struct xen_domctl_getdomaininfo *dom0 = buffer(sizeof(*dom0));
	int rc = print_free();

	op->u.getdomaininfolist.max_domains = 1;
	set_xen_guest_handle(op->u.getdomaininfolist.buffer, dom0);
	if (rc == 0)
		rc = sysctl(op, XEN_SYSCTL_getdomaininfolist);
	if (rc == 0)
		printf("%" PRIu64 "\n", (uint64_t)dom0->tot_pages);
	xencall_free_buffer(door, dom0);
	xencall_free_buffer(door, op);
	return rc ? 1 : 0;
}

static long call(uint64_t nr, const uint64_t *a)
{
	long rc = xencall5(door, nr, a[0], a[1], a[2], a[3], a[4]);

	return rc < 0 ? -errno : rc;
}

static int raw_call(int argc, char **argv)
{
	uint64_t a[MAX_ARGS] = { 0 };
	int i;

	if (argc < 1 || argc > 1 + MAX_ARGS)
		return usage();
	for (i = 1; i < argc; i++)
		a[i - 1] = strtoull(argv[i], NULL, 0);
	printf("%ld\n", call(strtoull(argv[0], NULL, 0), a));
	return 0;
}

static uint64_t draw(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/*
 * Arguments that tend to matter: small numbers, all ones, addresses on the edges of what is mapped
 * and of what exists. Calls that would rightly take dom0 down are left out: to exit, to be put to
 * sleep, to lose its page tables, tables or callbacks.
 */
static uint64_t hostile(uint64_t *state)
{
	static const uint64_t odd[] = {
		0,
		1,
		~0ull,
		0x7ff0,
		0x7ffffffff000ull,
		0x800000000000ull,
		0xffff7fffffffffffull,
		0xffff800000000000ull,
		0xffff82d080000000ull,
		0xffff880000000000ull,
		0xffffffffffffff80ull,
		0xdeadbeef,
		0x80000000,
		1ull << 52,
	};
	uint64_t r = draw(state);

	switch (r & 3) {
	case 0: return (r >> 8) & 0x3f;
	case 1: return odd[(r >> 8) % (sizeof(odd) / sizeof(*odd))];
	case 2: return odd[(r >> 8) % (sizeof(odd) / sizeof(*odd))] + ((r >> 40) & 0xff) - 0x80;
	default: return r;
	}
}

static int fuzz(int argc, char **argv)
{
	static const uint8_t calls[] = {
		__HYPERVISOR_update_descriptor,
		__HYPERVISOR_memory_op,
		__HYPERVISOR_get_debugreg,
		__HYPERVISOR_xen_version,
		__HYPERVISOR_console_io,
		__HYPERVISOR_grant_table_op,
		__HYPERVISOR_event_channel_op,
		__HYPERVISOR_physdev_op,
		__HYPERVISOR_sysctl,
		__HYPERVISOR_domctl,
		__HYPERVISOR_platform_op,
		__HYPERVISOR_mmuext_op,
		__HYPERVISOR_hvm_op,
		__HYPERVISOR_xsm_op,
		__HYPERVISOR_tmem_op,
		63,
		64,
		200,
	};
	uint64_t state, count, i, n, errors = 0;

	if (argc != 2)
		return usage();
	state = strtoull(argv[0], NULL, 0) * 2 + 1;
	count = strtoull(argv[1], NULL, 0);
	for (i = 0; i < count; i++) {
		uint64_t nr = calls[draw(&state) % sizeof(calls)], a[MAX_ARGS];

		for (n = 0; n < MAX_ARGS; n++)
			a[n] = hostile(&state);
		/* a command that works on its caller with no argument to be wrong, or takes no
		 * pointer */
		if (nr == __HYPERVISOR_console_io)
			a[0] = 2 + (a[0] & 0xff);
		if (call(nr, a) < 0)
			errors++;
	}
	printf("%" PRIu64 " calls came back, %" PRIu64 " with an error\n", count, errors);
	return 0;
}

#define ECHOES 50

static int echo(const char *address)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(7) };
	struct timeval patience = { 1, 0 };
	int fd = socket(AF_INET, SOCK_DGRAM, 0), i, back = 0, tries;
	uint8_t out[1472], in[1472];
	ssize_t len;

	if (fd < 0 || inet_pton(AF_INET, address, &a.sin_addr) != 1 ||
	    connect(fd, (struct sockaddr *)&a, sizeof(a)) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience))) {
		perror("probe: echo");
		return 1;
	}
	for (i = 0; i < ECHOES; i++) {
		len = 1 + i * 29;
		memset(out, i + 1, (size_t)len);
		for (tries = 0; tries < 20; tries++) { /* a packet may be lost */
			if (send(fd, out, (size_t)len, 0) == len &&
			    recv(fd, in, sizeof(in), 0) == len && !memcmp(in, out, (size_t)len)) {
				back++;
				break;
			}
		}
	}
	printf("%d of %d\n", back, ECHOES);
	close(fd);
	return back != ECHOES;
}

int main(int argc, char **argv)
{
	int rc;

	if (argc < 2)
		return usage();
	if (argc == 3 && !strcmp(argv[1], "echo"))
		return echo(argv[2]);
	door = xencall_open(NULL, 0);
	if (!door) {
		perror("probe: no way to the hypervisor");
		return 1;
	}
	if (!strcmp(argv[1], "free"))
		rc = print_free();
	else if (!strcmp(argv[1], "memory"))
		rc = print_memory();
	else if (!strcmp(argv[1], "call"))
		rc = raw_call(argc - 2, argv + 2);
	else if (!strcmp(argv[1], "fuzz"))
		rc = fuzz(argc - 2, argv + 2);
	else
		rc = usage();
	xencall_close(door);
	return rc;
}
