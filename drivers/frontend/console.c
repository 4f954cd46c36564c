/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Console ring: two byte queues with free-running indices in one shared page. The other side may
 * write any index it likes: what it says is read once and taken for nonsense if it is over a ring
 * away.
 */
#include "console.h"
#include "os.h"

#include <xen/io/console.h>

static struct xencons_interface *ring;
static evtchn_port_t port;
static bool stalled; /* nobody reads: do not wait again until somebody does */
static XENCONS_RING_IDX stalled_at;

static void woken(void *arg)
{
	(void)arg; /* waking up is all that is wanted */
}

void console_init(void *page, uint32_t evtchn)
{
	ring = page;
	port = evtchn;
	os_event_attach(port, woken, NULL);
}

void console_resume(void *page, uint32_t evtchn)
{
	stalled = false;
	console_init(page, evtchn);
	os_event_send(port);
}

bool console_ready(void)
{
	return ring != NULL;
}

static size_t out_room(void)
{
	XENCONS_RING_IDX cons = *(volatile XENCONS_RING_IDX *)&ring->out_cons;
	XENCONS_RING_IDX used = ring->out_prod - cons;

	return used > sizeof(ring->out) ? 0 : sizeof(ring->out) - used;
}

static bool has_room(void *arg)
{
	(void)arg;
	return out_room() > 0;
}

static bool is_empty(void *arg)
{
	(void)arg;
	return out_room() == sizeof(ring->out);
}

static void put(char c)
{
	if (out_room() == 0) {
		os_event_send(port);
		if (stalled && ring->out_cons == stalled_at)
			return;
		stalled = !os_wait(has_room, NULL, CONSOLE_PATIENCE_MS);
		stalled_at = ring->out_cons;
		if (stalled)
			return;
	}
	stalled = false; /* somebody reads again */
	ring->out[MASK_XENCONS_IDX(ring->out_prod, ring->out)] = c;
	xen_wmb(); /* the byte before the index that covers it */
	ring->out_prod++;
}

void console_write(const char *s, size_t n)
{
	if (!ring)
		return;
	for (; n; n--, s++) {
		if (*s == '\n')
			put('\r');
		put(*s);
	}
	xen_mb();
	os_event_send(port);
}

void console_drain(void)
{
	if (ring && !stalled)
		os_wait(is_empty, NULL, CONSOLE_PATIENCE_MS);
}

bool console_input(void *unused)
{
	(void)unused;
	return ring && *(volatile XENCONS_RING_IDX *)&ring->in_prod != ring->in_cons;
}

size_t console_read(char *buf, size_t n)
{
	XENCONS_RING_IDX cons, prod;
	size_t i;

	if (!ring)
		return 0;
	cons = ring->in_cons;
	prod = *(volatile XENCONS_RING_IDX *)&ring->in_prod;
	xen_rmb();			      /* the index before the bytes it covers */
	if (prod - cons > sizeof(ring->in)) { /* nonsense: take nothing, start over from there */
		ring->in_cons = prod;
		return 0;
	}
	for (i = 0; i < n && cons != prod; i++)
		buf[i] = ring->in[MASK_XENCONS_IDX(cons++, ring->in)];
	xen_mb(); /* the bytes before they may be overwritten */
	ring->in_cons = cons;
	if (i)
		os_event_send(port);
	return i;
}
