/* SPDX-License-Identifier: BSD-2-Clause */
/* The hypervisor's console: serial line, VGA text until dom0 takes it, a ring that dmesg reads. Any
 * context may print. */
#ifndef TORC_CONSOLE_H
#define TORC_CONSOLE_H

#include <torc/lib.h>

enum log_level { LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG };
void log_err(const char *fmt, ...) __printf(1, 2);
void log_warn(const char *fmt, ...) __printf(1, 2);
void log_info(const char *fmt, ...) __printf(1, 2);
void log_debug(const char *fmt, ...) __printf(1, 2);
/* About a guest or by its doing: rate-limited, governed by guest_loglvl=, prefixed with d%u. */
void log_guest(unsigned int domid, enum log_level l, const char *fmt, ...) __printf(3, 4);

/* raw: a domain's own output (console_io), not limited */
void console_write(const char *s, size_t n);
size_t console_read(char *buf, size_t n); /* input meant for the control domain; VIRQ_CONSOLE says
					     there is some */
/* The log's ring for XEN_SYSCTL_readconsole: copies from index *at, advances it; clear drops what
 * is read. */
size_t console_ring_read(char *buf, size_t n, uint32_t *at, bool clear);
void console_init_early(void); /* com1 at its usual port until the command line is read */
void console_init(const char *console_opt, const char *com1_opt, const char *loglvl,
		  const char *guest_loglvl);
void console_init_irq(void); /* interrupts are routed: serial input by them */
void console_bust(void);     /* panicking: the lock is waited for no longer */
void console_set_owner(bool dom0_has_vga);
extern void (*console_input_notify)(void); /* set by evtchn: raises VIRQ_CONSOLE */

#endif
