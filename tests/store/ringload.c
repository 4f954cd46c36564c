/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A guest that saves events as Linux does, at full speed: one for a request's part only if the
 * store had taken all before it, one for answers only if the ring was full. Every so often it has a
 * whole queue of requests under way. Fails if an answer does not come within two seconds: then an
 * event was lost between the two.
 *
 * usage: ringload DIRECTORY-OF-FAKEXEN DOMAIN REQUESTS
 */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <xen/io/xs_wire.h>

static struct xenstore_domain_interface *ring;
static const char *dir;
static unsigned domid;
static int ear, mouth;
static struct sockaddr_un store = { .sun_family = AF_UNIX };
static uint32_t answers;
static char in[8192];
static size_t have;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void kick(void)
{
	char port[16];

	sendto(mouth, port, snprintf(port, sizeof(port), "%u", 1000 + domid), 0,
	       (struct sockaddr *)&store, sizeof(store));
}

static void wait_event(uint32_t wanted)
{
	struct pollfd p = { .fd = ear, .events = POLLIN };
	char junk[16];

	if (poll(&p, 1, 60000) == 0) {
		fprintf(stderr, "no event for a minute: %u answers of %u; req %u/%u rsp %u/%u\n",
			answers, wanted, ring->req_cons, ring->req_prod, ring->rsp_cons,
			ring->rsp_prod);
		exit(1);
	}
	while (recv(ear, junk, sizeof(junk), MSG_DONTWAIT) > 0)
		;
}

/* Take all that is there and count the answers. */
static void drain(void)
{
	uint32_t cons = ring->rsp_cons, prod = __atomic_load_n(&ring->rsp_prod, __ATOMIC_ACQUIRE), i;
	struct xsd_sockmsg h;

	for (i = cons; i != prod; i++)
		in[have++] = ring->rsp[MASK_XENSTORE_IDX(i)];
	__atomic_store_n(&ring->rsp_cons, prod, __ATOMIC_SEQ_CST);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (__atomic_load_n(&ring->rsp_prod, __ATOMIC_SEQ_CST) - cons >= XENSTORE_RING_SIZE)
		kick();
	while (have >= sizeof(h)) {
		memcpy(&h, in, sizeof(h));
		if (have < sizeof(h) + h.len)
			return;
		if (h.type == XS_ERROR || h.req_id != answers) {
			fprintf(stderr, "answer %u: type %u, request %u\n", answers, h.type,
				h.req_id);
			exit(1);
		}
		answers++;
		have -= sizeof(h) + h.len;
		memmove(in, in + sizeof(h) + h.len, have);
	}
}

static void put(const void *p, uint32_t len, uint32_t wanted)
{
	const char *s = p;

	while (len) {
		uint32_t prod = ring->req_prod, room = XENSTORE_RING_SIZE - (prod - ring->req_cons),
			 n = len, i;

		if (!room) {
			drain();
			if (XENSTORE_RING_SIZE ==
			    prod - __atomic_load_n(&ring->req_cons, __ATOMIC_ACQUIRE))
				wait_event(wanted);
			continue;
		}
		if (n > room)
			n = room;
		for (i = 0; i < n; i++)
			ring->req[MASK_XENSTORE_IDX(prod + i)] = *s++;
		__atomic_store_n(&ring->req_prod, prod + n, __ATOMIC_RELEASE);
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		if (__atomic_load_n(&ring->req_cons, __ATOMIC_SEQ_CST) == prod)
			kick();
		len -= n;
	}
}

static void request(uint32_t id)
{
	static const uint32_t sizes[] = { 5, 5, 5, 60, 900, 5, 1500 };
	char body[2048] = "data/x";
	struct xsd_sockmsg h = { .type = id % 3 ? XS_READ : XS_WRITE, .req_id = id };

	h.len = id % 3 ? 7 : 7 + sizes[id % 7];
	memset(body + 7, 'v', sizeof(body) - 7);
	put(&h, sizeof(h), id);
	put(body, h.len, id);
}

int main(int argc, char **argv)
{
	struct sockaddr_un mine = { .sun_family = AF_UNIX };
	unsigned long n, i, queue;
	char path[100];
	int fd;

	if (argc != 4)
		return 2;
	dir = argv[1];
	domid = atoi(argv[2]);
	n = strtoul(argv[3], NULL, 10);
	snprintf(path, sizeof(path), "%s/rings.0", dir);
	fd = open(path, O_RDWR);
	ring = fd < 0 ? MAP_FAILED :
			mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, domid * 4096l);
	if (ring == MAP_FAILED)
		die(path);
	snprintf(store.sun_path, sizeof(store.sun_path), "%s/store.0", dir);
	snprintf(mine.sun_path, sizeof(mine.sun_path), "%s/dom.%u", dir, domid);
	unlink(mine.sun_path);
	ear = socket(AF_UNIX, SOCK_DGRAM, 0);
	mouth = socket(AF_UNIX, SOCK_DGRAM, 0);
	if (bind(ear, (struct sockaddr *)&mine, sizeof(mine)))
		die(mine.sun_path);
	for (i = 0; i < n;) {
		queue = i % 50 ? 1 : 20;
		for (; queue && i < n; queue--)
			request(i++);
		while (drain(), answers < i)
			if (ring->rsp_cons == __atomic_load_n(&ring->rsp_prod, __ATOMIC_ACQUIRE))
				wait_event(i);
	}
	printf("%u requests answered\n", answers);
	return 0;
}
