/* SPDX-License-Identifier: BSD-2-Clause */
/* The portable frontends' needs (drivers/frontend/os.h), met by this kernel. */
#include "drivers/frontend/os.h"
#include "event.h"
#include "grant.h"
#include "lib.h"
#include "mm.h"
#include "os_events.h"
#include "print.h"
#include "timer.h"

#define PORTS 64

static struct {
	evtchn_port_t port;
	void (*fn)(void *arg);
	void *arg;
} bound[PORTS];

void *os_page_alloc(void)
{
	return pages_free() ? page_alloc() : NULL;
}

void os_page_free(void *page)
{
	page_free(page);
}

int os_grant(domid_t dom, const void *page, bool readonly)
{
	return grant_access(dom, page, readonly);
}

int os_grant_end(grant_ref_t ref)
{
	return grant_end(ref);
}

static void relay(evtchn_port_t port, void *arg)
{
	unsigned long i = (unsigned long)arg;

	(void)port;
	bound[i].fn(bound[i].arg);
}

void os_event_attach(evtchn_port_t port, void (*fn)(void *arg), void *arg)
{
	for (unsigned long i = 0; i < PORTS; i++) {
		if (bound[i].fn && bound[i].port != port)
			continue;
		bound[i].port = port;
		bound[i].fn = fn;
		bound[i].arg = arg;
		event_handler(port, relay, (void *)i);
		return;
	}
	panic("more than %u event channels", PORTS);
}

int os_event_open(domid_t dom, void (*fn)(void *arg), void *arg)
{
	int port = event_alloc_unbound(dom);

	if (port >= 0)
		os_event_attach(port, fn, arg);
	return port;
}

void os_event_close(evtchn_port_t port)
{
	event_close(port);
	for (int i = 0; i < PORTS; i++)
		if (bound[i].fn && bound[i].port == port)
			bound[i].fn = NULL;
}

void os_events_forget(void)
{
	for (int i = 0; i < PORTS; i++)
		bound[i].fn = NULL;
}

void os_event_send(evtchn_port_t port)
{
	event_send(port);
}

bool os_wait(bool (*done)(void *arg), void *arg, unsigned int ms)
{
	return event_wait_for(done, arg, ms ? now() + ms * MS : 0);
}

void os_log(const char *fmt, ...)
{
	char line[256];
	va_list ap;

	va_start(ap, fmt);
	format(line, sizeof(line), fmt, ap);
	va_end(ap);
	print("%s\n", line);
}

int os_format(char *buf, size_t size, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = format(buf, size, fmt, ap);
	va_end(ap);
	return n;
}

int os_vformat(char *buf, size_t size, const char *fmt, va_list ap)
{
	return format(buf, size, fmt, ap);
}
