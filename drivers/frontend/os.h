/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * All that a guest kernel has to supply for the frontends in this folder, besides memcpy, memset,
 * memcmp and strlen. The frontends are written for one thread of control: an event's function runs
 * at interrupt level and may do nothing but note that it ran; everything else is called from the
 * kernel's own context, never from two at once.
 *
 * A suspend is the kernel's own: between two calls into this folder, it drains the console,
 * suspends, and on the other side has an empty grant table and no event channels but those that
 * start_info names. Then, in this order: store_resume(), console_resume(), blk_resume() and
 * net_resume() of each device. A suspend that was called off changes nothing, and needs none of it.
 */
#ifndef FRONTEND_OS_H
#define FRONTEND_OS_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Rings: x86 keeps loads in order among loads and stores among stores; only the compiler must be
 * told. */
#define xen_mb()  __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define xen_rmb() __asm__ volatile("" ::: "memory")
#define xen_wmb() __asm__ volatile("" ::: "memory")

#include <xen/xen.h>
#include <xen/errno.h>
#include <xen/event_channel.h>
#include <xen/grant_table.h>

void *memcpy(void *to, const void *from, size_t n);
void *memset(void *p, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
size_t strlen(const char *s);

#define OS_PAGE_SIZE 4096

/* A zeroed page, or NULL. Both take and give page-aligned addresses. */
void *os_page_alloc(void);
void os_page_free(void *page);

/* Lets dom use the page: a reference, or a negative error. Ending fails with -XEN_EBUSY while it is
 * mapped. */
int os_grant(domid_t dom, const void *page, bool readonly);
int os_grant_end(grant_ref_t ref);

/* A channel that dom may bind to. fn(arg) is called on its events. A port, or a negative error. */
int os_event_open(domid_t dom, void (*fn)(void *arg), void *arg);
/* The same for a channel that the domain was born with. */
void os_event_attach(evtchn_port_t port, void (*fn)(void *arg), void *arg);
void os_event_close(evtchn_port_t port);
void os_event_send(evtchn_port_t port);

/* Sleeps until done(arg), which is asked again after each event, or until ms have passed (0:
 * forever). */
bool os_wait(bool (*done)(void *arg), void *arg, unsigned int ms);

/* One line, without the newline. */
void os_log(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* snprintf with %s %c %d %u %x and their l forms. */
int os_format(char *buf, size_t size, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
int os_vformat(char *buf, size_t size, const char *fmt, va_list ap);

#endif
