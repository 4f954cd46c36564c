/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What daemons log: a sentence for people, and what it is about for programs. The journal, where
 * there is one, gets these as fields (journalctl TORC_GUEST=web); a syslog gets them in brackets
 * behind the sentence.
 */
#ifndef TORC_COMMON_LOG_H
#define TORC_COMMON_LOG_H

#include <stdint.h>
#include <syslog.h>

struct log_about {
	const char *guest; /* TORC_GUEST, or NULL */
	uint32_t domid;	   /* TORC_DOMID, or 0 */
	const char *event; /* TORC_EVENT: one word, or NULL */
};

/* Once, before rights are given up. */
void log_start(const char *program);
/* priority as for syslog(); errno is kept. */
void log_say(int priority, const struct log_about *about, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
