/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One request at a time: written to the ring, then everything that arrives is read until its answer
 * is there. Watch events that come in between only mark their watch; store_run() calls its function
 * later, so that it may use the store itself.
 */
#include "os.h"
#include "store.h"

#include <xen/io/xs_wire.h>

static struct xenstore_domain_interface *ring;
static evtchn_port_t port;
static uint32_t last_id;
static bool broken; /* the stream lost its framing: nothing after it can be trusted */

static struct watch {
	char path[96];
	void (*fn)(void *arg);
	void *arg;
	bool fired;
} watches[STORE_WATCHES];

static struct xsd_sockmsg head; /* of the message last received */
static char body[XENSTORE_PAYLOAD_MAX + 1];

static const struct {
	const char *name;
	int value;
} errors[] = {
#define XEN_ERRNO(name, value) { #name, XEN_##name },
#include <xen/errno.h>
};

static void woken(void *arg)
{
	(void)arg;
}

void store_init(void *page, uint32_t evtchn)
{
	ring = page;
	port = evtchn;
	broken = false;
	os_event_attach(port, woken, NULL);
}

bool store_ready(void)
{
	return ring && !broken;
}

static uint32_t read_index(XENSTORE_RING_IDX *p)
{
	return *(volatile XENSTORE_RING_IDX *)p;
}

static bool can_send(void *arg)
{
	(void)arg;
	return ring->req_prod - read_index(&ring->req_cons) < XENSTORE_RING_SIZE;
}

static bool can_receive(void *arg)
{
	(void)arg;
	return read_index(&ring->rsp_prod) != ring->rsp_cons;
}

static int break_off(const char *why)
{
	if (!broken)
		os_log("store: %s; giving it up", why);
	broken = true;
	return -XEN_EIO;
}

static int send(const void *data, size_t n)
{
	const char *p = data;

	while (n) {
		if (!os_wait(can_send, NULL, STORE_PATIENCE_MS))
			return break_off("requests are not taken");
		xen_mb(); /* its index before our byte over what it has read */
		ring->req[MASK_XENSTORE_IDX(ring->req_prod)] = *p++;
		xen_wmb();
		ring->req_prod++;
		n--;
		if (!n || !can_send(NULL))
			os_event_send(port);
	}
	return 0;
}

static int receive(void *data, size_t n)
{
	char *p = data;
	XENSTORE_RING_IDX cons, prod;

	while (n) {
		if (!os_wait(can_receive, NULL, STORE_PATIENCE_MS))
			return break_off("no answer");
		cons = ring->rsp_cons;
		prod = read_index(&ring->rsp_prod);
		xen_rmb();
		if (prod - cons > XENSTORE_RING_SIZE)
			return break_off("its index is over a ring ahead");
		for (; n && cons != prod; n--)
			*p++ = ring->rsp[MASK_XENSTORE_IDX(cons++)];
		xen_mb();
		ring->rsp_cons = cons;
		os_event_send(port);
	}
	return 0;
}

static bool same(const char *a, const char *b)
{
	size_t n = strlen(a);

	return strlen(b) == n && memcmp(a, b, n) == 0;
}

/* path NUL token NUL: the token is the watch's number, the path may lie below its own. */
static void note_event(void)
{
	size_t n = strlen(body) + 1;
	unsigned int i = 0;
	const char *token = body + n;

	if (n >= head.len)
		return;
	while (*token >= '0' && *token <= '9')
		i = i * 10 + (*token++ - '0');
	if (i < STORE_WATCHES && watches[i].fn)
		watches[i].fired = true;
}

/* The next message into head and body, which ends up NUL-terminated. Events are noted: 1, answers:
 * 0. */
static int receive_message(void)
{
	int rc = receive(&head, sizeof(head));

	if (rc)
		return rc;
	if (head.len > XENSTORE_PAYLOAD_MAX)
		return break_off("an answer is longer than the protocol allows");
	rc = receive(body, head.len);
	if (rc)
		return rc;
	body[head.len] = '\0';
	if (head.type != XS_WATCH_EVENT)
		return 0;
	note_event();
	return 1;
}

static int error_of(const char *name)
{
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (same(errors[i].name, name))
			return -errors[i].value;
	return -XEN_EIO;
}

/* A request of up to three parts. The answer is in body, its length is returned. */
struct part {
	const void *p;
	size_t n;
};

static int request(uint32_t type, store_txn_t t, struct part a, struct part b)
{
	struct xsd_sockmsg rq = { .type = type, .req_id = ++last_id, .tx_id = t, .len = a.n + b.n };
	int rc;

	if (!ring || broken)
		return -XEN_EIO;
	if (rq.len > XENSTORE_PAYLOAD_MAX)
		return -XEN_E2BIG;
	if ((rc = send(&rq, sizeof(rq))) || (rc = send(a.p, a.n)) || (rc = send(b.p, b.n)))
		return rc;
	do {
		rc = receive_message();
		if (rc < 0)
			return rc;
	} while (rc == 1 || head.req_id != rq.req_id);
	if (head.type == XS_ERROR)
		return error_of(body);
	return head.type == type ? (int)head.len : break_off("an answer of another type");
}

static struct part text(const char *s) /* with its NUL, as paths go */
{
	return (struct part){ s, strlen(s) + 1 };
}

static const struct part none;

static int keep(int n, char *buf, size_t size)
{
	if (n < 0)
		return n;
	if ((size_t)n + 1 > size)
		return -XEN_E2BIG;
	memcpy(buf, body, n + 1);
	return n;
}

int store_read(store_txn_t t, const char *path, char *buf, size_t size)
{
	return keep(request(XS_READ, t, text(path), none), buf, size);
}

int store_list(store_txn_t t, const char *path, char *buf, size_t size)
{
	return keep(request(XS_DIRECTORY, t, text(path), none), buf, size);
}

int store_read_number(store_txn_t t, const char *path, uint64_t *val)
{
	char buf[24];
	int n = store_read(t, path, buf, sizeof(buf));
	uint64_t v = 0;

	if (n < 0)
		return n;
	for (int i = 0; i < n; i++) {
		unsigned int digit = buf[i] - '0';

		if (digit > 9 || v > UINT64_MAX / 10 || v * 10 + digit < digit)
			return -XEN_EINVAL;
		v = v * 10 + digit;
	}
	*val = v;
	return n ? 0 : -XEN_EINVAL;
}

int store_write(store_txn_t t, const char *path, const char *val)
{
	int n = request(XS_WRITE, t, text(path), (struct part){ val, strlen(val) });

	return n < 0 ? n : 0;
}

int store_writef(store_txn_t t, const char *path, const char *fmt, ...)
{
	char val[128];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = os_vformat(val, sizeof(val), fmt, ap);
	va_end(ap);
	return n < (int)sizeof(val) ? store_write(t, path, val) : -XEN_E2BIG;
}

int store_remove(store_txn_t t, const char *path)
{
	int n = request(XS_RM, t, text(path), none);

	return n < 0 ? n : 0;
}

int store_begin(store_txn_t *t)
{
	int n = request(XS_TRANSACTION_START, 0, text(""), none);
	store_txn_t id = 0;

	if (n < 0)
		return n;
	for (char *p = body; *p >= '0' && *p <= '9'; p++)
		id = id * 10 + (*p - '0');
	*t = id;
	return id ? 0 : break_off("a transaction without a number");
}

int store_end(store_txn_t t, bool commit)
{
	int n = request(XS_TRANSACTION_END, t, text(commit ? "T" : "F"), none);

	return n < 0 ? n : 0;
}

static struct watch *find_watch(const char *path, void (*fn)(void *), void *arg)
{
	for (int i = 0; i < STORE_WATCHES; i++)
		if (watches[i].fn == fn && watches[i].arg == arg &&
		    (!fn || same(watches[i].path, path)))
			return &watches[i];
	return NULL;
}

static int watch_set(struct watch *w)
{
	char token[12];
	int n;

	os_format(token, sizeof(token), "%u", (unsigned int)(w - watches));
	n = request(XS_WATCH, 0, text(w->path), text(token));
	return n < 0 ? n : 0;
}

/* What it was told of meanwhile concerns nobody any more. */
static void watch_forget(struct watch *w)
{
	w->fn = NULL, w->arg = NULL;
	w->fired = false;
}

int store_watch(const char *path, void (*fn)(void *arg), void *arg)
{
	struct watch *w = find_watch(NULL, NULL, NULL);
	int rc;

	if (!w)
		return -XEN_ENOSPC;
	if (strlen(path) >= sizeof(w->path))
		return -XEN_E2BIG;
	memcpy(w->path, path, strlen(path) + 1);
	w->fn = fn;
	w->arg = arg;
	w->fired = false;
	rc = watch_set(w);
	if (rc)
		watch_forget(w);
	return rc;
}

int store_resume(void *page, uint32_t evtchn)
{
	int rc, first = 0;

	store_init(page, evtchn);
	for (int i = 0; i < STORE_WATCHES; i++) {
		if (!watches[i].fn)
			continue;
		rc = watch_set(&watches[i]);
		if (!first)
			first = rc;
	}
	return first;
}

int store_unwatch(const char *path, void (*fn)(void *arg), void *arg)
{
	struct watch *w = find_watch(path, fn, arg);
	char token[12];
	int n;

	if (!w)
		return -XEN_ENOENT;
	os_format(token, sizeof(token), "%u", (unsigned int)(w - watches));
	n = request(XS_UNWATCH, 0, text(path), text(token));
	watch_forget(w);
	return n < 0 ? n : 0;
}

bool store_pending(void *unused)
{
	(void)unused;
	if (!ring || broken)
		return false;
	for (int i = 0; i < STORE_WATCHES; i++)
		if (watches[i].fired)
			return true;
	return can_receive(NULL);
}

void store_run(void)
{
	if (!ring || broken)
		return;
	while (can_receive(NULL))
		if (receive_message() < 0)
			return;
	for (int i = 0; i < STORE_WATCHES; i++) {
		if (!watches[i].fired)
			continue;
		watches[i].fired = false;
		watches[i].fn(watches[i].arg);
	}
}
