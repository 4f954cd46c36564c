/* SPDX-License-Identifier: BSD-2-Clause */
/* The console that every domain is born with. */
#ifndef FRONTEND_CONSOLE_H
#define FRONTEND_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ring: the page start_info names, mapped; port: its event channel. */
void console_init(void *ring, uint32_t port);
/* After a resume: the page and port that start_info names now. What was written and not read yet is
 * still in the page. */
void console_resume(void *ring, uint32_t port);
bool console_ready(void);

/* Waits while the ring is full, up to CONSOLE_PATIENCE_MS; after that, drops until the daemon reads
 * on. */
void console_write(const char *s, size_t n);
#define CONSOLE_PATIENCE_MS 5000
/* Waits (as long as above) until everything has been read by the other side. */
void console_drain(void);

/* What was typed, without waiting: the number of bytes. */
size_t console_read(char *buf, size_t n);
bool console_input(void *unused); /* is there any? fit for os_wait() */

#endif
