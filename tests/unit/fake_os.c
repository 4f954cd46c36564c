/* SPDX-License-Identifier: BSD-2-Clause */
/* A kernel for the portable frontends (fake_os.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/fake_os.h"

struct fake_os fake_os;

void fake_os_reset(void)
{
	fake_os = (struct fake_os){ .grants_max = FAKE_OS_GRANTS };
}

void fake_os_moved(void)
{
	memset(fake_os.granted, 0, sizeof(fake_os.granted));
	fake_os.grants = fake_os.ports = 0;
}

void *os_page_alloc(void)
{
	void *p = aligned_alloc(OS_PAGE_SIZE, OS_PAGE_SIZE);

	assert_non_null(p);
	fake_os.pages++;
	return memset(p, 0, OS_PAGE_SIZE);
}

void os_page_free(void *page)
{
	fake_os.pages--;
	free(page);
}

int os_grant(domid_t dom, const void *page, bool readonly)
{
	(void)dom, (void)readonly;
	for (int i = 8; i < FAKE_OS_GRANTS && fake_os.grants < fake_os.grants_max; i++) {
		if (fake_os.granted[i])
			continue;
		fake_os.granted[i] = (void *)page;
		fake_os.grants++;
		return i;
	}
	return -XEN_ENOSPC;
}

int os_grant_end(grant_ref_t ref)
{
	assert_true(ref < FAKE_OS_GRANTS && fake_os.granted[ref]);
	if (fake_os.mapped)
		return -XEN_EBUSY;
	fake_os.granted[ref] = NULL;
	fake_os.grants--;
	return 0;
}

int os_event_open(domid_t dom, void (*fn)(void *), void *arg)
{
	(void)dom, (void)fn, (void)arg;
	return 40 + (int)fake_os.ports++;
}

void os_event_attach(evtchn_port_t port, void (*fn)(void *), void *arg)
{
	(void)port, (void)fn, (void)arg;
}

void os_event_close(evtchn_port_t port)
{
	assert_true(port >= 40 && fake_os.ports);
	fake_os.ports--;
}

void os_event_send(evtchn_port_t port)
{
	(void)port;
	fake_os_peer();
}

bool os_wait(bool (*done)(void *), void *arg, unsigned int ms)
{
	(void)ms;
	for (int i = 0; i < 4 && !done(arg); i++)
		fake_os_peer();
	return done(arg);
}

void os_log(const char *fmt, ...)
{
	(void)fmt;
}

int os_format(char *buf, size_t size, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(buf, size, fmt, ap);
	va_end(ap);
	return n;
}

int os_vformat(char *buf, size_t size, const char *fmt, va_list ap)
{
	return vsnprintf(buf, size, fmt, ap);
}
